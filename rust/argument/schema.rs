// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Typed parameters as setters take them: [`Schema`]s, and [`ParamBuilder`], which makes them of a hash.

use super::named::NamedArg;
use super::number::integer;
use crate::boundary::error::{Error, Result, last_code};
use crate::boundary::value::{Tag, Value};
use crate::virt::params::{ParamArray, ParamType, field};
use crate::virt::rules::check;
use libc::{c_char, c_int, c_uint};
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use virt_sys::{
    VIR_ERR_ARGUMENT_UNSUPPORTED, VIR_ERR_INVALID_ARG, VIR_TYPED_PARAM_BOOLEAN, VIR_TYPED_PARAM_DOUBLE,
    VIR_TYPED_PARAM_INT, VIR_TYPED_PARAM_LLONG, VIR_TYPED_PARAM_STRING, VIR_TYPED_PARAM_UINT,
    VIR_TYPED_PARAM_ULLONG, virTypedParameter,
};

/// A fixed set of parameters: the keys a method takes and the type of each.
pub type Schema = [(&'static CStr, ParamType)];

/// Parameters that we give to libvirt; strings live as long as the list.
#[derive(Default)]
pub struct ParamBuilder {
    params: Vec<virTypedParameter>,
    texts: Vec<CString>,
}

impl ParamBuilder {
    /// The parameters of `set` that the hash `given` has; a key that is not in the set is an error.
    pub fn fixed(given: &NamedArg, set: &Schema) -> Result<Self> {
        let mut arguments = Self::default();
        for (key, _) in given.value.pairs() {
            if !set.iter().any(|(name, _)| name.to_bytes() == key) {
                return Err(unknown(given.name, key));
            }
        }
        // Single values first, repeated ones after them; both in the order of the set.
        for repeated in [false, true] {
            for &(name, kind) in set {
                if (kind == ParamType::Texts) != repeated {
                    continue;
                }
                if let Some(value) = given.value.get(name.to_bytes()) {
                    arguments.push(name.to_bytes(), kind, value)?;
                }
            }
        }
        Ok(arguments)
    }

    /// The same for pairs that the caller picked from the hash.
    pub fn chosen(given: &NamedArg, pairs: &[(&[u8], &Value)], set: &Schema) -> Result<Self> {
        let mut arguments = Self::default();
        for (key, value) in pairs {
            let (name, kind) = set
                .iter()
                .find(|(name, _)| name.to_bytes() == *key)
                .ok_or_else(|| unknown(given.name, key))?;
            arguments.push(name.to_bytes(), *kind, value)?;
        }
        Ok(arguments)
    }

    /// The hash `given`, each value with the type that the driver reports for its key in `current`.
    pub fn like(given: &NamedArg, current: &[virTypedParameter]) -> Result<Self> {
        let mut arguments = Self::default();
        for (key, _) in given.value.pairs() {
            if !current.iter().any(|param| field(param) == key) {
                return Err(unknown(given.name, key));
            }
        }
        for param in current {
            let name = field(param);
            if let (Some(value), Some(kind)) = (given.value.get(name), ParamType::of(param.type_)) {
                arguments.push(name, kind, value)?;
            }
        }
        Ok(arguments)
    }

    /// Adds one parameter, or for [`ParamType::Texts`] one per element.
    pub fn push(&mut self, name: &[u8], kind: ParamType, value: &Value) -> Result<()> {
        let shown = std::str::from_utf8(name).unwrap_or("a parameter");
        if kind == ParamType::Texts {
            if value.tag() != Tag::Array {
                return Err(Error::argument(shown, "is not an ARRAY reference"));
            }
            return value.items().iter().try_for_each(|element| {
                if element.is_none() {
                    return Err(Error::argument(shown, "has an undefined element"));
                }
                self.push(name, ParamType::Text, element)
            });
        }
        let mut param = blank(name, kind)?;
        let slot = &mut param.value;
        match kind {
            ParamType::Int => slot.i = integer(value, shown)?,
            ParamType::Uint => slot.ui = integer(value, shown)?,
            ParamType::Llong => slot.l = integer(value, shown)?,
            ParamType::Ullong => slot.ul = integer(value, shown)?,
            ParamType::Double => {
                slot.d = value.float().ok_or_else(|| Error::argument(shown, "is not a finite number"))?;
            }
            ParamType::Boolean => slot.b = c_char::from(integer::<i64>(value, shown)? != 0),
            ParamType::Text | ParamType::Texts => {
                let text = value.to_text(shown)?;
                // The heap buffer of a CString does not move when the CString does.
                slot.s = text.as_ptr().cast_mut();
                self.texts.push(text);
            }
        }
        self.params.push(param);
        Ok(())
    }

    /// For C: the array. It is never NULL, which several functions refuse even when they are told of no element.
    pub fn as_ptr(&mut self) -> *mut virTypedParameter {
        self.params.as_mut_ptr()
    }

    /// For C: the number of elements.
    pub fn len(&self) -> c_int {
        self.params.len() as c_int
    }
}

fn blank(name: &[u8], kind: ParamType) -> Result<virTypedParameter> {
    // SAFETY: all-zero bytes are a parameter without name, type and value.
    let mut param: virTypedParameter = unsafe { std::mem::zeroed() };
    if name.len() >= param.field.len() {
        let name = shortened(name);
        return Err(Error::invalid(format!("parameter name '{name}' is too long")));
    }
    for (to, &from) in param.field.iter_mut().zip(name) {
        *to = from as c_char;
    }
    param.type_ = match kind {
        ParamType::Int => VIR_TYPED_PARAM_INT,
        ParamType::Uint => VIR_TYPED_PARAM_UINT,
        ParamType::Llong => VIR_TYPED_PARAM_LLONG,
        ParamType::Ullong => VIR_TYPED_PARAM_ULLONG,
        ParamType::Double => VIR_TYPED_PARAM_DOUBLE,
        ParamType::Boolean => VIR_TYPED_PARAM_BOOLEAN,
        ParamType::Text | ParamType::Texts => VIR_TYPED_PARAM_STRING,
    } as c_int;
    Ok(param)
}

fn unknown(hash: &str, key: &[u8]) -> Error {
    Error::invalid(format!("{hash} has the unknown key '{}'", shortened(key)))
}

/// As much of a name as helps to find it.
fn shortened(name: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&name[..name.len().min(1_000)])
}

/// A setter that takes what its getter reports. The types of what libvirt documents are `known`: it is sent at once. A driver
/// that refuses it, or other keys: the getter tells what there is, and of which type.
pub fn set_like(
    given: &NamedArg,
    known: &Schema,
    getter: impl FnOnce() -> Result<ParamArray>,
    setter: impl Fn(*mut virTypedParameter, c_int) -> c_int,
) -> Result<Value> {
    let mut pairs = given.value.pairs().peekable();
    let all_known =
        pairs.peek().is_some() && pairs.all(|(key, _)| known.iter().any(|(name, _)| name.to_bytes() == key));
    if all_known {
        let mut arguments = ParamBuilder::fixed(given, known)?;
        if setter(arguments.as_ptr(), arguments.len()) >= 0 {
            return Ok(Value::none());
        }
        if !matches!(last_code() as c_uint, VIR_ERR_INVALID_ARG | VIR_ERR_ARGUMENT_UNSUPPORTED) {
            return Err(Error::last());
        }
    }
    let mut arguments = ParamBuilder::like(given, &getter()?)?;
    check(setter(arguments.as_ptr(), arguments.len())).map(|_| Value::none())
}
