// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The old list methods, such as `list_domains`. The original asks for a count, for names and then for
//! each object by its name; here libvirt returns all objects at once, and only drivers that cannot do that are asked in the old way.

use crate::class::prelude::*;

/// What `all` finds; what `walk` finds if the driver does not know that function or its flags.
pub fn listed<T: Object>(
    all: impl FnOnce(*mut *mut *mut T) -> c_int,
    walk: impl FnOnce() -> Result<Vec<Value>>,
) -> Result<Value> {
    let found = objects(all).or_else(|error| match error {
        Error::Libvirt(error)
            if [VIR_ERR_NO_SUPPORT, VIR_ERR_INVALID_ARG].contains(&(error.code as virErrorNumber)) =>
        {
            walk()
        }
        error => Err(error),
    })?;
    counted(found)
}

/// The objects with those names; an object that was removed before its lookup is skipped.
///
/// # Safety
/// What `lookup` returns is as [`object`] takes it.
pub unsafe fn walk<T: Object>(
    count: c_int,
    names: impl FnOnce(*mut *mut c_char, c_int) -> c_int,
    lookup: impl Fn(*const c_char) -> *mut T,
) -> Result<Vec<Value>> {
    let names = name_array(check(count)? as usize, names)?;
    let found = names.texts().filter(|name| !name.is_empty());
    // SAFETY: the caller's promise.
    Ok(memory::collected(found.filter_map(|name| unsafe { object(lookup(name.as_ptr())) }.ok())))
}
