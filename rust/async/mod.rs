// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Calls that do not block. The shim hands in a method's decoded arguments, which are copied; a thread of the [`mod@pool`] runs the
//! method, makes its result independent of that thread and makes the interpreter's descriptor readable; the shim takes the result
//! on Perl's thread, where objects are given back too. These are the functions that the shim calls.

pub mod errand;
pub mod fork;
mod job;
mod nudge;
mod nudger;
pub mod owner;
pub mod pool;
mod wake;
mod window;
mod worker;

use crate::boundary::class::Class;
use crate::boundary::enter::exception;
use crate::boundary::error::Error;
use crate::boundary::origin;
use crate::boundary::table::{Method, Outcome};
use crate::boundary::value::Value;
use job::{Args, Done, Job, Kind, State, Work};
use libc::c_void;
use pool::{CALLS, pool};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a call is to be made.
#[repr(C)]
pub struct How {
    /// Handed back with the result.
    pub token: *mut c_void,
    /// Nanoseconds until its time is over; 0: never.
    pub timeout: u64,
    /// After its object's earlier calls.
    pub ordered: bool,
    /// Regardless of the window.
    pub urgent: bool,
    /// The caller waits, runs what Perl code the call needs, and keeps the arguments until then.
    pub attended: bool,
    /// The handle of the method's object lives until Perl has been notified of the call's end.
    pub held: bool,
    /// Where the handle of the method's object notes the object's connection: NULL until it is known. Or NULL: it does not.
    pub connection: *mut *mut c_void,
}

/// The outcome of a call.
#[repr(C)]
pub struct Settled {
    /// The call's.
    pub token: *mut c_void,
    /// As if the method had been called ...
    pub outcome: Outcome,
    /// ... and its result, which is the caller's to drop.
    pub result: Value,
}

/// Once, before anything else here.
pub fn install() {
    nudge::install();
    worker::install();
}

/// A connection was opened. It may have the address of a closed one. `test`: to libvirt's test driver in this process.
pub fn opened(connection: *mut virt_sys::virConnect, test: bool) {
    if connection.is_null() {
        return;
    }
    origin::opened(connection.cast(), test);
    let mut pool = pool();
    pool.windows.forget(connection as usize);
    pool.limits.remove(&(connection as usize));
}

/// No panic may reach C.
fn guarded<R>(default: R, work: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(default)
}

/// Makes an interpreter's queue; 0 if no descriptor is available.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_queue_open() -> usize {
    guarded(0, || pool().open())
}

/// Closes the queue, because the interpreter ends. Objects of its calls are released now, or when the calls have ended.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_queue_close(queue: usize) {
    if queue > 0 {
        guarded((), || {
            let left = pool().close(queue);
            drop(left);
        });
    }
}

/// The descriptor that becomes readable when a call has ended; -1 if there is no such queue.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_queue_fd(queue: usize) -> i32 {
    guarded(-1, || pool().queue(queue).map_or(-1, |queue| queue.wake.fd()))
}

/// Makes the descriptor readable.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_queue_wake(queue: usize) {
    guarded((), || {
        if let Some(queue) = pool().queue(queue) {
            queue.wake.set();
        }
    });
}

/// Queues a call: its id, 0 if there are too many, 1 if there is no thread to make it.
///
/// # Safety
/// `args` are the method's decoded arguments. Only an attended call may have subs and variables among them. `how.connection` is of
/// the handle of the first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_submit(
    queue: usize,
    method: &'static Method,
    args: *const Value,
    how: &How,
) -> u64 {
    guarded(1, || {
        // SAFETY: the caller's promise.
        let args = unsafe { std::slice::from_raw_parts(args, method.nparams) };
        let args = Args::new(args, how.held, how.attended);
        // SAFETY: the caller's promise: a pointer of the handle's, which nobody else looks at during this call.
        let noted = unsafe { how.connection.as_mut() };
        let (window, connection) = owner::window(&args, noted);
        let within = owner::is_within(&args, window);
        let object = args.first().map_or(0, |value| value.pointer() as usize);
        let kind = if how.urgent { Kind::Urgent } else { Kind::of(method) };
        let job = Job {
            queue,
            token: how.token,
            method,
            kind,
            window,
            object,
            holds: !connection.is_null(),
            borrows: args.borrows(),
            outlives: false,
            deadline: if how.timeout == 0 {
                0
            } else {
                crate::boundary::lock::now().saturating_add(how.timeout)
            },
            attended: how.attended,
            after: 0,
            before: Vec::new(),
            state: State::Waiting(Work { method, args, connection, within }),
        };
        let mut pool = pool();
        if pool.queue(queue).is_none_or(|queue| queue.pending >= CALLS) {
            drop(pool);
            drop(job);
            return 0;
        }
        let id = pool.submit(job, how.ordered);
        if pool.threads == 0 {
            let left = pool.withdraw(id);
            drop(pool);
            drop(left);
            return 1;
        }
        id
    })
}

/// Whether the reference of a handle of that class may serve a call, see [`How::held`].
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_may_hold(class: Class) -> bool {
    class.has_connection()
}

/// Takes one call that is settled. False if there is none; then the descriptor waits again.
///
/// # Safety
/// Room for what is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_take(number: usize, out: *mut Settled) -> bool {
    guarded(false, || {
        let mut pool = pool();
        let Some(queue) = pool.queue(number) else { return false };
        let trash = std::mem::take(&mut queue.trash);
        let done = queue.done.pop_front();
        match &done {
            Some(_) => queue.pending -= 1,
            None => queue.wake.clear(),
        }
        drop(pool);
        drop(trash);
        let Some(Done { token, outcome, result, args }) = done else { return false };
        drop(args);
        // SAFETY: the caller's promise.
        unsafe { out.write(Settled { token, outcome, result }) };
        true
    })
}

/// How many calls wait to be taken.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_ready(queue: usize) -> usize {
    guarded(0, || pool().queue(queue).map_or(0, |queue| queue.done.len()))
}

/// Cancels a call that has not started: its token. NULL if it is too late.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_cancel(id: u64) -> *mut c_void {
    guarded(std::ptr::null_mut(), || {
        let taken = pool().withdraw(id);
        taken.map_or(std::ptr::null_mut(), |(token, work)| {
            drop(work);
            token
        })
    })
}

/// Nobody waits for a call any more.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_abandon(id: u64) {
    guarded((), || {
        let left = pool().abandon(id);
        drop(left);
    });
}

/// Runs what a call needs of Perl; false if it needs nothing.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_serve(queue: usize) -> bool {
    guarded(false, || errand::serve(queue))
}

/// Sets the window of a connection, where the numbers are not 0, and returns the current one.
///
/// # Safety
/// `connection` is a live connection, the others point to numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_window(connection: *mut c_void, slow: *mut u32, all: *mut u32) {
    guarded((), || {
        let mut pool = pool();
        // SAFETY: the caller's promise: two numbers, which nobody else looks at during the call.
        let slow = unsafe { &mut *slow };
        // SAFETY: as above; it is another number.
        let all = unsafe { &mut *all };
        (*slow, *all) = pool.windows.limit(connection as usize, *slow, *all);
        pool.rouse();
    });
}

/// Sets the time limit of a connection's calls in nanoseconds; 0: none.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_set_limit(connection: *mut c_void, limit: u64) {
    guarded((), || {
        let key = connection as usize;
        let mut pool = pool();
        if limit == 0 {
            pool.limits.remove(&key);
        } else {
            pool.limits.insert(key, limit);
        }
    });
}

/// The time limit of a call with these arguments; 0: none. `noted`: see [`How::connection`].
pub fn limit_of(args: &[Value], noted: Option<&mut *mut c_void>) -> u64 {
    guarded(0, || {
        let (window, _) = owner::window(args, noted);
        pool().limits.get(&window).copied().unwrap_or(0)
    })
}

/// How many calls wait, how many run, how many threads there are; and how many calls of a queue are not settled.
///
/// # Safety
/// `counts` has room for four numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_counts(queue: usize, counts: *mut usize) {
    guarded((), || {
        let mut pool = pool();
        let (waiting, running) = pool.count();
        let unsettled = pool.unsettled(queue);
        let all = [waiting, running, pool.threads as usize, unsettled];
        // SAFETY: the caller's promise.
        unsafe { counts.cast::<[usize; 4]>().write(all) };
    });
}

/// The exception of a call that the shim abandons.
///
/// # Safety
/// `result` has room for a value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_full(result: *mut Value) {
    // SAFETY: the caller's promise.
    unsafe { result.write(exception(Error::operation(format_args!("{CALLS} calls are pending already")))) };
}
