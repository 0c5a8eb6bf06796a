// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The way from the shim into a method's body, and back with its result or what it throws.

use super::class::Class;
use super::error::{Error, Result, VirError};
use super::map::map;
use super::sigpipe;
use super::table::Outcome;
use super::value::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of the method `name`; the only way from the shim into one.
#[inline]
pub(crate) fn enter<const N: usize>(
    body: impl FnOnce(&[Value; N]) -> Result<Value>,
    args: *const Value,
    result: *mut Value,
    name: &str,
    sends: bool,
) -> Outcome {
    // SAFETY: the shim passes an array of a value for each parameter, which it does not touch before we return.
    let args = unsafe { &*args.cast::<[Value; N]>() };
    let _guard = sends.then(sigpipe::Guard::new);
    let (outcome, value) = match catch_unwind(AssertUnwindSafe(|| body(args))) {
        Ok(Ok(value)) => (Outcome::Done, value),
        failed => failure(failed, name),
    };
    // SAFETY: the shim passes room for one value, which holds nothing yet.
    unsafe { result.write(value) };
    outcome
}

/// What the method `name` throws.
#[cold]
#[inline(never)]
fn failure(failed: std::thread::Result<Result<Value>>, name: &str) -> (Outcome, Value) {
    let error = match failed {
        Ok(Ok(value)) => return (Outcome::Done, value),
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
            Error::Usage(format!("internal error: {text}"))
        }
    };
    match error {
        Error::Libvirt(error) => (Outcome::Error, thrown(error)),
        Error::Usage(message) => (Outcome::Usage, Value::from(format!("{name}: {message}").as_str())),
        Error::Plain(message) => (Outcome::Usage, Value::from(message)),
    }
}

/// libvirt's error as a Sys::Virt::Error.
fn thrown(error: VirError) -> Value {
    map! {
        c"level" => error.level,
        c"code" => error.code,
        c"domain" => error.domain,
        c"message" => error.message,
    }
    .blessed(Class::Error)
}
