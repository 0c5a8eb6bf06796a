// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: consoles, channels and screenshots, through streams.

use crate::class::prelude::*;
use crate::class::stream::begun;

methods! { "Sys::Virt::Domain";
    open_console(dom: Domain, st: Stream, devname: TextOrNull, flags: u32 = 0) =>
        begun(st, virDomainOpenConsole(dom, devname, st, flags));
    open_channel(dom: Domain, st: Stream, devname: TextOrNull, flags: u32 = 0) =>
        begun(st, virDomainOpenChannel(dom, devname, st, flags));
    screenshot(dom: Domain, st: Stream, screen: u32, flags: u32 = 0) =>
        pictured(st, virDomainScreenshot(dom, st, screen, flags));
}

/// The picture's type, which a stream brings.
///
/// # Safety
/// As for [`owned`].
unsafe fn pictured(st: *mut Stream, mime: *mut c_char) -> Result<Value> {
    // SAFETY: the caller's promise.
    unsafe { owned(mime) }.inspect(|_| drop(begun(st, 0)))
}
