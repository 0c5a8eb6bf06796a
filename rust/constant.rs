// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The row macro [`constants!`] and the table entries it makes.

use libc::c_char;

/// One constant of a package: an integer, or a string if `text` is not NULL.
#[repr(C)]
pub struct Constant {
    name: *const c_char,
    len: usize,
    text: *const c_char,
    integer: i64,
}

// SAFETY: the pointers are to string literals.
unsafe impl Sync for Constant {}

impl Constant {
    /// For use by the row macro. `name` is a literal with a NUL at its end.
    pub const fn integer(name: &'static str, integer: i64) -> Self {
        Constant { name: name.as_ptr().cast(), len: name.len() - 1, text: std::ptr::null(), integer }
    }

    /// For use by the row macro. `name` is a literal with a NUL at its end.
    pub const fn text(name: &'static str, text: &'static std::ffi::CStr) -> Self {
        Constant { name: name.as_ptr().cast(), len: name.len() - 1, text: text.as_ptr(), integer: 0 }
    }
}

/// The rows of one file: `integers { PERL_NAME = C_NAME; ... }`, `texts { ... }`; both names are written out
/// because many a Perl name can't be derived from the C name.
macro_rules! constants {
    ($(#[$doc:meta])* $table:ident: integers { $($int:ident = $int_value:expr;)* } texts { $($text:ident = $text_value:expr;)* }) => {
        $(#[$doc])*
        pub static $table: &[$crate::constant::Constant] = &[
            $($crate::constant::Constant::integer(concat!(stringify!($int), "\0"), $int_value as i64),)*
            $($crate::constant::Constant::text(concat!(stringify!($text), "\0"), $text_value),)*
        ];
    };
}
pub(crate) use constants;
