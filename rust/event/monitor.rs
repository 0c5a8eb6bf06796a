// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The events of QEMU's monitors.

use super::registration::dispatch;
use super::table::subject;
use crate::boundary::class::{Class, Connect, Domain};
use crate::boundary::value::Value;
use crate::virt::rules::copied;
use libc::{c_char, c_uint, c_void};
use virt_sys::virConnectDomainQemuMonitorEventCallback;

unsafe extern "C" fn monitor_event(
    connection: *mut Connect,
    domain: *mut Domain,
    event: *const c_char,
    seconds: i64,
    micros: c_uint,
    details: *const c_char,
    opaque: *mut c_void,
) {
    let text = |string| {
        // SAFETY: libvirt's string, or NULL, lives during the callback.
        unsafe { copied(string) }
    };
    let args = || {
        [
            // SAFETY: the connection lives during the callback.
            unsafe { Value::owner(Class::Connect, connection.cast()) },
            // SAFETY: NULL or libvirt's domain, which lives during the callback.
            unsafe { subject(domain) },
            text(event),
            Value::from(seconds),
            Value::from(micros),
            text(details),
        ]
    };
    // SAFETY: libvirt passes the opaque pointer of the registration, which it has not freed.
    unsafe { dispatch(opaque, args) };
}

/// The callback of every event.
pub const CALLBACK: virConnectDomainQemuMonitorEventCallback = Some(monitor_event);
