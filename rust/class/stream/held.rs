// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! A reference to a stream for threads of ours.

use crate::boundary::class::{self, Class, Stream};

/// A reference to a stream, which lives as long as it does.
pub struct Held(*mut Stream);

// SAFETY: libvirt counts a stream's references atomically, and takes its locks in the functions that use it.
unsafe impl Send for Held {}

impl Held {
    /// One more reference to a stream.
    ///
    /// # Safety
    /// The stream is live.
    pub unsafe fn new(stream: *mut Stream) -> Self {
        // SAFETY: the caller's promise.
        unsafe { class::retain(Class::Stream, stream.cast()) };
        Self(stream)
    }

    /// The stream, for a call of libvirt.
    pub fn get(&self) -> *mut Stream {
        self.0
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        // SAFETY: this reference keeps it alive.
        unsafe { Self::new(self.0) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the reference is this value's own.
        unsafe { class::release(Class::Stream, self.0.cast()) };
    }
}
