// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: saving to files, managed saves, dumps. Restoring is the connection's.

use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    save(
        dom: Domain, tosv: PathOrNull = undef, dxmlsv: TextOrNull = undef, params_sv: Any = undef,
        flags: u32 = 0) => save(dom, tosv, dxmlsv, &params_sv, flags);
    managed_save(dom: Domain, flags: u32 = 0) => status(virDomainManagedSave(dom, flags));
    managed_save_remove(dom: Domain, flags: u32 = 0) => status(virDomainManagedSaveRemove(dom, flags));
    managed_save_define_xml(dom: Domain, xml: Text, flags: u32 = 0) => {
        opened(dom, "virDomainManagedSaveDefineXML")?;
        status(virDomainManagedSaveDefineXML(dom, xml, flags))
    };
    managed_save_get_xml_description(dom: Domain, flags: u32 = 0) =>
        owned(virDomainManagedSaveGetXMLDesc(dom, flags));
    has_managed_save_image(dom: Domain, flags: u32 = 0) => number(virDomainHasManagedSaveImage(dom, flags));
    core_dump(dom: Domain, to: PathOrNull, flags: u32 = 0) => status(virDomainCoreDump(dom, to, flags));
    core_dump_format(dom: Domain, to: PathOrNull, format: u32, flags: u32 = 0) =>
        status(virDomainCoreDumpWithFormat(dom, to, format, flags));
}

/// What `save` and `restore_domain` take as parameters.
pub const SAVE: &Schema = &[
    (VIR_DOMAIN_SAVE_PARAM_FILE, ParamType::Text),
    (VIR_DOMAIN_SAVE_PARAM_DXML, ParamType::Text),
    (VIR_DOMAIN_SAVE_PARAM_IMAGE_FORMAT, ParamType::Text),
    (VIR_DOMAIN_SAVE_PARAM_PARALLEL_CHANNELS, ParamType::Int),
];

/// The third argument of `save` and `restore_domain`: parameters, or as before release 8.4.0 the flags.
pub enum Third {
    /// Parameters, with the file and the XML of the other arguments among them.
    Params(ParamBuilder),
    /// Flags.
    Flags(u32),
}

/// Reads the third argument; what the first two say goes before what the hash says.
///
/// # Safety
/// `file` and `xml` are C strings or NULL.
pub unsafe fn third(file: *const c_char, xml: *const c_char, params: &NamedArg, flags: u32) -> Result<Third> {
    match params.value.tag() {
        Tag::None => Ok(Third::Flags(flags)),
        Tag::Map => {
            let mut items = Vec::new();
            for (key, value) in params.value.pairs() {
                let replaced = (!file.is_null() && key == VIR_DOMAIN_SAVE_PARAM_FILE.to_bytes())
                    || (!xml.is_null() && key == VIR_DOMAIN_SAVE_PARAM_DXML.to_bytes());
                if !replaced {
                    items.push((key, value));
                }
            }
            let mut arguments = ParamBuilder::chosen(params, &items, SAVE)?;
            for (name, text) in [(VIR_DOMAIN_SAVE_PARAM_FILE, file), (VIR_DOMAIN_SAVE_PARAM_DXML, xml)] {
                if !text.is_null() {
                    // SAFETY: not NULL, hence a C string.
                    let text = unsafe { Value::borrowed_text(text) };
                    arguments.push(name.to_bytes(), ParamType::Text, &text)?;
                }
            }
            Ok(Third::Params(arguments))
        }
        Tag::Int | Tag::Uint | Tag::Float | Tag::Text if params.value.integer().is_some() => {
            let old: u32 = integer(params.value, "flags")?;
            Ok(Third::Flags(old | flags))
        }
        _ => Err(Error::argument(params.name, "is not a HASH reference")),
    }
}

fn save(
    dom: *mut Domain,
    to: *const c_char,
    xml: *const c_char,
    params: &NamedArg,
    flags: u32,
) -> Result<Value> {
    if to.is_null() && params.value.is_none() {
        return Err(Error::Plain("Either $to or $params parameter must be supplied"));
    }
    // SAFETY: a domain of ours or NULL, C strings or NULL.
    unsafe {
        match third(to, xml, params, flags)? {
            Third::Params(mut given) => {
                status(newer::virDomainSaveParams()?(dom, given.as_ptr(), given.len(), flags))
            }
            Third::Flags(0) if xml.is_null() => status(virDomainSave(dom, to)),
            Third::Flags(flags) => status(virDomainSaveFlags(dom, to, xml, flags)),
        }
    }
}
