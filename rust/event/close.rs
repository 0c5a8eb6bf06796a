// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The callback for a connection that broke. libvirt runs it in whichever thread notices, holding a lock
//! that unregistering needs as well, and forgets it afterwards.

use super::registration::{CallbackRegistry, Registration, note};
use crate::argument::callback::Callback;
use crate::argument::types::{NamedArg, Origin};
use crate::boundary::class::{self, Admin, Class, Connect, Object};
use crate::boundary::error::{Error, Result};
use crate::boundary::library;
use crate::boundary::value::Value;
use libc::{c_int, c_void};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::Arc;
use virt_sys::{
    virConnectRegisterCloseCallback, virConnectUnregisterCloseCallback, virEventAddTimeout,
    virEventRemoveTimeout,
};

/// A kind of connection that has close callbacks.
pub trait Breaks: Object + Sized {
    /// Registers `closed` with the opaque pointer `key`, and `free` to free it.
    ///
    /// # Safety
    /// The connection is live, or NULL.
    unsafe fn register(connection: *mut Self, closed: Closed<Self>, key: *mut c_void) -> Result<c_int>;

    /// Unregisters it.
    ///
    /// # Safety
    /// The connection is live, or NULL.
    unsafe fn unregister(connection: *mut Self, closed: Closed<Self>) -> c_int;
}

/// Whether such a callback runs on this thread.
pub fn is_running() -> bool {
    !RUNNING.get().is_null()
}

/// The function that libvirt calls then.
type Closed<T> = unsafe extern "C" fn(*mut T, c_int, *mut c_void);

impl Breaks for Connect {
    unsafe fn register(connection: *mut Self, closed: Closed<Self>, key: *mut c_void) -> Result<c_int> {
        // SAFETY: the caller's promise; the key is only looked up.
        Ok(unsafe { virConnectRegisterCloseCallback(connection, Some(closed), key, Some(free)) })
    }

    unsafe fn unregister(connection: *mut Self, closed: Closed<Self>) -> c_int {
        // SAFETY: the caller's promise.
        unsafe { virConnectUnregisterCloseCallback(connection, Some(closed)) }
    }
}

impl Breaks for Admin {
    unsafe fn register(connection: *mut Self, closed: Closed<Self>, key: *mut c_void) -> Result<c_int> {
        let function = library::virAdmConnectRegisterCloseCallback()?;
        // SAFETY: the caller's promise; the key is only looked up.
        Ok(unsafe { function(connection, Some(closed), key, Some(free)) })
    }

    unsafe fn unregister(connection: *mut Self, closed: Closed<Self>) -> c_int {
        let Ok(function) = library::virAdmConnectUnregisterCloseCallback() else { return -1 };
        // SAFETY: the caller's promise.
        unsafe { function(connection, Some(closed)) }
    }
}

thread_local! {
    /// The connection whose callback libvirt runs in this thread.
    static RUNNING: Cell<*mut c_void> = const { Cell::new(null_mut()) };
}

/// Registers the sub; there can be one.
///
/// # Safety
/// The connection is live, or NULL.
pub unsafe fn register<T: Breaks>(conref: &Origin<T>, cb: &NamedArg) -> Result<Value> {
    if !conref.object.is_null() && RUNNING.get() == conref.object.cast() {
        return Err(Error::operation(
            "cannot register a close callback while this connection's close callback runs",
        ));
    }
    let registration = Registration::new(Callback::anytime(cb, conref)?);
    let mut missing = Ok(());
    let registered = SUBS.register(conref.object, &registration, |key| {
        // SAFETY: the caller's promise.
        unsafe { T::register(conref.object, closed::<T>, key) }.unwrap_or_else(|error| {
            missing = Err(error);
            -1
        })
    });
    missing?;
    registered?;
    note(&registration, conref.object, 0, unregister::<T>);
    SUBS.forget_those_of(conref.object, Some(registration.serial()));
    Ok(Value::none())
}

/// The subs. A driver whose connections do not break takes one without keeping it, or freeing it.
pub static SUBS: CallbackRegistry = CallbackRegistry::new();

unsafe extern "C" fn free(key: *mut c_void) {
    let _ = catch_unwind(|| SUBS.forget(key));
}

/// Unregisters the callback. While it runs there is nothing to do, because it will not run again.
pub unsafe extern "C" fn unregister<T: Breaks>(connection: *mut T, _id: c_int) -> c_int {
    if !connection.is_null() && RUNNING.get() == connection.cast() {
        return 0;
    }
    // SAFETY: the caller passes a live connection, or NULL.
    let returned = unsafe { T::unregister(connection, closed::<T>) };
    if returned >= 0 {
        SUBS.forget_those_of(connection, None);
    }
    returned
}

unsafe extern "C" fn closed<T: Breaks>(connection: *mut T, reason: c_int, key: *mut c_void) {
    let hear = || {
        let Some(registration) = SUBS.get(key) else { return };
        let connection = connection.cast();
        // SAFETY: libvirt's own connection, which lives; the reference is released when `Later` is dropped.
        unsafe { class::retain(T::CLASS, connection) };
        let later = Box::new(Later { class: T::CLASS, connection, reason, registration: Some(registration) });
        later.deliver_or_wait();
    };
    // A panic must not reach C; the event is lost.
    let _ = catch_unwind(AssertUnwindSafe(hear));
}

/// Work that remains for the event loop: to run the callback, if this is not its thread, and to release the
/// connection, which must not end within its own callback.
struct Later {
    class: Class,
    connection: *mut c_void,
    reason: c_int,
    registration: Option<Arc<Registration>>,
}

impl Later {
    fn deliver(&mut self) {
        if let Some(registration) = self.registration.take() {
            // SAFETY: the connection lives, for this holds a reference to it.
            let connection = unsafe { Value::owner(self.class, self.connection) };
            registration.call([connection, Value::from(self.reason)]);
        }
    }

    fn deliver_or_wait(mut self: Box<Self>) {
        if self.registration.as_ref().is_some_and(|registration| registration.is_ours()) {
            let outer = RUNNING.replace(self.connection);
            self.deliver();
            RUNNING.set(outer);
        }
        let opaque = Box::into_raw(self).cast();
        // SAFETY: the loop takes the box. If it fails the box stays: rather a leak than an end within the callback.
        unsafe { virEventAddTimeout(0, Some(in_loop), opaque, Some(free_later)) };
    }
}

unsafe extern "C" fn in_loop(timer: c_int, opaque: *mut c_void) {
    // SAFETY: the box that the timer was made with; nobody else uses it.
    let later = unsafe { &mut *opaque.cast::<Later>() };
    let _ = catch_unwind(AssertUnwindSafe(|| later.deliver()));
    // SAFETY: our own timer. The loop frees the box when this has returned.
    unsafe { virEventRemoveTimeout(timer) };
}

unsafe extern "C" fn free_later(opaque: *mut c_void) {
    let drop_it = || {
        // SAFETY: the box that the timer was made with.
        let later = unsafe { Box::from_raw(opaque.cast::<Later>()) };
        // SAFETY: the reference that `closed` took.
        unsafe { class::release(later.class, later.connection) };
    };
    let _ = catch_unwind(AssertUnwindSafe(drop_it));
}
