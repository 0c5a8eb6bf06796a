// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The events of node devices.

use super::domain::ignored;
use super::registration::{events, free, register_on};
use crate::callback::Callback;
use crate::virt::prelude::*;

methods! { "Sys::Virt";
    node_device_event_register_any(conref: Owner<Connect>, devref: Option<NodeDevice>, eventID: i32, cb: Code) => {
        let generic = callback_of(eventID)?;
        let callback = Callback::on(&cb, &conref)?;
        register_on(conref.object, callback, virConnectNodeDeviceEventDeregisterAny, |opaque| {
            virConnectNodeDeviceEventRegisterAny(conref.object, devref, eventID, generic, opaque, Some(free))
        })
        .map(Value::from)
    };
    node_device_event_deregister_any(con: Connect, callbackID: i32) => ignored(virConnectNodeDeviceEventDeregisterAny(con, callbackID));
}

events! { NodeDevice, virConnectNodeDeviceEventGenericCallback;
    virConnectNodeDeviceEventLifecycleCallback => lifecycle(event: c_int, detail: c_int) [event, detail];
    virConnectNodeDeviceEventGenericCallback => update() [];
}
