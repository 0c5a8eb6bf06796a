// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Event: the event loop. The events themselves are in `rust/event/`.

use crate::argument::callback::Callback;
use crate::boundary::storm;
use crate::class::prelude::*;
use crate::event::perl_loop;
use crate::event::registration::{dispatch, free, note_loop, register};
use std::sync::atomic::{AtomicBool, Ordering};

methods! { "Sys::Virt::Event";
    register_default() => register_default();
    run_default() => run_default();
    _has_default() => Ok(Value::from(DEFAULT.load(Ordering::Relaxed)));
    _register_impl() => perl_loop::register();
    add_handle(fd: i32, events: i32, coderef: Code) => {
        let callback = Callback::new(&coderef)?;
        loop_result(register(callback, |opaque| virEventAddHandle(fd, events, Some(handle_ready), opaque, Some(free))))
    };
    update_handle(watch: i32, events: i32) => void(|| virEventUpdateHandle(watch, events));
    remove_handle(watch: i32) => removed(virEventRemoveHandle(watch), "watch", watch);
    add_timeout(frequency: i32, coderef: Code) => {
        let callback = Callback::new(&coderef)?;
        loop_result(register(callback, |opaque| virEventAddTimeout(frequency, Some(timer_fired), opaque, Some(free))))
    };
    update_timeout(timer: i32, frequency: i32) => void(|| virEventUpdateTimeout(timer, frequency));
    remove_timeout(timer: i32) => removed(virEventRemoveTimeout(timer), "timer", timer);
}

/// Whether libvirt's own loop was registered through us.
static DEFAULT: AtomicBool = AtomicBool::new(false);

/// See `DEFAULT`.
pub fn has_default() -> bool {
    DEFAULT.load(Ordering::Relaxed)
}

fn register_default() -> Result<Value> {
    if perl_loop::is_registered() {
        let stays =
            "an event implementation is registered already, and stays: libvirt's event loop is not used";
        return Ok(Value::warned(Value::none(), vec![stays.into()]));
    }
    // SAFETY: may be called at any time; a second registration is refused.
    check(unsafe { virEventRegisterDefaultImpl() })?;
    DEFAULT.store(true, Ordering::Relaxed);
    note_loop();
    Ok(Value::none())
}

fn run_default() -> Result<Value> {
    if !DEFAULT.load(Ordering::Relaxed) {
        return Err(Error::operation(if perl_loop::is_registered() {
            "an event implementation is registered: run that event loop instead"
        } else {
            "the default event loop is not registered: call register_default first"
        }));
    }
    let _guard = storm::Guard::new();
    // SAFETY: the default implementation is there.
    status(unsafe { virEventRunDefaultImpl() })
}

/// Failures of the event loop itself come without a libvirt error.
fn loop_result(added: Result<c_int>) -> Result<Value> {
    added.map(Value::from).map_err(|error| match error {
        Error::Libvirt(error) if error.code == 0 => {
            Error::operation("no event loop is registered: register one first")
        }
        other => other,
    })
}

fn removed(returned: c_int, what: &str, id: c_int) -> Result<Value> {
    status(returned).map_err(|error| match error {
        Error::Libvirt(error) if error.code == 0 => Error::invalid(format!("there is no {what} {id}")),
        other => other,
    })
}

unsafe extern "C" fn handle_ready(watch: c_int, fd: c_int, events: c_int, opaque: *mut c_void) {
    // SAFETY: the opaque pointer of our own registration.
    unsafe { dispatch(opaque, || [Value::from(watch), Value::from(fd), Value::from(events)]) }
}

unsafe extern "C" fn timer_fired(timer: c_int, opaque: *mut c_void) {
    // SAFETY: the opaque pointer of our own registration.
    unsafe { dispatch(opaque, || [Value::from(timer)]) }
}
