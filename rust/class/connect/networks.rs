// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: networks, host interfaces, network filters.

use super::listing::{listed, walk};
use crate::class::network::{create_xml, define_xml};
use crate::class::prelude::*;

methods! { "Sys::Virt";
    #[sub] create_network(con: Connect, xml: Text, flags: u32 = 0) => object(create_xml(con, xml, flags)?);
    #[sub] define_network(con: Connect, xml: Text, flags: u32 = 0) => object(define_xml(con, xml, flags)?);
    #[sub] get_network_by_name(con: Connect, name: Text) => named(name, virNetworkLookupByName(con, name));
    #[sub] get_network_by_uuid(con: Connect, uuid: Bytes) =>
        by_uuid(uuid, |raw| virNetworkLookupByUUID(con, raw), |text| virNetworkLookupByUUIDString(con, text));
    num_of_networks(con: Connect) => number(virConnectNumOfNetworks(con));
    num_of_defined_networks(con: Connect) => number(virConnectNumOfDefinedNetworks(con));
    list_network_names(con: Connect, maxnames: Count) => names(maxnames, |out, max| virConnectListNetworks(con, out, max));
    list_defined_network_names(con: Connect, maxnames: Count) =>
        names(maxnames, |out, max| virConnectListDefinedNetworks(con, out, max));
    #[sub] list_networks(con: Connect) => listed(
        |out| virConnectListAllNetworks(con, out, VIR_CONNECT_LIST_NETWORKS_ACTIVE),
        || walk(
            virConnectNumOfNetworks(con),
            |out, max| virConnectListNetworks(con, out, max),
            |name| virNetworkLookupByName(con, name),
        ),
    );
    #[sub] list_defined_networks(con: Connect) => listed(
        |out| virConnectListAllNetworks(con, out, VIR_CONNECT_LIST_NETWORKS_INACTIVE),
        || walk(
            virConnectNumOfDefinedNetworks(con),
            |out, max| virConnectListDefinedNetworks(con, out, max),
            |name| virNetworkLookupByName(con, name),
        ),
    );
    list_all_networks(con: Connect, flags: u32 = 0) => list(|out| virConnectListAllNetworks(con, out, flags));

    // Despite the name, the interface is only defined, not started.
    #[sub] create_interface(con: Connect, xml: Text, flags: u32 = 0) => object(virInterfaceDefineXML(con, xml, flags));
    #[sub] define_interface(con: Connect, xml: Text, flags: u32 = 0) => object(virInterfaceDefineXML(con, xml, flags));
    #[sub] get_interface_by_name(con: Connect, name: Text) => named(name, virInterfaceLookupByName(con, name));
    #[sub] get_interface_by_mac(con: Connect, mac: Text) => object(virInterfaceLookupByMACString(con, mac));
    num_of_interfaces(con: Connect) => number(virConnectNumOfInterfaces(con));
    num_of_defined_interfaces(con: Connect) => number(virConnectNumOfDefinedInterfaces(con));
    list_interface_names(con: Connect, maxnames: Count) =>
        names(maxnames, |out, max| virConnectListInterfaces(con, out, max));
    list_defined_interface_names(con: Connect, maxnames: Count) =>
        names(maxnames, |out, max| virConnectListDefinedInterfaces(con, out, max));
    #[sub] list_interfaces(con: Connect) => listed(
        |out| virConnectListAllInterfaces(con, out, VIR_CONNECT_LIST_INTERFACES_ACTIVE),
        || walk(
            virConnectNumOfInterfaces(con),
            |out, max| virConnectListInterfaces(con, out, max),
            |name| virInterfaceLookupByName(con, name),
        ),
    );
    #[sub] list_defined_interfaces(con: Connect) => listed(
        |out| virConnectListAllInterfaces(con, out, VIR_CONNECT_LIST_INTERFACES_INACTIVE),
        || walk(
            virConnectNumOfDefinedInterfaces(con),
            |out, max| virConnectListDefinedInterfaces(con, out, max),
            |name| virInterfaceLookupByName(con, name),
        ),
    );
    list_all_interfaces(con: Connect, flags: u32 = 0) => list(|out| virConnectListAllInterfaces(con, out, flags));

    #[sub] define_nwfilter(con: Connect, xml: Text, flags: u32 = 0) =>
        object(crate::class::nwfilter::define_xml(con, xml, flags)?);
    #[sub] get_nwfilter_by_name(con: Connect, name: Text) => named(name, virNWFilterLookupByName(con, name));
    #[sub] get_nwfilter_by_uuid(con: Connect, uuid: Bytes) =>
        by_uuid(uuid, |raw| virNWFilterLookupByUUID(con, raw), |text| virNWFilterLookupByUUIDString(con, text));
    num_of_nwfilters(con: Connect) => number(virConnectNumOfNWFilters(con));
    list_nwfilter_names(con: Connect, maxnames: Count) =>
        names(maxnames, |out, max| virConnectListNWFilters(con, out, max));
    #[sub] list_nwfilters(con: Connect) => listed(
        |out| virConnectListAllNWFilters(con, out, 0),
        || walk(
            virConnectNumOfNWFilters(con),
            |out, max| virConnectListNWFilters(con, out, max),
            |name| virNWFilterLookupByName(con, name),
        ),
    );
    list_all_nwfilters(con: Connect, flags: u32 = 0) => list(|out| virConnectListAllNWFilters(con, out, flags));
    #[sub] create_nwfilter_binding(con: Connect, xml: Text, flags: u32 = 0) =>
        object(virNWFilterBindingCreateXML(con, xml, flags));
    #[sub] get_nwfilter_binding_by_port_dev(con: Connect, name: Text) =>
        object(virNWFilterBindingLookupByPortDev(con, name));
    list_all_nwfilter_bindings(con: Connect, flags: u32 = 0) =>
        list(|out| virConnectListAllNWFilterBindings(con, out, flags));
}
