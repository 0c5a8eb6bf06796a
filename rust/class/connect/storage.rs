// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: storage pools and volumes.

use super::listing::{listed, walk};
use crate::class::prelude::*;

methods! { "Sys::Virt";
    #[sub] create_storage_pool(con: Connect, xml: Text, flags: u32 = 0) => object(virStoragePoolCreateXML(con, xml, flags));
    #[sub] define_storage_pool(con: Connect, xml: Text, flags: u32 = 0) => object(virStoragePoolDefineXML(con, xml, flags));
    #[sub] get_storage_pool_by_name(con: Connect, name: Text) => named(name, virStoragePoolLookupByName(con, name));
    #[sub] get_storage_pool_by_uuid(con: Connect, uuid: Bytes) => by_uuid(
        uuid, |raw| virStoragePoolLookupByUUID(con, raw), |text| virStoragePoolLookupByUUIDString(con, text));
    #[sub] get_storage_pool_by_volume(con: Connect, vol: StorageVol) => {
        let _ = con;
        object(virStoragePoolLookupByVolume(vol))
    };
    #[sub] get_storage_pool_by_target_path(con: Connect, path: Text) => object(virStoragePoolLookupByTargetPath(con, path));
    #[sub] get_storage_volume_by_key(con: Connect, key: Text) => object(virStorageVolLookupByKey(con, key));
    #[sub] get_storage_volume_by_path(con: Connect, path: Text) => object(virStorageVolLookupByPath(con, path));
    num_of_storage_pools(con: Connect) => number(virConnectNumOfStoragePools(con));
    num_of_defined_storage_pools(con: Connect) => number(virConnectNumOfDefinedStoragePools(con));
    list_storage_pool_names(con: Connect, maxnames: Count) =>
        names(maxnames, |out, max| virConnectListStoragePools(con, out, max));
    list_defined_storage_pool_names(con: Connect, maxnames: Count) =>
        names(maxnames, |out, max| virConnectListDefinedStoragePools(con, out, max));
    #[sub] list_storage_pools(con: Connect) => listed(
        |out| virConnectListAllStoragePools(con, out, VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE),
        || walk(
            virConnectNumOfStoragePools(con),
            |out, max| virConnectListStoragePools(con, out, max),
            |name| virStoragePoolLookupByName(con, name),
        ),
    );
    #[sub] list_defined_storage_pools(con: Connect) => listed(
        |out| virConnectListAllStoragePools(con, out, VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE),
        || walk(
            virConnectNumOfDefinedStoragePools(con),
            |out, max| virConnectListDefinedStoragePools(con, out, max),
            |name| virStoragePoolLookupByName(con, name),
        ),
    );
    list_all_storage_pools(con: Connect, flags: u32 = 0) => list(|out| virConnectListAllStoragePools(con, out, flags));
    find_storage_pool_sources(con: Connect, r#type: Text, srcspec: TextOrNull, flags: u32 = 0) =>
        owned(virConnectFindStoragePoolSources(con, r#type, srcspec, flags));
    get_storage_pool_capabilities(con: Connect, flags: u32 = 0) => owned(virConnectGetStoragePoolCapabilities(con, flags));
}
