// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::StorageVol.

use crate::boundary::streams::Way;
use crate::class::prelude::*;
use crate::class::stream::begun;

methods! { "Sys::Virt::StorageVol";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_name(pool: StoragePool, name: Text) => object(virStorageVolLookupByName(pool, name));
    _lookup_by_key(con: Connect, key: Text) => object(virStorageVolLookupByKey(con, key));
    _lookup_by_path(con: Connect, path: Text) => object(virStorageVolLookupByPath(con, path));
    _create_xml(pool: StoragePool, xml: Text, flags: u32 = 0) => object(virStorageVolCreateXML(pool, xml, flags));
    _create_xml_from(pool: StoragePool, xml: Text, clone: Option<StorageVol>, flags: u32 = 0) =>
        object(virStorageVolCreateXMLFrom(pool, xml, clone, flags));

    #[local] get_name(vol: StorageVol) => borrowed(virStorageVolGetName(vol));
    #[local] get_key(vol: StorageVol) => borrowed(virStorageVolGetKey(vol));
    get_path(vol: StorageVol) => owned(virStorageVolGetPath(vol));
    get_connect(vol: StorageVol) => retained(virStorageVolGetConnect(vol));
    get_xml_description(vol: StorageVol, flags: u32 = 0) => owned(virStorageVolGetXMLDesc(vol, flags));
    get_info(vol: StorageVol, flags: u32 = 0) => described(
        |info| if flags == 0 { virStorageVolGetInfo(vol, info) } else { virStorageVolGetInfoFlags(vol, info, flags) },
        info,
    );
    delete(vol: StorageVol, flags: u32 = 0) => status(virStorageVolDelete(vol, flags));
    wipe(vol: StorageVol, flags: u32 = 0) => status(virStorageVolWipe(vol, flags));
    wipe_pattern(vol: StorageVol, algorithm: u32, flags: u32 = 0) => status(virStorageVolWipePattern(vol, algorithm, flags));
    resize(vol: StorageVol, capacity: Size<u64, BYTE>, flags: u32 = 0) => status(virStorageVolResize(vol, capacity, flags));
    download(vol: StorageVol, st: Stream, offsetsv as offset: u64, lengthsv as length: u64, flags: u32 = 0) =>
        begun(st, Way { reads: true, writes: false, sparse: flags & VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM != 0, length },
            virStorageVolDownload(vol, st, offset, length, flags));
    upload(vol: StorageVol, st: Stream, offsetsv as offset: u64, lengthsv as length: u64, flags: u32 = 0) =>
        begun(st, Way { reads: false, writes: true, sparse: flags & VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM != 0, length },
            virStorageVolUpload(vol, st, offset, length, flags));
}

fn info(info: &virStorageVolInfo) -> Value {
    map! { c"type" => info.type_, c"capacity" => info.capacity, c"allocation" => info.allocation }
}

options! {
    /// The constructor's options.
    NEW { pool: StoragePool, connection: Connect, name: Text, key: Text, path: Text, xml: Text, clone: Option<StorageVol>, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    const POOL: &str = "pool parameter is required";
    const CONNECTION: &str = "connection parameter is required";
    // SAFETY: objects of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("name") {
            let pool = params.object::<StoragePool>("pool", POOL)?;
            object(virStorageVolLookupByName(pool, params.text("name")?))
        } else if params.has("key") {
            let con = params.object::<Connect>("connection", CONNECTION)?;
            object(virStorageVolLookupByKey(con, params.text("key")?))
        } else if params.has("path") {
            let con = params.object::<Connect>("connection", CONNECTION)?;
            object(virStorageVolLookupByPath(con, params.text("path")?))
        } else if params.has("xml") {
            let pool = params.object::<StoragePool>("pool", POOL)?;
            let (xml, flags) = (params.text("xml")?, params.flags()?);
            if params.get::<Option<StorageVol>>("clone")?.is_some_and(|clone| !clone.is_null()) {
                let clone = params.object::<StorageVol>("clone", "clone parameter is required")?;
                object(virStorageVolCreateXMLFrom(pool, xml, clone, flags))
            } else {
                object(virStorageVolCreateXML(pool, xml, flags))
            }
        } else {
            Err(Error::Plain("name, key, path or xml parameters are required"))
        }
    }
}
