// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sends what [`super::nudge`] explains: the clock finds the connections that need it, threads of the pool send.

use super::job::Args;
use super::nudge::{Nudge, is_needed};
use super::pool::{Pool, pool};
use super::window::{Quiet, THREADS};
use crate::boundary::class::Class;
use crate::boundary::lock::Guard;
use crate::boundary::value::Value;

/// So many threads are left for calls.
const LEFT: u32 = 16;

/// On the clock's thread: has messages sent where they are due. When to look again; None: nothing runs that may need one.
pub fn look(pool: &mut Pool, time: u64) -> Option<u64> {
    if !is_needed() {
        return None;
    }
    let may = THREADS.saturating_sub(LEFT + pool.busy + pool.nudging + pool.nudges.len() as u32);
    let mut due = Vec::new();
    let next = pool.windows.quiet(time, may, &mut due);
    for Quiet { key, queue } in due {
        let connection = key as *mut virt_sys::virConnect;
        // SAFETY: a call runs, or a thread of a stream's, whose object belongs to this connection, and so holds it, as long as the
        // lock is ours.
        unsafe { virt_sys::virConnectRef(connection) };
        pool.nudges.push(Nudge { connection, queue });
        pool.rouse();
    }
    next
}

/// The answer has arrived. Returns objects that have no other owner, to be released.
pub fn over(pool: &mut Pool, nudge: &Nudge) -> Option<Value> {
    pool.nudging -= 1;
    let key = nudge.connection as usize;
    let held = pool.windows.nudged(key);
    if held {
        // SAFETY: the reference is ours. A call's object has one, too, so that this neither closes nor waits.
        unsafe { virt_sys::virConnectClose(nudge.connection) };
        return None;
    }
    // SAFETY: the reference is this value's now.
    let connection = unsafe { Value::handle(Class::Connect, nudge.connection.cast()) };
    match pool.queue(nudge.queue) {
        Some(queue) => {
            queue.discard(connection, Args::default());
            None
        }
        None => Some(connection),
    }
}

/// On a thread of the pool: sends one, if there is one to send.
pub fn run(mut pool: Guard<Pool>) -> (Guard<Pool>, bool) {
    let Some(nudge) = pool.nudges.pop() else { return (pool, false) };
    pool.nudging += 1;
    drop(pool);
    nudge.send();
    let mut pool = self::pool();
    let left = over(&mut pool, &nudge);
    if left.is_some() {
        drop(pool);
        drop(left);
        pool = self::pool();
    }
    (pool, true)
}
