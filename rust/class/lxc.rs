// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::LXC: what libvirt-lxc has, functions on domains and on this process.

use crate::boundary::library;
use crate::class::prelude::*;

methods! { "Sys::Virt::LXC";
    open_namespace(dom: Domain, flags: u32 = 0) => open_namespace(dom, flags);
    #[in_place] enter_namespace(dom: Domain, files: Array<Descriptor>, flags: u32 = 0) => enter_namespace(dom, files, flags);
    #[in_place] enter_security_label(model: Keys<MODEL>, label: Keys<LABEL>, flags: u32 = 0) => enter_security_label(&model, &label, flags);
    #[in_place] enter_cgroup(dom: Domain, flags: u32 = 0) => status(library::virDomainLxcEnterCGroup()?(dom, flags));
}

/// The domain's namespaces.
///
/// # Safety
/// `dom` is a domain or NULL.
unsafe fn open_namespace(dom: *mut Domain, flags: u32) -> Result<Value> {
    let mut array = std::ptr::null_mut();
    let open = library::virDomainLxcOpenNamespace()?;
    // SAFETY: the caller's promise; libvirt allocates the array.
    let count = check(unsafe { open(dom, &raw mut array, flags) })?;
    // SAFETY: as many descriptors as libvirt says, all ours.
    Ok(Value::list(unsafe { files(array, count) }))
}

/// Enters the namespaces behind the files; those that this process was in.
///
/// # Safety
/// `dom` is a live domain or NULL.
unsafe fn enter_namespace(dom: *mut Domain, mut given: Vec<c_int>, flags: u32) -> Result<Value> {
    let enter = library::virDomainLxcEnterNamespace()?;
    opened(dom, "virDomainLxcEnterNamespace")?;
    let (mut array, mut count) = (std::ptr::null_mut(), 0);
    let len = given.len() as c_uint;
    // SAFETY: the caller's promise; libvirt only reads the descriptors given, and writes to the pointers if all went well.
    check(unsafe { enter(dom, len, given.as_mut_ptr(), &raw mut count, &raw mut array, flags) })?;
    // SAFETY: libvirt's array of as many descriptors, both ours.
    Ok(Value::list(unsafe { crate::virt::rules::files(array, count as c_int) }))
}

options! {
    /// A security model.
    MODEL { model: Text, doi: Text }
}

options! {
    /// A security label.
    LABEL { label: Text, enforcing: Truth }
}

/// Takes on a security label; the one that this process had.
fn enter_security_label(model: &Options, label: &Options, flags: u32) -> Result<Value> {
    let enter = library::virDomainLxcEnterSecurityLabel()?;
    // SAFETY: all-zero bytes are two empty strings.
    let mut c_model: virSecurityModel = unsafe { std::mem::zeroed() };
    copy_text(&mut c_model.model, model, "model")?;
    copy_text(&mut c_model.doi, model, "doi")?;
    // SAFETY: all-zero bytes are an empty string that is not enforced.
    let (mut c_label, mut old): (virSecurityLabel, virSecurityLabel) = unsafe { std::mem::zeroed() };
    copy_text(&mut c_label.label, label, "label")?;
    c_label.enforcing = label.is_true("enforcing").into();
    // SAFETY: three structures, which libvirt reads, and of which it writes the last.
    check(unsafe { enter(&raw mut c_model, &raw mut c_label, &raw mut old, flags) })?;
    Ok(map! { c"label" => text_field(&old.label), c"enforcing" => old.enforcing })
}

/// Writes the string under `key` into an array of C.
fn copy_text(to: &mut [c_char], from: &Options, key: &'static str) -> Result<()> {
    // SAFETY: a string of the arguments.
    let bytes = unsafe { std::ffi::CStr::from_ptr(from.text(key)?) }.to_bytes_with_nul();
    if bytes.len() > to.len() {
        return Err(Error::argument(key, format_args!("is longer than {} bytes", to.len() - 1)));
    }
    for (to, &from) in to.iter_mut().zip(bytes) {
        *to = from as c_char;
    }
    Ok(())
}
