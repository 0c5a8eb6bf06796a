// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The events of the other objects.

use super::table::events;
use crate::boundary::class::{Class, Connect};
use crate::boundary::error::{Error, Result};
use crate::boundary::value::Value;
use crate::virt::rules::copied;
use libc::{c_char, c_int, c_void};
use virt_sys::*;

/// Those of networks.
pub mod network {
    use super::*;
    use crate::boundary::class::Network;

    events! { Network, virConnectNetworkEventGenericCallback;
        virConnectNetworkEventLifecycleCallback => lifecycle(event: c_int, detail: c_int) [event, detail];
        virConnectNetworkEventMetadataChangeCallback => metadata_change(kind: c_int, uri: *const c_char) [kind, copied(uri)];
    }
}

/// Those of node devices.
pub mod node_device {
    use super::*;
    use crate::boundary::class::NodeDevice;

    events! { NodeDevice, virConnectNodeDeviceEventGenericCallback;
        virConnectNodeDeviceEventLifecycleCallback => lifecycle(event: c_int, detail: c_int) [event, detail];
        virConnectNodeDeviceEventGenericCallback => update() [];
    }
}

/// Those of secrets.
pub mod secret {
    use super::*;
    use crate::boundary::class::Secret;

    events! { Secret, virConnectSecretEventGenericCallback;
        virConnectSecretEventLifecycleCallback => lifecycle(event: c_int, detail: c_int) [event, detail];
        virConnectSecretEventGenericCallback => value_changed() [];
    }
}

/// Those of storage pools.
pub mod storage_pool {
    use super::*;
    use crate::boundary::class::StoragePool;

    events! { StoragePool, virConnectStoragePoolEventGenericCallback;
        virConnectStoragePoolEventLifecycleCallback => lifecycle(event: c_int, detail: c_int) [event, detail];
        virConnectStoragePoolEventGenericCallback => refresh() [];
    }
}
