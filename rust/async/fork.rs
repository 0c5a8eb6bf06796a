// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! A fork waits for calls. Connections to libvirt's test driver share objects in this process, and their locks: if a thread of the
//! pool held one while the process forks, the child would wait for it without end. So no such thread is within that driver then.

use super::pool::{POOL, Pool};
use crate::boundary::lock::{Condition, Guard, now};
use std::cell::Cell;

/// Where threads wait for the end of a fork, and a fork for threads.
pub static FORK: Condition = Condition::new();

/// How long a fork waits at most, in nanoseconds. A call could wait for something that the thread that forks has.
const LIMIT: u64 = 1_000_000_000;

thread_local! {
    /// Whether this thread of the pool makes a call that counts in `Pool::within`.
    static WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// Before the process forks.
pub fn before() {
    let mut pool = POOL.lock();
    pool.forking += 1;
    let until = now() + LIMIT;
    // A thread of the pool may fork, too: libvirt does, to reach a daemon by ssh.
    let own = u32::from(WITHIN.get());
    while pool.within > own && now() < until {
        FORK.wait_until(&mut pool, until);
    }
}

/// Afterwards, in the parent.
pub fn after() {
    let mut pool = POOL.lock();
    pool.forking = pool.forking.saturating_sub(1);
    FORK.notify_all();
}

/// No call begins while the process forks.
pub fn pass(mut pool: Guard<Pool>) -> Guard<Pool> {
    while pool.forking > 0 {
        FORK.wait_until(&mut pool, now() + LIMIT);
    }
    pool
}

/// This thread begins a call, which is within that driver or not.
pub fn enter(pool: &mut Pool, within: bool) {
    WITHIN.set(within);
    pool.within += u32::from(within);
}

/// It has ended the call, or waits for Perl's thread, which may fork. Returns what `enter` was called with.
pub fn leave(pool: &mut Pool) -> bool {
    let within = WITHIN.replace(false);
    pool.within -= u32::from(within);
    if within && pool.forking > 0 {
        FORK.notify_all();
    }
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_waits_for_a_call_within_the_driver_but_not_without_end() {
        let starts = |end: Option<u64>| {
            let (told, begun) = std::sync::mpsc::channel();
            let caller = std::thread::spawn(move || {
                enter(&mut POOL.lock(), true);
                told.send(()).expect("the test waits");
                if let Some(end) = end {
                    std::thread::sleep(std::time::Duration::from_nanos(end));
                    assert!(leave(&mut POOL.lock()));
                }
            });
            begun.recv().expect("the call begins");
            let start = now();
            before();
            assert_eq!(POOL.lock().forking, 1, "no call begins");
            after();
            caller.join().expect("the call ends");
            now() - start
        };
        let waited = starts(Some(LIMIT / 5));
        assert!((LIMIT / 10..LIMIT).contains(&waited), "{waited} ns");
        let waited = starts(None);
        assert!(waited >= LIMIT, "{waited} ns");
        POOL.lock().within = 0;
    }
}
