// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: disks, and the jobs that work on them.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    block_stats(dom: Domain, path: Text, flags: u32 = 0) => block_stats(dom, path, flags);
    block_resize(dom: Domain, disk: Text, size: u64, flags: u32 = 0) => status(virDomainBlockResize(dom, disk, size, flags));
    block_peek(dom: Domain, path: Text, offset: u64, size: usize, flags: u32 = 0) =>
        peek(size, |buffer| virDomainBlockPeek(dom, path, offset, size, buffer, flags));
    get_block_info(dom: Domain, dev: Text, flags: u32 = 0) =>
        described(|info| virDomainGetBlockInfo(dom, dev, info, flags), block_info);
    get_disk_errors(dom: Domain, flags: u32 = 0) => disk_errors(dom, flags);
    set_block_threshold(dom: Domain, dev: Text, thresholdsv as threshold: u64, flags: u32 = 0) =>
        status(virDomainSetBlockThreshold(dom, dev, threshold, flags));

    get_block_job_info(dom: Domain, path: Text, flags: u32 = 0) =>
        described(|info| virDomainGetBlockJobInfo(dom, path, info, flags), block_job_info);
    set_block_job_speed(dom: Domain, path: Text, bandwidth: c_ulong, flags: u32 = 0) =>
        status(virDomainBlockJobSetSpeed(dom, path, bandwidth, flags));
    abort_block_job(dom: Domain, path: Text, flags: u32 = 0) => status(virDomainBlockJobAbort(dom, path, flags));
    block_pull(dom: Domain, path: Text, bandwidth: c_ulong, flags: u32 = 0) =>
        status(virDomainBlockPull(dom, path, bandwidth, flags));
    block_rebase(dom: Domain, path: Text, base: TextOrNull, bandwidth: c_ulong, flags: u32 = 0) =>
        status(virDomainBlockRebase(dom, path, base, bandwidth, flags));
    block_commit(dom: Domain, path: Text, base: TextOrNull, top: TextOrNull, bandwidth: c_ulong, flags: u32 = 0) =>
        status(virDomainBlockCommit(dom, path, base, top, bandwidth, flags));
    block_copy(dom: Domain, path: Text, destxml: Text, newparams: Typed<COPY>, flags: u32 = 0) =>
        status(virDomainBlockCopy(dom, path, destxml, newparams.as_ptr(), newparams.len(), flags));
}

schema! {
    /// The parameters of a block copy.
    COPY {
        VIR_DOMAIN_BLOCK_COPY_BANDWIDTH => Ullong,
        VIR_DOMAIN_BLOCK_COPY_GRANULARITY => Uint,
        VIR_DOMAIN_BLOCK_COPY_BUF_SIZE => Ullong,
    }
}

fn block_info(info: &virDomainBlockInfo) -> Value {
    map! {
        c"capacity" => info.capacity,
        c"allocation" => info.allocation,
        c"physical" => info.physical,
    }
}

fn block_job_info(info: &virDomainBlockJobInfo) -> Value {
    map! {
        c"type" => info.type_,
        c"bandwidth" => info.bandwidth,
        c"cur" => info.cur,
        c"end" => info.end,
    }
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn block_stats(dom: *mut Domain, path: *const c_char, flags: u32) -> Result<Value> {
    // SAFETY: the row's domain and string.
    let stats =
        params::query(|values, count| unsafe { virDomainBlockStatsFlags(dom, path, values, count, flags) });
    let mut stats = match stats {
        Err(Error::Libvirt(error)) if error.code == VIR_ERR_NO_SUPPORT as i32 && flags == 0 => {
            // SAFETY: as above.
            return unsafe { plain_block_stats(dom, path) };
        }
        stats => stats?,
    };
    // Three have names of their own in Perl.
    for statistic in stats.iter_mut() {
        match params::field(statistic) {
            b"wr_operations" => statistic.field = params::name(c"wr_req"),
            b"rd_operations" => statistic.field = params::name(c"rd_req"),
            b"flush_operations" => statistic.field = params::name(c"flush_reqs"),
            _ => {}
        }
    }
    Ok(stats.into_map())
}

/// The counters of drivers without typed parameters.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn plain_block_stats(dom: *mut Domain, path: *const c_char) -> Result<Value> {
    let size = size_of::<virDomainBlockStatsStruct>();
    // SAFETY: the row's domain and string; libvirt writes a structure of the size that it is told.
    let stats: virDomainBlockStatsStruct =
        filled(|stats| unsafe { virDomainBlockStats(dom, path, stats, size) })?;
    Ok(map! {
        c"rd_req" => stats.rd_req,
        c"rd_bytes" => stats.rd_bytes,
        c"wr_req" => stats.wr_req,
        c"wr_bytes" => stats.wr_bytes,
        c"errs" => stats.errs,
    })
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn disk_errors(dom: *mut Domain, flags: u32) -> Result<Value> {
    // SAFETY: without an array, libvirt only counts.
    let count = check(unsafe { virDomainGetDiskErrors(dom, std::ptr::null_mut(), 0, flags) })?;
    let count = count.min(LIST_MAX as c_int);
    let mut errors: Vec<virDomainDiskError> = zeroed_array(count as usize)?;
    if count == 0 {
        return Ok(Value::list(Vec::new()));
    }
    // SAFETY: room for as many as libvirt counted.
    let found = check(unsafe { virDomainGetDiskErrors(dom, errors.as_mut_ptr(), count as c_uint, flags) })?;
    let describe = |error: &virDomainDiskError| {
        // SAFETY: libvirt allocated the name for us.
        let name = unsafe { Value::owned_text(error.disk) };
        row! { c"path" => name, c"error" => error.error }
    };
    Ok(Rows::of(errors.iter().take(found as usize).map(describe)).into())
}
