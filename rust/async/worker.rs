// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The threads of the pool. They start when there is work, and end when there was none for a while. No signal of the process'
//! is delivered to them, and no Perl code runs there.

use super::job::Work;
use super::pool::{Pool, TIME, WORK, pool};
use super::{errand, fork, nudger, owner};
use crate::boundary::enter::exception;
use crate::boundary::error::{Error, VirError};
use crate::boundary::lock::now;
use crate::boundary::table::Outcome;
use crate::boundary::thread::spawn;
use crate::boundary::value::Value;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How long a thread waits for work, in nanoseconds.
const PATIENCE: u64 = 10_000_000_000;

/// From now on the pool has its threads.
pub fn install() {
    let mut pool = pool();
    pool.start = || spawn("sys-virt", work);
    pool.start_clock = || spawn("sys-virt-time", keep_time);
}

fn work() {
    let mut pool = pool();
    let mut nudged;
    loop {
        pool = fork::pass(pool);
        (pool, nudged) = nudger::run(pool);
        if nudged {
            continue;
        }
        if let Some((id, work)) = pool.next() {
            fork::enter(&mut pool, work.within);
            drop(pool);
            errand::begin(id);
            let (outcome, result) = catch_unwind(AssertUnwindSafe(|| run(&work)))
                .unwrap_or_else(|_| (Outcome::Usage, Value::from("out of memory for a result")));
            pool = self::pool();
            let nobodys = pool.finish(id, outcome, result, work.args);
            if nobodys.is_some() {
                // Releasing an object may take long.
                drop(pool);
                drop(nobodys);
                pool = self::pool();
            }
            fork::leave(&mut pool);
            continue;
        }
        pool.idle += 1;
        let until = now() + PATIENCE;
        while pool.wakeups == 0 && now() < until {
            WORK.wait_until(&mut pool, until);
        }
        if pool.wakeups > 0 {
            pool.wakeups -= 1;
            continue;
        }
        pool.idle -= 1;
        pool.threads -= 1;
        return;
    }
}

/// Makes a call. The result owns what it points to.
fn run(work: &Work) -> (Outcome, Value) {
    let mut result = MaybeUninit::<Value>::uninit();
    // SAFETY: copies of what the shim decoded for this method, and room for a value.
    let outcome = unsafe { (work.method.body)(work.args.as_ptr(), result.as_mut_ptr()) };
    // SAFETY: the body wrote a value.
    let result = unsafe { result.assume_init() }.detached();
    if outcome == Outcome::Error && has_no_cause(&result) {
        if let Some(error) = error_of(work) {
            return (outcome, exception(error));
        }
    }
    owner::note(&result, work.connection);
    (outcome, result)
}

/// libvirt's message without a reason: when a connection dies, only one of its calls gets the reason.
fn has_no_cause(error: &Value) -> bool {
    error
        .error_head()
        .is_some_and(|head| matches!(head.code, 0 | 1) && head.domain == virt_sys::VIR_FROM_NONE as i32)
}

/// The error that every call of a dead connection gets.
fn error_of(work: &Work) -> Option<Error> {
    let connection: *mut virt_sys::virConnect = work.connection.cast();
    let mut version = 0;
    // Both calls end at once if the connection is dead.
    // SAFETY: the connection of an object among the arguments, which lives.
    if connection.is_null() || unsafe { virt_sys::virConnectIsAlive(connection) } != 0 {
        return None;
    }
    // SAFETY: the same connection; room for a number.
    if unsafe { virt_sys::virConnectGetLibVersion(connection, &raw mut version) } >= 0 {
        return None;
    }
    Some(Error::Libvirt(VirError::last()))
}

/// Settles the calls whose time is over.
fn keep_time() {
    let mut pool = pool();
    let mut idle_until = 0;
    loop {
        let time = now();
        while let Some(id) = pool.is_due(time) {
            expire(&mut pool, id);
        }
        let quiet = nudger::look(&mut pool, time);
        let first = pool.deadlines.first().map(|(deadline, _)| *deadline);
        let until = match first.into_iter().chain(quiet).min() {
            Some(until) => {
                idle_until = 0;
                until
            }
            None if idle_until == 0 => {
                idle_until = time + PATIENCE;
                idle_until
            }
            None if time < idle_until => idle_until,
            None => {
                pool.clock = None;
                return;
            }
        };
        pool.clock = Some(until);
        TIME.wait_until(&mut pool, until);
    }
}

fn expire(pool: &mut Pool, id: u64) {
    let Some(&(deadline, _)) = pool.deadlines.first() else { return };
    pool.deadlines.remove(&(deadline, id));
    let name = pool.name_of(id);
    pool.give_up(id, |state| exception(Error::timeout(name, state)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_cause_is_known_by_its_numbers() {
        assert!(has_no_cause(&exception(Error::closed(virt_sys::VIR_ERR_INTERNAL_ERROR, "f"))));
        assert!(!has_no_cause(&exception(Error::operation("busy"))));
        assert!(!has_no_cause(&Value::from("text")));
    }
}
