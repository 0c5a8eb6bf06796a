// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: node devices and secrets.

use crate::virt::prelude::*;

methods! { "Sys::Virt";
    #[sub] create_node_device(con: Connect, xml: Text, flags: u32 = 0) => object(virNodeDeviceCreateXML(con, xml, flags));
    #[sub] define_node_device(con: Connect, xml: Text, flags: u32 = 0) =>
        object(newer::virNodeDeviceDefineXML(con, xml, flags)?);
    #[sub] get_node_device_by_name(con: Connect, name: Text) => object(virNodeDeviceLookupByName(con, name));
    #[sub] get_node_device_scsihost_by_wwn(con: Connect, wwnn: Text, wwpn: Text, flags: u32 = 0) =>
        object(virNodeDeviceLookupSCSIHostByWWN(con, wwnn, wwpn, flags));
    num_of_node_devices(con: Connect, cap: TextOrNull, flags: u32 = 0) => number(virNodeNumOfDevices(con, cap, flags));
    list_node_device_names(con: Connect, cap: TextOrNull, maxnames: Count, flags: u32 = 0) =>
        names(maxnames, |out, max| virNodeListDevices(con, cap, out, max, flags));
    #[sub] list_node_devices(con: Connect, capability: TextOrNull) => node_devices(con, capability);
    list_all_node_devices(con: Connect, flags: u32 = 0) => list(|out| virConnectListAllNodeDevices(con, out, flags));

    #[sub] define_secret(con: Connect, xml: Text, flags: u32 = 0) => object(virSecretDefineXML(con, xml, flags));
    #[sub] get_secret_by_uuid(con: Connect, uuid: Bytes) =>
        by_uuid(uuid, |raw| virSecretLookupByUUID(con, raw), |text| virSecretLookupByUUIDString(con, text));
    #[sub] get_secret_by_usage(con: Connect, r#type: i32, id: Text) => object(virSecretLookupByUsage(con, r#type, id));
    num_of_secrets(con: Connect) => number(virConnectNumOfSecrets(con));
    list_secret_uuids(con: Connect, maxuuids: Count) => names(maxuuids, |out, max| virConnectListSecrets(con, out, max));
    #[sub] list_secrets(con: Connect) => counted(objects(|out| virConnectListAllSecrets(con, out, 0))?);
    list_all_secrets(con: Connect, flags: u32 = 0) => list(|out| virConnectListAllSecrets(con, out, flags));
}

/// All devices, or those of a capability: for that there is only the walk over the names.
fn node_devices(con: *mut Connect, capability: *const c_char) -> Result {
    if capability.is_null() {
        // SAFETY: the row's connection.
        return counted(objects(|out| unsafe { virConnectListAllNodeDevices(con, out, 0) })?);
    }
    // SAFETY: the row's connection and string.
    let count = check(unsafe { virNodeNumOfDevices(con, capability, 0) })?;
    // SAFETY: an array of the length that is told.
    let names =
        name_values(count as usize, |out, max| unsafe { virNodeListDevices(con, capability, out, max, 0) })?;
    let mut devices = Vec::with_capacity(names.len());
    for name in &names {
        // SAFETY: libvirt's own C string.
        let device = unsafe { virNodeDeviceLookupByName(con, name.raw().as_ptr().cast()) };
        // A device that vanished meanwhile is not listed.
        match object(device) {
            Ok(device) => devices.push(device),
            Err(_) => continue,
        }
    }
    counted(devices)
}
