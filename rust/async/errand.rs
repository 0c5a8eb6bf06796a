// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Callbacks of a call on a thread of the pool: they may run only on the thread of their interpreter, which waits for the
//! call and runs such errands while it waits. A call for which nobody waits cannot have any.

use super::job::{Errand, Stage};
use super::pool::{ANSWER, pool};
use crate::boundary::lock::now;
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
    // SAFETY: only the lifetime changes: this function does not return while anybody may use it.
    let run = unsafe {
        std::mem::transmute::<*mut dyn FnMut(), *mut (dyn FnMut() + 'static)>(std::ptr::from_mut(run))
    };
    let id = CALL.get();
    let mut pool = pool();
    let Some(number) = pool.attended(id) else { return };
    if let Some(queue) = pool.queue(number) {
        queue.errand = Some(Errand { run, stage: Stage::Posted });
        queue.wake.set();
    }
    loop {
        let waits = pool.attended(id).is_some();
        let Some(queue) = pool.queue(number) else { return };
        match queue.errand.as_ref().map(|errand| errand.stage) {
            None | Some(Stage::Done) => {
                queue.errand = None;
                return;
            }
            Some(Stage::Posted) if !waits => {
                queue.errand = None;
                return;
            }
            Some(_) => ANSWER.wait_until(&mut pool, now() + 1_000_000_000),
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
    let run = errand.run;
    drop(pool);
    // SAFETY: `post` waits.
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| unsafe { (*run)() }));
    let mut pool = self::pool();
    if let Some(errand) = pool.queue(number).and_then(|queue| queue.errand.as_mut()) {
        errand.stage = Stage::Done;
    }
    ANSWER.notify_all();
    ran.is_ok()
}
