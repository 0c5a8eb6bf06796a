// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Short`]: a short string as a method's result.

use super::value::Value;
use std::cell::UnsafeCell;

/// As many bytes as the longest has, a UUID as text.
const MAX: usize = 36;

/// A string of at most 36 bytes. Only a method's result becomes a [`Value`], when nothing follows before the shim copies it:
/// so two of them never share the thread's buffer.
#[derive(Clone, Copy)]
pub struct Short {
    bytes: [u8; MAX],
    len: usize,
}

impl Short {
    /// A copy of `bytes`.
    #[inline]
    pub fn new<const N: usize>(from: &[u8; N]) -> Self {
        const { assert!(N <= MAX) };
        let mut bytes = [0; MAX];
        bytes[..N].copy_from_slice(from);
        Short { bytes, len: N }
    }
}

/// The results that a method's body can return.
pub trait Returned {
    /// The value, which the shim takes before it enters another method in this thread.
    fn into_value(self) -> Value;
}

impl Returned for Value {
    #[inline]
    fn into_value(self) -> Value {
        self
    }
}

impl Returned for Short {
    #[inline]
    fn into_value(self) -> Value {
        thread_local! {
            static BUFFER: UnsafeCell<[u8; MAX]> = const { UnsafeCell::new([0; MAX]) };
        }
        BUFFER.with(|buffer| {
            let to = buffer.get();
            // SAFETY: no reference to the buffer exists, and no value that is still in use: only `enter` calls this, for the
            // result that the shim takes next.
            unsafe { to.write(self.bytes) };
            // SAFETY: as above; `len` is at most the buffer's length.
            unsafe { Value::borrowed_bytes(to.cast(), self.len) }
        })
    }
}
