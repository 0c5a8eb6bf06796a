// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Constants of Sys::Virt::NWFilter.

use super::constants;
use virt_sys::*;

constants! {
    /// The rows of this file.
    TABLE:
    integers {
        DEFINE_VALIDATE = VIR_NWFILTER_DEFINE_VALIDATE;
    }
    texts {
    }
}
