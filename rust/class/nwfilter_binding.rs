// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::NWFilterBinding.

use crate::class::prelude::*;

methods! { "Sys::Virt::NWFilterBinding";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_port_dev(con: Connect, name: Text) => object(virNWFilterBindingLookupByPortDev(con, name));
    _create_xml(con: Connect, xml: Text, flags: u32 = 0) => object(virNWFilterBindingCreateXML(con, xml, flags));

    get_port_dev(binding: NWFilterBinding) => borrowed(virNWFilterBindingGetPortDev(binding));
    get_filter_name(binding: NWFilterBinding) => borrowed(virNWFilterBindingGetFilterName(binding));
    get_xml_description(binding: NWFilterBinding, flags: u32 = 0) => owned(virNWFilterBindingGetXMLDesc(binding, flags));
    delete(binding: NWFilterBinding) => status(virNWFilterBindingDelete(binding));
}

options! {
    /// The constructor's options.
    NEW { connection: Connect, portdev: Text, xml: Text, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let con = params.object::<Connect>("connection", "connection parameter is required")?;
    // SAFETY: a connection of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("portdev") {
            object(virNWFilterBindingLookupByPortDev(con, params.text("portdev")?))
        } else if params.has("xml") {
            object(virNWFilterBindingCreateXML(con, params.text("xml")?, params.flags()?))
        } else {
            Err(Error::Plain("portdev or xml parameters are required"))
        }
    }
}
