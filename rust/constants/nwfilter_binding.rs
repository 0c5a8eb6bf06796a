// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Constants of Sys::Virt::NWFilterBinding.

use super::constants;
use virt_sys::*;

constants! {
    /// The rows of this file.
    TABLE:
    integers {
        CREATE_VALIDATE = VIR_NWFILTER_BINDING_CREATE_VALIDATE;
    }
    texts {
    }
}
