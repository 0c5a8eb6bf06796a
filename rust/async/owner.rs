// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The connection that an object belongs to. libvirt knows it for most classes; for the others it is recorded when a call of the pool
//! returns one, and else only known if there is but one connection.

use super::window::{CONNECTING, UNKNOWN};
use crate::boundary::class::Class;
use crate::boundary::value::{Tag, Value};
use crate::boundary::{driver, origin};
use libc::c_void;
use std::ptr::null_mut;

/// Notes where the objects of a result came from.
pub fn note(result: &Value, connection: *mut c_void) {
    if connection.is_null() {
        return;
    }
    match result.tag() {
        Tag::Handle if !result.class().tells_connection() => origin::note(result.pointer(), connection),
        Tag::List | Tag::CountedList => {
            for item in result
                .items()
                .iter()
                .take_while(|item| item.tag() == Tag::Handle && !item.class().tells_connection())
            {
                note(item, connection);
            }
        }
        _ => {}
    }
}

/// The connection of an object, NULL if unknown.
///
/// # Safety
/// `object` is NULL or a live object of `class`.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
unsafe fn connection_of(class: Class, object: *mut c_void) -> *mut c_void {
    if object.is_null() {
        return null_mut();
    }
    // SAFETY: the caller's promise. They only look at it.
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
            Class::NodeDevice | Class::NWFilter | Class::NWFilterBinding | Class::Stream => {
                origin::of(object)
            }
            _ => null_mut(),
        }
    }
}

/// Whether a call with these arguments may take a lock of libvirt's test driver in this process. One whose connection is not known
/// may, if there is a connection to that driver.
pub fn is_within(args: &[Value], window: usize) -> bool {
    let of_stream =
        || args.first().is_some_and(|value| value.tag() == Tag::Handle && value.class() == Class::Stream);
    match window {
        CONNECTING => ["address", "uri"]
            .iter()
            .any(|key| args.iter().filter_map(|value| value.get(key)).any(|uri| driver::is_test(uri.raw()))),
        UNKNOWN => origin::any_test(),
        // A stream has its own lock, and what it waits for may take long.
        connection => origin::is_test(connection) && !of_stream(),
    }
}

/// The key of the window of a call; and its connection, if it is known for sure: then the arguments hold it. `noted`: where the handle
/// of the first argument, if it is an object, notes its connection.
pub fn window(args: &[Value], noted: Option<&mut *mut c_void>) -> (usize, *mut c_void) {
    let object = args.iter().find_map(|value| match value.tag() {
        Tag::Handle => Some(value),
        // The constructors' objects are in the pairs.
        Tag::Map => value.pairs().map(|(_, value)| value).find(|value| value.tag() == Tag::Handle),
        _ => None,
    });
    let Some(object) = object else { return (CONNECTING, null_mut()) };
    let connection = match origin::sole() {
        sole if !sole.is_null() && object.class().has_connection() => sole,
        // libvirt is asked once: that costs more than all the rest, because it formats the object's UUID for its log, even if logging
        // is off. An object never moves to another connection.
        _ => {
            let mut asked = null_mut();
            let noted = noted.unwrap_or(&mut asked);
            if noted.is_null() {
                // SAFETY: an argument's object lives, or is NULL.
                *noted = unsafe { connection_of(object.class(), object.pointer()) };
            }
            *noted
        }
    };
    match connection.is_null().then(origin::only).unwrap_or(connection) {
        null if null.is_null() => (UNKNOWN, null),
        likely => (likely as usize, connection),
    }
}
