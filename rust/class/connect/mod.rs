// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: the connection itself. Lookups and lists of other objects are in the files beside this.

pub mod auth;
pub mod devices;
pub mod domains;
pub mod events;
pub mod listing;
pub mod networks;
pub mod node;
pub mod stats;
pub mod storage;

use crate::boundary::driver;
use crate::boundary::sigpipe::Guard;
use crate::class::prelude::*;
use std::ffi::CStr;

methods! { "Sys::Virt";
    #[constructor] new(class: Invocant, params: Pairs<auth::NEW>) => auth::new(&params);
    _open(name: TextOrNull, flags: u32) => auth::open(name, std::ptr::null_mut(), flags);
    _open_auth(name: TextOrNull, creds: Optional<Array<i32>>, cb: Optional<Code>, flags: u32) =>
        auth::open_auth(name, creds, cb, flags);

    #[local] get_type(con: Connect) => borrowed_or_none(type_name(con));
    #[local] get_uri(con: Connect) => owned_or_none(virConnectGetURI(con));
    get_hostname(con: Connect) => owned(virConnectGetHostname(con));
    get_capabilities(con: Connect) => owned(virConnectGetCapabilities(con));
    get_sysinfo(con: Connect, flags: u32 = 0) => owned_or_none(virConnectGetSysinfo(con, flags));

    #[sub] get_version(con: Any) => version(&con);
    #[sub] get_major_version(con: Any) => version_part(&con, 1_000_000, u64::MAX);
    #[sub] get_minor_version(con: Any) => version_part(&con, 1_000, 1_000);
    #[sub] get_micro_version(con: Any) => version_part(&con, 1, 1_000);
    #[sub] get_library_version(con: Connect) => written(|version| virConnectGetLibVersion(con, version));
    _get_conn_version(con: Connect) => written(|version| virConnectGetVersion(con, version));
    _get_conn_library_version(con: Connect) => written(|version| virConnectGetLibVersion(con, version));
    _get_library_version(void: Any = undef) => { let _ = void; library_version().map(Value::from) };

    #[sub] new_stream(con: Connect, flags: u32 = 0) => crate::class::stream::new(con, flags);

    is_alive(conn: Connect) => number(virConnectIsAlive(conn));
    is_encrypted(conn: Connect) => number(virConnectIsEncrypted(conn));
    is_secure(conn: Connect) => number(virConnectIsSecure(conn));
    set_keep_alive(conn: Connect, interval: i32, count: u32) => status(virConnectSetKeepAlive(conn, interval, count));
    set_identity(conn: Connect, newident: Typed<IDENTITY>, flags: u32 = 0) => {
        opened(conn, "virConnectSetIdentity")?;
        status(virConnectSetIdentity(conn, newident.as_ptr(), newident.len(), flags))
    };
    interface_change_begin(conn: Connect, flags: u32 = 0) => status(virInterfaceChangeBegin(conn, flags));
    interface_change_commit(conn: Connect, flags: u32 = 0) => status(virInterfaceChangeCommit(conn, flags));
    interface_change_rollback(conn: Connect, flags: u32 = 0) => status(virInterfaceChangeRollback(conn, flags));
}

schema! {
    /// The identity of a client.
    IDENTITY {
        VIR_CONNECT_IDENTITY_USER_NAME => Text,
        VIR_CONNECT_IDENTITY_UNIX_USER_ID => Ullong,
        VIR_CONNECT_IDENTITY_GROUP_NAME => Text,
        VIR_CONNECT_IDENTITY_UNIX_GROUP_ID => Ullong,
        VIR_CONNECT_IDENTITY_PROCESS_ID => Llong,
        VIR_CONNECT_IDENTITY_PROCESS_TIME => Ullong,
        VIR_CONNECT_IDENTITY_SASL_USER_NAME => Text,
        VIR_CONNECT_IDENTITY_X509_DISTINGUISHED_NAME => Text,
        VIR_CONNECT_IDENTITY_SELINUX_CONTEXT => Text,
    }
}

/// The driver's name. For a remote driver this is a call, which may cause SIGPIPE, but only once: then libvirt caches the name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn type_name(con: *mut Connect) -> *const c_char {
    let known = driver::is_known(con.cast());
    let _guard = (!known).then(Guard::new);
    // SAFETY: the row's connection.
    let name = unsafe { virConnectGetType(con) };
    // SAFETY: libvirt's C string; the client's own name if the daemon did not answer.
    if !known && !name.is_null() && unsafe { CStr::from_ptr(name) } != c"remote" {
        driver::asked(con.cast());
    }
    name
}

/// The version of the libvirt in use.
fn library_version() -> Result<u64> {
    let mut version: c_ulong = 0;
    // SAFETY: writes one number; without a driver's name there is no second one.
    check(unsafe { virGetVersion(&raw mut version, std::ptr::null(), std::ptr::null_mut()) })?;
    Ok(u64_of(version))
}

/// The hypervisor's version on a connection; libvirt's own for a plain call or a class name.
fn version_number(con: &NamedArg) -> Result<u64> {
    match con.value.tag() {
        Tag::None | Tag::Scalar => library_version(),
        Tag::Handle if con.value.class() == Class::Connect => {
            let mut version: c_ulong = 0;
            // SAFETY: a connection of ours, or NULL, which libvirt refuses.
            check(unsafe { virConnectGetVersion(con.value.pointer().cast(), &raw mut version) })?;
            Ok(u64_of(version))
        }
        _ => Err(Error::argument("con", "is not a blessed SV reference")),
    }
}

fn version(con: &NamedArg) -> Result<Value> {
    version_number(con).map(Value::from)
}

fn version_part(con: &NamedArg, unit: u64, modulus: u64) -> Result<Value> {
    version_number(con).map(|version| Value::from(version / unit % modulus))
}

/// C's `unsigned long`, which is as wide as a pointer.
#[cfg_attr(target_pointer_width = "64", expect(clippy::useless_conversion, reason = "not on 32 bits"))]
fn u64_of(number: c_ulong) -> u64 {
    u64::from(number)
}
