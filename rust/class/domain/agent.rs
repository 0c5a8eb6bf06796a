// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: the guest, through its agent.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    fs_freeze(dom: Domain, mountPointsSV as mountPoints: Optional<Array<Text>>, flags: u32 = 0) => {
        let (points, count) = texts(mountPoints.as_deref());
        number(virDomainFSFreeze(dom, points, count, flags))
    };
    fs_thaw(dom: Domain, mountPointsSV as mountPoints: Optional<Array<Text>>, flags: u32 = 0) => {
        let (points, count) = texts(mountPoints.as_deref());
        number(virDomainFSThaw(dom, points, count, flags))
    };
    fs_trim(dom: Domain, mountPoint: TextOrNull, minimumsv as minimum: u64, flags: u32 = 0) =>
        status(virDomainFSTrim(dom, mountPoint, minimum, flags));
    get_fs_info(dom: Domain, flags: u32 = 0) => fs_info(dom, flags);

    authorized_ssh_keys_get(dom: Domain, user: Text, flags: SpacedFlags = 0) => {
        let get = newer::virDomainAuthorizedSSHKeysGet()?;
        strings(|out| get(dom, user, out, flags))
    };
    authorized_ssh_keys_set(dom: Domain, user: Text, keysSV as keys: Optional<Array<Text>>, flags: SpacedFlags = 0) => {
        let (keys, count) = texts(keys.as_deref());
        status(newer::virDomainAuthorizedSSHKeysSet()?(dom, user, keys, count, flags))
    };
    set_user_password(dom: Domain, username: Text, password: Text, flags: u32 = 0) =>
        status(virDomainSetUserPassword(dom, username, password, flags));

    get_time(dom: Domain, flags: u32 = 0) => time(dom, flags);
    set_time(dom: Domain, secssv as secs: i64, nsecs: u32, flags: u32 = 0) => status(virDomainSetTime(dom, secs, nsecs, flags));
    get_guest_info(dom: Domain, types: u32 = 0, flags: u32 = 0) =>
        params::get_allocated(|values, count| virDomainGetGuestInfo(dom, types, values, count, flags));
    set_agent_response_timeout(dom: Domain, timeout: i32, flags: u32 = 0) =>
        status(virDomainAgentSetResponseTimeout(dom, timeout, flags));
}

/// The guest's time: seconds and nanoseconds.
///
/// # Safety
/// `dom` is a domain or NULL.
unsafe fn time(dom: *mut Domain, flags: u32) -> Result<Value> {
    let (mut seconds, mut nanoseconds) = (0_i64, 0_u32);
    // SAFETY: the caller's promise; libvirt writes two numbers.
    check(unsafe { virDomainGetTime(dom, &raw mut seconds, &raw mut nanoseconds, flags) })?;
    Ok(Value::array(vec![seconds.into(), nanoseconds.into()]))
}

/// An array of strings for a C function that does not write to it, NULL if it is empty.
fn texts(array: Option<&[*const c_char]>) -> (*mut *const c_char, c_uint) {
    let array = array.unwrap_or_default();
    let pointer = if array.is_empty() { std::ptr::null_mut() } else { array.as_ptr().cast_mut() };
    (pointer, array.len() as c_uint)
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn fs_info(dom: *mut Domain, flags: u32) -> Result<Value> {
    let mut array = std::ptr::null_mut();
    // SAFETY: the row's domain; libvirt allocates what it writes to the pointer.
    let count = check(unsafe { virDomainGetFSInfo(dom, &raw mut array, flags) })?;
    // SAFETY: ours, and not used again.
    let free = |pointer| unsafe { virDomainFSInfoFree(pointer) };
    // SAFETY: libvirt allocated the array and its structures for us.
    let systems = unsafe { pointers(array, count, free) };
    let describe = |system: &virDomainFSInfo| {
        let count = if system.devAlias.is_null() { 0 } else { system.ndevAlias };
        // SAFETY: strings of the structure's, as many as it says; the list owns the structures.
        let aliases = unsafe { Value::borrowed_texts(system.devAlias, count) };
        let text = |string| {
            // SAFETY: a string of the structure's, or NULL; the list owns the structures.
            unsafe { Value::borrowed_text(string) }
        };
        row! {
            c"mountpoint" => text(system.mountpoint),
            c"name" => text(system.name),
            c"fstype" => text(system.fstype),
            c"devalias" => aliases,
        }
    };
    Ok(systems.into_rows(describe))
}
