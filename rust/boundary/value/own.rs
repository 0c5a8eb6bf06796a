// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The data that a value owns: copies that outlive the call, and how it is freed.

use super::{Data, Storage, Tag, Value, rows};
use crate::boundary::class;
use crate::boundary::scratch::{self, wipe};
use libc::{c_char, c_void};

impl Value {
    /// A copy of an argument that owns what it points to, and a reference to its object. `pointers`: with those that mean
    /// something to Perl only.
    pub(crate) fn retained(&self, pointers: bool) -> Value {
        match self.tag {
            Tag::Text | Tag::Bytes | Tag::Bad => self.retained_string(),
            Tag::Handle => {
                // SAFETY: a live object of its class, or NULL.
                unsafe { class::retain(self.class, self.pointer()) };
                // SAFETY: the reference is the copy's.
                let mut copy = unsafe { Self::handle(self.class, self.pointer()) };
                copy.len = if pointers { self.len } else { 0 };
                copy
            }
            Tag::Array
            | Tag::Map
            | Tag::Ref
            | Tag::List
            | Tag::CountedList
            | Tag::OutArg
            | Tag::Scalar
            | Tag::Warned => {
                let items = self.items().iter().map(|item| item.retained(pointers)).collect();
                // Not by `..`, which would copy from a value that is dropped.
                let mut copy = Self::with_items(self.tag, items);
                copy.class = self.class;
                copy.utf8 = self.utf8;
                copy
            }
            Tag::Int | Tag::Uint | Tag::Float | Tag::Key => {
                Value { class: self.class, ..Self::plain(self.tag, self.len, self.data) }
            }
            Tag::Code if pointers => Self::plain(self.tag, 0, self.data),
            Tag::Other => Self::plain(self.tag, 0, Data { integer: 0 }),
            _ => Self::none(),
        }
    }

    /// It may be a secret, so the copy is overwritten before it is freed.
    fn retained_string(&self) -> Value {
        let bytes = self.raw();
        // Zeroed: there is a NUL behind the bytes.
        // SAFETY: `calloc` may be called with any size.
        let text: *mut u8 = unsafe { libc::calloc(1, bytes.len() + 1) }.cast();
        if text.is_null() {
            std::alloc::handle_alloc_error(std::alloc::Layout::for_value(bytes));
        }
        // SAFETY: a new allocation that is larger than the bytes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), text, bytes.len()) };
        let text = text.cast_const().cast::<c_char>();
        let mut copy = Self::plain(self.tag, bytes.len(), Data { text });
        copy.storage = Storage::Secret;
        copy.utf8 = self.utf8;
        copy
    }

    /// A result that points neither into a buffer of this thread nor into an argument. Items borrow only from what the
    /// value itself owns.
    pub(crate) fn detached(self) -> Value {
        if matches!(self.tag, Tag::Text | Tag::Bytes) && self.storage == Storage::Borrowed {
            return Value::bytes(self.raw());
        }
        self
    }
}

impl Drop for Value {
    #[inline]
    fn drop(&mut self) {
        // Most values own nothing, and results have many of them.
        if self.storage != Storage::Borrowed || self.tag == Tag::Handle {
            self.free();
        }
    }
}

impl Value {
    /// Frees what the value owns. Most are strings that libvirt allocated.
    fn free(&mut self) {
        match (self.tag, self.storage) {
            (Tag::Text | Tag::Bytes, Storage::Malloc) => {
                // SAFETY: `malloc` returned it, and nobody else frees it.
                unsafe { libc::free(self.own_text().cast()) }
            }
            (Tag::Handle, _) => {
                // SAFETY: Perl takes a handle's reference over by forgetting the value; of one that is dropped it is ours.
                unsafe { class::release(self.class, self.pointer()) }
            }
            _ => self.free_other(),
        }
    }

    /// The same for all others.
    #[inline(never)]
    fn free_other(&mut self) {
        match (self.tag, self.storage) {
            (Tag::Texts, Storage::Malloc) => {
                // SAFETY: this tag's data is a pointer.
                let texts: *mut *mut c_char = unsafe { self.data.pointer }.cast();
                for index in 0..self.len {
                    // SAFETY: one of the array's.
                    let place = unsafe { texts.add(index) };
                    // SAFETY: a string of `malloc`'s.
                    let text = unsafe { *place };
                    // SAFETY: nobody else frees it.
                    unsafe { libc::free(text.cast()) }
                }
                // SAFETY: as above.
                unsafe { libc::free(texts.cast()) }
            }
            (Tag::Numbers, Storage::Boxed) => {
                // SAFETY: this tag's data is a pointer.
                let numbers: *mut u64 = unsafe { self.data.pointer }.cast();
                // SAFETY: `Value::numbers` got it from a vector with room for `capacity`.
                drop(unsafe { Vec::from_raw_parts(numbers, self.len, self.capacity as usize) });
            }
            (Tag::Ints, Storage::Boxed) => {
                // SAFETY: this tag's data is a pointer.
                let numbers: *mut i32 = unsafe { self.data.pointer }.cast();
                // SAFETY: `Value::ints` got it from a vector with room for `capacity`.
                drop(unsafe { Vec::from_raw_parts(numbers, self.len, self.capacity as usize) });
            }
            (_, Storage::Pointers) => {
                let array = std::ptr::with_exposed_provenance_mut::<*mut c_void>(self.len);
                // SAFETY: this storage's data is a pointer ...
                let free = unsafe { self.data.pointer };
                // SAFETY: ... to a function that takes a pointer to something, see `Value::pointers`.
                let free = unsafe { std::mem::transmute::<*mut c_void, fn(*mut c_void)>(free) };
                for index in 0..self.capacity as usize {
                    // SAFETY: one of the array's.
                    let place = unsafe { array.add(index) };
                    // SAFETY: as above.
                    free(unsafe { *place });
                }
                // SAFETY: malloc gave the array, and nobody else frees it.
                unsafe { libc::free(array.cast()) }
            }
            (_, Storage::Malloc) => {
                // SAFETY: `malloc` returned it, and nobody else frees it.
                unsafe { libc::free(self.own_text().cast()) }
            }
            (_, Storage::Secret) => {
                let bytes = self.own_text();
                // SAFETY: an allocation of `len` bytes that nobody else uses.
                wipe(unsafe { std::slice::from_raw_parts_mut(bytes, self.len) });
                // SAFETY: `malloc` or `calloc` returned it, and nobody else frees it.
                unsafe { libc::free(bytes.cast()) };
            }
            (_, Storage::Parameters) => {
                // SAFETY: `Value::parameters` stored a pointer.
                let params = unsafe { self.data.parameters };
                // SAFETY: and was promised that they are ours, as many as `len` says.
                unsafe { virt_sys::virTypedParamsFree(params.cast_mut().cast(), self.len as i32) };
            }
            (_, Storage::Scratch) => {
                let (bytes, capacity) = (self.own_text(), self.capacity as usize);
                // SAFETY: it came from a vector with room for `capacity` bytes.
                scratch::keep(unsafe { Vec::from_raw_parts(bytes, 0, capacity) });
            }
            (_, Storage::Descriptor) => {
                if let Some(descriptor) = self.descriptor() {
                    // SAFETY: `Value::file` was given it to close.
                    unsafe { libc::close(descriptor) };
                }
            }
            (Tag::Text | Tag::Bytes | Tag::Error, Storage::Boxed) => {
                let len = self.len + usize::from(self.tag == Tag::Text);
                let bytes = std::ptr::slice_from_raw_parts_mut(self.own_text(), len);
                // SAFETY: it came from a boxed slice of `len` bytes, a text's with its NUL.
                drop(unsafe { Box::from_raw(bytes) });
            }
            (_, Storage::Boxed | Storage::Beyond | Storage::Rows) => {
                // SAFETY: the other tags that are boxed have items.
                let items = unsafe { self.data.items };
                let count = match self.storage {
                    // SAFETY: rows have their keys first.
                    Storage::Rows => rows::ROWS_HEAD + self.len * unsafe { (*items).len },
                    storage => self.len + usize::from(storage == Storage::Beyond),
                };
                // SAFETY: they came from a vector with room for `capacity`. It forgets them; they are dropped below, where
                // the loop is a short one.
                let mut items = unsafe { Vec::from_raw_parts(items, 0, self.capacity as usize) };
                for item in items.spare_capacity_mut().iter_mut().take(count) {
                    // SAFETY: so many are initialized.
                    unsafe { item.assume_init_drop() };
                }
            }
            _ => {}
        }
    }

    /// The bytes that the storage of a string's value owns.
    fn own_text(&self) -> *mut u8 {
        // SAFETY: every tag's data may be read as a pointer.
        unsafe { self.data.text }.cast_mut().cast()
    }
}
