// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: jobs that take a while, backups, and sealed launches.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    get_job_info(dom: Domain) => job_info(dom);
    get_job_stats(dom: Domain, flags: u32 = 0) => {
        let mut kind: c_int = 0;
        let stats = params::take(|values, count| virDomainGetJobStats(dom, &mut kind, values, count, flags))?;
        // The manual says a number, the original gave a reference to one: this is both.
        let kind = Value::reference(Value::from(kind)).blessed(Class::JobType);
        Ok(Value::list(vec![kind, stats.into_map()]))
    };
    abort_job(dom: Domain, flags: u32 = 0) =>
        status(if flags == 0 { virDomainAbortJob(dom) } else { newer::virDomainAbortJobFlags()?(dom, flags) });
    backup_begin(dom: Domain, backupxmlsv: TextOrNull, checkpointxmlsv: TextOrNull, flags: u32 = 0) =>
        status(virDomainBackupBegin(dom, backupxmlsv, checkpointxmlsv, flags));
    backup_get_xml_description(dom: Domain, flags: u32 = 0) => owned(virDomainBackupGetXMLDesc(dom, flags));
    start_dirty_rate_calc(dom: Domain, secs: i32, flags: SpacedFlags = 0) =>
        status(newer::virDomainStartDirtyRateCalc()?(dom, secs, flags));

    get_launch_security_info(dom: Domain, flags: u32 = 0) => {
        opened(dom, "virDomainGetLaunchSecurityInfo")?;
        params::get_allocated(|values, count| virDomainGetLaunchSecurityInfo(dom, values, count, flags))
    };
    set_launch_security_state(dom: Domain, newparams: Hash, flags: u32 = 0) => {
        opened(dom, "virDomainSetLaunchSecurityState")?;
        let mut given = ParamBuilder::fixed(&newparams, LAUNCH_SECURITY)?;
        status(newer::virDomainSetLaunchSecurityState()?(dom, given.as_ptr(), given.len(), flags))
    };
}

const LAUNCH_SECURITY: &Schema = &[
    (VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET, ParamType::Text),
    (VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_HEADER, ParamType::Text),
    (VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_SET_ADDRESS, ParamType::Ullong),
];

fn job_info(dom: *mut Domain) -> Result<Value> {
    // SAFETY: the row's domain.
    let info: virDomainJobInfo = filled(|info| unsafe { virDomainGetJobInfo(dom, info) })?;
    Ok(map! {
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
    })
}
