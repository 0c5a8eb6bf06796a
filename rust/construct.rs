// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! What the constructors (`new`, `_new`) and the lookups by UUID share.

use crate::error::{Fault, Result};
use crate::method::{Named, integer};
use crate::value::{Tag, Value};
use crate::virt::class::Object;
use crate::virt::rules::object;
use libc::c_char;
use std::ffi::CString;

impl Named<'_> {
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
        let value = self.value.get(key).ok_or(Fault::Plain(missing))?;
        if value.tag() == Tag::Handle && value.class() == T::CLASS {
            return Ok(value.pointer().cast());
        }
        let package = T::CLASS.package().to_string_lossy();
        Err(match value.tag() {
            Tag::Handle => Fault::argument(shown, format_args!("is not a {package} object")),
            _ => Fault::argument(shown, "is not a blessed SV reference"),
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
    pub fn by_uuid<T: Object>(
        &self,
        raw: impl FnOnce(*const u8) -> *mut T,
        text: impl FnOnce(*const c_char) -> *mut T,
    ) -> Result {
        match self.value.get("uuid") {
            Some(value) => by_uuid(&value.to_bytes("uuid")?, raw, text),
            None => by_uuid(b"", raw, text),
        }
    }
}

/// What a UUID names: 16 bytes are its raw form, 32 or 36 its text.
pub fn by_uuid<T: Object>(
    uuid: &[u8],
    raw: impl FnOnce(*const u8) -> *mut T,
    text: impl FnOnce(*const c_char) -> *mut T,
) -> Result {
    match uuid.len() {
        16 => object(raw(uuid.as_ptr())),
        32 | 36 => {
            let uuid = CString::new(uuid).map_err(|_| Fault::argument("uuid", "holds a NUL character"))?;
            object(text(uuid.as_ptr()))
        }
        _ => Err(Fault::Plain("UUID must be either 16 unsigned bytes, or 32/36 hex characters long")),
    }
}

/// What a raw UUID names; `_lookup_by_uuid` of the classes takes nothing else.
pub fn by_raw_uuid<T: Object>(uuid: &[u8], raw: impl FnOnce(*const u8) -> *mut T) -> Result {
    if uuid.len() != 16 {
        return Err(Fault::argument("uuid", format_args!("has {} bytes, not 16", uuid.len())));
    }
    object(raw(uuid.as_ptr()))
}

/// The pointer for an optional C string.
pub fn or_null(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
}

/// An empty result list with the count that scalar context gets, for the legacy `list_*` subs.
pub fn counted(items: Vec<Value>) -> Result {
    Ok(Value::counted_list(items))
}
