// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: migration. Both forms of call, a hash of parameters and the older list of arguments, end in
//! the newest functions of libvirt.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    #[sub] migrate(dom: Domain, destcon: Connect, params: Any, dname: Any, uri: Any, bandwidth: Any) => {
        let (mut given, flags) = positional(&params, &dname, &uri, &bandwidth, false)?;
        migrate(dom, destcon, &mut given, flags)
    };
    #[sub] migrate2(
        dom: Domain, destcon: Connect, dxml: Any, flags: Any, dname: Any, uri: Any, bandwidth: Any) => {
        let mut given = second(&dxml, &dname, &uri, &bandwidth)?;
        migrate(dom, destcon, &mut given, integer(flags.value, "flags")?)
    };
    #[sub] migrate_to_uri(dom: Domain, desturi: Text, params: Any, dname: Any, uri: Any, bandwidth: Any) => {
        let (mut given, flags) = positional(&params, &dname, &uri, &bandwidth, true)?;
        status(virDomainMigrateToURI3(dom, desturi, given.as_ptr(), given.len() as c_uint, flags))
    };
    #[sub] migrate_to_uri2(
        dom: Domain, desturi: Text, dxml: Any, flags: Any, dname: Any, uri: Any, bandwidth: Any) => {
        let mut given = second(&dxml, &dname, &uri, &bandwidth)?;
        let flags = integer(flags.value, "flags")?;
        status(virDomainMigrateToURI3(dom, desturi, given.as_ptr(), given.len() as c_uint, flags))
    };
    _migrate(dom: Domain, destcon: Connect, newparams: Hash, flags: u32 = 0) => {
        let mut given = ParamBuilder::fixed(&newparams, MIGRATE)?;
        migrate(dom, destcon, &mut given, flags)
    };
    _migrate_to_uri(dom: Domain, desturi: Text, newparams: Hash, flags: u32 = 0) => {
        let mut given = ParamBuilder::fixed(&newparams, MIGRATE)?;
        status(virDomainMigrateToURI3(dom, desturi, given.as_ptr(), given.len() as c_uint, flags))
    };

    migrate_set_max_downtime(dom: Domain, downtime: u64, flags: u32 = 0) =>
        status(virDomainMigrateSetMaxDowntime(dom, downtime, flags));
    migrate_get_max_downtime(dom: Domain, flags: u32 = 0) =>
        written(|downtime: *mut u64| virDomainMigrateGetMaxDowntime(dom, downtime, flags));
    migrate_set_max_speed(dom: Domain, bandwidth: c_ulong, flags: u32 = 0) =>
        status(virDomainMigrateSetMaxSpeed(dom, bandwidth, flags));
    migrate_get_max_speed(dom: Domain, flags: u32 = 0) =>
        written(|speed: *mut c_ulong| virDomainMigrateGetMaxSpeed(dom, speed, flags));
    migrate_set_compression_cache(dom: Domain, cacheSizeSv: u64, flags: u32 = 0) =>
        status(virDomainMigrateSetCompressionCache(dom, cacheSizeSv, flags));
    migrate_get_compression_cache(dom: Domain, flags: u32 = 0) =>
        written(|size: *mut u64| virDomainMigrateGetCompressionCache(dom, size, flags));
    migrate_start_post_copy(dom: Domain, flags: u32 = 0) => status(virDomainMigrateStartPostCopy(dom, flags));
}

const MIGRATE: &Schema = &[
    (VIR_MIGRATE_PARAM_URI, ParamType::Text),
    (VIR_MIGRATE_PARAM_DEST_NAME, ParamType::Text),
    (VIR_MIGRATE_PARAM_DEST_XML, ParamType::Text),
    (VIR_MIGRATE_PARAM_GRAPHICS_URI, ParamType::Text),
    (VIR_MIGRATE_PARAM_BANDWIDTH, ParamType::Ullong),
    (VIR_MIGRATE_PARAM_LISTEN_ADDRESS, ParamType::Text),
    (VIR_MIGRATE_PARAM_DISKS_PORT, ParamType::Int),
    (VIR_MIGRATE_PARAM_COMPRESSION, ParamType::Text),
    (VIR_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS, ParamType::Int),
    (VIR_MIGRATE_PARAM_COMPRESSION_MT_LEVEL, ParamType::Int),
    (VIR_MIGRATE_PARAM_COMPRESSION_MT_THREADS, ParamType::Int),
    (VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE, ParamType::Ullong),
    (VIR_MIGRATE_PARAM_PERSIST_XML, ParamType::Text),
    (VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, ParamType::Int),
    (VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, ParamType::Int),
    (VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, ParamType::Ullong),
    (VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, ParamType::Int),
    (VIR_MIGRATE_PARAM_TLS_DESTINATION, ParamType::Text),
    (VIR_MIGRATE_PARAM_DISKS_URI, ParamType::Text),
    (VIR_MIGRATE_PARAM_COMPRESSION_ZLIB_LEVEL, ParamType::Int),
    (VIR_MIGRATE_PARAM_COMPRESSION_ZSTD_LEVEL, ParamType::Int),
    (VIR_MIGRATE_PARAM_BANDWIDTH_AVAIL_SWITCHOVER, ParamType::Ullong),
    (VIR_MIGRATE_PARAM_MIGRATE_DISKS, ParamType::Texts),
    (VIR_MIGRATE_PARAM_MIGRATE_DISKS_DETECT_ZEROES, ParamType::Texts),
    (VIR_MIGRATE_PARAM_MIGRATE_DISKS_TARGET_ZERO, ParamType::Texts),
];

fn migrate(
    dom: *mut Domain,
    destcon: *mut Connect,
    given: &mut ParamBuilder,
    flags: c_uint,
) -> Result<Value> {
    // The domain is the one of the two that libvirt looks at.
    if !dom.is_null() {
        opened(destcon, "virDomainMigrate3")?;
    }
    // SAFETY: the row's domain and connection, which is open, and as many parameters as said.
    let domain = unsafe { virDomainMigrate3(dom, destcon, given.as_ptr(), given.len() as c_uint, flags) };
    // SAFETY: NULL or a new domain.
    unsafe { object(domain) }
}

/// The parameters behind the arguments of the older calls; undef is not sent.
fn arguments(
    dxml: &NamedArg,
    dname: &NamedArg,
    uri: &NamedArg,
    bandwidth: &NamedArg,
) -> Result<ParamBuilder> {
    let mut given = ParamBuilder::default();
    for (name, kind, argument) in [
        (VIR_MIGRATE_PARAM_URI, ParamType::Text, uri),
        (VIR_MIGRATE_PARAM_DEST_NAME, ParamType::Text, dname),
        (VIR_MIGRATE_PARAM_DEST_XML, ParamType::Text, dxml),
        (VIR_MIGRATE_PARAM_BANDWIDTH, ParamType::Ullong, bandwidth),
    ] {
        if !argument.value.is_none() {
            given.push(name.to_bytes(), kind, argument.value)?;
        }
    }
    Ok(given)
}

/// What `migrate2` and `migrate_to_uri2` take: (dxml, flags, dname, uri, bandwidth), or as `migrate` (\%params, flags).
fn second(dxml: &NamedArg, dname: &NamedArg, uri: &NamedArg, bandwidth: &NamedArg) -> Result<ParamBuilder> {
    if dxml.value.tag() == Tag::Map {
        return ParamBuilder::fixed(&NamedArg { value: dxml.value, name: "params" }, MIGRATE);
    }
    arguments(dxml, dname, uri, bandwidth)
}

/// Either (\%params, flags) or (flags, dname, uri, bandwidth). To a URI, a number in the place of the migration URI
/// is the bandwidth: so the manual had it, and no URI is a number.
fn positional(
    params: &NamedArg,
    dname: &NamedArg,
    uri: &NamedArg,
    bandwidth: &NamedArg,
    to_uri: bool,
) -> Result<(ParamBuilder, c_uint)> {
    if params.value.tag() == Tag::Map {
        return Ok((ParamBuilder::fixed(params, MIGRATE)?, integer(dname.value, "flags")?));
    }
    let none = NamedArg { value: &Value::none(), name: "dxml" };
    let number = to_uri && bandwidth.value.is_none() && !uri.value.is_none() && uri.value.integer().is_some();
    let given =
        if number { arguments(&none, dname, &none, uri)? } else { arguments(&none, dname, uri, bandwidth)? };
    Ok((given, integer(params.value, "flags")?))
}
