// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The methods that an event loop written in Perl calls, see [`crate::event::perl_loop`].

use crate::class::prelude::*;
use crate::event::perl_loop::{Function, LoopEntry, entries};

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
    if !entry.removed {
        // SAFETY: libvirt's function, with the pointer that was registered with it; neither was freed, because the entry exists.
        unsafe { function(if entry.id < 0 { watch } else { entry.id }, fd, event, entry.opaque.0) };
    }
    Ok(Value::none())
}

fn run_timeout(timer: i32, callback: &NamedArg, opaque: &NamedArg) -> Result<Value> {
    let entry = entry_of(callback, opaque)?;
    let Function::Timeout(Some(function)) = entry.function else { return Err(not_ours(callback)) };
    if !entry.removed {
        // SAFETY: as above.
        unsafe { function(if entry.id < 0 { timer } else { entry.id }, entry.opaque.0) };
    }
    Ok(Value::none())
}

fn free(function: &NamedArg) -> Result<Value> {
    if function.value.is_none() {
        return Ok(Value::none());
    }
    let entry = entries().remove(&key_of(function)?).ok_or_else(|| not_ours(function))?;
    if let Some(free) = entry.free {
        // SAFETY: libvirt's function, with its pointer; the entry was removed, so this happens once.
        unsafe { free(entry.opaque.0) };
    }
    Ok(Value::none())
}

fn not_ours(argument: &NamedArg) -> Error {
    Error::argument(argument.name, "is not a callback that libvirt registered, or was removed")
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
