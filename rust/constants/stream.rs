// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Constants of Sys::Virt::Stream.

use super::constants;
use virt_sys::*;

constants! {
    /// The rows of this file.
    TABLE:
    integers {
        NONBLOCK = VIR_STREAM_NONBLOCK;
        EVENT_READABLE = VIR_STREAM_EVENT_READABLE;
        EVENT_WRITABLE = VIR_STREAM_EVENT_WRITABLE;
        EVENT_ERROR = VIR_STREAM_EVENT_ERROR;
        EVENT_HANGUP = VIR_STREAM_EVENT_HANGUP;
        RECV_STOP_AT_HOLE = VIR_STREAM_RECV_STOP_AT_HOLE;
    }
    texts {
    }
}
