// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Callbacks for libvirt's events: one row for each event, and the registry of callbacks.

pub mod close;
pub mod domain;
pub mod monitor;
pub mod objects;
pub mod perl_loop;
pub mod registration;
pub mod table;
