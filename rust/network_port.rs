// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::NetworkPort.

use crate::virt::prelude::*;

methods! { "Sys::Virt::NetworkPort";
}
