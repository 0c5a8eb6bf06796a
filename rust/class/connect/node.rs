// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt: the host.

use crate::boundary::key::Key;
use crate::class::prelude::*;

methods! { "Sys::Virt";
    get_node_info(con: Connect) => described(|info| virNodeGetInfo(con, info), node_info);
    get_node_free_memory(con: Connect) => zero_or_error(|| virNodeGetFreeMemory(con));
    get_node_cells_free_memory(con: Connect, start: i32, end: i32) => cells_free_memory(con, start, end);
    get_node_free_pages(con: Connect, pagesizes: Array<u32>, start: i32, end: i32, flags: u32 = 0) =>
        free_pages(con, pagesizes, start, end, flags);
    node_alloc_pages(con: Connect, pages: Columns<u32, u64>, start: i32, end: i32, flags: u32 = 0) =>
        alloc_pages(con, pages, start, end, flags);
    get_node_cpu_map(con: Connect, flags: u32 = 0) => cpu_map(con, flags);
    get_node_cpu_stats(con: Connect, cpuNum: i32 = VIR_NODE_CPU_STATS_ALL_CPUS, flags: u32 = 0) => {
        stats(&CPU_STATS, |stat: &virNodeCPUStats| (&stat.field, stat.value), |array, count| {
            virNodeGetCPUStats(con, cpuNum, array, count, flags)
        })
    };
    get_node_memory_stats(con: Connect, cellNum: i32 = VIR_NODE_MEMORY_STATS_ALL_CELLS, flags: u32 = 0) => {
        stats(&MEMORY_STATS, |stat: &virNodeMemoryStats| (&stat.field, stat.value), |array, count| {
            virNodeGetMemoryStats(con, cellNum, array, count, flags)
        })
    };
    get_node_memory_parameters(conn: Connect, flags: u32 = 0) =>
        params::get(|values, count| virNodeGetMemoryParameters(conn, values, count, flags));
    set_node_memory_parameters(conn: Connect, newparams: Tuned<NODE_MEMORY>, flags: u32 = 0) => set_like(&newparams,
        || params::query(|values, count| virNodeGetMemoryParameters(conn, values, count, flags)),
        |values, count| virNodeSetMemoryParameters(conn, values, count, flags));
    get_node_security_model(con: Connect) => described(|model| virNodeGetSecurityModel(con, model), security_model);
    get_node_sev_info(conn: Connect, flags: u32 = 0) =>
        params::get_allocated(|values, count| virNodeGetSEVInfo(conn, values, count, flags));
    node_suspend_for_duration(conn: Connect, target: u32, duration: u64, flags: u32 = 0) =>
        status(virNodeSuspendForDuration(conn, target, duration, flags));
}

schema! {
    /// The driver knows which ones it has.
    NODE_MEMORY {}
}

fn node_info(info: &virNodeInfo) -> Value {
    map! {
        c"model" => text_field(&info.model),
        c"memory" => info.memory,
        c"cpus" => info.cpus,
        c"mhz" => info.mhz,
        c"nodes" => info.nodes,
        c"sockets" => info.sockets,
        c"cores" => info.cores,
        c"threads" => info.threads,
    }
}

fn security_model(model: &virSecurityModel) -> Value {
    map! { c"model" => text_field(&model.model), c"doi" => text_field(&model.doi) }
}

/// The map of online CPUs.
///
/// # Safety
/// `con` is a connection or NULL.
unsafe fn cpu_map(con: *mut Connect, flags: u32) -> Result<Value> {
    let (mut map, mut online) = (std::ptr::null_mut(), 0);
    // SAFETY: the caller's promise; libvirt allocates the map.
    let total = check(unsafe { virNodeGetCPUMap(con, &raw mut map, &raw mut online, flags) })?;
    // SAFETY: a bit for each CPU; we free it.
    let map = unsafe { owned_bytes(map, total / 8 + c_int::from(total % 8 != 0)) };
    Ok(Value::list(vec![total.into(), map, online.into()]))
}

/// The free memory of each cell.
///
/// # Safety
/// `con` is a connection or NULL.
unsafe fn cells_free_memory(con: *mut Connect, start: i32, end: i32) -> Result<Value> {
    let cells = range(start, end)?;
    let mut free: Vec<u64> = zeroed_array(cells)?;
    // SAFETY: the caller's promise, and room for as many as said.
    let count = check(unsafe { virNodeGetCellsFreeMemory(con, free.as_mut_ptr(), start, cells as c_int) })?;
    free.truncate(count as usize);
    Ok(Value::numbers(free))
}

/// More cells than any host has: larger ranges are cut, because the range determines the size of the allocation.
const CELLS_MAX: i64 = 1 << 16;

/// How many cells there are from `start` to `end`, both included.
fn range(start: i32, end: i32) -> Result<usize> {
    let cells = i64::from(end) - i64::from(start) + 1;
    // libvirt treats an empty range differently.
    if cells < 0 {
        return Err(Error::argument("end", format_args!("is {end}, less than start, {start}")));
    }
    Ok(cells.min(CELLS_MAX) as usize)
}

/// The statistics that the driver may report.
static CPU_STATS: [Key; 7] = [
    Key::new(VIR_NODE_CPU_STATS_KERNEL),
    Key::new(VIR_NODE_CPU_STATS_USER),
    Key::new(VIR_NODE_CPU_STATS_IDLE),
    Key::new(VIR_NODE_CPU_STATS_IOWAIT),
    Key::new(VIR_NODE_CPU_STATS_INTR),
    Key::new(VIR_NODE_CPU_STATS_UTILIZATION),
    Key::new(VIR_NODE_CPU_STATS_GUEST),
];

static MEMORY_STATS: [Key; 5] = [
    Key::new(VIR_NODE_MEMORY_STATS_TOTAL),
    Key::new(VIR_NODE_MEMORY_STATS_FREE),
    Key::new(VIR_NODE_MEMORY_STATS_BUFFERS),
    Key::new(VIR_NODE_MEMORY_STATS_CACHED),
    Key::new(VIR_NODE_MEMORY_STATS_AVAILABLE),
];

/// More statistics than any driver has, because the count comes from the daemon.
const STATS_MAX: c_int = 1 << 10;

fn stats<T: Zeroed>(
    known: &'static [Key],
    parts: impl Fn(&T) -> (&[c_char; 80], u64),
    call: impl Fn(*mut T, *mut c_int) -> c_int,
) -> Result<Value> {
    let mut count = 0;
    check(call(std::ptr::null_mut(), &raw mut count))?;
    count = count.clamp(0, STATS_MAX);
    let mut array: Vec<T> = zeroed_array(count as usize)?;
    if count > 0 {
        check(call(array.as_mut_ptr(), &raw mut count))?;
    }
    array.truncate(count.max(0) as usize);
    let mut items = memory::with_room(2 * array.len());
    for stat in &array {
        let (field, value) = parts(stat);
        if let Some(name) = known.iter().find(|known| known.is(field)) {
            items.push(Value::key(name));
            items.push(Value::from(value));
        }
    }
    Ok(Value::map(items))
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn free_pages(
    con: *mut Connect,
    mut pages: Vec<c_uint>,
    start: i32,
    end: i32,
    flags: u32,
) -> Result<Value> {
    let cells = range(start, end)?;
    let total = cells.checked_mul(pages.len()).ok_or_else(|| Error::argument("end", "is too large"))?;
    let mut counts: Vec<u64> = zeroed_array(total)?;
    // SAFETY: the row's connection; room for each size in each cell.
    let filled = check(unsafe {
        virNodeGetFreePages(
            con,
            pages.len() as c_uint,
            pages.as_mut_ptr(),
            start,
            cells as c_uint,
            counts.as_mut_ptr(),
            flags,
        )
    })?;
    if pages.is_empty() {
        return Ok(Value::list(Vec::new()));
    }
    // Drivers that fill everything may return 0.
    let filled = if filled == 0 { counts.len() } else { (filled as usize).min(counts.len()) };
    let filled = filled / pages.len() * pages.len();
    let table = params::ParamArray::numbers(pages.iter().cycle().zip(&counts[..filled]), filled)?;
    let cell = |(index, pages): (usize, &[virTypedParameter])| {
        // SAFETY: written above, and the list owns them.
        let pages = unsafe { Value::borrowed_parameters(pages) };
        row! { c"cell" => start + index as i32, c"pages" => pages }
    };
    let cells = Rows::of(table.chunks_exact(pages.len()).enumerate().map(cell));
    Ok(cells.owned_by(table.into_map()))
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn alloc_pages(
    con: *mut Connect,
    (mut sizes, mut counts): (Vec<c_uint>, Vec<u64>),
    start: i32,
    end: i32,
    flags: u32,
) -> Result<Value> {
    let cells = range(start, end)?;
    // SAFETY: the row's connection; two arrays of the length that is told.
    status(unsafe {
        virNodeAllocPages(
            con,
            sizes.len() as c_uint,
            sizes.as_mut_ptr(),
            counts.as_mut_ptr(),
            start,
            cells as c_uint,
            flags,
        )
    })
}
