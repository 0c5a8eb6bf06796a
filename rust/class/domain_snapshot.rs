// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::DomainSnapshot.

use crate::class::prelude::*;

methods! { "Sys::Virt::DomainSnapshot";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _create_xml(dom: Domain, xml: Text, flags: u32 = 0) => object(virDomainSnapshotCreateXML(dom, xml, flags));
    _lookup_by_name(dom: Domain, name: Text, flags: u32 = 0) => object(virDomainSnapshotLookupByName(dom, name, flags));
    #[local] get_name(domss: DomainSnapshot) => borrowed(virDomainSnapshotGetName(domss));
    get_domain(domss: DomainSnapshot) => retained(virDomainSnapshotGetDomain(domss));
    get_connect(domss: DomainSnapshot) => retained(virDomainSnapshotGetConnect(domss));
    get_xml_description(domss: DomainSnapshot, flags: u32 = 0) => owned(virDomainSnapshotGetXMLDesc(domss, flags));
    get_parent(domss: DomainSnapshot, flags: u32 = 0) => object(virDomainSnapshotGetParent(domss, flags));
    is_current(domss: DomainSnapshot, flags: u32 = 0) => number(virDomainSnapshotIsCurrent(domss, flags));
    has_metadata(domss: DomainSnapshot, flags: u32 = 0) => number(virDomainSnapshotHasMetadata(domss, flags));
    revert_to(domss: DomainSnapshot, flags: u32 = 0) => status(virDomainRevertToSnapshot(domss, flags));
    delete(domss: DomainSnapshot, flags: u32 = 0) => status(virDomainSnapshotDelete(domss, flags));
    num_of_child_snapshots(domss: DomainSnapshot, flags: u32 = 0) => number(virDomainSnapshotNumChildren(domss, flags));
    list_child_snapshot_names(domss: DomainSnapshot, maxnames: Count, flags: u32 = 0) =>
        names(maxnames, |out, max| virDomainSnapshotListChildrenNames(domss, out, max, flags));
    #[sub] list_child_snapshots(domss: DomainSnapshot) =>
        counted(objects(|out| virDomainSnapshotListAllChildren(domss, out, 0))?);
    list_all_children(domss: DomainSnapshot, flags: u32 = 0) =>
        list(|out| virDomainSnapshotListAllChildren(domss, out, flags));
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
            object(virDomainSnapshotLookupByName(dom, params.text("name")?, flags))
        } else if params.has("xml") {
            object(virDomainSnapshotCreateXML(dom, params.text("xml")?, flags))
        } else {
            Err(Error::Plain("name or xml parameters are required"))
        }
    }
}
