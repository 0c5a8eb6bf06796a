// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Typed parameters, libvirt's named values of a given type, as getters return them: read into hashes.

use super::rules::check;
use crate::boundary::error::{Error, Result, last_code};
use crate::boundary::value::Value;
use libc::{c_char, c_int, c_uint};
use std::ffi::CStr;
use virt_sys::{
    VIR_ERR_ACCESS_DENIED, VIR_ERR_NO_DOMAIN, VIR_ERR_NO_SUPPORT, VIR_ERR_OPERATION_DENIED,
    VIR_ERR_OPERATION_INVALID, VIR_TYPED_PARAM_ULLONG, virTypedParameter, virTypedParamsClear,
    virTypedParamsFree,
};

/// The name of a parameter.
pub fn field(param: &virTypedParameter) -> &[u8] {
    // Miri calls no C.
    #[cfg(miri)]
    let len = param.field.iter().position(|&c| c == 0).unwrap_or(param.field.len());
    // SAFETY: it looks at no more than the array.
    #[cfg(not(miri))]
    let len = unsafe { libc::strnlen(param.field.as_ptr(), param.field.len()) };
    // SAFETY: an array of C characters is one of bytes.
    unsafe { std::slice::from_raw_parts(param.field.as_ptr().cast(), len) }
}

/// The name of a parameter in our own words, as libvirt has its own: filled up with NULs.
pub const fn name<const ROOM: usize>(text: &CStr) -> [c_char; ROOM] {
    let bytes = text.to_bytes();
    let mut field = [0; ROOM];
    let mut index = 0;
    assert!(bytes.len() < ROOM, "there is a NUL");
    while index < bytes.len() {
        field[index] = bytes[index] as c_char;
        index += 1;
    }
    field
}

/// An array of parameters from `malloc`, which libvirt filled; their strings are freed with it.
pub struct ParamArray {
    params: *mut virTypedParameter,
    count: c_int,
}

impl ParamArray {
    /// Room for `count` parameters, all zeros, for libvirt to fill.
    pub fn room(count: c_int) -> Result<Self> {
        if count <= 0 {
            return Ok(ParamArray { params: std::ptr::null_mut(), count: 0 });
        }
        // SAFETY: asks for memory, and looks whether it got it.
        let params = unsafe { libc::calloc(count as usize, size_of::<virTypedParameter>()) };
        if params.is_null() {
            return Err(Error::Usage(format!("out of memory for {count} elements")));
        }
        Ok(ParamArray { params: params.cast(), count })
    }

    /// Parameters that are numbers, of numbered names, at most `count`.
    pub fn numbers<'a>(pairs: impl Iterator<Item = (&'a c_uint, &'a u64)>, count: usize) -> Result<Self> {
        let mut params = Self::room(c_int::try_from(count).unwrap_or(c_int::MAX))?;
        for (param, (&name, &number)) in params.iter_mut().zip(pairs) {
            let mut digits = [0; 10];
            let (mut at, mut rest) = (digits.len(), name);
            while at == digits.len() || rest > 0 {
                at -= 1;
                digits[at] = b'0' as c_char + (rest % 10) as c_char;
                rest /= 10;
            }
            param.field[..digits.len() - at].copy_from_slice(&digits[at..]);
            param.type_ = VIR_TYPED_PARAM_ULLONG as c_int;
            param.value.ul = number;
        }
        Ok(params)
    }

    /// For C: the array.
    pub fn as_mut_ptr(&mut self) -> *mut virTypedParameter {
        self.params
    }

    /// The parameters as a hash, which takes them over.
    pub fn into_map(self) -> Value {
        let given = std::mem::ManuallyDrop::new(self);
        // SAFETY: the array is ours, and from here on the value's.
        unsafe { Value::parameters(given.params, given.count) }
    }

    /// Takes over `params`, which libvirt allocated.
    ///
    /// # Safety
    /// `params` is NULL or an array of `count` parameters from `malloc`, and nobody else frees it.
    pub unsafe fn from_raw(params: *mut virTypedParameter, count: c_int) -> Self {
        ParamArray { params, count }
    }
}

impl Drop for ParamArray {
    fn drop(&mut self) {
        // SAFETY: malloc gave it, and every element is all zeros or was written by libvirt.
        unsafe { virTypedParamsFree(self.params, self.count) }
    }
}

impl std::ops::Deref for ParamArray {
    type Target = [virTypedParameter];
    fn deref(&self) -> &[virTypedParameter] {
        if self.params.is_null() || self.count <= 0 {
            return &[];
        }
        // SAFETY: libvirt or calloc wrote `count` of them.
        unsafe { std::slice::from_raw_parts(self.params, self.count as usize) }
    }
}

impl std::ops::DerefMut for ParamArray {
    fn deref_mut(&mut self) -> &mut [virTypedParameter] {
        if self.params.is_null() || self.count <= 0 {
            return &mut [];
        }
        // SAFETY: as above, and they are ours.
        unsafe { std::slice::from_raw_parts_mut(self.params, self.count as usize) }
    }
}

/// Asks a function that is meant to be called twice, once for the number of its parameters, once for themselves. Drivers
/// fill what room there is, so most answer the first time: half the cost, and over a connection half the round trips.
pub fn query(call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int) -> Result<ParamArray> {
    match query_at_once(&call)? {
        Some(given) => Ok(given),
        None => query_counted(call),
    }
}

/// Whether a driver refuses for a reason that has nothing to do with the room that it is given, so that to ask again would only
/// be refused again.
fn is_final(code: i32) -> bool {
    matches!(
        code as c_uint,
        VIR_ERR_NO_SUPPORT
            | VIR_ERR_NO_DOMAIN
            | VIR_ERR_OPERATION_INVALID
            | VIR_ERR_OPERATION_DENIED
            | VIR_ERR_ACCESS_DENIED
    )
}

/// More parameters than any function has: the first count is a daemon's.
const COUNT_MAX: c_int = 1 << 12;

/// The same, asking for the number first.
pub fn query_counted(call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int) -> Result<ParamArray> {
    let mut count = 0;
    check(call(std::ptr::null_mut(), &raw mut count))?;
    query_n(count.min(COUNT_MAX), call)
}

/// The result of a function that is not asked for the number of its parameters first; None if it has to be, or if there may
/// be more than it had room for.
pub fn query_at_once(
    call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int,
) -> Result<Option<ParamArray>> {
    // The most that the remote protocol allows: 16, for a few functions 32. Most have few: these come to the stack first, for
    // malloc takes its time over more than a kilobyte.
    const FEW: usize = 16;
    // SAFETY: all-zero bytes are a parameter without name, type and value.
    let mut params: [virTypedParameter; FEW] = unsafe { std::mem::zeroed() };
    let mut count = FEW as c_int;
    let failed = call(params.as_mut_ptr(), &raw mut count) < 0;
    if !failed && count < FEW as c_int {
        if let Ok(given) = ParamArray::room(count) {
            // SAFETY: both arrays have `count` elements, none if that is negative. What they own moves along, for those on the
            // stack are forgotten.
            unsafe { std::ptr::copy_nonoverlapping(params.as_ptr(), given.params, given.len()) };
            return Ok(Some(given));
        }
    }
    let refused = if failed && is_final(last_code()) { Err(Error::last()) } else { Ok(None) };
    // SAFETY: libvirt wrote them, or they are all zeros.
    unsafe { virTypedParamsClear(params.as_mut_ptr(), FEW as c_int) };
    if failed {
        return refused;
    }
    Ok(query_n(2 * FEW as c_int, &call).ok().filter(|given| given.len() < 2 * FEW))
}

/// Asks a function whose number of parameters is known.
pub fn query_n(
    mut count: c_int,
    call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int,
) -> Result<ParamArray> {
    let mut params = ParamArray::room(count)?;
    if count > 0 {
        check(call(params.params, &raw mut count))?;
    }
    // Elements that libvirt did not write are still all zeros and own nothing.
    params.count = params.count.min(count.max(0));
    Ok(params)
}

/// The result of a getter, as a hash.
pub fn hash(params: ParamArray) -> Result<Value> {
    Ok(params.into_map())
}

/// A getter of the two-call form, as a hash.
pub fn get(call: impl Fn(*mut virTypedParameter, *mut c_int) -> c_int) -> Result<Value> {
    query(call).map(ParamArray::into_map)
}

/// Asks a function that allocates its parameters.
pub fn take(call: impl FnOnce(*mut *mut virTypedParameter, *mut c_int) -> c_int) -> Result<ParamArray> {
    let mut given = ParamArray { params: std::ptr::null_mut(), count: 0 };
    check(call(&raw mut given.params, &raw mut given.count))?;
    Ok(given)
}

/// A getter that allocates its parameters, as a hash.
pub fn get_allocated(call: impl FnOnce(*mut *mut virTypedParameter, *mut c_int) -> c_int) -> Result<Value> {
    take(call).map(ParamArray::into_map)
}
