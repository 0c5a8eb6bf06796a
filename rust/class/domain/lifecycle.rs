// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: finding, defining, starting and stopping domains.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    #[constructor] _new(class: Invocant, params: Pairs) => new(&params);
    _lookup_by_id(con: Connect, id: i32) => object(virDomainLookupByID(con, id));
    _lookup_by_name(con: Connect, name: Text) => object(virDomainLookupByName(con, name));
    _lookup_by_uuid(con: Connect, uuid: Bytes) => by_raw_uuid(uuid, |raw| virDomainLookupByUUID(con, raw));
    _lookup_by_uuid_string(con: Connect, uuid: Text) => object(virDomainLookupByUUIDString(con, uuid));
    _create(con: Connect, xml: Text, flags: u32 = 0) => object(create_xml(con, xml, flags));
    _create_with_files(con: Connect, xml: Text, fdssv: Array, flags: u32 = 0) =>
        create_xml_with_files(con, xml, &fdssv, flags);
    _define_xml(con: Connect, xml: Text, flags: u32 = 0) => object(define_xml(con, xml, flags));

    create(dom: Domain, flags: u32 = 0) =>
        status(if flags == 0 { virDomainCreate(dom) } else { virDomainCreateWithFlags(dom, flags) });
    create_with_files(dom: Domain, fdssv: Array, flags: u32 = 0) => {
        let mut fds = fdssv.integers::<c_int>()?;
        status(virDomainCreateWithFiles(dom, fds.len() as c_uint, fds.as_mut_ptr(), flags))
    };
    destroy(dom_rv: Domain, flags: u32 = 0) =>
        status(if flags == 0 { virDomainDestroy(dom_rv) } else { virDomainDestroyFlags(dom_rv, flags) });
    undefine(dom: Domain, flags: u32 = 0) =>
        status(if flags == 0 { virDomainUndefine(dom) } else { virDomainUndefineFlags(dom, flags) });
    shutdown(dom: Domain, flags: u32 = 0) =>
        status(if flags == 0 { virDomainShutdown(dom) } else { virDomainShutdownFlags(dom, flags) });
    reboot(dom: Domain, flags: u32 = 0) => status(virDomainReboot(dom, flags));
    reset(dom: Domain, flags: u32 = 0) => status(virDomainReset(dom, flags));
    suspend(dom: Domain) => status(virDomainSuspend(dom));
    resume(dom: Domain) => status(virDomainResume(dom));
    rename(dom: Domain, newname: Text, flags: u32 = 0) => status(virDomainRename(dom, newname, flags));
    pm_suspend_for_duration(dom: Domain, target: u32, duration: u64, flags: u32 = 0) =>
        status(virDomainPMSuspendForDuration(dom, target, duration, flags));
    pm_wakeup(dom: Domain, flags: u32 = 0) => status(virDomainPMWakeup(dom, flags));
    set_lifecycle_action(dom: Domain, r#type: u32, action: u32, flags: u32 = 0) =>
        status(virDomainSetLifecycleAction(dom, r#type, action, flags));
    inject_nmi(dom: Domain, flags: u32 = 0) => status(virDomainInjectNMI(dom, flags));
    send_key(dom: Domain, codeset: u32, holdtime: u32, keycodesSV: Array, flags: u32 = 0) => {
        let mut keys = keycodesSV.integers::<c_uint>()?;
        status(virDomainSendKey(dom, codeset, holdtime, keys.as_mut_ptr(), keys.len() as c_int, flags))
    };
    send_process_signal(dom: Domain, pidsv: i64, signum: u32, flags: u32 = 0) =>
        status(virDomainSendProcessSignal(dom, pidsv, signum, flags));
}

fn new(params: &NamedArg) -> Result<Value> {
    let con = params.object::<Connect>("connection", "con", "connection parameter is required")?;
    // SAFETY: a connection of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("name") {
            object(virDomainLookupByName(con, params.text("name")?.as_ptr()))
        } else if let Some(id) = params.value.get("id") {
            object(virDomainLookupByID(con, integer(id, "id")?))
        } else if params.has("uuid") {
            params
                .by_uuid(|raw| virDomainLookupByUUID(con, raw), |text| virDomainLookupByUUIDString(con, text))
        } else if params.has("xml") {
            let (xml, flags) = (params.text("xml")?, params.flags()?);
            if params.is_true("nocreate") {
                object(define_xml(con, xml.as_ptr(), flags))
            } else if let Some(value) = params.value.get("fds") {
                if value.tag() != Tag::Array {
                    return Err(Error::argument("fds", "is not an ARRAY reference"));
                }
                create_xml_with_files(con, xml.as_ptr(), &NamedArg { value, name: "fds" }, flags)
            } else {
                object(create_xml(con, xml.as_ptr(), flags))
            }
        } else {
            Err(Error::Plain("address, id or uuid parameters are required"))
        }
    }
}

/// Defines a domain; flags need the newer function.
///
/// # Safety
/// `con` is a connection or NULL, `xml` a C string.
pub unsafe fn define_xml(con: *mut Connect, xml: *const c_char, flags: u32) -> *mut Domain {
    // SAFETY: the caller's promise.
    unsafe {
        if flags == 0 { virDomainDefineXML(con, xml) } else { virDomainDefineXMLFlags(con, xml, flags) }
    }
}

/// Creates a transient domain.
///
/// # Safety
/// `con` is a connection or NULL, `xml` a C string.
pub unsafe fn create_xml(con: *mut Connect, xml: *const c_char, flags: u32) -> *mut Domain {
    // SAFETY: the caller's promise.
    unsafe { virDomainCreateXML(con, xml, flags) }
}

/// Creates a transient domain that inherits file descriptors.
///
/// # Safety
/// `con` is a connection or NULL, `xml` a C string.
pub unsafe fn create_xml_with_files(
    con: *mut Connect,
    xml: *const c_char,
    fds: &NamedArg,
    flags: u32,
) -> Result<Value> {
    let mut fds = fds.integers::<c_int>()?;
    // SAFETY: the caller's promise, and an array of as many descriptors as said.
    let domain =
        unsafe { virDomainCreateXMLWithFiles(con, xml, fds.len() as c_uint, fds.as_mut_ptr(), flags) };
    // SAFETY: NULL or a new domain.
    unsafe { object(domain) }
}
