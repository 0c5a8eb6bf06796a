// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Which connection an object belongs to. libvirt tells that of most classes; of the others it is noted when a call of the pool
//! returns one, and else only known if there is but one connection.

use super::window::{CONNECTING, UNKNOWN};
use crate::lock::Lock;
use crate::value::{Tag, Value};
use crate::virt::class::Class;
use libc::c_void;
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

/// The connections of objects of classes that do not tell it, and those that were opened and not closed.
pub struct Known {
    origins: BTreeMap<usize, usize>,
    connections: BTreeSet<usize>,
}

/// All of the process.
pub static KNOWN: Lock<Known> = Lock::new(Known { origins: BTreeMap::new(), connections: BTreeSet::new() });

/// Whether there are any origins.
static NOTED: AtomicBool = AtomicBool::new(false);

/// A connection was opened.
pub fn opened(connection: *mut c_void) {
    KNOWN.lock().connections.insert(connection as usize);
}

/// A connection is gone.
pub fn closed(connection: *mut c_void) {
    KNOWN.lock().connections.remove(&(connection as usize));
}

fn tells(class: Class) -> bool {
    !matches!(class, Class::NodeDevice | Class::NWFilter | Class::NWFilterBinding | Class::Stream)
}

/// An object of a class that does not tell its connection goes, and another may get its address.
#[inline]
pub fn released(class: Class, object: *mut c_void) {
    if !tells(class) && NOTED.load(Ordering::Relaxed) {
        KNOWN.lock().origins.remove(&(object as usize));
    }
}

/// Notes where the objects of a result came from.
pub fn note(result: &Value, connection: *mut c_void) {
    if connection.is_null() {
        return;
    }
    match result.tag() {
        Tag::Handle if !tells(result.class()) => {
            KNOWN.lock().origins.insert(result.pointer() as usize, connection as usize);
            NOTED.store(true, Ordering::Relaxed);
        }
        Tag::List | Tag::CountedList => {
            for item in
                result.items().iter().take_while(|item| item.tag() == Tag::Handle && !tells(item.class()))
            {
                note(item, connection);
            }
        }
        _ => {}
    }
}

/// The connection of an object, NULL if it is not known.
pub fn connection_of(class: Class, object: *mut c_void) -> *mut c_void {
    if object.is_null() {
        return null_mut();
    }
    // SAFETY: a live object of that class. They only look at it.
    unsafe {
        match class {
            Class::Connect => object,
            Class::Domain => virt_sys::virDomainGetConnect(object.cast()).cast(),
            Class::DomainSnapshot => virt_sys::virDomainSnapshotGetConnect(object.cast()).cast(),
            Class::DomainCheckpoint => virt_sys::virDomainCheckpointGetConnect(object.cast()).cast(),
            Class::Interface => virt_sys::virInterfaceGetConnect(object.cast()).cast(),
            Class::Network => virt_sys::virNetworkGetConnect(object.cast()).cast(),
            Class::NetworkPort => {
                let network = virt_sys::virNetworkPortGetNetwork(object.cast());
                if network.is_null() { null_mut() } else { virt_sys::virNetworkGetConnect(network).cast() }
            }
            Class::Secret => virt_sys::virSecretGetConnect(object.cast()).cast(),
            Class::StoragePool => virt_sys::virStoragePoolGetConnect(object.cast()).cast(),
            Class::StorageVol => virt_sys::virStorageVolGetConnect(object.cast()).cast(),
            _ => noted(object),
        }
    }
}

fn noted(object: *mut c_void) -> *mut c_void {
    let known = KNOWN.lock();
    let noted = known.origins.get(&(object as usize));
    let only = known.connections.first().filter(|_| known.connections.len() == 1);
    noted.or(only).map_or(null_mut(), |&connection| connection as *mut c_void)
}

/// The key of the window of a call, and its connection.
pub fn window(args: &[Value]) -> (usize, *mut c_void) {
    let object = args.iter().find_map(|value| match value.tag() {
        Tag::Handle => Some(value),
        // The constructors' objects stand in the pairs.
        Tag::Map => value.pairs().map(|(_, value)| value).find(|value| value.tag() == Tag::Handle),
        _ => None,
    });
    let Some(object) = object else { return (CONNECTING, null_mut()) };
    let connection = connection_of(object.class(), object.pointer());
    if connection.is_null() { (UNKNOWN, connection) } else { (connection as usize, connection) }
}
