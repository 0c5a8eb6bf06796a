// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::QEMU: what libvirt-qemu has, functions on connections and domains. JSON is lib/Sys/Virt/QEMU.pm's affair.

use crate::argument::callback::Callback;
use crate::boundary::library;
use crate::class::prelude::*;
use crate::event::monitor;
use crate::event::registration::{free, register_on};

methods! { "Sys::Virt::QEMU";
    attach(con: Connect, pid: u32, flags: u32 = 0) => object(library::virDomainQemuAttach()?(con, pid, flags));

    monitor_command(dom: Domain, cmd: Text, flags: u32 = 0) => {
        let command = library::virDomainQemuMonitorCommand()?;
        written_text(|result| command(dom, cmd, result, flags))
    };
    monitor_command_with_files(dom: Domain, cmd: Text, files: Optional<Array<Descriptor>>, flags: u32 = 0) =>
        with_files(dom, cmd, files.unwrap_or_default(), flags);
    agent_command(dom: Domain, cmd: Text, timeout: i32 = -1, flags: u32 = 0) =>
        owned(library::virDomainQemuAgentCommand()?(dom, cmd, timeout, flags));

    monitor_event_register(conref: Owner<Connect>, domref: Option<Domain>, event: TextOrNull, cb: Code, flags: u32 = 0) => {
        let function = library::virConnectDomainQemuMonitorEventRegister()?;
        let callback = Callback::on(&cb, &conref)?;
        number(register_on(conref.object, callback, deregister, |opaque| {
            function(conref.object, domref, event, monitor::CALLBACK, opaque, Some(free), flags)
        })?)
    };
    monitor_event_deregister(con: Connect, callbackID: i32) => ignored(deregister(con, callbackID));
}

unsafe extern "C" fn deregister(connection: *mut Connect, id: c_int) -> c_int {
    let Ok(function) = library::virConnectDomainQemuMonitorEventDeregister() else { return -1 };
    // SAFETY: the caller passes a live connection, or NULL.
    unsafe { function(connection, id) }
}

const _: () = assert!(VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT == -1, "the default that the row names");

/// The answer, and then the files that came with it.
///
/// # Safety
/// `cmd` is a C string, `dom` a live domain or NULL.
unsafe fn with_files(
    dom: *mut Domain,
    cmd: *const c_char,
    mut sent: Vec<c_int>,
    flags: u32,
) -> Result<Value> {
    let command = library::virDomainQemuMonitorCommandWithFiles()?;
    let (mut array, mut count, mut text) = (std::ptr::null_mut(), 0, std::ptr::null_mut());
    // SAFETY: the caller's promise; libvirt only reads the descriptors, and writes to the three pointers if all went well.
    check(unsafe {
        command(
            dom,
            cmd,
            sent.len() as c_uint,
            sent.as_mut_ptr(),
            &raw mut count,
            &raw mut array,
            &raw mut text,
            flags,
        )
    })?;
    // SAFETY: the answer, a C string that is ours, or NULL.
    let mut values = vec![unsafe { Value::owned_text(text) }];
    // SAFETY: libvirt's array of as many descriptors, both ours.
    values.extend(unsafe { crate::virt::rules::files(array, count as c_int) });
    Ok(Value::list(values))
}
