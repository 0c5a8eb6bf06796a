// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! A storm of signals. While libvirt waits, perl only counts what comes, and at the 120th signal it leaves by longjmp, from within
//! its C handler: across libvirt's frames and ours, whose locks and memory would stay as they are. So its count starts far
//! below that while libvirt runs, and pending signals are handled afterwards, each kind once, as always.

use super::callbacks::installed;

/// True if that changes something. The shim knows it for each interpreter, and undoes it while a callback runs.
pub fn set(lowered: bool) -> bool {
    installed().is_some_and(|shim| (shim.count_signals)(lowered))
}

/// The time in which libvirt may wait.
#[must_use]
pub struct Guard(bool);

impl Guard {
    /// From now until it is dropped.
    pub fn new() -> Self {
        Guard(set(true))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0 {
            set(false);
        }
    }
}
