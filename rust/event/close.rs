// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The callback that hears that a connection broke. libvirt runs it in whichever thread notices, with a lock held
//! that taking the callback back wants as well, and forgets it afterwards.

use super::registration::{CallbackRegistry, Registration, note};
use crate::argument::callback::Callback;
use crate::argument::named::NamedArg;
use crate::argument::types::Origin;
use crate::boundary::class::{self, Class, Connect};
use crate::boundary::error::{Error, Result};
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

thread_local! {
    /// The connection whose callback libvirt runs in this thread.
    static RUNNING: Cell<*mut Connect> = const { Cell::new(null_mut()) };
}

/// Registers the sub; there can be one.
///
/// # Safety
/// The connection is live, or NULL.
pub unsafe fn register(conref: &Origin<Connect>, cb: &NamedArg) -> Result<Value> {
    if !conref.object.is_null() && RUNNING.get() == conref.object {
        return Err(Error::operation("this connection's close callback is running: it is the last one"));
    }
    let registration = Registration::new(Callback::anytime(cb, conref)?);
    SUBS.register(conref.object, &registration, |key| {
        // SAFETY: the caller's promise; the number is only looked up.
        unsafe { virConnectRegisterCloseCallback(conref.object, Some(closed), key, Some(free)) }
    })?;
    note(&registration, conref.object, 0, unregister);
    SUBS.forget_those_of(conref.object, Some(registration.serial()));
    Ok(Value::none())
}

/// The subs. A driver whose connections do not break takes one without keeping it, or freeing it.
static SUBS: CallbackRegistry = CallbackRegistry::new();

unsafe extern "C" fn free(key: *mut c_void) {
    let _ = catch_unwind(|| SUBS.forget(key));
}

/// Takes it back. While it runs there is nothing to do, for it will not run again.
pub unsafe extern "C" fn unregister(connection: *mut Connect, _id: c_int) -> c_int {
    if !connection.is_null() && RUNNING.get() == connection {
        return 0;
    }
    // SAFETY: the caller passes a live connection, or NULL.
    let returned = unsafe { virConnectUnregisterCloseCallback(connection, Some(closed)) };
    if returned >= 0 {
        SUBS.forget_those_of(connection, None);
    }
    returned
}

unsafe extern "C" fn closed(connection: *mut Connect, reason: c_int, key: *mut c_void) {
    let hear = || {
        let Some(registration) = SUBS.get(key) else { return };
        // SAFETY: libvirt's own connection, which lives; the reference is given back when `Later` goes.
        unsafe { class::retain(Class::Connect, connection.cast()) };
        let later = Box::new(Later { connection, reason, registration: Some(registration) });
        later.deliver_or_wait();
    };
    // A panic must not reach C; the event is lost.
    let _ = catch_unwind(AssertUnwindSafe(hear));
}

/// What remains to be done in the event loop: to run the sub, if this is not its thread, and to give back the
/// connection, which must not end within its own callback.
struct Later {
    connection: *mut Connect,
    reason: c_int,
    registration: Option<Arc<Registration>>,
}

impl Later {
    fn deliver(&mut self) {
        if let Some(registration) = self.registration.take() {
            registration
                .call([Value::owner(Class::Connect, self.connection.cast()), Value::from(self.reason)]);
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
        unsafe { class::release(Class::Connect, later.connection.cast()) };
    };
    let _ = catch_unwind(AssertUnwindSafe(drop_it));
}
