// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Options`]: the pairs that a constructor takes.

use super::types::Arg;
use crate::boundary::class::Object;
use crate::boundary::error::{Error, Result};
use crate::boundary::shape::{Field, Kind, Others, Shape};
use crate::boundary::value::{Tag, Value};
use crate::virt::rules::by_uuid;
use libc::c_char;
use std::marker::PhantomData;

/// The options that a constructor has.
pub trait OptionSet {
    /// Each key, and what it has to be if the constructor looks at it.
    const FIELDS: &'static [Field];
    /// How other keys are handled.
    const OTHERS: Others = Others::Ignore;
}

/// All remaining arguments, as the options `S`.
pub struct Pairs<S>(PhantomData<S>);

/// The value of [`Pairs`] in a row. An invalid option throws only when it is read, because it may not be used.
pub struct Options<'a>(&'a Value);

impl<S: OptionSet> Arg for Pairs<S> {
    type Out<'a> = Options<'a>;
    const SHAPE: Shape = Shape::fields(Kind::Pairs, S::FIELDS, S::OTHERS);
    fn get<'a>(value: &'a Value, _name: &'static str) -> Result<Options<'a>> {
        Ok(Options(value))
    }
}

/// A reference to a hash of the options `S`.
pub struct Keys<S>(PhantomData<S>);

impl<S: OptionSet> Arg for Keys<S> {
    type Out<'a> = Options<'a>;
    const SHAPE: Shape = Shape::fields(Kind::Hash, S::FIELDS, S::OTHERS);
    fn get<'a>(value: &'a Value, _name: &'static str) -> Result<Options<'a>> {
        Ok(Options(value))
    }
}

/// `options! { NAME { key: Type, ... } }`: the options that a constructor takes, of types that parameters have.
macro_rules! options {
    ($(#[$doc:meta])* $name:ident $(($others:ident))? { $($key:ident : $ty:ty),* $(,)? }) => {
        $(#[$doc])*
        #[expect(clippy::upper_case_acronyms, reason = "named like a constant")]
        pub struct $name;

        impl $crate::argument::options::OptionSet for $name {
            const FIELDS: &'static [$crate::boundary::shape::Field] = &[$(
                $crate::boundary::shape::Field::new(
                    // A literal with one NUL, at its end.
                    match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($key), "\0").as_bytes()) {
                        Ok(key) => key,
                        Err(_) => panic!(),
                    },
                    <$ty as $crate::argument::types::Arg>::SHAPE,
                ),
            )*];
            $(const OTHERS: $crate::boundary::shape::Others = $crate::boundary::shape::Others::$others;)?
        }
    };
}
pub(crate) use options;

impl<'a> Options<'a> {
    /// Whether the pair is there; undef counts.
    pub fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    /// The value of the pair `key`, which has to be an option of the constructor with that type; None if it is missing.
    pub fn get<A: Arg>(&self, key: &'static str) -> Result<Option<A::Out<'a>>> {
        let Some(value) = self.0.get(key) else { return Ok(None) };
        if value.tag() == Tag::Bad {
            return Err(Error::Usage(String::from_utf8_lossy(value.raw()).into_owned()));
        }
        A::get(value, key).map(Some)
    }

    /// Whether the pair is there and its value true.
    pub fn is_true(&self, key: &'static str) -> bool {
        self.0.get(key).is_some_and(|value| value.narrow() != 0)
    }

    /// The object under `key`; without the pair, the exception `missing`.
    pub fn object<T: Object>(&self, key: &'static str, missing: &'static str) -> Result<*mut T> {
        self.get::<T>(key)?.ok_or(Error::Plain(missing))
    }

    /// The C string under `key`, empty if the pair is not there.
    pub fn text(&self, key: &'static str) -> Result<*const c_char> {
        Ok(self.get::<super::types::Text>(key)?.unwrap_or(c"".as_ptr()))
    }

    /// The flags under `key`, 0 by default.
    pub fn flags(&self) -> Result<u32> {
        Ok(self.get::<u32>("flags")?.unwrap_or(0))
    }

    /// The value of the pair `uuid`.
    ///
    /// # Safety
    /// As for [`by_uuid`].
    pub unsafe fn by_uuid<T: Object>(
        &self,
        raw: impl FnOnce(*const u8) -> *mut T,
        text: impl FnOnce(*const c_char) -> *mut T,
    ) -> Result<Value> {
        // SAFETY: the caller's promise.
        unsafe { by_uuid(self.get::<super::types::Bytes>("uuid")?.unwrap_or(b""), raw, text) }
    }
}
