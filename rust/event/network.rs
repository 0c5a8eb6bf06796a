// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The events of networks.

use super::domain::ignored;
use super::registration::{events, free, register_on};
use crate::callback::Callback;
use crate::virt::prelude::*;

methods! { "Sys::Virt";
    network_event_register_any(conref: Owner<Connect>, netref: Option<Network>, eventID: i32, cb: Code) => {
        let generic = callback_of(eventID)?;
        let callback = Callback::on(&cb, &conref)?;
        register_on(conref.object, callback, virConnectNetworkEventDeregisterAny, |opaque| {
            virConnectNetworkEventRegisterAny(conref.object, netref, eventID, generic, opaque, Some(free))
        })
        .map(Value::from)
    };
    network_event_deregister_any(con: Connect, callbackID: i32) => ignored(virConnectNetworkEventDeregisterAny(con, callbackID));
}

events! { Network, virConnectNetworkEventGenericCallback;
    virConnectNetworkEventLifecycleCallback => lifecycle(event: c_int, detail: c_int) [event, detail];
    virConnectNetworkEventMetadataChangeCallback => metadata_change(kind: c_int, uri: *const c_char) [kind, copied(uri)];
}
