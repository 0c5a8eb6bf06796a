// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! An event loop written in Perl: libvirt calls these functions, they call the subs of Sys::Virt::Event.
//!
//! Perl sees libvirt's callbacks only as numbers of our own table, which are looked up when they come back.

use crate::callback::{Callback, Want, park};
use crate::method::integer;
use crate::virt::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

methods! { "Sys::Virt::EventImpl";
    _run_handle_callback_helper(watch: i32, fd: i32, event: i32, cbref: Any, opaqueref: Any) => {
        let entry = entry_of(&cbref, &opaqueref)?;
        let Function::Handle(Some(function)) = entry.function else { return Err(not_ours(&cbref)) };
        function(watch, fd, event, entry.opaque as *mut c_void);
        Ok(Value::none())
    };
    _run_timeout_callback_helper(timer: i32, cbref: Any, opaqueref: Any) => {
        let entry = entry_of(&cbref, &opaqueref)?;
        let Function::Timeout(Some(function)) = entry.function else { return Err(not_ours(&cbref)) };
        function(timer, entry.opaque as *mut c_void);
        Ok(Value::none())
    };
    _free_callback_opaque_helper(ffref: Any, opaqueref: Any) => {
        if ffref.value.is_none() {
            return Ok(Value::none());
        }
        let key = key_of(&ffref)?;
        let _ = opaqueref;
        let entry = entries().remove(&key).ok_or_else(|| not_ours(&ffref))?;
        if let Some(free) = entry.free {
            free(entry.opaque as *mut c_void);
        }
        Ok(Value::none())
    };
}

#[derive(Clone, Copy)]
enum Function {
    Handle(virEventHandleCallback),
    Timeout(virEventTimeoutCallback),
}

/// What libvirt wants called, and when it is over, freed.
#[derive(Clone, Copy)]
struct Entry {
    function: Function,
    /// An address as a number: it is libvirt's, we only hand it back.
    opaque: usize,
    free: virFreeCallback,
    id: c_int,
}

static ENTRIES: Mutex<BTreeMap<u64, Entry>> = Mutex::new(BTreeMap::new());

fn entries() -> MutexGuard<'static, BTreeMap<u64, Entry>> {
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_ours(argument: &Named) -> Fault {
    Fault::argument(argument.name, "is not a callback that libvirt registered, or no longer")
}

/// The number behind a reference that we gave out.
fn key_of(argument: &Named) -> Result<u64> {
    let target = argument.value.items().first().filter(|_| argument.value.tag() == Tag::Ref);
    target.and_then(Value::integer).and_then(|key| u64::try_from(key).ok()).ok_or_else(|| not_ours(argument))
}

/// The entry of a callback; its opaque pointer has to be the one that came with it, or undef.
fn entry_of(callback: &Named, opaque: &Named) -> Result<Entry> {
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

/// Whether a loop written in Perl is the process' event loop.
pub fn is_registered() -> bool {
    SUBS.get().is_some()
}

/// Makes the subs the process' event loop.
pub fn register() -> Result {
    if SUBS.get().is_some() {
        return Err(Fault::operation("an event loop is registered already"));
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

/// Calls a sub and returns the integer that it returns; -1 if it dies.
fn ask(sub: impl FnOnce(&Subs) -> &Callback, args: Vec<Value>) -> c_int {
    let Some(subs) = SUBS.get() else { return -1 };
    let returned = sub(subs).ask(args, Want::Scalar, None, |returned, _| {
        returned.first().map_or(Ok(0), |value| integer::<i32>(value, "the event loop's result"))
    });
    match returned {
        Some(Ok(number)) => number,
        Some(Err(Fault::Usage(message))) => {
            park(&message);
            -1
        }
        _ => -1,
    }
}

/// Adds something to the loop: the sub gets `first`, and references to the entry's number.
fn add(sub: impl FnOnce(&Subs) -> &Callback, first: Vec<Value>, entry: Entry) -> c_int {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let key = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let number = |present: bool| if present { Value::reference(Value::from(key)) } else { Value::none() };
    entries().insert(key, entry);
    let mut args = first;
    args.push(number(true));
    args.push(number(entry.opaque != 0));
    args.push(number(entry.free.is_some()));
    let id = ask(sub, args);
    if id < 0 {
        entries().remove(&key);
    } else if let Some(entry) = entries().get_mut(&key) {
        entry.id = id;
    }
    id
}

/// Removes something; what has no free function is forgotten at once, the rest when Perl has it freed.
fn remove(sub: impl FnOnce(&Subs) -> &Callback, id: c_int, same: fn(&Function) -> bool) -> c_int {
    let returned = ask(sub, vec![Value::from(id)]);
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
    let entry = Entry { function: Function::Handle(callback), opaque: opaque as usize, free, id: -1 };
    guarded(-1, || add(|subs| &subs.add_handle, vec![Value::from(fd), Value::from(events)], entry))
}

unsafe extern "C" fn update_handle(watch: c_int, events: c_int) {
    guarded(0, || ask(|subs| &subs.update_handle, vec![Value::from(watch), Value::from(events)]));
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
    let entry = Entry { function: Function::Timeout(callback), opaque: opaque as usize, free, id: -1 };
    guarded(-1, || add(|subs| &subs.add_timeout, vec![Value::from(frequency)], entry))
}

unsafe extern "C" fn update_timeout(timer: c_int, frequency: c_int) {
    guarded(0, || ask(|subs| &subs.update_timeout, vec![Value::from(timer), Value::from(frequency)]));
}

unsafe extern "C" fn remove_timeout(timer: c_int) -> c_int {
    guarded(-1, || {
        remove(|subs| &subs.remove_timeout, timer, |function| matches!(function, Function::Timeout(_)))
    })
}
