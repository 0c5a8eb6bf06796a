// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: consoles, channels and screenshots, through streams.

use crate::boundary::streams::{self, Way};
use crate::boundary::thread::without_signals;
use crate::class::prelude::*;
use crate::class::stream::begun;
use crate::class::stream::calls::inside;

methods! { "Sys::Virt::Domain";
    open_console(dom: Domain, st: Stream, devname: TextOrNull, flags: u32 = 0) =>
        begun(st, BOTH, virDomainOpenConsole(dom, devname, st, flags));
    open_channel(dom: Domain, st: Stream, devname: TextOrNull, flags: u32 = 0) =>
        begun(st, BOTH, virDomainOpenChannel(dom, devname, st, flags));
    screenshot(dom: Domain, st: Stream, screen: u32, flags: u32 = 0) =>
        pictured(st, || virDomainScreenshot(dom, st, screen, flags));
}

/// Output and input of a guest.
const BOTH: Way = Way { reads: true, writes: true, sparse: false, length: 0 };

/// The MIME type of the picture, which arrives through a stream. A driver in this process starts a thread that reads the picture.
/// That thread must not get signals, because perl's handlers crash there.
///
/// # Safety
/// The stream lives, or is NULL; `take` returns what [`owned`] takes.
unsafe fn pictured(st: *mut Stream, take: impl FnOnce() -> *mut c_char) -> Result<Value> {
    // SAFETY: the stream holds the connection that it was made on.
    let mime = if unsafe { inside(streams::connection(st)) } { without_signals(take) } else { take() };
    // SAFETY: the caller's promise.
    let mime = unsafe { owned(mime) }?;
    begun(st, Way { reads: true, ..Way::default() }, 0)?;
    Ok(mime)
}
