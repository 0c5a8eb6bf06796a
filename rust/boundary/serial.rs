// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Serial numbers, of 64 bits on machines without 64-bit atomic operations too (armel, powerpc, mips, m68k).

use std::sync::{Mutex, PoisonError};

/// Where numbers come from that no other has had.
pub struct Serial(Mutex<u64>);

impl Serial {
    /// From 1 on.
    pub const fn new() -> Self {
        Serial(Mutex::new(0))
    }

    /// The next one.
    pub fn next(&self) -> u64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        *last
    }
}
