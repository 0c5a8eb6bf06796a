// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Admin, a connection to a daemon's administration socket, and its servers and their clients.

use crate::boundary::library::*;
use crate::boundary::{sigpipe, types};
use crate::class::prelude::*;
use crate::event::close;
use crate::event::registration::deregister_all;

methods! { "Sys::Virt::Admin";
    #[constructor] new(class: Invocant, params: Pairs<NEW>) => open(&params);
    get_version(void: Any = undef) => {
        let _ = void;
        let version = virAdmGetVersion()?;
        written(|number| version(number))
    };

    get_uri(con: Admin) => owned(virAdmConnectGetURI()?(con));
    is_alive(con: Admin) => number(virAdmConnectIsAlive()?(con));
    get_library_version(con: Admin) => {
        let version = virAdmConnectGetLibVersion()?;
        written(|number| version(con, number))
    };

    list_servers(con: Admin, flags: u32 = 0) => {
        let servers = virAdmConnectListServers()?;
        list(|array| servers(con, array, flags))
    };
    get_server_by_name(con: Admin, name: Text, flags: u32 = 0) => object(virAdmConnectLookupServer()?(con, name, flags));

    get_logging_filters(con: Admin, flags: u32 = 0) => {
        let filters = virAdmConnectGetLoggingFilters()?;
        written_text(|text| filters(con, text, flags))
    };
    get_logging_outputs(con: Admin, flags: u32 = 0) => {
        let outputs = virAdmConnectGetLoggingOutputs()?;
        written_text(|text| outputs(con, text, flags))
    };
    set_logging_filters(con: Admin, filters: TextOrNull, flags: u32 = 0) =>
        status(virAdmConnectSetLoggingFilters()?(con, filters, flags));
    set_logging_outputs(con: Admin, outputs: TextOrNull, flags: u32 = 0) =>
        status(virAdmConnectSetLoggingOutputs()?(con, outputs, flags));
    set_daemon_timeout(con: Admin, timeout: u32, flags: u32 = 0) =>
        status(virAdmConnectSetDaemonTimeout()?(con, timeout, flags));
    daemon_shutdown(con: Admin, flags: u32 = 0) => status(virAdmConnectDaemonShutdown()?(con, flags));

    register_close_callback(conref: Owner<Admin>, cb: Code) => close::register(&conref, &cb);
    unregister_close_callback(con: Admin) => ignored(close::unregister(con, 0));
    _deregister_all(con: Admin) => void(|| deregister_all(con));
}

/// The rows of a daemon's servers.
pub mod server {
    use super::*;

    methods! { "Sys::Virt::Admin::Server";
        get_name(srv: AdminServer) => borrowed(virAdmServerGetName()?(srv));
        get_threadpool_parameters(srv: AdminServer, flags: u32 = 0) => {
            let get = virAdmServerGetThreadPoolParameters()?;
            params::get_allocated(|values, count| get(srv, values, count, flags))
        };
        set_threadpool_parameters(srv: AdminServer, params: Typed<THREADPOOL>, flags: u32 = 0) =>
            status(virAdmServerSetThreadPoolParameters()?(srv, params.as_ptr(), params.len(), flags));
        get_client_limits(srv: AdminServer, flags: u32 = 0) => {
            let get = virAdmServerGetClientLimits()?;
            params::get_allocated(|values, count| get(srv, values, count, flags))
        };
        set_client_limits(srv: AdminServer, params: Typed<CLIENT_LIMITS>, flags: u32 = 0) =>
            status(virAdmServerSetClientLimits()?(srv, params.as_ptr(), params.len(), flags));
        update_tls_files(srv: AdminServer, flags: u32 = 0) => status(virAdmServerUpdateTlsFiles()?(srv, flags));
        list_clients(srv: AdminServer, flags: u32 = 0) => {
            let clients = virAdmServerListClients()?;
            list(|array| clients(srv, array, flags))
        };
        get_client_by_id(srv: AdminServer, id: u64, flags: u32 = 0) => object(virAdmServerLookupClient()?(srv, id, flags));
    }

    schema! {
        /// The parameters of a server's thread pool.
        THREADPOOL {
            VIR_THREADPOOL_WORKERS_MIN => Uint,
            VIR_THREADPOOL_WORKERS_MAX => Uint,
            VIR_THREADPOOL_WORKERS_PRIORITY => Uint,
        }
    }

    schema! {
        /// The limits for a server's clients.
        CLIENT_LIMITS {
            VIR_SERVER_CLIENTS_MAX => Uint,
            VIR_SERVER_CLIENTS_UNAUTH_MAX => Uint,
        }
    }
}

/// The rows of a server's clients.
pub mod client {
    use super::*;

    methods! { "Sys::Virt::Admin::Client";
        get_id(client: AdminClient) => id(virAdmClientGetID()?(client));
        get_timestamp(client: AdminClient) => seconds(virAdmClientGetTimestamp()?(client));
        get_transport(client: AdminClient) => number(virAdmClientGetTransport()?(client));
        get_info(client: AdminClient, flags: u32 = 0) => {
            let get = virAdmClientGetInfo()?;
            params::get_allocated(|values, count| get(client, values, count, flags))
        };
        close(client: AdminClient, flags: u32 = 0) => status(virAdmClientClose()?(client, flags));
    }

    fn id(id: u64) -> Result<Value> {
        if id == u64::MAX { Err(Error::last()) } else { Ok(Value::from(id)) }
    }

    fn seconds(seconds: i64) -> Result<Value> {
        if seconds < 0 { Err(Error::last()) } else { Ok(Value::from(seconds)) }
    }
}

options! {
    /// The options of a new connection.
    NEW(Warn) { uri: TextOrNull, flags: u32 }
}

/// `new`: the URI, flags.
fn open(params: &Options) -> Result<Value> {
    let uri = params.get::<TextOrNull>("uri")?.unwrap_or(std::ptr::null());
    let (initialize, connect) = (virAdmInitialize()?, virAdmConnectOpen()?);
    types::may_administer()?;
    let flags = params.flags()?;
    // SAFETY: NULL may be passed.
    unsafe { sigpipe::expect(std::ptr::null()) };
    let _guard = sigpipe::Guard::new();
    // SAFETY: the library's own function; it may be called more than once.
    check(unsafe { initialize() })?;
    // SAFETY: a C string or NULL, which outlives the call.
    let connection = unsafe { connect(uri, flags) };
    // SAFETY: NULL or a new connection, which is ours.
    unsafe { object(connection) }
}
