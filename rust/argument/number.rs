// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! What a [`Value`] stands for where another kind is wanted: Perl's conversions between numbers and strings, less those
//! that would lose something, and the one narrowing of numbers to C's types.

use crate::boundary::error::{Error, Result, quoted};
use crate::boundary::memory;
use crate::boundary::scratch::wipe;
use crate::boundary::value::{Tag, Value};
use std::borrow::Cow;
use std::ffi::CString;

impl Value {
    /// The integer this value stands for, as Perl would see it, if it stands for one.
    pub fn integer(&self) -> Option<i128> {
        match self.tag() {
            Tag::None => Some(0),
            Tag::Int => self.plain_integer().map(Into::into),
            Tag::Uint => self.plain_natural().map(Into::into),
            Tag::Float => {
                self.plain_float().filter(|float| float.is_finite()).map(|float| float.trunc() as i128)
            }
            Tag::Text | Tag::Bytes => {
                let text = std::str::from_utf8(self.raw()).ok()?.trim();
                text.parse().ok().or_else(|| Some(decimal(text)?.trunc() as i128))
            }
            _ => None,
        }
    }

    /// The number this value stands for, if it stands for one.
    pub fn float(&self) -> Option<f64> {
        match self.tag() {
            Tag::Float => self.plain_float(),
            Tag::Text | Tag::Bytes => decimal(std::str::from_utf8(self.raw()).ok()?.trim()),
            _ => self.integer().map(|integer| integer as f64),
        }
    }

    /// The bytes this value stands for when used as a string; `what` names it in messages.
    pub fn to_bytes(&self, what: &str) -> Result<Cow<'_, [u8]>> {
        match self.tag() {
            Tag::None => Ok(b"".into()),
            Tag::Text | Tag::Bytes if self.is_utf8() => {
                let text = std::str::from_utf8(self.raw())
                    .map_err(|_| Error::argument(what, "holds characters that no byte string can hold"))?;
                // With room for all: a vector that grows would leave copies of a secret behind.
                let mut bytes = memory::with_room(text.len() + 1);
                for character in text.chars() {
                    let Ok(byte) = u8::try_from(u32::from(character)) else {
                        wipe(&mut bytes);
                        return Err(Error::argument(what, "holds a wide character"));
                    };
                    bytes.push(byte);
                }
                Ok(bytes.into())
            }
            Tag::Text | Tag::Bytes | Tag::Key => Ok(self.raw().into()),
            Tag::Int | Tag::Uint => Ok(self.integer().unwrap_or_default().to_string().into_bytes().into()),
            Tag::Float => Ok(self.plain_float().unwrap_or_default().to_string().into_bytes().into()),
            _ => Err(Error::argument(what, "is a reference, not a string")),
        }
    }

    /// The C string this value stands for, in UTF-8 as libvirt wants it; `what` names it in messages.
    pub fn to_text(&self, what: &str) -> Result<CString> {
        let bytes = if self.is_utf8() { self.raw().into() } else { self.to_bytes(what)? };
        let bytes = match std::str::from_utf8(&bytes) {
            Ok(_) => match bytes {
                Cow::Borrowed(bytes) => memory::copy_for_c(bytes),
                Cow::Owned(bytes) => bytes,
            },
            // Perl's characters 128 to 255, one byte each: the same characters, encoded.
            Err(_) => {
                let mut text = memory::with_room(2 * bytes.len() + 1);
                for &byte in bytes.iter() {
                    text.extend_from_slice(char::from(byte).encode_utf8(&mut [0; 2]).as_bytes());
                }
                text
            }
        };
        CString::new(bytes).map_err(|_| Error::argument(what, "holds a NUL character"))
    }
}

/// A decimal number as Perl writes it; unlike Rust's own parser this takes neither "nan" nor "inf".
fn decimal(text: &str) -> Option<f64> {
    let number = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if number { text.parse().ok().filter(|float: &f64| float.is_finite()) } else { None }
}

/// `value` as an integer of type `T`, or the exception that says why not.
pub fn integer<T: TryFrom<i128> + Bounds>(value: &Value, name: &str) -> Result<T> {
    let integer = value.integer().ok_or_else(|| match value.tag() {
        Tag::Float => Error::argument(name, "is not a finite number"),
        Tag::Text | Tag::Bytes => {
            Error::argument(name, format_args!("is not a number: {}", quoted(value.raw())))
        }
        _ => Error::argument(name, "is not a number"),
    })?;
    T::try_from(integer).map_err(|_| {
        Error::argument(name, format_args!("is out of range: {integer} is not within {}", T::RANGE))
    })
}

/// The values that an integer type takes, in words.
pub trait Bounds {
    /// "-1 to 5".
    const RANGE: &'static str;
}

macro_rules! bounds {
    ($($int:ty => $range:literal),* $(,)?) => {$(
        impl Bounds for $int {
            const RANGE: &'static str = $range;
        }
    )*};
}
bounds! {
    i32 => "-2147483648 to 2147483647",
    u32 => "0 to 4294967295",
    i64 => "-9223372036854775808 to 9223372036854775807",
    u64 => "0 to 18446744073709551615",
    usize => "0 to 18446744073709551615",
    u8 => "0 to 255",
}
