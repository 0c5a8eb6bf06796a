// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt.

pub mod devices;
pub mod domains;
pub mod networks;
pub mod node;
pub mod stats;
pub mod storage;

use crate::virt::prelude::*;

methods! { "Sys::Virt";
    get_type(con: Connect) => borrowed(virConnectGetType(con));
    get_uri(con: Connect) => owned(virConnectGetURI(con));
    _open(name: TextOrNull, flags: u32) => object(virConnectOpenAuth(name, std::ptr::null_mut(), flags));
}
