// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Locks that survive `fork`. The standard ones cannot: in the child, one that another thread held stays locked, with
//! nobody to open it. Those of [`register`]'s list are held by the thread that forks, so that what they guard is whole in the child.

use libc::{CLOCK_MONOTONIC, pthread_cond_t, pthread_mutex_t, timespec};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A mutex, for statics.
pub struct Lock<T> {
    mutex: UnsafeCell<pthread_mutex_t>,
    value: UnsafeCell<T>,
}

// SAFETY: the mutex lets one thread at a time to the value, which may go to any thread.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    /// An open lock.
    pub const fn new(value: T) -> Self {
        Lock { mutex: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER), value: UnsafeCell::new(value) }
    }

    /// Waits until the value is this thread's.
    pub fn lock(&'static self) -> Guard<T> {
        // SAFETY: an initialized mutex that never moves.
        unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
        Guard { lock: self, thread: PhantomData }
    }
}

/// The time in which the value is this thread's.
pub struct Guard<T: 'static> {
    lock: &'static Lock<T>,
    /// A mutex is opened by the thread that closed it.
    thread: PhantomData<*const ()>,
}

impl<T> Deref for Guard<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the mutex is ours.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the mutex is ours.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        // SAFETY: this thread locked it.
        unsafe { libc::pthread_mutex_unlock(self.lock.mutex.get()) };
    }
}

/// Where threads wait for something to change. Its clock never jumps.
pub struct Condition {
    condition: UnsafeCell<pthread_cond_t>,
    /// The lock's that it is used with: two at once is undefined.
    mutex: AtomicPtr<pthread_mutex_t>,
}

// SAFETY: made for the use by many threads.
unsafe impl Sync for Condition {}

impl Condition {
    /// For statics; before its first use comes [`Condition::renew`], by way of [`register`].
    pub const fn new() -> Self {
        Condition {
            condition: UnsafeCell::new(libc::PTHREAD_COND_INITIALIZER),
            mutex: AtomicPtr::new(null_mut()),
        }
    }

    /// Waits until it is notified or until the time [`now`] of `deadline`, or returns for no reason.
    ///
    /// # Panics
    /// If it was used with another lock before.
    pub fn wait_until<T>(&'static self, guard: &mut Guard<T>, deadline: u64) {
        let nanoseconds = 1_000_000_000;
        // The parts of a time of 64 bits fit everywhere but in the seconds of a 32-bit system's year 2106.
        let time = timespec {
            tv_sec: (deadline / nanoseconds).try_into().unwrap_or(i32::MAX.into()),
            tv_nsec: (deadline % nanoseconds) as _,
        };
        let mutex = guard.lock.mutex.get();
        let before = self.mutex.compare_exchange(null_mut(), mutex, Ordering::Relaxed, Ordering::Relaxed);
        assert!(before.is_ok() || before == Err(mutex), "a condition has one lock");
        // SAFETY: both are initialized, the mutex is this thread's, and no other is used with the condition.
        unsafe { libc::pthread_cond_timedwait(self.condition.get(), mutex, &raw const time) };
    }

    /// Wakes one that waits.
    pub fn notify_one(&self) {
        // SAFETY: initialized.
        unsafe { libc::pthread_cond_signal(self.condition.get()) };
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) {
        // SAFETY: initialized.
        unsafe { libc::pthread_cond_broadcast(self.condition.get()) };
    }
}

/// Nanoseconds of a clock that never jumps.
pub fn now() -> u64 {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for a time.
    unsafe { libc::clock_gettime(CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The locks that need care when the process forks.
pub trait Forks: Sync {
    /// Makes it ready.
    ///
    /// # Safety
    /// Nobody has used it.
    unsafe fn start(&self) {}
    /// Before: nobody else changes it until afterwards.
    fn hold(&'static self);
    /// Afterwards, in the parent.
    ///
    /// # Safety
    /// This thread holds it.
    unsafe fn open(&self);
    /// Afterwards, in the child, where the other threads do not exist.
    ///
    /// # Safety
    /// This thread held it, and is the only one.
    unsafe fn renew(&self);
}

impl<T: Send> Forks for Lock<T> {
    fn hold(&'static self) {
        // SAFETY: an initialized mutex that never moves.
        unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
    }

    unsafe fn open(&self) {
        // SAFETY: the caller's promise.
        unsafe { libc::pthread_mutex_unlock(self.mutex.get()) };
    }

    unsafe fn renew(&self) {
        // SAFETY: nobody else is there to use it.
        unsafe { self.mutex.get().write(libc::PTHREAD_MUTEX_INITIALIZER) };
    }
}

impl Forks for Condition {
    unsafe fn start(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.renew() };
    }

    fn hold(&'static self) {}

    unsafe fn open(&self) {}

    unsafe fn renew(&self) {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: room for attributes.
        unsafe { libc::pthread_condattr_init(attributes.as_mut_ptr()) };
        // SAFETY: initialized above.
        unsafe { libc::pthread_condattr_setclock(attributes.as_mut_ptr(), CLOCK_MONOTONIC) };
        // SAFETY: the same attributes; no other thread exists that could use the condition.
        unsafe { libc::pthread_cond_init(self.condition.get(), attributes.as_ptr()) };
        // SAFETY: initialized above, and not used again.
        unsafe { libc::pthread_condattr_destroy(attributes.as_mut_ptr()) };
    }
}

struct AtFork {
    all: &'static [&'static dyn Forks],
    hooks: Hooks,
}

/// Other functions that run when the process forks.
pub struct Hooks {
    /// Before the locks are held.
    pub before: fn(),
    /// Afterwards, in the parent and in the child.
    pub parent: fn(),
    pub child: fn(),
}

static AT_FORK: OnceLock<AtFork> = OnceLock::new();

/// Looks after `all` from now on, and calls the hooks. A second call changes nothing.
pub fn register(all: &'static [&'static dyn Forks], hooks: Hooks) {
    AT_FORK.get_or_init(|| {
        for one in all {
            // SAFETY: it was not used yet: all users of our functions have called this first, and a thread that calls it at
            // the same time waits here.
            unsafe { one.start() };
        }
        // SAFETY: the functions stay valid, because the library is never unloaded.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
        AtFork { all, hooks }
    });
}

extern "C" fn before() {
    let Some(at) = AT_FORK.get() else { return };
    (at.hooks.before)();
    for one in at.all {
        one.hold();
    }
}

extern "C" fn in_parent() {
    let Some(at) = AT_FORK.get() else { return };
    for one in at.all.iter().rev() {
        // SAFETY: `before` ran on this thread.
        unsafe { one.open() };
    }
    (at.hooks.parent)();
}

extern "C" fn in_child() {
    let Some(at) = AT_FORK.get() else { return };
    for one in at.all {
        // SAFETY: `before` ran on this thread, the only one.
        unsafe { one.renew() };
    }
    (at.hooks.child)();
}
