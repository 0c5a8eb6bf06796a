// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! What libvirt calls when something happens: the events, one row each, and how what is registered is kept and found.

pub mod close;
pub mod domain;
pub mod monitor;
pub mod objects;
pub mod perl_loop;
pub mod registration;
pub mod table;
