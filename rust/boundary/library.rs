// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! libvirt's smaller libraries, for QEMU, for LXC and for administration: each is loaded when one of its functions is first
//! called, so that scripts without need of them load nothing, and need not have them installed.

use super::error::{Error, Result};
use libc::{c_char, c_int, c_longlong, c_uint, c_ulonglong, c_void};
use std::ffi::CStr;
use std::sync::atomic::{AtomicPtr, Ordering};
use virt_sys::{
    virConnectDomainQemuMonitorEventCallback, virConnectPtr, virDomainPtr, virFreeCallback,
    virSecurityLabelPtr, virSecurityModelPtr, virTypedParameterPtr,
};

/// The version of the libvirt in use, as text.
fn library_version() -> String {
    let mut version = 0;
    // SAFETY: writes one number; the driver's name and version may be NULL.
    unsafe { virt_sys::virGetVersion(&raw mut version, std::ptr::null(), std::ptr::null_mut()) };
    format!("{}.{}.{}", version / 1_000_000, version / 1000 % 1000, version % 1000)
}

/// The exception for the function `name`, which the libvirt in use lacks.
pub fn missing(name: &str, since: &str) -> Error {
    let found = library_version();
    Error::unsupported(format!(
        "this function is not supported by the connection driver: {name} needs libvirt {since}, found {found}"
    ))
}

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident as $pointer:ident),*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub struct $name {
            _opaque: [u8; 0],
        }

        #[doc = concat!("A pointer to a `", stringify!($name), "`.")]
        #[expect(non_camel_case_types, reason = "libvirt's name")]
        pub type $pointer = *mut $name;
    )*};
}
opaque! {
    /// A connection to a daemon's administration socket.
    virAdmConnect as virAdmConnectPtr,
    /// One of a daemon's servers.
    virAdmServer as virAdmServerPtr,
    /// A client of a server.
    virAdmClient as virAdmClientPtr
}

/// The type of libvirt-admin's close callback.
#[expect(non_camel_case_types, reason = "libvirt's name")]
pub type virAdmConnectCloseFunc = Option<unsafe extern "C" fn(virAdmConnectPtr, c_int, *mut c_void)>;

/// Where a library's functions are.
struct Library {
    /// The name to load it by.
    file: &'static CStr,
    /// Its handle once it is loaded. It stays loaded.
    handle: AtomicPtr<c_void>,
}

impl Library {
    const fn new(file: &'static CStr) -> Self {
        Library { file, handle: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The handle; the exception names the package that has the library.
    fn load(&self, function: &str) -> Result<*mut c_void> {
        let loaded = self.handle.load(Ordering::Acquire);
        if !loaded.is_null() {
            return Ok(loaded);
        }
        // SAFETY: a C string. Two threads that come here at once get the same handle.
        let handle = unsafe { libc::dlopen(self.file.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(self.missing(function));
        }
        self.handle.store(handle, Ordering::Release);
        Ok(handle)
    }

    #[cold]
    fn missing(&self, function: &str) -> Error {
        // SAFETY: the message of this thread's last failure, or NULL.
        let message = unsafe { libc::dlerror() };
        let why = if message.is_null() {
            "it cannot be loaded".into()
        } else {
            // SAFETY: not NULL, so a C string, valid until the next such call.
            unsafe { CStr::from_ptr(message) }.to_string_lossy()
        };
        let file = self.file.to_string_lossy();
        Error::unsupported(format!(
            "{function} needs {file}, of the package libvirt0 (Debian, Ubuntu) or libvirt-libs (Fedora, openSUSE): {why}"
        ))
    }

    /// The function `name` of the library, preloaded ones included; `found` keeps its address.
    fn function(&self, found: &AtomicPtr<c_void>, name: &CStr, since: &str) -> Result<*mut c_void> {
        let known = found.load(Ordering::Relaxed);
        if !known.is_null() {
            return Ok(known);
        }
        let shown = name.to_string_lossy();
        // SAFETY: a C string.
        let mut address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        if address.is_null() {
            let library = self.load(&shown)?;
            // SAFETY: the handle of a library that stays loaded, and a C string.
            address = unsafe { libc::dlsym(library, name.as_ptr()) };
        }
        if address.is_null() {
            return Err(missing(&shown, since));
        }
        found.store(address, Ordering::Relaxed);
        Ok(address)
    }
}

macro_rules! libraries {
    ($($library:ident $file:literal { $($since:literal fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $result:ty;)* })*) => {
        $(
            static $library: Library = Library::new($file);

            $(
                #[doc = concat!("The library's function of that name, of version ", $since, ".")]
                #[expect(non_snake_case, reason = "C's name")]
                pub fn $name() -> Result<unsafe extern "C" fn($($ty),*) -> $result> {
                    static FOUND: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
                    const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                        Ok(name) => name,
                        Err(_) => panic!("a name has no NUL"),
                    };
                    let found = $library.function(&FOUND, NAME, $since)?;
                    // SAFETY: the library's function of that name has this prototype: xt/ compares them.
                    Ok(unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($ty),*) -> $result>(found) })
                }
            )*
        )*
    };
}

libraries! {
    QEMU c"libvirt-qemu.so.0" {
        "0.8.3" fn virDomainQemuMonitorCommand(dom: virDomainPtr, cmd: *const c_char, result: *mut *mut c_char, flags: c_uint) -> c_int;
        "8.2.0" fn virDomainQemuMonitorCommandWithFiles(dom: virDomainPtr, cmd: *const c_char, ninfiles: c_uint, infiles: *mut c_int, noutfiles: *mut c_uint, outfiles: *mut *mut c_int, result: *mut *mut c_char, flags: c_uint) -> c_int;
        "0.9.4" fn virDomainQemuAttach(conn: virConnectPtr, pid: c_uint, flags: c_uint) -> virDomainPtr;
        "0.10.0" fn virDomainQemuAgentCommand(dom: virDomainPtr, cmd: *const c_char, timeout: c_int, flags: c_uint) -> *mut c_char;
        "1.2.3" fn virConnectDomainQemuMonitorEventRegister(conn: virConnectPtr, dom: virDomainPtr, event: *const c_char, cb: virConnectDomainQemuMonitorEventCallback, opaque: *mut c_void, ff: virFreeCallback, flags: c_uint) -> c_int;
        "1.2.3" fn virConnectDomainQemuMonitorEventDeregister(conn: virConnectPtr, id: c_int) -> c_int;
    }
    LXC c"libvirt-lxc.so.0" {
        "1.0.2" fn virDomainLxcOpenNamespace(dom: virDomainPtr, fdlist: *mut *mut c_int, flags: c_uint) -> c_int;
        "1.0.2" fn virDomainLxcEnterNamespace(dom: virDomainPtr, nfdlist: c_uint, fdlist: *mut c_int, noldfdlist: *mut c_uint, oldfdlist: *mut *mut c_int, flags: c_uint) -> c_int;
        "1.0.4" fn virDomainLxcEnterSecurityLabel(model: virSecurityModelPtr, label: virSecurityLabelPtr, oldlabel: virSecurityLabelPtr, flags: c_uint) -> c_int;
        "2.0.0" fn virDomainLxcEnterCGroup(dom: virDomainPtr, flags: c_uint) -> c_int;
    }
    ADMIN c"libvirt-admin.so.0" {
        "2.0.0" fn virAdmInitialize() -> c_int;
        "2.0.0" fn virAdmConnectOpen(name: *const c_char, flags: c_uint) -> virAdmConnectPtr;
        "2.0.0" fn virAdmConnectClose(conn: virAdmConnectPtr) -> c_int;
        "2.0.0" fn virAdmConnectRef(conn: virAdmConnectPtr) -> c_int;
        "2.0.0" fn virAdmConnectIsAlive(conn: virAdmConnectPtr) -> c_int;
        "2.0.0" fn virAdmConnectGetURI(conn: virAdmConnectPtr) -> *mut c_char;
        "2.0.0" fn virAdmConnectGetLibVersion(conn: virAdmConnectPtr, version: *mut c_ulonglong) -> c_int;
        "2.0.0" fn virAdmGetVersion(version: *mut c_ulonglong) -> c_int;
        "2.0.0" fn virAdmConnectListServers(conn: virAdmConnectPtr, servers: *mut *mut virAdmServerPtr, flags: c_uint) -> c_int;
        "2.0.0" fn virAdmConnectLookupServer(conn: virAdmConnectPtr, name: *const c_char, flags: c_uint) -> virAdmServerPtr;
        "2.0.0" fn virAdmConnectRegisterCloseCallback(conn: virAdmConnectPtr, cb: virAdmConnectCloseFunc, opaque: *mut c_void, ff: virFreeCallback) -> c_int;
        "2.0.0" fn virAdmConnectUnregisterCloseCallback(conn: virAdmConnectPtr, cb: virAdmConnectCloseFunc) -> c_int;
        "3.0.0" fn virAdmConnectGetLoggingFilters(conn: virAdmConnectPtr, filters: *mut *mut c_char, flags: c_uint) -> c_int;
        "3.0.0" fn virAdmConnectGetLoggingOutputs(conn: virAdmConnectPtr, outputs: *mut *mut c_char, flags: c_uint) -> c_int;
        "3.0.0" fn virAdmConnectSetLoggingFilters(conn: virAdmConnectPtr, filters: *const c_char, flags: c_uint) -> c_int;
        "3.0.0" fn virAdmConnectSetLoggingOutputs(conn: virAdmConnectPtr, outputs: *const c_char, flags: c_uint) -> c_int;
        "8.6.0" fn virAdmConnectSetDaemonTimeout(conn: virAdmConnectPtr, timeout: c_uint, flags: c_uint) -> c_int;
        "11.2.0" fn virAdmConnectDaemonShutdown(conn: virAdmConnectPtr, flags: c_uint) -> c_int;
        "2.0.0" fn virAdmServerFree(srv: virAdmServerPtr) -> c_int;
        "2.0.0" fn virAdmServerGetName(srv: virAdmServerPtr) -> *const c_char;
        "2.0.0" fn virAdmServerGetThreadPoolParameters(srv: virAdmServerPtr, params: *mut virTypedParameterPtr, nparams: *mut c_int, flags: c_uint) -> c_int;
        "2.0.0" fn virAdmServerSetThreadPoolParameters(srv: virAdmServerPtr, params: virTypedParameterPtr, nparams: c_int, flags: c_uint) -> c_int;
        "2.0.0" fn virAdmServerGetClientLimits(srv: virAdmServerPtr, params: *mut virTypedParameterPtr, nparams: *mut c_int, flags: c_uint) -> c_int;
        "2.0.0" fn virAdmServerSetClientLimits(srv: virAdmServerPtr, params: virTypedParameterPtr, nparams: c_int, flags: c_uint) -> c_int;
        "2.0.0" fn virAdmServerUpdateTlsFiles(srv: virAdmServerPtr, flags: c_uint) -> c_int;
        "2.0.0" fn virAdmServerListClients(srv: virAdmServerPtr, clients: *mut *mut virAdmClientPtr, flags: c_uint) -> c_int;
        "2.0.0" fn virAdmServerLookupClient(srv: virAdmServerPtr, id: c_ulonglong, flags: c_uint) -> virAdmClientPtr;
        "2.0.0" fn virAdmClientFree(client: virAdmClientPtr) -> c_int;
        "2.0.0" fn virAdmClientGetID(client: virAdmClientPtr) -> c_ulonglong;
        "2.0.0" fn virAdmClientGetTimestamp(client: virAdmClientPtr) -> c_longlong;
        "2.0.0" fn virAdmClientGetTransport(client: virAdmClientPtr) -> c_int;
        "2.0.0" fn virAdmClientGetInfo(client: virAdmClientPtr, params: *mut virTypedParameterPtr, nparams: *mut c_int, flags: c_uint) -> c_int;
        "2.0.0" fn virAdmClientClose(client: virAdmClientPtr, flags: c_uint) -> c_int;
    }
}

/// The constants of libvirt-admin, which no crate has.
macro_rules! admin_constants {
    (texts { $($text:ident = $value:literal;)* } integers { $($number:ident = $integer:literal;)* }) => {
        $(
            #[doc = concat!("C's constant of that name: ", stringify!($value), ".")]
            pub const $text: &CStr = $value;
        )*
        $(
            #[doc = concat!("C's constant of that name: ", stringify!($integer), ".")]
            pub const $number: c_uint = $integer;
        )*
    };
}
admin_constants! {
    texts {
        VIR_THREADPOOL_WORKERS_MIN = c"minWorkers";
        VIR_THREADPOOL_WORKERS_MAX = c"maxWorkers";
        VIR_THREADPOOL_WORKERS_PRIORITY = c"prioWorkers";
        VIR_THREADPOOL_WORKERS_FREE = c"freeWorkers";
        VIR_THREADPOOL_WORKERS_CURRENT = c"nWorkers";
        VIR_THREADPOOL_JOB_QUEUE_DEPTH = c"jobQueueDepth";
        VIR_SERVER_CLIENTS_MAX = c"nclients_max";
        VIR_SERVER_CLIENTS_CURRENT = c"nclients";
        VIR_SERVER_CLIENTS_UNAUTH_MAX = c"nclients_unauth_max";
        VIR_SERVER_CLIENTS_UNAUTH_CURRENT = c"nclients_unauth";
        VIR_CLIENT_INFO_READONLY = c"readonly";
        VIR_CLIENT_INFO_SOCKET_ADDR = c"sock_addr";
        VIR_CLIENT_INFO_SASL_USER_NAME = c"sasl_user_name";
        VIR_CLIENT_INFO_X509_DISTINGUISHED_NAME = c"tls_x509_dname";
        VIR_CLIENT_INFO_UNIX_USER_ID = c"unix_user_id";
        VIR_CLIENT_INFO_UNIX_USER_NAME = c"unix_user_name";
        VIR_CLIENT_INFO_UNIX_GROUP_ID = c"unix_group_id";
        VIR_CLIENT_INFO_UNIX_GROUP_NAME = c"unix_group_name";
        VIR_CLIENT_INFO_UNIX_PROCESS_ID = c"unix_process_id";
        VIR_CLIENT_INFO_SELINUX_CONTEXT = c"selinux_context";
    }
    integers {
        VIR_CLIENT_TRANS_UNIX = 0;
        VIR_CLIENT_TRANS_TCP = 1;
        VIR_CLIENT_TRANS_TLS = 2;
        VIR_DAEMON_SHUTDOWN_PRESERVE = 1;
    }
}
