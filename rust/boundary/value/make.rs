// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! How values are made: one constructor for each shape of a result or of a callback's argument.

use super::{Data, Storage, Tag, Value};
use crate::boundary::class::Class;
use crate::boundary::key::Key;
use crate::boundary::memory;
use libc::{c_char, c_void};
use std::ffi::{CStr, CString};
use std::os::fd::{IntoRawFd, OwnedFd};

impl Value {
    pub(in crate::boundary) const fn plain(tag: Tag, len: usize, data: Data) -> Self {
        Value { tag, class: Class::None, storage: Storage::Borrowed, utf8: false, capacity: 0, len, data }
    }

    /// undef, or nothing.
    pub const fn none() -> Self {
        Self::plain(Tag::None, 0, Data { integer: 0 })
    }

    /// An integer.
    pub const fn int(integer: i64) -> Self {
        Self::plain(Tag::Int, 0, Data { integer })
    }

    /// A string literal.
    pub const fn key(key: &'static Key) -> Self {
        Self::plain(Tag::Key, 0, Data { key })
    }

    /// A copy of `bytes`.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::boxed_bytes(memory::copy(bytes))
    }

    /// `bytes` itself.
    pub fn boxed_bytes(bytes: Box<[u8]>) -> Self {
        let len = bytes.len();
        let text = Box::into_raw(bytes).cast::<c_char>();
        Value { storage: Storage::Boxed, ..Self::plain(Tag::Bytes, len, Data { text }) }
    }

    /// The bytes of a buffer, which [`scratch`](crate::boundary::scratch) gets back if it is smaller than 4 GiB.
    pub fn scratch_bytes(buffer: Vec<u8>) -> Self {
        let Ok(capacity) = u32::try_from(buffer.capacity()) else {
            return Self::boxed_bytes(buffer.into_boxed_slice());
        };
        let len = buffer.len();
        let text = std::mem::ManuallyDrop::new(buffer).as_ptr().cast();
        Value { storage: Storage::Scratch, capacity, ..Self::plain(Tag::Bytes, len, Data { text }) }
    }

    /// libvirt's error as a Sys::Virt::Error.
    pub(in crate::boundary) fn error(text: Vec<u8>) -> Self {
        let mut error = Self::scratch_bytes(text);
        (error.tag, error.class) = (Tag::Error, Class::Error);
        error
    }

    /// Bytes that are read after the method has returned.
    ///
    /// # Safety
    /// They stay valid and unchanged until the shim has built the result.
    pub unsafe fn borrowed_bytes(text: *const c_char, len: usize) -> Self {
        Self::plain(Tag::Bytes, len, Data { text })
    }

    /// A C string that stays libvirt's; NULL is undef.
    ///
    /// # Safety
    /// It is NULL or a C string that stays valid and unchanged until the shim has built the result.
    pub unsafe fn borrowed_text(text: *const c_char) -> Self {
        if text.is_null() {
            return Self::none();
        }
        // SAFETY: not NULL, so a C string, by the caller's promise.
        let len = unsafe { libc::strlen(text) };
        Self::plain(Tag::Bytes, len, Data { text })
    }

    /// A C string that libvirt allocated and that is freed with this value; NULL is undef.
    ///
    /// # Safety
    /// It is NULL or a C string from `malloc` that nobody else frees.
    pub unsafe fn owned_text(text: *mut c_char) -> Self {
        // SAFETY: the caller's promise is the stronger one.
        let value = unsafe { Self::borrowed_text(text) };
        if text.is_null() { value } else { Value { storage: Storage::Malloc, ..value } }
    }

    /// Bytes that libvirt allocated; they are overwritten before they are freed.
    ///
    /// # Safety
    /// `bytes` is an allocation of `len` bytes from `malloc` that nobody else frees.
    pub unsafe fn wiped_bytes(bytes: *mut u8, len: usize) -> Self {
        Value { storage: Storage::Secret, ..Self::plain(Tag::Bytes, len, Data { text: bytes.cast() }) }
    }

    /// Bytes that libvirt allocated and that are freed with this value.
    ///
    /// # Safety
    /// `bytes` is an allocation of at least `len` bytes from `malloc` that nobody else frees, or NULL, and `len` 0.
    pub unsafe fn owned_bytes(bytes: *mut u8, len: usize) -> Self {
        Value { storage: Storage::Malloc, ..Self::plain(Tag::Bytes, len, Data { text: bytes.cast() }) }
    }

    pub(super) fn with_items(tag: Tag, mut items: Vec<Value>) -> Self {
        if u32::try_from(items.capacity()).is_err() {
            items.shrink_to_fit();
        }
        // More than u32::MAX values are 96 GiB: there are none.
        let (len, capacity) = (items.len(), items.capacity() as u32);
        let items = std::mem::ManuallyDrop::new(items).as_mut_ptr();
        Value { storage: Storage::Boxed, capacity, ..Self::plain(tag, len, Data { items }) }
    }

    /// A result list; its value in scalar context is its last element.
    pub fn list(items: Vec<Value>) -> Self {
        Self::with_items(Tag::List, items)
    }

    /// A result list; its value in scalar context is its length.
    pub fn counted_list(items: Vec<Value>) -> Self {
        Self::with_items(Tag::CountedList, items)
    }

    /// A result list of strings; its value in scalar context is its last element.
    ///
    /// # Safety
    /// `texts` is NULL or an array from `malloc`, whose first `len` elements are C strings from `malloc` or NULL, which is undef, and
    /// nobody else frees any of them.
    pub unsafe fn texts(texts: *mut *mut c_char, len: usize) -> Self {
        let data = Data { pointer: texts.cast() };
        Value { storage: Storage::Malloc, ..Self::plain(Tag::Texts, len, data) }
    }

    /// The same of strings that stay whose they are.
    ///
    /// # Safety
    /// `texts` is an array of `len` C strings or NULLs, all of which stay valid and unchanged until the shim has built the result.
    pub unsafe fn borrowed_texts(texts: *mut *mut c_char, len: usize) -> Self {
        Self::plain(Tag::Texts, len, Data { pointer: texts.cast() })
    }

    /// A result list of numbers; its value in scalar context is its last element.
    pub fn numbers(numbers: Vec<u64>) -> Self {
        Self::with_numbers(Tag::Numbers, numbers)
    }

    /// A result list of signed numbers; its value in scalar context is its last element.
    pub fn ints(numbers: Vec<i32>) -> Self {
        Self::with_numbers(Tag::Ints, numbers)
    }

    fn with_numbers<T: Copy>(tag: Tag, mut numbers: Vec<T>) -> Self {
        if u32::try_from(numbers.capacity()).is_err() {
            numbers.shrink_to_fit();
        }
        // More than u32::MAX numbers are 16 GiB and more: there are none.
        let (len, capacity) = (numbers.len(), numbers.capacity() as u32);
        let pointer = std::mem::ManuallyDrop::new(numbers).as_mut_ptr().cast();
        Value { storage: Storage::Boxed, capacity, ..Self::plain(tag, len, Data { pointer }) }
    }

    /// A result list of two numbers; its value in scalar context is the second.
    pub fn pair(first: i32, second: i32) -> Self {
        let natural = u64::from(first as u32) | u64::from(second as u32) << 32;
        Self::plain(Tag::Pair, 2, Data { natural })
    }

    /// The owner of what other values borrow: an array of pointers, each of which `free` disposes of.
    ///
    /// # Safety
    /// `array` is NULL or an allocation of malloc's with `count` pointers, and nobody else frees it or what they point to.
    pub unsafe fn pointers<T>(array: *mut *mut T, count: usize, free: fn(*mut T)) -> Self {
        let data = Data { pointer: free as *mut c_void };
        // libvirt counts with an int.
        Value {
            storage: Storage::Pointers,
            capacity: count as u32,
            ..Self::plain(Tag::Other, array.expose_provenance(), data)
        }
    }

    /// A list of values that borrow from `owner`. The vector had better have room for one more.
    pub fn list_with_storage(mut items: Vec<Value>, owner: Value) -> Self {
        items.push(owner);
        let mut list = Self::with_items(Tag::List, items);
        list.len -= 1;
        list.storage = Storage::Beyond;
        list
    }

    /// A reference to an array.
    pub fn array(items: Vec<Value>) -> Self {
        Self::with_items(Tag::Array, items)
    }

    /// A reference to a hash: `items` alternates keys and values.
    pub fn map(items: Vec<Value>) -> Self {
        debug_assert!(items.len() % 2 == 0, "a key has a value");
        Self::with_items(Tag::Map, items)
    }

    /// A reference to a hash of typed parameters, which are freed with this value.
    ///
    /// # Safety
    /// `params` is NULL and `count` 0, or an array of `count` typed parameters from `malloc` that nobody else frees.
    pub unsafe fn parameters(params: *mut virt_sys::virTypedParameter, count: i32) -> Self {
        let data = Data { parameters: params.cast_const().cast() };
        Value { storage: Storage::Parameters, ..Self::plain(Tag::Parameters, count.max(0) as usize, data) }
    }

    /// The same; the parameters stay whose they are.
    ///
    /// # Safety
    /// libvirt wrote them, and they live and do not change until the shim has built the result.
    pub unsafe fn borrowed_parameters(params: &[virt_sys::virTypedParameter]) -> Self {
        Self::plain(Tag::Parameters, params.len(), Data { parameters: params.as_ptr().cast() })
    }

    /// A file descriptor, which becomes a file handle; if this value is dropped before that, it is closed.
    pub fn file(descriptor: OwnedFd) -> Self {
        let data = Data { integer: descriptor.into_raw_fd().into() };
        Value { storage: Storage::Descriptor, ..Self::plain(Tag::File, 0, data) }
    }

    /// The shim's value for an argument whose type only the driver knows.
    #[cfg(test)]
    pub fn scalar(text: Value, number: Value) -> Self {
        Self::with_items(Tag::Scalar, vec![text, number])
    }

    /// The shim's value for an argument that no method accepts.
    #[cfg(test)]
    pub fn other() -> Self {
        Self::plain(Tag::Other, 0, Data { integer: 0 })
    }

    /// A reference to a scalar.
    pub fn reference(target: Value) -> Self {
        Self::with_items(Tag::Ref, vec![target])
    }

    /// `value` as the method's result, and `content` as the new value of its argument `index`.
    pub fn out_arg(index: usize, content: Value, value: Value) -> Self {
        Self::with_items(Tag::OutArg, vec![Value::from(index as u64), content, value])
    }

    /// `value` as the method's result, and warnings that the shim issues after it; an empty list means none.
    pub fn warned(value: Value, warnings: Vec<String>) -> Self {
        if warnings.is_empty() {
            return value;
        }
        let mut items = vec![value];
        items.extend(warnings.iter().map(|warning| Value::from(warning.as_str())));
        Self::with_items(Tag::Warned, items)
    }

    /// A libvirt object; this value owns one reference to it.
    ///
    /// # Safety
    /// `pointer` is NULL or a live object of `class`, and one reference to it is the caller's, who does not use it again.
    pub(crate) unsafe fn handle(class: Class, pointer: *mut c_void) -> Self {
        Value { class, ..Self::plain(Tag::Handle, 0, Data { pointer }) }
    }

    /// The object that a callback was registered on, for which `pointer` stands if the script dropped it.
    ///
    /// # Safety
    /// `pointer` is NULL or an object of `class` that lives until the callback returns.
    pub(crate) unsafe fn owner(class: Class, pointer: *mut c_void) -> Self {
        Value { class, ..Self::plain(Tag::Owner, 0, Data { pointer }) }
    }

    /// An object borrowed from libvirt during a callback. If Perl keeps it, the shim takes a reference.
    ///
    /// # Safety
    /// As for [`Value::owner`].
    pub(crate) unsafe fn borrowed(class: Class, pointer: *mut c_void) -> Self {
        Value { class, ..Self::plain(Tag::Borrowed, 0, Data { pointer }) }
    }

    /// This reference, blessed into the package of `class`.
    pub fn blessed(mut self, class: Class) -> Self {
        self.class = class;
        self
    }
}

macro_rules! from_integer {
    ($($int:ty => $tag:ident $field:ident $wide:ty),*) => {$(
        impl From<$int> for Value {
            fn from($field: $int) -> Self {
                Self::plain(Tag::$tag, 0, Data { $field: <$wide>::from($field) })
            }
        }
    )*};
}
from_integer!(i32 => Int integer i64, i64 => Int integer i64, u8 => Uint natural u64, u32 => Uint natural u64, u64 => Uint natural u64, f64 => Float real f64);

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::from(i32::from(flag))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::bytes(text.as_bytes())
    }
}

impl From<&CStr> for Value {
    fn from(text: &CStr) -> Self {
        Value::bytes(text.to_bytes())
    }
}

impl From<CString> for Value {
    fn from(text: CString) -> Self {
        let bytes = text.into_bytes_with_nul().into_boxed_slice();
        let len = bytes.len() - 1;
        let text = Box::into_raw(bytes).cast::<c_char>();
        Value { storage: Storage::Boxed, ..Self::plain(Tag::Text, len, Data { text }) }
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::none(), Into::into)
    }
}
