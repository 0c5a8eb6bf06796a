// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The events of storage pools.

use super::domain::ignored;
use super::registration::{events, free, register_on};
use crate::callback::Callback;
use crate::virt::prelude::*;

methods! { "Sys::Virt";
    storage_pool_event_register_any(conref: Owner<Connect>, poolref: Option<StoragePool>, eventID: i32, cb: Code) => {
        let generic = callback_of(eventID)?;
        let callback = Callback::on(&cb, &conref)?;
        register_on(conref.object, callback, virConnectStoragePoolEventDeregisterAny, |opaque| {
            virConnectStoragePoolEventRegisterAny(conref.object, poolref, eventID, generic, opaque, Some(free))
        })
        .map(Value::from)
    };
    storage_pool_event_deregister_any(con: Connect, callbackID: i32) => ignored(virConnectStoragePoolEventDeregisterAny(con, callbackID));
}

events! { StoragePool, virConnectStoragePoolEventGenericCallback;
    virConnectStoragePoolEventLifecycleCallback => lifecycle(event: c_int, detail: c_int) [event, detail];
    virConnectStoragePoolEventGenericCallback => refresh() [];
}
