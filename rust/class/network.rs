// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Network.

use crate::class::prelude::*;

methods! { "Sys::Virt::Network";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_name(con: Connect, name: Text) => object(virNetworkLookupByName(con, name));
    _lookup_by_uuid(con: Connect, uuid: Bytes) => by_raw_uuid(uuid, |raw| virNetworkLookupByUUID(con, raw));
    _lookup_by_uuid_string(con: Connect, uuid: Text) => object(virNetworkLookupByUUIDString(con, uuid));
    _create_xml(con: Connect, xml: Text, flags: u32 = 0) => object(create_xml(con, xml, flags)?);
    _define_xml(con: Connect, xml: Text, flags: u32 = 0) => object(define_xml(con, xml, flags)?);

    #[local] get_name(net: Network) => borrowed(virNetworkGetName(net));
    #[local] get_uuid(net: Network) => uuid(|raw| virNetworkGetUUID(net, raw));
    #[local] get_uuid_string(net: Network) => uuid_string(|raw| virNetworkGetUUID(net, raw));
    get_connect(net: Network) => retained(virNetworkGetConnect(net));
    get_xml_description(net: Network, flags: u32 = 0) => owned(virNetworkGetXMLDesc(net, flags));
    get_bridge_name(net: Network) => owned(virNetworkGetBridgeName(net));
    is_active(net: Network) => number(virNetworkIsActive(net));
    is_persistent(net: Network) => number(virNetworkIsPersistent(net));
    get_autostart(net: Network) => written(|on: *mut c_int| virNetworkGetAutostart(net, on));
    set_autostart(net: Network, autostart: i32) => status(virNetworkSetAutostart(net, autostart));
    create(net: Network) => status(virNetworkCreate(net));
    destroy(net_rv: Network) => status(virNetworkDestroy(net_rv));
    undefine(net: Network) => status(virNetworkUndefine(net));
    update(net: Network, command: u32, section: u32, parentIndex: i32, xml: Text, flags: u32 = 0) =>
        status(virNetworkUpdate(net, command, section, parentIndex, xml, flags));
    get_metadata(net: Network, r#type: i32, uri: TextOrNull = undef, flags: u32 = 0) =>
        owned(newer::virNetworkGetMetadata()?(net, r#type, uri, flags));
    set_metadata(
        net: Network, r#type: i32, metadata: TextOrNull = undef, key: TextOrNull = undef, uri: TextOrNull = undef,
        flags: u32 = 0) => status(newer::virNetworkSetMetadata()?(net, r#type, metadata, key, uri, flags));
    get_dhcp_leases(net: Network, macsv as mac: TextOrNull = undef, flags: u32 = 0) => leases(net, mac, flags);

    list_all_ports(net: Network, flags: u32 = 0) => list(|out| virNetworkListAllPorts(net, out, flags));
    #[sub] create_port(net: Network, xml: Text, flags: u32 = 0) => object(virNetworkPortCreateXML(net, xml, flags));
    #[sub] get_port_by_uuid(net: Network, uuid: Bytes) => by_uuid(
        uuid, |raw| virNetworkPortLookupByUUID(net, raw), |text| virNetworkPortLookupByUUIDString(net, text));
}

/// Starts a transient network; flags need a newer function.
///
/// # Safety
/// `con` is a connection or NULL, `xml` a C string.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
pub unsafe fn create_xml(con: *mut Connect, xml: *const c_char, flags: u32) -> Result<*mut Network> {
    // SAFETY: the caller's promise.
    Ok(unsafe {
        if flags == 0 {
            virNetworkCreateXML(con, xml)
        } else {
            newer::virNetworkCreateXMLFlags()?(con, xml, flags)
        }
    })
}

/// Defines a network; flags need a newer function.
///
/// # Safety
/// `con` is a connection or NULL, `xml` a C string.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
pub unsafe fn define_xml(con: *mut Connect, xml: *const c_char, flags: u32) -> Result<*mut Network> {
    // SAFETY: the caller's promise.
    Ok(unsafe {
        if flags == 0 {
            virNetworkDefineXML(con, xml)
        } else {
            newer::virNetworkDefineXMLFlags()?(con, xml, flags)
        }
    })
}

options! {
    /// The constructor's options.
    NEW { connection: Connect, name: Text, uuid: Bytes, xml: Text, nocreate: Truth, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let con = params.object::<Connect>("connection", "connection parameter is required")?;
    // SAFETY: a connection of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("name") {
            object(virNetworkLookupByName(con, params.text("name")?))
        } else if params.has("uuid") {
            params.by_uuid(
                |raw| virNetworkLookupByUUID(con, raw),
                |text| virNetworkLookupByUUIDString(con, text),
            )
        } else if params.has("xml") {
            let (xml, flags) = (params.text("xml")?, params.flags()?);
            if params.is_true("nocreate") {
                object(define_xml(con, xml, flags)?)
            } else {
                object(create_xml(con, xml, flags)?)
            }
        } else {
            Err(Error::Plain("address, id or uuid parameters are required"))
        }
    }
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn leases(net: *mut Network, mac: *const c_char, flags: u32) -> Result<Value> {
    let mut array = std::ptr::null_mut();
    // SAFETY: the row's network and string; libvirt allocates what it writes to the pointer.
    let count = check(unsafe { virNetworkGetDHCPLeases(net, mac, &raw mut array, flags) })?;
    // SAFETY: ours, and not used again.
    let free = |pointer| unsafe { virNetworkDHCPLeaseFree(pointer) };
    // SAFETY: libvirt allocated the array and its structures for us.
    let leases = unsafe { pointers(array, count, free) };
    let describe = |lease: &virNetworkDHCPLease| {
        let text = |string| {
            // SAFETY: a string of the structure's, or NULL; the list owns the structures.
            unsafe { Value::borrowed_text(string) }
        };
        row! {
            c"iface" => text(lease.iface),
            c"expirytime" => lease.expirytime,
            c"type" => lease.type_,
            c"mac" => text(lease.mac),
            c"iaid" => text(lease.iaid),
            c"ipaddr" => text(lease.ipaddr),
            c"prefix" => lease.prefix,
            c"hostname" => text(lease.hostname),
            c"clientid" => text(lease.clientid),
        }
    };
    Ok(leases.into_rows(describe))
}
