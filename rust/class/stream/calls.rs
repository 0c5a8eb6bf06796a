// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Code that all uses of libvirt's streams share.

use crate::boundary::value::Value;
use libc::c_int;
use virt_sys::{virConnect, virConnectGetURI};

/// The results of libvirt other than a number of bytes.
pub const WOULD_BLOCK: c_int = -2;
/// The same, of a receiver that stops at holes.
pub const AT_HOLE: c_int = -3;
/// The most that libvirt sends in one message.
pub const BLOCK: usize = 262_120;

/// Whether the driver of a connection, 0 if there is none, is a part of this process. The client of daemons, since libvirt 5.2.0,
/// lets one thread end a stream that another uses, which then gets an error; other drivers free what the other thread uses.
///
/// # Safety
/// It lives or is 0.
pub unsafe fn inside(connection: usize) -> bool {
    let connection = connection as *mut virConnect;
    if connection.is_null() {
        return false;
    }
    // SAFETY: the caller's promise: it lives.
    let uri = unsafe { virConnectGetURI(connection) };
    // SAFETY: a string that libvirt allocated for us, or NULL.
    is_inside(unsafe { Value::owned_text(uri) }.raw())
}

/// The same, of a URI.
fn is_inside(uri: &[u8]) -> bool {
    const LOCAL: &[&[u8]] = &[
        b"test",
        b"esx",
        b"gsx",
        b"vpx",
        b"hyperv",
        b"openvz",
        b"vbox",
        b"vmware",
        b"vmwareplayer",
        b"vmwarews",
        b"vmwarefusion",
        b"phyp",
    ];
    let scheme = uri.split(|&byte| byte == b':').next().unwrap_or_default();
    let path = uri.split(|&byte| byte == b'?').next().unwrap_or_default();
    LOCAL.contains(&scheme) || path.ends_with(b"/embed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_of_this_process() {
        for uri in
            ["test:///default", "vbox:///session", "qemu:///embed?root=/tmp/x", "esx://host/?no_verify=1"]
        {
            assert!(is_inside(uri.as_bytes()), "{uri}");
        }
        for uri in ["qemu:///system", "test+unix:///default", "qemu+ssh://host/system", "lxc:///"] {
            assert!(!is_inside(uri.as_bytes()), "{uri}");
        }
        // SAFETY: there is no connection.
        assert!(!unsafe { inside(0) });
    }
}
