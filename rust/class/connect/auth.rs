// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Opening a connection, with credentials that a Perl sub supplies.

use crate::argument::callback::{Callback, defer};
use crate::r#async;
use crate::boundary::callbacks::Want;
use crate::boundary::{sigpipe, types};
use crate::class::prelude::*;

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
    r#async::opened(connection);
    // SAFETY: NULL or a new connection.
    unsafe { object(connection) }
}

/// `new`: the URI, how to authenticate, flags.
pub fn new(params: &NamedArg) -> Result<Value> {
    // The older name of the parameter wins when it is there at all.
    let key = if params.has("address") { "address" } else { "uri" };
    let uri = params.optional_text(key)?;
    let mut flags = params.flags()?;
    if params.is_true("readonly") {
        flags |= VIR_CONNECT_RO;
    }
    if !params.is_true("auth") {
        // SAFETY: a C string or NULL; no authentication.
        return unsafe { open(or_null(&uri), std::ptr::null_mut(), flags) };
    }
    let none = Value::none();
    let creds = NamedArg { value: params.value.get("credlist").unwrap_or(&none), name: "credlist" };
    let callback = NamedArg { value: params.value.get("callback").unwrap_or(&none), name: "callback" };
    open_auth(or_null(&uri), &creds, &callback, flags)
}

/// Opens with a callback for the credentials, or with libvirt's own questions on the console if there is none.
pub fn open_auth(uri: *const c_char, creds: &NamedArg, callback: &NamedArg, flags: u32) -> Result<Value> {
    if creds.value.is_none() || callback.value.is_none() {
        // SAFETY: libvirt's own authenticator, a static structure; `uri` is a C string or NULL.
        return unsafe { open(uri, virConnectAuthPtrDefault, flags) };
    }
    if creds.value.tag() != Tag::Array {
        return Err(Error::argument(creds.name, "is not an ARRAY reference"));
    }
    if callback.value.tag() != Tag::Code {
        return Err(Error::argument(callback.name, "is not a CODE reference"));
    }
    let mut types: Vec<c_int> = creds.integers()?;
    let mut callback = Callback::new(callback)?;
    let mut auth = virConnectAuth {
        credtype: types.as_mut_ptr(),
        ncredtype: types.len() as c_uint,
        cb: Some(ask),
        cbdata: (&raw mut callback).cast(),
    };
    // SAFETY: `auth`, what it points to and `uri` outlive the call, after which libvirt uses none of them.
    unsafe { open(uri, &mut auth, flags) }
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

const NO_NUMBER: &str = "the authentication callback must return 0, or -1 to give up";

fn answer(callback: &Callback, creds: &mut [virConnectCredential]) -> Option<c_int> {
    let question = |cred: &virConnectCredential| {
        // SAFETY: libvirt's strings, or NULL.
        let (prompt, challenge, default) =
            unsafe { (copied(cred.prompt), copied(cred.challenge), copied(cred.defresult)) };
        map! {
            c"type" => cred.type_,
            c"prompt" => prompt,
            c"challenge" => challenge,
            c"result" => default,
        }
    };
    let questions = Value::array(memory::collected(creds.iter().map(question)));
    let done = callback.ask([questions], Want::Scalar, Some(0), |returned, answers| {
        for (cred, answer) in creds.iter_mut().zip(answers.items()) {
            give(cred, answer.get("result"))?;
        }
        // What it returned is not quoted: it may be the password.
        let number = |value| integer(value, "").map_err(|_| Error::Usage(NO_NUMBER.into()));
        returned.first().map_or(Ok(0), number)
    })?;
    done.map_err(|error| {
        if let Error::Usage(message) = error {
            defer(&message);
        }
    })
    .ok()
}

/// Writes an answer where libvirt frees it; undef is no answer.
fn give(cred: &mut virConnectCredential, answer: Option<&Value>) -> Result<()> {
    cred.result = std::ptr::null_mut();
    cred.resultlen = 0;
    let Some(answer) = answer.filter(|answer| !answer.is_none()) else { return Ok(()) };
    let mut bytes = match answer.to_bytes("result") {
        // Characters that are no bytes: as UTF-8, which they are already.
        Err(_) if !answer.raw().is_empty() => answer.raw().into(),
        other => other?,
    };
    // SAFETY: room for the bytes and the NUL that C readers expect behind them.
    unsafe {
        let copy: *mut u8 = libc::calloc(1, bytes.len() + 1).cast();
        if copy.is_null() {
            return Err(Error::Usage("no memory for a credential".into()));
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
        cred.result = copy.cast();
    }
    cred.resultlen = bytes.len() as c_uint;
    if let std::borrow::Cow::Owned(copy) = &mut bytes {
        crate::boundary::scratch::wipe(copy);
    }
    Ok(())
}
