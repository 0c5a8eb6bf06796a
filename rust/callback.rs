// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Callback`]: a Perl sub that libvirt will call, by way of the functions that the shim installs.

use crate::r#async::errand::on_perls_thread;
use crate::error::{Fault, Result};
use crate::method::{Named, Origin};
use crate::value::Value;
use libc::{c_char, c_void};
use std::ffi::CStr;
use std::sync::OnceLock;

/// In which context a sub is called.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Void: nobody looks at what it returns.
    Nothing = 0,
    /// Scalar.
    Scalar,
    /// List.
    List,
}

/// Receives what a sub returned, and an argument as the sub left it, while the shim's copies live.
pub type Sink =
    extern "C" fn(context: *mut c_void, returned: *const Value, count: usize, readback: *const Value);

/// What the shim can do for callbacks.
#[repr(C)]
pub struct Callbacks {
    /// Makes a callback of a sub and, unless NULL, the object that it was registered on; `anytime`: one that may run in the
    /// midst of any call.
    pub create: extern "C" fn(code: *mut c_void, owner: *mut c_void, anytime: bool) -> *mut c_void,
    /// The same, by the sub's name; NULL if there is none.
    pub named: extern "C" fn(name: *const c_char) -> *mut c_void,
    /// Frees it.
    pub destroy: extern "C" fn(callback: *mut c_void),
    /// Calls the sub; false if it died.
    pub call: extern "C" fn(
        callback: *mut c_void,
        args: *mut Value,
        count: usize,
        want: Want,
        readback: isize,
        sink: Sink,
        context: *mut c_void,
    ) -> bool,
    /// Has the enclosing method die with the message.
    pub park: extern "C" fn(message: *const c_char),
}

static CALLBACKS: OnceLock<&'static Callbacks> = OnceLock::new();

/// Takes the shim's functions.
pub fn install(callbacks: &'static Callbacks) {
    // A second interpreter brings the same functions.
    let _ = CALLBACKS.set(callbacks);
}

/// A sub that Perl code gave us, kept until this is dropped.
#[derive(Debug)]
pub struct Callback(*mut c_void);

// SAFETY: the shim notes which interpreter a callback belongs to and runs and frees it only there.
unsafe impl Send for Callback {}
// SAFETY: as above.
unsafe impl Sync for Callback {}

extern "C" fn ignore(_context: *mut c_void, _returned: *const Value, _count: usize, _readback: *const Value) {
}

impl Callback {
    fn made(pointer: *mut c_void) -> Result<Self> {
        if pointer.is_null() {
            Err(Fault::Usage("no memory for a callback".into()))
        } else {
            Ok(Callback(pointer))
        }
    }

    fn shim() -> Result<&'static Callbacks> {
        CALLBACKS.get().copied().ok_or_else(|| Fault::Usage("callbacks need perl".into()))
    }

    fn create(code: &Named, owner: *mut c_void, anytime: bool) -> Result<Self> {
        let create = Self::shim()?.create;
        let code = code.value.pointer();
        let made = on_perls_thread(|| create(code, owner, anytime));
        Self::made(made.unwrap_or(std::ptr::null_mut()))
    }

    /// The sub `code`.
    pub fn new(code: &Named) -> Result<Self> {
        Self::create(code, std::ptr::null_mut(), false)
    }

    /// The sub `code`, registered on the object `owner`, which is not kept alive by it.
    pub fn on<T>(code: &Named, owner: &Origin<T>) -> Result<Self> {
        Self::create(code, owner.sv, false)
    }

    /// The same of one that libvirt may run in the midst of any call: from now on the shim holds what calls use.
    pub fn anytime<T>(code: &Named, owner: &Origin<T>) -> Result<Self> {
        Self::create(code, owner.sv, true)
    }

    /// The sub of that name.
    pub fn named(name: &CStr) -> Result<Self> {
        Self::made((Self::shim()?.named)(name.as_ptr()))
    }

    fn invoke(
        &self,
        args: &mut [Value],
        want: Want,
        readback: Option<usize>,
        sink: Sink,
        context: *mut c_void,
    ) -> bool {
        let Some(shim) = CALLBACKS.get() else {
            return false;
        };
        let readback = readback.map_or(-1, |index| index as isize);
        let _interlude = crate::sigpipe::Interlude::new();
        on_perls_thread(|| (shim.call)(self.0, args.as_mut_ptr(), args.len(), want, readback, sink, context))
            .unwrap_or(false)
    }

    /// Calls the sub for what it does; false if it died, which the shim remembers.
    pub fn call(&self, args: &mut [Value]) -> bool {
        self.invoke(args, Want::Nothing, None, ignore, std::ptr::null_mut())
    }

    /// Calls the sub and hands `look` what it returned, and the argument `readback` as the sub left it.
    /// None if it died, or could not be called.
    pub fn ask<R>(
        &self,
        mut args: Vec<Value>,
        want: Want,
        readback: Option<usize>,
        look: impl FnOnce(&[Value], &Value) -> R,
    ) -> Option<R> {
        struct Context<F, R> {
            look: Option<F>,
            seen: Option<R>,
        }
        extern "C" fn sink<F: FnOnce(&[Value], &Value) -> R, R>(
            context: *mut c_void,
            returned: *const Value,
            count: usize,
            readback: *const Value,
        ) {
            // SAFETY: `ask` passes its own context, alive until `invoke` returns.
            let context = unsafe { &mut *context.cast::<Context<F, R>>() };
            // SAFETY: the shim passes `count` values and one more, which live during this call.
            let (returned, readback) = unsafe { (std::slice::from_raw_parts(returned, count), &*readback) };
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
        let done = self.invoke(&mut args, want, readback, sink, (&raw mut context).cast());
        if done { context.seen } else { None }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        if let Some(shim) = CALLBACKS.get() {
            (shim.destroy)(self.0);
        }
    }
}

/// Makes the enclosing method throw `message`, as if the callback had died with it.
pub fn park(message: &str) {
    if let (Some(shim), Ok(text)) = (CALLBACKS.get(), std::ffi::CString::new(message.replace('\0', "\\0"))) {
        on_perls_thread(|| (shim.park)(text.as_ptr()));
    }
}
