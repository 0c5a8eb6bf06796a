// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Sys::Virt::Stream.

pub mod calls;
pub mod file;
pub mod handle;
pub mod held;
pub mod pump;
pub mod transfer;

use crate::argument::callback::{Callback, defer};
use crate::argument::types::Arg;
use crate::boundary::callbacks::Want;
use crate::boundary::enter::exception;
use crate::boundary::scratch;
use crate::boundary::shape::Field;
use crate::boundary::streams::{self, User, Way};
use crate::class::prelude::*;
use crate::event::registration::{CallbackRegistry, Registration};
use calls::{AT_HOLE, WOULD_BLOCK};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

options! {
    /// The constructor's options.
    NEW { connection: Connect, flags: u32 }
}

methods! { "Sys::Virt::Stream";
    #[constructor] _new(class: Invocant, params: Pairs<NEW>) => {
        let con = params.object::<Connect>("connection", "connection parameter is required")?;
        new(con, params.flags()?)
    };
    _new_obj(con: Connect, flags: u32 = 0) => new(con, flags);

    send(st: Stream, data: BytesOrNull, nbytes: usize) => {
        streams::idle(st)?;
        transferred(virStreamSend(st, data.as_ptr().cast(), nbytes.min(data.len())), &[WOULD_BLOCK])
    };
    recv(st: Stream, data: Variable, nbytes: usize, flags: u32 = 0) => {
        let _ = data;
        streams::idle(st)?;
        recv(st, nbytes, flags)
    };
    send_hole(st: Stream, lengthSV as length: i64, flags: u32 = 0) => {
        streams::idle(st)?;
        takes_holes(st)?;
        status(virStreamSendHole(st, length, flags))
    };
    recv_hole(st: Stream, flags: u32 = 0) => {
        streams::idle(st)?;
        written(|length: *mut i64| virStreamRecvHole(st, length, flags))
    };
    finish(st: Stream) => {
        streams::idle(st)?;
        over(st, virStreamFinish(st))
    };
    abort(st: Stream) => abort(st);

    _handle_open(st: Stream) => pump::open(st);
    #[local] _handle_error(st: Stream) => {
        let error = streams::failure(st).map_or_else(Value::none, |error| exception(Error::Libvirt(error)));
        Ok(Value::list(vec![error]))
    };
    _transfer_open(st: Stream, file: Descriptor, sends: Truth, sparse: Optional<Truth>, length: Optional<u64>) =>
        transfer::open(st, file, sends, sparse, length);
    _transfer_run(st: Stream, key: u64, slice: u32, queue: usize) => transfer::run(st, key, slice, queue);
    #[local] _transfer_done(st: Stream, key: u64) => {
        let _ = st;
        Ok(transfer::done(key))
    };
    _transfer_stop(st: Stream, key: u64) => transfer::stop(st, key);

    send_all(stref: Owner<Stream>, handler: Code) => {
        let handlers = Handlers::new(&stref, &handler)?;
        transfer_all(&handlers, virStreamSendAll(stref.object, Some(source), handlers.opaque()))
    };
    recv_all(stref: Owner<Stream>, handler: Code) => {
        let handlers = Handlers::new(&stref, &handler)?;
        transfer_all(&handlers, virStreamRecvAll(stref.object, Some(sink), handlers.opaque()))
    };
    sparse_recv_all(stref: Owner<Stream>, handler: Code, hole_handler: Code) => {
        let mut handlers = Handlers::new(&stref, &handler)?;
        handlers.hole = Some(Callback::on(&hole_handler, &stref)?);
        transfer_all(&handlers, virStreamSparseRecvAll(stref.object, Some(sink), Some(sink_hole), handlers.opaque()))
    };
    sparse_send_all(stref: Owner<Stream>, handler: Code, hole_handler: Code, skip_handler: Code) => {
        takes_holes(stref.object)?;
        let mut handlers = Handlers::new(&stref, &handler)?;
        handlers.hole = Some(Callback::on(&hole_handler, &stref)?);
        handlers.skip = Some(Callback::on(&skip_handler, &stref)?);
        transfer_all(&handlers, virStreamSparseSendAll(
            stref.object, Some(source), Some(source_hole), Some(source_skip), handlers.opaque()))
    };

    add_callback(stref: Owner<Stream>, events: i32, cb: Code) => {
        streams::idle(stref.object)?;
        let registration = Registration::new(Callback::on(&cb, &stref)?);
        done(READY.register(stref.object, &registration, |key| {
            virStreamEventAddCallback(stref.object, events, Some(ready), key, Some(free))
        }))
    };
    update_callback(st: Stream, events: i32) => status(virStreamEventUpdateCallback(st, events));
    remove_callback(st: Stream) => removed(st, virStreamEventRemoveCallback(st));
}

fn removed(st: *mut Stream, returned: c_int) -> Result<Value> {
    check(returned)?;
    READY.forget_those_of(st, None);
    Ok(Value::none())
}

/// A new stream.
///
/// # Safety
/// The connection is live, or NULL.
pub unsafe fn new(con: *mut Connect, flags: u32) -> Result<Value> {
    // SAFETY: the caller's promise.
    let stream = unsafe { virStreamNew(con, flags) };
    if !stream.is_null() {
        streams::made(stream, con, flags & VIR_STREAM_NONBLOCK != 0);
    }
    // SAFETY: NULL or a new stream.
    unsafe { object(stream) }
}

/// Refuses a stream that has ended.
fn takes_holes(st: *mut Stream) -> Result<()> {
    if streams::has_ended(st) {
        return Err(Error::operation("the stream has ended"));
    }
    Ok(())
}

/// The result of what opens a stream.
pub fn begun(st: *mut Stream, way: Way, returned: c_int) -> Result<Value> {
    if returned >= 0 {
        streams::opened(st, way);
    }
    status(returned)
}

/// Aborts a stream, also under the hands of a file handle or a transfer.
///
/// # Safety
/// As for a row.
unsafe fn abort(st: *mut Stream) -> Result<Value> {
    match streams::user(st) {
        User::Handle(key) => {
            pump::abort(key);
            Ok(Value::none())
        }
        // SAFETY: the caller's promise.
        User::Transfer(key) => unsafe { transfer::stop(st, key) },
        // SAFETY: the caller's promise.
        User::Nobody => over(st, unsafe { virStreamAbort(st) }),
    }
}

/// The result of what ends a stream, whatever it is.
fn over(st: *mut Stream, returned: c_int) -> Result<Value> {
    streams::ended(st);
    status(returned)
}

/// The result of what aborts the stream if it fails.
fn transfer_all(handlers: &Handlers, returned: c_int) -> Result<Value> {
    if returned < 0 {
        return over(handlers.stream, returned);
    }
    let unsent = match handlers.unsent.get() {
        0 => Vec::new(),
        bytes => vec![format!(
            "the handler returned 0, so that {bytes} bytes in its second argument were not sent"
        )],
    };
    Ok(Value::warned(status(returned)?, unsent))
}

/// The most that one call receives; a stream delivers in smaller pieces anyway.
const BUFFER_MAX: usize = 16 << 20;

fn transferred(returned: c_int, special: &[c_int]) -> Result<Value> {
    if special.contains(&returned) { Ok(Value::from(returned)) } else { number(returned) }
}

/// For the row of that name.
///
/// # Safety
/// Each pointer is NULL, or what the row that passes it got.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of these calls runs, with the same arguments")]
unsafe fn recv(st: *mut Stream, nbytes: usize, flags: u32) -> Result<Value> {
    let room = nbytes.min(BUFFER_MAX);
    let mut buffer = scratch::take();
    buffer.try_reserve_exact(room).map_err(|_| Error::argument("nbytes", "is too large: out of memory"))?;
    // SAFETY: libvirt writes at most `room` bytes, which are there.
    let returned = unsafe {
        if flags == 0 {
            virStreamRecv(st, buffer.as_mut_ptr().cast(), room)
        } else {
            virStreamRecvFlags(st, buffer.as_mut_ptr().cast(), room, flags)
        }
    };
    // SAFETY: libvirt wrote that many bytes.
    unsafe { buffer.set_len(usize::try_from(returned).unwrap_or(0).min(room)) };
    let received = Value::scratch_bytes(buffer);
    let result = transferred(returned, &[WOULD_BLOCK, AT_HOLE])?;
    Ok(if returned > 0 { Value::out_arg(1, received, result) } else { result })
}

/// The subs of one of the `_all` methods.
struct Handlers {
    data: Callback,
    hole: Option<Callback>,
    skip: Option<Callback>,
    stream: *mut Stream,
    /// The number of bytes that a handler had when it returned 0.
    unsent: Cell<usize>,
    /// How often in a row one has taken nothing of what it was given.
    idle: Cell<u32>,
}

/// So often in a row a handler may take nothing, as one does that writes to a pipe which is full. It is asked again, first at once,
/// then after a while.
const IDLE_MAX: u32 = 2_000;
const IDLE_AT_ONCE: u32 = 1_000;
const NAP: Duration = Duration::from_millis(1);

impl Handlers {
    fn new(stream: &Origin<Stream>, handler: &NamedArg) -> Result<Self> {
        streams::idle(stream.object)?;
        let data = Callback::on(handler, stream)?;
        Ok(Handlers {
            data,
            hole: None,
            skip: None,
            stream: stream.object,
            unsent: Cell::new(0),
            idle: Cell::new(0),
        })
    }

    fn opaque(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    fn stream(&self) -> Value {
        // SAFETY: the stream of the method that runs, which its caller holds.
        unsafe { Value::owner(Class::Stream, self.stream.cast()) }
    }
}

/// Runs a handler for C; on any failure it returns -1, which makes libvirt abort the stream.
unsafe fn handle(opaque: *mut c_void, work: impl FnOnce(&Handlers) -> Option<c_int>) -> c_int {
    let work = AssertUnwindSafe(|| {
        // SAFETY: the method that runs passed its own `Handlers`.
        work(unsafe { &*opaque.cast::<Handlers>() })
    });
    catch_unwind(work).ok().flatten().unwrap_or(-1)
}

/// The result of a handler.
static COUNT: Field = Field::new(c"the handler's result", i64::SHAPE);

/// The results of a handler of holes: whether there is data, and the length.
static HOLE: Field = Field::new(c"the hole handler's result", i64::SHAPE);

/// A handler's second argument after the call.
static DATA: Field = Field::new(c"the handler's data", Bytes::SHAPE);

fn count_of(returned: &[Value]) -> i64 {
    returned.last().map_or(0, Value::narrow)
}

unsafe extern "C" fn source(
    _st: *mut Stream,
    data: *mut c_char,
    nbytes: usize,
    opaque: *mut c_void,
) -> c_int {
    let fill = |handlers: &Handlers| {
        let args = [handlers.stream(), Value::bytes(b""), Value::from(nbytes as u64)];
        handlers.data.ask(args, Want::Scalar, &COUNT, Some((1, &DATA)), |returned, given| {
            let count = count_of(returned);
            let bytes = given.raw();
            if count <= 0 {
                if count == 0 && !bytes.is_empty() {
                    handlers.unsent.set(bytes.len());
                }
                return Some(count.max(-1) as c_int);
            }
            let count = count as usize;
            if count > bytes.len() || count > nbytes {
                let most = bytes.len().min(nbytes);
                defer(&format!("the handler returned {count}, but there are {most} bytes to send"));
                return None;
            }
            // SAFETY: libvirt's buffer has room for `nbytes`, and `count` is not larger.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), count) };
            Some(count as c_int)
        })?
    };
    // SAFETY: libvirt passes the opaque pointer through.
    unsafe { handle(opaque, fill) }
}

unsafe extern "C" fn sink(
    _st: *mut Stream,
    data: *const c_char,
    nbytes: usize,
    opaque: *mut c_void,
) -> c_int {
    let pass = |handlers: &Handlers| {
        // SAFETY: libvirt's buffer, which the shim copies before the handler runs.
        let bytes = unsafe { Value::borrowed_bytes(data, nbytes) };
        let args = [handlers.stream(), bytes, Value::from(nbytes as u64)];
        handlers.data.ask(args, Want::Scalar, &COUNT, None, |returned, _| {
            let count = count_of(returned);
            if count < 0 {
                return None;
            }
            let idle = if count == 0 { handlers.idle.get() + 1 } else { 0 };
            handlers.idle.set(idle);
            if idle == IDLE_MAX {
                defer(&format!(
                    "the handler returned 0 for {nbytes} bytes {IDLE_MAX} times: it must return how many it used"
                ));
                return None;
            }
            if idle > IDLE_AT_ONCE {
                std::thread::sleep(NAP);
            }
            // A larger result counts as all.
            Some(count.min(nbytes as i64) as c_int)
        })?
    };
    // SAFETY: libvirt passes the opaque pointer through.
    unsafe { handle(opaque, pass) }
}

/// A handler that gets the length of a hole.
fn tell_hole(handlers: &Handlers, sub: Option<&Callback>, length: i64) -> Option<c_int> {
    let args = [handlers.stream(), Value::from(length)];
    sub?.ask(args, Want::Scalar, &COUNT, None, |returned, _| count_of(returned).clamp(-1, 0) as c_int)
}

unsafe extern "C" fn sink_hole(_st: *mut Stream, length: i64, opaque: *mut c_void) -> c_int {
    // SAFETY: libvirt passes the opaque pointer through.
    unsafe { handle(opaque, |handlers| tell_hole(handlers, handlers.hole.as_ref(), length)) }
}

unsafe extern "C" fn source_skip(_st: *mut Stream, length: i64, opaque: *mut c_void) -> c_int {
    // SAFETY: libvirt passes the opaque pointer through.
    unsafe { handle(opaque, |handlers| tell_hole(handlers, handlers.skip.as_ref(), length)) }
}

unsafe extern "C" fn source_hole(
    _st: *mut Stream,
    in_data: *mut c_int,
    length: *mut i64,
    opaque: *mut c_void,
) -> c_int {
    let find = |handlers: &Handlers| {
        handlers.hole.as_ref()?.ask([handlers.stream()], Want::List, &HOLE, None, |returned, _| {
            let [data, size] = returned else { return None };
            // The handler itself may have ended it.
            if takes_holes(handlers.stream).is_err() {
                defer("the stream ended before the hole was sent");
                return None;
            }
            // SAFETY: libvirt's own variable.
            unsafe { *in_data = c_int::from(data.narrow() != 0) };
            // SAFETY: as above.
            unsafe { *length = size.narrow() };
            Some(0)
        })?
    };
    // SAFETY: libvirt passes the opaque pointer through.
    unsafe { handle(opaque, find) }
}

/// The subs that wait for streams. libvirt's client of daemons never frees them.
pub static READY: CallbackRegistry = CallbackRegistry::new();

unsafe extern "C" fn ready(st: *mut Stream, events: c_int, key: *mut c_void) {
    let hear = || {
        if let Some(registration) = READY.get(key) {
            // SAFETY: libvirt's own stream, which lives during the callback.
            let stream = unsafe { Value::owner(Class::Stream, st.cast()) };
            registration.call([stream, Value::from(events)]);
        }
    };
    // A panic must not reach C; whatever it was, the event is lost.
    let _ = catch_unwind(AssertUnwindSafe(hear));
}

unsafe extern "C" fn free(key: *mut c_void) {
    let _ = catch_unwind(|| READY.forget(key));
}
