// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The Rust half of Sys::Virt: every method of the Perl binding of libvirt, as a function from values to
//! a value or an error. It knows no Perl; `perl/` knows no libvirt. This file is the table of contents.

mod argument;
mod r#async;
mod boundary;
mod class;
mod constants;
mod event;
mod virt;

use boundary::callbacks::{self, Callbacks};
use boundary::class::Class;
use boundary::key::Key;
use boundary::lock;
use boundary::table::{ClassTable, Constant, ConstantRows, Method, MethodRows};
use boundary::value::Value;
use libc::{c_char, c_void};

const fn methods(rows: &'static [Method]) -> MethodRows {
    MethodRows { rows: rows.as_ptr(), count: rows.len() }
}

const fn constants(rows: &'static [Constant]) -> ConstantRows {
    ConstantRows { rows: rows.as_ptr(), count: rows.len() }
}

macro_rules! table {
    ($class:ident $(destroy $destroy:literal)?: methods [$($methods:path),*] constants [$($constants:path),*]) => {{
        static METHODS: &[MethodRows] = &[$(methods($methods)),*];
        static CONSTANTS: &[ConstantRows] = &[$(constants($constants)),*];
        ClassTable {
            class: Class::$class,
            methods: METHODS.as_ptr(),
            nmethods: METHODS.len(),
            constants: CONSTANTS.as_ptr(),
            nconstants: CONSTANTS.len(),
            destroy: table!(@destroy $($destroy)?),
        }
    }};
    (@destroy) => { std::ptr::null() };
    (@destroy $name:literal) => {{ let name: &std::ffi::CStr = $name; name.as_ptr() }};
}

static CLASSES: &[ClassTable] = &[
    table!(Connect destroy c"con_rv": methods [
        class::connect::METHODS, class::connect::domains::METHODS, class::connect::networks::METHODS, class::connect::storage::METHODS,
        class::connect::devices::METHODS, class::connect::node::METHODS, class::connect::stats::METHODS,
        class::connect::events::METHODS
    ] constants [constants::connect::TABLE]),
    table!(Domain destroy c"dom_rv": methods [
        class::domain::info::METHODS, class::domain::lifecycle::METHODS, class::domain::save::METHODS, class::domain::snapshots::METHODS,
        class::domain::devices::METHODS, class::domain::block::METHODS, class::domain::cpu::METHODS, class::domain::memory::METHODS,
        class::domain::tuning::METHODS, class::domain::migrate::METHODS, class::domain::agent::METHODS, class::domain::jobs::METHODS,
        class::domain::console::METHODS
    ] constants [
        constants::domain::TABLE, constants::domain_events::TABLE, constants::domain_guest_info::TABLE,
        constants::domain_jobs::TABLE, constants::domain_keys::TABLE, constants::domain_stats::TABLE,
        constants::domain_tuning::TABLE
    ]),
    table!(DomainSnapshot destroy c"domss_rv": methods [class::domain_snapshot::METHODS] constants [constants::domain_snapshot::TABLE]),
    table!(DomainCheckpoint destroy c"domcp_rv": methods [class::domain_checkpoint::METHODS] constants [constants::domain_checkpoint::TABLE]),
    table!(Error: methods [] constants [constants::error::TABLE]),
    table!(Event: methods [class::event::METHODS] constants [constants::event::TABLE]),
    table!(EventImpl: methods [class::event_impl::METHODS] constants []),
    table!(Interface destroy c"iface_rv": methods [class::interface::METHODS] constants [constants::interface::TABLE]),
    table!(Network destroy c"net_rv": methods [class::network::METHODS] constants [constants::network::TABLE]),
    table!(NetworkPort destroy c"port_rv": methods [class::network_port::METHODS] constants [constants::network_port::TABLE]),
    table!(NodeDevice destroy c"dev_rv": methods [class::node_device::METHODS] constants [constants::node_device::TABLE]),
    table!(NWFilter destroy c"filter_rv": methods [class::nwfilter::METHODS] constants [constants::nwfilter::TABLE]),
    table!(NWFilterBinding destroy c"binding_rv": methods [class::nwfilter_binding::METHODS] constants [constants::nwfilter_binding::TABLE]),
    table!(Secret destroy c"sec_rv": methods [class::secret::METHODS] constants [constants::secret::TABLE]),
    table!(StoragePool destroy c"pool_rv": methods [class::storage_pool::METHODS] constants [constants::storage_pool::TABLE]),
    table!(StorageVol destroy c"vol_rv": methods [class::storage_vol::METHODS] constants [constants::storage_vol::TABLE]),
    table!(Stream destroy c"st_rv": methods [class::stream::METHODS] constants [constants::stream::TABLE]),
    table!(Admin destroy c"con_rv": methods [class::admin::METHODS] constants [constants::admin::TABLE]),
    table!(AdminServer destroy c"srv_rv": methods [class::admin::server::METHODS] constants [constants::admin::SERVER]),
    table!(AdminClient destroy c"client_rv": methods [class::admin::client::METHODS] constants [constants::admin::CLIENT]),
    table!(Qemu: methods [class::qemu::METHODS] constants [constants::qemu::TABLE]),
    table!(Lxc: methods [class::lxc::METHODS] constants []),
];

/// For a Rust program that replaces the shim, such as tools/rust-fuzz: it is compiled against what is
/// compiled here, and so cannot fall behind.
#[cfg(fuzzing)]
pub mod harness {
    pub use crate::boundary::callbacks::{Callbacks, Called, Request, Want};
    pub use crate::boundary::class::Class;
    pub use crate::boundary::shape::{Field, Kind, Others, Shape};
    pub use crate::boundary::table::{ARGS_MAX, Method, Outcome, Param};
    pub use crate::boundary::value::{Storage, Tag, Value};
}

/// The tables of all classes.
///
/// # Safety
/// `count` points to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_classes(count: *mut usize) -> *const ClassTable {
    // SAFETY: the caller's promise.
    unsafe { *count = CLASSES.len() };
    CLASSES.as_ptr()
}

/// The Perl package of a class.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_package(class: Class) -> *const c_char {
    class.package().as_ptr()
}

/// The locks that are held while the process forks, in the order in which they may be taken.
static LOCKS: &[&dyn lock::Forks] = &[
    &boundary::origin::ORIGINS,
    &event::registration::REGISTERED,
    &event::close::SUBS.0,
    &class::stream::READY.0,
    &class::stream::transfer::TRANSFERS,
    &class::stream::pump::PUMPS,
    &class::stream::pump::MOVED,
    &boundary::streams::STREAMS,
    &boundary::class::shared::MORE,
    event::perl_loop::OWN_LOCK,
    event::perl_loop::LOCK,
    &r#async::pool::POOL,
    &r#async::pool::WORK,
    &r#async::pool::TIME,
    &r#async::pool::ANSWER,
    &r#async::fork::FORK,
];

/// Prepares libvirt and takes the shim's functions; false if libvirt can't be used.
///
/// # Safety
/// Each function does what `Callbacks` says of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_start(callbacks: &'static Callbacks) -> bool {
    let child = || {
        r#async::pool::in_child();
        class::stream::transfer::in_child();
        class::stream::pump::in_child();
    };
    let hooks = lock::Hooks { before: r#async::fork::before, parent: r#async::fork::after, child };
    lock::register(LOCKS, hooks);
    r#async::install();
    // SAFETY: the caller's promise.
    unsafe { callbacks::install(callbacks) };
    unsafe extern "C" fn silence(_data: *mut c_void, _error: *mut virt_sys::virError) {}
    // SAFETY: the handler does nothing with what it gets.
    unsafe { virt_sys::virSetErrorFunc(std::ptr::null_mut(), Some(silence)) };
    // SAFETY: initialization may be repeated.
    unsafe { virt_sys::virInitialize() >= 0 }
}

/// Whether libvirt's own event loop is registered.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_has_default() -> bool {
    class::event::has_default()
}

/// On the thread of an event loop written in Perl: has it watch the descriptor of its interpreter's queue.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_watch() {
    let _ = std::panic::catch_unwind(event::perl_loop::watch);
}

/// When the descriptor of an interpreter's queue was made to wait again: does what other threads wanted of an event loop written
/// in Perl. `within`: in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_serve_loop(within: bool) {
    let _ = std::panic::catch_unwind(|| event::perl_loop::serve(within));
}

/// The time limit of a call with these arguments in nanoseconds; 0: none. What the callback of a broken connection calls runs on
/// its own thread, because libvirt holds a lock that it may need.
///
/// # Safety
/// `args` are the `count` decoded arguments of a method; `connection` is as `How::connection`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_limit_of(
    args: *const Value,
    count: usize,
    connection: *mut *mut c_void,
) -> u64 {
    if event::close::is_running() {
        return 0;
    }
    // SAFETY: the caller's promise.
    let args = unsafe { std::slice::from_raw_parts(args, count) };
    // SAFETY: as above: a pointer of the handle's, which nobody else looks at during this call.
    r#async::limit_of(args, unsafe { connection.as_mut() })
}

/// A number from 1 upwards that no other key has.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_key_number(key: &'static Key) -> u32 {
    key.number()
}

/// Frees what a method's result owns.
///
/// # Safety
/// `value` is a result that was not dropped yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_drop(value: *mut Value) {
    // SAFETY: the caller's promise.
    unsafe { std::ptr::drop_in_place(value) }
}

/// Frees a string of libvirt's: `free` may be perl's in the shim.
///
/// # Safety
/// `malloc` returned it, and nobody else frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_free(text: *mut c_char) {
    // SAFETY: the caller's promise.
    unsafe { libc::free(text.cast()) }
}

/// Takes one more reference to a libvirt object.
///
/// # Safety
/// `object` is NULL or a live object of `class`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_retain(class: Class, object: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { boundary::class::retain(class, object) }
}

/// Gives one reference to a libvirt object back.
///
/// # Safety
/// `object` is NULL or a live object of `class`, and the reference is the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysvirt_release(class: Class, object: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { boundary::class::release(class, object) }
}

#[cfg(shim)]
unsafe extern "C-unwind" {
    #[cfg(perl_multiplicity)]
    fn sysvirt_boot(perl: *mut c_void, code: *mut c_void);
    #[cfg(not(perl_multiplicity))]
    fn sysvirt_boot(code: *mut c_void);
}

/// perl calls this function when it has loaded the module. It only forwards: it owns nothing, so the exception that
/// perl throws at a module of another perl may pass over it. A perl with MULTIPLICITY passes the interpreter.
///
/// # Safety
/// Called by perl's XSLoader.
#[cfg(all(shim, perl_multiplicity))]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn boot_Sys__Virt(perl: *mut c_void, code: *mut c_void) {
    // SAFETY: perl's own arguments.
    unsafe { sysvirt_boot(perl, code) }
}

/// The same in a perl without MULTIPLICITY.
///
/// # Safety
/// Called by perl's XSLoader.
#[cfg(all(shim, not(perl_multiplicity)))]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn boot_Sys__Virt(code: *mut c_void) {
    // SAFETY: perl's own argument.
    unsafe { sysvirt_boot(code) }
}
