// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: the events that are registered on a connection. Their arguments are in `rust/event/`.

use crate::argument::callback::Callback;
use crate::class::prelude::*;
use crate::event::objects::{network, node_device, secret, storage_pool};
use crate::event::registration::{Deregister, deregister_all, free, register_on};
use crate::event::{close, domain};

methods! { "Sys::Virt";
    domain_event_register(conref: Owner<Connect>, cb: Code) => done(
        register(&conref, &cb, deregister_legacy, |opaque| {
            virConnectDomainEventRegister(conref.object, domain::LEGACY, opaque, Some(free))
        })
    );
    domain_event_deregister(con: Connect) => ignored(virConnectDomainEventDeregister(con, domain::LEGACY));
    domain_event_register_any(conref: Owner<Connect>, domref: Option<Domain>, eventID: i32, cb: Code) => {
        let generic = domain::callback_of(eventID)?;
        register(&conref, &cb, virConnectDomainEventDeregisterAny, |opaque| {
            virConnectDomainEventRegisterAny(conref.object, domref, eventID, generic, opaque, Some(free))
        })
    };
    domain_event_deregister_any(con: Connect, callbackID: i32) => ignored(virConnectDomainEventDeregisterAny(con, callbackID));
    network_event_register_any(conref: Owner<Connect>, netref: Option<Network>, eventID: i32, cb: Code) => {
        let generic = network::callback_of(eventID)?;
        register(&conref, &cb, virConnectNetworkEventDeregisterAny, |opaque| {
            virConnectNetworkEventRegisterAny(conref.object, netref, eventID, generic, opaque, Some(free))
        })
    };
    network_event_deregister_any(con: Connect, callbackID: i32) => ignored(virConnectNetworkEventDeregisterAny(con, callbackID));
    storage_pool_event_register_any(conref: Owner<Connect>, poolref: Option<StoragePool>, eventID: i32, cb: Code) => {
        let generic = storage_pool::callback_of(eventID)?;
        register(&conref, &cb, virConnectStoragePoolEventDeregisterAny, |opaque| {
            virConnectStoragePoolEventRegisterAny(conref.object, poolref, eventID, generic, opaque, Some(free))
        })
    };
    storage_pool_event_deregister_any(con: Connect, callbackID: i32) => ignored(virConnectStoragePoolEventDeregisterAny(con, callbackID));
    node_device_event_register_any(conref: Owner<Connect>, devref: Option<NodeDevice>, eventID: i32, cb: Code) => {
        let generic = node_device::callback_of(eventID)?;
        register(&conref, &cb, virConnectNodeDeviceEventDeregisterAny, |opaque| {
            virConnectNodeDeviceEventRegisterAny(conref.object, devref, eventID, generic, opaque, Some(free))
        })
    };
    node_device_event_deregister_any(con: Connect, callbackID: i32) => ignored(virConnectNodeDeviceEventDeregisterAny(con, callbackID));
    secret_event_register_any(conref: Owner<Connect>, secretref: Option<Secret>, eventID: i32, cb: Code) => {
        let generic = secret::callback_of(eventID)?;
        register(&conref, &cb, virConnectSecretEventDeregisterAny, |opaque| {
            virConnectSecretEventRegisterAny(conref.object, secretref, eventID, generic, opaque, Some(free))
        })
    };
    secret_event_deregister_any(con: Connect, callbackID: i32) => ignored(virConnectSecretEventDeregisterAny(con, callbackID));

    register_close_callback(conref: Owner<Connect>, cb: Code) => close::register(&conref, &cb);
    unregister_close_callback(con: Connect) => ignored(close::unregister(con, 0));
    _deregister_all(con: Connect) => void(|| deregister_all(con));
}

/// Registers the sub; the result is libvirt's id.
fn register(
    conref: &Origin<Connect>,
    cb: &NamedArg,
    deregister: Deregister<Connect>,
    call: impl FnOnce(*mut c_void) -> c_int,
) -> Result<Value> {
    register_on(conref.object, Callback::on(cb, conref)?, deregister, call).map(Value::from)
}

unsafe extern "C" fn deregister_legacy(connection: *mut Connect, _id: c_int) -> c_int {
    // SAFETY: the caller passes a live connection.
    unsafe { virConnectDomainEventDeregister(connection, domain::LEGACY) }
}
