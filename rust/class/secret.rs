// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Secret.

use crate::class::prelude::*;

methods! { "Sys::Virt::Secret";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_uuid(con: Connect, uuid: Bytes) => by_raw_uuid(uuid, |raw| virSecretLookupByUUID(con, raw));
    _lookup_by_uuid_string(con: Connect, uuid: Text) => object(virSecretLookupByUUIDString(con, uuid));
    _lookup_by_usage(con: Connect, usageType: i32, usageID: Text) => object(virSecretLookupByUsage(con, usageType, usageID));
    _define_xml(con: Connect, xml: Text, flags: u32 = 0) => object(virSecretDefineXML(con, xml, flags));

    #[local] get_uuid(sec: Secret) => uuid(|raw| virSecretGetUUID(sec, raw));
    #[local] get_uuid_string(sec: Secret) => uuid_string(|raw| virSecretGetUUID(sec, raw));
    get_usage_id(sec: Secret) => borrowed(virSecretGetUsageID(sec));
    get_usage_type(sec: Secret) => number_or_minus_one(virSecretGetUsageType(sec));
    get_connect(sec: Secret) => retained(virSecretGetConnect(sec));
    get_xml_description(sec: Secret, flags: u32 = 0) => owned(virSecretGetXMLDesc(sec, flags));
    set_value(sec: Secret, value: Bytes, flags: u32 = 0) =>
        status(virSecretSetValue(sec, value.as_ptr(), value.len(), flags));
    get_value(sec: Secret, flags: u32 = 0) => value(sec, flags);
    undefine(sec: Secret) => status(virSecretUndefine(sec));
}

/// The secret's value.
///
/// # Safety
/// `sec` is a secret or NULL.
unsafe fn value(sec: *mut Secret, flags: u32) -> Result<Value> {
    let mut length = 0;
    // SAFETY: the caller's promise; libvirt writes the length.
    let value = unsafe { virSecretGetValue(sec, &raw mut length, flags) };
    if value.is_null() {
        return Err(Error::last());
    }
    // SAFETY: as many bytes as libvirt says, ours.
    Ok(unsafe { Value::wiped_bytes(value, length) })
}

options! {
    /// The constructor's options.
    NEW { connection: Connect, usageID: Text, usageType: i32, uuid: Bytes, xml: Text, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let con = params.object::<Connect>("connection", "connection parameter is required")?;
    // SAFETY: a connection of ours or NULL, and C strings that outlive the calls.
    unsafe {
        match (params.get::<i32>("usageType")?, params.has("usageID")) {
            (Some(kind), true) => {
                return object(virSecretLookupByUsage(con, kind, params.text("usageID")?));
            }
            (None, true) => return Err(Error::Plain("usageType parameter must be provided with usageID")),
            (Some(_), false) => {
                return Err(Error::Plain("usageID parameter must be provided with usageType"));
            }
            (None, false) => {}
        }
        if params.has("uuid") {
            params
                .by_uuid(|raw| virSecretLookupByUUID(con, raw), |text| virSecretLookupByUUIDString(con, text))
        } else if params.has("xml") {
            object(virSecretDefineXML(con, params.text("xml")?, params.flags()?))
        } else {
            Err(Error::Plain("usageID, xml or uuid parameters are required"))
        }
    }
}
