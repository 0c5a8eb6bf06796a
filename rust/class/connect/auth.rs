// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Opening a connection, with credentials that a Perl sub supplies.

use crate::argument::callback::{Callback, defer};
use crate::argument::types::Arg;
use crate::r#async;
use crate::boundary::callbacks::Want;
use crate::boundary::shape::{Field, Kind, Others, Shape};
use crate::boundary::{driver, sigpipe, types};
use crate::class::prelude::*;
use std::ffi::CStr;

/// Opens a connection.
///
/// # Safety
/// `uri` is NULL or a C string, `auth` is NULL or valid.
pub unsafe fn open(uri: *const c_char, auth: virConnectAuthPtr, flags: u32) -> Result<Value> {
    types::may_connect()?;
    // SAFETY: the caller's promise.
    unsafe { sigpipe::expect(uri) };
    let _guard = sigpipe::Guard::new();
    // SAFETY: as above.
    let connection = unsafe { virConnectOpenAuth(uri, auth, flags) };
    // SAFETY: as above; and a new connection or NULL.
    r#async::opened(connection, unsafe { is_test(uri, connection) });
    // SAFETY: NULL or a new connection.
    unsafe { object(connection) }
}

/// Whether a connection uses libvirt's test driver within this process.
///
/// # Safety
/// `uri` is NULL or a C string, `connection` is NULL or lives.
unsafe fn is_test(uri: *const c_char, connection: *mut Connect) -> bool {
    if !uri.is_null() {
        // SAFETY: the caller's promise.
        return driver::is_test(unsafe { CStr::from_ptr(uri) }.to_bytes());
    }
    if connection.is_null() {
        return false;
    }
    // The default URI.
    // SAFETY: the caller's promise: it lives.
    let uri = unsafe { virConnectGetURI(connection) };
    // SAFETY: a string that libvirt allocated for us, or NULL.
    driver::is_test(unsafe { Value::owned_text(uri) }.raw())
}

options! {
    /// The options of a connection.
    NEW(Warn) {
        uri: TextOrNull, address: TextOrNull, flags: u32, readonly: Truth, auth: Truth,
        credlist: Optional<Array<i32>>, callback: Optional<Code>,
        // The shim's affair.
        timeout: TextOrNull,
    }
}

/// `new`: the URI, how to authenticate, flags.
pub fn new(params: &Options) -> Result<Value> {
    // The older name of the parameter wins when it is there at all.
    let key = if params.has("address") { "address" } else { "uri" };
    let uri = params.get::<TextOrNull>(key)?.unwrap_or(std::ptr::null());
    let mut flags = params.flags()?;
    if params.is_true("readonly") {
        flags |= VIR_CONNECT_RO;
    }
    if !params.is_true("auth") {
        // SAFETY: a C string or NULL; no authentication.
        let opened = unsafe { open(uri, std::ptr::null_mut(), flags) };
        return opened.map_err(without_auth);
    }
    let creds = params.get::<Optional<Array<i32>>>("credlist")?.flatten();
    let callback = params.get::<Optional<Code>>("callback")?.flatten();
    // SAFETY: a C string or NULL.
    unsafe { open_auth(uri, creds, callback, flags) }
}

/// The error's hint: the daemon may need a user name and a password, which were not requested.
fn without_auth(error: Error) -> Error {
    match error {
        Error::Libvirt(ref virt)
            if virt.code == VIR_ERR_AUTH_FAILED as i32 && virt.domain() != VIR_FROM_POLKIT as i32 =>
        {
            error.with_hint("if a user name and a password are needed, pass auth => 1 to Sys::Virt->new")
        }
        other => other,
    }
}

/// Opens with a callback for the credentials, or with libvirt's own questions on the console if there is none.
///
/// # Safety
/// `uri` is NULL or a C string.
pub unsafe fn open_auth(
    uri: *const c_char,
    creds: Option<Vec<c_int>>,
    callback: Option<NamedArg>,
    flags: u32,
) -> Result<Value> {
    let (Some(mut types), Some(callback)) = (creds, callback) else {
        // SAFETY: libvirt sets the pointer when it is loaded, and never changes it.
        let default = unsafe { virConnectAuthPtrDefault };
        // SAFETY: libvirt's own authenticator, a static structure; `uri` is a C string or NULL.
        return unsafe { open(uri, default, flags) };
    };
    let mut callback = Callback::new(&callback)?;
    let mut auth = virConnectAuth {
        credtype: types.as_mut_ptr(),
        ncredtype: types.len() as c_uint,
        cb: Some(ask),
        cbdata: (&raw mut callback).cast(),
    };
    // SAFETY: `auth`, what it points to and `uri` outlive the call, after which libvirt uses none of them.
    unsafe { open(uri, &raw mut auth, flags) }
}

/// libvirt's request for credentials.
unsafe extern "C" fn ask(cred: virConnectCredentialPtr, count: c_uint, data: *mut c_void) -> c_int {
    let answered = std::panic::catch_unwind(|| {
        // SAFETY: `open_auth` passed its callback, and waits for libvirt to return.
        let callback = unsafe { &*data.cast::<Callback>() };
        // SAFETY: libvirt passes `count` credentials to fill.
        let creds = unsafe { std::slice::from_raw_parts_mut(cred, count as usize) };
        answer(callback, creds)
    });
    answered.ok().flatten().unwrap_or(-1)
}

/// The callback's result, which may be the password.
static RETURNED: Field = Field::new(c"the callback's result", i32::SHAPE.secret());

/// The callback's argument afterwards: a hash for each request, with an answer.
static ANSWERS: Field = Field::new(
    c"the callback's argument",
    Shape::array(&Shape::fields(
        Kind::Hash,
        &[Field::new(c"result", Shape::of(Kind::Bytes).optional().secret())],
        Others::Ignore,
    )),
);

fn answer(callback: &Callback, creds: &mut [virConnectCredential]) -> Option<c_int> {
    let question = |cred: &virConnectCredential| {
        let text = |string| {
            // SAFETY: libvirt's string, or NULL.
            unsafe { copied(string) }
        };
        row! {
            c"type" => cred.type_,
            c"prompt" => text(cred.prompt),
            c"challenge" => text(cred.challenge),
            c"result" => text(cred.defresult),
        }
    };
    let questions = Value::from(Rows::of(creds.iter().map(question)));
    let done =
        callback.ask([questions], Want::Scalar, &RETURNED, Some((0, &ANSWERS)), |returned, answers| {
            for (cred, answer) in creds.iter_mut().zip(answers.items()) {
                give(cred, answer.get("result"))?;
            }
            Ok(returned.first().map_or(0, |value| value.narrow() as c_int))
        })?;
    done.map_err(|error| {
        if let Error::Usage(message) = error {
            defer(&message);
        }
    })
    .ok()
}

/// Writes an answer into memory that libvirt frees; undef means no answer.
fn give(cred: &mut virConnectCredential, answer: Option<&Value>) -> Result<()> {
    cred.result = std::ptr::null_mut();
    cred.resultlen = 0;
    let Some(answer) = answer.filter(|answer| !answer.is_none()) else { return Ok(()) };
    let bytes = answer.raw();
    // Room for the bytes and the NUL that C readers expect behind them.
    // SAFETY: `calloc` may be called with any size.
    let copy: *mut u8 = unsafe { libc::calloc(1, bytes.len() + 1) }.cast();
    if copy.is_null() {
        return Err(Error::Usage("out of memory for a credential".into()));
    }
    // SAFETY: a new allocation that is larger than the bytes.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len()) };
    cred.result = copy.cast();
    cred.resultlen = bytes.len() as c_uint;
    Ok(())
}
