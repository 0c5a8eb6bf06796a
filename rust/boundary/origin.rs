// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Which connections are open, and which objects came from which, for classes whose objects do not know that: it is recorded when calls
//! of the pool return.

use super::lock::Lock;
use libc::c_void;
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// By address.
pub struct Origins {
    connections: BTreeSet<usize>,
    /// Those of them that use libvirt's test driver in this process.
    tests: BTreeSet<usize>,
    /// How many were opened ever.
    opened: usize,
    objects: BTreeMap<usize, usize>,
}

/// All of the process.
pub static ORIGINS: Lock<Origins> = Lock::new(Origins {
    connections: BTreeSet::new(),
    tests: BTreeSet::new(),
    opened: 0,
    objects: BTreeMap::new(),
});

/// Whether any object was noted.
static NOTED: AtomicBool = AtomicBool::new(false);

/// The only connection that was opened ever: whatever object there is belongs to it. NULL if there were more.
static SOLE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// See `SOLE`.
pub fn sole() -> *mut c_void {
    SOLE.load(Ordering::Relaxed)
}

/// Whether a connection to libvirt's test driver in this process was opened ever.
static TESTED: AtomicBool = AtomicBool::new(false);

/// A connection was opened, to libvirt's test driver in this process or not.
pub fn opened(connection: *mut c_void, test: bool) {
    let mut origins = ORIGINS.lock();
    if test {
        TESTED.store(true, Ordering::Relaxed);
        origins.tests.insert(connection as usize);
    }
    origins.opened += usize::from(origins.connections.insert(connection as usize));
    SOLE.store(if origins.opened == 1 { connection } else { null_mut() }, Ordering::Relaxed);
}

/// Objects of a closed connection keep it open in libvirt: it is still in the list. `test`: what `closed` returned.
pub fn lingers(connection: *mut c_void, test: bool) {
    let mut origins = ORIGINS.lock();
    origins.connections.insert(connection as usize);
    if test {
        origins.tests.insert(connection as usize);
    }
}

/// A connection is about to be closed. Whether it is to libvirt's test driver in this process.
pub fn closed(connection: *mut c_void) -> bool {
    let mut origins = ORIGINS.lock();
    origins.connections.remove(&(connection as usize));
    origins.tests.remove(&(connection as usize))
}

/// Whether the connection of that address uses libvirt's test driver in this process.
pub fn is_test(connection: usize) -> bool {
    TESTED.load(Ordering::Relaxed) && ORIGINS.lock().tests.contains(&connection)
}

/// Whether any open one does.
pub fn any_test() -> bool {
    TESTED.load(Ordering::Relaxed) && !ORIGINS.lock().tests.is_empty()
}

/// An object is freed, and another may get its address.
#[inline]
pub fn released(object: *mut c_void) {
    if NOTED.load(Ordering::Relaxed) {
        ORIGINS.lock().objects.remove(&(object as usize));
    }
}

/// Notes where an object came from.
pub fn note(object: *mut c_void, connection: *mut c_void) {
    ORIGINS.lock().objects.insert(object as usize, connection as usize);
    NOTED.store(true, Ordering::Relaxed);
}

/// The recorded connection, or NULL.
pub fn of(object: *mut c_void) -> *mut c_void {
    ORIGINS.lock().objects.get(&(object as usize)).map_or(null_mut(), |&connection| connection as *mut c_void)
}

/// The only connection, if there is but one; else NULL. An object may be of one that was closed or is none of ours.
pub fn only() -> *mut c_void {
    let origins = ORIGINS.lock();
    let only = origins.connections.first().filter(|_| origins.connections.len() == 1);
    only.map_or(null_mut(), |&connection| connection as *mut c_void)
}
