// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Handling of failed allocations: an exception if the size comes from outside, a reserve for all others.
//!
//! Rust ends the process when an allocation fails that is not asked for with `try_reserve`. Strings, arrays and buffers, whose
//! size a daemon or a script decides, are allocated here, and their failure unwinds to [`super::enter`]. Everything else is
//! small, and comes from a reserve when malloc has nothing left, as exceptions in C++ do.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The payload of the unwinding: the number of bytes or elements that could not be allocated.
pub struct NoMemory(pub usize);

/// Unwinds to the method that is running, which throws.
#[cold]
#[inline(never)]
pub fn exhausted(count: usize) -> ! {
    // Without the panic hook, which would print something.
    std::panic::resume_unwind(Box::new(NoMemory(count)))
}

/// An empty vector with room for `count` elements.
#[inline]
pub fn with_room<T>(count: usize) -> Vec<T> {
    // Not by `try_reserve_exact`, which costs as much as malloc.
    let Ok(layout) = Layout::array::<T>(count) else { exhausted(count) };
    if layout.size() == 0 {
        return Vec::new();
    }
    // SAFETY: the layout has a size.
    let room = unsafe { std::alloc::alloc(layout) };
    if room.is_null() {
        exhausted(count);
    }
    // SAFETY: just allocated with the layout of so many, and none is there yet.
    unsafe { Vec::from_raw_parts(room.cast(), 0, count) }
}

/// To be called after each part of a result of which there may be many, even if each is small: unwinds when half of the reserve is
/// used. The other half is for what cannot fail.
#[inline]
pub fn check(count: usize) {
    if TAKEN[WORDS / 2].load(Ordering::Relaxed) != 0 {
        exhausted(count);
    }
}

/// The same of an iterator's elements, which has to know how many there are, at most.
pub fn collected<T>(elements: impl Iterator<Item = T>) -> Vec<T> {
    collected_and(0, elements)
}

/// The same, with room for so many more.
pub fn collected_and<T>(more: usize, elements: impl Iterator<Item = T>) -> Vec<T> {
    let (least, most) = elements.size_hint();
    let count = most.unwrap_or(least);
    let mut vector: Vec<T> = with_room(count.saturating_add(more));
    for (index, element) in elements.take(count).enumerate() {
        // SAFETY: there is room for `count`, and more.
        let place = unsafe { vector.as_mut_ptr().add(index) };
        // SAFETY: as above; nothing is there yet.
        unsafe { place.write(element) };
        // SAFETY: so many were written.
        unsafe { vector.set_len(index + 1) };
        check(count);
    }
    vector
}

/// The same of results: the elements, or the first error.
pub fn all<T, E>(results: impl Iterator<Item = Result<T, E>>) -> Result<Vec<T>, E> {
    let (least, most) = results.size_hint();
    let mut vector: Vec<T> = with_room(most.unwrap_or(least));
    let (mut room, mut count) = (vector.spare_capacity_mut().iter_mut(), 0);
    for result in results {
        match (result, room.next()) {
            (Ok(element), Some(place)) => {
                place.write(element);
                count += 1;
            }
            (Err(error), _) => {
                // SAFETY: so many were written.
                unsafe { vector.set_len(count) };
                return Err(error);
            }
            (Ok(_), None) => break, // there are no more than the iterator says
        }
    }
    // SAFETY: so many were written.
    unsafe { vector.set_len(count) };
    Ok(vector)
}

/// A copy of bytes.
#[inline]
pub fn copy(bytes: &[u8]) -> Box<[u8]> {
    let mut vector = with_room(bytes.len());
    vector.extend_from_slice(bytes);
    vector.into_boxed_slice()
}

/// malloc, and behind it the reserve.
struct WithReserve;

#[global_allocator]
static ALLOCATOR: WithReserve = WithReserve;

/// The largest that the reserve serves, and what it is made of.
const SMALL: usize = 4096;
const SLOT: usize = 128;
/// A block lies within one word, of which the largest takes 32 bits.
const BITS: usize = usize::BITS as usize;
const WORDS: usize = 8192 / BITS;
const SIZE: usize = WORDS * BITS * SLOT;

#[repr(align(128))]
struct Memory(UnsafeCell<[u8; SIZE]>);

// SAFETY: a slot belongs to the caller that has set its bit in TAKEN.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new([0; SIZE]));
static TAKEN: [AtomicUsize; WORDS] = [const { AtomicUsize::new(0) }; WORDS];

/// The bits of so many slots, the first of which is `start`.
fn mask(start: usize, slots: usize) -> usize {
    (usize::MAX >> (BITS - slots)) << start
}

/// Where in the reserve an address is.
#[inline]
fn offset(pointer: *mut u8) -> Option<usize> {
    let offset = (pointer as usize).wrapping_sub(MEMORY.0.get() as usize);
    (offset < SIZE).then_some(offset)
}

/// A block of the reserve; NULL if it is too large or there is none left.
#[cold]
#[inline(never)]
fn reserved(layout: Layout) -> *mut u8 {
    if layout.size() == 0 || layout.size() > SMALL || layout.align() > SLOT {
        return std::ptr::null_mut();
    }
    let slots = layout.size().div_ceil(SLOT);
    for (index, word) in TAKEN.iter().enumerate() {
        let mut taken = word.load(Ordering::Relaxed);
        let mut start = 0;
        while start + slots <= BITS {
            let wanted = mask(start, slots);
            if taken & wanted != 0 {
                start += 1;
                continue;
            }
            match word.compare_exchange(taken, taken | wanted, Ordering::Acquire, Ordering::Relaxed) {
                // SAFETY: the slots lie within the memory.
                Ok(_) => return unsafe { MEMORY.0.get().cast::<u8>().add((index * BITS + start) * SLOT) },
                Err(now) => taken = now,
            }
        }
    }
    std::ptr::null_mut()
}

#[cold]
#[inline(never)]
fn give_back(offset: usize, size: usize) {
    let slot = offset / SLOT;
    TAKEN[slot / BITS].fetch_and(!mask(slot % BITS, size.div_ceil(SLOT)), Ordering::Release);
}

/// Moves a block.
///
/// # Safety
/// As for [`GlobalAlloc::realloc`].
#[cold]
#[inline(never)]
unsafe fn moved(pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise: the size does not overflow, and the alignment is that of a layout.
    let enough = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
    // SAFETY: the caller's promise: the size is not 0.
    let new = unsafe { ALLOCATOR.alloc(enough) };
    if !new.is_null() {
        // SAFETY: two different blocks, each at least as large as the smaller size.
        unsafe { std::ptr::copy_nonoverlapping(pointer, new, layout.size().min(size)) };
        // SAFETY: the caller's block and layout; it is not used again.
        unsafe { ALLOCATOR.dealloc(pointer, layout) };
    }
    new
}

// SAFETY: the system's allocator, and blocks of our own that are not handed out twice: a slot's bit is set as long.
unsafe impl GlobalAlloc for WithReserve {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let pointer = unsafe { System.alloc(layout) };
        if pointer.is_null() { reserved(layout) } else { pointer }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        if !pointer.is_null() {
            return pointer;
        }
        let pointer = reserved(layout);
        if !pointer.is_null() {
            // SAFETY: a block of that size.
            unsafe { pointer.write_bytes(0, layout.size()) };
        }
        pointer
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match offset(pointer) {
            Some(offset) => give_back(offset, layout.size()),
            // SAFETY: not from the reserve, so from the system's allocator.
            None => unsafe { System.dealloc(pointer, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if offset(pointer).is_none() {
            // SAFETY: not from the reserve, so from the system's allocator.
            let new = unsafe { System.realloc(pointer, layout, size) };
            if !new.is_null() || size > SMALL {
                return new;
            }
        }
        // SAFETY: the caller's promise.
        unsafe { moved(pointer, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_gives_each_slot_once_and_takes_it_back() {
        let layout = |size| Layout::from_size_align(size, 8).unwrap();
        assert!(reserved(layout(SMALL + 1)).is_null());
        let sizes = [1, SLOT, SLOT + 1, SMALL];
        for _ in 0..3 {
            let mut blocks = Vec::new();
            for size in sizes.iter().cycle() {
                let block = reserved(layout(*size));
                if block.is_null() {
                    break;
                }
                // The other half counts for other tests that run now (`check`).
                if offset(block).is_some_and(|offset| offset > SIZE / 2 - 2 * SMALL) {
                    // SAFETY: a block of the reserve, with its own layout.
                    unsafe { ALLOCATOR.dealloc(block, layout(*size)) };
                    break;
                }
                // SAFETY: a block of that size.
                unsafe { block.write_bytes(blocks.len() as u8, *size) };
                blocks.push((block, *size));
            }
            assert!(blocks.len() > 40, "{} blocks", blocks.len());
            for (index, &(block, size)) in blocks.iter().enumerate() {
                // SAFETY: written above.
                let bytes = unsafe { std::slice::from_raw_parts(block, size) };
                assert!(bytes.iter().all(|&byte| byte == index as u8), "block {index} is nobody else's");
                // SAFETY: a block of the reserve, with its own layout.
                unsafe { ALLOCATOR.dealloc(block, layout(size)) };
            }
        }
        assert!(TAKEN.iter().all(|word| word.load(Ordering::Relaxed) == 0), "all are back");
    }

    #[test]
    #[expect(clippy::multiple_unsafe_ops_per_block, reason = "one block, from its beginning to its end")]
    fn a_block_of_the_reserve_can_grow_out_of_it() {
        let layout = Layout::from_size_align(3, 1).unwrap();
        let block = reserved(layout);
        // SAFETY: a block of three bytes, which grows, and is freed with the layout that it has then.
        unsafe {
            block.copy_from(b"abc".as_ptr(), 3);
            let grown = ALLOCATOR.realloc(block, layout, 100_000);
            assert!(offset(block).is_some() && offset(grown).is_none());
            assert_eq!(std::slice::from_raw_parts(grown, 3), b"abc");
            ALLOCATOR.dealloc(grown, Layout::from_size_align(100_000, 1).unwrap());
        }
    }

    #[test]
    fn what_there_is_no_memory_for_unwinds() {
        // A layout that is not valid, and an amount that no system has. A 32-bit process may get half of its addresses.
        for count in
            [usize::MAX, if cfg!(target_pointer_width = "64") { usize::MAX / 16 } else { usize::MAX / 8 }]
        {
            let caught = std::panic::catch_unwind(|| with_room::<u64>(count));
            let payload = caught.expect_err("too much");
            assert_eq!(payload.downcast_ref::<NoMemory>().map(|none| none.0), Some(count));
        }
        assert_eq!(&*copy(b"abc"), b"abc");
    }
}
