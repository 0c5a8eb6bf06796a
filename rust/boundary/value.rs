// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Value`]: what crosses the boundary between Perl and Rust, in both directions.
//!
//! The shim turns a method's arguments into values before Rust is entered and the resulting value into SVs
//! after Rust has returned. A value of the shim's borrows everything; a value of ours owns what its
//! `owner` says, and gives it back when it is dropped.

use super::class::{self, Class};
use super::key::Key;
use super::memory;
use super::scratch::{self, wipe};
use libc::{c_char, c_void};
use std::ffi::{CStr, CString};

/// What a [`Value`] holds.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// undef; as the result of a method: nothing, the empty list.
    None = 0,
    /// A signed integer.
    Int,
    /// An unsigned integer.
    Uint,
    /// A floating point number.
    Float,
    /// A string of bytes that ends in a NUL that `len` does not count.
    Text,
    /// A string of bytes of any kind.
    Bytes,
    /// A name known at compile time: the key of a hash, with room for its hash value.
    Key,
    /// A libvirt object.
    Handle,
    /// Several values: a method's result list.
    List,
    /// A result list whose value in scalar context is the number of its elements.
    CountedList,
    /// A reference to an array.
    Array,
    /// A reference to a hash: `items` alternates keys and values. Blessed if `class` names a package.
    Map,
    /// A reference to a scalar: one item. Blessed if `class` names a package.
    Ref,
    /// A code reference (arguments only).
    Code,
    /// The object a callback was registered on (callback arguments only).
    Owner,
    /// A libvirt object that is libvirt's until the callback returns (callback arguments only).
    Lent,
    /// A new value for an argument of the caller: the argument's index, its value, the method's result.
    OutArg,
    /// A file descriptor: in Perl a file handle.
    File,
    /// An argument whose type only the driver knows: its string and its number. `utf8`: it is not wholly a number.
    Scalar,
    /// What is wrong with an option, in words.
    Bad,
    /// A result, and after it the warnings that the shim raises.
    Warned,
    /// An argument of a kind that no method takes (a format, a regular expression ...).
    Other,
}

/// Who frees what `data` points to.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Nobody: it outlives the value.
    Borrowed = 0,
    /// `free`: libvirt allocated it.
    Malloc,
    /// Rust: a boxed slice of bytes, or a vector of values.
    Boxed,
    /// `free` likewise, but the bytes are overwritten first: they are a secret.
    Secret,
    /// libvirt's `virTypedParamsFree`.
    Parameters,
    /// Nobody: it is kept for the next who needs a buffer.
    Scratch,
    /// `close`: a descriptor that is ours.
    Descriptor,
}

/// The payload of a [`Value`], read according to its tag.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Data {
    /// [`Tag::Int`], [`Tag::File`].
    pub integer: i64,
    /// [`Tag::Uint`].
    pub natural: u64,
    /// [`Tag::Float`].
    pub real: f64,
    /// [`Tag::Text`], [`Tag::Bytes`].
    pub text: *const c_char,
    /// [`Tag::Key`].
    pub key: *const Key,
    /// [`Tag::Handle`], [`Tag::Owner`], [`Tag::Lent`], [`Tag::Code`].
    pub pointer: *mut c_void,
    /// [`Tag::List`], [`Tag::Array`], [`Tag::Map`] and the other tags with items.
    pub items: *mut Value,
}

/// One value on its way from or to Perl.
#[repr(C)]
pub struct Value {
    tag: Tag,
    class: Class,
    storage: Storage,
    /// Text of the shim's: the bytes are the UTF-8 form of characters.
    utf8: bool,
    /// Of items in a [`Storage::Boxed`]: for how many there is room.
    capacity: u32,
    /// Bytes of a string, number of items; of a handle among the arguments: the SV that it came in.
    len: usize,
    pub(super) data: Data,
}

#[cfg(fuzzing)]
impl Value {
    /// Where the fields are, in their order: for values that are made elsewhere, as the shim does.
    pub const OFFSETS: [usize; 7] = [
        std::mem::offset_of!(Value, tag),
        std::mem::offset_of!(Value, class),
        std::mem::offset_of!(Value, storage),
        std::mem::offset_of!(Value, utf8),
        std::mem::offset_of!(Value, capacity),
        std::mem::offset_of!(Value, len),
        std::mem::offset_of!(Value, data),
    ];
}

impl Value {
    pub(super) const fn plain(tag: Tag, len: usize, data: Data) -> Self {
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

    /// The bytes of a buffer of less than 4 GiB, which [`scratch`] gets back.
    pub fn scratch_bytes(buffer: Vec<u8>) -> Self {
        let (len, capacity) = (buffer.len(), buffer.capacity() as u32);
        let text = std::mem::ManuallyDrop::new(buffer).as_ptr().cast();
        Value { storage: Storage::Scratch, capacity, ..Self::plain(Tag::Bytes, len, Data { text }) }
    }

    /// Bytes that are looked at when the method has returned.
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
        // SAFETY: not NULL, hence a C string, by the caller's promise.
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

    fn with_items(tag: Tag, mut items: Vec<Value>) -> Self {
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

    /// A reference to an array.
    pub fn array(items: Vec<Value>) -> Self {
        Self::with_items(Tag::Array, items)
    }

    /// A reference to a hash: `items` alternates keys and values.
    pub fn map(items: Vec<Value>) -> Self {
        debug_assert!(items.len() % 2 == 0, "a key has a value");
        Self::with_items(Tag::Map, items)
    }

    /// The same; the last item, beyond the pairs, keeps alive what they borrow.
    pub fn map_with_keeper(items: Vec<Value>) -> Self {
        debug_assert!(items.len() % 2 == 1, "a key has a value, and then comes the keeper");
        Self::with_items(Tag::Map, items)
    }

    /// Typed parameters, for [`Value::map_with_keeper`].
    ///
    /// # Safety
    /// `params` is NULL or an array of `count` typed parameters from `malloc` that nobody else frees.
    pub unsafe fn parameters(params: *mut virt_sys::virTypedParameter, count: i32) -> Self {
        let data = Data { pointer: params.cast() };
        Value { storage: Storage::Parameters, ..Self::plain(Tag::Other, count.max(0) as usize, data) }
    }

    /// A file descriptor, which becomes a file handle; if this value is dropped before that, it is closed.
    pub fn file(descriptor: i32) -> Self {
        let data = Data { integer: descriptor.into() };
        Value { storage: Storage::Descriptor, ..Self::plain(Tag::File, 0, data) }
    }

    /// What the shim makes of an argument whose type only the driver knows.
    #[cfg(test)]
    pub fn scalar(text: Value, number: Value) -> Self {
        Self::with_items(Tag::Scalar, vec![text, number])
    }

    /// What the shim makes of an argument that no method takes.
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

    /// `value` as the method's result, and what the shim warns of after it; none is no warning.
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

    /// An object that libvirt lends for the time of a callback. Perl may keep it: the shim then takes a reference.
    ///
    /// # Safety
    /// As for [`Value::owner`].
    pub(crate) unsafe fn lent(class: Class, pointer: *mut c_void) -> Self {
        Value { class, ..Self::plain(Tag::Lent, 0, Data { pointer }) }
    }

    /// This reference, blessed into the package of `class`.
    pub fn blessed(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// A copy of an argument that owns what it points to; of an object it has a reference. `pointers`: with those that mean
    /// something to Perl only.
    pub(crate) fn kept(&self, pointers: bool) -> Value {
        match self.tag {
            Tag::Text | Tag::Bytes | Tag::Bad => self.kept_string(),
            Tag::Handle => {
                // SAFETY: a live object of its class, or NULL.
                unsafe { super::class::retain(self.class, self.pointer()) };
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
                let items = self.items().iter().map(|item| item.kept(pointers)).collect();
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

    /// It may be a secret, so the copy is overwritten before it goes.
    fn kept_string(&self) -> Value {
        let bytes = self.raw();
        // SAFETY: room for the bytes and a NUL behind them, if malloc has it.
        let text = unsafe {
            let copy: *mut u8 = libc::malloc(bytes.len() + 1).cast();
            if copy.is_null() {
                std::alloc::handle_alloc_error(std::alloc::Layout::for_value(bytes));
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
            copy.add(bytes.len()).write(0);
            copy.cast::<c_char>()
        };
        let mut copy = Self::plain(self.tag, bytes.len(), Data { text });
        copy.storage = Storage::Secret;
        copy.utf8 = self.utf8;
        copy
    }

    /// A result that points neither into a buffer of this thread nor into an argument. What lies deeper points to what the
    /// value itself keeps.
    pub(crate) fn settled(self) -> Value {
        if matches!(self.tag, Tag::Text | Tag::Bytes) && self.storage == Storage::Borrowed {
            return Value::bytes(self.raw());
        }
        self
    }

    /// What kind of value this is.
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// Whether this is undef.
    pub fn is_none(&self) -> bool {
        self.tag == Tag::None
    }

    /// The elements of a list, an array, a hash or a reference.
    pub fn items(&self) -> &[Value] {
        match self.tag {
            Tag::List
            | Tag::CountedList
            | Tag::Array
            | Tag::Map
            | Tag::Ref
            | Tag::OutArg
            | Tag::Scalar
            | Tag::Warned
                if self.len > 0 =>
            {
                // SAFETY: these tags hold `len` values at `items`; nobody changes them while we look.
                unsafe { std::slice::from_raw_parts(self.data.items, self.len) }
            }
            _ => &[],
        }
    }

    /// The pairs of a hash, in the order in which Perl gave them.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &Value)> {
        let items = if self.tag == Tag::Map { self.items() } else { &[] };
        items.chunks_exact(2).map(|pair| (pair[0].raw(), &pair[1]))
    }

    /// What a hash holds under `name`; of several pairs with that key, the last.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&Value> {
        let name = name.as_ref();
        self.pairs().filter(|(key, _)| *key == name).last().map(|(_, value)| value)
    }

    /// The bytes of a string as they are, nothing for other values.
    pub fn raw(&self) -> &[u8] {
        match self.tag {
            Tag::Text | Tag::Bytes | Tag::Bad if self.len > 0 => {
                // SAFETY: these tags hold `len` bytes at `text`.
                unsafe { std::slice::from_raw_parts(self.data.text.cast(), self.len) }
            }
            Tag::Key => {
                // SAFETY: a key points to a `Key` that lives forever, and that to a literal of `len` bytes.
                unsafe {
                    let key = &*self.data.key;
                    std::slice::from_raw_parts(key.text.cast(), key.len)
                }
            }
            _ => &[],
        }
    }

    /// The C string of a text, NULL for other values; unlike [`Value::raw`] it points to the NUL of an empty one.
    pub fn c_text(&self) -> *const c_char {
        match self.tag {
            // SAFETY: this tag holds a C string.
            Tag::Text => unsafe { self.data.text },
            _ => std::ptr::null(),
        }
    }

    /// Whether a string of the shim's is the UTF-8 form of characters.
    pub(crate) fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// The class of a handle.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The pointer of a handle or of a code reference; NULL for any other value.
    pub(crate) fn pointer(&self) -> *mut c_void {
        match self.tag {
            // SAFETY: these tags hold a pointer.
            Tag::Handle | Tag::Owner | Tag::Lent | Tag::Code => unsafe { self.data.pointer },
            _ => std::ptr::null_mut(),
        }
    }

    /// The object of a method's argument, of the kind that has to be one.
    #[inline]
    pub(crate) fn object(&self) -> *mut c_void {
        debug_assert!(self.tag == Tag::Handle, "the shim refuses everything else");
        // SAFETY: every tag's data may be read as a pointer, and the shim passes none but a handle's.
        unsafe { self.data.pointer }
    }

    /// The SV that a handle among the arguments came in.
    pub(crate) fn origin(&self) -> *mut c_void {
        // The shim wrote it there; here it is only handed back.
        if self.tag == Tag::Handle {
            std::ptr::with_exposed_provenance_mut(self.len)
        } else {
            std::ptr::null_mut()
        }
    }

    /// The descriptor of a file handle, -1 of one that is closed.
    pub fn descriptor(&self) -> Option<i32> {
        match self.tag {
            // SAFETY: this tag's field.
            Tag::File => i32::try_from(unsafe { self.data.integer }).ok(),
            _ => None,
        }
    }

    /// What a floating point number holds.
    pub(crate) fn plain_float(&self) -> Option<f64> {
        match self.tag {
            // SAFETY: this tag's field.
            Tag::Float => Some(unsafe { self.data.real }),
            _ => None,
        }
    }

    /// The integer of an argument, whose range the shim has checked: an unsigned one beyond `i64` by its bits, for `as` to
    /// restore. 0 for anything else.
    #[inline]
    pub fn narrow(&self) -> i64 {
        match self.tag {
            // SAFETY: both tags hold 64 bits of an integer.
            Tag::Int | Tag::Uint => unsafe { self.data.integer },
            _ => 0,
        }
    }

    /// The integer that a number holds, wide enough for all.
    pub fn integer(&self) -> i128 {
        match self.tag {
            // SAFETY: this tag's field.
            Tag::Uint => i128::from(unsafe { self.data.natural }),
            _ => i128::from(self.narrow()),
        }
    }

    /// What a signed integer holds, as almost all numbers are.
    #[inline]
    pub fn plain_integer(&self) -> Option<i64> {
        match self.tag {
            // SAFETY: this tag's field.
            Tag::Int => Some(unsafe { self.data.integer }),
            _ => None,
        }
    }
}

impl Drop for Value {
    #[inline]
    fn drop(&mut self) {
        // Most values own nothing, and results have many of them.
        if self.storage != Storage::Borrowed || self.tag == Tag::Handle {
            self.let_go();
        }
    }
}

impl Value {
    /// Frees what the value owns.
    fn let_go(&mut self) {
        match (self.tag, self.storage) {
            (Tag::Handle, _) => {
                // SAFETY: a handle that is dropped was not taken over by Perl, so its reference is ours.
                unsafe { class::release(self.class, self.pointer()) }
            }
            // SAFETY: malloc gave it, and nobody else frees it.
            (_, Storage::Malloc) => unsafe { libc::free(self.data.text.cast_mut().cast()) },
            (_, Storage::Secret) => {
                // SAFETY: malloc gave `len` bytes, and nobody else frees them.
                unsafe {
                    let bytes = self.data.text.cast_mut();
                    wipe(std::slice::from_raw_parts_mut(bytes.cast(), self.len));
                    libc::free(bytes.cast());
                }
            }
            // SAFETY: `parameters` was promised that they are ours.
            (_, Storage::Parameters) => unsafe {
                virt_sys::virTypedParamsFree(self.data.pointer.cast(), self.len as i32);
            },
            // SAFETY: it came from a vector with room for `capacity`, which is no more than streams receive.
            (_, Storage::Scratch) => unsafe {
                let bytes = self.data.text.cast_mut().cast::<u8>();
                scratch::keep(Vec::from_raw_parts(bytes, 0, self.capacity as usize));
            },
            (_, Storage::Descriptor) => {
                if let Some(descriptor) = self.descriptor() {
                    // SAFETY: `file` was given it to close.
                    unsafe { libc::close(descriptor) };
                }
            }
            (Tag::Text | Tag::Bytes, Storage::Boxed) => {
                let len = self.len + usize::from(self.tag == Tag::Text);
                // SAFETY: it came from a boxed slice of `len` bytes, a text's with its NUL.
                drop(unsafe {
                    Box::from_raw(std::ptr::slice_from_raw_parts_mut(
                        self.data.text.cast_mut().cast::<u8>(),
                        len,
                    ))
                });
            }
            (_, Storage::Boxed) => {
                // SAFETY: it came from a vector of `len` values with room for `capacity`. It forgets them when they
                // have been dropped here, where the loop is a short one.
                unsafe {
                    let mut items = Vec::from_raw_parts(self.data.items, 0, self.capacity as usize);
                    for item in items.spare_capacity_mut().iter_mut().take(self.len) {
                        item.assume_init_drop();
                    }
                }
            }
            _ => {}
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.tag {
            Tag::Text | Tag::Bytes | Tag::Key => {
                write!(f, "{:?}", String::from_utf8_lossy(self.raw()))
            }
            // SAFETY: this tag's field.
            Tag::Int => write!(f, "{}", unsafe { self.data.integer }),
            // SAFETY: as above.
            Tag::Uint => write!(f, "{}", unsafe { self.data.natural }),
            // SAFETY: as above.
            Tag::Float => write!(f, "{:?}", unsafe { self.data.real }),
            Tag::Handle | Tag::Owner | Tag::Lent => write!(f, "{:?}({:?})", self.class, self.pointer()),
            Tag::File => write!(f, "File({:?})", self.descriptor()),
            _ => write!(f, "{:?}{:?}", self.tag, self.items()),
        }
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
