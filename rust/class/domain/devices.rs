// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: devices, network interfaces, graphics.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    attach_device(dom: Domain, xml: Text, flags: u32 = 0) =>
        status(if flags == 0 { virDomainAttachDevice(dom, xml) } else { virDomainAttachDeviceFlags(dom, xml, flags) });
    detach_device(dom: Domain, xml: Text, flags: u32 = 0) =>
        status(if flags == 0 { virDomainDetachDevice(dom, xml) } else { virDomainDetachDeviceFlags(dom, xml, flags) });
    detach_device_alias(dom: Domain, alias: Text, flags: u32 = 0) => status(virDomainDetachDeviceAlias(dom, alias, flags));
    update_device(dom: Domain, xml: Text, flags: u32 = 0) => status(virDomainUpdateDeviceFlags(dom, xml, flags));
    fd_associate(dom: Domain, name: Text, fdssv as fds: ArrayOrNothing<Descriptor>, flags: u32 = 0) => {
        opened(dom, "virDomainFDAssociate")?;
        status(newer::virDomainFDAssociate()?(dom, name, fds.len() as c_uint, fds.as_mut_ptr(), flags))
    };

    interface_stats(dom: Domain, path: Text) => interface_stats(dom, path);
    get_interface_addresses(dom: Domain, src: u32, flags: u32 = 0) => interface_addresses(dom, src, flags);
    announce_interface(dom: Domain, device: TextOrNull, newparams: Typed<ANNOUNCE>, flags: u32 = 0) =>
        status(newer::virDomainAnnounceInterface()?(dom, device, newparams.as_ptr_or_null(), newparams.len(), flags));
    graphics_reload(dom: Domain, r#type: u32, flags: u32 = 0) => status(newer::virDomainGraphicsReload()?(dom, r#type, flags));
    open_graphics(dom: Domain, idx: u32, fd: i32, flags: u32 = 0) => status(virDomainOpenGraphics(dom, idx, fd, flags));
    open_graphics_fd(dom: Domain, idx: u32, flags: u32 = 0) => number(virDomainOpenGraphicsFD(dom, idx, flags));
}

schema! {
    /// How an interface is announced.
    ANNOUNCE {
        VIR_DOMAIN_ANNOUNCE_INTERFACE_INITIAL => Uint,
        VIR_DOMAIN_ANNOUNCE_INTERFACE_MAX => Uint,
        VIR_DOMAIN_ANNOUNCE_INTERFACE_ROUNDS => Uint,
        VIR_DOMAIN_ANNOUNCE_INTERFACE_STEP => Uint,
    }
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn interface_stats(dom: *mut Domain, path: *const c_char) -> Result<Value> {
    let size = size_of::<virDomainInterfaceStatsStruct>();
    // SAFETY: the row's domain and string; libvirt writes a structure of the size that it is told.
    let stats: virDomainInterfaceStatsStruct =
        filled(|stats| unsafe { virDomainInterfaceStats(dom, path, stats, size) })?;
    Ok(map! {
        c"rx_bytes" => stats.rx_bytes,
        c"rx_packets" => stats.rx_packets,
        c"rx_errs" => stats.rx_errs,
        c"rx_drop" => stats.rx_drop,
        c"tx_bytes" => stats.tx_bytes,
        c"tx_packets" => stats.tx_packets,
        c"tx_errs" => stats.tx_errs,
        c"tx_drop" => stats.tx_drop,
    })
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn interface_addresses(dom: *mut Domain, source: u32, flags: u32) -> Result<Value> {
    let mut array = std::ptr::null_mut();
    // SAFETY: the row's domain; libvirt allocates what it writes to the pointer.
    let count = check(unsafe { virDomainInterfaceAddresses(dom, &raw mut array, source, flags) })?;
    // SAFETY: ours, and not used again.
    let free = |pointer| unsafe { virDomainInterfaceFree(pointer) };
    // SAFETY: libvirt allocated the array and its structures for us.
    let interfaces = unsafe { pointers(array, count, free) };
    // SAFETY: libvirt wrote the structure, and the list owns it.
    let hashes = interfaces.values(|found| unsafe { interface(found) });
    Ok(Value::list_with_storage(hashes, interfaces.into_storage()))
}

/// # Safety
/// libvirt wrote the structure, which stays as it is until the shim has built the result.
unsafe fn interface(interface: &virDomainInterface) -> Value {
    let addresses = if interface.naddrs == 0 || interface.addrs.is_null() {
        &[]
    } else {
        // SAFETY: the structure's own count.
        unsafe { std::slice::from_raw_parts(interface.addrs, interface.naddrs as usize) }
    };
    let address = |address: &virDomainIPAddress| {
        // SAFETY: libvirt's string.
        let text = unsafe { Value::borrowed_text(address.addr) };
        row! { c"type" => address.type_, c"addr" => text, c"prefix" => address.prefix }
    };
    let addresses = Rows::of(addresses.iter().map(address));
    // SAFETY: libvirt's string.
    let name = unsafe { Value::borrowed_text(interface.name) };
    // SAFETY: libvirt's string, or NULL.
    let mac = unsafe { Value::borrowed_text(interface.hwaddr) };
    if mac.is_none() {
        map! { c"name" => name, c"addrs" => addresses }
    } else {
        map! { c"name" => name, c"hwaddr" => mac, c"addrs" => addresses }
    }
}
