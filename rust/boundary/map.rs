// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`map!`] and [`row!`]: hashes with keys known at compile time.

/// A hash with the given literal keys, alone or among others with the same.
macro_rules! row {
    ($($key:literal => $value:expr),+ $(,)?) => {{
        const COUNT: usize = [$($key),+].len();
        static KEYS: [$crate::boundary::key::Key; COUNT] = [$($crate::boundary::key::Key::new($key)),+];
        $crate::boundary::value::rows::Row { keys: &KEYS, values: [$($crate::boundary::value::Value::from($value)),+] }
    }};
}
pub(crate) use row;

/// A reference to a hash with the given literal keys.
macro_rules! map {
    ($($pairs:tt)+) => { $crate::boundary::value::Value::from($crate::boundary::map::row! { $($pairs)+ }) };
}
pub(crate) use map;
