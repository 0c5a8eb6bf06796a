// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain, by theme.

pub mod agent;
pub mod block;
pub mod console;
pub mod cpu;
pub mod devices;
pub mod info;
pub mod jobs;
pub mod lifecycle;
pub mod memory;
pub mod migrate;
pub mod save;
pub mod snapshots;
pub mod tuning;
