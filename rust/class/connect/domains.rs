// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: domains.

use super::listing::{listed, walk};
use crate::class::domain::lifecycle::{create_xml, create_xml_with_files, define_xml};
use crate::class::domain::save::{SAVE, Third, Way, way};
use crate::class::prelude::*;

methods! { "Sys::Virt";
    #[sub] create_domain(con: Connect, xml: Text, flags: u32 = 0) => object(create_xml(con, xml, flags));
    #[sub] create_domain_with_files(con: Connect, xml: Text, fds: ArrayOrEmpty<Descriptor>, flags: u32 = 0) =>
        create_xml_with_files(con, xml, fds, flags);
    #[sub] define_domain(con: Connect, xml: Text, flags: u32 = 0) => object(define_xml(con, xml, flags));

    #[sub] get_domain_by_name(con: Connect, name: Text) => named(name, virDomainLookupByName(con, name));
    #[sub] get_domain_by_id(con: Connect, id: i32) => object(virDomainLookupByID(con, id));
    #[sub] get_domain_by_uuid(con: Connect, uuid: Bytes) =>
        by_uuid(uuid, |raw| virDomainLookupByUUID(con, raw), |text| virDomainLookupByUUIDString(con, text));

    num_of_domains(con: Connect) => number(virConnectNumOfDomains(con));
    num_of_defined_domains(con: Connect) => number(virConnectNumOfDefinedDomains(con));
    list_domain_ids(con: Connect, maxids: Count) => Ok(Value::ints(ids(con, maxids)?));
    list_defined_domain_names(con: Connect, maxnames: Count) =>
        names(maxnames, |out, max| virConnectListDefinedDomains(con, out, max));
    #[sub] list_domains(con: Connect) => listed(
        |out| virConnectListAllDomains(con, out, VIR_CONNECT_LIST_DOMAINS_ACTIVE),
        || active(con),
    );
    #[sub] list_defined_domains(con: Connect) => listed(
        |out| virConnectListAllDomains(con, out, VIR_CONNECT_LIST_DOMAINS_INACTIVE),
        || walk(
            virConnectNumOfDefinedDomains(con),
            |out, max| virConnectListDefinedDomains(con, out, max),
            |name| virDomainLookupByName(con, name),
        ),
    );
    list_all_domains(con: Connect, flags: u32 = 0) => list(|out| virConnectListAllDomains(con, out, flags));

    domain_xml_from_native(con: Connect, configtype: Text, configdata: Text, flags: u32 = 0) =>
        owned(virConnectDomainXMLFromNative(con, configtype, configdata, flags));
    domain_xml_to_native(con: Connect, configtype: Text, xmldata: Text, flags: u32 = 0) =>
        owned(virConnectDomainXMLToNative(con, configtype, xmldata, flags));

    restore_domain(
        con: Connect, fromsv as from: PathOrNull = undef, dxmlsv as dxml: TextOrNull = undef, params_sv as params: Optional<TypedOr<SAVE, Scalar>> = undef,
        flags: u32 = 0) => restore(con, from, dxml, params, flags);
    get_save_image_xml_description(con: Connect, file: PathOrNull, flags: u32 = 0) =>
        owned(virDomainSaveImageGetXMLDesc(con, file, flags));
    define_save_image_xml(con: Connect, file: PathOrNull, xml: Text, flags: u32 = 0) =>
        status(virDomainSaveImageDefineXML(con, file, xml, flags));
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
unsafe fn restore(
    con: *mut Connect,
    from: *const c_char,
    xml: *const c_char,
    params: Third,
    flags: u32,
) -> Result<Value> {
    if from.is_null() && params.is_none() {
        return Err(Error::Plain("Either $from or $params parameter must be supplied"));
    }
    // SAFETY: a connection of ours or NULL, C strings or NULL.
    unsafe {
        match way(from, xml, params, flags)? {
            Way::Params(mut given) => {
                status(newer::virDomainRestoreParams()?(con, given.as_ptr(), given.len(), flags))
            }
            Way::Flags(0) if xml.is_null() => status(virDomainRestore(con, from)),
            Way::Flags(flags) => status(virDomainRestoreFlags(con, from, xml, flags)),
        }
    }
}

/// The active domains, by their ids.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn active(con: *mut Connect) -> Result<Vec<Value>> {
    // SAFETY: a connection of ours or NULL.
    let max = check(unsafe { virConnectNumOfDomains(con) })?;
    // SAFETY: as above.
    let ids = unsafe { ids(con, max as usize) }?;
    let lookup = |id| {
        // SAFETY: as above.
        let domain = unsafe { virDomainLookupByID(con, id) };
        // SAFETY: NULL or a new domain.
        unsafe { object(domain) }.ok()
    };
    Ok(memory::collected(ids.into_iter().filter_map(lookup)))
}

/// The ids of at most `max` active domains.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn ids(con: *mut Connect, max: usize) -> Result<Vec<c_int>> {
    let mut ids = zeroed_array::<c_int>(max.min(LIST_MAX))?;
    // SAFETY: room for as many ids as it is told.
    let count = check(unsafe { virConnectListDomains(con, ids.as_mut_ptr(), ids.len() as c_int) })?;
    ids.truncate(count as usize);
    Ok(ids)
}
