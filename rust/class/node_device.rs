// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::NodeDevice.

use crate::class::prelude::*;

methods! { "Sys::Virt::NodeDevice";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => new(&params);
    _lookup_by_name(con: Connect, name: Text) => object(virNodeDeviceLookupByName(con, name));
    _lookup_scsihost_by_wwn(con: Connect, wwnn: Text, wwpn: Text, flags: u32 = 0) =>
        object(virNodeDeviceLookupSCSIHostByWWN(con, wwnn, wwpn, flags));
    _create_xml(con: Connect, xml: Text, flags: u32 = 0) => object(virNodeDeviceCreateXML(con, xml, flags));
    _define_xml(con: Connect, xml: Text, flags: u32 = 0) => object(newer::virNodeDeviceDefineXML()?(con, xml, flags));

    #[local] get_name(dev: NodeDevice) => borrowed(virNodeDeviceGetName(dev));
    get_parent(dev: NodeDevice) => parent(dev);
    get_xml_description(dev: NodeDevice, flags: u32 = 0) => owned(virNodeDeviceGetXMLDesc(dev, flags));
    list_capabilities(dev: NodeDevice) =>
        names(check(virNodeDeviceNumOfCaps(dev))? as usize, |out, max| virNodeDeviceListCaps(dev, out, max));
    is_active(nodedev: NodeDevice) => number(newer::virNodeDeviceIsActive()?(nodedev));
    is_persistent(nodedev: NodeDevice) => number(newer::virNodeDeviceIsPersistent()?(nodedev));
    get_autostart(nodedev: NodeDevice) => {
        let get = newer::virNodeDeviceGetAutostart()?;
        written(|on: *mut c_int| get(nodedev, on))
    };
    set_autostart(nodedev: NodeDevice, autostart: i32) => status(newer::virNodeDeviceSetAutostart()?(nodedev, autostart));
    create(dev: NodeDevice, flags: u32 = 0) => status(newer::virNodeDeviceCreate()?(dev, flags));
    destroy(dev_rv: NodeDevice) => status(virNodeDeviceDestroy(dev_rv));
    undefine(dev: NodeDevice, flags: u32 = 0) => status(newer::virNodeDeviceUndefine()?(dev, flags));
    update(nodedev: NodeDevice, xml: Text, flags: u32 = 0) => status(newer::virNodeDeviceUpdate()?(nodedev, xml, flags));
    // The original's spelling is libvirt's own of long ago; the second row is for everybody else.
    dettach(dev: NodeDevice, driversv as driver: TextOrNull, flags: u32 = 0) => detach(dev, driver, flags);
    detach(dev: NodeDevice, driver: TextOrNull = undef, flags: u32 = 0) => detach(dev, driver, flags);
    reattach(dev: NodeDevice) => status(virNodeDeviceReAttach(dev));
    reset(dev: NodeDevice) => status(virNodeDeviceReset(dev));
}

/// The parent's name; a device at the root of the tree has none.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
unsafe fn parent(dev: *mut NodeDevice) -> Result<Value> {
    forget_error();
    // SAFETY: the row's device.
    let name = unsafe { virNodeDeviceGetParent(dev) };
    if name.is_null() && last_code() != 0 {
        return Err(Error::last());
    }
    // SAFETY: a string that belongs to the device, or NULL.
    unsafe { borrowed_or_none(name) }
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
unsafe fn detach(dev: *mut NodeDevice, driver: *const c_char, flags: u32) -> Result<Value> {
    // SAFETY: the row's device; a C string or NULL.
    status(unsafe {
        if flags != 0 || !driver.is_null() {
            virNodeDeviceDetachFlags(dev, driver, flags)
        } else {
            virNodeDeviceDettach(dev)
        }
    })
}

options! {
    /// The constructor's options.
    NEW { connection: Connect, name: Text, wwnn: Text, wwpn: Text, xml: Text, nocreate: Truth, flags: u32 }
}

#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
fn new(params: &Options) -> Result<Value> {
    let con = params.object::<Connect>("connection", "connection parameter is required")?;
    // SAFETY: a connection of ours or NULL, and C strings that outlive the calls.
    unsafe {
        if params.has("name") {
            object(virNodeDeviceLookupByName(con, params.text("name")?))
        } else if params.has("wwnn") {
            let (wwnn, wwpn) = (params.text("wwnn")?, params.text("wwpn")?);
            object(virNodeDeviceLookupSCSIHostByWWN(con, wwnn, wwpn, params.flags()?))
        } else if params.has("xml") {
            let (xml, flags) = (params.text("xml")?, params.flags()?);
            if params.is_true("nocreate") {
                object(newer::virNodeDeviceDefineXML()?(con, xml, flags))
            } else {
                object(virNodeDeviceCreateXML(con, xml, flags))
            }
        } else {
            Err(Error::Plain("name parameter is required"))
        }
    }
}
