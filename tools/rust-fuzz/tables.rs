// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The tables, as perl/boot.c goes through them.

use std::ffi::CStr;
use std::sync::OnceLock;
use sysvirt::harness::{Class, Method, Param};

/// Its name, with the package.
pub fn name(method: &Method) -> &'static CStr {
    // SAFETY: a literal of the table's.
    unsafe { CStr::from_ptr(method.name) }
}

/// Its parameters.
pub fn params(method: &Method) -> &'static [Param] {
    // SAFETY: a constant of the table's.
    unsafe { std::slice::from_raw_parts(method.params, method.nparams) }
}

/// All methods, and all classes that have objects.
fn tables() -> &'static (Vec<&'static Method>, Vec<Class>) {
    static TABLES: OnceLock<(Vec<&'static Method>, Vec<Class>)> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut count = 0;
        // SAFETY: the tables are constants.
        let (tables, methods) = unsafe {
            let tables = std::slice::from_raw_parts(sysvirt::sysvirt_classes(&mut count), count);
            let files =
                tables.iter().flat_map(|table| std::slice::from_raw_parts(table.methods, table.nmethods));
            (tables, files.flat_map(|file| std::slice::from_raw_parts(file.rows, file.count)).collect())
        };
        let with_objects = tables.iter().filter(|table| !table.destroy.is_null());
        (methods, with_objects.map(|table| table.class).collect())
    })
}

/// All methods.
pub fn methods() -> &'static [&'static Method] {
    &tables().0
}

/// All classes that have objects.
pub fn classes() -> &'static [Class] {
    &tables().1
}
