// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! A storm of signals. While libvirt waits, perl only counts what comes, and at the 120th signal it leaves by longjmp, from within
//! its C handler: across libvirt's frames and ours, whose locks and memory would stay as they are. So its count starts far
//! below that while libvirt runs, and pending signals are handled afterwards, each kind once, as always.

use super::callbacks::installed;
use std::cell::Cell;

thread_local! {
    /// Whether the count is lowered in this thread.
    static LOWERED: Cell<bool> = const { Cell::new(false) };
}

/// True if that changes something.
pub fn set(lowered: bool) -> bool {
    let changes = LOWERED.replace(lowered) != lowered;
    if let (true, Some(shim)) = (changes, installed()) {
        (shim.count_signals)(lowered);
    }
    changes
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

/// The time of a callback, in which perl handles signals.
#[must_use]
pub struct Interlude(bool);

impl Interlude {
    /// From now until it is dropped.
    #[inline]
    pub fn new() -> Self {
        Interlude(LOWERED.get() && set(false))
    }
}

impl Drop for Interlude {
    #[inline]
    fn drop(&mut self) {
        if self.0 {
            set(true);
        }
    }
}
