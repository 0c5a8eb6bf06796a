// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Callbacks of a call on a thread of the pool: they may run only on the thread of their interpreter, which waits for the
//! call and runs such errands while it waits. A call for which nobody waits cannot have any.

use super::fork;
use super::job::{Errand, Stage};
use super::pool::{ANSWER, Pool, pool};
use crate::boundary::lock::{Guard, now};
use std::cell::Cell;

thread_local! {
    /// The call that this thread of the pool makes; 0 on other threads.
    static CALL: Cell<u64> = const { Cell::new(0) };
}

/// This thread makes the call of that id from now on.
pub fn begin(id: u64) {
    CALL.set(id);
}

/// Whether this is a thread of the pool.
fn is_worker() -> bool {
    CALL.get() != 0
}

/// Runs `work` where Perl's code may run. None if that is not possible (any more).
pub fn on_perls_thread<R>(work: impl FnOnce() -> R) -> Option<R> {
    if !is_worker() {
        return Some(work());
    }
    let (mut work, mut result) = (Some(work), None);
    let mut run = || result = work.take().map(|work| work());
    post(&mut run);
    result
}

fn post(run: &mut dyn FnMut()) {
    // SAFETY: only the lifetime changes. This function returns when the errand was run, or is in the queue no more without having
    // begun: as long as it is there, `serve` may begin, and one that runs stays until it is done.
    let run = unsafe {
        std::mem::transmute::<*mut dyn FnMut(), *mut (dyn FnMut() + 'static)>(std::ptr::from_mut(run))
    };
    let id = CALL.get();
    let mut pool = pool();
    let within = fork::leave(&mut pool);
    wait(&mut pool, id, run);
    fork::enter(&mut pool, within);
}

fn wait(pool: &mut Guard<Pool>, id: u64, run: *mut (dyn FnMut() + 'static)) {
    let Some(number) = pool.attended(id) else { return };
    if let Some(queue) = pool.queue(number) {
        // An earlier call's that is still here is done: its caller has an answer and makes this one.
        queue.errand = Some(Errand { id, run, stage: Stage::Posted });
        queue.wake.set();
    }
    loop {
        let waits = pool.attended(id).is_some();
        let Some(queue) = pool.queue(number) else { return };
        match queue.errand.as_ref().filter(|errand| errand.id == id).map(|errand| errand.stage) {
            None => return,
            Some(Stage::Done) => break queue.errand = None,
            Some(Stage::Posted) if !waits => break queue.errand = None,
            Some(_) => ANSWER.wait_until(pool, now() + 1_000_000_000),
        }
    }
}

/// On Perl's thread: runs the errand of a queue, if there is one.
pub fn serve(number: usize) -> bool {
    let mut pool = pool();
    let Some(queue) = pool.queue(number) else { return false };
    let Some(errand) = queue.errand.as_mut().filter(|errand| errand.stage == Stage::Posted) else {
        return false;
    };
    errand.stage = Stage::Running;
    let (id, run) = (errand.id, errand.run);
    drop(pool);
    // SAFETY: `post` waits while the errand is in the queue, and nobody takes one out that runs.
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| unsafe { (*run)() }));
    let mut pool = self::pool();
    let errand = pool.queue(number).and_then(|queue| queue.errand.as_mut());
    if let Some(errand) = errand.filter(|errand| errand.id == id) {
        errand.stage = Stage::Done;
    }
    ANSWER.notify_all();
    ran.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::{spawn, yield_now};

    #[test]
    fn an_errand_of_a_call_that_is_given_up_is_not_run_for_the_next_one() {
        let (queue, first, second) = {
            let mut pool = pool();
            let queue = pool.open();
            (queue, pool.attend(queue), pool.attend(queue))
        };
        let post = |id| {
            spawn(move || {
                begin(id);
                on_perls_thread(|| id)
            })
        };
        let abandoned = post(first);
        while pool().queue(queue).is_none_or(|queue| queue.errand.is_none()) {
            yield_now();
        }
        drop(pool().abandon(first));
        assert!(!serve(queue), "nobody wants it any more");
        let wanted = post(second);
        while !serve(queue) {
            yield_now();
        }
        assert_eq!(abandoned.join().ok().flatten(), None);
        assert_eq!(wanted.join().ok().flatten(), Some(second));
        drop(pool().close(queue));
    }
}
