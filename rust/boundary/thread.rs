// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Threads of ours. No Perl code runs there, and no signal of the process' is delivered to them.

use super::sigpipe;
use std::mem::MaybeUninit;

/// Enough for libvirt's clients.
const STACK: usize = 512 << 10;

/// Does something with all signals blocked: threads that start during that time have them blocked for as long as they live.
pub fn without_signals<R>(work: impl FnOnce() -> R) -> R {
    let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: room for a set of signals.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: the set was filled above, and there is room for the other; the mask is this thread's.
    let blocked = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) } == 0;
    let result = work();
    if blocked {
        // SAFETY: the call above wrote the set, as it succeeded.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    }
    result
}

/// Has the dynamic linker do now what it does at the first use of a thread's variable, and at the first use after it has loaded a
/// library. On powerpc64, LLVM keeps values in vector registers over such a use, but the dynamic linker changes these registers.
#[inline(always)]
pub fn settle_variables() {
    #[cfg(target_arch = "powerpc64")]
    {
        thread_local! {
            static VARIABLE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
        }
        #[inline(never)]
        fn settle() {
            VARIABLE.with(|variable| std::hint::black_box(variable.as_ptr()));
        }
        settle();
    }
}

/// The memory that a thread needs besides its stack before it runs our code. Without it, the C library ends the process.
const NEEDED: usize = 4 << 20;

/// Whether there is still so much address space.
fn has_room() -> bool {
    const FLAGS: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, at an address that the system chooses.
    let place = unsafe { libc::mmap(std::ptr::null_mut(), STACK + NEEDED, libc::PROT_NONE, FLAGS, -1, 0) };
    if place == libc::MAP_FAILED {
        return false;
    }
    // SAFETY: the mapping from above, which nothing points into.
    unsafe { libc::munmap(place, STACK + NEEDED) };
    true
}

/// Starts one; false if there can be no more.
pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> bool {
    let run = || {
        sigpipe::hold_always();
        run();
    };
    has_room()
        && without_signals(|| {
            std::thread::Builder::new().name(name.into()).stack_size(STACK).spawn(run).is_ok()
        })
}
