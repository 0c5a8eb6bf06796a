// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! libvirt and libvirt-admin in one process. Each has a copy of the code that registers the types of all of libvirt's objects
//! with GObject, under the same names. GObject refuses the second registration, libvirt looks no further, and the first object
//! of such a type is a NULL pointer that it follows.
//!
//! This module is what libvirt was loaded for, so the dynamic linker looks here first for what libvirt calls: our function of
//! GObject's name registers a second type under a name that is free, and passes everything else on. Where it is not asked,
//! because something else had loaded libvirt before, the second kind of connection is refused.

use super::error::{Error, Result};
use libc::{c_char, c_uint, c_void};
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether libvirt registers its types here.
static ASKED: AtomicBool = AtomicBool::new(false);
/// Whether there ever was a connection to a daemon's administration.
static ADMIN: AtomicBool = AtomicBool::new(false);

type Register =
    unsafe extern "C" fn(usize, *const c_char, c_uint, *mut c_void, c_uint, *mut c_void, c_uint) -> usize;
type FromName = unsafe extern "C" fn(*const c_char) -> usize;

/// GObject's own function, if GObject is there.
fn gobject(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a C string; nothing is loaded that is not yet.
    let library =
        unsafe { libc::dlopen(c"libgobject-2.0.so.0".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if library.is_null() {
        return None;
    }
    // SAFETY: the library's handle and a C string.
    let found = unsafe { libc::dlsym(library, name.as_ptr()) };
    // SAFETY: the handle from above. The library stays: it was loaded with libvirt.
    unsafe { libc::dlclose(library) };
    (!found.is_null()).then_some(found)
}

/// Whether there is a type of that name.
fn exists(name: &CStr) -> bool {
    let Some(from_name) = gobject(c"g_type_from_name") else { return false };
    // SAFETY: GObject's function of that name has this prototype.
    let from_name: FromName = unsafe { std::mem::transmute(from_name) };
    // SAFETY: a C string.
    unsafe { from_name(name.as_ptr()) != 0 }
}

/// A name like `name` that no type has.
fn free_name(name: &CStr) -> CString {
    let mut free = name.to_owned();
    for number in 2.. {
        if !exists(&free) {
            break;
        }
        let next = format!("{}-{number}", name.to_string_lossy());
        free = CString::new(next).unwrap_or_default();
    }
    free
}

/// The function that libvirt calls to register a type.
///
/// # Safety
/// As for GObject's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn g_type_register_static_simple(
    parent: usize,
    name: *const c_char,
    class_size: c_uint,
    class_init: *mut c_void,
    instance_size: c_uint,
    instance_init: *mut c_void,
    flags: c_uint,
) -> usize {
    let Some(register) = gobject(c"g_type_register_static_simple") else { return 0 };
    // SAFETY: GObject's function of that name has this prototype.
    let register: Register = unsafe { std::mem::transmute(register) };
    let mut own = None;
    // SAFETY: the caller's C string.
    if !name.is_null() && unsafe { CStr::from_ptr(name) }.to_bytes().starts_with(b"vir") {
        ASKED.store(true, Ordering::Relaxed);
        // SAFETY: as above.
        own = Some(free_name(unsafe { CStr::from_ptr(name) }));
    }
    let name = own.as_ref().map_or(name, |own| own.as_ptr());
    // SAFETY: the caller's arguments. GObject copies the name.
    unsafe { register(parent, name, class_size, class_init, instance_size, instance_init, flags) }
}

/// Whether the types of one library are there, registered behind our back, so that the other's cannot be.
fn taken() -> bool {
    !ASKED.load(Ordering::Relaxed) && exists(c"virConnect")
}

fn refused() -> Error {
    Error::operation(
        "connections to hypervisors and to a daemon's administration cannot be in one process here, for something else \
         had loaded libvirt before Sys::Virt",
    )
}

/// Before a connection to a hypervisor is opened.
pub fn may_connect() -> Result<()> {
    if ADMIN.load(Ordering::Relaxed) && taken() { Err(refused()) } else { Ok(()) }
}

/// Before one to a daemon's administration is.
pub fn may_administer() -> Result<()> {
    if !ADMIN.load(Ordering::Relaxed) && taken() {
        return Err(refused());
    }
    ADMIN.store(true, Ordering::Relaxed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_once() {
        assert!(!exists(c"virNoSuchType"));
        assert_eq!(free_name(c"virNoSuchType").as_c_str(), c"virNoSuchType");
        assert!(may_connect().is_ok());
        if exists(c"GObject") {
            assert_eq!(free_name(c"GObject").as_c_str(), c"GObject-2");
        }
    }
}
