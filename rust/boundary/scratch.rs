// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! A buffer for each thread that is used again: of the size that streams deliver, a new one for each call would cost
//! more page faults than the transfer itself.

use std::cell::Cell;

/// The largest that is kept.
const KEPT_MAX: usize = 1 << 20;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The buffer, empty, or a new one while another holds it.
pub fn take() -> Vec<u8> {
    // A thread that ends has none any more.
    let mut buffer = SCRATCH.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    buffer
}

/// Gives it back.
pub fn keep(buffer: Vec<u8>) {
    if buffer.capacity() <= KEPT_MAX {
        let _ = SCRATCH.try_with(|kept| kept.set(buffer));
    }
}

/// Overwrites a secret.
pub fn wipe(bytes: &mut [u8]) {
    for byte in bytes {
        // SAFETY: a byte that we may write. A volatile write is not optimized away.
        unsafe { std::ptr::from_mut(byte).write_volatile(0) };
    }
}
