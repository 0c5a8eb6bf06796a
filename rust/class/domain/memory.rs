// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: memory.

use crate::boundary::key::Key;
use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    get_max_memory(dom: Domain) => zero_or_error(|| virDomainGetMaxMemory(dom));
    set_max_memory(dom: Domain, val: Size<c_ulong, KIB>) => status(virDomainSetMaxMemory(dom, val));
    set_memory(dom: Domain, val: Size<c_ulong, KIB>, flags: u32 = 0) =>
        status(if flags == 0 { virDomainSetMemory(dom, val) } else { virDomainSetMemoryFlags(dom, val, flags) });
    set_memory_stats_period(dom: Domain, val: i32, flags: u32 = 0) =>
        status(virDomainSetMemoryStatsPeriod(dom, val, flags));
    memory_stats(dom: Domain, flags: u32 = 0) => memory_stats(dom, flags);
    memory_peek(dom: Domain, offset: u64, size: usize, flags: u32 = 0) =>
        peek(size, |buffer| virDomainMemoryPeek(dom, offset, size, buffer, flags));
}

/// The statistics by number, each at its place.
static STATS: [(c_uint, Key); 13] = [
    (VIR_DOMAIN_MEMORY_STAT_SWAP_IN, Key::new(c"swap_in")),
    (VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, Key::new(c"swap_out")),
    (VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT, Key::new(c"major_fault")),
    (VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT, Key::new(c"minor_fault")),
    (VIR_DOMAIN_MEMORY_STAT_UNUSED, Key::new(c"unused")),
    (VIR_DOMAIN_MEMORY_STAT_AVAILABLE, Key::new(c"available")),
    (VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, Key::new(c"actual_balloon")),
    (VIR_DOMAIN_MEMORY_STAT_RSS, Key::new(c"rss")),
    (VIR_DOMAIN_MEMORY_STAT_USABLE, Key::new(c"usable")),
    (VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE, Key::new(c"last_update")),
    (VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, Key::new(c"disk_caches")),
    (VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, Key::new(c"hugetlb_pgalloc")),
    (VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, Key::new(c"hugetlb_pgfail")),
];

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn memory_stats(dom: *mut Domain, flags: u32) -> Result<Value> {
    /// Room for statistics of later releases, which are left out.
    const ROOM: usize = 32;
    let mut stats = [virDomainMemoryStatStruct { tag: 0, val: 0 }; ROOM];
    // SAFETY: the row's domain, and an array of the length that is told.
    let count = check(unsafe { virDomainMemoryStats(dom, stats.as_mut_ptr(), ROOM as c_uint, flags) })?;
    let stats = stats.get(..count as usize).unwrap_or(&stats);
    let mut items = memory::with_room(stats.len() * 2);
    for stat in stats {
        let named = usize::try_from(stat.tag).ok().and_then(|tag| STATS.get(tag));
        if let Some((_, name)) = named.filter(|(tag, _)| *tag == stat.tag as c_uint) {
            items.push(Value::key(name));
            items.push(Value::from(stat.val));
        }
    }
    Ok(Value::map(items))
}
