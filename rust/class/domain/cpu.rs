// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: vCPUs, and where they and other threads may run.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    get_vcpus(dom: Domain, flags: u32 = 0) => number(virDomainGetVcpusFlags(dom, flags));
    set_vcpus(dom: Domain, num: u32, flags: u32 = 0) =>
        status(if flags == 0 { virDomainSetVcpus(dom, num) } else { virDomainSetVcpusFlags(dom, num, flags) });
    get_max_vcpus(dom: Domain) => number_or_minus_one(virDomainGetMaxVcpus(dom));
    set_vcpu(dom: Domain, cpumap: Text, state: i32, flags: u32 = 0) => status(virDomainSetVcpu(dom, cpumap, state, flags));
    get_vcpu_info(dom: Domain, flags: u32 = 0) => vcpu_info(dom, flags);
    pin_vcpu(dom: Domain, vcpu: u32, mask: Bytes, flags: u32 = 0) => {
        let (map, length) = (mask.as_ptr().cast_mut(), mask_length(mask)?);
        status(if flags == 0 {
            virDomainPinVcpu(dom, vcpu, map, length)
        } else {
            virDomainPinVcpuFlags(dom, vcpu, map, length, flags)
        })
    };
    pin_emulator(dom: Domain, mask: Bytes, flags: u32 = 0) =>
        status(virDomainPinEmulator(dom, mask.as_ptr().cast_mut(), mask_length(mask)?, flags));
    get_emulator_pin_info(dom: Domain, flags: u32 = 0) => emulator_pin_info(dom, flags);
    get_cpu_stats(dom: Domain, start_cpu: i32, ncpus: u32, flags: u32 = 0) => cpu_stats(dom, start_cpu, ncpus, flags);
    get_guest_vcpus(dom: Domain, flags: u32 = 0) =>
        params::get_allocated(|values, count| virDomainGetGuestVcpus(dom, values, count.cast(), flags));
    set_guest_vcpus(dom: Domain, cpumap: Text, state: i32, flags: u32 = 0) =>
        status(virDomainSetGuestVcpus(dom, cpumap, state, flags));

    get_iothread_info(dom: Domain, flags: u32 = 0) => iothread_info(dom, flags);
    pin_iothread(dom: Domain, iothread_id: u32, mask: Bytes, flags: u32 = 0) =>
        status(virDomainPinIOThread(dom, iothread_id, mask.as_ptr().cast_mut(), mask_length(mask)?, flags));
    add_iothread(dom: Domain, iothread_id: u32, flags: u32 = 0) => status(virDomainAddIOThread(dom, iothread_id, flags));
    del_iothread(dom: Domain, iothread_id: u32, flags: u32 = 0) => status(virDomainDelIOThread(dom, iothread_id, flags));
    set_iothread(dom: Domain, iothread_id: u32, newparams: Typed<IOTHREAD>, flags: u32 = 0) =>
        status(virDomainSetIOThreadParams(dom, iothread_id, newparams.as_ptr(), newparams.len(), flags));
}

schema! {
    /// The parameters of an I/O thread.
    IOTHREAD {
        VIR_DOMAIN_IOTHREAD_POLL_MAX_NS => Ullong,
        VIR_DOMAIN_IOTHREAD_POLL_GROW => Uint,
        VIR_DOMAIN_IOTHREAD_POLL_SHRINK => Uint,
        VIR_DOMAIN_IOTHREAD_THREAD_POOL_MIN => Int,
        VIR_DOMAIN_IOTHREAD_THREAD_POOL_MAX => Int,
        VIR_DOMAIN_IOTHREAD_POLL_WEIGHT => Uint,
    }
}

fn mask_length(mask: &[u8]) -> Result<c_int> {
    c_int::try_from(mask.len()).map_err(|_| Error::argument("mask", "is too long"))
}

/// More bytes than the CPU map of any host has, because the counts come from the daemon.
const MAP_MAX: u64 = 1 << 16;

/// The size in bytes of a map of the host's CPUs.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn host_map_length(dom: *mut Domain) -> Result<usize> {
    // SAFETY: the connection is borrowed, and lives as long as the domain; NULL is refused below.
    let con = unsafe { virDomainGetConnect(dom) };
    if con.is_null() {
        return Err(Error::last());
    }
    // SAFETY: a live connection.
    let node: virNodeInfo = filled(|node| unsafe { virNodeGetInfo(con, node) })?;
    let cpus = [node.sockets, node.cores, node.threads]
        .iter()
        .fold(u64::from(node.nodes), |cpus, &more| cpus.saturating_mul(u64::from(more)));
    Ok(cpus.div_ceil(8).min(MAP_MAX) as usize)
}

/// The host CPUs that the emulator may use.
///
/// # Safety
/// `dom` is a domain or NULL.
unsafe fn emulator_pin_info(dom: *mut Domain, flags: u32) -> Result<Value> {
    // SAFETY: the caller's promise.
    let mut map: Vec<u8> = zeroed_array(unsafe { host_map_length(dom) }?)?;
    // SAFETY: the caller's promise, and room for as many bytes as said.
    check(unsafe { virDomainGetEmulatorPinInfo(dom, map.as_mut_ptr(), map.len() as c_int, flags) })?;
    Ok(Value::boxed_bytes(map.into()))
}

/// The results of virDomainGetVcpus for up to `room` vCPUs: their number, the vCPUs, and the maps of host CPUs.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn vcpus(dom: *mut Domain, room: usize, length: usize) -> Result<(c_int, Vec<virVcpuInfo>, Vec<u8>)> {
    let mut vcpus: Vec<virVcpuInfo> = zeroed_array(room)?;
    let mut maps: Vec<u8> = zeroed_array(room * length)?;
    // SAFETY: room for as many structures and maps as said.
    let found = unsafe {
        virDomainGetVcpus(dom, vcpus.as_mut_ptr(), room as c_int, maps.as_mut_ptr(), length as c_int)
    };
    Ok((found, vcpus, maps))
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn vcpu_info(dom: *mut Domain, flags: u32) -> Result<Value> {
    // Few domains have that many vCPUs, so most need no call for their number first. Xen also reports offline vCPUs, which that
    // number does not count.
    const ROOM: usize = 32;
    // SAFETY: the row's domain.
    let length = unsafe { host_map_length(dom) }?;
    let mut running = flags == 0;
    if running {
        // SAFETY: as above.
        let (found, vcpus, maps) = unsafe { vcpus(dom, ROOM, length) }?;
        // The pinning of an inactive domain's vCPUs is known too.
        running = found >= 0 || last_code() != VIR_ERR_OPERATION_INVALID as i32;
        let vcpus = &vcpus[..usize::try_from(found).unwrap_or(0).min(ROOM)];
        if !vcpus.is_empty()
            && vcpus.len() < ROOM
            && vcpus.iter().all(|vcpu| vcpu.state != VIR_VCPU_OFFLINE as c_int)
        {
            return Ok(described(vcpus, true, maps, length));
        }
    }

    // SAFETY: the row's domain.
    let info: virDomainInfo = filled(|info| unsafe { virDomainGetInfo(dom, info) })?;
    let count = usize::from(info.nrVirtCpu);
    if running {
        // SAFETY: as above.
        let (found, vcpus, maps) = unsafe { vcpus(dom, count, length) }?;
        if found >= 0 {
            return Ok(described(&vcpus[..count.min(found as usize)], true, maps, length));
        }
        if last_code() != VIR_ERR_OPERATION_INVALID as i32 {
            return Err(Error::last());
        }
    }
    let vcpus: Vec<virVcpuInfo> = zeroed_array(count)?;
    let mut maps: Vec<u8> = zeroed_array(count * length)?;
    // SAFETY: room for as many maps as said.
    let found = check(unsafe {
        virDomainGetVcpuPinInfo(dom, count as c_int, maps.as_mut_ptr(), length as c_int, flags)
    })?;
    Ok(described(&vcpus[..count.min(found as usize)], false, maps, length))
}

/// The vCPUs as hashes; for an inactive domain only the maps are known.
fn described(vcpus: &[virVcpuInfo], running: bool, maps: Vec<u8>, length: usize) -> Value {
    let describe = |(index, vcpu): (usize, &virVcpuInfo)| {
        let affinity = &maps[index * length..(index + 1) * length];
        // SAFETY: the list owns the maps.
        let affinity = unsafe { Value::borrowed_bytes(affinity.as_ptr().cast(), length) };
        row! {
            c"number" => if running { vcpu.number } else { index as u32 },
            c"state" => vcpu.state,
            c"cpuTime" => vcpu.cpuTime,
            c"cpu" => vcpu.cpu,
            c"affinity" => affinity,
        }
    };
    Rows::of(vcpus.iter().enumerate().map(describe)).owned_by(Value::boxed_bytes(maps.into_boxed_slice()))
}

/// More parameters and CPUs than exist, because these counts come from the daemon.
const WIDTH_MAX: c_int = 1 << 10;
const CPUS_MAX: c_int = 1 << 16;

/// One hash for each CPU: libvirt fills a table with the same number of parameters for each.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn cpu_stats(dom: *mut Domain, start: i32, ncpus: u32, flags: u32) -> Result<Value> {
    let counted = |start, ncpus| {
        // SAFETY: the row's domain; without an array libvirt only counts.
        check(unsafe { virDomainGetCPUStats(dom, std::ptr::null_mut(), 0, start, ncpus, flags) })
    };
    // The total of all CPUs (-1) is one entry; libvirt returns an error if more are requested.
    let width = counted(start, if start < 0 { ncpus } else { 1 })?.min(WIDTH_MAX) as usize;
    let mut ncpus = ncpus;
    if ncpus == 0 || (start >= 0 && ncpus > 1024) {
        let all = counted(0, 0)?.min(CPUS_MAX) as u32;
        ncpus = if ncpus == 0 { all } else { ncpus.min(all) };
    }
    if width == 0 || ncpus == 0 {
        return Ok(Value::list(Vec::new()));
    }
    let total = (ncpus as usize).checked_mul(width).filter(|&total| c_int::try_from(total).is_ok());
    let total = total.ok_or_else(|| Error::argument("ncpus", "is too large"))?;
    let mut table = params::ParamArray::room(total as c_int)?;
    // SAFETY: room for the whole table.
    let per_cpu = check(unsafe {
        virDomainGetCPUStats(dom, table.as_mut_ptr(), width as c_uint, start, ncpus, flags)
    })?;
    let cpus = table.chunks(width).filter(|cpu| cpu.iter().any(|param| param.type_ != 0));
    // SAFETY: libvirt wrote the first `per_cpu` of each row, the others are zero and skipped. The list owns them.
    let hashes = cpus.map(|cpu| unsafe { Value::borrowed_parameters(&cpu[..width.min(per_cpu as usize)]) });
    let hashes = memory::collected_and(1, hashes);
    Ok(Value::list_with_storage(hashes, table.into_map()))
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn iothread_info(dom: *mut Domain, flags: u32) -> Result<Value> {
    let mut array = std::ptr::null_mut();
    // SAFETY: the row's domain; libvirt allocates what it writes to the pointer.
    let count = check(unsafe { virDomainGetIOThreadInfo(dom, &raw mut array, flags) })?;
    // SAFETY: ours, and not used again.
    let free = |pointer| unsafe { virDomainIOThreadInfoFree(pointer) };
    // SAFETY: libvirt allocated the array and its structures for us.
    let threads = unsafe { pointers(array, count, free) };
    let describe = |thread: &virDomainIOThreadInfo| {
        let length = if thread.cpumap.is_null() { 0 } else { thread.cpumaplen.max(0) as usize };
        let map = if length == 0 { c"".as_ptr() } else { thread.cpumap.cast() };
        // SAFETY: the structure's own length; the list owns the structures.
        let affinity = unsafe { Value::borrowed_bytes(map, length) };
        row! { c"number" => thread.iothread_id, c"affinity" => affinity }
    };
    Ok(threads.into_rows(describe))
}
