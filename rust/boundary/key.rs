// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Key`]: the key of a hash, known at compile time, with room for what the shim makes of it.

use libc::c_char;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU32, Ordering};

/// A name known at compile time.
#[repr(C)]
#[derive(Debug)]
pub struct Key {
    pub(super) text: *const c_char,
    pub(super) len: usize,
    number: AtomicU32,
}

// SAFETY: `text` points to a string literal and is never written through; `number` is atomic.
unsafe impl Sync for Key {}

impl Key {
    /// The key `text`.
    pub const fn new(text: &'static CStr) -> Self {
        Key { text: text.as_ptr(), len: text.count_bytes(), number: AtomicU32::new(0) }
    }

    /// Whether this is the name in a field of a libvirt structure.
    pub fn is<const ROOM: usize>(&self, field: &[c_char; ROOM]) -> bool {
        // SAFETY: a literal has a first byte, if only the NUL.
        let first = unsafe { *self.text };
        // SAFETY: a literal; it reads no more of the field than there is.
        field[0] == first && unsafe { libc::strncmp(field.as_ptr(), self.text, ROOM) } == 0
    }

    /// A number from 1 upwards that no other key has: where the shim keeps what it makes of the key.
    pub(crate) fn number(&self) -> u32 {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = self.number.load(Ordering::Relaxed);
        if number != 0 {
            return number;
        }
        let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        // Of two threads that come here at once, one wins; the other's number is not used.
        match self.number.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => next,
            Err(number) => number,
        }
    }
}
