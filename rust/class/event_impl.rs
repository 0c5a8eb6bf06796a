// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! An event loop written in Perl: libvirt calls these functions, they call the subs of Sys::Virt::Event.
//!
//! Perl sees libvirt's callbacks only as numbers of our own table, which are looked up when they come back.

use crate::argument::callback::Callback;
use crate::argument::types::Arg;
use crate::boundary::callbacks::Want;
use crate::boundary::serial::Serial;
use crate::boundary::shape::Field;
use crate::class::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

methods! { "Sys::Virt::EventImpl";
    _run_handle_callback_helper(watch: i32, fd: i32, event: i32, cbref: Any, opaqueref: Any) => {
        run_handle(watch, fd, event, &cbref, &opaqueref)
    };
    _run_timeout_callback_helper(timer: i32, cbref: Any, opaqueref: Any) => { run_timeout(timer, &cbref, &opaqueref) };
    _free_callback_opaque_helper(ffref: Any, opaqueref: Any) => { let _ = opaqueref; free(&ffref) };
}

fn run_handle(watch: i32, fd: i32, event: i32, callback: &NamedArg, opaque: &NamedArg) -> Result<Value> {
    let entry = entry_of(callback, opaque)?;
    let Function::Handle(Some(function)) = entry.function else { return Err(not_ours(callback)) };
    // SAFETY: libvirt's own function, with the pointer that came with it; neither was freed, for the entry is there.
    unsafe { function(watch, fd, event, entry.opaque.0) };
    Ok(Value::none())
}

fn run_timeout(timer: i32, callback: &NamedArg, opaque: &NamedArg) -> Result<Value> {
    let entry = entry_of(callback, opaque)?;
    let Function::Timeout(Some(function)) = entry.function else { return Err(not_ours(callback)) };
    // SAFETY: as above.
    unsafe { function(timer, entry.opaque.0) };
    Ok(Value::none())
}

fn free(function: &NamedArg) -> Result<Value> {
    if function.value.is_none() {
        return Ok(Value::none());
    }
    let entry = entries().remove(&key_of(function)?).ok_or_else(|| not_ours(function))?;
    if let Some(free) = entry.free {
        // SAFETY: libvirt's own function, with its pointer; the entry is gone, so this happens once.
        unsafe { free(entry.opaque.0) };
    }
    Ok(Value::none())
}

#[derive(Clone, Copy)]
enum Function {
    Handle(virEventHandleCallback),
    Timeout(virEventTimeoutCallback),
}

/// libvirt's pointer, which we only hand back.
#[derive(Clone, Copy)]
struct Opaque(*mut c_void);

// SAFETY: nobody here looks at what it points to.
unsafe impl Send for Opaque {}

/// What libvirt wants called, and when it is over, freed.
#[derive(Clone, Copy)]
struct LoopEntry {
    function: Function,
    opaque: Opaque,
    free: virFreeCallback,
    id: c_int,
}

static ENTRIES: Mutex<BTreeMap<u64, LoopEntry>> = Mutex::new(BTreeMap::new());

fn entries() -> MutexGuard<'static, BTreeMap<u64, LoopEntry>> {
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_ours(argument: &NamedArg) -> Error {
    Error::argument(argument.name, "is not a callback that libvirt registered, or no longer")
}

/// The number behind a reference that we gave out.
fn key_of(argument: &NamedArg) -> Result<u64> {
    let target = argument.value.items().first().filter(|_| argument.value.tag() == Tag::Ref);
    target.and_then(|target| u64::try_from(target.narrow()).ok()).ok_or_else(|| not_ours(argument))
}

/// The entry of a callback; its opaque pointer has to be the one that came with it, or undef.
fn entry_of(callback: &NamedArg, opaque: &NamedArg) -> Result<LoopEntry> {
    let key = key_of(callback)?;
    if !opaque.value.is_none() && key_of(opaque)? != key {
        return Err(not_ours(opaque));
    }
    entries().get(&key).copied().ok_or_else(|| not_ours(callback))
}

/// The subs of Sys::Virt::Event that stand for the six functions of a loop.
struct Subs {
    add_handle: Callback,
    update_handle: Callback,
    remove_handle: Callback,
    add_timeout: Callback,
    update_timeout: Callback,
    remove_timeout: Callback,
}

static SUBS: OnceLock<Subs> = OnceLock::new();

/// Makes the subs the process' event loop.
pub fn register() -> Result<Value> {
    if SUBS.get().is_some() {
        return Err(Error::operation("an event loop is registered already"));
    }
    let subs = Subs {
        add_handle: Callback::named(c"Sys::Virt::Event::_add_handle")?,
        update_handle: Callback::named(c"Sys::Virt::Event::_update_handle")?,
        remove_handle: Callback::named(c"Sys::Virt::Event::_remove_handle")?,
        add_timeout: Callback::named(c"Sys::Virt::Event::_add_timeout")?,
        update_timeout: Callback::named(c"Sys::Virt::Event::_update_timeout")?,
        remove_timeout: Callback::named(c"Sys::Virt::Event::_remove_timeout")?,
    };
    let _ = SUBS.set(subs);
    crate::event::registration::note_loop();
    // SAFETY: six functions of the right types, for as long as the process lives.
    unsafe {
        virEventRegisterImpl(
            Some(add_handle),
            Some(update_handle),
            Some(remove_handle),
            Some(add_timeout),
            Some(update_timeout),
            Some(remove_timeout),
        );
    }
    Ok(Value::none())
}

/// What `add_handle` and `add_timeout` return.
static ID: Field = Field::new(c"the event loop's result", i32::SHAPE);

/// Calls a sub for the number that it returns; -1 if it dies.
fn ask<const N: usize>(sub: &Callback, args: [Value; N]) -> c_int {
    let id = sub
        .ask(args, Want::Scalar, &ID, None, |returned, _| returned.first().map_or(0, Value::narrow) as c_int);
    id.unwrap_or(-1)
}

/// Calls a sub for what it does. What it returns is not looked at, as these are `void` in C.
fn tell<const N: usize>(sub: impl FnOnce(&Subs) -> &Callback, mut args: [Value; N]) -> c_int {
    let Some(subs) = SUBS.get() else { return -1 };
    if sub(subs).call(&mut args) { 0 } else { -1 }
}

/// Adds something to the loop: `args` are the sub's, made of three references to the entry's number: for the callback,
/// its opaque pointer and the function that frees that; undef for what is not there.
fn add<const N: usize>(
    sub: impl FnOnce(&Subs) -> &Callback,
    args: impl FnOnce(Value, Value, Value) -> [Value; N],
    entry: LoopEntry,
) -> c_int {
    static SERIAL: Serial = Serial::new();
    let key = SERIAL.next();
    let number = |present: bool| if present { Value::reference(Value::from(key)) } else { Value::none() };
    let Some(subs) = SUBS.get() else { return -1 };
    entries().insert(key, entry);
    let id =
        ask(sub(subs), args(number(true), number(!entry.opaque.0.is_null()), number(entry.free.is_some())));
    if id < 0 {
        entries().remove(&key);
    } else if let Some(entry) = entries().get_mut(&key) {
        entry.id = id;
    }
    id
}

/// Removes something; what has no free function is forgotten at once, the rest when Perl has it freed.
fn remove(sub: impl FnOnce(&Subs) -> &Callback, id: c_int, same: fn(&Function) -> bool) -> c_int {
    let returned = tell(sub, [Value::from(id)]);
    entries().retain(|_, entry| entry.free.is_some() || entry.id != id || !same(&entry.function));
    returned
}

fn guarded(default: c_int, call: impl FnOnce() -> c_int) -> c_int {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_or(default)
}

unsafe extern "C" fn add_handle(
    fd: c_int,
    events: c_int,
    callback: virEventHandleCallback,
    opaque: *mut c_void,
    free: virFreeCallback,
) -> c_int {
    let entry = LoopEntry { function: Function::Handle(callback), opaque: Opaque(opaque), free, id: -1 };
    guarded(-1, || {
        add(|subs| &subs.add_handle, |cb, data, free| [fd.into(), events.into(), cb, data, free], entry)
    })
}

unsafe extern "C" fn update_handle(watch: c_int, events: c_int) {
    guarded(0, || tell(|subs| &subs.update_handle, [Value::from(watch), Value::from(events)]));
}

unsafe extern "C" fn remove_handle(watch: c_int) -> c_int {
    guarded(-1, || {
        remove(|subs| &subs.remove_handle, watch, |function| matches!(function, Function::Handle(_)))
    })
}

unsafe extern "C" fn add_timeout(
    frequency: c_int,
    callback: virEventTimeoutCallback,
    opaque: *mut c_void,
    free: virFreeCallback,
) -> c_int {
    let entry = LoopEntry { function: Function::Timeout(callback), opaque: Opaque(opaque), free, id: -1 };
    guarded(-1, || add(|subs| &subs.add_timeout, |cb, data, free| [frequency.into(), cb, data, free], entry))
}

unsafe extern "C" fn update_timeout(timer: c_int, frequency: c_int) {
    guarded(0, || tell(|subs| &subs.update_timeout, [Value::from(timer), Value::from(frequency)]));
}

unsafe extern "C" fn remove_timeout(timer: c_int) -> c_int {
    guarded(-1, || {
        remove(|subs| &subs.remove_timeout, timer, |function| matches!(function, Function::Timeout(_)))
    })
}
