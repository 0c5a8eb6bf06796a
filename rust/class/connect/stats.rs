// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: processors, capabilities, and statistics of all domains at once.

use crate::class::prelude::*;

methods! { "Sys::Virt";
    get_max_vcpus(con: Connect, r#type: TextOrNull) => number(virConnectGetMaxVcpus(con, r#type));
    get_cpu_model_names(con: Connect, arch: Text, flags: u32 = 0) =>
        strings(|out| virConnectGetCPUModelNames(con, arch, out, flags));
    compare_cpu(con: Connect, xml: Text, flags: u32 = 0) => number(virConnectCompareCPU(con, xml, flags));
    compare_hypervisor_cpu(
        con: Connect, emulatorsv: TextOrNull, archsv: TextOrNull, machinesv: TextOrNull, virttypesv: TextOrNull,
        xml: Text, flags: u32 = 0) =>
        number(virConnectCompareHypervisorCPU(con, emulatorsv, archsv, machinesv, virttypesv, xml, flags));
    baseline_cpu(con: Connect, xml: Array, flags: u32 = 0) => {
        let texts = xml.texts()?;
        let mut pointers = memory::collected(texts.iter().map(|text| text.as_ptr()));
        owned(virConnectBaselineCPU(con, pointers.as_mut_ptr(), pointers.len() as c_uint, flags))
    };
    baseline_hypervisor_cpu(
        con: Connect, emulatorsv: TextOrNull, archsv: TextOrNull, machinesv: TextOrNull, virttypesv: TextOrNull,
        xml: Array, flags: u32 = 0) => {
        let texts = xml.texts()?;
        let mut pointers = memory::collected(texts.iter().map(|text| text.as_ptr()));
        owned(virConnectBaselineHypervisorCPU(
            con, emulatorsv, archsv, machinesv, virttypesv, pointers.as_mut_ptr(), pointers.len() as c_uint, flags))
    };
    get_domain_capabilities(
        con: Connect, emulatorsv: TextOrNull, archsv: TextOrNull, machinesv: TextOrNull, virttypesv: TextOrNull,
        flags: u32 = 0) => owned(virConnectGetDomainCapabilities(con, emulatorsv, archsv, machinesv, virttypesv, flags));
    get_all_domain_stats(con: Connect, stats: u32, doms_sv: ArrayOrNull = undef, flags: u32 = 0) =>
        all_domain_stats(con, stats, &doms_sv, flags);
}

fn all_domain_stats(con: *mut Connect, stats: u32, doms: &NamedArg, flags: u32) -> Result<Value> {
    let mut records = std::ptr::null_mut();
    let mut list = memory::with_room(doms.value.items().len() + 1);
    for (index, dom) in doms.value.items().iter().enumerate() {
        if dom.tag() != Tag::Handle || dom.class() != Class::Domain || dom.pointer().is_null() {
            return Err(Error::argument(
                &format!("{}[{index}]", doms.name),
                "is not an open Sys::Virt::Domain object",
            ));
        }
        list.push(dom.pointer().cast::<Domain>());
    }
    // SAFETY: a connection of ours or NULL; domains that the caller keeps, and a NULL behind the last.
    let count = check(unsafe {
        if list.is_empty() {
            virConnectGetAllDomainStats(con, stats, &mut records, flags)
        } else {
            list.push(std::ptr::null_mut());
            virDomainListGetStats(list.as_mut_ptr(), stats, &mut records, flags)
        }
    })?;
    let records = Records(records);
    // SAFETY: libvirt wrote `count` pointers, or fewer and a NULL.
    let at = |index| unsafe { *records.0.add(index) };
    let found = if records.0.is_null() {
        0
    } else {
        (0..count as usize).take_while(|&index| !at(index).is_null()).count()
    };
    let describe = |index| {
        // SAFETY: libvirt's record, with the number of its parameters. Perl takes over the record's reference to the
        // domain, and its parameters; freeing a record without them is allowed.
        unsafe {
            let record = &mut *at(index);
            let given = params::ParamArray::from_raw(
                std::mem::replace(&mut record.params, std::ptr::null_mut()),
                std::mem::take(&mut record.nparams),
            );
            Ok(
                map! { c"dom" => object(std::mem::replace(&mut record.dom, std::ptr::null_mut()))?, c"data" => given.into_map() },
            )
        }
    };
    let mut all = memory::with_room(found);
    for index in 0..found {
        all.push(describe(index)?);
    }
    Ok(Value::list(all))
}

/// libvirt's list of records, which frees itself.
struct Records(*mut virDomainStatsRecordPtr);

impl Drop for Records {
    fn drop(&mut self) {
        // SAFETY: libvirt allocated it for us; NULL is nothing.
        unsafe { virDomainStatsRecordListFree(self.0) }
    }
}
