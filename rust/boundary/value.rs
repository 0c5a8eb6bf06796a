// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Value`]: what crosses the boundary between Perl and Rust, in both directions.
//!
//! The shim turns a method's arguments into values before Rust is entered and the resulting value into SVs
//! after Rust has returned. The shim's values borrow everything. Those made in Rust own what their `storage`
//! says, and a handle its reference; both are freed when the value is dropped.

mod make;
mod own;
pub mod rows;

use super::class::Class;
use super::error::ErrorHead;
use super::key::Key;
use super::parameter::Parameter;
use libc::{c_char, c_void};

/// The kind of a [`Value`]'s content.
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
    /// A name known at compile time: the key of a hash, with room for its hash value. Before rows: `len` keys.
    Key,
    /// A libvirt object.
    Handle,
    /// Several values: a method's result list.
    List,
    /// A result list whose value in scalar context is the number of its elements.
    CountedList,
    /// A result list of C strings, in an array of pointers as libvirt makes it: without a value for each.
    Texts,
    /// A result list of unsigned numbers of 64 bits, without a value for each.
    Numbers,
    /// A result list of signed numbers of 32 bits, without a value for each.
    Ints,
    /// A result list of two numbers of 32 bits: the first is the lower half of an integer, the second the upper half.
    Pair,
    /// A result list of references to hashes with the same keys: `items` are those keys, what owns what the values borrow, and the
    /// values of `len` rows.
    Rows,
    /// A reference to a hash: the same with one row.
    Row,
    /// A reference to an array.
    Array,
    /// A reference to a hash: `items` alternates keys and values.
    Map,
    /// A reference to a hash of typed parameters, in an array as libvirt makes it: without a value for each (results only).
    Parameters,
    /// An exception: what [`ErrorHead`] says (results only).
    Error,
    /// A reference to a scalar: one item. Blessed if `class` names a package.
    Ref,
    /// A code reference (arguments only).
    Code,
    /// The object a callback was registered on (callback arguments only).
    Owner,
    /// A libvirt object that libvirt holds until the callback returns (callback arguments only).
    Borrowed,
    /// A new value for an argument of the caller: the argument's index, its value, the method's result.
    OutArg,
    /// A file descriptor: in Perl a file handle.
    File,
    /// An argument whose type only the driver knows: its string and its number. `utf8`: it is not wholly a number.
    Scalar,
    /// A message that says why an option is invalid.
    Bad,
    /// A result, and after it the warnings that the shim raises.
    Warned,
    /// An argument of a kind that no method takes (a format, a regular expression ...); or what owns that which other values borrow.
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
    /// `free`, after the bytes are overwritten: they are a secret.
    Secret,
    /// libvirt's `virTypedParamsFree`.
    Parameters,
    /// Nobody: the next who needs a buffer gets it.
    Scratch,
    /// `close`: a descriptor that is ours.
    Descriptor,
    /// Rust: a vector of values, and beyond the last one that owns what they borrow.
    Beyond,
    /// Rust: a vector of rows.
    Rows,
    /// `free`, for the array at the address `len`; before, the function in `data` for each of the `capacity` pointers in it, from which
    /// other values borrow.
    Pointers,
}

/// The payload of a [`Value`], read according to its tag.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Data {
    /// [`Tag::Int`], [`Tag::File`].
    pub integer: i64,
    /// [`Tag::Uint`], [`Tag::Pair`].
    pub natural: u64,
    /// [`Tag::Float`].
    pub real: f64,
    /// [`Tag::Text`], [`Tag::Bytes`], [`Tag::Error`].
    pub text: *const c_char,
    /// [`Tag::Key`].
    pub key: *const Key,
    /// [`Tag::Handle`], [`Tag::Owner`], [`Tag::Borrowed`], [`Tag::Code`]; the array of [`Tag::Texts`], [`Tag::Numbers`] and
    /// [`Tag::Ints`]; the function of [`Storage::Pointers`].
    pub pointer: *mut c_void,
    /// [`Tag::Parameters`].
    pub parameters: *const Parameter,
    /// [`Tag::List`], [`Tag::Array`], [`Tag::Map`], [`Tag::Rows`] and the other tags with items.
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
    /// Of items or numbers in a vector: for how many there is room. Of pointers: how many there are.
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
    /// The kind of this value.
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
                // SAFETY: these tags hold items.
                let items = unsafe { self.data.items };
                // SAFETY: `len` of them, which live as long as this value and do not change while it is borrowed.
                unsafe { std::slice::from_raw_parts(items, self.len) }
            }
            _ => &[],
        }
    }

    /// The pairs of a hash, in the order in which Perl gave them.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (&[u8], &Value)> + ExactSizeIterator {
        let items = if self.tag == Tag::Map { self.items() } else { &[] };
        items.chunks_exact(2).map(|pair| (pair[0].raw(), &pair[1]))
    }

    /// The value of `name` in a hash; the last one if several pairs have that key.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&Value> {
        let name = name.as_ref();
        self.pairs().rfind(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The numbers of an exception.
    pub(crate) fn error_head(&self) -> Option<ErrorHead> {
        if self.tag != Tag::Error {
            return None;
        }
        // SAFETY: this tag holds a text.
        let text = unsafe { self.data.text };
        // SAFETY: it begins with this, see `VirError`.
        Some(unsafe { text.cast::<ErrorHead>().read_unaligned() })
    }

    /// The bytes of a string as they are, nothing for other values.
    pub fn raw(&self) -> &[u8] {
        match self.tag {
            Tag::Text | Tag::Bytes | Tag::Bad if self.len > 0 => {
                // SAFETY: these tags hold a text.
                let text = unsafe { self.data.text };
                // SAFETY: of `len` bytes, which live as long as this value.
                unsafe { std::slice::from_raw_parts(text.cast(), self.len) }
            }
            Tag::Key => {
                // SAFETY: this tag's field.
                let key = unsafe { self.data.key };
                // SAFETY: `Value::key` made it of a `&'static Key`.
                let key = unsafe { &*key };
                // SAFETY: a key points to a literal of `len` bytes.
                unsafe { std::slice::from_raw_parts(key.text.cast(), key.len) }
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
            Tag::Handle | Tag::Owner | Tag::Borrowed | Tag::Code => unsafe { self.data.pointer },
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

    /// The value of a floating point number.
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

    /// The value of a signed integer, the kind of almost all numbers.
    #[inline]
    pub fn plain_integer(&self) -> Option<i64> {
        match self.tag {
            // SAFETY: this tag's field.
            Tag::Int => Some(unsafe { self.data.integer }),
            _ => None,
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
            Tag::Handle | Tag::Owner | Tag::Borrowed => write!(f, "{:?}({:?})", self.class, self.pointer()),
            Tag::File => write!(f, "File({:?})", self.descriptor()),
            _ => write!(f, "{:?}{:?}", self.tag, self.items()),
        }
    }
}
