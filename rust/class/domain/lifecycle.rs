// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: finding, defining, starting and stopping domains.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_id(con: Connect, id: i32) => object(virDomainLookupByID(con, id));
    _lookup_by_name(con: Connect, name: Text) => object(virDomainLookupByName(con, name));
    _lookup_by_uuid(con: Connect, uuid: Bytes) => by_raw_uuid(uuid, |raw| virDomainLookupByUUID(con, raw));
    _lookup_by_uuid_string(con: Connect, uuid: Text) => object(virDomainLookupByUUIDString(con, uuid));
    _create(con: Connect, xml: Text, flags: u32 = 0) => object(create_xml(con, xml, flags));
    _create_with_files(con: Connect, xml: Text, fdssv as fds: ArrayOrEmpty<Descriptor>, flags: u32 = 0) =>
        create_xml_with_files(con, xml, fds, flags);
    _define_xml(con: Connect, xml: Text, flags: u32 = 0) => object(define_xml(con, xml, flags));

    create(dom: Domain, flags: u32 = 0) =>
        status(if flags == 0 { virDomainCreate(dom) } else { virDomainCreateWithFlags(dom, flags) });
    create_with_files(dom: Domain, fdssv as fds: ArrayOrNothing<Descriptor>, flags: u32 = 0) => {
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
    send_key(dom: Domain, codeset: u32, holdtime: u32, keycodesSV as keycodes: ArrayOrNothing<u32>, flags: u32 = 0) => {
        status(virDomainSendKey(dom, codeset, holdtime, keycodes.as_mut_ptr(), keycodes.len() as c_int, flags))
    };
    send_process_signal(dom: Domain, pidsv as pid: i64, signum: u32, flags: u32 = 0) =>
        status(virDomainSendProcessSignal(dom, pid, signum, flags));
}

options! {
    /// The constructor's options.
    NEW {
        connection: Connect, name: Text, id: i32, uuid: Bytes, xml: Text, nocreate: Truth, fds: ArrayOrEmpty<Descriptor>, flags: u32,
    }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let con = params.object::<Connect>("connection", "connection parameter is required")?;
    // SAFETY: a connection of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("name") {
            object(virDomainLookupByName(con, params.text("name")?))
        } else if let Some(id) = params.get::<i32>("id")? {
            object(virDomainLookupByID(con, id))
        } else if params.has("uuid") {
            params
                .by_uuid(|raw| virDomainLookupByUUID(con, raw), |text| virDomainLookupByUUIDString(con, text))
        } else if params.has("xml") {
            let (xml, flags) = (params.text("xml")?, params.flags()?);
            if params.is_true("nocreate") {
                object(define_xml(con, xml, flags))
            } else if let Some(fds) = params.get::<ArrayOrEmpty<Descriptor>>("fds")? {
                create_xml_with_files(con, xml, fds, flags)
            } else {
                object(create_xml(con, xml, flags))
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
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
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
    mut fds: Vec<c_int>,
    flags: u32,
) -> Result<Value> {
    // SAFETY: the caller's promise, and an array of as many descriptors as said.
    let domain =
        unsafe { virDomainCreateXMLWithFiles(con, xml, fds.len() as c_uint, fds.as_mut_ptr(), flags) };
    // SAFETY: NULL or a new domain.
    unsafe { object(domain) }
}
