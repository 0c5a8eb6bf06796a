// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::NWFilter.

use crate::class::prelude::*;

methods! { "Sys::Virt::NWFilter";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_name(con: Connect, name: Text) => object(virNWFilterLookupByName(con, name));
    _lookup_by_uuid(con: Connect, uuid: Bytes) => by_raw_uuid(uuid, |raw| virNWFilterLookupByUUID(con, raw));
    _lookup_by_uuid_string(con: Connect, uuid: Text) => object(virNWFilterLookupByUUIDString(con, uuid));
    _define_xml(con: Connect, xml: Text, flags: u32 = 0) => object(define_xml(con, xml, flags)?);

    #[local] get_name(filter: NWFilter) => borrowed(virNWFilterGetName(filter));
    #[local] get_uuid(filter: NWFilter) => uuid(|raw| virNWFilterGetUUID(filter, raw));
    #[local] get_uuid_string(filter: NWFilter) => uuid_string(|raw| virNWFilterGetUUID(filter, raw));
    get_xml_description(filter: NWFilter, flags: u32 = 0) => owned(virNWFilterGetXMLDesc(filter, flags));
    undefine(filter: NWFilter) => status(virNWFilterUndefine(filter));
}

/// Defines a filter; flags need a newer function.
///
/// # Safety
/// `con` is a connection or NULL, `xml` a C string.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
pub unsafe fn define_xml(con: *mut Connect, xml: *const c_char, flags: u32) -> Result<*mut NWFilter> {
    // SAFETY: the caller's promise.
    Ok(unsafe {
        if flags == 0 {
            virNWFilterDefineXML(con, xml)
        } else {
            newer::virNWFilterDefineXMLFlags()?(con, xml, flags)
        }
    })
}

options! {
    /// The constructor's options.
    NEW { connection: Connect, name: Text, uuid: Bytes, xml: Text, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let con = params.object::<Connect>("connection", "connection parameter is required")?;
    // SAFETY: a connection of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("name") {
            object(virNWFilterLookupByName(con, params.text("name")?))
        } else if params.has("uuid") {
            params.by_uuid(
                |raw| virNWFilterLookupByUUID(con, raw),
                |text| virNWFilterLookupByUUIDString(con, text),
            )
        } else if params.has("xml") {
            object(define_xml(con, params.text("xml")?, params.flags()?)?)
        } else {
            Err(Error::Plain("address, id or uuid parameters are required"))
        }
    }
}
