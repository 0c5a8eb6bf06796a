// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Error`]: everything that can go wrong, and the one place where libvirt's errors are read.

use super::{memory, scratch};
use libc::c_char;
use std::ffi::CStr;
use virt_sys::{
    VIR_ERR_ERROR, VIR_ERR_INVALID_ARG, VIR_ERR_INVALID_CONN, VIR_ERR_NO_SUPPORT, VIR_ERR_OPERATION_INVALID,
    VIR_ERR_OPERATION_TIMEOUT, VIR_ERR_SYSTEM_ERROR, VIR_FROM_NONE,
};

/// Why a method throws.
#[derive(Debug)]
pub enum Error {
    /// libvirt failed, or would have: becomes a Sys::Virt::Error.
    Libvirt(VirError),
    /// The caller's mistake: becomes a plain message with the caller's file and line.
    Usage(String),
    /// The same, with a text that stands as it is, without the method's name before it.
    Plain(&'static str),
}

/// The result of almost everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A copy of libvirt's error, with the fields that Sys::Virt::Error shows: packed, so that most of it need not be unpacked.
pub struct VirError {
    /// A `VIR_ERR_*` number.
    pub code: i32,
    /// An [`ErrorHead`], then `str1` to `str3`, those that there are, each with its NUL, then the message.
    text: Vec<u8>,
}

/// The numbers of an error, at the beginning of the packed form.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ErrorHead {
    /// `VIR_ERR_NONE`, `_WARNING` or `_ERROR`.
    pub level: i32,
    /// A `VIR_ERR_*` number.
    pub code: i32,
    /// A `VIR_FROM_*` number.
    pub domain: i32,
    /// `int1` and `int2`.
    pub numbers: [i32; 2],
    /// A bit for each of `str1` to `str3` that there is.
    pub strings: u32,
    /// Where the message begins.
    pub message: usize,
}

impl Clone for VirError {
    fn clone(&self) -> Self {
        VirError { code: self.code, text: memory::copy(&self.text).into_vec() }
    }
}

impl std::fmt::Debug for VirError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = self.head();
        out.debug_struct("VirError")
            .field("level", &head.level)
            .field("code", &head.code)
            .field("domain", &head.domain)
            .field("message", &String::from_utf8_lossy(&self.text[head.message..]))
            .finish_non_exhaustive()
    }
}

impl VirError {
    fn new(
        [level, code, domain]: [i32; 3],
        message: &[u8],
        numbers: [i32; 2],
        strings: [Option<&CStr>; 3],
    ) -> Self {
        let bits = strings.iter().rev().fold(0, |bits, text| bits << 1 | u32::from(text.is_some()));
        let strings = strings.map(|text| text.map_or(&[][..], CStr::to_bytes_with_nul));
        let start = size_of::<ErrorHead>() + strings.iter().map(|text| text.len()).sum::<usize>();
        let mut text = scratch::take();
        if text.capacity() < start + message.len() {
            text = memory::with_room((start + message.len()).max(512));
        }
        let head = ErrorHead { level, code, domain, numbers, strings: bits, message: start };
        // SAFETY: there is room for it, and it has no padding.
        unsafe { text.as_mut_ptr().cast::<ErrorHead>().write_unaligned(head) };
        // SAFETY: so many bytes were written.
        unsafe { text.set_len(size_of::<ErrorHead>()) };
        for part in [strings[0], strings[1], strings[2], message] {
            if !part.is_empty() {
                text.extend_from_slice(part);
            }
        }
        VirError { code, text }
    }

    fn head(&self) -> ErrorHead {
        // SAFETY: that is what the text begins with.
        unsafe { self.text.as_ptr().cast::<ErrorHead>().read_unaligned() }
    }

    /// A `VIR_FROM_*` number.
    pub fn domain(&self) -> i32 {
        self.head().domain
    }

    /// The error of the libvirt call that failed last on this thread, which is forgotten there.
    pub fn last() -> Self {
        // SAFETY: the error is thread-local and stays valid until it is reset.
        let error = unsafe { virt_sys::virGetLastError() };
        if error.is_null() {
            return Self::new([0; 3], b"Unknown problem", [-1; 2], [None; 3]);
        }
        // SAFETY: not NULL, so it points to this thread's error, which nothing changes until it is reset below.
        let error = unsafe { &*error };
        // SAFETY: not NULL, so one of the error's C strings.
        let string = |text: *mut c_char| (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
        let copy = Self::new(
            [error.level as i32, error.code, error.domain],
            string(error.message).map_or(b"Unknown problem", CStr::to_bytes),
            [error.int1, error.int2],
            [string(error.str1), string(error.str2), string(error.str3)],
        );
        // SAFETY: libvirt's own reset of this thread's error.
        unsafe { virt_sys::virResetLastError() };
        copy
    }

    /// All of it.
    pub fn into_text(self) -> Vec<u8> {
        self.text
    }

    /// The same with what to do about it.
    fn with_hint(mut self, hint: &str) -> Self {
        let mut text = memory::with_room(self.text.len() + hint.len() + 3);
        for part in [&*self.text, b" (", hint.as_bytes(), b")"] {
            text.extend_from_slice(part);
        }
        scratch::keep(std::mem::replace(&mut self.text, text));
        self
    }

    fn ours(code: u32, message: String) -> Self {
        Self::with_number(code, message, -1)
    }

    /// The same with `int1`.
    fn with_number(code: u32, message: String, number: i32) -> Self {
        let kind = [VIR_ERR_ERROR as i32, code as i32, VIR_FROM_NONE as i32];
        Self::new(kind, message.replace('\0', "\\0").as_bytes(), [number, -1], [None; 3])
    }
}

impl Error {
    /// libvirt's last error on this thread.
    pub fn last() -> Self {
        Error::Libvirt(VirError::last())
    }

    /// The argument `what` is invalid, for the reason `why`.
    pub fn argument(what: &str, why: impl std::fmt::Display) -> Self {
        Error::Usage(format!("{what} {why}"))
    }

    /// The same with what to do about it, if it is libvirt's.
    pub fn with_hint(self, hint: &str) -> Self {
        match self {
            Error::Libvirt(error) => Error::Libvirt(error.with_hint(hint)),
            other => other,
        }
    }

    /// The error that libvirt would report for an invalid argument.
    pub fn invalid(message: impl Into<String>) -> Self {
        Error::Libvirt(VirError::ours(VIR_ERR_INVALID_ARG, format!("invalid argument: {}", message.into())))
    }

    /// libvirt's error for a closed object, see [`crate::virt::rules::opened`].
    pub fn closed(code: u32, function: &str) -> Self {
        let what = if code == VIR_ERR_INVALID_CONN { "connection" } else { "domain" };
        Error::Libvirt(VirError::ours(code, format!("invalid {what} pointer in {function}")))
    }

    /// The operation is not possible now.
    pub fn operation(message: impl std::fmt::Display) -> Self {
        Error::Libvirt(VirError::ours(
            VIR_ERR_OPERATION_INVALID,
            format!("Requested operation is not valid: {message}"),
        ))
    }

    /// The call of the method `name` took too long.
    pub fn timeout(name: &str, state: &str) -> Self {
        Error::Libvirt(VirError::ours(
            VIR_ERR_OPERATION_TIMEOUT,
            format!("Timed out during operation: {name} has not ended in time; {state}"),
        ))
    }

    /// The system does not do what it has to: `int1` is errno, as in libvirt's own errors of that kind.
    pub fn system(what: &str, error: &std::io::Error) -> Self {
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        let number = error.raw_os_error().unwrap_or(-1);
        Error::Libvirt(VirError::with_number(VIR_ERR_SYSTEM_ERROR, format!("{what}: {text}"), number))
    }

    /// A function that the libvirt in use does not have.
    pub fn unsupported(message: String) -> Self {
        Error::Libvirt(VirError::ours(VIR_ERR_NO_SUPPORT, message))
    }
}

/// The code of the error that libvirt set last on this thread.
pub fn last_code() -> i32 {
    // SAFETY: reads this thread's error.
    let error = unsafe { virt_sys::virGetLastError() };
    // SAFETY: not NULL, so this thread's error.
    if error.is_null() { 0 } else { unsafe { (*error).code } }
}

/// The error of a call whose failure does not matter.
pub fn forget_error() {
    // SAFETY: resets this thread's error.
    unsafe { virt_sys::virResetLastError() }
}
