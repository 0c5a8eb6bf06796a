// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Domain: saving to files, managed saves, dumps. Restoring is the connection's.

use crate::argument::number::is_number;
use crate::class::prelude::*;

methods! { "Sys::Virt::Domain";
    save(
        dom: Domain, tosv as to: PathOrNull = undef, dxmlsv as dxml: TextOrNull = undef, params_sv as params: Optional<TypedOr<SAVE, Scalar>> = undef,
        flags: u32 = 0) => save(dom, to, dxml, params, flags);
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

schema! {
    /// What `save` and `restore_domain` take as parameters.
    SAVE {
        VIR_DOMAIN_SAVE_PARAM_FILE => Text,
        VIR_DOMAIN_SAVE_PARAM_DXML => Text,
        VIR_DOMAIN_SAVE_PARAM_IMAGE_FORMAT => Text,
        VIR_DOMAIN_SAVE_PARAM_PARALLEL_CHANNELS => Int,
    }
}

/// The third argument of `save` and `restore_domain`: parameters, or as before release 8.4.0 the flags.
pub type Third<'a> = Option<Either<'a, NamedArg<'a>>>;

/// How the two are called.
pub enum Way<'a> {
    /// With parameters, the file and the XML of the other arguments among them.
    Params(ParamBuilder<'a>),
    /// With flags.
    Flags(u32),
}

/// Reads the third argument; the first two have precedence over the hash.
///
/// # Safety
/// `file` and `xml` are C strings that live as long as the arguments, or NULL.
pub unsafe fn way<'a>(
    file: *const c_char,
    xml: *const c_char,
    third: Third<'a>,
    flags: u32,
) -> Result<Way<'a>> {
    match third {
        None => Ok(Way::Flags(flags)),
        Some(Either::Params(mut params)) => {
            for (name, text) in [(VIR_DOMAIN_SAVE_PARAM_FILE, file), (VIR_DOMAIN_SAVE_PARAM_DXML, xml)] {
                if !text.is_null() {
                    // SAFETY: the caller's promise.
                    unsafe { params.set_text(name, text)? };
                }
            }
            Ok(Way::Params(params))
        }
        Some(Either::Other(old)) if is_number(old.value) => {
            Ok(Way::Flags(integer::<u32>(old.value, "flags")? | flags))
        }
        Some(Either::Other(old)) => Err(Error::argument(old.name, "is not a HASH reference")),
    }
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
unsafe fn save(
    dom: *mut Domain,
    to: *const c_char,
    xml: *const c_char,
    third: Third,
    flags: u32,
) -> Result<Value> {
    if to.is_null() && third.is_none() {
        return Err(Error::Plain("Either $to or $params parameter must be supplied"));
    }
    // SAFETY: a domain of ours or NULL, C strings of the arguments or NULL.
    unsafe {
        match way(to, xml, third, flags)? {
            Way::Params(mut given) => {
                status(newer::virDomainSaveParams()?(dom, given.as_ptr(), given.len(), flags))
            }
            Way::Flags(0) if xml.is_null() => status(virDomainSave(dom, to)),
            Way::Flags(flags) => status(virDomainSaveFlags(dom, to, xml, flags)),
        }
    }
}
