// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Constants of Sys::Virt::Interface.

use super::constants;
use virt_sys::*;

constants! {
    /// The rows of this file.
    TABLE:
    integers {
        XML_INACTIVE = VIR_INTERFACE_XML_INACTIVE;
        DEFINE_VALIDATE = VIR_INTERFACE_DEFINE_VALIDATE;
        LIST_ACTIVE = VIR_CONNECT_LIST_INTERFACES_ACTIVE;
        LIST_INACTIVE = VIR_CONNECT_LIST_INTERFACES_INACTIVE;
    }
    texts {
    }
}
