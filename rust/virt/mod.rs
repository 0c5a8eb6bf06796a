// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! libvirt's C conventions: object classes, return values, lists, typed parameters, newer functions.

pub mod class;
pub mod ended;
pub mod newer;
pub mod params;
pub mod rules;

/// What nearly every file of rows uses.
#[allow(unused_imports)]
pub(crate) mod prelude {
    pub(crate) use crate::construct::{by_raw_uuid, by_uuid, counted, or_null};
    pub(crate) use crate::error::{Fault, Result};
    pub(crate) use crate::method::{
        Any, Array, ArrayOrNull, Bytes, BytesOrNull, Code, Count, Hash, Invocant, Named, Origin, Owner,
        Pairs, PathOrNull, SpacedFlags, Text, TextOrNull, Variable, methods, undef,
    };
    pub(crate) use crate::value::{Tag, Value, map};
    pub(crate) use crate::virt::class::*;
    pub(crate) use crate::virt::rules::*;
    pub(crate) use crate::virt::{newer, params};
    pub(crate) use libc::{c_char, c_int, c_uint, c_ulong, c_void};
    pub(crate) use virt_sys::*;
}
