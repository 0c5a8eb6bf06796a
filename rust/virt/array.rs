// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Arrays that libvirt allocates, and arrays that it writes to.
//!
//! libvirt's client passes some counts of the daemon on unchecked. So no count is followed beyond the allocation, nor
//! beyond the first NULL of an array of pointers, and none decides how much memory is taken.

use crate::boundary::error::{Error, Result};
use crate::boundary::memory;
use crate::boundary::value::Value;
use crate::boundary::value::rows::{Row, Rows};
use crate::boundary::zeroed::Zeroed;
use libc::{c_char, c_int, c_void};
use std::ffi::CStr;

/// How many elements the allocation has room for.
fn room<T>(array: *const T) -> usize {
    if array.is_null() {
        return 0;
    }
    #[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "netbsd"))]
    // SAFETY: an allocation of malloc's.
    return unsafe { libc::malloc_usable_size(array.cast_mut().cast::<c_void>()) } / size_of::<T>();
    #[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "netbsd")))]
    usize::MAX
}

/// A count from libvirt, limited to the size of the allocation.
fn within<T>(array: *const T, count: c_int) -> usize {
    usize::try_from(count).unwrap_or(0).min(room(array))
}

/// An array from `malloc` that is freed with this.
pub struct Allocated<T> {
    array: *mut T,
    len: usize,
}

/// Takes over `array`, of which `count` elements were written.
///
/// # Safety
/// `array` is NULL or an allocation of malloc's that is ours, of plain data.
pub unsafe fn allocated<T: Copy>(array: *mut T, count: c_int) -> Allocated<T> {
    Allocated { array, len: within(array, count) }
}

impl<T> std::ops::Deref for Allocated<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: that many lie within the allocation; NULL has none.
        if self.len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(self.array, self.len) } }
    }
}

impl<T> Drop for Allocated<T> {
    fn drop(&mut self) {
        // SAFETY: malloc gave it.
        unsafe { libc::free(self.array.cast()) }
    }
}

/// An array from `malloc` of pointers to what is ours as well, and freed one by one.
pub struct Pointers<T> {
    array: Allocated<*mut T>,
    free: fn(*mut T),
}

/// Takes over `array`: `count` pointers, or as many as stand before a NULL.
///
/// # Safety
/// `array` is NULL or an allocation of malloc's that is ours, and so is what its pointers point to, of which `free` disposes.
pub unsafe fn pointers<T>(array: *mut *mut T, count: c_int, free: fn(*mut T)) -> Pointers<T> {
    let most = within(array, count);
    let is_null = |index| {
        // SAFETY: within the allocation.
        let place = unsafe { array.add(index) };
        // SAFETY: libvirt wrote each place up to the first NULL, where the search ends.
        unsafe { *place }.is_null()
    };
    let len = (0..most).position(is_null).unwrap_or(most);
    Pointers { array: Allocated { array, len }, free }
}

/// For [`pointers`]: frees a string from `malloc`.
pub fn free_text(text: *mut c_char) {
    // SAFETY: `pointers` was promised that it is ours.
    unsafe { libc::free(text.cast()) }
}

/// An array of `count` NULLs from `malloc`, for a C function to write strings to.
pub fn no_pointers(count: usize) -> Result<Pointers<c_char>> {
    // glibc's calloc passes by the caches from which malloc takes small blocks.
    const SMALL: usize = 128;
    let size = size_of::<*mut c_char>();
    let array: *mut *mut c_char = if count > SMALL {
        // SAFETY: asks for memory.
        unsafe { libc::calloc(count, size) }.cast()
    } else {
        // SAFETY: as above.
        unsafe { libc::malloc(count.max(1) * size) }.cast()
    };
    if array.is_null() {
        return Err(Error::Usage(format!("out of memory for {count} elements")));
    }
    if count <= SMALL {
        // SAFETY: just allocated with room for so many.
        unsafe { array.write_bytes(0, count) };
    }
    Ok(Pointers { array: Allocated { array, len: 0 }, free: free_text })
}

impl Pointers<c_char> {
    /// For C: the array.
    pub fn as_mut_ptr(&mut self) -> *mut *mut c_char {
        self.array.array
    }

    /// The first `count` places were written.
    ///
    /// # Safety
    /// The array has `count` places or more; each of them is NULL or a string from `malloc` that is ours.
    pub unsafe fn written(&mut self, count: usize) {
        self.array.len = count;
    }

    /// The strings; none that is NULL.
    pub fn texts(&self) -> impl Iterator<Item = &CStr> {
        // SAFETY: a string that lives as long as the array.
        self.array.iter().filter(|text| !text.is_null()).map(|&text| unsafe { CStr::from_ptr(text) })
    }

    /// The strings as a result list, which takes them over.
    pub fn into_texts(self) -> Value {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: malloc gave the array and its strings.
        unsafe { Value::texts(this.array.array, this.array.len) }
    }
}

impl<T> Pointers<T> {
    /// Their owner, for values that borrow from them.
    pub fn into_storage(self) -> Value {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: malloc gave the array, and `pointers` was promised that all is ours.
        unsafe { Value::pointers(this.array.array, this.array.len, this.free) }
    }

    /// A list of hashes, one for each, which may borrow from it.
    pub fn into_rows<const N: usize>(self, describe: impl Fn(&T) -> Row<N>) -> Value {
        // SAFETY: none is NULL, and nobody else changes what is ours.
        let rows = Rows::of(self.array.iter().map(|&pointer| describe(unsafe { &*pointer })));
        rows.owned_by(self.into_storage())
    }

    /// A value for each, with room for one that owns what they borrow.
    pub fn values(&self, describe: impl Fn(&T) -> Value) -> Vec<Value> {
        // SAFETY: none is NULL, and nobody else changes what is ours.
        memory::collected_and(1, self.array.iter().map(|&pointer| describe(unsafe { &*pointer })))
    }

    /// Values that take each of them over.
    pub fn into_values(mut self, take: impl Fn(*mut T) -> Value) -> Vec<Value> {
        let mut values = memory::with_room(self.array.len());
        values.extend(self.array.iter().map(|&pointer| take(pointer)));
        self.array.len = 0;
        values
    }
}

impl<T> Drop for Pointers<T> {
    fn drop(&mut self) {
        self.array.iter().for_each(|&pointer| (self.free)(pointer));
    }
}

/// `count` elements, all zero bytes, for a C function to write to; or the exception that there is no room for so
/// many. Pages of a large array are not touched before they are used.
pub fn zeroed_array<T: Zeroed>(count: usize) -> Result<Vec<T>> {
    let no_room = || Error::Usage(format!("out of memory for {count} elements"));
    let layout = std::alloc::Layout::array::<T>(count.max(1)).map_err(|_| no_room())?;
    // glibc's calloc passes by the caches from which malloc takes small blocks.
    const SMALL: usize = 1 << 10;
    let array = if layout.size() > SMALL {
        // SAFETY: the layout has a size, for every `Zeroed` has one and there is at least one element.
        unsafe { std::alloc::alloc_zeroed(layout) }
    } else {
        // SAFETY: as above.
        unsafe { std::alloc::alloc(layout) }
    };
    if array.is_null() {
        return Err(no_room());
    }
    if layout.size() <= SMALL {
        // SAFETY: just allocated with this size.
        unsafe { array.write_bytes(0, layout.size()) };
    }
    // SAFETY: just allocated with this layout, and all-zero bytes are a value of every `Zeroed`.
    Ok(unsafe { Vec::from_raw_parts(array.cast(), count, count.max(1)) })
}

/// A string of bytes that a function allocates and measures.
///
/// # Safety
/// `array` is NULL or an allocation of malloc's that is ours.
pub unsafe fn owned_bytes(array: *mut u8, len: c_int) -> Value {
    // SAFETY: the caller's promise, and no more bytes than there are.
    unsafe { Value::owned_bytes(array, within(array, len)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static FREED: AtomicUsize = AtomicUsize::new(0);

    fn free(pointer: *mut u64) {
        FREED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: malloc gave it.
        unsafe { libc::free(pointer.cast()) }
    }

    /// An array of that many numbers, and a NULL if there is room for one more.
    #[expect(clippy::multiple_unsafe_ops_per_block, reason = "one array, from its beginning to its end")]
    fn made(count: usize, ended: bool) -> *mut *mut u64 {
        // SAFETY: room for all that is written.
        unsafe {
            let array: *mut *mut u64 = libc::calloc(count + usize::from(ended), 8).cast();
            for index in 0..count {
                let number: *mut u64 = libc::malloc(8).cast();
                *number = index as u64;
                *array.add(index) = number;
            }
            array
        }
    }

    #[test]
    fn a_count_is_followed_no_further_than_there_are_elements() {
        for (elements, told, seen) in
            [(3, 3, 3), (3, 2, 2), (3, 4, 3), (3, c_int::MAX, 3), (3, -1, 0), (0, 9, 0), (1000, 9999, 1000)]
        {
            for ended in [true, false] {
                FREED.store(0, Ordering::Relaxed);
                // SAFETY: ours, as all that it points to.
                let array = unsafe { pointers(made(elements, ended), told, free) };
                let values = array.values(|&number| Value::from(number));
                assert_eq!(values.len(), seen, "{elements} elements, {told} told");
                drop(array);
                assert_eq!(FREED.load(Ordering::Relaxed), seen);
            }
        }
        // SAFETY: NULL has no elements.
        assert!(unsafe { pointers(std::ptr::null_mut(), 7, free) }.values(|_| Value::none()).is_empty());
    }

    #[test]
    fn what_values_take_over_is_not_freed() {
        FREED.store(0, Ordering::Relaxed);
        // SAFETY: ours, as all that it points to.
        let array = unsafe { pointers(made(5, true), 5, |_| panic!("taken over")) };
        let values = array.into_values(|number| {
            // SAFETY: as written above.
            let value = Value::from(unsafe { *number });
            // SAFETY: malloc gave it.
            unsafe { libc::free(number.cast()) };
            value
        });
        assert_eq!(values.iter().map(Value::integer).sum::<i128>(), 10);
    }
}
