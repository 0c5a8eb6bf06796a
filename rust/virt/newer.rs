// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Functions of libvirt added after 6.0.0: found when first called, so that one build serves every library.
//! `newer::virX()?` is the function.

use crate::boundary::error::Result;
use crate::boundary::library::missing;
use libc::{c_char, c_int, c_uint, c_void};
use std::ffi::CStr;
use std::sync::OnceLock;
use virt_sys::{
    virConnectPtr, virDomainPtr, virNWFilterPtr, virNetworkPtr, virNodeDevicePtr, virTypedParameterPtr,
};

/// The address of `name` in the libvirt in use, preloaded stubs included.
fn address(name: &CStr) -> *mut c_void {
    // SAFETY: a C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if !found.is_null() {
        return found;
    }
    // Perl loads its modules so that the libraries below them are not in the default scope.
    // SAFETY: a C string; nothing is loaded that is not yet.
    let library = unsafe { libc::dlopen(c"libvirt.so.0".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if library.is_null() {
        return library;
    }
    // SAFETY: the library's handle and a C string.
    let found = unsafe { libc::dlsym(library, name.as_ptr()) };
    // SAFETY: the handle from above. The library stays: this module is linked with it.
    unsafe { libc::dlclose(library) };
    found
}

macro_rules! newer {
    ($($since:literal fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $result:ty;)*) => {
        $(
            #[doc = concat!("libvirt's function of that name, of version ", $since, ".")]
            #[expect(non_snake_case, reason = "C's name")]
            pub fn $name() -> Result<unsafe extern "C" fn($($ty),*) -> $result> {
                static FOUND: OnceLock<Option<unsafe extern "C" fn($($ty),*) -> $result>> = OnceLock::new();
                const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => panic!("a name has no NUL"),
                };
                FOUND
                    .get_or_init(|| {
                        // SAFETY: the library's function of that name has this prototype: xt/ compares them. NULL is None.
                        unsafe {
                            std::mem::transmute::<*mut c_void, Option<unsafe extern "C" fn($($ty),*) -> $result>>(
                                address(NAME),
                            )
                        }
                    })
                    .ok_or_else(|| missing(stringify!($name), $since))
            }
        )*

        /// Every function of this table and the version that it needs.
        #[cfg(test)]
        pub const NEWER: &[(&str, &str)] = &[$((stringify!($name), $since)),*];
    };
}

newer! {
    "6.10.0" fn virDomainAuthorizedSSHKeysGet(dom: virDomainPtr, user: *const c_char, keys: *mut *mut *mut c_char, flags: c_uint) -> c_int;
    "6.10.0" fn virDomainAuthorizedSSHKeysSet(dom: virDomainPtr, user: *const c_char, keys: *mut *const c_char, nkeys: c_uint, flags: c_uint) -> c_int;
    "7.1.0" fn virDomainGetMessages(dom: virDomainPtr, msgs: *mut *mut *mut c_char, flags: c_uint) -> c_int;
    "7.2.0" fn virDomainStartDirtyRateCalc(dom: virDomainPtr, seconds: c_int, flags: c_uint) -> c_int;
    "7.3.0" fn virNodeDeviceCreate(dev: virNodeDevicePtr, flags: c_uint) -> c_int;
    "7.3.0" fn virNodeDeviceDefineXML(conn: virConnectPtr, xml: *const c_char, flags: c_uint) -> virNodeDevicePtr;
    "7.3.0" fn virNodeDeviceUndefine(dev: virNodeDevicePtr, flags: c_uint) -> c_int;
    "7.7.0" fn virNWFilterDefineXMLFlags(conn: virConnectPtr, xml: *const c_char, flags: c_uint) -> virNWFilterPtr;
    "7.7.0" fn virNetworkDefineXMLFlags(conn: virConnectPtr, xml: *const c_char, flags: c_uint) -> virNetworkPtr;
    "7.8.0" fn virNetworkCreateXMLFlags(conn: virConnectPtr, xml: *const c_char, flags: c_uint) -> virNetworkPtr;
    "7.8.0" fn virNodeDeviceGetAutostart(dev: virNodeDevicePtr, autostart: *mut c_int) -> c_int;
    "7.8.0" fn virNodeDeviceIsActive(dev: virNodeDevicePtr) -> c_int;
    "7.8.0" fn virNodeDeviceIsPersistent(dev: virNodeDevicePtr) -> c_int;
    "7.8.0" fn virNodeDeviceSetAutostart(dev: virNodeDevicePtr, autostart: c_int) -> c_int;
    "8.0.0" fn virDomainSetLaunchSecurityState(dom: virDomainPtr, params: virTypedParameterPtr, nparams: c_int, flags: c_uint) -> c_int;
    "8.4.0" fn virDomainRestoreParams(conn: virConnectPtr, params: virTypedParameterPtr, nparams: c_int, flags: c_uint) -> c_int;
    "8.4.0" fn virDomainSaveParams(dom: virDomainPtr, params: virTypedParameterPtr, nparams: c_int, flags: c_uint) -> c_int;
    "8.5.0" fn virDomainAbortJobFlags(dom: virDomainPtr, flags: c_uint) -> c_int;
    "9.0.0" fn virDomainFDAssociate(dom: virDomainPtr, name: *const c_char, nfds: c_uint, fds: *mut c_int, flags: c_uint) -> c_int;
    "9.7.0" fn virNetworkGetMetadata(net: virNetworkPtr, kind: c_int, uri: *const c_char, flags: c_uint) -> *mut c_char;
    "9.7.0" fn virNetworkSetMetadata(net: virNetworkPtr, kind: c_int, metadata: *const c_char, key: *const c_char, uri: *const c_char, flags: c_uint) -> c_int;
    "10.1.0" fn virNodeDeviceUpdate(dev: virNodeDevicePtr, xml: *const c_char, flags: c_uint) -> c_int;
    "10.2.0" fn virDomainGraphicsReload(dom: virDomainPtr, kind: c_uint, flags: c_uint) -> c_int;
    "11.2.0" fn virDomainDelThrottleGroup(dom: virDomainPtr, group: *const c_char, flags: c_uint) -> c_int;
    "11.2.0" fn virDomainGetAutostartOnce(dom: virDomainPtr, autostart: *mut c_int) -> c_int;
    "11.2.0" fn virDomainSetAutostartOnce(dom: virDomainPtr, autostart: c_int) -> c_int;
    "11.2.0" fn virDomainSetThrottleGroup(dom: virDomainPtr, group: *const c_char, params: virTypedParameterPtr, nparams: c_int, flags: c_uint) -> c_int;
    "12.5.0" fn virDomainAnnounceInterface(dom: virDomainPtr, device: *const c_char, params: virTypedParameterPtr, nparams: c_int, flags: c_uint) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_newer_than_the_oldest() {
        for (name, since) in NEWER {
            let parts: Vec<u32> = since.split('.').map(|part| part.parse().unwrap()).collect();
            assert!(parts > vec![6, 0, 0], "{name} is no newer function: {since}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(address(c"virNoSuchFunction").is_null());
        let error = format!("{:?}", missing("virNoSuchFunction", "99.0.0"));
        assert!(error.contains("virNoSuchFunction needs libvirt 99.0.0, found "), "{error}");
    }
}
