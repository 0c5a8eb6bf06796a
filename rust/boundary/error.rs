// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Error`]: everything that can go wrong, and the one place where libvirt's errors are read.

use super::memory;
use std::ffi::{CStr, CString};
use virt_sys::{
    VIR_ERR_ERROR, VIR_ERR_INVALID_ARG, VIR_ERR_INVALID_CONN, VIR_ERR_NO_SUPPORT, VIR_ERR_OPERATION_INVALID,
    VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_NONE,
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

/// A copy of libvirt's error, with the fields that Sys::Virt::Error shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirError {
    /// `VIR_ERR_NONE`, `_WARNING` or `_ERROR`.
    pub level: i32,
    /// A `VIR_ERR_*` number.
    pub code: i32,
    /// A `VIR_FROM_*` number.
    pub domain: i32,
    /// What happened, in words.
    pub message: CString,
}

impl VirError {
    /// The error of the libvirt call that failed last on this thread, which is forgotten there.
    pub fn last() -> Self {
        // SAFETY: the error is thread-local and stays valid until it is reset.
        let error = unsafe { virt_sys::virGetLastError() };
        if error.is_null() {
            return VirError { level: 0, code: 0, domain: 0, message: c"Unknown problem".into() };
        }
        // SAFETY: not NULL, so it points to this thread's error, which nothing changes until it is reset below.
        let error = unsafe { &*error };
        let message = if error.message.is_null() {
            c"Unknown problem".into()
        } else {
            // SAFETY: not NULL, hence the error's own C string.
            let bytes = unsafe { CStr::from_ptr(error.message) }.to_bytes();
            // SAFETY: the bytes of a C string have no NUL.
            unsafe { CString::from_vec_unchecked(memory::copy_for_c(bytes)) }
        };
        let copy = VirError { level: error.level as i32, code: error.code, domain: error.domain, message };
        // SAFETY: libvirt's own reset of this thread's error.
        unsafe { virt_sys::virResetLastError() };
        copy
    }

    /// The same with what to do about it.
    pub fn with_hint(mut self, hint: &str) -> Self {
        let mut message = memory::with_room(self.message.as_bytes().len() + hint.len() + 4);
        for part in [self.message.as_bytes(), b" (", hint.as_bytes(), b")"] {
            message.extend_from_slice(part);
        }
        self.message = CString::new(message).unwrap_or(self.message);
        self
    }

    fn ours(code: u32, message: String) -> Self {
        VirError {
            level: VIR_ERR_ERROR as i32,
            code: code as i32,
            domain: VIR_FROM_NONE as i32,
            message: CString::new(message.replace('\0', "\\0")).unwrap_or_default(),
        }
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

    /// What libvirt would say to an argument that it does not take.
    pub fn invalid(message: impl Into<String>) -> Self {
        Error::Libvirt(VirError::ours(VIR_ERR_INVALID_ARG, format!("invalid argument: {}", message.into())))
    }

    /// What libvirt says to a closed object, see [`crate::virt::rules::opened`].
    pub fn closed(code: u32, function: &str) -> Self {
        let what = if code == VIR_ERR_INVALID_CONN { "connection" } else { "domain" };
        Error::Libvirt(VirError::ours(code, format!("invalid {what} pointer in {function}")))
    }

    /// What is asked for cannot be done now.
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

    /// A function that the libvirt in use does not have.
    pub fn unsupported(message: String) -> Self {
        Error::Libvirt(VirError::ours(VIR_ERR_NO_SUPPORT, message))
    }
}

/// The code of the error that libvirt set last on this thread.
pub fn last_code() -> i32 {
    // SAFETY: reads this thread's error.
    let error = unsafe { virt_sys::virGetLastError() };
    // SAFETY: not NULL, hence this thread's error.
    if error.is_null() { 0 } else { unsafe { (*error).code } }
}

/// The error of a call whose failure does not matter.
pub fn forget_error() {
    // SAFETY: resets this thread's error.
    unsafe { virt_sys::virResetLastError() }
}
