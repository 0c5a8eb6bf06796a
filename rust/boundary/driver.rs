// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The driver of a connection; and the connection whose driver was asked for last: libvirt has its name, so that to ask again sends
//! nothing.

use libc::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Whether a connection with this URI uses libvirt's test driver within this process. All with the same URI share its objects.
pub fn is_test(uri: &[u8]) -> bool {
    uri.starts_with(b"test:///")
}

/// Until a handle of any connection is released: another connection could get its address then.
static ASKED: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Whether libvirt has the name of this connection's driver.
pub fn is_known(connection: *mut c_void) -> bool {
    ASKED.load(Ordering::Relaxed) == connection
}

/// libvirt has it from now on.
pub fn asked(connection: *mut c_void) {
    ASKED.store(connection, Ordering::Relaxed);
}

/// A connection is released.
pub fn forget() {
    asked(null_mut());
}
