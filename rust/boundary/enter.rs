// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The way from the shim into a method's body, and back with its result or what it throws.

use super::error::{Error, Result};
use super::memory::NoMemory;
use super::short::Returned;
use super::sigpipe;
use super::table::Outcome;
use super::thread::settle_variables;
use super::value::Value;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of the method `name`; the only way from the shim into one.
///
/// # Safety
/// `args` points to `N` values that live and do not change until this returns: the shim's, each decoded as its parameter
/// says. `result` points to room for one, which holds nothing yet, and which the shim has taken before it enters another
/// method in this thread.
#[inline]
pub(crate) unsafe fn enter<const N: usize, R: Returned>(
    body: impl FnOnce(&[Value; N]) -> Result<R>,
    args: *const Value,
    result: *mut Value,
    name: &str,
    sends: bool,
) -> Outcome {
    settle_variables();
    // SAFETY: the caller's promise.
    let args = unsafe { &*args.cast::<[Value; N]>() };
    let _guard = sends.then(sigpipe::Guard::new);
    let returned = catch_unwind(AssertUnwindSafe(|| body(args)));
    settle_variables();
    let (outcome, value) = match returned {
        Ok(Ok(returned)) => (Outcome::Done, returned.into_value()),
        Ok(Err(error)) => thrown_as(error, name),
        Err(panic) => thrown_as(panicked(&*panic), name),
    };
    // SAFETY: the caller's promise.
    unsafe { result.write(value) };
    outcome
}

/// The exception of the method `name`, or an exception that memory ran out.
#[cold]
#[inline(never)]
fn thrown_as(error: Error, name: &str) -> (Outcome, Value) {
    let text = match error {
        Error::Libvirt(error) => return (Outcome::Error, Value::error(error.into_text())),
        Error::Usage(message) => catch_unwind(|| Value::from(format!("{name}: {message}").as_str())),
        Error::Plain(message) => catch_unwind(|| Value::from(message)),
    };
    (Outcome::Usage, text.unwrap_or_else(|_| Value::from("out of memory for an error's message")))
}

#[cold]
#[inline(never)]
fn panicked(panic: &(dyn Any + Send)) -> Error {
    if let Some(none) = panic.downcast_ref::<NoMemory>() {
        return Error::Usage(format!("out of memory for {} elements", none.0));
    }
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
    Error::Usage(format!("internal error: {text}"))
}

/// The exception of a call that was not made.
pub fn exception(error: Error) -> Value {
    match error {
        Error::Libvirt(error) => Value::error(error.into_text()),
        Error::Usage(message) => Value::from(message.as_str()),
        Error::Plain(message) => Value::from(message),
    }
}
