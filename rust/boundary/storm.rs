// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! A storm of signals. While libvirt waits, perl only counts what comes, and at the 120th signal it leaves by longjmp, from within
//! its C handler: across libvirt's frames and ours, whose locks and memory would stay as they are. So its count starts far
//! below that while libvirt runs, and pending signals are handled afterwards, each kind once, as always.

use super::callbacks::installed;
use libc::c_void;
use std::ptr::null_mut;

/// What [`lower`] did, on this thread.
#[derive(Clone, Copy, Debug)]
pub struct Lowered(*mut c_void);

impl Lowered {
    /// Nothing.
    pub const NOT: Lowered = Lowered(null_mut());
}

/// From now on perl's count is lowered, until [`raise`]. The shim undoes it while a callback runs.
pub fn lower() -> Lowered {
    Lowered(installed().map_or(null_mut(), |shim| (shim.lower_signals)()))
}

/// Ends that.
pub fn raise(lowered: Lowered) {
    if let Some(shim) = installed().filter(|_| !lowered.0.is_null()) {
        // SAFETY: it is from the shim, and of this thread's interpreter, which does not end while it is in a method.
        unsafe { (shim.raise_signals)(lowered.0) };
    }
}

/// The time in which libvirt may wait.
#[must_use]
pub struct Guard(Lowered);

impl Guard {
    /// From now until it is dropped.
    pub fn new() -> Self {
        Guard(lower())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        raise(self.0);
    }
}
