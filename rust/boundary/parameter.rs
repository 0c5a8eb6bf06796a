// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Parameter`]: libvirt's typed parameter, as the shim reads it: results have thousands, so there is no value for each.

use libc::{c_char, c_int};
use std::mem::{offset_of, size_of};
use virt_sys::virTypedParameter;

/// The same as `virTypedParameter`.
#[repr(C)]
pub struct Parameter {
    /// The name: ends in a NUL, unless libvirt broke its own rule.
    name: [c_char; 80],
    /// A [`Type`], or a number that only a newer libvirt knows.
    kind: c_int,
    content: Content,
}

/// The value, read according to the type.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Content {
    int32: i32,
    uint32: u32,
    int64: i64,
    uint64: u64,
    real: f64,
    truth: c_char,
    text: *const c_char,
}

/// The types, by libvirt's numbers.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// None: libvirt did not write the parameter.
    None = 0,
    /// `int`
    Int,
    /// `unsigned int`
    Uint,
    /// `long long`
    Llong,
    /// `unsigned long long`
    Ullong,
    /// `double`
    Double,
    /// `char`, 0 or 1
    Boolean,
    /// `char *`, or NULL
    String,
}

const _: () = {
    assert!(size_of::<Parameter>() == size_of::<virTypedParameter>());
    assert!(offset_of!(Parameter, name) == offset_of!(virTypedParameter, field));
    assert!(offset_of!(Parameter, kind) == offset_of!(virTypedParameter, type_));
    assert!(offset_of!(Parameter, content) == offset_of!(virTypedParameter, value));
    assert!(Type::None as u32 == 0);
    assert!(Type::Int as u32 == virt_sys::VIR_TYPED_PARAM_INT);
    assert!(Type::Uint as u32 == virt_sys::VIR_TYPED_PARAM_UINT);
    assert!(Type::Llong as u32 == virt_sys::VIR_TYPED_PARAM_LLONG);
    assert!(Type::Ullong as u32 == virt_sys::VIR_TYPED_PARAM_ULLONG);
    assert!(Type::Double as u32 == virt_sys::VIR_TYPED_PARAM_DOUBLE);
    assert!(Type::Boolean as u32 == virt_sys::VIR_TYPED_PARAM_BOOLEAN);
    assert!(Type::String as u32 == virt_sys::VIR_TYPED_PARAM_STRING);
};
