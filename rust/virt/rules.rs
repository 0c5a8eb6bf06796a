// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The return rules: what a C function's return value means, and what Perl gets for it.

use crate::boundary::class::{self, Class, Object};
use crate::boundary::error::{Error, Result, forget_error, last_code};
use crate::boundary::memory;
use crate::boundary::short::Short;
use crate::boundary::value::Value;
use crate::boundary::zeroed::Zeroed;
use crate::virt::array::{Pointers, allocated, free_text, no_pointers, pointers, zeroed_array};
use libc::{c_char, c_int, c_void};
use std::ffi::{CStr, CString};
use std::os::fd::{FromRawFd, OwnedFd};

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

/// 0 or more is the result, and so is -1, which means that there is none, for instance because the domain does not run.
pub fn number_or_minus_one(returned: c_int) -> Result<Value> {
    if returned < 0 {
        forget_error();
    }
    Ok(Value::from(returned.max(-1)))
}

/// A string that belongs to the object; NULL, undef in Perl, means that there is none.
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

/// A string that libvirt allocated for us; NULL, undef in Perl, means that there is none.
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

/// Success and nothing else; the method returns nothing.
pub fn done<T>(result: Result<T>) -> Result<Value> {
    result.map(|_| Value::none())
}

/// A call that cannot fail; the method returns nothing.
pub fn void(call: impl FnOnce()) -> Result<Value> {
    call();
    Ok(Value::none())
}

/// What `describe` makes of a C structure that a function fills.
pub fn described<T: Zeroed>(
    call: impl FnOnce(*mut T) -> c_int,
    describe: impl FnOnce(&T) -> Value,
) -> Result<Value> {
    // Not by `filled`, which would copy the structure: some have 4 KiB.
    // SAFETY: all-zero bytes are a value of every `Zeroed`.
    let mut structure: T = unsafe { std::mem::zeroed() };
    check(call(&raw mut structure))?;
    Ok(describe(&structure))
}

/// undef, also in list context, for a call that fails if there is nothing.
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

/// The same for a lookup by name: the error says if the name was empty.
///
/// # Safety
/// As for [`object`]. `name` is NULL or a C string.
#[inline]
pub unsafe fn named<T: Object>(name: *const c_char, found: *mut T) -> Result<Value> {
    // SAFETY: the caller's promise.
    let found = unsafe { object(found) };
    // SAFETY: as above; a C string has a first byte.
    if found.is_err() && !name.is_null() && unsafe { *name } == 0 {
        return found.map_err(|error| error.with_hint("the name is an empty string"));
    }
    found
}

/// An object borrowed from libvirt: Perl gets its own reference. NULL is failure.
///
/// # Safety
/// `borrowed` is NULL or a live object.
pub unsafe fn retained<T: Object>(borrowed: *mut T) -> Result<Value> {
    // SAFETY: the caller's promise.
    unsafe { class::retain(T::CLASS, borrowed.cast::<c_void>()) };
    // SAFETY: the reference that was just taken, if there is an object.
    unsafe { object(borrowed) }
}

/// Bytes that a function copies into a buffer of the size that it is asked for.
pub fn peek(size: usize, call: impl FnOnce(*mut c_void) -> c_int) -> Result<Value> {
    let mut buffer: Vec<u8> = zeroed_array(size)?;
    check(call(buffer.as_mut_ptr().cast()))?;
    Ok(Value::boxed_bytes(buffer.into()))
}

/// An array of objects from one of the ListAll functions.
pub fn list<T: Object>(call: impl FnOnce(*mut *mut *mut T) -> c_int) -> Result<Value> {
    objects(call).map(Value::list)
}

/// The objects that a ListAll function finds.
pub fn objects<T: Object>(call: impl FnOnce(*mut *mut *mut T) -> c_int) -> Result<Vec<Value>> {
    let mut array = std::ptr::null_mut();
    let count = check(call(&raw mut array))?;
    // SAFETY: a reference of ours.
    let release = |object: *mut T| unsafe { class::release(T::CLASS, object.cast::<c_void>()) };
    // SAFETY: libvirt allocated the array for us, and a reference of each object is ours.
    let found = unsafe { pointers(array, count, release) };
    // SAFETY: as above.
    Ok(found.into_values(|object| unsafe { Value::handle(T::CLASS, object.cast()) }))
}

/// An array of strings from a function that allocates both.
pub fn strings(call: impl FnOnce(*mut *mut *mut c_char) -> c_int) -> Result<Value> {
    let mut array = std::ptr::null_mut();
    let count = check(call(&raw mut array))?;
    // SAFETY: libvirt allocated the array and its strings for us.
    Ok(unsafe { pointers(array, count, free_text) }.into_texts())
}

/// More names than any driver has (libvirt's own protocol stops at 16384): where a caller's larger count is cut,
/// since it decides how much memory is taken.
pub const LIST_MAX: usize = 1 << 18;

/// The names that a legacy list function writes into an array of `max` pointers.
pub fn names(max: usize, call: impl FnOnce(*mut *mut c_char, c_int) -> c_int) -> Result<Value> {
    name_array(max, call).map(Pointers::into_texts)
}

/// The same, in the array.
pub fn name_array(
    max: usize,
    call: impl FnOnce(*mut *mut c_char, c_int) -> c_int,
) -> Result<Pointers<c_char>> {
    let max = max.min(LIST_MAX);
    let mut array = no_pointers(max)?;
    let count = check(call(array.as_mut_ptr(), max as c_int))?;
    // SAFETY: the function wrote `count` strings that are ours, from malloc, and NULLs are in the other places.
    unsafe { array.written((count as usize).min(max)) };
    Ok(array)
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
    let digits = hexadecimal(raw);
    let hex = digits.as_flattened();
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&hex[..8]);
    text[9..13].copy_from_slice(&hex[8..12]);
    text[14..18].copy_from_slice(&hex[12..16]);
    text[19..23].copy_from_slice(&hex[16..20]);
    text[24..].copy_from_slice(&hex[20..]);
    Ok(Short::new(&text))
}

/// Two digits for each byte. Both at once, in a form of which the compiler makes a handful of vector instructions, if it does not
/// inline them: each is '0' plus its value, and beyond 9 the distance to 'a' more.
#[inline(never)]
fn hexadecimal(bytes: [u8; 16]) -> [[u8; 2]; 16] {
    bytes.map(|byte| {
        let values = u16::from(byte >> 4) | u16::from(byte & 15) << 8;
        let beyond = (values + 0x0606) >> 4 & 0x0101;
        (values + 0x3030 + beyond * u16::from(b'a' - b'0' - 10)).to_le_bytes()
    })
}

/// A number that a function writes through a pointer.
pub fn written<T: Default + Into<Value>>(call: impl FnOnce(*mut T) -> c_int) -> Result<Value> {
    let mut number = T::default();
    check(call(&raw mut number))?;
    Ok(number.into())
}

/// A string that a function allocates for us and writes through a pointer; NULL is the empty one.
pub fn written_text(call: impl FnOnce(*mut *mut c_char) -> c_int) -> Result<Value> {
    let mut text = std::ptr::null_mut();
    check(call(&raw mut text))?;
    // SAFETY: libvirt's, from malloc, and ours.
    Ok(if text.is_null() { Value::from("") } else { unsafe { Value::owned_text(text) } })
}

/// File descriptors that a function opened and put into an array that it allocated; both are ours.
///
/// # Safety
/// `array` is NULL or an allocation of malloc's, of `count` open descriptors that nobody else closes or frees.
pub unsafe fn files(array: *mut c_int, count: c_int) -> Vec<Value> {
    // SAFETY: the caller's promise.
    let descriptors = unsafe { allocated(array, count) };
    // SAFETY: each is open, and ours alone.
    let file = |&descriptor: &c_int| unsafe { OwnedFd::from_raw_fd(descriptor) };
    memory::collected(descriptors.iter().filter(|&&descriptor| descriptor >= 0).map(file).map(Value::file))
}

/// A plain C structure that a function fills.
pub fn filled<T: Zeroed>(call: impl FnOnce(*mut T) -> c_int) -> Result<T> {
    // SAFETY: all-zero bytes are a value of every `Zeroed`.
    let mut structure: T = unsafe { std::mem::zeroed() };
    check(call(&raw mut structure))?;
    Ok(structure)
}

/// The text of an array of `char` inside a structure.
pub fn text_field(field: &[c_char]) -> Value {
    // SAFETY: it looks at no more than the array.
    let len = unsafe { libc::strnlen(field.as_ptr(), field.len()) };
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

/// Unregistering an unknown id is not an error, as in the original.
pub fn ignored(returned: c_int) -> Result<Value> {
    if returned < 0 {
        forget_error();
    }
    Ok(Value::none())
}

/// A result list whose value in scalar context is its length, for the legacy `list_*` methods.
pub fn counted(items: Vec<Value>) -> Result<Value> {
    Ok(Value::counted_list(items))
}

/// The object with a UUID: 16 bytes are its raw form, 32 or 36 a string.
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

/// The object with a raw UUID; `_lookup_by_uuid` of the classes accepts only that.
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
