// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: typed parameters that tune a domain. Each getter has a setter that takes what it reports.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    get_scheduler_type(dom: Domain) => owned(virDomainGetSchedulerType(dom, std::ptr::null_mut()));
    get_scheduler_parameters(dom: Domain, flags: u32 = 0) => params::hash(scheduler(dom, flags)?);
    set_scheduler_parameters(dom: Domain, newparams: Tuned<SCHEDULER>, flags: u32 = 0) => set_like(&newparams,
        || scheduler(dom, flags),
        |values, count| if flags == 0 {
            virDomainSetSchedulerParameters(dom, values, count)
        } else {
            virDomainSetSchedulerParametersFlags(dom, values, count, flags)
        });

    get_memory_parameters(dom: Domain, flags: u32 = 0) =>
        params::get(|values, count| virDomainGetMemoryParameters(dom, values, count, flags));
    set_memory_parameters(dom: Domain, newparams: Tuned<MEMORY>, flags: u32 = 0) => set_like(&newparams,
        || params::query(|values, count| virDomainGetMemoryParameters(dom, values, count, flags)),
        |values, count| virDomainSetMemoryParameters(dom, values, count, flags));
    get_numa_parameters(dom: Domain, flags: u32 = 0) =>
        params::get(|values, count| virDomainGetNumaParameters(dom, values, count, flags));
    set_numa_parameters(dom: Domain, newparams: Tuned<NUMA>, flags: u32 = 0) => set_like(&newparams,
        || params::query(|values, count| virDomainGetNumaParameters(dom, values, count, flags)),
        |values, count| virDomainSetNumaParameters(dom, values, count, flags));
    get_blkio_parameters(dom: Domain, flags: u32 = 0) =>
        params::get(|values, count| virDomainGetBlkioParameters(dom, values, count, flags));
    set_blkio_parameters(dom: Domain, newparams: Tuned<BLKIO>, flags: u32 = 0) => set_like(&newparams,
        || params::query(|values, count| virDomainGetBlkioParameters(dom, values, count, flags)),
        |values, count| virDomainSetBlkioParameters(dom, values, count, flags));
    get_block_iotune(dom: Domain, disk: Text, flags: u32 = 0) => params::hash(block_iotune(dom, disk, flags)?);
    set_block_iotune(dom: Domain, disk: Text, newparams: Tuned<THROTTLE>, flags: u32 = 0) => set_like(&newparams,
        || block_iotune(dom, disk, flags),
        |values, count| virDomainSetBlockIoTune(dom, disk, values, count, flags));
    get_interface_parameters(dom: Domain, intf: Text, flags: u32 = 0) =>
        params::get(|values, count| virDomainGetInterfaceParameters(dom, intf, values, count, flags));
    set_interface_parameters(dom: Domain, intf: Text, newparams: Tuned<INTERFACE>, flags: u32 = 0) => set_like(&newparams,
        || params::query(|values, count| virDomainGetInterfaceParameters(dom, intf, values, count, flags)),
        |values, count| virDomainSetInterfaceParameters(dom, intf, values, count, flags));

    get_perf_events(dom: Domain, flags: u32 = 0) =>
        params::get_allocated(|values, count| virDomainGetPerfEvents(dom, values, count, flags));
    set_perf_events(dom: Domain, newparams: Tuned<PERF>, flags: u32 = 0) => set_like(&newparams,
        || params::take(|values, count| virDomainGetPerfEvents(dom, values, count, flags)),
        |values, count| virDomainSetPerfEvents(dom, values, count, flags));

    set_throttle_group(dom: Domain, group: Text, newparams: Typed<THROTTLE>, flags: u32 = 0) =>
        status(newer::virDomainSetThrottleGroup()?(dom, group, newparams.as_ptr(), newparams.len(), flags));
    del_throttle_group(dom: Domain, group: Text, flags: u32 = 0) =>
        status(newer::virDomainDelThrottleGroup()?(dom, group, flags));
}

schema! {
    /// The driver knows which ones it has.
    PERF {}
}

schema! {
    /// Of schedulers.
    SCHEDULER {
        VIR_DOMAIN_SCHEDULER_CPU_SHARES => Ullong,
        VIR_DOMAIN_SCHEDULER_GLOBAL_PERIOD => Ullong,
        VIR_DOMAIN_SCHEDULER_GLOBAL_QUOTA => Llong,
        VIR_DOMAIN_SCHEDULER_VCPU_PERIOD => Ullong,
        VIR_DOMAIN_SCHEDULER_VCPU_QUOTA => Llong,
        VIR_DOMAIN_SCHEDULER_EMULATOR_PERIOD => Ullong,
        VIR_DOMAIN_SCHEDULER_EMULATOR_QUOTA => Llong,
        VIR_DOMAIN_SCHEDULER_IOTHREAD_PERIOD => Ullong,
        VIR_DOMAIN_SCHEDULER_IOTHREAD_QUOTA => Llong,
        VIR_DOMAIN_SCHEDULER_WEIGHT => Uint,
        VIR_DOMAIN_SCHEDULER_CAP => Uint,
        VIR_DOMAIN_SCHEDULER_RESERVATION => Llong,
        VIR_DOMAIN_SCHEDULER_LIMIT => Llong,
        VIR_DOMAIN_SCHEDULER_SHARES => Int,
    }
}

schema! {
    /// Limits of memory.
    MEMORY {
        VIR_DOMAIN_MEMORY_HARD_LIMIT => Ullong,
        VIR_DOMAIN_MEMORY_SOFT_LIMIT => Ullong,
        VIR_DOMAIN_MEMORY_MIN_GUARANTEE => Ullong,
        VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT => Ullong,
    }
}

schema! {
    /// Where memory is.
    NUMA {
        VIR_DOMAIN_NUMA_NODESET => Text,
        VIR_DOMAIN_NUMA_MODE => Int,
    }
}

schema! {
    /// Weights and limits of block devices.
    BLKIO {
        VIR_DOMAIN_BLKIO_WEIGHT => Uint,
        VIR_DOMAIN_BLKIO_DEVICE_WEIGHT => Text,
        VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS => Text,
        VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS => Text,
        VIR_DOMAIN_BLKIO_DEVICE_READ_BPS => Text,
        VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS => Text,
    }
}

schema! {
    /// Bandwidth of an interface.
    INTERFACE {
        VIR_DOMAIN_BANDWIDTH_IN_AVERAGE => Uint,
        VIR_DOMAIN_BANDWIDTH_IN_PEAK => Uint,
        VIR_DOMAIN_BANDWIDTH_IN_BURST => Uint,
        VIR_DOMAIN_BANDWIDTH_IN_FLOOR => Uint,
        VIR_DOMAIN_BANDWIDTH_OUT_AVERAGE => Uint,
        VIR_DOMAIN_BANDWIDTH_OUT_PEAK => Uint,
        VIR_DOMAIN_BANDWIDTH_OUT_BURST => Uint,
    }
}

schema! {
    /// Limits of a disk, or of a group of disks.
    THROTTLE {
        VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_BYTES_SEC => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_BYTES_SEC_MAX => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC_MAX => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC_MAX => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC_MAX => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC_MAX => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC_MAX => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_SIZE_IOPS_SEC => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_BYTES_SEC_MAX_LENGTH => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC_MAX_LENGTH => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC_MAX_LENGTH => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC_MAX_LENGTH => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC_MAX_LENGTH => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC_MAX_LENGTH => Ullong,
        VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME => Text,
    }
}

/// The scheduler's parameters: if need be, their number comes with the scheduler's name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
unsafe fn scheduler(dom: *mut Domain, flags: u32) -> Result<params::ParamArray> {
    let ask = |values, count| {
        // SAFETY: the row's domain, an array of `count` parameters.
        unsafe {
            if flags == 0 {
                virDomainGetSchedulerParameters(dom, values, count)
            } else {
                virDomainGetSchedulerParametersFlags(dom, values, count, flags)
            }
        }
    };
    if let Ok(Some(given)) = params::query_at_once(ask) {
        return Ok(given);
    }
    let mut count = 0;
    // SAFETY: the row's domain.
    let name = unsafe { virDomainGetSchedulerType(dom, &raw mut count) };
    if name.is_null() {
        return Err(Error::last());
    }
    // SAFETY: libvirt allocated it for us.
    unsafe { libc::free(name.cast()) };
    params::query_n(count, ask)
}

/// A disk's limits: there are 20, more than the room that others are asked with first. Room for one more shows that these are all,
/// and is little enough that malloc clears it fast.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn block_iotune(dom: *mut Domain, disk: *const c_char, flags: u32) -> Result<params::ParamArray> {
    const ROOM: c_int = 21;
    let ask = |values, count| {
        // SAFETY: the row's domain and string, an array of `count` parameters.
        unsafe { virDomainGetBlockIoTune(dom, disk, values, count, flags) }
    };
    match params::query_n(ROOM, ask) {
        Ok(given) if given.len() < ROOM as usize => Ok(given),
        _ => params::query_counted(ask),
    }
}
