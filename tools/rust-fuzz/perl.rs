// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The stub for Perl: subs, and the functions that the shim installs for them.

use super::arguments::{CODE, Maker, NONE, ORIGIN, Raw, byte};
use super::results::{build, give_back};
use super::{call_any, renew};
use libc::{c_char, c_void};
use std::cell::Cell;
use std::ffi::CStr;
use sysvirt::harness::{ARGS_MAX, Called, Callbacks, Request, Want};

/// A stub for a Perl callback. AddressSanitizer finds what uses it too late or frees it twice, and at the end of the process
/// what never does.
struct Sub {
    calls: Cell<u64>,
}

unsafe extern "C" fn create(code: *mut c_void, owner: *mut c_void, _anytime: bool) -> *mut c_void {
    assert!(code as u64 == CODE, "a callback without code");
    assert!(owner.is_null() || owner as usize == ORIGIN, "a callback on no object");
    Box::into_raw(Box::new(Sub { calls: Cell::new(0) })).cast()
}

unsafe extern "C" fn named(_name: *const c_char) -> *mut c_void {
    std::ptr::null_mut()
}

unsafe extern "C" fn destroy(callback: *mut c_void) {
    // SAFETY: `create` made it.
    drop(unsafe { Box::from_raw(callback.cast::<Sub>()) });
}

/// A sub that calls a method, closes all objects or does nothing, and returns anything, or dies: so at the latest when the
/// input is used up.
unsafe extern "C" fn call(callback: *mut c_void, request: *const Request) -> Called {
    // SAFETY: the caller's, which lives until this returns.
    let &Request { args, count, want, returned, readback, read, sink, context } = unsafe { &*request };
    // SAFETY: `create` made it; it may go while it runs, but not before.
    let calls = unsafe { &(*callback.cast::<Sub>()).calls };
    calls.set(calls.get() + 1);
    assert!(count <= ARGS_MAX, "too many arguments");
    assert!(usize::try_from(readback).is_ok_and(|at| at < count) || readback == -1, "no such argument");
    // SAFETY: an array of so many values, which are of the same layout.
    let args = unsafe { std::slice::from_raw_parts_mut(args.cast::<Raw>(), count) };
    let mut objects = Vec::new();
    args.iter_mut().for_each(|value| build(value, &mut objects));
    let choice = byte();
    match choice {
        30..70 => call_any(),
        70..73 => renew(),
        _ => {}
    }
    if choice >= 30 && want != Want::Nothing {
        let mut maker = Maker::default();
        let count = if want == Want::Scalar { 1 } else { byte() % 4 };
        // SAFETY: constants, where something is wanted.
        let returned = unsafe { &(*returned).shape };
        let returned: Vec<Raw> = (0..count).map(|_| maker.shaped(returned)).collect();
        // SAFETY: as above.
        let readback = if readback < 0 { NONE } else { maker.shaped(unsafe { &(*read).shape }) };
        // SAFETY: as many values as are told, and one; the context came with the sink.
        unsafe { sink(context, returned.as_ptr().cast(), returned.len(), (&raw const readback).cast()) };
    }
    give_back(objects);
    if choice >= 30 { Called::Done } else { Called::Failed }
}

unsafe extern "C" fn defer(message: *const c_char) {
    // SAFETY: a C string.
    std::hint::black_box(unsafe { CStr::from_ptr(message) }.count_bytes());
}

unsafe extern "C" fn place(_callback: *mut c_void) -> i32 {
    1
}

extern "C" fn queue() -> usize {
    0
}

extern "C" fn lower_signals() -> *mut c_void {
    std::ptr::null_mut()
}

unsafe extern "C" fn raise_signals(_lowered: *mut c_void) {}

/// The functions that the shim installs.
pub static CALLBACKS: Callbacks =
    Callbacks { create, named, destroy, call, place, queue, defer, lower_signals, raise_signals };
