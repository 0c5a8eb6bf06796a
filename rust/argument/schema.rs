// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Typed parameters as setters take them: [`Schema`]s, and [`ParamBuilder`], which makes them of a hash.

use super::number::{Bounds, float, integer, is_number, number_as_text, text};
use super::types::Arg;
use crate::boundary::error::{Error, Result, last_code};
use crate::boundary::memory;
use crate::boundary::parameter::ParamType;
use crate::boundary::shape::{Field, Kind, Others, Shape};
use crate::boundary::value::{Tag, Value};
use crate::virt::params::{ParamArray, field};
use crate::virt::rules::check;
use libc::{c_char, c_int, c_uint};
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use virt_sys::{VIR_ERR_ARGUMENT_UNSUPPORTED, VIR_ERR_INVALID_ARG, virTypedParameter};

/// A set of parameters: the keys that a method takes and the type of each.
pub trait Schema {
    /// For Rust.
    const PARAMS: &'static [(&'static CStr, ParamType)];
    /// For the shim.
    const FIELDS: &'static [Field];
}

/// `schema! { NAME { KEY => Type, ... } }`
macro_rules! schema {
    ($(#[$doc:meta])* $name:ident { $($key:expr => $type:ident),* $(,)? }) => {
        $(#[$doc])*
        #[expect(clippy::allow_attributes, reason = "whether a name is of that kind depends on it")]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "named like a constant")]
        pub struct $name;

        impl $crate::argument::schema::Schema for $name {
            const PARAMS: &'static [(&'static std::ffi::CStr, $crate::boundary::parameter::ParamType)] = {
                let params: &[_] = &[$(($key, $crate::boundary::parameter::ParamType::$type)),*];
                assert!(params.len() <= $crate::argument::schema::SCHEMA_MAX);
                params
            };
            const FIELDS: &'static [$crate::boundary::shape::Field] = &[$(
                $crate::boundary::shape::Field::new(
                    $key,
                    $crate::argument::schema::shape_of($crate::boundary::parameter::ParamType::$type),
                )
            ),*];
        }
    };
}
pub(crate) use schema;

const fn bounded<T: Bounds>() -> Shape {
    Shape::number(T::MIN, T::MAX)
}

/// How the shim decodes a parameter of that type.
pub const fn shape_of(kind: ParamType) -> Shape {
    const TEXT: Shape = Shape::of(Kind::Text);
    match kind {
        ParamType::Int => bounded::<i32>(),
        ParamType::Uint => bounded::<u32>(),
        ParamType::Llong => bounded::<i64>(),
        ParamType::Ullong => bounded::<u64>(),
        ParamType::Double => Shape::of(Kind::Float),
        ParamType::Boolean => Shape::number(i64::MIN, u64::MAX),
        ParamType::Text => TEXT,
        ParamType::Texts => Shape::array(&TEXT),
    }
}

/// A reference to a hash of the parameters `S`.
pub struct Typed<S>(PhantomData<S>);

impl<S: Schema> Arg for Typed<S> {
    type Out<'a> = ParamBuilder<'a>;
    const SHAPE: Shape = Shape::fields(Kind::Hash, S::FIELDS, Others::Warn);
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<ParamBuilder<'a>> {
        ParamBuilder::fixed(value, name, S::PARAMS)
    }
}

/// The same, or anything else, which has to be an `A`.
pub struct TypedOr<S, A>(PhantomData<(S, A)>);

/// The value of a [`TypedOr`].
pub enum Either<'a, T> {
    /// The parameters.
    Params(ParamBuilder<'a>),
    /// Something else.
    Other(T),
}

impl<S: Schema, A: Arg> Arg for TypedOr<S, A> {
    type Out<'a> = Either<'a, A::Out<'a>>;
    const SHAPE: Shape = Typed::<S>::SHAPE.or(&A::SHAPE);
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Self::Out<'a>> {
        Ok(if value.tag() == Tag::Map {
            Either::Params(Typed::<S>::get(value, name)?)
        } else {
            Either::Other(A::get(value, name)?)
        })
    }
}

/// A reference to a hash of parameters that a getter reports: `S` are those that libvirt documents, the driver may have others.
pub struct Tuned<S>(PhantomData<S>);

/// The value of a [`Tuned`].
pub struct Tuning<'a> {
    value: &'a Value,
    name: &'static str,
    documented: &'static [(&'static CStr, ParamType)],
}

impl<S: Schema> Arg for Tuned<S> {
    type Out<'a> = Tuning<'a>;
    const SHAPE: Shape = Shape::fields(Kind::Hash, S::FIELDS, Others::Keep);
    fn get<'a>(value: &'a Value, name: &'static str) -> Result<Tuning<'a>> {
        Ok(Tuning { value, name, documented: S::PARAMS })
    }
}

/// Parameters to pass to libvirt. Their strings belong to the arguments.
#[derive(Default)]
pub struct ParamBuilder<'a> {
    params: Vec<virTypedParameter>,
    /// Those of numbers.
    made: Vec<CString>,
    strings: PhantomData<&'a Value>,
}

impl<'a> ParamBuilder<'a> {
    /// Nothing yet, with room for so many.
    fn with_room(count: usize) -> Self {
        ParamBuilder { params: memory::with_room(count), ..Self::default() }
    }

    /// The parameters of `schema` that the hash has.
    fn fixed(value: &'a Value, name: &str, schema: &'static [(&'static CStr, ParamType)]) -> Result<Self> {
        // The shim only leaves an unknown key if all keys are unknown.
        let values = by_schema(value, schema).map_err(|key| unknown(name, key))?;
        Self::of(&values, value.pairs().len(), schema)
    }

    /// The values of a hash with so many pairs: single ones first, repeated ones after them; both in the order of the schema.
    fn of(values: &Values<'a>, count: usize, schema: &[(&'static CStr, ParamType)]) -> Result<Self> {
        let mut builder = Self::with_room(count);
        for repeated in [false, true] {
            for (&(key, kind), value) in schema.iter().zip(values) {
                if let Some(value) = value.filter(|_| (kind == ParamType::Texts) == repeated) {
                    builder.push(key.to_bytes(), kind, value)?;
                }
            }
        }
        Ok(builder)
    }

    /// Sets a string, replacing the value from the hash.
    ///
    /// # Safety
    /// `text` is a C string that lives as long as the arguments.
    pub unsafe fn set_text(&mut self, name: &'static CStr, text: *const c_char) -> Result<()> {
        self.params.retain(|param| field(param) != name.to_bytes());
        let mut param = blank(name.to_bytes(), ParamType::Text)?;
        param.value.s = text.cast_mut();
        self.params.push(param);
        Ok(())
    }

    /// Adds an unsigned number.
    pub fn set_unsigned(&mut self, name: &'static CStr, number: u64) -> Result<()> {
        let mut param = blank(name.to_bytes(), ParamType::Ullong)?;
        param.value.ul = number;
        self.params.push(param);
        Ok(())
    }

    /// Adds one parameter, or for [`ParamType::Texts`] one per element.
    pub fn push(&mut self, name: &[u8], kind: ParamType, value: &'a Value) -> Result<()> {
        if kind == ParamType::Texts {
            return value.items().iter().try_for_each(|element| self.push(name, ParamType::Text, element));
        }
        self.add(&blank(name, kind)?, kind, value)
    }

    /// Adds a copy of a parameter that has its name and its type.
    fn add(&mut self, param: &virTypedParameter, kind: ParamType, value: &'a Value) -> Result<()> {
        let mut content = param.value;
        match kind {
            ParamType::Int => content.i = named(param, |name| integer(value, name))?,
            ParamType::Uint => content.ui = named(param, |name| integer(value, name))?,
            ParamType::Llong => content.l = named(param, |name| integer(value, name))?,
            ParamType::Ullong => content.ul = named(param, |name| integer(value, name))?,
            ParamType::Double => content.d = named(param, |name| float(value, name))?,
            ParamType::Boolean => content.b = c_char::from(named(param, |name| float(value, name))? != 0.0),
            ParamType::Text | ParamType::Texts => {
                let text = named(param, |name| self.text(value, name))?;
                content.s = if text.is_null() { c"".as_ptr() } else { text }.cast_mut();
            }
        }
        self.params.push(virTypedParameter { value: content, ..*param });
        Ok(())
    }

    /// The string of `value`, which lives as long as this; undef is NULL.
    pub fn text(&mut self, value: &'a Value, name: &str) -> Result<*const c_char> {
        let Some(made) = number_as_text(value).and_then(|text| CString::new(text).ok()) else {
            return text(value, name);
        };
        // Moving the string would invalidate a pointer to it.
        self.made.push(made);
        Ok(self.made.last().map_or(std::ptr::null(), |text| text.as_ptr()))
    }

    /// Whether there are the same parameters with the same types, and with the same values then, since those are of one hash.
    fn has_types_of(&self, other: &Self) -> bool {
        self.params.len() == other.params.len()
            && self.params.iter().all(|param| {
                other.params.iter().any(|sent| sent.type_ == param.type_ && field(sent) == field(param))
            })
    }

    /// For C: the array. It is never NULL, which several functions reject even if the count is 0.
    pub fn as_ptr(&mut self) -> *mut virTypedParameter {
        self.params.as_mut_ptr()
    }

    /// For C: the array, or NULL if it has no elements, as `virDomainAnnounceInterface` wants it.
    pub fn as_ptr_or_null(&mut self) -> *mut virTypedParameter {
        if self.params.is_empty() { std::ptr::null_mut() } else { self.as_ptr() }
    }

    /// For C: the number of elements.
    pub fn len(&self) -> c_int {
        self.params.len() as c_int
    }
}

/// What `convert` makes; it gets the parameter's name only if it fails, because that is checked first.
#[inline]
fn named<T>(param: &virTypedParameter, mut convert: impl FnMut(&str) -> Result<T>) -> Result<T> {
    convert("").or_else(|_| convert(std::str::from_utf8(field(param)).unwrap_or("a parameter")))
}

/// Whether that is the parameter's name.
#[inline]
fn is_named(param: &virTypedParameter, name: &[u8]) -> bool {
    let Some((&last, _)) = name.split_last() else { return param.field[0] == 0 };
    // The last character tells most names apart.
    param.field.get(name.len() - 1..=name.len()) == Some(&[last as c_char, 0]) && field(param) == name
}

/// The most parameters that a schema has.
pub(crate) const SCHEMA_MAX: usize = 32;

/// The values of a hash, each at the place that its parameter has in the schema.
type Values<'a> = [Option<&'a Value>; SCHEMA_MAX];

/// The values of a hash; the error is a key that the schema does not have.
fn by_schema<'a>(value: &'a Value, schema: &[(&'static CStr, ParamType)]) -> Result<Values<'a>, &'a [u8]> {
    let mut values = [None; SCHEMA_MAX];
    for (key, value) in value.pairs() {
        // The shim gives the name's own address for what it knows, unless the linker has several of one name.
        let index = schema.iter().position(|(name, _)| name.as_ptr() == key.as_ptr().cast());
        let index =
            index.or_else(|| schema.iter().position(|(name, _)| name.to_bytes() == key)).ok_or(key)?;
        values[index] = Some(value);
    }
    Ok(values)
}

#[inline]
fn blank(name: &[u8], kind: ParamType) -> Result<virTypedParameter> {
    // SAFETY: all-zero bytes are a parameter without name, type and value.
    let mut param: virTypedParameter = unsafe { std::mem::zeroed() };
    if name.len() >= param.field.len() {
        let name = shortened(name);
        return Err(Error::invalid(format!("parameter name '{name}' is too long")));
    }
    // SAFETY: there is room for it, and for its NUL.
    unsafe { param.field.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(name.as_ptr(), name.len()) };
    param.type_ = kind.number();
    Ok(param)
}

fn unknown(hash: &str, key: &[u8]) -> Error {
    Error::invalid(format!("{hash} has the unknown key '{}'", shortened(key)))
}

/// As much of a name as helps to find it.
fn shortened(name: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&name[..name.len().min(1_000)])
}

impl<'a> Tuning<'a> {
    /// The parameters that the driver has, each with the type that it reports in `current`; and warnings.
    fn like(&self, current: &[virTypedParameter]) -> Result<(ParamBuilder<'a>, Vec<String>)> {
        let mut values = memory::collected(current.iter().map(|_| None));
        let mut others = Vec::new();
        for (key, value) in self.value.pairs() {
            match current.iter().position(|param| is_named(param, key)) {
                Some(index) => values[index] = Some(value),
                None => others.push(key),
            }
        }
        let (mut builder, mut warnings) = (ParamBuilder::with_room(self.value.pairs().len()), Vec::new());
        for (param, value) in current.iter().zip(values) {
            let (Some(value), Some(kind)) = (value, ParamType::of(param.type_)) else {
                continue;
            };
            if value.is_none() {
                warnings.push(format!("{} is undefined", shortened(field(param))));
            } else if kind != ParamType::Text && value.tag() == Tag::Scalar && !is_number(value) {
                warnings.push(format!("{} is not a number", shortened(field(param))));
            }
            builder.add(param, kind, value)?;
        }
        for key in others {
            if builder.params.is_empty() {
                return Err(unknown(self.name, key));
            }
            let key = shortened(key);
            warnings.push(format!("{} has the unknown key '{key}', which is ignored", self.name));
        }
        Ok((builder, warnings))
    }
}

/// Sets what a getter reports. The types of what libvirt documents are known: it is sent at once. A driver that refuses it, or
/// other keys: the getter reports the existing parameters and their types. If these are what was sent, the first error is thrown.
pub fn set_like(
    given: &Tuning,
    getter: impl FnOnce() -> Result<ParamArray>,
    setter: impl Fn(*mut virTypedParameter, c_int) -> c_int,
) -> Result<Value> {
    let mut sent = None;
    let count = given.value.pairs().len();
    if let (1.., Ok(values)) = (count, by_schema(given.value, given.documented)) {
        let mut params = ParamBuilder::of(&values, count, given.documented)?;
        if setter(params.as_ptr(), params.len()) >= 0 {
            return Ok(Value::none());
        }
        let code = last_code();
        let refusal = Error::last(); // from now on nobody else has it
        if !matches!(code as c_uint, VIR_ERR_INVALID_ARG | VIR_ERR_ARGUMENT_UNSUPPORTED) {
            return Err(refusal);
        }
        sent = Some((params, refusal));
    }
    let (mut params, warnings) = given.like(&getter()?)?;
    if let Some((refused, refusal)) = sent {
        if params.has_types_of(&refused) {
            return Err(refusal);
        }
    }
    check(setter(params.as_ptr(), params.len()))?;
    Ok(Value::warned(Value::none(), warnings))
}
