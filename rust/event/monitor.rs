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
    // SAFETY: libvirt's objects and strings live during the callback; opaque is our own.
    unsafe {
        dispatch(opaque, || {
            [
                Value::owner(Class::Connect, connection.cast()),
                subject(domain),
                copied(event),
                Value::from(seconds),
                Value::from(micros),
                copied(details),
            ]
        });
    }
}

/// The callback of every event.
pub const CALLBACK: virConnectDomainQemuMonitorEventCallback = Some(monitor_event);
