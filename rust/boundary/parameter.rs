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
    /// A [`ParamType`], or a number that only a newer libvirt knows.
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

/// The type of a parameter's value, by libvirt's number.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// `int`
    Int = 1,
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
    Text,
    /// Several parameters of one name, each a `char *`: an array in Perl. The number is ours; libvirt has that of `Text` for each.
    Texts = 255,
}

impl ParamType {
    /// The type of that number in C.
    pub fn of(number: c_int) -> Option<Self> {
        use ParamType::{Boolean, Double, Int, Llong, Text, Uint, Ullong};
        [Int, Uint, Llong, Ullong, Double, Boolean, Text].into_iter().find(|kind| kind.number() == number)
    }

    /// The number in C of each parameter of this type.
    pub const fn number(self) -> c_int {
        match self {
            ParamType::Texts => ParamType::Text as c_int,
            kind => kind as c_int,
        }
    }
}

const _: () = {
    assert!(size_of::<Parameter>() == size_of::<virTypedParameter>());
    assert!(offset_of!(Parameter, name) == offset_of!(virTypedParameter, field));
    assert!(offset_of!(Parameter, kind) == offset_of!(virTypedParameter, type_));
    assert!(offset_of!(Parameter, content) == offset_of!(virTypedParameter, value));
    assert!(ParamType::Int as u32 == virt_sys::VIR_TYPED_PARAM_INT);
    assert!(ParamType::Uint as u32 == virt_sys::VIR_TYPED_PARAM_UINT);
    assert!(ParamType::Llong as u32 == virt_sys::VIR_TYPED_PARAM_LLONG);
    assert!(ParamType::Ullong as u32 == virt_sys::VIR_TYPED_PARAM_ULLONG);
    assert!(ParamType::Double as u32 == virt_sys::VIR_TYPED_PARAM_DOUBLE);
    assert!(ParamType::Boolean as u32 == virt_sys::VIR_TYPED_PARAM_BOOLEAN);
    assert!(ParamType::Text as u32 == virt_sys::VIR_TYPED_PARAM_STRING);
};
