// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::StoragePool.

use crate::class::prelude::*;

methods! { "Sys::Virt::StoragePool";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_name(con: Connect, name: Text) => object(virStoragePoolLookupByName(con, name));
    _lookup_by_uuid(con: Connect, uuid: Bytes) => by_raw_uuid(uuid, |raw| virStoragePoolLookupByUUID(con, raw));
    _lookup_by_uuid_string(con: Connect, uuid: Text) => object(virStoragePoolLookupByUUIDString(con, uuid));
    _lookup_by_target_path(con: Connect, path: Text) => object(virStoragePoolLookupByTargetPath(con, path));
    _lookup_by_volume(vol: StorageVol) => object(virStoragePoolLookupByVolume(vol));
    _create_xml(con: Connect, xml: Text) => object(virStoragePoolCreateXML(con, xml, 0));
    _define_xml(con: Connect, xml: Text, flags: u32 = 0) => object(virStoragePoolDefineXML(con, xml, flags));

    #[local] get_name(pool: StoragePool) => borrowed(virStoragePoolGetName(pool));
    #[local] get_uuid(pool: StoragePool) => uuid(|raw| virStoragePoolGetUUID(pool, raw));
    #[local] get_uuid_string(pool: StoragePool) => uuid_string(|raw| virStoragePoolGetUUID(pool, raw));
    get_connect(pool: StoragePool) => retained(virStoragePoolGetConnect(pool));
    get_xml_description(pool: StoragePool, flags: u32 = 0) => owned(virStoragePoolGetXMLDesc(pool, flags));
    get_info(pool: StoragePool) => described(|info| virStoragePoolGetInfo(pool, info), info);
    is_active(pool: StoragePool) => number(virStoragePoolIsActive(pool));
    is_persistent(pool: StoragePool) => number(virStoragePoolIsPersistent(pool));
    get_autostart(pool: StoragePool) => written(|on: *mut c_int| virStoragePoolGetAutostart(pool, on));
    set_autostart(pool: StoragePool, autostart: i32) => status(virStoragePoolSetAutostart(pool, autostart));
    build(pool: StoragePool, flags: u32 = 0) => status(virStoragePoolBuild(pool, flags));
    create(pool: StoragePool, flags: u32 = 0) => status(virStoragePoolCreate(pool, flags));
    destroy(pool_rv: StoragePool) => status(virStoragePoolDestroy(pool_rv));
    delete(pool: StoragePool, flags: u32 = 0) => status(virStoragePoolDelete(pool, flags));
    undefine(pool: StoragePool) => status(virStoragePoolUndefine(pool));
    refresh(pool: StoragePool, flags: u32 = 0) => status(virStoragePoolRefresh(pool, flags));

    num_of_storage_volumes(pool: StoragePool) => number(virStoragePoolNumOfVolumes(pool));
    list_storage_vol_names(pool: StoragePool, maxnames: Count) =>
        names(maxnames, |out, max| virStoragePoolListVolumes(pool, out, max));
    #[sub] list_volumes(pool: StoragePool) => counted(objects(|out| virStoragePoolListAllVolumes(pool, out, 0))?);
    list_all_volumes(pool: StoragePool, flags: u32 = 0) => list(|out| virStoragePoolListAllVolumes(pool, out, flags));
    #[sub] get_volume_by_name(pool: StoragePool, name: Text) => named(name, virStorageVolLookupByName(pool, name));
    #[sub] create_volume(pool: StoragePool, xml: Text, flags: u32 = 0) => object(virStorageVolCreateXML(pool, xml, flags));
    #[sub] clone_volume(pool: StoragePool, xml: Text, vol: Option<StorageVol>, flags: u32 = 0) =>
        object(if vol.is_null() {
            virStorageVolCreateXML(pool, xml, flags)
        } else {
            virStorageVolCreateXMLFrom(pool, xml, vol, flags)
        });
}

fn info(info: &virStoragePoolInfo) -> Value {
    map! {
        c"state" => info.state,
        c"capacity" => info.capacity,
        c"allocation" => info.allocation,
        c"available" => info.available,
    }
}

options! {
    /// The constructor's options.
    NEW { connection: Connect, name: Text, uuid: Bytes, volume: StorageVol, target_path: Text, xml: Text, nocreate: Truth, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let con = params.object::<Connect>("connection", "connection parameter is required")?;
    // SAFETY: a connection of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("name") {
            object(virStoragePoolLookupByName(con, params.text("name")?))
        } else if params.has("uuid") {
            params.by_uuid(
                |raw| virStoragePoolLookupByUUID(con, raw),
                |text| virStoragePoolLookupByUUIDString(con, text),
            )
        } else if params.has("volume") {
            let vol = params.object::<StorageVol>("volume", "volume parameter is required")?;
            object(virStoragePoolLookupByVolume(vol))
        } else if params.has("target_path") {
            object(virStoragePoolLookupByTargetPath(con, params.text("target_path")?))
        } else if params.has("xml") {
            let (xml, flags) = (params.text("xml")?, params.flags()?);
            if params.is_true("nocreate") {
                object(virStoragePoolDefineXML(con, xml, flags))
            } else {
                object(virStoragePoolCreateXML(con, xml, flags))
            }
        } else {
            Err(Error::Plain("address, id or uuid parameters are required"))
        }
    }
}
