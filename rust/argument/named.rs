// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`NamedArg`]: an argument with more than one value, which the method takes apart, and its name for messages.

use super::number::{Bounds, integer};
use crate::boundary::class::Object;
use crate::boundary::error::{Error, Result};
use crate::boundary::memory;
use crate::boundary::value::{Tag, Value};
use crate::virt::rules::by_uuid;
use libc::{c_char, c_int};
use std::ffi::CString;

/// An argument with more than one value, and the parameter's name for messages.
pub struct NamedArg<'a> {
    /// The argument.
    pub value: &'a Value,
    /// The parameter, as messages show it.
    pub name: &'static str,
}

impl NamedArg<'_> {
    /// Whether the pair is there; undef counts.
    pub fn has(&self, key: &str) -> bool {
        self.value.get(key).is_some()
    }

    /// Whether the pair is there and its value true.
    pub fn is_true(&self, key: &str) -> bool {
        match self.value.get(key) {
            None => false,
            Some(value) => match value.tag() {
                Tag::None => false,
                Tag::Text | Tag::Bytes => !matches!(value.raw(), b"" | b"0"),
                Tag::Int | Tag::Uint | Tag::Float => value.float() != Some(0.0),
                _ => true,
            },
        }
    }

    /// The object under `key`; without the pair, the exception `missing`. `shown` is the C parameter's name.
    pub fn object<T: Object>(&self, key: &str, shown: &str, missing: &'static str) -> Result<*mut T> {
        let value = self.value.get(key).ok_or(Error::Plain(missing))?;
        if value.tag() == Tag::Handle && value.class() == T::CLASS {
            return Ok(value.pointer().cast());
        }
        let package = T::CLASS.package().to_string_lossy();
        Err(match value.tag() {
            Tag::Handle => Error::argument(shown, format_args!("is not a {package} object")),
            _ => Error::argument(shown, "is not a blessed SV reference"),
        })
    }

    /// The C string under `key`, empty for undef.
    pub fn text(&self, key: &str) -> Result<CString> {
        self.value.get(key).map_or(Ok(CString::default()), |value| value.to_text(key))
    }

    /// The C string under `key`, None if it is undef or not there.
    pub fn optional_text(&self, key: &str) -> Result<Option<CString>> {
        match self.value.get(key) {
            Some(value) if !value.is_none() => value.to_text(key).map(Some),
            _ => Ok(None),
        }
    }

    /// The flags under `key`, 0 by default.
    pub fn flags(&self) -> Result<u32> {
        self.value.get("flags").map_or(Ok(0), |value| integer(value, "flags"))
    }

    /// What the pair `uuid` names.
    ///
    /// # Safety
    /// As for [`by_uuid`].
    pub unsafe fn by_uuid<T: Object>(
        &self,
        raw: impl FnOnce(*const u8) -> *mut T,
        text: impl FnOnce(*const c_char) -> *mut T,
    ) -> Result<Value> {
        match self.value.get("uuid") {
            // SAFETY: the caller's promise.
            Some(value) => unsafe { by_uuid(&value.to_bytes("uuid")?, raw, text) },
            // SAFETY: as above.
            None => unsafe { by_uuid(b"", raw, text) },
        }
    }

    /// The elements of an array argument as integers.
    pub fn integers<T: TryFrom<i128> + Bounds>(&self) -> Result<Vec<T>> {
        let elements = self.value.items().iter().enumerate();
        memory::all(elements.map(|(index, value)| integer(self.defined(index, value)?, &self.element(index))))
    }

    /// The elements of an array argument as file descriptors: of file handles, or as numbers.
    pub fn descriptors(&self) -> Result<Vec<c_int>> {
        let elements = self.value.items().iter().enumerate();
        memory::all(elements.map(|(index, value)| match value.descriptor() {
            Some(-1) => Err(Error::argument(&self.element(index), "is a file handle without descriptor")),
            Some(descriptor) => Ok(descriptor),
            None => integer(self.defined(index, value)?, &self.element(index)),
        }))
    }

    /// The elements of an array argument as C strings.
    pub fn texts(&self) -> Result<Vec<std::ffi::CString>> {
        let elements = self.value.items().iter().enumerate();
        memory::all(elements.map(|(index, value)| self.defined(index, value)?.to_text(&self.element(index))))
    }

    /// An element of an array that must have one: neither undef nor a hole.
    fn defined<'v>(&self, index: usize, value: &'v Value) -> Result<&'v Value> {
        if value.is_none() {
            return Err(Error::argument(&self.element(index), "is undefined"));
        }
        Ok(value)
    }

    fn element(&self, index: usize) -> String {
        format!("{}[{index}]", self.name)
    }
}

/// The pointer for an optional C string.
pub fn or_null(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
}
