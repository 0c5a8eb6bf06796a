// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! SIGPIPE stays away while libvirt runs. Its client writes to the daemon's socket as to any file: once the daemon is
//! gone, the kernel's answer is a signal that ends the process before libvirt can return its error. How the script
//! treats the signal is the script's affair, so it is not ignored: this thread blocks it, discards the one that a call
//! raised, and unblocks it, for callbacks too. Three system calls: nothing is done before there is a daemon, nor where
//! nothing is written (`class::release`, and rows that are marked `#[local]`). [`storm`] is for the same time.

use super::storm;
use libc::{SIG_BLOCK, SIG_UNBLOCK, SIGPIPE, c_char, c_int, sigset_t};
use std::cell::Cell;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether there ever was a connection that may lead to a daemon.
static DAEMON: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The signal is the script's.
    Free,
    /// We have blocked it.
    Held,
    /// The script had blocked it already.
    Kept,
    /// The same, and one waits that is the script's.
    Waiting,
}

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::Free) };
    static STORM: Cell<storm::Lowered> = const { Cell::new(storm::Lowered::NOT) };
}

/// Runs a C function on a set of signals.
fn set(fill: impl FnOnce(*mut sigset_t) -> c_int) -> sigset_t {
    let mut set = MaybeUninit::zeroed();
    fill(set.as_mut_ptr());
    // SAFETY: an integer or an array of such, of which all zeros is a value.
    unsafe { set.assume_init() }
}

fn contains(set: &sigset_t) -> bool {
    // SAFETY: a valid set and signal.
    unsafe { libc::sigismember(set, SIGPIPE) == 1 }
}

fn only_sigpipe() -> sigset_t {
    set(|set| {
        // SAFETY: room for a set.
        unsafe { libc::sigemptyset(set) };
        // SAFETY: the set, emptied above, and a valid signal.
        unsafe { libc::sigaddset(set, SIGPIPE) }
    })
}

/// Blocks or unblocks the signal in this thread; true if it was blocked.
fn mask(how: c_int) -> bool {
    // SAFETY: both sets are valid, and `how` is a valid constant.
    contains(&set(|before| unsafe { libc::pthread_sigmask(how, &only_sigpipe(), before) }))
}

fn is_pending() -> bool {
    // SAFETY: the set is there.
    contains(&set(|set| unsafe { libc::sigpending(set) }))
}

/// True if the signal was the script's and has now to be given back.
#[cold]
#[inline(never)]
fn hold() -> bool {
    if STATE.get() != State::Free {
        return false;
    }
    STORM.set(storm::lower());
    STATE.set(match mask(SIG_BLOCK) {
        false => State::Held,
        true if is_pending() => State::Waiting,
        true => State::Kept,
    });
    true
}

/// For a thread that blocks all signals for as long as it lives: there is nothing to be done.
pub fn hold_always() {
    STATE.set(State::Kept);
}

/// True if the signal was held.
#[cold]
#[inline(never)]
fn give_back() -> bool {
    let state = STATE.replace(State::Free);
    if matches!(state, State::Held | State::Kept) && is_pending() {
        // No time to wait: a signal of the whole process may be another thread's by now.
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: a set and a time; NULL because the signal's details are not needed.
        unsafe { libc::sigtimedwait(&only_sigpipe(), std::ptr::null_mut(), &raw const at_once) };
    }
    if state == State::Held {
        mask(SIG_UNBLOCK);
    }
    storm::raise(STORM.replace(storm::Lowered::NOT));
    state != State::Free
}

/// Notes that a connection is about to be opened. Only libvirt's test driver surely stays within the process.
///
/// # Safety
/// `uri` is NULL or a C string.
pub unsafe fn expect(uri: *const c_char) {
    // SAFETY: the caller's promise.
    let inside = !uri.is_null() && unsafe { CStr::from_ptr(uri) }.to_bytes().starts_with(b"test:");
    if !inside {
        DAEMON.store(true, Ordering::Relaxed);
    }
}

/// The time of a call of libvirt.
#[must_use]
pub struct Guard(bool);

impl Guard {
    /// From now until it is dropped.
    #[inline]
    pub fn new() -> Self {
        Guard(DAEMON.load(Ordering::Relaxed) && hold())
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        if self.0 {
            give_back();
        }
    }
}

/// The time of a callback, which runs, and starts processes, as the rest of the script does.
#[must_use]
pub struct Interlude(bool);

impl Interlude {
    /// From now until it is dropped.
    #[inline]
    pub fn new() -> Self {
        Interlude(DAEMON.load(Ordering::Relaxed) && give_back())
    }
}

impl Drop for Interlude {
    #[inline]
    fn drop(&mut self) {
        if self.0 {
            hold();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    static HEARD: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn hear(_signal: c_int) {
        HEARD.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes where nobody reads; how often the handler has been called since the last time.
    #[expect(clippy::multiple_unsafe_ops_per_block, reason = "one pipe, from its beginning to its end")]
    fn broken_pipe() -> usize {
        let mut ends = [0; 2];
        // SAFETY: room for two descriptors, which are closed below.
        unsafe {
            assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
            libc::close(ends[0]);
            assert_eq!(libc::write(ends[1], c"x".as_ptr().cast(), 1), -1);
            assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EPIPE));
            libc::close(ends[1]);
        }
        HEARD.swap(0, Ordering::Relaxed)
    }

    #[test]
    fn signals_of_libvirt_are_taken_back_and_the_script_keeps_its_own() {
        // SAFETY: the handler only counts; no other test uses the signal.
        unsafe { libc::signal(SIGPIPE, hear as *const () as libc::sighandler_t) };
        // SAFETY: C strings.
        unsafe { expect(c"test:///default".as_ptr()) };
        let guard = Guard::new();
        assert_eq!(broken_pipe(), 1, "nothing is done before there is a daemon");
        drop(guard);
        // SAFETY: as above.
        unsafe { expect(c"test+unix:///default".as_ptr()) };
        let guard = Guard::new();
        assert_eq!(broken_pipe(), 0, "held");
        let interlude = Interlude::new();
        assert_eq!(HEARD.load(Ordering::Relaxed), 0, "cleared before a callback");
        assert_eq!(broken_pipe(), 1, "the callback's own");
        let inner = Guard::new();
        assert_eq!(broken_pipe(), 0, "held in a call within the callback");
        drop(inner);
        assert_eq!(broken_pipe(), 1, "the callback's own again");
        drop(interlude);
        assert_eq!(broken_pipe(), 0, "held after the callback");
        drop(guard);
        assert_eq!(HEARD.load(Ordering::Relaxed), 0, "cleared at the end");
        assert_eq!(broken_pipe(), 1, "and free");

        assert!(!mask(SIG_BLOCK), "the script blocks it");
        let guard = Guard::new();
        assert_eq!(broken_pipe(), 0, "held");
        drop(guard);
        assert!(!is_pending(), "cleared");
        assert_eq!(broken_pipe(), 0, "blocked");
        let guard = Guard::new();
        drop(guard);
        assert!(is_pending(), "the script's own stays, blocked");
        mask(SIG_UNBLOCK);
        assert_eq!(HEARD.swap(0, Ordering::Relaxed), 1, "and comes when it is unblocked");
    }
}
