// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Constants of Sys::Virt::Event.

use super::constants;
use virt_sys::*;

constants! {
    /// The rows of this file.
    TABLE:
    integers {
        HANDLE_READABLE = VIR_EVENT_HANDLE_READABLE;
        HANDLE_WRITABLE = VIR_EVENT_HANDLE_WRITABLE;
        HANDLE_ERROR = VIR_EVENT_HANDLE_ERROR;
        HANDLE_HANGUP = VIR_EVENT_HANDLE_HANGUP;
    }
    texts {
    }
}
