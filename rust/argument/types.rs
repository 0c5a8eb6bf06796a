// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! What a row's parameter can be: for each type, how the shim decodes the argument and what the row sees of it.

use super::named::NamedArg;
use super::number::integer;
use crate::boundary::class::{Class, Object};
use crate::boundary::error::{Error, Result};
use crate::boundary::table::{Check, Kind, Outcome, plain_name};
use crate::boundary::value::Value;
use libc::{c_char, c_void};
use std::ffi::CStr;
use std::panic::catch_unwind;

/// The type of a row's parameter.
pub trait Arg {
    /// What the row sees.
    type Out<'a>;
    /// How the shim decodes the argument.
    const KIND: Kind;
    /// Of which class it must be.
    const CLASS: Class = Class::None;
    /// See [`Param`].
    const SPACED: bool = false;
    /// The row's view of `value`; `name` is the parameter's.
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Self::Out<'a>>;
}

/// What a row's parameter of that type says in the tables.
pub const fn kind_of<A: Arg>() -> (Kind, Class, bool, Check) {
    (A::KIND, A::CLASS, A::SPACED, check::<A>)
}

extern "C" fn check<A: Arg>(name: *const c_char, argument: *const Value, result: *mut Value) -> Outcome {
    // SAFETY: the name of a parameter, a literal with a NUL at its end, and its argument.
    let (name, argument) = unsafe { (CStr::from_ptr(name), &*argument) };
    let looked = catch_unwind(|| A::get(argument, name.to_str().unwrap_or_default()).map(drop));
    let text = match looked {
        Ok(Ok(())) => return Outcome::Done,
        Ok(Err(Error::Usage(text))) => text,
        Ok(Err(error)) => format!("{error:?}"),
        Err(_) => "internal error".into(),
    };
    // SAFETY: the caller's value, which holds nothing.
    unsafe { result.write(Value::from(text.as_str())) };
    Outcome::Usage
}

/// A parameter's name as messages show it: without the ending that says that it was an SV.
fn shown(name: &'static str) -> &'static str {
    let name = plain_name(name);
    ["_sv", "sv", "SV", "Sv"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// What a value that is already an integer holds, if that is a `T`.
#[inline]
fn plain<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    T::try_from(value.plain_integer()?).ok()
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Arg for $int {
            type Out<'a> = $int;
            const KIND: Kind = Kind::Number;
            #[inline]
            fn get(value: &Value, name: &'static str) -> Result<$int> {
                plain(value).map_or_else(|| integer(value, shown(name)), Ok)
            }
        }
    )*};
}
integers!(i32, u32, i64, u64, usize, u8);

/// Flags whose default the usage text writes with blanks around the equals sign.
pub struct SpacedFlags;

impl Arg for SpacedFlags {
    type Out<'a> = u32;
    const KIND: Kind = Kind::Number;
    const SPACED: bool = true;
    fn get(value: &Value, name: &'static str) -> Result<u32> {
        u32::get(value, name)
    }
}

/// How many elements a legacy list may have: the size of an array that we allocate.
pub struct Count;

impl Arg for Count {
    type Out<'a> = usize;
    const KIND: Kind = Kind::Number;
    fn get(value: &Value, name: &'static str) -> Result<usize> {
        let count = i32::get(value, name)?;
        usize::try_from(count).map_err(|_| Error::argument(shown(name), format_args!("is negative: {count}")))
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Arg for $name {
            type Out<'a> = *const c_char;
            const KIND: Kind = Kind::$name;
            #[inline]
            fn get(value: &Value, _name: &'static str) -> Result<*const c_char> {
                Ok(value.c_text())
            }
        }
    )*};
}
texts! {
    /// A C string.
    Text,
    /// A C string, or NULL for undef.
    TextOrNull,
    /// A file name, or NULL for undef.
    PathOrNull,
}

/// A string of bytes.
pub struct Bytes;

impl Arg for Bytes {
    type Out<'a> = &'a [u8];
    const KIND: Kind = Kind::Bytes;
    fn get<'a>(value: &'a Value, _name: &'static str) -> Result<&'a [u8]> {
        Ok(value.raw())
    }
}

/// A string of bytes; undef is the empty one.
pub struct BytesOrNull;

impl Arg for BytesOrNull {
    type Out<'a> = &'a [u8];
    const KIND: Kind = Kind::BytesOrNull;
    fn get<'a>(value: &'a Value, _name: &'static str) -> Result<&'a [u8]> {
        Ok(value.raw())
    }
}

impl<T: Object> Arg for T {
    type Out<'a> = *mut T;
    const KIND: Kind = Kind::Handle;
    const CLASS: Class = T::CLASS;
    #[inline]
    fn get(value: &Value, _name: &'static str) -> Result<*mut T> {
        Ok(value.object().cast())
    }
}

impl<T: Object> Arg for Option<T> {
    type Out<'a> = *mut T;
    const KIND: Kind = Kind::HandleOrNull;
    const CLASS: Class = T::CLASS;
    fn get(value: &Value, _name: &'static str) -> Result<*mut T> {
        Ok(value.pointer().cast())
    }
}

/// An object that callbacks will be registered on: the object, and the SV that it lives in.
pub struct Owner<T>(std::marker::PhantomData<T>);

/// What [`Owner`] gives.
pub struct Origin<T> {
    /// The object.
    pub object: *mut T,
    /// The caller's reference to it, for the shim.
    pub sv: *mut c_void,
}

impl<T: Object> Arg for Owner<T> {
    type Out<'a> = Origin<T>;
    const KIND: Kind = Kind::Handle;
    const CLASS: Class = T::CLASS;
    fn get(value: &Value, _name: &'static str) -> Result<Origin<T>> {
        Ok(Origin { object: value.pointer().cast(), sv: value.origin() })
    }
}

macro_rules! compounds {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Arg for $name {
            type Out<'a> = NamedArg<'a>;
            const KIND: Kind = Kind::$name;
            fn get<'a>(value: &'a Value, name: &'static str) -> Result<NamedArg<'a>> {
                Ok(NamedArg { value, name: shown(name) })
            }
        }
    )*};
}
compounds! {
    /// A reference to a hash.
    Hash,
    /// A reference to an array.
    Array,
    /// A reference to an array, or undef.
    ArrayOrNull,
    /// A code reference.
    Code,
    /// Anything.
    Any,
    /// A variable that the method assigns to.
    Variable,
    /// All remaining arguments, as the pairs of a hash.
    Pairs,
    /// A class name or an object.
    Invocant,
}
