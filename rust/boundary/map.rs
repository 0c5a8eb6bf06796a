// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`map!`]: hashes with keys known at compile time.

/// A reference to a hash with the given literal keys; after a semicolon, a value beyond its pairs.
macro_rules! map {
    ($($key:literal => $value:expr),* $(,)?) => {
        $crate::boundary::value::Value::map($crate::boundary::map::map!(@items $($key => $value),* ;))
    };
    ($($key:literal => $value:expr),* ; $beyond:expr) => {
        $crate::boundary::value::Value::map_with_storage($crate::boundary::map::map!(@items $($key => $value),* ; $beyond))
    };
    (@items $($key:literal => $value:expr),* ; $($beyond:expr)?) => {
        vec![
            $(
                {
                    static KEY: $crate::boundary::key::Key = $crate::boundary::key::Key::new($key);
                    $crate::boundary::value::Value::key(&KEY)
                },
                $crate::boundary::value::Value::from($value),
            )*
            $($beyond)?
        ]
    };
}
pub(crate) use map;
