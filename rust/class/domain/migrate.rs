// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: migration. Both forms of call, a hash of parameters and the older list of arguments, end in
//! the newest functions of libvirt.

use crate::argument::number;
use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    #[sub] migrate(
        dom: Domain, destcon: Connect, params: TypedOr<MIGRATE, Optional<u32>>, dname: Scalar, uri: TextOrNull,
        bandwidth: Optional<u64>) => first(dom, destcon, params, &dname, uri, bandwidth);
    #[sub] migrate2(
        dom: Domain, destcon: Connect, dxml: TypedOr<MIGRATE, TextOrNull>, flags: Optional<u32>, dname: TextOrNull,
        uri: TextOrNull, bandwidth: Optional<u64>) => second(dom, destcon, dxml, flags, dname, uri, bandwidth);
    #[sub] migrate_to_uri(
        dom: Domain, desturi: Text, params: TypedOr<MIGRATE, Optional<u32>>, dname: Scalar, uri: Scalar,
        bandwidth: Optional<u64>) => {
        let (mut given, flags) = to_uri(params, &dname, &uri, bandwidth)?;
        status(virDomainMigrateToURI3(dom, desturi, given.as_ptr(), given.len() as c_uint, flags))
    };
    #[sub] migrate_to_uri2(
        dom: Domain, desturi: Text, dxml: TypedOr<MIGRATE, TextOrNull>, flags: Optional<u32>, dname: TextOrNull,
        uri: TextOrNull, bandwidth: Optional<u64>) => second_to_uri(dom, desturi, dxml, flags, dname, uri, bandwidth);
    _migrate(dom: Domain, destcon: Connect, newparams: Typed<MIGRATE>, flags: u32 = 0) =>
        migrate(dom, destcon, &mut newparams, flags);
    _migrate_to_uri(dom: Domain, desturi: Text, newparams: Typed<MIGRATE>, flags: u32 = 0) =>
        status(virDomainMigrateToURI3(dom, desturi, newparams.as_ptr(), newparams.len() as c_uint, flags));

    migrate_set_max_downtime(dom: Domain, downtime: u64, flags: u32 = 0) =>
        status(virDomainMigrateSetMaxDowntime(dom, downtime, flags));
    migrate_get_max_downtime(dom: Domain, flags: u32 = 0) =>
        written(|downtime: *mut u64| virDomainMigrateGetMaxDowntime(dom, downtime, flags));
    migrate_set_max_speed(dom: Domain, bandwidth: c_ulong, flags: u32 = 0) =>
        status(virDomainMigrateSetMaxSpeed(dom, bandwidth, flags));
    migrate_get_max_speed(dom: Domain, flags: u32 = 0) =>
        written(|speed: *mut c_ulong| virDomainMigrateGetMaxSpeed(dom, speed, flags));
    migrate_set_compression_cache(dom: Domain, cacheSizeSv as cacheSize: u64, flags: u32 = 0) =>
        status(virDomainMigrateSetCompressionCache(dom, cacheSize, flags));
    migrate_get_compression_cache(dom: Domain, flags: u32 = 0) =>
        written(|size: *mut u64| virDomainMigrateGetCompressionCache(dom, size, flags));
    migrate_start_post_copy(dom: Domain, flags: u32 = 0) => status(virDomainMigrateStartPostCopy(dom, flags));
}

schema! {
    /// The parameters of a migration.
    MIGRATE {
        VIR_MIGRATE_PARAM_URI => Text,
        VIR_MIGRATE_PARAM_DEST_NAME => Text,
        VIR_MIGRATE_PARAM_DEST_XML => Text,
        VIR_MIGRATE_PARAM_GRAPHICS_URI => Text,
        VIR_MIGRATE_PARAM_BANDWIDTH => Ullong,
        VIR_MIGRATE_PARAM_LISTEN_ADDRESS => Text,
        VIR_MIGRATE_PARAM_DISKS_PORT => Int,
        VIR_MIGRATE_PARAM_COMPRESSION => Text,
        VIR_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS => Int,
        VIR_MIGRATE_PARAM_COMPRESSION_MT_LEVEL => Int,
        VIR_MIGRATE_PARAM_COMPRESSION_MT_THREADS => Int,
        VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE => Ullong,
        VIR_MIGRATE_PARAM_PERSIST_XML => Text,
        VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL => Int,
        VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT => Int,
        VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY => Ullong,
        VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS => Int,
        VIR_MIGRATE_PARAM_TLS_DESTINATION => Text,
        VIR_MIGRATE_PARAM_DISKS_URI => Text,
        VIR_MIGRATE_PARAM_COMPRESSION_ZLIB_LEVEL => Int,
        VIR_MIGRATE_PARAM_COMPRESSION_ZSTD_LEVEL => Int,
        VIR_MIGRATE_PARAM_BANDWIDTH_AVAIL_SWITCHOVER => Ullong,
        VIR_MIGRATE_PARAM_MIGRATE_DISKS => Texts,
        VIR_MIGRATE_PARAM_MIGRATE_DISKS_DETECT_ZEROES => Texts,
        VIR_MIGRATE_PARAM_MIGRATE_DISKS_TARGET_ZERO => Texts,
    }
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn migrate(
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

/// The parameters behind the arguments of the older calls, added to `given`, which has none; NULL is not sent.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn arguments<'a>(
    mut given: ParamBuilder<'a>,
    dxml: *const c_char,
    dname: *const c_char,
    uri: *const c_char,
    bandwidth: Option<u64>,
) -> Result<ParamBuilder<'a>> {
    for (name, text) in [
        (VIR_MIGRATE_PARAM_URI, uri),
        (VIR_MIGRATE_PARAM_DEST_NAME, dname),
        (VIR_MIGRATE_PARAM_DEST_XML, dxml),
    ] {
        if !text.is_null() {
            // SAFETY: a string of the arguments.
            unsafe { given.set_text(name, text)? };
        }
    }
    if let Some(bandwidth) = bandwidth {
        given.set_unsigned(VIR_MIGRATE_PARAM_BANDWIDTH, bandwidth)?;
    }
    Ok(given)
}

/// For the row `migrate`.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn first(
    dom: *mut Domain,
    destcon: *mut Connect,
    params: Either<Option<u32>>,
    dname: &NamedArg,
    uri: *const c_char,
    bandwidth: Option<u64>,
) -> Result<Value> {
    // SAFETY: the caller's promise.
    let (mut given, flags) = unsafe { positional(ParamBuilder::default(), params, dname, uri, bandwidth) }?;
    // SAFETY: as above.
    unsafe { migrate(dom, destcon, &mut given, flags) }
}

/// For the row `migrate2`.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn second(
    dom: *mut Domain,
    destcon: *mut Connect,
    dxml: Either<*const c_char>,
    flags: Option<u32>,
    dname: *const c_char,
    uri: *const c_char,
    bandwidth: Option<u64>,
) -> Result<Value> {
    // SAFETY: the caller's promise.
    let mut given = unsafe { with_xml(dxml, dname, uri, bandwidth) }?;
    // SAFETY: as above.
    unsafe { migrate(dom, destcon, &mut given, flags.unwrap_or(0)) }
}

/// For the row `migrate_to_uri2`.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn second_to_uri(
    dom: *mut Domain,
    desturi: *const c_char,
    dxml: Either<*const c_char>,
    flags: Option<u32>,
    dname: *const c_char,
    uri: *const c_char,
    bandwidth: Option<u64>,
) -> Result<Value> {
    // SAFETY: the caller's promise.
    let mut given = unsafe { with_xml(dxml, dname, uri, bandwidth) }?;
    let (params, count, flags) = (given.as_ptr(), given.len() as c_uint, flags.unwrap_or(0));
    // SAFETY: the row's domain and string, and as many parameters as said.
    status(unsafe { virDomainMigrateToURI3(dom, desturi, params, count, flags) })
}

/// What `migrate2` and `migrate_to_uri2` take: (dxml, flags, dname, uri, bandwidth), or as `migrate` (\%params, flags).
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn with_xml<'a>(
    dxml: Either<'a, *const c_char>,
    dname: *const c_char,
    uri: *const c_char,
    bandwidth: Option<u64>,
) -> Result<ParamBuilder<'a>> {
    match dxml {
        Either::Params(params) => Ok(params),
        // SAFETY: the caller's promise.
        Either::Other(dxml) => unsafe { arguments(ParamBuilder::default(), dxml, dname, uri, bandwidth) },
    }
}

/// Either (\%params, flags) or (flags, dname, uri, bandwidth); `made` has no parameters, but may own the string.
///
/// # Safety
/// `uri` is NULL, or what the row that passes it got.
unsafe fn positional<'a>(
    mut made: ParamBuilder<'a>,
    params: Either<'a, Option<u32>>,
    dname: &NamedArg<'a>,
    uri: *const c_char,
    bandwidth: Option<u64>,
) -> Result<(ParamBuilder<'a>, c_uint)> {
    match params {
        Either::Params(params) => Ok((params, integer(dname.value, "flags")?)),
        Either::Other(flags) => {
            let dname = made.text(dname.value, dname.name)?;
            // SAFETY: NULL, a string that lives as long as the parameters, and the caller's promise.
            let given = unsafe { arguments(made, std::ptr::null(), dname, uri, bandwidth) }?;
            Ok((given, flags.unwrap_or(0)))
        }
    }
}

/// The same to a URI. A number instead of the migration URI is the bandwidth, as in the original's manual; no URI is a number.
fn to_uri<'a>(
    params: Either<'a, Option<u32>>,
    dname: &NamedArg<'a>,
    uri: &NamedArg<'a>,
    bandwidth: Option<u64>,
) -> Result<(ParamBuilder<'a>, c_uint)> {
    let mut made = ParamBuilder::default();
    if bandwidth.is_none() && number::is_number(uri.value) {
        let bandwidth = Some(integer(uri.value, "bandwidth")?);
        // SAFETY: NULL.
        return unsafe { positional(made, params, dname, std::ptr::null(), bandwidth) };
    }
    let uri = made.text(uri.value, uri.name)?;
    // SAFETY: NULL or a string that lives as long as the parameters.
    unsafe { positional(made, params, dname, uri, bandwidth) }
}
