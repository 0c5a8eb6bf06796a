// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The classes of libvirt objects: which C type each stands for, and how it is referenced and released.

use super::{driver, origin, sigpipe, streams};
use libc::c_void;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

/// A Perl package whose objects the boundary knows.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// No class: an unblessed value.
    None = 0,
    /// Sys::Virt
    Connect,
    /// Sys::Virt::Domain
    Domain,
    /// Sys::Virt::DomainSnapshot
    DomainSnapshot,
    /// Sys::Virt::DomainCheckpoint
    DomainCheckpoint,
    /// Sys::Virt::Interface
    Interface,
    /// Sys::Virt::Network
    Network,
    /// Sys::Virt::NetworkPort
    NetworkPort,
    /// Sys::Virt::NodeDevice
    NodeDevice,
    /// Sys::Virt::NWFilter
    NWFilter,
    /// Sys::Virt::NWFilterBinding
    NWFilterBinding,
    /// Sys::Virt::Secret
    Secret,
    /// Sys::Virt::StoragePool
    StoragePool,
    /// Sys::Virt::StorageVol
    StorageVol,
    /// Sys::Virt::Stream
    Stream,
    /// Sys::Virt::Admin
    Admin,
    /// Sys::Virt::Admin::Server
    AdminServer,
    /// Sys::Virt::Admin::Client
    AdminClient,
    /// Sys::Virt::Error, a hash that Perl code builds on.
    Error,
    /// Sys::Virt::Domain::JobType, a number that can also be dereferenced.
    JobType,
    /// Sys::Virt::QEMU, which has no objects.
    Qemu,
    /// Sys::Virt::LXC, which has no objects.
    Lxc,
    /// Sys::Virt::Event, which has no objects.
    Event,
    /// Sys::Virt::EventImpl, which has no objects; the last class.
    EventImpl,
}

macro_rules! classes {
    ($($class:ident $name:ident $package:literal $retain:ident $release:ident;)*) => {
        impl Class {
            /// The Perl package.
            pub const fn package(self) -> &'static CStr {
                match self {
                    $(Class::$class => $package,)*
                    Class::Error => c"Sys::Virt::Error",
                    Class::JobType => c"Sys::Virt::Domain::JobType",
                    Class::Qemu => c"Sys::Virt::QEMU",
                    Class::Lxc => c"Sys::Virt::LXC",
                    Class::Event => c"Sys::Virt::Event",
                    Class::EventImpl => c"Sys::Virt::EventImpl",
                    Class::None => c"",
                }
            }
        }

        $(
            #[doc = concat!("The C side of `Class::", stringify!($class), "`.")]
            pub type $class = c::$name;

            impl Object for $class {
                const CLASS: Class = Class::$class;
            }
        )*

        /// Takes one more reference to `object`.
        ///
        /// # Safety
        /// `object` is NULL or a live object of `class`.
        pub unsafe fn retain(class: Class, object: *mut c_void) {
            if object.is_null() {
                return;
            }
            if class == Class::Stream {
                streams::retained(object);
            }
            match class {
                // SAFETY: the caller's promise. It can fail for no live object.
                $(Class::$class => unsafe { c::$retain(object.cast()); },)*
                _ => {}
            }
        }

        /// Gives one reference to `object` back.
        ///
        /// # Safety
        /// `object` is NULL or a live object of `class`, whose reference the caller owns.
        pub unsafe fn release(class: Class, object: *mut c_void) {
            if object.is_null() {
                return;
            }
            let _guard = may_end_connection(class).then(sigpipe::Guard::new);
            if class == Class::Connect {
                driver::forget();
                let test = origin::closed(object);
                // SAFETY: the caller's promise.
                if unsafe { virt_sys::virConnectClose(object.cast()) } > 0 {
                    LINGERS.store(true, Ordering::Relaxed);
                    origin::lingers(object, test);
                }
                return;
            }
            if class == Class::Stream {
                streams::released(object);
            }
            match class {
                $(Class::$class => {
                    if const { !Class::$class.tells_connection() } {
                        origin::released(object);
                    }
                    // SAFETY: the caller's promise.
                    unsafe { c::$release(object.cast()); }
                })*
                _ => {}
            }
        }
    };
}

impl Class {
    /// Whether such an object belongs to a connection, or is one, and libvirt counts references to it without a lock of ours.
    pub const fn has_connection(self) -> bool {
        matches!(
            self,
            Class::Connect
                | Class::Domain
                | Class::DomainSnapshot
                | Class::DomainCheckpoint
                | Class::Interface
                | Class::Network
                | Class::Secret
                | Class::StoragePool
                | Class::StorageVol
        )
    }

    /// Whether libvirt knows the connection of such an object.
    pub const fn tells_connection(self) -> bool {
        !matches!(self, Class::NodeDevice | Class::NWFilter | Class::NWFilterBinding | Class::Stream)
    }
}

/// Whether there ever was a connection that something else still held when its handle gave it back.
static LINGERS: AtomicBool = AtomicBool::new(false);

/// Whether freeing an object may close a connection, which sends a message to the daemon. Most may not, because the handle of the
/// connection, which they came from, holds it.
fn may_end_connection(class: Class) -> bool {
    matches!(class, Class::Connect | Class::Stream | Class::Admin | Class::AdminServer | Class::AdminClient)
        || LINGERS.load(Ordering::Relaxed)
}

/// A C type whose pointers are objects in Perl.
pub trait Object {
    /// The Perl package of such an object.
    const CLASS: Class;
}

classes! {
    Connect          virConnect          c"Sys::Virt"                   virConnectRef          virConnectClose;
    Domain           virDomain           c"Sys::Virt::Domain"           virDomainRef           virDomainFree;
    DomainSnapshot   virDomainSnapshot   c"Sys::Virt::DomainSnapshot"   virDomainSnapshotRef   virDomainSnapshotFree;
    DomainCheckpoint virDomainCheckpoint c"Sys::Virt::DomainCheckpoint" virDomainCheckpointRef virDomainCheckpointFree;
    Interface        virInterface        c"Sys::Virt::Interface"        virInterfaceRef        virInterfaceFree;
    Network          virNetwork          c"Sys::Virt::Network"          virNetworkRef          virNetworkFree;
    NetworkPort      virNetworkPort      c"Sys::Virt::NetworkPort"      virNetworkPortRef      virNetworkPortFree;
    NodeDevice       virNodeDevice       c"Sys::Virt::NodeDevice"       virNodeDeviceRef       virNodeDeviceFree;
    NWFilter         virNWFilter         c"Sys::Virt::NWFilter"         virNWFilterRef         virNWFilterFree;
    NWFilterBinding  virNWFilterBinding  c"Sys::Virt::NWFilterBinding"  virNWFilterBindingRef  virNWFilterBindingFree;
    Secret           virSecret           c"Sys::Virt::Secret"           virSecretRef           virSecretFree;
    StoragePool      virStoragePool      c"Sys::Virt::StoragePool"      virStoragePoolRef      virStoragePoolFree;
    StorageVol       virStorageVol       c"Sys::Virt::StorageVol"       virStorageVolRef       virStorageVolFree;
    Stream           virStream           c"Sys::Virt::Stream"           virStreamRef           virStreamFree;
    Admin            virAdmConnect       c"Sys::Virt::Admin"            admin_ref              admin_close;
    AdminServer      virAdmServer        c"Sys::Virt::Admin::Server"    admin_server_ref       admin_server_free;
    AdminClient      virAdmClient        c"Sys::Virt::Admin::Client"    admin_client_ref       admin_client_free;
}

/// The C side of all classes.
mod c {
    use super::shared;
    pub use crate::boundary::library::{virAdmClient, virAdmConnect, virAdmServer};
    use crate::boundary::library::{
        virAdmClientFree, virAdmConnectClose, virAdmConnectRef, virAdmServerFree,
    };
    pub use virt_sys::*;

    // An object of libvirt-admin came from it, so it is loaded; if not, there is nothing to be done.

    pub unsafe fn admin_ref(object: *mut virAdmConnect) {
        // SAFETY: the caller's object is live.
        let _ = virAdmConnectRef().map(|function| unsafe { function(object) });
    }

    pub unsafe fn admin_close(object: *mut virAdmConnect) {
        // SAFETY: the caller's object is live, and the reference the caller's.
        let _ = virAdmConnectClose().map(|function| unsafe { function(object) });
    }

    pub unsafe fn admin_server_ref(object: *mut virAdmServer) {
        shared::retain(object.cast());
    }

    pub unsafe fn admin_server_free(object: *mut virAdmServer) {
        if shared::is_last(object.cast()) {
            // SAFETY: the caller's object is live, and no other handle has it.
            let _ = virAdmServerFree().map(|function| unsafe { function(object) });
        }
    }

    pub unsafe fn admin_client_ref(object: *mut virAdmClient) {
        shared::retain(object.cast());
    }

    pub unsafe fn admin_client_free(object: *mut virAdmClient) {
        if shared::is_last(object.cast()) {
            // SAFETY: the caller's object is live, and no other handle has it.
            let _ = virAdmClientFree().map(|function| unsafe { function(object) });
        }
    }
}

/// References to the objects of libvirt-admin that it does not count itself.
pub mod shared {
    use crate::boundary::lock::{Guard, Lock};
    use libc::c_void;
    use std::collections::BTreeMap;

    /// For each object with more than one reference, how many more.
    pub static MORE: Lock<BTreeMap<usize, usize>> = Lock::new(BTreeMap::new());

    fn more() -> Guard<BTreeMap<usize, usize>> {
        MORE.lock()
    }

    /// One reference more.
    pub fn retain(object: *mut c_void) {
        *more().entry(object.addr()).or_insert(0) += 1;
    }

    /// One less; whether that was the last.
    pub fn is_last(object: *mut c_void) -> bool {
        let mut more = more();
        match more.get_mut(&(object.addr())) {
            None => true,
            Some(1) => {
                more.remove(&(object.addr()));
                false
            }
            Some(count) => {
                *count -= 1;
                false
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_last_reference_is_known() {
            let object = std::ptr::without_provenance_mut(0x1000);
            assert!(is_last(object), "the only one");
            retain(object);
            retain(object);
            assert!(!is_last(object) && !is_last(object), "two more");
            assert!(is_last(object), "then the last");
        }
    }
}
