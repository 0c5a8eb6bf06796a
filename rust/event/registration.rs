// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Registered callbacks: each has a sub, retained until libvirt frees the registration, and an entry in a
//! table, so that `close` can find what is registered on a connection.

use crate::argument::callback::{Callback, Place};
use crate::boundary::error::{Error, Result, forget_error};
use crate::boundary::lock::{Guard, Lock};
use crate::boundary::memory;
use crate::boundary::serial::Serial;
use crate::boundary::value::Value;
use crate::virt::rules::check;
use libc::{c_int, c_void};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How to unregister a callback on a `T`.
pub type Deregister<T> = unsafe extern "C" fn(*mut T, c_int) -> c_int;

/// How to unregister it.
pub struct Deregistration {
    /// To unregister is a message on the connection: its child does not send one.
    process: u32,
    connection: usize,
    id: c_int,
    deregister: Deregister<c_void>,
}

/// All registrations of the process that can be unregistered, by serial number.
pub static REGISTERED: Lock<BTreeMap<u64, Deregistration>> = Lock::new(BTreeMap::new());

fn registered() -> Guard<BTreeMap<u64, Deregistration>> {
    REGISTERED.lock()
}

/// The opaque pointer of a C callback.
pub struct Registration {
    callback: Callback,
    serial: u64,
}

impl Registration {
    /// The sub, under a serial number that no other has had.
    pub fn new(callback: Callback) -> Arc<Self> {
        static SERIAL: Serial = Serial::new();
        Arc::new(Registration { callback, serial: SERIAL.next() })
    }

    /// The serial number.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Whether the sub can run in this thread.
    pub fn is_ours(&self) -> bool {
        self.callback.place() == Place::Here
    }

    /// Runs the sub.
    pub fn call<const N: usize>(&self, mut args: [Value; N]) {
        self.callback.call(&mut args);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        registered().remove(&self.serial);
    }
}

/// For C: the opaque pointer.
pub fn opaque(callback: Callback) -> *mut c_void {
    Arc::into_raw(Registration::new(callback)).cast_mut().cast()
}

/// For C: frees the opaque pointer.
///
/// # Safety
/// `pointer` is from [`opaque`] and is not used again.
pub unsafe extern "C" fn free(pointer: *mut c_void) {
    let free = || {
        // SAFETY: the caller's promise.
        drop(unsafe { Arc::from_raw(pointer.cast_const().cast::<Registration>()) });
    };
    // A panic while freeing cannot be reported.
    let _ = catch_unwind(AssertUnwindSafe(free));
}

/// Registers `callback`: `call` passes the opaque pointer and [`free`] to libvirt.
pub fn register(callback: Callback, call: impl FnOnce(*mut c_void) -> c_int) -> Result<c_int> {
    let pointer = opaque(callback);
    check(call(pointer)).inspect_err(|_| {
        // SAFETY: libvirt did not take the pointer.
        unsafe { free(pointer) }
    })
}

/// The same, and records how to unregister it.
pub fn register_on<T>(
    connection: *mut T,
    callback: Callback,
    deregister: Deregister<T>,
    call: impl FnOnce(*mut c_void) -> c_int,
) -> Result<c_int> {
    // Ours until the entry exists, because libvirt may free its own before: then the entry is removed immediately.
    let mut held = None;
    let id = register(callback, |pointer| {
        // SAFETY: `opaque` made it a moment ago.
        held = Some(unsafe { retained(pointer) });
        call(pointer)
    })
    .map_err(without_loop)?;
    if let Some(registration) = held {
        note(&registration, connection, id, deregister);
    }
    Ok(id)
}

static LOOP: AtomicBool = AtomicBool::new(false);

/// Notes that a loop was registered through us.
pub fn note_loop() {
    LOOP.store(true, Ordering::Relaxed);
}

/// libvirt says that a timer cannot be made; the script's author needs to know of what.
fn without_loop(error: Error) -> Error {
    match error {
        Error::Libvirt(error)
            if error.code == virt_sys::VIR_ERR_INTERNAL_ERROR as i32 && !LOOP.load(Ordering::Relaxed) =>
        {
            Error::Libvirt(error).with_hint(
                "there is no event loop: call Sys::Virt::Event::register_default() before Sys::Virt->new",
            )
        }
        other => other,
    }
}

/// Records how to unregister a callback.
pub fn note<T>(registration: &Registration, connection: *mut T, id: c_int, deregister: Deregister<T>) {
    // SAFETY: pointers of all kinds are passed alike. It is called with nothing but this connection.
    let deregister = unsafe { std::mem::transmute::<Deregister<T>, Deregister<c_void>>(deregister) };
    let process = std::process::id();
    registered().insert(
        registration.serial,
        Deregistration { process, connection: connection.addr(), id, deregister },
    );
}

/// Subs that are registered on an object, by serial number. libvirt gets the number: some of its drivers never free what they
/// were given, so that this has to end with the object's registration.
pub struct CallbackRegistry(pub Lock<BTreeMap<u64, (usize, Arc<Registration>)>>);

impl CallbackRegistry {
    /// None yet.
    pub const fn new() -> Self {
        CallbackRegistry(Lock::new(BTreeMap::new()))
    }

    fn table(&'static self) -> Guard<BTreeMap<u64, (usize, Arc<Registration>)>> {
        self.0.lock()
    }

    /// Registers: `call` passes the number as the opaque pointer to libvirt.
    pub fn register<T>(
        &'static self,
        object: *mut T,
        registration: &Arc<Registration>,
        call: impl FnOnce(*mut c_void) -> c_int,
    ) -> Result<()> {
        let key = registration.serial;
        self.table().insert(key, (object.addr(), Arc::clone(registration)));
        // A number, not a pointer.
        let number = std::ptr::without_provenance_mut(key as usize);
        check(call(number)).map(|_| ()).inspect_err(|_| self.forget(number))
    }

    /// The registration with that id.
    pub fn get(&'static self, key: *mut c_void) -> Option<Arc<Registration>> {
        self.table().get(&(key.addr() as u64)).map(|(_, registration)| Arc::clone(registration))
    }

    /// Forgets the sub under the number.
    pub fn forget(&'static self, key: *mut c_void) {
        let gone = self.table().remove(&(key.addr() as u64));
        drop(gone);
    }

    /// Forgets all subs of the object but `but`.
    pub fn forget_those_of<T>(&'static self, object: *mut T, but: Option<u64>) {
        // They are dropped when the table is free again: what a sub holds may end then, and that may run Perl code.
        let mut gone = Vec::new();
        self.table().retain(|key, (of, registration)| {
            let stays = *of != object.addr() || Some(*key) == but;
            if !stays {
                gone.push(Arc::clone(registration));
            }
            stays
        });
    }
}

/// Takes back everything that is registered on a connection.
///
/// # Safety
/// `connection` is a live connection, or NULL.
pub unsafe fn deregister_all<T>(connection: *mut T) {
    if connection.is_null() {
        return;
    }
    let mine: Vec<(c_int, Deregister<c_void>)> = {
        let (entries, process) = (registered(), std::process::id());
        let mine = entries
            .values()
            .filter(|entry| entry.connection == connection.addr() && entry.process == process);
        memory::collected(mine.map(|entry| (entry.id, entry.deregister)))
    };
    for (id, deregister) in mine {
        // SAFETY: the connection is alive; for an id that is no longer registered libvirt returns an error, which is ignored.
        if unsafe { deregister(connection.cast(), id) } < 0 {
            forget_error();
        }
    }
}

/// A reference to what is behind an opaque pointer.
///
/// # Safety
/// `pointer` is from [`opaque`] and was not freed.
pub unsafe fn retained(pointer: *mut c_void) -> Arc<Registration> {
    let pointer = pointer.cast_const().cast::<Registration>();
    // SAFETY: the caller's promise.
    unsafe { Arc::increment_strong_count(pointer) };
    // SAFETY: the reference taken above.
    unsafe { Arc::from_raw(pointer) }
}

/// Calls the sub behind an opaque pointer. It may unregister itself while it runs.
///
/// # Safety
/// `pointer` is from [`opaque`] and was not freed.
pub unsafe fn dispatch<const N: usize>(pointer: *mut c_void, args: impl FnOnce() -> [Value; N]) {
    let dispatch = || {
        // SAFETY: the caller's promise; our own reference keeps it while the sub runs.
        let registration = unsafe { retained(pointer) };
        registration.call(args());
    };
    // A panic must not reach C; whatever it was, the event is lost.
    let _ = catch_unwind(AssertUnwindSafe(dispatch));
}
