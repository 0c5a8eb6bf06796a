// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! A workaround for libvirt before 10.0.0. There, of the threads that use one connection, one waits for all and is woken when
//! another has something to send. If it has not begun to wait yet, the wakeup is lost: the message is not sent until something
//! else happens on the connection, which may take seconds. Any other message repairs it, so while calls run of which none has
//! begun or ended for a while, one is sent that costs the daemon next to nothing.

use std::sync::atomic::{AtomicBool, Ordering};

/// How long nothing has to happen, in nanoseconds; twice as long each time after the first.
pub(super) const PAUSE: u64 = 30_000_000;
/// A message may get stuck as well, but more than so many of a connection do not help it.
pub(super) const MOST: u32 = 3;
/// Whether libvirt needs it.
static NEEDED: AtomicBool = AtomicBool::new(false);

/// Once.
pub fn install() {
    let mut version = 0;
    // SAFETY: room for a number; the type is not asked for.
    let known = unsafe { virt_sys::virGetVersion(&raw mut version, std::ptr::null(), std::ptr::null_mut()) };
    NEEDED.store(known == 0 && version < 10_000_000, Ordering::Relaxed);
}

pub fn is_needed() -> bool {
    NEEDED.load(Ordering::Relaxed)
}

/// A connection that gets a message, and a reference to it.
pub struct Nudge {
    pub(super) connection: *mut virt_sys::virConnect,
    /// Where the reference goes if it may be the last.
    pub(super) queue: usize,
}

// SAFETY: libvirt's connections may be used by any thread.
unsafe impl Send for Nudge {}

impl Nudge {
    /// Sends the message, and waits for the answer, which nobody wants.
    pub fn send(&self) {
        let mut version = 0;
        // SAFETY: a connection of which this holds a reference, and room for a number.
        unsafe { virt_sys::virConnectGetLibVersion(self.connection, &raw mut version) };
    }
}
