// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Typed parameters: libvirt's named values of a given type, read into hashes and written from them.

use crate::error::{Fault, Result};
use crate::method::{Named, integer};
use crate::value::{MapBuilder, Value};
use crate::virt::rules::{check, last_code};
use libc::{c_char, c_int, c_uint};
use std::ffi::{CStr, CString};
use virt_sys::{
    VIR_ERR_ARGUMENT_UNSUPPORTED, VIR_ERR_INVALID_ARG, VIR_TYPED_PARAM_BOOLEAN, VIR_TYPED_PARAM_DOUBLE,
    VIR_TYPED_PARAM_INT, VIR_TYPED_PARAM_LLONG, VIR_TYPED_PARAM_STRING, VIR_TYPED_PARAM_UINT,
    VIR_TYPED_PARAM_ULLONG, virTypedParameter, virTypedParamsClear, virTypedParamsFree,
};

/// The type of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `int`
    Int,
    /// `unsigned int`
    Uint,
    /// `long long`
    Llong,
    /// `unsigned long long`
    Ullong,
    /// `double`
    Double,
    /// `char`, 0 or 1
    Boolean,
    /// `char *`
    Text,
    /// Several parameters of one name, each a `char *`: an array in Perl.
    Texts,
}

impl Kind {
    fn of(number: c_int) -> Option<Self> {
        Some(match number as c_uint {
            VIR_TYPED_PARAM_INT => Kind::Int,
            VIR_TYPED_PARAM_UINT => Kind::Uint,
            VIR_TYPED_PARAM_LLONG => Kind::Llong,
            VIR_TYPED_PARAM_ULLONG => Kind::Ullong,
            VIR_TYPED_PARAM_DOUBLE => Kind::Double,
            VIR_TYPED_PARAM_BOOLEAN => Kind::Boolean,
            VIR_TYPED_PARAM_STRING => Kind::Text,
            _ => return None,
        })
    }
}

/// A fixed set of parameters: the keys a method takes and the type of each.
pub type Set = [(&'static CStr, Kind)];

/// The value of one parameter; one of an unknown type is skipped.
///
/// # Safety
/// libvirt wrote the parameter.
pub unsafe fn value(param: &virTypedParameter) -> Option<Value> {
    // SAFETY: libvirt wrote the member that the type names.
    unsafe {
        Some(match Kind::of(param.type_)? {
            Kind::Int => Value::from(param.value.i),
            Kind::Uint => Value::from(param.value.ui),
            Kind::Llong => Value::from(param.value.l),
            Kind::Ullong => Value::from(param.value.ul),
            Kind::Double => Value::from(param.value.d),
            Kind::Boolean => Value::from(param.value.b != 0),
            Kind::Text | Kind::Texts => crate::virt::rules::copied(param.value.s),
        })
    }
}

/// The name of a parameter.
pub fn field(param: &virTypedParameter) -> &[u8] {
    // SAFETY: an array of C characters is one of bytes.
    let bytes: &[u8] = unsafe { std::slice::from_raw_parts(param.field.as_ptr().cast(), param.field.len()) };
    let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    &bytes[..len]
}

/// Parameters as a hash.
///
/// # Safety
/// libvirt wrote them.
pub unsafe fn to_map(params: &[virTypedParameter]) -> Value {
    // SAFETY: the caller's promise.
    unsafe { to_map_renamed(params, |name| name) }
}

/// Parameters as a hash, under names that `rename` may change.
///
/// # Safety
/// libvirt wrote them.
pub unsafe fn to_map_renamed<'a>(
    params: &'a [virTypedParameter],
    rename: impl Fn(&'a [u8]) -> &'a [u8],
) -> Value {
    // One buffer for all names and strings: most of the cost would be allocations.
    let mut map = MapBuilder::with_room(params.len(), params.len() * 24);
    for param in params {
        let name = rename(field(param));
        if Kind::of(param.type_) == Some(Kind::Text) {
            // SAFETY: libvirt wrote a string, or NULL.
            let text = unsafe { param.value.s };
            // SAFETY: as above.
            map.push_bytes(name, (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes()));
        // SAFETY: the caller's promise.
        } else if let Some(value) = unsafe { value(param) } {
            map.push(name, value);
        }
    }
    map.finish()
}

/// An array of parameters from `malloc`, which libvirt filled; their strings are freed with it.
pub struct Given {
    params: *mut virTypedParameter,
    count: c_int,
}

impl Given {
    /// Room for `count` parameters, all zeros, for libvirt to fill.
    pub fn room(count: c_int) -> Result<Self> {
        if count <= 0 {
            return Ok(Given { params: std::ptr::null_mut(), count: 0 });
        }
        // SAFETY: asks for memory, and looks whether it got it.
        let params = unsafe { libc::calloc(count as usize, size_of::<virTypedParameter>()) };
        if params.is_null() {
            return Err(Fault::Usage(format!("there is no memory for {count} elements")));
        }
        Ok(Given { params: params.cast(), count })
    }

    /// For C: the array.
    pub fn as_mut_ptr(&mut self) -> *mut virTypedParameter {
        self.params
    }

    /// The parameters as a hash, which takes them over: its keys and strings are theirs.
    pub fn into_map(self) -> Value {
        let mut items = Vec::with_capacity(self.len() * 2 + 1);
        for param in self.iter() {
            let text = Kind::of(param.type_) == Some(Kind::Text);
            // SAFETY: libvirt wrote the member that the type names. Names and strings live as long as the parameters,
            // and those are the hash's last item.
            unsafe {
                let value = if text { Some(Value::borrowed_text(param.value.s)) } else { value(param) };
                if let Some(value) = value {
                    let name = field(param);
                    items.push(Value::borrowed_bytes(name.as_ptr().cast(), name.len()));
                    items.push(value);
                }
            }
        }
        let given = std::mem::ManuallyDrop::new(self);
        // SAFETY: the array is ours, and from here on the value's.
        items.push(unsafe { Value::parameters(given.params, given.count) });
        Value::map_with_keeper(items)
    }

    /// Takes over `params`, which libvirt allocated.
    ///
    /// # Safety
    /// `params` is NULL or an array of `count` parameters from `malloc`, and nobody else frees it.
    pub unsafe fn from_raw(params: *mut virTypedParameter, count: c_int) -> Self {
        Given { params, count }
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        // SAFETY: malloc gave it, and every element is all zeros or was written by libvirt.
        unsafe { virTypedParamsFree(self.params, self.count) }
    }
}

impl std::ops::Deref for Given {
    type Target = [virTypedParameter];
    fn deref(&self) -> &[virTypedParameter] {
        if self.params.is_null() || self.count <= 0 {
            return &[];
        }
        // SAFETY: libvirt or calloc wrote `count` of them.
        unsafe { std::slice::from_raw_parts(self.params, self.count as usize) }
    }
}

/// Asks a function that is meant to be called twice, once for the number of its parameters, once for themselves. Drivers
/// fill what room there is, so most answer the first time: half the cost, and over a connection half the round trips.
pub fn query(call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int) -> Result<Given> {
    if let Some(given) = query_at_once(&call) {
        return Ok(given);
    }
    query_counted(call)
}

/// The same, asking for the number first.
pub fn query_counted(call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int) -> Result<Given> {
    let mut count = 0;
    check(call(std::ptr::null_mut(), &mut count))?;
    query_n(count, call)
}

/// What a function answers that is not asked for the number of its parameters first; None if it refuses to, or if there may
/// be more than it had room for.
pub fn query_at_once(call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int) -> Option<Given> {
    // The most that the remote protocol allows: 16, for a few functions 32. Most have few: these come to the stack first, for
    // malloc takes its time over more than a kilobyte.
    const FEW: usize = 16;
    // SAFETY: all-zero bytes are a parameter without name, type and value.
    let mut params: [virTypedParameter; FEW] = unsafe { std::mem::zeroed() };
    let mut count = FEW as c_int;
    let failed = call(params.as_mut_ptr(), &mut count) < 0;
    if !failed && count < FEW as c_int {
        if let Ok(given) = Given::room(count) {
            // SAFETY: both arrays have `count` elements, none if that is negative. What they own moves along, for those on the
            // stack are forgotten.
            unsafe { std::ptr::copy_nonoverlapping(params.as_ptr(), given.params, given.len()) };
            return Some(given);
        }
    }
    // SAFETY: libvirt wrote them, or they are all zeros.
    unsafe { virTypedParamsClear(params.as_mut_ptr(), FEW as c_int) };
    if failed {
        return None;
    }
    query_n(2 * FEW as c_int, &call).ok().filter(|given| given.len() < 2 * FEW)
}

/// Asks a function whose number of parameters is known.
pub fn query_n(
    mut count: c_int,
    call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int,
) -> Result<Given> {
    let mut params = Given::room(count)?;
    if count > 0 {
        check(call(params.params, &mut count))?;
    }
    // What libvirt did not write is still all zeros and owns nothing.
    params.count = params.count.min(count.max(0));
    Ok(params)
}

/// A getter of the two-call form, as a hash.
pub fn get(call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int) -> Result {
    query(call).map(Given::into_map)
}

/// Asks a function that allocates its parameters.
pub fn take(call: impl FnOnce(*mut *mut virTypedParameter, *mut c_int) -> c_int) -> Result<Given> {
    let mut given = Given { params: std::ptr::null_mut(), count: 0 };
    check(call(&mut given.params, &mut given.count))?;
    Ok(given)
}

/// A getter that allocates its parameters, as a hash.
pub fn get_allocated(call: impl FnOnce(*mut *mut virTypedParameter, *mut c_int) -> c_int) -> Result {
    take(call).map(Given::into_map)
}

/// Parameters that we give to libvirt; strings live as long as the list.
#[derive(Default)]
pub struct Arguments {
    params: Vec<virTypedParameter>,
    texts: Vec<CString>,
}

impl Arguments {
    /// The parameters of `set` that the hash `given` has; a key that is not in the set is an error.
    pub fn fixed(given: &Named, set: &Set) -> Result<Self> {
        let mut arguments = Self::default();
        for (key, _) in given.value.pairs() {
            if !set.iter().any(|(name, _)| name.to_bytes() == key) {
                return Err(unknown(given.name, key));
            }
        }
        // Single values first, repeated ones after them; both in the order of the set.
        for repeated in [false, true] {
            for &(name, kind) in set {
                if (kind == Kind::Texts) != repeated {
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
    pub fn chosen(given: &Named, pairs: &[(&[u8], &Value)], set: &Set) -> Result<Self> {
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
    pub fn like(given: &Named, current: &[virTypedParameter]) -> Result<Self> {
        let mut arguments = Self::default();
        for (key, _) in given.value.pairs() {
            if !current.iter().any(|param| field(param) == key) {
                return Err(unknown(given.name, key));
            }
        }
        for param in current {
            let name = field(param);
            if let (Some(value), Some(kind)) = (given.value.get(name), Kind::of(param.type_)) {
                arguments.push(name, kind, value)?;
            }
        }
        Ok(arguments)
    }

    /// Adds one parameter, or for [`Kind::Texts`] one per element.
    pub fn push(&mut self, name: &[u8], kind: Kind, value: &Value) -> Result<()> {
        let shown = std::str::from_utf8(name).unwrap_or("a parameter");
        if kind == Kind::Texts {
            if value.tag() != crate::value::Tag::Array {
                return Err(Fault::argument(shown, "is not an ARRAY reference"));
            }
            return value.items().iter().try_for_each(|element| {
                if element.is_none() {
                    return Err(Fault::argument(shown, "has an undefined element"));
                }
                self.push(name, Kind::Text, element)
            });
        }
        let mut param = blank(name, kind)?;
        let slot = &mut param.value;
        match kind {
            Kind::Int => slot.i = integer(value, shown)?,
            Kind::Uint => slot.ui = integer(value, shown)?,
            Kind::Llong => slot.l = integer(value, shown)?,
            Kind::Ullong => slot.ul = integer(value, shown)?,
            Kind::Double => {
                slot.d = value.float().ok_or_else(|| Fault::argument(shown, "is not a finite number"))?;
            }
            Kind::Boolean => slot.b = c_char::from(integer::<i64>(value, shown)? != 0),
            Kind::Text | Kind::Texts => {
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

fn blank(name: &[u8], kind: Kind) -> Result<virTypedParameter> {
    // SAFETY: all-zero bytes are a parameter without name, type and value.
    let mut param: virTypedParameter = unsafe { std::mem::zeroed() };
    if name.len() >= param.field.len() {
        let name = String::from_utf8_lossy(name);
        return Err(Fault::invalid(format!("parameter name '{name}' is too long")));
    }
    for (to, &from) in param.field.iter_mut().zip(name) {
        *to = from as c_char;
    }
    param.type_ = match kind {
        Kind::Int => VIR_TYPED_PARAM_INT,
        Kind::Uint => VIR_TYPED_PARAM_UINT,
        Kind::Llong => VIR_TYPED_PARAM_LLONG,
        Kind::Ullong => VIR_TYPED_PARAM_ULLONG,
        Kind::Double => VIR_TYPED_PARAM_DOUBLE,
        Kind::Boolean => VIR_TYPED_PARAM_BOOLEAN,
        Kind::Text | Kind::Texts => VIR_TYPED_PARAM_STRING,
    } as c_int;
    Ok(param)
}

fn unknown(hash: &str, key: &[u8]) -> Fault {
    Fault::invalid(format!("{hash} has the unknown key '{}'", String::from_utf8_lossy(key)))
}

/// A setter that takes what its getter reports. The types of what libvirt documents are `known`: it is sent at once. A driver
/// that refuses it, or other keys: the getter tells what there is, and of which type.
pub fn set_like(
    given: &Named,
    known: &Set,
    getter: impl FnOnce() -> Result<Given>,
    setter: impl Fn(*mut virTypedParameter, c_int) -> c_int,
) -> Result {
    let mut pairs = given.value.pairs().peekable();
    let all_known =
        pairs.peek().is_some() && pairs.all(|(key, _)| known.iter().any(|(name, _)| name.to_bytes() == key));
    if all_known {
        let mut arguments = Arguments::fixed(given, known)?;
        if setter(arguments.as_ptr(), arguments.len()) >= 0 {
            return Ok(Value::none());
        }
        if !matches!(last_code() as c_uint, VIR_ERR_INVALID_ARG | VIR_ERR_ARGUMENT_UNSUPPORTED) {
            return Err(Fault::last());
        }
    }
    let mut arguments = Arguments::like(given, &getter()?)?;
    check(setter(arguments.as_ptr(), arguments.len())).map(|_| Value::none())
}
