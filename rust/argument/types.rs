// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The types of a row's parameters: for each type, how the shim decodes the argument, and the value that the row gets. The shim has
//! checked everything when a row runs, so that `get` only narrows.

use crate::boundary::class::Object;
use crate::boundary::error::{Error, Result};
use crate::boundary::memory;
use crate::boundary::shape::{Field, Kind, Others, Shape};
use crate::boundary::value::Value;
use libc::{c_char, c_void};
use std::marker::PhantomData;

/// The type of a row's parameter.
pub trait Arg {
    /// The type of the value in the row.
    type Out<'a>;
    /// How the shim decodes the argument.
    const SHAPE: Shape;
    /// The usage text writes the default with blanks around the equals sign.
    const SPACED: bool = false;
    /// The row's view of `value`; `name` is the parameter's.
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Self::Out<'a>>;
}

/// The entry of a parameter of that type in the tables.
pub const fn shape_of<A: Arg>() -> (Shape, bool) {
    (A::SHAPE, A::SPACED)
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Arg for $int {
            type Out<'a> = $int;
            const SHAPE: Shape = Shape::number(<$int>::MIN as i64, <$int>::MAX as u64);
            #[inline]
            fn get(value: &Value, _name: &'static str) -> Result<$int> {
                Ok(value.narrow() as $int)
            }
        }
    )*};
}
integers!(i32, u32, i64, u64, usize, u8);

/// Flags whose default the usage text writes with blanks around the equals sign.
pub struct SpacedFlags;

impl Arg for SpacedFlags {
    type Out<'a> = u32;
    const SHAPE: Shape = u32::SHAPE;
    const SPACED: bool = true;
    fn get(value: &Value, name: &'static str) -> Result<u32> {
        u32::get(value, name)
    }
}

/// A size, as an `A` that counts units of `BYTES` bytes. It decodes as every number; a warning about "2G" names the number that is
/// meant.
pub struct Size<A, const BYTES: u32>(PhantomData<A>);

/// The units of [`Size`].
pub const BYTE: u32 = 1;
/// 1024 bytes.
pub const KIB: u32 = 1024;

impl<A: Arg, const BYTES: u32> Arg for Size<A, BYTES> {
    type Out<'a> = A::Out<'a>;
    const SHAPE: Shape = Shape { unit: BYTES, ..A::SHAPE };
    #[inline]
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<A::Out<'a>> {
        A::get(value, name)
    }
}

/// A file descriptor, by its number or as a file handle.
pub struct Descriptor;

impl Arg for Descriptor {
    type Out<'a> = i32;
    const SHAPE: Shape = Shape { kind: Kind::Descriptor, ..i32::SHAPE };
    fn get(value: &Value, name: &'static str) -> Result<i32> {
        i32::get(value, name)
    }
}

/// How many elements a legacy list may have: the size of an array that we allocate.
pub struct Count;

impl Arg for Count {
    type Out<'a> = usize;
    const SHAPE: Shape = Shape::number(0, i32::MAX as u64);
    fn get(value: &Value, _name: &'static str) -> Result<usize> {
        Ok(usize::try_from(value.narrow()).unwrap_or(0))
    }
}

/// True or false.
pub struct Truth;

impl Arg for Truth {
    type Out<'a> = bool;
    const SHAPE: Shape = Shape::of(Kind::Truth);
    fn get(value: &Value, _name: &'static str) -> Result<bool> {
        Ok(value.narrow() != 0)
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident => $shape:expr),* $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Arg for $name {
            type Out<'a> = *const c_char;
            const SHAPE: Shape = $shape;
            #[inline]
            fn get(value: &Value, _name: &'static str) -> Result<*const c_char> {
                Ok(value.c_text())
            }
        }
    )*};
}
texts! {
    /// A C string.
    Text => Shape::of(Kind::Text),
    /// A C string, or NULL for undef.
    TextOrNull => Shape::of(Kind::Text).optional(),
    /// A file name, or NULL for undef.
    PathOrNull => Shape::of(Kind::Path).optional(),
}

macro_rules! bytes {
    ($($(#[$doc:meta])* $name:ident => $shape:expr),* $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Arg for $name {
            type Out<'a> = &'a [u8];
            const SHAPE: Shape = $shape;
            fn get<'a>(value: &'a Value, _name: &'static str) -> Result<&'a [u8]> {
                Ok(value.raw())
            }
        }
    )*};
}
bytes! {
    /// A string of bytes.
    Bytes => Shape::of(Kind::Bytes),
    /// A string of bytes; undef is the empty one.
    BytesOrNull => Shape::of(Kind::Bytes).optional(),
}

impl<T: Object> Arg for T {
    type Out<'a> = *mut T;
    const SHAPE: Shape = Shape::handle(T::CLASS);
    #[inline]
    fn get(value: &Value, _name: &'static str) -> Result<*mut T> {
        Ok(value.object().cast())
    }
}

impl<T: Object> Arg for Option<T> {
    type Out<'a> = *mut T;
    const SHAPE: Shape = Shape::handle(T::CLASS).optional();
    fn get(value: &Value, _name: &'static str) -> Result<*mut T> {
        Ok(value.pointer().cast())
    }
}

/// An object that callbacks will be registered on: the object, and the SV that it lives in.
pub struct Owner<T>(PhantomData<T>);

/// The value of an [`Owner`] in a row.
pub struct Origin<T> {
    /// The object.
    pub object: *mut T,
    sv: *mut c_void,
}

impl<T> Origin<T> {
    /// The scalar that the object came in: for the shim, which alone may follow it.
    pub(super) fn sv(&self) -> *mut c_void {
        self.sv
    }
}

impl<T: Object> Arg for Owner<T> {
    type Out<'a> = Origin<T>;
    const SHAPE: Shape = Shape::handle(T::CLASS);
    fn get(value: &Value, _name: &'static str) -> Result<Origin<T>> {
        Ok(Origin { object: value.pointer().cast(), sv: value.origin() })
    }
}

/// An argument, and the parameter's name for messages.
pub struct NamedArg<'a> {
    /// The argument.
    pub value: &'a Value,
    /// The parameter, as messages show it.
    pub name: &'static str,
}

macro_rules! compounds {
    ($($(#[$doc:meta])* $name:ident => $shape:expr),* $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Arg for $name {
            type Out<'a> = NamedArg<'a>;
            const SHAPE: Shape = $shape;
            fn get<'a>(value: &'a Value, name: &'static str) -> Result<NamedArg<'a>> {
                Ok(NamedArg { value, name })
            }
        }
    )*};
}
compounds! {
    /// A code reference.
    Code => Shape::of(Kind::Code),
    /// A string or a number.
    Scalar => Shape::of(Kind::Scalar),
    /// Anything.
    Any => Shape::of(Kind::Any),
    /// A variable that the method assigns to.
    Variable => Shape::of(Kind::Variable),
    /// A class name or an object.
    Invocant => Shape::of(Kind::Invocant),
}

/// The same, or undef.
pub struct Optional<A>(PhantomData<A>);

impl<A: Arg> Arg for Optional<A> {
    type Out<'a> = Option<A::Out<'a>>;
    const SHAPE: Shape = A::SHAPE.optional();
    const SPACED: bool = A::SPACED;
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Option<A::Out<'a>>> {
        if value.is_none() { Ok(None) } else { A::get(value, name).map(Some) }
    }
}

/// A reference to an array of these.
pub struct Array<A>(PhantomData<A>);

impl<A: Arg> Arg for Array<A> {
    type Out<'a> = Vec<A::Out<'a>>;
    const SHAPE: Shape = Shape::array(&A::SHAPE);
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Vec<A::Out<'a>>> {
        memory::all(value.items().iter().map(|item| A::get(item, name)))
    }
}

/// The same; anything other than a reference is an empty array, as in the original.
pub struct ArrayOrEmpty<A>(PhantomData<A>);

impl<A: Arg> Arg for ArrayOrEmpty<A> {
    type Out<'a> = Vec<A::Out<'a>>;
    const SHAPE: Shape = Shape { others: Others::Ignore, ..Array::<A>::SHAPE };
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Vec<A::Out<'a>>> {
        Array::<A>::get(value, name)
    }
}

/// The same; with anything other than a reference the method returns without a call, as in the original.
pub struct ArrayOrNothing<A>(PhantomData<A>);

impl<A: Arg> Arg for ArrayOrNothing<A> {
    type Out<'a> = Vec<A::Out<'a>>;
    const SHAPE: Shape = Shape { others: Others::Skip, ..Array::<A>::SHAPE };
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Vec<A::Out<'a>>> {
        Array::<A>::get(value, name)
    }
}

/// A reference to an array of two.
impl<A: Arg, B: Arg> Arg for (A, B) {
    type Out<'a> = (A::Out<'a>, B::Out<'a>);
    const SHAPE: Shape =
        Shape::fields(Kind::Tuple, &[Field::new(c"", A::SHAPE), Field::new(c"", B::SHAPE)], Others::Warn);
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<(A::Out<'a>, B::Out<'a>)> {
        let [first, second] = value.items() else { return Err(Error::argument(name, "is not a pair")) };
        Ok((A::get(first, name)?, B::get(second, name)?))
    }
}

/// A reference to an array of such pairs, as C wants them: an array of what comes first, and one of what comes second.
pub struct Columns<A, B>(PhantomData<(A, B)>);

impl<A: Arg, B: Arg> Arg for Columns<A, B> {
    type Out<'a> = (Vec<A::Out<'a>>, Vec<B::Out<'a>>);
    const SHAPE: Shape = Array::<(A, B)>::SHAPE;
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Self::Out<'a>> {
        let count = value.items().len();
        let (mut firsts, mut seconds) = (memory::with_room(count), memory::with_room(count));
        for pair in value.items() {
            let (first, second) = <(A, B)>::get(pair, name)?;
            firsts.push(first);
            seconds.push(second);
        }
        Ok((firsts, seconds))
    }
}
