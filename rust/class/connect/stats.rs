// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: processors, capabilities, and statistics of all domains at once.

use crate::class::prelude::*;

methods! { "Sys::Virt";
    get_max_vcpus(con: Connect, r#type: TextOrNull) => number(virConnectGetMaxVcpus(con, r#type));
    get_cpu_model_names(con: Connect, arch: Text, flags: u32 = 0) =>
        strings(|out| virConnectGetCPUModelNames(con, arch, out, flags));
    compare_cpu(con: Connect, xml: Text, flags: u32 = 0) => number(virConnectCompareCPU(con, xml, flags));
    compare_hypervisor_cpu(
        con: Connect, emulatorsv as emulator: TextOrNull, archsv as arch: TextOrNull, machinesv as machine: TextOrNull, virttypesv as virttype: TextOrNull,
        xml: Text, flags: u32 = 0) =>
        number(virConnectCompareHypervisorCPU(con, emulator, arch, machine, virttype, xml, flags));
    baseline_cpu(con: Connect, xml: Array<Text>, flags: u32 = 0) => {
        owned(virConnectBaselineCPU(con, xml.as_mut_ptr(), xml.len() as c_uint, flags))
    };
    baseline_hypervisor_cpu(
        con: Connect, emulatorsv as emulator: TextOrNull, archsv as arch: TextOrNull, machinesv as machine: TextOrNull, virttypesv as virttype: TextOrNull,
        xml: Array<Text>, flags: u32 = 0) => {
        owned(virConnectBaselineHypervisorCPU(
            con, emulator, arch, machine, virttype, xml.as_mut_ptr(), xml.len() as c_uint, flags))
    };
    get_domain_capabilities(
        con: Connect, emulatorsv as emulator: TextOrNull, archsv as arch: TextOrNull, machinesv as machine: TextOrNull, virttypesv as virttype: TextOrNull,
        flags: u32 = 0) => owned(virConnectGetDomainCapabilities(con, emulator, arch, machine, virttype, flags));
    get_all_domain_stats(con: Connect, stats: u32, doms_sv as doms: Optional<Array<Domain>> = undef, flags: u32 = 0) =>
        all_domain_stats(con, stats, doms.unwrap_or_default(), flags);
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
unsafe fn all_domain_stats(
    con: *mut Connect,
    stats: u32,
    mut list: Vec<*mut Domain>,
    flags: u32,
) -> Result<Value> {
    let mut records = std::ptr::null_mut();
    if let Some(index) = list.iter().position(|dom| dom.is_null()) {
        return Err(Error::argument(&format!("doms[{index}]"), "is not an open Sys::Virt::Domain object"));
    }
    // SAFETY: a connection of ours or NULL; domains that the caller keeps, and a NULL behind the last.
    let count = check(unsafe {
        if list.is_empty() {
            virConnectGetAllDomainStats(con, stats, &raw mut records, flags)
        } else {
            list.push(std::ptr::null_mut());
            virDomainListGetStats(list.as_mut_ptr(), stats, &raw mut records, flags)
        }
    })?;
    let records = Records(records);
    let at = |index| {
        // SAFETY: within libvirt's array.
        let place = unsafe { records.0.add(index) };
        // SAFETY: libvirt wrote `count` pointers, or fewer and a NULL.
        unsafe { *place }
    };
    let found = if records.0.is_null() {
        0
    } else {
        (0..count as usize).take_while(|&index| !at(index).is_null()).count()
    };
    let describe = |index| {
        // SAFETY: not NULL, so libvirt's record, which no one else uses.
        let record = unsafe { &mut *at(index) };
        let params = std::mem::replace(&mut record.params, std::ptr::null_mut());
        let count = std::mem::take(&mut record.nparams);
        // SAFETY: the record's parameters, of which it keeps none: freeing a record without them is allowed.
        let given = unsafe { params::ParamArray::from_raw(params, count) };
        let domain = std::mem::replace(&mut record.dom, std::ptr::null_mut());
        // SAFETY: the record's reference to the domain, which is ours now.
        let domain = unsafe { object(domain) }?;
        Ok(row! { c"dom" => domain, c"data" => given.into_map() })
    };
    let mut all = Rows::with_room(found);
    for index in 0..found {
        all.push(describe(index)?);
        memory::check(found);
    }
    Ok(all.owned_by(Value::none()))
}

/// libvirt's list of records, which frees itself.
struct Records(*mut virDomainStatsRecordPtr);

impl Drop for Records {
    fn drop(&mut self) {
        // SAFETY: libvirt allocated it for us; NULL is nothing.
        unsafe { virDomainStatsRecordListFree(self.0) }
    }
}
