// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::NetworkPort.

use crate::class::prelude::*;

methods! { "Sys::Virt::NetworkPort";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_uuid(net: Network, uuid: Bytes) => by_raw_uuid(uuid, |raw| virNetworkPortLookupByUUID(net, raw));
    _lookup_by_uuid_string(net: Network, uuid: Text) => object(virNetworkPortLookupByUUIDString(net, uuid));
    _create_xml(net: Network, xml: Text, flags: u32 = 0) => object(virNetworkPortCreateXML(net, xml, flags));

    #[local] get_uuid(port: NetworkPort) => uuid(|raw| virNetworkPortGetUUID(port, raw));
    #[local] get_uuid_string(port: NetworkPort) => uuid_string(|raw| virNetworkPortGetUUID(port, raw));
    get_network(port: NetworkPort) => retained(virNetworkPortGetNetwork(port));
    get_xml_description(port: NetworkPort, flags: u32 = 0) => owned(virNetworkPortGetXMLDesc(port, flags));
    delete(port: NetworkPort, flags: u32 = 0) => status(virNetworkPortDelete(port, flags));
    get_parameters(port: NetworkPort, flags: u32 = 0) =>
        params::get_allocated(|values, count| virNetworkPortGetParameters(port, values, count, flags));
    set_parameters(port: NetworkPort, newparams: Typed<BANDWIDTH>, flags: u32 = 0) =>
        status(virNetworkPortSetParameters(port, newparams.as_ptr(), newparams.len(), flags));
}

schema! {
    /// A port reports only those that are set, so its present values do not show which ones exist.
    BANDWIDTH {
        VIR_NETWORK_PORT_BANDWIDTH_IN_AVERAGE => Uint,
        VIR_NETWORK_PORT_BANDWIDTH_IN_PEAK => Uint,
        VIR_NETWORK_PORT_BANDWIDTH_IN_BURST => Uint,
        VIR_NETWORK_PORT_BANDWIDTH_IN_FLOOR => Uint,
        VIR_NETWORK_PORT_BANDWIDTH_OUT_AVERAGE => Uint,
        VIR_NETWORK_PORT_BANDWIDTH_OUT_PEAK => Uint,
        VIR_NETWORK_PORT_BANDWIDTH_OUT_BURST => Uint,
    }
}

options! {
    /// The constructor's options.
    NEW { network: Network, uuid: Bytes, xml: Text, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let net = params.object::<Network>("network", "network parameter is required")?;
    // SAFETY: a network of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("uuid") {
            params.by_uuid(
                |raw| virNetworkPortLookupByUUID(net, raw),
                |text| virNetworkPortLookupByUUIDString(net, text),
            )
        } else if params.has("xml") {
            object(virNetworkPortCreateXML(net, params.text("xml")?, params.flags()?))
        } else {
            Err(Error::Plain("uuid or xml parameters are required"))
        }
    }
}
