// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The return rules: what a C function's return value means, and what Perl gets for it.

use crate::boundary::class::{self, Class, Object};
use crate::boundary::error::{Error, Result, forget_error, last_code};
use crate::boundary::short::Short;
use crate::boundary::value::Value;
use crate::boundary::zeroed::Zeroed;
use libc::{c_char, c_int, c_void};
use std::ffi::{CStr, CString};

/// 0 or more is success and nothing else; the method returns nothing.
#[inline]
pub fn status(returned: c_int) -> Result<Value> {
    check(returned).map(|_| Value::none())
}

/// 0 or more is the result.
#[inline]
pub fn number(returned: c_int) -> Result<Value> {
    check(returned).map(Value::from)
}

/// Negative is failure; anything else passes.
#[inline]
pub fn check(returned: c_int) -> Result<c_int> {
    if returned < 0 { Err(Error::last()) } else { Ok(returned) }
}

/// 0 or more is the result, and so is -1, which says that there is none: the domain does not run, for one.
pub fn number_or_minus_one(returned: c_int) -> Result<Value> {
    if returned < 0 {
        forget_error();
    }
    Ok(Value::from(returned.max(-1)))
}

/// A string that belongs to the object; NULL, undef in Perl, says that there is none.
///
/// # Safety
/// As for [`borrowed`].
pub unsafe fn borrowed_or_none(text: *const c_char) -> Result<Value> {
    if text.is_null() {
        return Ok(nothing());
    }
    // SAFETY: the caller's promise.
    unsafe { borrowed(text) }
}

/// A string that libvirt allocated for us; NULL, undef in Perl, says that there is none.
///
/// # Safety
/// As for [`owned`].
pub unsafe fn owned_or_none(text: *mut c_char) -> Result<Value> {
    if text.is_null() {
        return Ok(nothing());
    }
    // SAFETY: the caller's promise.
    unsafe { owned(text) }
}

/// undef, also where a list is wanted, for a call whose failure says that there is nothing.
fn nothing() -> Value {
    forget_error();
    Value::list(vec![Value::none()])
}

/// A number of which 0 may be an error: it is if libvirt says so. The call comes as a closure because
/// an older error must be forgotten first.
pub fn zero_or_error<T: Into<Value> + Default + PartialEq>(call: impl FnOnce() -> T) -> Result<Value> {
    forget_error();
    let number = call();
    if number == T::default() && last_code() != 0 {
        return Err(Error::last());
    }
    Ok(number.into())
}

/// A string that belongs to the object; NULL is failure.
///
/// # Safety
/// `text` is NULL or a C string that stays valid as long as the object does.
#[inline]
pub unsafe fn borrowed(text: *const c_char) -> Result<Value> {
    if text.is_null() {
        return Err(Error::last());
    }
    // SAFETY: the shim copies it before the object can go away.
    Ok(unsafe { Value::borrowed_text(text) })
}

/// A string that libvirt allocated for us; NULL is failure.
///
/// # Safety
/// `text` is NULL or a C string from `malloc` that is ours.
#[inline]
pub unsafe fn owned(text: *mut c_char) -> Result<Value> {
    if text.is_null() {
        return Err(Error::last());
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { Value::owned_text(text) })
}

/// A new object; NULL is failure.
///
/// # Safety
/// `object` is NULL or a live object, and one reference to it is the caller's, who does not use it again.
#[inline]
pub unsafe fn object<T: Object>(object: *mut T) -> Result<Value> {
    if object.is_null() {
        return Err(Error::last());
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { Value::handle(T::CLASS, object.cast()) })
}

/// An object that libvirt only lends: Perl gets a reference of its own. NULL is failure.
///
/// # Safety
/// `lent` is NULL or a live object.
pub unsafe fn lent<T: Object>(lent: *mut T) -> Result<Value> {
    // SAFETY: the caller's promise.
    unsafe { class::retain(T::CLASS, lent.cast::<c_void>()) };
    // SAFETY: the reference that was just taken, if there is an object.
    unsafe { object(lent) }
}

/// An array of objects from one of the ListAll functions.
pub fn list<T: Object>(call: impl FnOnce(*mut *mut *mut T) -> c_int) -> Result<Value> {
    objects(call).map(Value::list)
}

/// The objects that a ListAll function finds.
pub fn objects<T: Object>(call: impl FnOnce(*mut *mut *mut T) -> c_int) -> Result<Vec<Value>> {
    let mut array = std::ptr::null_mut();
    let count = check(call(&mut array))? as usize;
    // SAFETY: libvirt allocated `count` objects at `array`; each is ours, and so is the array.
    let found = unsafe { allocated(array, count) };
    // SAFETY: as above.
    Ok(found.iter().map(|&object| unsafe { Value::handle(T::CLASS, object.cast()) }).collect())
}

/// An array of strings from a function that allocates both.
pub fn strings(call: impl FnOnce(*mut *mut *mut c_char) -> c_int) -> Result<Value> {
    let mut array = std::ptr::null_mut();
    let count = check(call(&mut array))? as usize;
    // SAFETY: libvirt allocated `count` strings at `array`, for us.
    let texts = unsafe { allocated(array, count) };
    // SAFETY: each string is ours.
    Ok(Value::list(texts.iter().map(|&text| unsafe { Value::owned_text(text) }).collect()))
}

/// More names than any driver has (libvirt's own protocol stops at 16384): where a caller's larger count is cut,
/// since it decides how much memory is taken.
pub const LIST_MAX: usize = 1 << 18;

/// The names that a legacy list function writes into an array of `max` pointers.
pub fn names(max: usize, call: impl FnOnce(*mut *mut c_char, c_int) -> c_int) -> Result<Value> {
    Ok(Value::list(name_values(max, call)?))
}

/// The same, as values.
pub fn name_values(max: usize, call: impl FnOnce(*mut *mut c_char, c_int) -> c_int) -> Result<Vec<Value>> {
    let mut array = zeroed_array::<*mut c_char>(max.min(LIST_MAX))?;
    let count = check(call(array.as_mut_ptr(), array.len() as c_int))? as usize;
    // SAFETY: the function wrote `count` strings that are ours.
    Ok(array.into_iter().take(count).map(|text| unsafe { Value::owned_text(text) }).collect())
}

/// `count` elements, all zero bytes, for a C function to write to; or the exception that there is no room for so
/// many. Pages of a large array are not touched before they are used.
pub fn zeroed_array<T: Zeroed>(count: usize) -> Result<Vec<T>> {
    let no_room = || Error::Usage(format!("there is no memory for {count} elements"));
    let layout = std::alloc::Layout::array::<T>(count.max(1)).map_err(|_| no_room())?;
    // SAFETY: the layout has a size, for every `Zeroed` has one and there is at least one element.
    let array = unsafe { std::alloc::alloc_zeroed(layout) };
    if array.is_null() {
        return Err(no_room());
    }
    // SAFETY: just allocated with this layout, and all-zero bytes are a value of every `Zeroed`.
    Ok(unsafe { Vec::from_raw_parts(array.cast(), count, count.max(1)) })
}

/// A UUID that a function writes as 16 bytes.
pub fn uuid(call: impl FnOnce(*mut u8) -> c_int) -> Result<Short> {
    let mut raw = [0_u8; 16];
    check(call(raw.as_mut_ptr()))?;
    Ok(Short::new(&raw))
}

/// The same as text; formatted here because that is cheaper than libvirt's printf.
pub fn uuid_string(call: impl FnOnce(*mut u8) -> c_int) -> Result<Short> {
    let mut raw = [0_u8; 16];
    check(call(raw.as_mut_ptr()))?;
    // Both digits of a byte at once, in a form of which the compiler makes a handful of vector instructions: each is '0' plus its
    // value, and beyond 9 the distance to 'a' more.
    let digits = raw.map(|byte| {
        let values = u16::from(byte >> 4) | u16::from(byte & 15) << 8;
        let beyond = (values + 0x0606) >> 4 & 0x0101;
        (values + 0x3030 + beyond * u16::from(b'a' - b'0' - 10)).to_le_bytes()
    });
    let hex = digits.as_flattened();
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&hex[..8]);
    text[9..13].copy_from_slice(&hex[8..12]);
    text[14..18].copy_from_slice(&hex[12..16]);
    text[19..23].copy_from_slice(&hex[16..20]);
    text[24..].copy_from_slice(&hex[20..]);
    Ok(Short::new(&text))
}

/// A number that a function writes through a pointer.
pub fn written<T: Default + Into<Value>>(call: impl FnOnce(*mut T) -> c_int) -> Result<Value> {
    let mut number = T::default();
    check(call(&mut number))?;
    Ok(number.into())
}

/// A string that a function allocates for us and writes through a pointer; NULL is the empty one.
pub fn written_text(call: impl FnOnce(*mut *mut c_char) -> c_int) -> Result<Value> {
    let mut text = std::ptr::null_mut();
    check(call(&mut text))?;
    // SAFETY: libvirt's, from malloc, and ours.
    Ok(if text.is_null() { Value::from("") } else { unsafe { Value::owned_text(text) } })
}

/// File descriptors that a function opened and put into an array that it allocated; both are ours.
///
/// # Safety
/// `array` is NULL or an allocation of `count` open descriptors that nobody else closes or frees.
pub unsafe fn files(array: *mut c_int, count: usize) -> Vec<Value> {
    // SAFETY: the caller's promise.
    let descriptors = unsafe { allocated(array, count) };
    descriptors.iter().map(|&descriptor| Value::file(descriptor)).collect()
}

/// A plain C structure that a function fills.
pub fn filled<T: Zeroed>(call: impl FnOnce(*mut T) -> c_int) -> Result<T> {
    // SAFETY: all-zero bytes are a value of every `Zeroed`.
    let mut structure: T = unsafe { std::mem::zeroed() };
    check(call(&mut structure))?;
    Ok(structure)
}

/// A string of bytes that a function allocates and measures.
///
/// # Safety
/// `array` is NULL or an allocation of `len` bytes that is ours.
pub unsafe fn owned_bytes(array: *mut u8, len: usize) -> Value {
    // SAFETY: the caller's promise.
    let bytes = unsafe { allocated(array, len) };
    Value::bytes(&bytes)
}

/// An array from `malloc` that is freed with this guard; its elements are the user's to release.
pub struct Allocated<T> {
    array: *mut T,
    len: usize,
}

/// Takes over `array`.
///
/// # Safety
/// `array` is NULL or an allocation of at least `len` elements that is ours.
pub unsafe fn allocated<T>(array: *mut T, len: usize) -> Allocated<T> {
    Allocated { array, len: if array.is_null() { 0 } else { len } }
}

impl<T> std::ops::Deref for Allocated<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `allocated` was promised `len` elements; NULL has none.
        if self.len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(self.array, self.len) } }
    }
}

impl<T> Drop for Allocated<T> {
    fn drop(&mut self) {
        // SAFETY: malloc gave it.
        unsafe { libc::free(self.array.cast()) }
    }
}

/// The text of an array of `char` inside a structure.
pub fn text_field(field: &[c_char]) -> Value {
    let len = field.iter().position(|&c| c == 0).unwrap_or(field.len());
    // SAFETY: an array of C characters is one of bytes.
    Value::bytes(unsafe { std::slice::from_raw_parts(field.as_ptr().cast(), len) })
}

/// A copy of a C string inside a structure; NULL is undef.
///
/// # Safety
/// `text` is NULL or a C string.
pub unsafe fn copied(text: *const c_char) -> Value {
    // SAFETY: the caller's promise.
    if text.is_null() { Value::none() } else { Value::from(unsafe { CStr::from_ptr(text) }) }
}

/// Refuses a closed object with libvirt's own words: for functions that follow the pointer without a look.
pub fn opened<T: Object>(object: *mut T, function: &str) -> Result<()> {
    if !object.is_null() {
        return Ok(());
    }
    Err(match T::CLASS {
        Class::Connect => Error::closed(virt_sys::VIR_ERR_INVALID_CONN, function),
        _ => Error::closed(virt_sys::VIR_ERR_INVALID_DOMAIN, function),
    })
}

/// Taking back what is not registered is no error, as it never was.
pub fn ignored(returned: c_int) -> Result<Value> {
    if returned < 0 {
        forget_error();
    }
    Ok(Value::none())
}

/// A result list whose value in scalar context is its length, for the legacy `list_*` subs.
pub fn counted(items: Vec<Value>) -> Result<Value> {
    Ok(Value::counted_list(items))
}

/// What a UUID names: 16 bytes are its raw form, 32 or 36 its text.
///
/// # Safety
/// What `raw` and `text` return is as [`object`] takes it.
pub unsafe fn by_uuid<T: Object>(
    uuid: &[u8],
    raw: impl FnOnce(*const u8) -> *mut T,
    text: impl FnOnce(*const c_char) -> *mut T,
) -> Result<Value> {
    match uuid.len() {
        // SAFETY: the caller's promise.
        16 => unsafe { object(raw(uuid.as_ptr())) },
        32 | 36 => {
            let uuid = CString::new(uuid).map_err(|_| Error::argument("uuid", "holds a NUL character"))?;
            // SAFETY: the caller's promise.
            unsafe { object(text(uuid.as_ptr())) }
        }
        _ => Err(Error::Plain("UUID must be either 16 unsigned bytes, or 32/36 hex characters long")),
    }
}

/// What a raw UUID names; `_lookup_by_uuid` of the classes takes nothing else.
///
/// # Safety
/// What `raw` returns is as [`object`] takes it.
pub unsafe fn by_raw_uuid<T: Object>(uuid: &[u8], raw: impl FnOnce(*const u8) -> *mut T) -> Result<Value> {
    if uuid.len() != 16 {
        return Err(Error::argument("uuid", format_args!("has {} bytes, not 16", uuid.len())));
    }
    // SAFETY: the caller's promise.
    unsafe { object(raw(uuid.as_ptr())) }
}
