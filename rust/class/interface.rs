// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Interface.

use crate::class::prelude::*;

methods! { "Sys::Virt::Interface";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_name(con: Connect, name: Text) => object(virInterfaceLookupByName(con, name));
    _lookup_by_mac(con: Connect, mac: Text) => object(virInterfaceLookupByMACString(con, mac));
    _define_xml(con: Connect, xml: Text, flags: SpacedFlags = 0) => object(virInterfaceDefineXML(con, xml, flags));

    #[local] get_name(iface: Interface) => borrowed(virInterfaceGetName(iface));
    #[local] get_mac(iface: Interface) => borrowed(virInterfaceGetMACString(iface));
    get_connect(iface: Interface) => retained(virInterfaceGetConnect(iface));
    get_xml_description(iface: Interface, flags: u32 = 0) => owned(virInterfaceGetXMLDesc(iface, flags));
    is_active(iface: Interface) => number(virInterfaceIsActive(iface));
    create(iface: Interface, flags: u32 = 0) => status(virInterfaceCreate(iface, flags));
    destroy(iface_rv: Interface, flags: u32 = 0) => status(virInterfaceDestroy(iface_rv, flags));
    undefine(iface: Interface) => status(virInterfaceUndefine(iface));
}

options! {
    /// The constructor's options.
    NEW { connection: Connect, name: Text, mac: Text, xml: Text, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let con = params.object::<Connect>("connection", "connection parameter is required")?;
    // SAFETY: a connection of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("name") {
            object(virInterfaceLookupByName(con, params.text("name")?))
        } else if params.has("mac") {
            object(virInterfaceLookupByMACString(con, params.text("mac")?))
        } else if params.has("xml") {
            object(virInterfaceDefineXML(con, params.text("xml")?, params.flags()?))
        } else {
            Err(Error::Plain("name, mac or xml parameters are required"))
        }
    }
}
