// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! A descriptor that a thread makes readable, for event loops to wait on.

use libc::c_int;

/// The two ends of a pipe: an eventfd is never readable for who polls for POLLRDNORM, as POE's loop does.
pub struct Wake {
    read: c_int,
    write: c_int,
}

fn open() -> Option<(c_int, c_int)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) };
    (made == 0).then_some((ends[0], ends[1]))
}

impl Wake {
    /// A new one; None if no descriptor is available.
    pub fn new() -> Option<Self> {
        open().map(|(read, write)| Wake { read, write })
    }

    /// The descriptor to wait on.
    pub fn fd(&self) -> c_int {
        self.read
    }

    /// Makes it readable.
    pub fn set(&self) {
        let one = 1_u8;
        // SAFETY: one byte. The descriptor does not block, and when the pipe is full it is readable.
        unsafe { libc::write(self.write, (&raw const one).cast(), 1) };
    }

    /// Makes it wait again.
    pub fn clear(&self) {
        let mut bytes = [0_u8; 512];
        // SAFETY: room for the bytes; the descriptor does not block. The pipe is empty when less came.
        while unsafe { libc::read(self.read, bytes.as_mut_ptr().cast(), bytes.len()) } == bytes.len() as isize
        {
        }
    }

    /// In a child process: opens a new descriptor with the same number, because the parent's is shared. Only system calls.
    pub fn renew(&mut self) {
        let Some((read, write)) = open() else { return };
        replace(read, self.read);
        replace(write, self.write);
    }
}

/// Moves a descriptor to another's number. Nothing but system calls.
fn replace(new: c_int, number: c_int) {
    // SAFETY: two descriptors of ours.
    unsafe { libc::dup3(new, number, libc::O_CLOEXEC) };
    close(new);
}

fn close(descriptor: c_int) {
    // SAFETY: a descriptor of ours, which is not used again under this number.
    unsafe { libc::close(descriptor) };
}

impl Drop for Wake {
    fn drop(&mut self) {
        close(self.read);
        close(self.write);
    }
}
