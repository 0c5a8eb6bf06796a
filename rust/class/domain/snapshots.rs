// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: snapshots and checkpoints.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    num_of_snapshots(dom: Domain, flags: u32 = 0) => number(virDomainSnapshotNum(dom, flags));
    list_snapshot_names(dom: Domain, maxnames: Count, flags: u32 = 0) =>
        names(maxnames, |out, max| virDomainSnapshotListNames(dom, out, max, flags));
    #[sub] list_snapshots(dom: Domain) => counted(objects(|out| virDomainListAllSnapshots(dom, out, 0))?);
    list_all_snapshots(dom: Domain, flags: u32 = 0) => list(|out| virDomainListAllSnapshots(dom, out, flags));
    has_current_snapshot(dom: Domain, flags: u32 = 0) => number(virDomainHasCurrentSnapshot(dom, flags));
    current_snapshot(dom: Domain, flags: u32 = 0) => object(virDomainSnapshotCurrent(dom, flags));
    #[sub] get_snapshot_by_name(dom: Domain, name: Text, flags: u32 = 0) =>
        named(name, virDomainSnapshotLookupByName(dom, name, flags));
    #[sub] create_snapshot(dom: Domain, xml: Text, flags: u32 = 0) => object(virDomainSnapshotCreateXML(dom, xml, flags));

    list_all_checkpoints(dom: Domain, flags: u32 = 0) => list(|out| virDomainListAllCheckpoints(dom, out, flags));
    #[sub] get_checkpoint_by_name(dom: Domain, name: Text, flags: u32 = 0) =>
        named(name, virDomainCheckpointLookupByName(dom, name, flags));
    #[sub] create_checkpoint(dom: Domain, xml: Text, flags: u32 = 0) =>
        object(virDomainCheckpointCreateXML(dom, xml, flags));
}
