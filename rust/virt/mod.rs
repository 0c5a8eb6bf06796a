// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! libvirt's C conventions: return values, arrays, typed parameters, newer functions.

pub mod array;
pub mod newer;
pub mod params;
pub mod rules;
