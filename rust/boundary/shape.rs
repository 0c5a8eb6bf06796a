// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Shape`]: all that the shim has to know to decode an argument, and every element of it. The shim decodes, checks ranges and
//! refuses; what Rust gets is of the shape that it asked for.

use super::class::Class;
use libc::c_char;
use std::ffi::CStr;

/// The required kind of a scalar.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer from `min` to `max`.
    Number,
    /// A floating point number.
    Float,
    /// True or false: 1 or 0.
    Truth,
    /// A string for libvirt: UTF-8 without NUL.
    Text,
    /// A file name: any bytes but NUL.
    Path,
    /// A string of bytes.
    Bytes,
    /// A string or a number: a plain number, or [`Tag::Scalar`](super::value::Tag::Scalar), which holds both.
    Scalar,
    /// An object of `class`; if it is optional, anything that is not a reference means NULL.
    Handle,
    /// A code reference, or the name of a sub.
    Code,
    /// The number of a file descriptor, or a file handle.
    Descriptor,
    /// A reference to an array, whose elements are like `element`.
    Array,
    /// A reference to an array with one element for each of `fields`.
    Tuple,
    /// A reference to a hash with the keys `fields`; anything else has to be like `element`, unless NULL.
    Hash,
    /// A handle, a reference to a number, or a scalar.
    Any,
    /// A class name or an object of that class.
    Invocant,
    /// A variable of the caller's that the method assigns to.
    Variable,
    /// All remaining arguments, as the pairs of a hash.
    Pairs,
}

/// How keys that are not among the fields are handled.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// A warning for each. A hash that has no other keys keeps the first, for an exception.
    Warn = 0,
    /// They are decoded as [`Kind::Scalar`]: the driver may know them.
    Keep,
    /// Nothing; for an array: anything that is not a reference is an empty array.
    Ignore,
    /// For an array: with anything that is not a reference the method does nothing.
    Skip,
}

/// How an argument is decoded.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The required kind ...
    pub kind: Kind,
    /// ... of which class.
    pub class: Class,
    /// How other keys are handled.
    pub others: Others,
    /// undef is [`Tag::None`](super::value::Tag::None), without a warning.
    pub optional: bool,
    /// It may be a password: no message quotes it.
    pub secret: bool,
    /// For a number that is a size: the bytes of one unit; otherwise 0. A warning names the number for "2G".
    pub unit: u32,
    /// The least number ...
    pub min: i64,
    /// ... and the greatest.
    pub max: u64,
    /// The shape of an array's elements.
    pub element: *const Shape,
    /// The keys of a hash ...
    pub fields: *const Field,
    /// ... and how many there are.
    pub nfields: usize,
}

/// The shape of a hash's value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key ...
    pub key: *const c_char,
    /// ... and its length.
    pub len: usize,
    /// Its shape.
    pub shape: Shape,
}

// SAFETY: the pointers are to constants.
unsafe impl Sync for Shape {}
// SAFETY: as above.
unsafe impl Sync for Field {}

impl Shape {
    /// One of that kind.
    pub const fn of(kind: Kind) -> Self {
        Shape {
            kind,
            class: Class::None,
            others: Others::Warn,
            optional: false,
            secret: false,
            unit: 0,
            min: 0,
            max: 0,
            element: std::ptr::null(),
            fields: std::ptr::null(),
            nfields: 0,
        }
    }

    /// A number from `min` to `max`.
    pub const fn number(min: i64, max: u64) -> Self {
        Shape { min, max, ..Self::of(Kind::Number) }
    }

    /// An object.
    pub const fn handle(class: Class) -> Self {
        Shape { class, ..Self::of(Kind::Handle) }
    }

    /// An array.
    pub const fn array(element: &'static Shape) -> Self {
        Shape { element, ..Self::of(Kind::Array) }
    }

    /// A hash, an array with a fixed number of elements, or the pairs of an argument list.
    pub const fn fields(kind: Kind, fields: &'static [Field], others: Others) -> Self {
        Shape { fields: fields.as_ptr(), nfields: fields.len(), others, ..Self::of(kind) }
    }

    /// The same, but undef is nothing.
    pub const fn optional(self) -> Self {
        Shape { optional: true, ..self }
    }

    /// The same, but no message quotes it.
    pub const fn secret(self) -> Self {
        Shape { secret: true, ..self }
    }

    /// This hash, or something else.
    pub const fn or(self, other: &'static Shape) -> Self {
        Shape { element: other, ..self }
    }
}

impl Field {
    /// The shape of the value of `key`.
    pub const fn new(key: &'static CStr, shape: Shape) -> Self {
        Field { key: key.as_ptr(), len: key.count_bytes(), shape }
    }
}
