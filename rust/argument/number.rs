// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Values whose type only the driver knows: strings or numbers, of which the one or the other is wanted. The shim has converted
//! them as perl does; here they are narrowed to C's types.

use crate::boundary::error::{Error, Result};
use crate::boundary::value::{Tag, Value};

/// A value that the shim decoded as [`Kind::Scalar`](crate::boundary::shape::Kind::Scalar): its string, and its number.
pub fn parts(value: &Value) -> Option<(&Value, &Value)> {
    match value.items() {
        [text, number] if value.tag() == Tag::Scalar => Some((text, number)),
        _ => None,
    }
}

/// Whether a scalar is wholly a number.
pub fn is_number(value: &Value) -> bool {
    match parts(value) {
        Some((_, number)) => number.tag() != Tag::Bad && !value.is_utf8(),
        None => matches!(value.tag(), Tag::Int | Tag::Uint | Tag::Float),
    }
}

/// Why a scalar, or a part of it, is invalid.
fn refused(value: &Value, name: &str) -> Error {
    Error::argument(name, String::from_utf8_lossy(value.raw()))
}

/// The number of `value` as an integer of type `T`, or the exception that says why not. undef is 0.
pub fn integer<T: TryFrom<i128> + Bounds>(value: &Value, name: &str) -> Result<T> {
    let number = parts(value).map_or(value, |(_, number)| number);
    let integer = match number.tag() {
        Tag::Bad => return Err(refused(number, name)),
        Tag::Int | Tag::Uint => number.integer(),
        Tag::None => 0,
        _ => match number.plain_float() {
            Some(float) if float.is_finite() => float.trunc() as i128,
            _ => return Err(Error::argument(name, "is not a finite number")),
        },
    };
    T::try_from(integer).map_err(|_| out_of_range::<T>(name, format_args!("{integer}")))
}

fn out_of_range<T: Bounds>(name: &str, number: std::fmt::Arguments) -> Error {
    Error::argument(name, format_args!("is out of range: {number} is not within {} to {}", T::MIN, T::MAX))
}

/// The number of `value` as a floating point number.
pub fn float(value: &Value, name: &str) -> Result<f64> {
    let number = parts(value).map_or(value, |(_, number)| number);
    match number.tag() {
        Tag::Bad => Err(refused(number, name)),
        Tag::Float => Ok(number.plain_float().unwrap_or_default()),
        _ => Ok(number.integer() as f64),
    }
}

/// The string of `value`; undef is NULL.
pub fn text(value: &Value, name: &str) -> Result<*const libc::c_char> {
    let text = parts(value).map_or(value, |(text, _)| text);
    if text.tag() == Tag::Bad { Err(refused(text, name)) } else { Ok(text.c_text()) }
}

/// The string of a plain number, as perl writes it; None for anything else.
pub fn number_as_text(value: &Value) -> Option<String> {
    match value.tag() {
        Tag::Int | Tag::Uint => Some(value.integer().to_string()),
        _ => value.plain_float().map(float_as_text),
    }
}

/// As C's `%.15g` does.
fn float_as_text(number: f64) -> String {
    const DIGITS: i32 = 15;
    let scientific = format!("{number:.*e}", DIGITS as usize - 1);
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let shortened = |text: &str| {
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
        text.to_owned()
    };
    if (-4..DIGITS).contains(&exponent) {
        shortened(&format!("{number:.*}", (DIGITS - 1 - exponent) as usize))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", shortened(mantissa), exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_perl_writes_them() {
        for (number, text) in [
            (1.5, "1.5"),
            (0.1, "0.1"),
            (-3.0, "-3"),
            (1.0 / 3.0, "0.333333333333333"),
            (123_456_789_012_345.0, "123456789012345"),
            (999_999_999_999_999.9, "1e+15"),
            (1e15, "1e+15"),
            (0.0001, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (-1.5e300, "-1.5e+300"),
            (5e-324, "4.94065645841247e-324"),
            (2.5e-7, "2.5e-07"),
        ] {
            assert_eq!(float_as_text(number), text);
        }
    }
}

/// The least and the greatest number of a type, for messages.
pub trait Bounds {
    /// The least.
    const MIN: i64;
    /// The greatest.
    const MAX: u64;
}

macro_rules! bounds {
    ($($int:ty),*) => {$(
        impl Bounds for $int {
            const MIN: i64 = <$int>::MIN as i64;
            const MAX: u64 = <$int>::MAX as u64;
        }
    )*};
}
bounds!(i32, u32, i64, u64);
