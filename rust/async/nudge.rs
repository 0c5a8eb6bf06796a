// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! A workaround for libvirt before 10.0.0. There, of the threads that use one connection, one waits for all and is woken when
//! another has something to send. If it has not begun to wait yet, the wakeup is lost: the message is not sent until something
//! else happens on the connection, which may take seconds. Any other message repairs it, so while calls run of which none has
//! begun or ended for a while, one is sent that costs the daemon next to nothing.

use super::job::Args;
use super::pool::{Pool, TIME, pool};
use super::window::{Quiet, THREADS};
use crate::boundary::class::Class;
use crate::boundary::lock::{Guard, now};
use crate::boundary::value::Value;
use std::sync::atomic::{AtomicBool, Ordering};

/// How long nothing has to happen, in nanoseconds; twice as long each time after the first.
pub(super) const PAUSE: u64 = 30_000_000;
/// A message may get stuck as well, but more than so many of a connection do not help it.
pub(super) const MOST: u32 = 3;
/// So many threads are left for calls.
const LEFT: u32 = 16;

/// Whether libvirt needs it.
static NEEDED: AtomicBool = AtomicBool::new(false);

/// Once.
pub fn install() {
    let mut version = 0;
    // SAFETY: room for a number; the type is not asked for.
    let known = unsafe { virt_sys::virGetVersion(&raw mut version, std::ptr::null(), std::ptr::null_mut()) };
    NEEDED.store(known == 0 && version < 10_000_000, Ordering::Relaxed);
}

pub fn is_needed() -> bool {
    NEEDED.load(Ordering::Relaxed)
}

/// A connection that gets a message, and a reference to it.
pub struct Nudge {
    connection: *mut virt_sys::virConnect,
    /// Where the reference goes if it may be the last.
    queue: usize,
}

// SAFETY: libvirt's connections may be used by any thread.
unsafe impl Send for Nudge {}

impl Nudge {
    /// Sends the message, and waits for the answer, which nobody wants.
    pub fn send(&self) {
        let mut version = 0;
        // SAFETY: a connection of which this holds a reference, and room for a number.
        unsafe { virt_sys::virConnectGetLibVersion(self.connection, &raw mut version) };
    }
}

/// A call has begun: the clock looks at its connection.
pub fn begun(pool: &mut Pool, key: usize, queue: usize) {
    if !is_needed() {
        return;
    }
    let time = now() + PAUSE;
    if pool.windows.moved(key, Some(queue), time) {
        pool.wake_clock(time);
    }
}

/// A call is over.
pub fn ended(pool: &mut Pool, key: usize) {
    if is_needed() {
        pool.windows.moved(key, None, now() + PAUSE);
    }
}

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
        // SAFETY: a call runs whose object belongs to this connection, and so holds it, as long as the lock is ours.
        unsafe { virt_sys::virConnectRef(connection) };
        pool.nudges.push(Nudge { connection, queue });
        pool.rouse();
    }
    next
}

/// The answer has come. What nobody holds, not even to give it back, is returned.
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

impl Pool {
    /// Has the clock look by then.
    pub fn wake_clock(&mut self, time: u64) {
        match self.clock {
            Some(until) if until <= time => {}
            Some(_) => TIME.notify_one(),
            None => self.clock = (self.start_clock)().then_some(0),
        }
    }
}
