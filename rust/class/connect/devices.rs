// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: node devices and secrets.

use super::listing::{listed, walk};
use crate::class::prelude::*;
use std::ffi::CStr;

methods! { "Sys::Virt";
    #[sub] create_node_device(con: Connect, xml: Text, flags: u32 = 0) => object(virNodeDeviceCreateXML(con, xml, flags));
    #[sub] define_node_device(con: Connect, xml: Text, flags: u32 = 0) =>
        object(newer::virNodeDeviceDefineXML()?(con, xml, flags));
    #[sub] get_node_device_by_name(con: Connect, name: Text) => named(name, virNodeDeviceLookupByName(con, name));
    #[sub] get_node_device_scsihost_by_wwn(con: Connect, wwnn: Text, wwpn: Text, flags: u32 = 0) =>
        object(virNodeDeviceLookupSCSIHostByWWN(con, wwnn, wwpn, flags));
    num_of_node_devices(con: Connect, cap: TextOrNull, flags: u32 = 0) => number(virNodeNumOfDevices(con, cap, flags));
    list_node_device_names(con: Connect, cap: TextOrNull, maxnames: Count, flags: u32 = 0) =>
        names(maxnames, |out, max| virNodeListDevices(con, cap, out, max, flags));
    #[sub] list_node_devices(con: Connect, capability: TextOrNull = undef) => node_devices(con, capability);
    list_all_node_devices(con: Connect, flags: u32 = 0) => list(|out| virConnectListAllNodeDevices(con, out, flags));

    #[sub] define_secret(con: Connect, xml: Text, flags: u32 = 0) => object(virSecretDefineXML(con, xml, flags));
    #[sub] get_secret_by_uuid(con: Connect, uuid: Bytes) =>
        by_uuid(uuid, |raw| virSecretLookupByUUID(con, raw), |text| virSecretLookupByUUIDString(con, text));
    #[sub] get_secret_by_usage(con: Connect, r#type: i32, id: Text) => object(virSecretLookupByUsage(con, r#type, id));
    num_of_secrets(con: Connect) => number(virConnectNumOfSecrets(con));
    list_secret_uuids(con: Connect, maxuuids: Count) => names(maxuuids, |out, max| virConnectListSecrets(con, out, max));
    #[sub] list_secrets(con: Connect) => listed(
        |out| virConnectListAllSecrets(con, out, 0),
        || walk(
            virConnectNumOfSecrets(con),
            |out, max| virConnectListSecrets(con, out, max),
            |uuid| virSecretLookupByUUIDString(con, uuid),
        ),
    );
    list_all_secrets(con: Connect, flags: u32 = 0) => list(|out| virConnectListAllSecrets(con, out, flags));
}

/// The flag for a capability's name, if every supported libvirt knows it.
const CAPABILITIES: &[(&CStr, c_uint)] = &[
    (c"system", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SYSTEM),
    (c"pci", VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV),
    (c"usb_device", VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_DEV),
    (c"usb", VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_INTERFACE),
    (c"net", VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET),
    (c"scsi_host", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_HOST),
    (c"scsi_target", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_TARGET),
    (c"scsi", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI),
    (c"storage", VIR_CONNECT_LIST_NODE_DEVICES_CAP_STORAGE),
    (c"fc_host", VIR_CONNECT_LIST_NODE_DEVICES_CAP_FC_HOST),
    (c"vports", VIR_CONNECT_LIST_NODE_DEVICES_CAP_VPORTS),
    (c"scsi_generic", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_GENERIC),
    (c"drm", VIR_CONNECT_LIST_NODE_DEVICES_CAP_DRM),
    (c"mdev_types", VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV_TYPES),
    (c"mdev", VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV),
    (c"ccw", VIR_CONNECT_LIST_NODE_DEVICES_CAP_CCW_DEV),
];

/// `list_node_devices`: all devices, or those with one capability.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn node_devices(con: *mut Connect, capability: *const c_char) -> Result<Value> {
    // SAFETY: a connection of ours or NULL; the row's string, or NULL, outlives the calls. The closures get what `walk` promises.
    #[expect(clippy::multiple_unsafe_ops_per_block, reason = "one walk, with the same connection")]
    let walk = || unsafe {
        walk(
            virNodeNumOfDevices(con, capability, 0),
            |names, max| virNodeListDevices(con, capability, names, max, 0),
            |name| virNodeDeviceLookupByName(con, name),
        )
    };
    let flag = if capability.is_null() {
        Some(0)
    } else {
        // SAFETY: the row's string.
        let name = unsafe { CStr::from_ptr(capability) };
        CAPABILITIES.iter().find(|(known, _)| *known == name).map(|&(_, flag)| flag)
    };
    match flag {
        // SAFETY: a connection of ours or NULL, and a place for libvirt's array.
        Some(flag) => listed(|all| unsafe { virConnectListAllNodeDevices(con, all, flag) }, walk),
        None => counted(walk()?),
    }
}
