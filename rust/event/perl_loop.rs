// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! An event loop written in Perl: libvirt calls these functions, they call the subs of Sys::Virt::Event.
//!
//! Perl sees libvirt's callbacks only as numbers of our own table, which are looked up when they come back.
//!
//! The loop runs on one thread, and libvirt calls from any. Calls from another thread are recorded in the entry that they are
//! about, the last word counts, and is done when the loop comes round: a descriptor of ours, which the loop watches, sees to
//! that. A handle or timer that is added there gets an id of ours, because the event loop's id is not known yet.

use crate::argument::callback::{Callback, Place};
use crate::argument::types::Arg;
use crate::r#async::pool::pool;
use crate::boundary::callbacks::{Want, queue};
use crate::boundary::error::{Error, Result};
use crate::boundary::lock::{Guard, Lock};
use crate::boundary::serial::Serial;
use crate::boundary::shape::Field;
use crate::boundary::value::Value;
use libc::{c_int, c_void};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use virt_sys::{
    VIR_EVENT_HANDLE_READABLE, virEventHandleCallback, virEventRegisterImpl, virEventTimeoutCallback,
    virFreeCallback,
};

/// Numbers of ours begin here, far above those that loops count up to.
const OURS: c_int = 1 << 30;

/// libvirt's callback.
#[derive(Clone, Copy)]
pub enum Function {
    /// When a descriptor is ready.
    Handle(virEventHandleCallback),
    /// When the time has come.
    Timeout(virEventTimeoutCallback),
}

/// libvirt's pointer, which we only hand back.
#[derive(Clone, Copy)]
pub struct Opaque(pub *mut c_void);

// SAFETY: nobody here looks at what it points to.
unsafe impl Send for Opaque {}

/// A request of another thread to the event loop.
#[derive(Clone, Copy)]
enum Wish {
    /// To add it: the descriptor, and the events or the frequency.
    Add(c_int, c_int),
    /// To change its events or its frequency.
    Update(c_int),
    /// To remove it.
    Remove,
}

/// Something in the loop: what is called, and when it is over, freed.
#[derive(Clone, Copy)]
pub struct LoopEntry {
    /// The function to call ...
    pub function: Function,
    /// ... with this.
    pub opaque: Opaque,
    /// The function that frees it.
    pub free: virFreeCallback,
    /// The number by which libvirt knows it ...
    pub id: c_int,
    /// ... and the loop.
    loops: Option<c_int>,
    wish: Option<Wish>,
    /// libvirt has removed it: nothing is called any more.
    pub removed: bool,
}

impl LoopEntry {
    /// Whether all that is left to do is to free it.
    fn only_frees(&self) -> bool {
        self.loops.is_none() && matches!(self.wish, Some(Wish::Remove))
    }
}

static ENTRIES: Lock<BTreeMap<u64, LoopEntry>> = Lock::new(BTreeMap::new());

/// For what has to be held while the process forks.
pub static LOCK: &Lock<BTreeMap<u64, LoopEntry>> = &ENTRIES;

/// The table, for this thread alone. No Perl code runs while it is locked.
pub fn entries() -> Guard<BTreeMap<u64, LoopEntry>> {
    ENTRIES.lock()
}

/// Whether there are wishes.
static WISHES: AtomicBool = AtomicBool::new(false);
/// The queue of the loop's interpreter; 0: it has none.
static QUEUE: AtomicUsize = AtomicUsize::new(0);
/// Whether the loop watches the queue's descriptor.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// The subs of Sys::Virt::Event that stand for the six functions of a loop, and that of Sys::Virt::Async.
struct Subs {
    add_handle: Callback,
    update_handle: Callback,
    remove_handle: Callback,
    add_timeout: Callback,
    update_timeout: Callback,
    remove_timeout: Callback,
    dispatch: Callback,
}

static SUBS: OnceLock<Subs> = OnceLock::new();

/// Whether an event loop written in Perl is the process' event loop.
pub fn is_registered() -> bool {
    SUBS.get().is_some()
}

/// Makes the subs the process' event loop.
pub fn register() -> Result<Value> {
    if is_registered() {
        return Err(Error::operation("an event loop is registered already"));
    }
    let subs = Subs {
        add_handle: Callback::named(c"Sys::Virt::Event::_add_handle")?,
        update_handle: Callback::named(c"Sys::Virt::Event::_update_handle")?,
        remove_handle: Callback::named(c"Sys::Virt::Event::_remove_handle")?,
        add_timeout: Callback::named(c"Sys::Virt::Event::_add_timeout")?,
        update_timeout: Callback::named(c"Sys::Virt::Event::_update_timeout")?,
        remove_timeout: Callback::named(c"Sys::Virt::Event::_remove_timeout")?,
        dispatch: Callback::named(c"Sys::Virt::Async::_dispatch")?,
    };
    QUEUE.store(queue(), Ordering::Relaxed);
    let _ = SUBS.set(subs);
    super::registration::note_loop();
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

/// Calls a Perl function in void context, because these functions are `void` in C.
fn tell<const N: usize>(sub: &Callback, mut args: [Value; N]) -> c_int {
    if sub.call(&mut args) { 0 } else { -1 }
}

/// Has the loop add an entry: its number there, negative if it does not.
fn loop_adds(subs: &Subs, key: u64, entry: &LoopEntry, fd: c_int, setting: c_int) -> c_int {
    let number = |present: bool| if present { Value::reference(Value::from(key)) } else { Value::none() };
    let (cb, data, free) = (number(true), number(!entry.opaque.0.is_null()), number(entry.free.is_some()));
    match entry.function {
        Function::Handle(_) => ask(&subs.add_handle, [fd.into(), setting.into(), cb, data, free]),
        Function::Timeout(_) => ask(&subs.add_timeout, [setting.into(), cb, data, free]),
    }
}

fn loop_updates(subs: &Subs, function: &Function, id: c_int, setting: c_int) {
    let args = [Value::from(id), Value::from(setting)];
    match function {
        Function::Handle(_) => tell(&subs.update_handle, args),
        Function::Timeout(_) => tell(&subs.update_timeout, args),
    };
}

fn loop_removes(subs: &Subs, function: &Function, id: c_int) -> c_int {
    match function {
        Function::Handle(_) => tell(&subs.remove_handle, [Value::from(id)]),
        Function::Timeout(_) => tell(&subs.remove_timeout, [Value::from(id)]),
    }
}

fn is_handle(function: &Function) -> bool {
    matches!(function, Function::Handle(_))
}

fn next_key() -> u64 {
    static SERIAL: Serial = Serial::new();
    SERIAL.next()
}

/// Where this is, seen from the loop.
fn place() -> Option<(&'static Subs, Place)> {
    SUBS.get().map(|subs| (subs, subs.dispatch.place()))
}

fn add(function: Function, opaque: *mut c_void, free: virFreeCallback, fd: c_int, setting: c_int) -> c_int {
    let Some((subs, place)) = place() else { return -1 };
    let mut entry =
        LoopEntry { function, opaque: Opaque(opaque), free, id: -1, loops: None, wish: None, removed: false };
    let key = next_key();
    match place {
        Place::Gone => -1,
        Place::Elsewhere => {
            entry.id = our_id(key);
            entry.wish = Some(Wish::Add(fd, setting));
            entries().insert(key, entry);
            wake();
            entry.id
        }
        Place::Here => {
            entries().insert(key, entry);
            let id = loop_adds(subs, key, &entry, fd, setting);
            let mut entries = entries();
            if id < 0 {
                entries.remove(&key);
                return id;
            }
            // A loop that uses a number twice, or one of ours, is not asked by it.
            let taken = id >= OURS
                || entries.values().any(|other| {
                    other.id == id && !other.removed && is_handle(&other.function) == is_handle(&function)
                });
            let id_here = if taken { our_id(key) } else { id };
            if let Some(entry) = entries.get_mut(&key) {
                (entry.id, entry.loops) = (id_here, Some(id));
            }
            drop(entries);
            watch();
            id_here
        }
    }
}

fn our_id(key: u64) -> c_int {
    OURS + (key % (1 << 30)) as c_int
}

/// Changes the entry with libvirt's id.
fn with_entry<R>(id: c_int, handle: bool, work: impl FnOnce(u64, &mut LoopEntry) -> R) -> Option<R> {
    let mut entries = entries();
    let found = entries
        .iter_mut()
        .find(|(_, entry)| entry.id == id && !entry.removed && is_handle(&entry.function) == handle);
    found.map(|(key, entry)| work(*key, entry))
}

fn update(handle: bool, id: c_int, setting: c_int) {
    let Some((subs, place)) = place() else { return };
    let wish = |entry: &mut LoopEntry| {
        entry.wish = match entry.wish {
            Some(Wish::Add(fd, _)) => Some(Wish::Add(fd, setting)),
            _ => Some(Wish::Update(setting)),
        };
    };
    match place {
        Place::Gone => {}
        Place::Elsewhere => {
            if with_entry(id, handle, |_, entry| wish(entry)).is_some() {
                wake();
            }
        }
        Place::Here => {
            let mut loops = id;
            if id >= OURS || WISHES.load(Ordering::Relaxed) {
                // This is the last word.
                let found = with_entry(id, handle, |_, entry| match entry.loops {
                    Some(loops) => {
                        entry.wish = None;
                        Some(loops)
                    }
                    None => {
                        wish(entry);
                        None
                    }
                });
                match found {
                    Some(Some(known)) => loops = known,
                    Some(None) => return,
                    None => {}
                }
            }
            let any = if handle { Function::Handle(None) } else { Function::Timeout(None) };
            loop_updates(subs, &any, loops, setting);
        }
    }
}

fn remove(handle: bool, id: c_int) -> c_int {
    let Some((subs, place)) = place() else { return -1 };
    match place {
        Place::Gone => -1,
        Place::Elsewhere => {
            let found = with_entry(id, handle, |_, entry| {
                entry.wish = Some(Wish::Remove);
                entry.removed = true;
            });
            if found.is_none() {
                return -1;
            }
            wake();
            0
        }
        Place::Here => {
            // One that the loop has not got yet is never to come there; it is freed when the loop comes round.
            let found = with_entry(id, handle, |_, entry| {
                let unknown = entry.loops.is_none() && matches!(entry.wish, Some(Wish::Add(..)));
                entry.wish = unknown.then_some(Wish::Remove);
                entry.removed |= unknown;
                (entry.loops, unknown)
            });
            let (loops, unknown) = found.unwrap_or((None, false));
            if unknown {
                wake();
                return 0;
            }
            let any = if handle { Function::Handle(None) } else { Function::Timeout(None) };
            let returned = loop_removes(subs, &any, loops.unwrap_or(id));
            // Entries without free function are removed immediately, others when Perl has them freed.
            entries().retain(|_, entry| {
                let this = entry.id == id && is_handle(&entry.function) == handle;
                entry.removed |= this && returned >= 0;
                entry.free.is_some() || !this
            });
            // If this was the last, the loop need not watch our descriptor either.
            if WATCHED.load(Ordering::Relaxed) && is_last() {
                wake();
            }
            returned
        }
    }
}

/// Has the loop come round.
fn wake() {
    WISHES.store(true, Ordering::Relaxed);
    if let Some(queue) = pool().queue(QUEUE.load(Ordering::Relaxed)) {
        queue.wake.set();
    }
}

/// Does what other threads wanted, on the loop's thread. `within`: in a libvirt callback, which may hold locks; what frees
/// waits until it has returned.
fn apply(subs: &Subs, within: bool) {
    if !WISHES.swap(false, Ordering::Relaxed) {
        return;
    }
    loop {
        let next = {
            let mut entries = entries();
            let may = |entry: &LoopEntry| entry.wish.is_some() && !(within && entry.only_frees());
            let found = entries.iter_mut().find(|(_, entry)| may(entry));
            if found.is_none() && within {
                let left = entries.values().any(|entry| entry.wish.is_some());
                WISHES.fetch_or(left, Ordering::Relaxed);
                return;
            }
            found.map(|(key, entry)| (*key, *entry, entry.wish.take()))
        };
        let Some((key, entry, Some(wish))) = next else { return };
        match (wish, entry.loops) {
            (Wish::Add(fd, setting), _) => {
                let id = loop_adds(subs, key, &entry, fd, setting);
                if let Some(entry) = entries().get_mut(&key) {
                    entry.loops = (id >= 0).then_some(id);
                }
            }
            (Wish::Update(setting), Some(id)) => loop_updates(subs, &entry.function, id, setting),
            (Wish::Update(_), None) => {}
            (Wish::Remove, Some(id)) => {
                loop_removes(subs, &entry.function, id);
                if entry.free.is_none() {
                    entries().remove(&key);
                }
            }
            (Wish::Remove, None) => {
                let removed = entries().remove(&key);
                if let Some((free, opaque)) = removed.and_then(|entry| Some((entry.free?, entry.opaque))) {
                    // SAFETY: libvirt's own function and pointer, once.
                    unsafe { free(opaque.0) };
                }
            }
        }
    }
}

/// The key of our own watch.
static OWN: Lock<Option<u64>> = Lock::new(None);

/// For what has to be held while the process forks.
pub static OWN_LOCK: &Lock<Option<u64>> = &OWN;

/// On the loop's thread: has the loop watch our descriptor as long as it watches something for libvirt, or calls are pending.
pub fn watch() {
    let Some((subs, Place::Here)) = place() else { return };
    if WATCHED.swap(true, Ordering::Relaxed) {
        return;
    }
    let number = QUEUE.load(Ordering::Relaxed);
    let fd = pool().queue(number).map_or(-1, |queue| queue.wake.fd());
    if fd < 0 {
        return;
    }
    let key = next_key();
    let entry = LoopEntry {
        function: Function::Handle(Some(come_round)),
        opaque: Opaque(std::ptr::null_mut()),
        free: None,
        id: our_id(key),
        loops: None,
        wish: None,
        removed: false,
    };
    *OWN.lock() = Some(key);
    entries().insert(key, entry);
    let id = loop_adds(subs, key, &entry, fd, VIR_EVENT_HANDLE_READABLE as c_int);
    if id < 0 {
        entries().remove(&key);
        WATCHED.store(false, Ordering::Relaxed);
    } else if let Some(entry) = entries().get_mut(&key) {
        entry.loops = Some(id);
    }
}

/// Whether there is nothing in the loop but our own watch.
fn is_last() -> bool {
    let own = *OWN.lock();
    entries().iter().all(|(key, entry)| Some(*key) == own || (entry.removed && entry.wish.is_none()))
}

/// Loops may end when there is nothing left that they watch.
fn unwatch_if_last(subs: &Subs) {
    let Some(key) = *OWN.lock() else { return };
    let calls = pool().queue(QUEUE.load(Ordering::Relaxed)).is_some_and(|queue| queue.pending > 0);
    if calls || !is_last() {
        return;
    }
    let entry = entries().get(&key).copied();
    if let Some(LoopEntry { loops: Some(id), function, .. }) = entry {
        entries().remove(&key);
        *OWN.lock() = None;
        WATCHED.store(false, Ordering::Relaxed);
        loop_removes(subs, &function, id);
    }
}

/// The loop comes round: our descriptor is readable.
unsafe extern "C" fn come_round(_watch: c_int, _fd: c_int, _events: c_int, _opaque: *mut c_void) {
    let work = || {
        let Some((subs, Place::Here)) = place() else { return };
        // This first: it makes the descriptor wait again, and what comes then makes it readable. As it is a callback, it leaves
        // what frees.
        subs.dispatch.call(&mut []);
        apply(subs, false);
    };
    // A panic must not reach C; whatever it was, it is lost.
    let _ = catch_unwind(AssertUnwindSafe(work));
}

/// On any thread with an interpreter, when the descriptor of its queue was made to wait again: does what other threads wanted of
/// the loop. `within`: in a libvirt callback.
pub fn serve(within: bool) {
    let Some((subs, Place::Here)) = place() else { return };
    apply(subs, within);
    unwatch_if_last(subs);
}

fn guarded<R>(default: R, call: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(default)
}

unsafe extern "C" fn add_handle(
    fd: c_int,
    events: c_int,
    callback: virEventHandleCallback,
    opaque: *mut c_void,
    free: virFreeCallback,
) -> c_int {
    guarded(-1, || add(Function::Handle(callback), opaque, free, fd, events))
}

unsafe extern "C" fn update_handle(watch: c_int, events: c_int) {
    guarded((), || update(true, watch, events));
}

unsafe extern "C" fn remove_handle(watch: c_int) -> c_int {
    guarded(-1, || remove(true, watch))
}

unsafe extern "C" fn add_timeout(
    frequency: c_int,
    callback: virEventTimeoutCallback,
    opaque: *mut c_void,
    free: virFreeCallback,
) -> c_int {
    guarded(-1, || add(Function::Timeout(callback), opaque, free, -1, frequency))
}

unsafe extern "C" fn update_timeout(timer: c_int, frequency: c_int) {
    guarded((), || update(false, timer, frequency));
}

unsafe extern "C" fn remove_timeout(timer: c_int) -> c_int {
    guarded(-1, || remove(false, timer))
}
