// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The way from the shim into a method's body, and back with its result or what it throws.

use super::class::Class;
use super::error::{Error, Result, VirError};
use super::map::map;
use super::memory::NoMemory;
use super::short::Returned;
use super::sigpipe;
use super::table::Outcome;
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
    // SAFETY: the caller's promise.
    let args = unsafe { &*args.cast::<[Value; N]>() };
    let _guard = sends.then(sigpipe::Guard::new);
    let (outcome, value) = match catch_unwind(AssertUnwindSafe(|| body(args))) {
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
    catch_unwind(AssertUnwindSafe(|| failure(error, name)))
        .unwrap_or_else(|_| (Outcome::Usage, Value::from("out of memory for an error's message")))
}

fn failure(error: Error, name: &str) -> (Outcome, Value) {
    match error {
        Error::Libvirt(error) => (Outcome::Error, thrown(error)),
        Error::Usage(message) => (Outcome::Usage, Value::from(format!("{name}: {message}").as_str())),
        Error::Plain(message) => (Outcome::Usage, Value::from(message)),
    }
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
        Error::Libvirt(error) => thrown(error),
        Error::Usage(message) => Value::from(message.as_str()),
        Error::Plain(message) => Value::from(message),
    }
}

/// libvirt's error as a Sys::Virt::Error: the hash, and beyond its pairs the buffer of its message, with the details before it.
fn thrown(error: VirError) -> Value {
    let (level, code, domain) = (error.level, error.code, error.domain);
    let (start, text) = error.into_text();
    let message = &text[start..];
    // SAFETY: the last bytes of the buffer, which lives as long as the hash.
    let message = unsafe { Value::borrowed_bytes(message.as_ptr().cast(), message.len()) };
    map! {
        c"level" => level,
        c"code" => code,
        c"domain" => domain,
        c"message" => message;
        Value::boxed_bytes(text)
    }
    .blessed(Class::Error)
}
