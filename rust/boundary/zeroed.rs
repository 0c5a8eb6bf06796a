// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Zeroed`]: what C functions fill.

use libc::c_char;
use virt_sys::*;

/// A type of which all-zero bytes are a value.
///
/// # Safety
/// They are, and the type has a size.
pub unsafe trait Zeroed: Copy {}

macro_rules! zeroed {
    ($($ty:ty),* $(,)?) => {$(
        // SAFETY: an integer, a pointer, or a C structure of them and of arrays of them.
        unsafe impl Zeroed for $ty {}
        const _: () = assert!(size_of::<$ty>() > 0);
    )*};
}
zeroed! {
    i32,
    u8,
    u64,
    *mut c_char,
    virDomainBlockInfo,
    virDomainBlockJobInfo,
    virDomainBlockStatsStruct,
    virDomainControlInfo,
    virDomainDiskError,
    virDomainInfo,
    virDomainInterfaceStatsStruct,
    virDomainJobInfo,
    virNodeCPUStats,
    virNodeInfo,
    virNodeMemoryStats,
    virSecurityLabel,
    virSecurityModel,
    virStoragePoolInfo,
    virStorageVolInfo,
    virVcpuInfo,
}
