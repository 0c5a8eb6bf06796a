// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Callback`]: a Perl sub that libvirt will call, by way of the functions that the shim installs.

use super::types::{NamedArg, Origin};
use crate::r#async::errand::on_perls_thread;
use crate::boundary::callbacks::{self, Callbacks, Called, Request, Sink, Want, installed};
use crate::boundary::error::{Error, Result};
use crate::boundary::shape::Field;
use crate::boundary::table::ARGS_MAX;
use crate::boundary::value::Value;
use libc::c_void;
use std::ffi::CStr;

/// A callback from Perl code, retained until this value is dropped.
#[derive(Debug)]
pub struct Callback(*mut c_void);

// SAFETY: the shim notes which interpreter a callback belongs to and runs and frees it only there.
unsafe impl Send for Callback {}
// SAFETY: as above.
unsafe impl Sync for Callback {}

unsafe extern "C" fn ignore(
    _context: *mut c_void,
    _returned: *const Value,
    _count: usize,
    _readback: *const Value,
) {
}

/// The thread on which a callback is called, relative to its interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On its thread.
    Here,
    /// On another.
    Elsewhere,
    /// The interpreter has ended.
    Gone,
}

impl Callback {
    /// Where this is.
    pub fn place(&self) -> Place {
        // SAFETY: the shim's own callback.
        match installed().map_or(-1, |shim| unsafe { (shim.place)(self.0) }) {
            1 => Place::Here,
            0 => Place::Elsewhere,
            _ => Place::Gone,
        }
    }

    fn made(pointer: *mut c_void) -> Result<Self> {
        if pointer.is_null() {
            Err(Error::Usage("out of memory for a callback".into()))
        } else {
            Ok(Callback(pointer))
        }
    }

    fn shim() -> Result<&'static Callbacks> {
        installed().ok_or_else(|| Error::Usage("callbacks need perl".into()))
    }

    fn create(code: &NamedArg, owner: *mut c_void, anytime: bool) -> Result<Self> {
        let create = Self::shim()?.create;
        let code = code.value.pointer();
        // SAFETY: the sub and the object are arguments of the method that runs.
        let made = on_perls_thread(|| unsafe { create(code, owner, anytime) });
        Self::made(made.unwrap_or(std::ptr::null_mut()))
    }

    /// The sub `code`.
    pub fn new(code: &NamedArg) -> Result<Self> {
        Self::create(code, std::ptr::null_mut(), false)
    }

    /// The sub `code`, registered on the object `owner`, which is not kept alive by it.
    pub fn on<T>(code: &NamedArg, owner: &Origin<T>) -> Result<Self> {
        Self::create(code, owner.sv(), false)
    }

    /// The same for a callback that libvirt may run during any call: from now on the shim retains the objects of calls.
    pub fn anytime<T>(code: &NamedArg, owner: &Origin<T>) -> Result<Self> {
        Self::create(code, owner.sv(), true)
    }

    /// The sub of that name.
    pub fn named(name: &CStr) -> Result<Self> {
        let shim = Self::shim()?;
        // SAFETY: a C string.
        Self::made(unsafe { (shim.named)(name.as_ptr()) })
    }

    fn invoke<const N: usize>(
        &self,
        args: &mut [Value; N],
        want: Want,
        returned: Option<&'static Field>,
        readback: Option<(usize, &'static Field)>,
        sink: Sink,
        context: *mut c_void,
    ) -> bool {
        const { assert!(N <= ARGS_MAX, "a callback gets at most ARGS_MAX arguments") };
        let Some(shim) = installed() else {
            return false;
        };
        let returned = returned.map_or(std::ptr::null(), std::ptr::from_ref);
        let (readback, read) = readback
            .map_or((-1, std::ptr::null()), |(index, read)| (index as isize, std::ptr::from_ref(read)));
        let _interlude = crate::boundary::sigpipe::Interlude::new();
        let args = args.as_mut_ptr();
        let request = Request { args, count: N, want, returned, readback, read, sink, context };
        // SAFETY: the shim's own callback, `N` values, and a context that fits the sink: `ask` makes both, and `ignore` looks at
        // none.
        let call = || unsafe { (shim.call)(self.0, &raw const request) };
        match call() {
            Called::Elsewhere => on_perls_thread(call) == Some(Called::Done),
            called => called == Called::Done,
        }
    }

    /// Calls the callback in void context; false if it died; the shim keeps the exception.
    pub fn call<const N: usize>(&self, args: &mut [Value; N]) -> bool {
        self.invoke(args, Want::Nothing, None, None, ignore, std::ptr::null_mut())
    }

    /// Calls the sub and hands `look` what it returned, of which each value has to be a `returned`, and the argument `readback`
    /// as the sub left it.
    /// None if it died, or could not be called.
    pub fn ask<const N: usize, R>(
        &self,
        mut args: [Value; N],
        want: Want,
        returned: &'static Field,
        readback: Option<(usize, &'static Field)>,
        look: impl FnOnce(&[Value], &Value) -> R,
    ) -> Option<R> {
        struct Context<F, R> {
            look: Option<F>,
            seen: Option<R>,
        }
        unsafe extern "C" fn sink<F: FnOnce(&[Value], &Value) -> R, R>(
            context: *mut c_void,
            returned: *const Value,
            count: usize,
            readback: *const Value,
        ) {
            // SAFETY: `ask` passes its own context, alive until `invoke` returns.
            let context = unsafe { &mut *context.cast::<Context<F, R>>() };
            // SAFETY: the shim passes `count` values, which live during this call.
            let returned = unsafe { std::slice::from_raw_parts(returned, count) };
            // SAFETY: and one more.
            let readback = unsafe { &*readback };
            if let Some(look) = context.look.take() {
                let look = std::panic::AssertUnwindSafe(|| look(returned, readback));
                context.seen = std::panic::catch_unwind(look).ok();
            }
        }
        fn sink_of<F: FnOnce(&[Value], &Value) -> R, R>(_: &Context<F, R>) -> Sink {
            sink::<F, R>
        }
        let mut context = Context { look: Some(look), seen: None };
        let sink = sink_of(&context);
        let done = self.invoke(&mut args, want, Some(returned), readback, sink, (&raw mut context).cast());
        if done { context.seen } else { None }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        if let Some(shim) = installed() {
            // SAFETY: the shim's own callback, which is no longer used.
            unsafe { (shim.destroy)(self.0) };
        }
    }
}

/// Makes the enclosing method throw `message`, as if the callback had died with it.
pub fn defer(message: &str) {
    on_perls_thread(|| callbacks::defer(message));
}
