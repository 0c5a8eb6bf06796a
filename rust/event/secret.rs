// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The events of secrets.

use super::domain::ignored;
use super::registration::{events, free, register_on};
use crate::callback::Callback;
use crate::virt::prelude::*;

methods! { "Sys::Virt";
    secret_event_register_any(conref: Owner<Connect>, secretref: Option<Secret>, eventID: i32, cb: Code) => {
        let generic = callback_of(eventID)?;
        let callback = Callback::on(&cb, &conref)?;
        register_on(conref.object, callback, virConnectSecretEventDeregisterAny, |opaque| {
            virConnectSecretEventRegisterAny(conref.object, secretref, eventID, generic, opaque, Some(free))
        })
        .map(Value::from)
    };
    secret_event_deregister_any(con: Connect, callbackID: i32) => ignored(virConnectSecretEventDeregisterAny(con, callbackID));
}

events! { Secret, virConnectSecretEventGenericCallback;
    virConnectSecretEventLifecycleCallback => lifecycle(event: c_int, detail: c_int) [event, detail];
    virConnectSecretEventGenericCallback => value_changed() [];
}
