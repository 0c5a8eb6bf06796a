// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::DomainCheckpoint.

use crate::class::prelude::*;

methods! { "Sys::Virt::DomainCheckpoint";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _create_xml(dom: Domain, xml: Text, flags: u32 = 0) => object(virDomainCheckpointCreateXML(dom, xml, flags));
    _lookup_by_name(dom: Domain, name: Text, flags: u32 = 0) => object(virDomainCheckpointLookupByName(dom, name, flags));
    #[local] get_name(domcp: DomainCheckpoint) => borrowed(virDomainCheckpointGetName(domcp));
    get_domain(domcp: DomainCheckpoint) => retained(virDomainCheckpointGetDomain(domcp));
    get_connect(domcp: DomainCheckpoint) => retained(virDomainCheckpointGetConnect(domcp));
    get_xml_description(domcp: DomainCheckpoint, flags: u32 = 0) => owned(virDomainCheckpointGetXMLDesc(domcp, flags));
    get_parent(domcp: DomainCheckpoint, flags: u32 = 0) => object(virDomainCheckpointGetParent(domcp, flags));
    delete(domcp: DomainCheckpoint, flags: u32 = 0) => status(virDomainCheckpointDelete(domcp, flags));
    list_all_children(domcp: DomainCheckpoint, flags: u32 = 0) =>
        list(|out| virDomainCheckpointListAllChildren(domcp, out, flags));
}

options! {
    /// The constructor's options.
    NEW { domain: Domain, name: Text, xml: Text, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let dom = params.object::<Domain>("domain", "domain parameter is required")?;
    let flags = params.flags()?;
    // SAFETY: a domain of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("name") {
            object(virDomainCheckpointLookupByName(dom, params.text("name")?, flags))
        } else if params.has("xml") {
            object(virDomainCheckpointCreateXML(dom, params.text("xml")?, flags))
        } else {
            Err(Error::Plain("name or xml parameters are required"))
        }
    }
}
