// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: jobs that take a while, backups, and sealed launches.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    get_job_info(dom: Domain) => described(|info| virDomainGetJobInfo(dom, info), job_info);
    get_job_stats(dom: Domain, flags: u32 = 0) => job_stats(dom, flags);
    abort_job(dom: Domain, flags: u32 = 0) =>
        status(if flags == 0 { virDomainAbortJob(dom) } else { newer::virDomainAbortJobFlags()?(dom, flags) });
    backup_begin(dom: Domain, backupxmlsv as backupxml: TextOrNull, checkpointxmlsv as checkpointxml: TextOrNull, flags: u32 = 0) =>
        status(virDomainBackupBegin(dom, backupxml, checkpointxml, flags));
    backup_get_xml_description(dom: Domain, flags: u32 = 0) => owned(virDomainBackupGetXMLDesc(dom, flags));
    start_dirty_rate_calc(dom: Domain, secs: i32, flags: SpacedFlags = 0) =>
        status(newer::virDomainStartDirtyRateCalc()?(dom, secs, flags));

    get_launch_security_info(dom: Domain, flags: u32 = 0) => {
        opened(dom, "virDomainGetLaunchSecurityInfo")?;
        params::get_allocated(|values, count| virDomainGetLaunchSecurityInfo(dom, values, count, flags))
    };
    set_launch_security_state(dom: Domain, newparams: Typed<LAUNCH_SECURITY>, flags: u32 = 0) => {
        opened(dom, "virDomainSetLaunchSecurityState")?;
        status(newer::virDomainSetLaunchSecurityState()?(dom, newparams.as_ptr(), newparams.len(), flags))
    };
}

schema! {
    /// The secret that a guest gets before it starts.
    LAUNCH_SECURITY {
        VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET => Text,
        VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_HEADER => Text,
        VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_SET_ADDRESS => Ullong,
    }
}

/// The job's type and statistics.
///
/// # Safety
/// `dom` is a domain or NULL.
unsafe fn job_stats(dom: *mut Domain, flags: u32) -> Result<Value> {
    let mut kind: c_int = 0;
    // SAFETY: the caller's promise; libvirt writes a number, and what `take` has it write.
    let ask = |values, count| unsafe { virDomainGetJobStats(dom, &raw mut kind, values, count, flags) };
    let stats = params::take(ask)?;
    // The original's manual says a number, its code returns a reference to one: this is both.
    let kind = Value::reference(Value::from(kind)).blessed(Class::JobType);
    Ok(Value::list(vec![kind, stats.into_map()]))
}

fn job_info(info: &virDomainJobInfo) -> Value {
    map! {
        c"type" => info.type_,
        c"timeElapsed" => info.timeElapsed,
        c"timeRemaining" => info.timeRemaining,
        c"dataTotal" => info.dataTotal,
        c"dataProcessed" => info.dataProcessed,
        c"dataRemaining" => info.dataRemaining,
        c"memTotal" => info.memTotal,
        c"memProcessed" => info.memProcessed,
        c"memRemaining" => info.memRemaining,
        c"fileTotal" => info.fileTotal,
        c"fileProcessed" => info.fileProcessed,
        c"fileRemaining" => info.fileRemaining,
    }
}
