// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Streams as file handles: the script has one end of a socket pair, threads carry what it writes to the stream and what comes out
//! of the stream to it. One reads the stream, one writes to it. Both wait in libvirt or at the socket, so that the slower side
//! holds up the other. The shim's layer at the bottom of the script's handle (perl/stream.c) asks for the end and for what went
//! wrong: [`mod@super::handle`].

use super::calls::{BLOCK, WOULD_BLOCK, inside};
use super::held::Held;
use crate::r#async::pool::pool;
use crate::boundary::class::Stream;
use crate::boundary::error::{Error, Result, VirError, forget_error};
use crate::boundary::lock::{Condition, Guard, Lock, now};
use crate::boundary::memory;
use crate::boundary::streams::{self, User};
use crate::boundary::thread::spawn;
use crate::boundary::value::Value;
use libc::c_int;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use virt_sys::{virStreamAbort, virStreamFinish, virStreamRecv, virStreamSend};

/// The script's request for the stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    Finish,
    Abort,
}

/// The call of a thread in libvirt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Receive,
    Send,
}

/// A stream with a file handle.
pub(super) struct Pump {
    /// Until its last thread ends.
    stream: Option<Held>,
    connection: usize,
    inside: bool,
    /// Our end of the socket pair; -1 when it is closed.
    socket: c_int,
    /// The script's end, until its handle is made.
    pub(super) other: c_int,
    pub(super) reads: bool,
    pub(super) writes: bool,
    pub(super) asked: Asked,
    receiving: bool,
    sending: bool,
    /// A thread ends the stream, or has; aborts it, or has.
    ending: bool,
    aborting: bool,
    /// The script's handle was freed, or its close was abandoned.
    pub(super) gone: bool,
    pub(super) failed: bool,
    pub(super) threads: u32,
    /// How many layers and scalars of Perl's know the number.
    pub(super) perl: u32,
}

/// All of them, by number.
pub struct Pumps {
    pub(super) all: BTreeMap<u64, Pump>,
    last: u64,
    /// This is a child, and what is in here is the parent's.
    inherited: bool,
}

/// The one.
pub static PUMPS: Lock<Pumps> = Lock::new(Pumps { all: BTreeMap::new(), last: 0, inherited: false });
/// Where those wait that need something of a pump.
pub static MOVED: Condition = Condition::new();

pub(super) fn pumps() -> Guard<Pumps> {
    let mut pumps = PUMPS.lock();
    if pumps.inherited {
        pumps.inherited = false;
        std::mem::forget(std::mem::take(&mut pumps.all));
    }
    pumps
}

/// In a child, which has none of the threads: nothing but system calls. The parent's end of a socket pair is not kept open.
pub fn in_child() {
    let mut pumps = PUMPS.lock();
    pumps.inherited = true;
    for pump in pumps.all.values_mut() {
        pump.close();
        pump.disclaim();
    }
}

impl Pump {
    fn close(&mut self) {
        if self.socket >= 0 {
            // SAFETY: a descriptor of ours, which is not used again.
            unsafe { libc::close(self.socket) };
            self.socket = -1;
        }
    }

    /// Nobody makes a handle of the script's end.
    fn disclaim(&mut self) {
        close_both([std::mem::replace(&mut self.other, -1), -1]);
    }

    fn shut(&self, how: c_int) {
        if self.socket >= 0 {
            // SAFETY: a socket of ours.
            unsafe { libc::shutdown(self.socket, how) };
        }
    }

    fn call(&mut self, call: Call) -> &mut bool {
        match call {
            Call::Receive => &mut self.receiving,
            Call::Send => &mut self.sending,
        }
    }
}

impl Pumps {
    /// Ends the script's reading: with an error if the stream has failed and is only read. The kernel
    /// reports one at the end of a socket pair when the other is closed with something unread in it.
    fn end_of_data(&mut self, key: u64, clean: bool) {
        let Some(pump) = self.all.get_mut(&key) else { return };
        if clean || pump.writes {
            pump.shut(libc::SHUT_WR);
        } else {
            pump.close();
        }
    }
}

/// Begins to carry the data of an open stream: the number by which Perl gets the other end.
///
/// # Safety
/// The stream is live.
pub unsafe fn open(stream: *mut Stream) -> Result<Value> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: room for two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return Err(Error::system("there is no socket pair", &std::io::Error::last_os_error()));
    }
    let [perl, socket] = ends;
    let mut pumps = pumps();
    let key = pumps.last + 1;
    let (way, connection) = streams::occupy(stream, User::Handle(key)).inspect_err(|_| close_both(ends))?;
    pumps.last = key;
    // SAFETY: the stream holds its connection.
    let inside = unsafe { inside(connection) };
    // SAFETY: the caller's promise.
    let held = unsafe { Held::new(stream) };
    if !way.writes {
        // SAFETY: one byte, which nobody reads until all has arrived: see `end_of_data`.
        unsafe { libc::send(perl, c"x".as_ptr().cast(), 1, libc::MSG_NOSIGNAL) };
    }
    pumps.all.insert(
        key,
        Pump {
            stream: Some(held.clone()),
            connection,
            inside,
            socket,
            other: perl,
            reads: way.reads,
            writes: way.writes,
            asked: Asked::Nothing,
            receiving: false,
            sending: false,
            ending: false,
            aborting: false,
            gone: false,
            failed: false,
            threads: u32::from(way.reads) + u32::from(way.writes),
            perl: 1,
        },
    );
    drop(pumps);
    let duplex = way.reads && way.writes;
    let writer = held.clone();
    let reading = !way.reads || start(key, move || read(key, &held, socket, duplex));
    let writing = reading && way.writes && start(key, move || write(key, &writer, socket));
    if !reading || (way.writes && !writing) {
        if let Some(pump) = self::pumps().all.get_mut(&key) {
            pump.writes = false; // there is no thread that would end the stream
        }
        if duplex && !reading {
            leave(key); // it was counted, too
        }
        end(key, Asked::Abort, true);
        drop_perl(key);
        return Err(Error::operation("cannot start a thread"));
    }
    Ok(Value::from(key))
}

fn close_both(ends: [c_int; 2]) {
    for end in ends.into_iter().filter(|&end| end >= 0) {
        // SAFETY: a descriptor of ours, which nobody else knows.
        unsafe { libc::close(end) };
    }
}

/// Starts a thread of a pump, which counts it already. If there can be none, it is not counted any more.
fn start(key: u64, work: impl FnOnce() + Send + 'static) -> bool {
    let started = spawn("sys-virt-stream", move || {
        // A panic ends this thread alone; the stream is aborted.
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            fail(key, None);
            conclude(key);
        }
        leave(key);
    });
    if !started {
        leave(key);
    }
    started
}

/// A thread enters libvirt; false if the stream is to end.
fn enter(key: u64, call: Call) -> bool {
    let mut pumps = pumps();
    let Some(pump) = pumps.all.get_mut(&key) else { return false };
    let stops = if call == Call::Send { Asked::Abort } else { pump.asked };
    if pump.asked == stops && pump.asked != Asked::Nothing || pump.ending {
        return false;
    }
    *pump.call(call) = true;
    let connection = pump.connection;
    drop(pumps);
    pool().uses(connection, true);
    true
}

/// It has returned; false in the same case.
fn exit(key: u64, call: Call) -> bool {
    let mut pumps = pumps();
    let Some(pump) = pumps.all.get_mut(&key) else { return false };
    *pump.call(call) = false;
    let (connection, goes_on) = (pump.connection, pump.asked != Asked::Abort);
    MOVED.notify_all();
    drop(pumps);
    pool().uses(connection, false);
    goes_on
}

/// The stream has failed; the script gets the error at the end of the stream.
fn fail(key: u64, error: Option<VirError>) {
    let mut pumps = pumps();
    let Some(pump) = pumps.all.get_mut(&key) else { return };
    if pump.asked != Asked::Abort {
        let error = error.unwrap_or_else(|| match Error::operation("the stream broke off") {
            Error::Libvirt(error) => error,
            _ => VirError::last(),
        });
        pump.failed = true;
        if let Some(stream) = &pump.stream {
            streams::failed(stream.get(), error);
        }
    }
}

/// The thread that reads the stream.
fn read(key: u64, stream: &Held, socket: c_int, duplex: bool) {
    let mut buffer = memory::with_room(BLOCK);
    buffer.resize(BLOCK, 0_u8);
    loop {
        if !enter(key, Call::Receive) {
            return aborted(key, duplex);
        }
        // SAFETY: a stream that is held; there is so much room.
        let got = unsafe { virStreamRecv(stream.get(), buffer.as_mut_ptr().cast(), buffer.len()) };
        let error = if got < 0 && got != WOULD_BLOCK { Some(VirError::last()) } else { None };
        if !exit(key, Call::Receive) {
            return aborted(key, duplex);
        }
        match usize::try_from(got) {
            Ok(0) => break,
            // If nobody reads any more, the rest is dropped: there is an end all the same.
            Ok(got) => pass(socket, buffer.get(..got).unwrap_or_default()),
            Err(_) if pumps().all.get(&key).is_none_or(|pump| pump.asked != Asked::Nothing) => return,
            Err(_) => {
                fail(key, error);
                if !duplex {
                    conclude(key);
                }
                pumps().end_of_data(key, false);
                return;
            }
        }
    }
    if duplex {
        return pumps().end_of_data(key, true);
    }
    // All data has arrived, if the other side confirms that. The script is notified afterwards.
    if let Some(pump) = pumps().all.get_mut(&key).filter(|pump| pump.asked == Asked::Nothing) {
        pump.asked = Asked::Finish;
    }
    conclude(key);
    let mut pumps = pumps();
    let clean = pumps.all.get(&key).is_some_and(|pump| !pump.failed);
    if clean {
        let mut byte = 0_u8;
        // SAFETY: room for the byte that `open` sent.
        unsafe { libc::recv(socket, (&raw mut byte).cast(), 1, libc::MSG_DONTWAIT) };
    }
    pumps.end_of_data(key, clean);
}

/// The stream was aborted while the script reads: that is not the end of the data.
fn aborted(key: u64, duplex: bool) {
    let mut pumps = pumps();
    if !duplex && pumps.all.get(&key).is_some_and(|pump| pump.asked == Asked::Abort) {
        pumps.end_of_data(key, false);
    }
}

/// Writes all to the script's end; less if that is closed.
fn pass(socket: c_int, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: so many bytes.
        let sent = unsafe { libc::send(socket, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
        match usize::try_from(sent) {
            Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
            Err(_) if std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            Err(_) => return,
        }
    }
}

/// The thread that writes to the stream, and ends it.
fn write(key: u64, stream: &Held, socket: c_int) {
    let mut buffer = memory::with_room(BLOCK);
    buffer.resize(BLOCK, 0_u8);
    let mut usable = true;
    loop {
        // SAFETY: room for so many bytes.
        let got = unsafe { libc::recv(socket, buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        match usize::try_from(got) {
            Ok(0) => break,
            // When the stream has failed, the rest is dropped: the alternatives are a signal, or an error with less information.
            Ok(got) => usable = usable && send(key, stream, buffer.get(..got).unwrap_or_default()),
            Err(_) if std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            Err(_) => break,
        }
    }
    let mut pumps = pumps();
    while pumps.all.get(&key).is_some_and(|pump| pump.asked == Asked::Nothing) {
        MOVED.wait_until(&mut pumps, now() + 3_600_000_000_000);
    }
    drop(pumps);
    conclude(key);
}

/// Sends all; false if that is no longer possible.
fn send(key: u64, stream: &Held, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        if !enter(key, Call::Send) {
            return false;
        }
        // SAFETY: a stream that is held; so many bytes.
        let sent = unsafe { virStreamSend(stream.get(), bytes.as_ptr().cast(), bytes.len()) };
        let error = if sent < 0 && sent != WOULD_BLOCK { Some(VirError::last()) } else { None };
        if !exit(key, Call::Send) {
            return false;
        }
        match usize::try_from(sent) {
            Ok(sent) if sent > 0 => bytes = bytes.get(sent..).unwrap_or_default(),
            _ => {
                fail(key, error);
                pumps().end_of_data(key, false);
                return false;
            }
        }
    }
    true
}

/// Ends the stream as the script wants it, unless another thread does. A failed one is aborted.
fn conclude(key: u64) {
    let mut pumps = pumps();
    // Drivers of this process let nobody wait for long.
    while pumps.all.get(&key).is_some_and(|pump| pump.inside && (pump.receiving || pump.sending)) {
        MOVED.wait_until(&mut pumps, now() + 1_000_000_000);
    }
    let Some(pump) = pumps.all.get_mut(&key) else { return };
    let abort = pump.asked != Asked::Finish || pump.failed;
    // These drivers free what a thread that finishes the stream uses, too.
    if pump.aborting || pump.ending && (!abort || pump.inside) {
        return;
    }
    pump.ending = true;
    pump.aborting = abort;
    let (held, connection) = (pump.stream.clone(), pump.connection);
    drop(pumps);
    let Some(stream) = held else { return };
    pool().uses(connection, true);
    let how = if abort { virStreamAbort } else { virStreamFinish };
    // SAFETY: a stream that is held. Another thread may use it: see `inside`.
    let returned = unsafe { how(stream.get()) };
    pool().uses(connection, false);
    if returned < 0 && !abort {
        fail(key, Some(VirError::last()));
    }
    forget_error();
    streams::ended(stream.get());
}

/// A thread of a pump ends. With the last one the pump lets go of its stream.
fn leave(key: u64) {
    let mut pumps = pumps();
    let Some(pump) = pumps.all.get_mut(&key) else { return };
    if pump.threads > 1 {
        pump.threads -= 1;
        return;
    }
    let stream = pump.stream.take();
    if pump.asked != Asked::Nothing {
        pump.close();
    }
    drop(pumps);
    if let Some(stream) = stream {
        streams::vacate(stream.get(), User::Handle(key));
    }
    let mut pumps = self::pumps();
    if let Some(pump) = pumps.all.get_mut(&key) {
        pump.threads = 0;
        pumps.forget(key);
    }
    MOVED.notify_all();
}

impl Pumps {
    /// Forgets a pump that nobody asks for any more.
    fn forget(&mut self, key: u64) {
        if let Some(pump) = self.all.get_mut(&key).filter(|pump| pump.perl == 0 && pump.threads == 0) {
            pump.close();
            pump.disclaim();
            self.all.remove(&key);
        }
    }
}

/// The script wants the end. `gone`: its handle goes, so that it does not write any more.
pub(super) fn end(key: u64, asked: Asked, gone: bool) {
    let mut pumps = pumps();
    let Some(pump) = pumps.all.get_mut(&key) else { return };
    if pump.asked != Asked::Abort {
        pump.asked = asked;
    }
    pump.gone |= asked == Asked::Abort && gone;
    if asked == Asked::Abort && gone {
        pump.shut(libc::SHUT_RDWR);
    } else if asked == Asked::Abort && pump.writes {
        pump.shut(libc::SHUT_WR);
    }
    MOVED.notify_all();
    // The thread that writes ends the stream, unless it hangs or has no reason to look.
    let stuck = pump.sending || pump.ending || !gone;
    let by_writer = pump.writes && (asked == Asked::Finish || !stuck);
    let done = if asked == Asked::Abort { pump.aborting } else { pump.ending };
    if pump.stream.is_none() || by_writer || done {
        return;
    }
    pump.threads += 1;
    drop(pumps);
    if !spawn("sys-virt-stream", move || {
        conclude(key);
        leave(key);
    }) {
        conclude(key);
        leave(key);
    }
}

/// The method that aborts a stream, of one that has a handle.
pub fn abort(key: u64) {
    end(key, Asked::Abort, false);
}

pub(super) fn drop_perl(key: u64) {
    let mut pumps = pumps();
    if let Some(pump) = pumps.all.get_mut(&key) {
        pump.perl = pump.perl.saturating_sub(1);
        pumps.forget(key);
    }
}
