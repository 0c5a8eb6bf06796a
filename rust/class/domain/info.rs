// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: what a domain is and how it is doing.

use crate::boundary::scratch;
use crate::class::prelude::*;
use std::ffi::CStr;

methods! { "Sys::Virt::Domain";
    #[local] get_name(dom: Domain) => borrowed(virDomainGetName(dom));
    #[local] get_id(dom: Domain) => Ok(Value::from(virDomainGetID(dom) as i32));
    #[local] get_uuid(dom: Domain) => uuid(|raw| virDomainGetUUID(dom, raw));
    #[local] get_uuid_string(dom: Domain) => uuid_string(|raw| virDomainGetUUID(dom, raw));
    get_connect(dom: Domain) => retained(virDomainGetConnect(dom));
    get_xml_description(dom: Domain, flags: u32 = 0) => owned(virDomainGetXMLDesc(dom, flags));
    get_os_type(dom: Domain) => owned(virDomainGetOSType(dom));
    get_hostname(dom: Domain, flags: u32 = 0) => owned(virDomainGetHostname(dom, flags));
    get_info(dom: Domain) => described(|info| virDomainGetInfo(dom, info), info);
    get_state(dom: Domain, flags: u32 = 0) => state(dom, flags);
    get_control_info(dom: Domain, flags: u32 = 0) =>
        described(|info| virDomainGetControlInfo(dom, info, flags), control_info);
    get_messages(dom: Domain, flags: SpacedFlags = 0) => {
        let get = newer::virDomainGetMessages()?;
        strings(|out| get(dom, out, flags))
    };
    is_active(dom: Domain) => number(virDomainIsActive(dom));
    is_persistent(dom: Domain) => number(virDomainIsPersistent(dom));
    is_updated(dom: Domain) => number(virDomainIsUpdated(dom));

    get_autostart(dom: Domain) => written(|on: *mut c_int| virDomainGetAutostart(dom, on));
    set_autostart(dom: Domain, autostart: i32) => status(virDomainSetAutostart(dom, autostart));
    get_autostart_once(dom: Domain) => {
        let get = newer::virDomainGetAutostartOnce()?;
        written(|on: *mut c_int| get(dom, on))
    };
    set_autostart_once(dom: Domain, autostart: i32) => status(newer::virDomainSetAutostartOnce()?(dom, autostart));

    get_metadata(dom: Domain, r#type: i32, uri: TextOrNull = undef, flags: u32 = 0) =>
        owned(virDomainGetMetadata(dom, r#type, uri, flags));
    set_metadata(
        dom: Domain, r#type: i32, metadata: TextOrNull = undef, key: TextOrNull = undef, uri: TextOrNull = undef,
        flags: u32 = 0) => status(virDomainSetMetadata(dom, r#type, metadata, key, uri, flags));

    get_security_label(dom: Domain) => own_security_label(dom);
    get_security_label_list(dom: Domain) => security_label_list(dom);
}

fn info(info: &virDomainInfo) -> Value {
    map! {
        c"state" => i32::from(info.state),
        c"maxMem" => info.maxMem,
        c"memory" => info.memory,
        c"nrVirtCpu" => i32::from(info.nrVirtCpu),
        c"cpuTime" => info.cpuTime,
    }
}

/// The state and the reason for it.
///
/// # Safety
/// `dom` is a domain or NULL.
unsafe fn state(dom: *mut Domain, flags: u32) -> Result<Value> {
    let (mut state, mut reason) = (0, 0);
    // SAFETY: the caller's promise; libvirt writes two numbers.
    check(unsafe { virDomainGetState(dom, &raw mut state, &raw mut reason, flags) })?;
    Ok(Value::pair(state, reason))
}

fn control_info(info: &virDomainControlInfo) -> Value {
    map! { c"state" => info.state as i32, c"details" => info.details as i32, c"stateTime" => info.stateTime }
}

/// The domain's labels, one for each security driver.
///
/// # Safety
/// `dom` is a domain or NULL.
unsafe fn security_label_list(dom: *mut Domain) -> Result<Value> {
    let mut array = std::ptr::null_mut();
    // SAFETY: the caller's promise; libvirt allocates what it writes to the pointer.
    let count = check(unsafe { virDomainGetSecurityLabelList(dom, &raw mut array) })?;
    // SAFETY: as many labels as libvirt says, ours.
    let labels = unsafe { allocated(array, count) };
    Ok(Rows::of(labels.iter().map(security_label)).into())
}

/// For the row of that name.
///
/// # Safety
/// `dom` is a domain or NULL.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "three writes to one structure")]
unsafe fn own_security_label(dom: *mut Domain) -> Result<Value> {
    // A string of at most 4 KiB, mostly a short one, and a number: to clear all of it would cost half of the call.
    let mut label = std::mem::MaybeUninit::<virSecurityLabel>::uninit();
    const ROOM: usize = VIR_SECURITY_LABEL_BUFLEN as usize;
    let place = label.as_mut_ptr();
    // SAFETY: a part of the structure.
    let text: *mut c_char = unsafe { &raw mut (*place).label }.cast();
    // SAFETY: its first byte and its last, and the other part.
    unsafe {
        text.write(0);
        text.add(ROOM - 1).write(0);
        (&raw mut (*place).enforcing).write(0);
    }
    // SAFETY: the caller's promise; libvirt writes the structure.
    check(unsafe { virDomainGetSecurityLabel(dom, place) })?;
    // SAFETY: its last byte, which a driver may have written.
    unsafe { text.add(ROOM - 1).write(0) };
    let mut copy = scratch::take();
    // SAFETY: libvirt wrote each byte up to a NUL; without a call of it the first is one.
    let text = unsafe { CStr::from_ptr(text) }.to_bytes();
    if copy.capacity() < text.len() {
        copy = memory::with_room(text.len());
    }
    copy.extend_from_slice(text);
    // SAFETY: written above, or by libvirt.
    let enforcing = unsafe { (*place).enforcing };
    Ok(map! { c"label" => Value::scratch_bytes(copy), c"enforcing" => enforcing })
}

fn security_label(label: &virSecurityLabel) -> Row<2> {
    row! { c"label" => text_field(&label.label), c"enforcing" => label.enforcing }
}
