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
        owned(virDomainScreenshot(dom, st, screen, flags)).inspect(|_| drop(begun(st, 0)));
}
