// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Callbacks`]: the functions that the shim installs, by which Rust reaches a Perl sub.

use super::shape::Field;
use super::value::Value;
use libc::{c_char, c_void};
use std::sync::OnceLock;

/// In which context a sub is called.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Void: nobody looks at what it returns.
    Nothing = 0,
    /// Scalar.
    Scalar,
    /// List.
    List,
}

/// Receives what a sub returned, and an argument as the sub left it: `count` values at `returned` and one at `readback`, which
/// live until it returns. `context` is what the call of the sub was given.
pub type Sink =
    unsafe extern "C" fn(context: *mut c_void, returned: *const Value, count: usize, readback: *const Value);

/// A call of a sub: its arguments, the context, and the types of the values that it returns.
#[repr(C)]
pub struct Request {
    /// The arguments.
    pub args: *mut Value,
    /// The number of arguments.
    pub count: usize,
    /// The context.
    pub want: Want,
    /// The type of each returned value.
    pub returned: *const Field,
    /// The index of an argument that is read when the sub has returned; -1 if there is none.
    pub readback: isize,
    /// The type of that argument.
    pub read: *const Field,
    /// Receives the returned values and that argument.
    pub sink: Sink,
    /// The sink's context.
    pub context: *mut c_void,
}

/// The outcome of a call of a sub.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// The sub died, or cannot be called any more.
    Failed = 0,
    /// The sub returned.
    Done,
    /// The sub was not called, because this thread runs no Perl.
    Elsewhere,
}

/// The shim's functions for callbacks. Pointers to subs and objects are those from a method's arguments, while it
/// runs; pointers to callbacks are those that `create` and `named` returned, until `destroy`; strings are C's.
#[repr(C)]
pub struct Callbacks {
    /// Makes a callback of a sub and, unless NULL, the object that it was registered on; `anytime`: one that may run during any
    /// call.
    pub create: unsafe extern "C" fn(code: *mut c_void, owner: *mut c_void, anytime: bool) -> *mut c_void,
    /// The same, by the sub's name; NULL if there is none.
    pub named: unsafe extern "C" fn(name: *const c_char) -> *mut c_void,
    /// Frees it.
    pub destroy: unsafe extern "C" fn(callback: *mut c_void),
    /// Calls the sub.
    pub call: unsafe extern "C" fn(callback: *mut c_void, request: *const Request) -> Called,
    /// 1 if this is the thread of the callback's interpreter, 0 if it is another thread, -1 if the interpreter has ended.
    pub place: unsafe extern "C" fn(callback: *mut c_void) -> i32,
    /// The number of this interpreter's queue of calls, 0 if there can be none.
    pub queue: extern "C" fn() -> usize,
    /// Has the enclosing method die with the message.
    pub defer: unsafe extern "C" fn(message: *const c_char),
    /// Lowers perl's count of the signals that wait to be handled, so that it never reaches the number for which perl jumps out of
    /// whatever runs. Callbacks run with the count as it is. Returns what `raise_signals` takes, NULL if there is nothing to do.
    pub lower_signals: extern "C" fn() -> *mut c_void,
    /// Makes the count again what it is.
    pub raise_signals: unsafe extern "C" fn(lowered: *mut c_void),
}

static CALLBACKS: OnceLock<&'static Callbacks> = OnceLock::new();

/// Takes the shim's functions.
///
/// # Safety
/// Each does what [`Callbacks`] says of it.
pub unsafe fn install(callbacks: &'static Callbacks) {
    // A second interpreter passes the same functions.
    let _ = CALLBACKS.set(callbacks);
}

/// The shim's functions; None outside of perl.
pub fn installed() -> Option<&'static Callbacks> {
    CALLBACKS.get().copied()
}

/// The number of this interpreter's queue of calls, 0 if there can be none.
pub fn queue() -> usize {
    installed().map_or(0, |shim| (shim.queue)())
}

/// Makes the enclosing method throw `message`, as if the callback had died with it.
pub fn defer(message: &str) {
    if let (Some(shim), Ok(text)) = (installed(), std::ffi::CString::new(message.replace('\0', "\\0"))) {
        // SAFETY: a C string.
        unsafe { (shim.defer)(text.as_ptr()) };
    }
}
