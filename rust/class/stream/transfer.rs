// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Whole transfers between a stream and a file, without Perl in between. On the script's own thread a transfer runs in slices,
//! between which Perl runs signal handlers and reports progress; on a thread of the pool, in one piece.

use super::calls::{AT_HOLE, BLOCK, WOULD_BLOCK, inside};
use super::file::{File, Section};
use crate::r#async::pool::pool;
use crate::boundary::class::Stream;
use crate::boundary::error::{Error, Result, VirError, forget_error};
use crate::boundary::lock::{Guard, Lock, now};
use crate::boundary::memory;
use crate::boundary::streams::{self, User};
use crate::boundary::value::Value;
use libc::c_int;
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use virt_sys::{
    VIR_STREAM_RECV_STOP_AT_HOLE, virStreamAbort, virStreamFinish, virStreamRecv, virStreamRecvFlags,
    virStreamRecvHole, virStreamSend, virStreamSendHole,
};

/// The time between reports of progress to Perl, in nanoseconds.
const INTERVAL: u64 = 100_000_000;

/// A transfer that has not ended.
struct Transfer {
    open: Arc<OwnedFd>,
    /// None while it runs.
    file: Option<File>,
    sends: bool,
    sparse: bool,
    /// How many bytes there have to be.
    expected: Option<u64>,
    done: u64,
    /// No other thread may end the stream while it is used: see [`inside`].
    inside: bool,
    /// In a libvirt function.
    calling: bool,
    stopped: bool,
    aborted: bool,
}

/// All there are, by number.
pub struct Transfers {
    all: BTreeMap<u64, Transfer>,
    last: u64,
    /// This is a child, and what is in here is the parent's.
    inherited: bool,
}

/// The one.
pub static TRANSFERS: Lock<Transfers> =
    Lock::new(Transfers { all: BTreeMap::new(), last: 0, inherited: false });

fn transfers() -> Guard<Transfers> {
    let mut transfers = TRANSFERS.lock();
    if transfers.inherited {
        transfers.inherited = false;
        transfers.all.clear();
    }
    transfers
}

/// In a child: to end a stream is a message on the connection, which is the parent's.
pub fn in_child() {
    TRANSFERS.lock().inherited = true;
}

/// Begins a transfer with a copy of the descriptor `file`: its number.
///
/// # Safety
/// The stream lives, or is NULL.
pub unsafe fn open(
    stream: *mut Stream,
    file: c_int,
    sends: bool,
    sparse: Option<bool>,
    length: Option<u64>,
) -> Result<Value> {
    // SAFETY: makes a descriptor.
    let copy = unsafe { libc::fcntl(file, libc::F_DUPFD_CLOEXEC, 0) };
    if copy < 0 {
        return Err(Error::system("the file cannot be used", &std::io::Error::last_os_error()));
    }
    // SAFETY: made above, and nobody else's.
    let open = Arc::new(unsafe { OwnedFd::from_raw_fd(copy) });
    let mut transfers = transfers();
    let key = transfers.last + 1;
    let (way, connection) = streams::occupy(stream, User::Transfer(key))?;
    let refused = match (sends, sparse) {
        (true, _) if !way.writes => Some("nothing can be sent to the stream"),
        (false, _) if !way.reads => Some("nothing comes from the stream"),
        (_, Some(true)) if !way.sparse => Some("the stream was not opened for holes"),
        _ => None,
    };
    if let Some(why) = refused {
        streams::vacate(stream, User::Transfer(key));
        return Err(Error::operation(why));
    }
    transfers.last = key;
    // SAFETY: the stream holds its connection.
    let inside = unsafe { inside(connection) };
    transfers.all.insert(
        key,
        Transfer {
            file: Some(File::new(open.as_raw_fd())),
            open,
            sends,
            sparse: sparse.unwrap_or(way.sparse),
            expected: length.or((way.length > 0).then_some(way.length)),
            done: 0,
            inside,
            calling: false,
            stopped: false,
            aborted: false,
        },
    );
    Ok(Value::from(key))
}

/// How many bytes are over, holes included.
pub fn done(key: u64) -> Value {
    transfers().all.get(&key).map_or(Value::none(), |transfer| Value::from(transfer.done))
}

fn stopped() -> Error {
    Error::operation("the transfer was stopped")
}

/// The part of a transfer that one thread does.
struct Run {
    key: u64,
    /// It lives as long as this: `run` was promised that.
    stream: *mut Stream,
    sends: bool,
    sparse: bool,
    expected: Option<u64>,
    done: u64,
    /// Until when it may go on; 0: until the end.
    deadline: u64,
    /// The queue for reports of progress, and the time of the next one.
    queue: usize,
    due: u64,
    /// Its file is open that long.
    _open: Arc<OwnedFd>,
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(transfer) = transfers().all.get_mut(&self.key) {
            transfer.calling = false;
        }
    }
}

/// The state of a transfer after a block.
enum Next {
    More,
    Later,
    End,
}

impl Run {
    /// Runs one libvirt function, unless the transfer was stopped before, or is by then. It fails with a negative number
    /// that is not among `special`.
    fn call(&self, special: &[c_int], function: impl FnOnce() -> c_int) -> Result<c_int> {
        self.mark(true)?;
        let returned = function();
        let error = if returned >= 0 || special.contains(&returned) { None } else { Some(VirError::last()) };
        self.mark(false)?;
        match error {
            Some(_) if returned == WOULD_BLOCK => Err(Error::operation("the stream does not wait")),
            Some(error) => Err(Error::Libvirt(error)),
            None => Ok(returned),
        }
    }

    fn mark(&self, calling: bool) -> Result<()> {
        match transfers().all.get_mut(&self.key) {
            Some(transfer) => {
                transfer.calling = calling;
                if transfer.stopped { Err(stopped()) } else { Ok(()) }
            }
            None => Err(stopped()),
        }
    }

    fn is_stopped(key: u64) -> Result<()> {
        match transfers().all.get(&key) {
            Some(transfer) if !transfer.stopped => Ok(()),
            _ => Err(stopped()),
        }
    }

    /// So many bytes more are over.
    fn count(&mut self, bytes: u64) {
        self.done += bytes;
        if let Some(transfer) = transfers().all.get_mut(&self.key) {
            transfer.done = self.done;
        }
    }

    fn send(&mut self, file: &mut File, buffer: &mut [u8]) -> Result<Next> {
        let left = self.expected.map_or(u64::MAX, |expected| expected.saturating_sub(self.done));
        let mut most = left.min(buffer.len() as u64);
        if most == 0 {
            return Ok(Next::End);
        }
        if self.sparse {
            match file.section()? {
                Section::Data(length) => most = most.min(length),
                Section::End => return Ok(Next::End),
                Section::Hole(length) => {
                    let length = length.min(left).min(i64::MAX as u64);
                    // SAFETY: the stream lives.
                    self.call(&[], || unsafe { virStreamSendHole(self.stream, length as i64, 0) })?;
                    file.skip(length)?;
                    self.count(length);
                    return Ok(Next::More);
                }
            }
        }
        let got = match file.read(&mut buffer[..most as usize])? {
            None => return Ok(Next::Later),
            Some(0) => return Ok(Next::End),
            Some(got) => got,
        };
        let mut bytes = &buffer[..got];
        while !bytes.is_empty() {
            // SAFETY: the stream lives, and there are so many bytes.
            let send = || unsafe { virStreamSend(self.stream, bytes.as_ptr().cast(), bytes.len()) };
            let sent = self.call(&[], send)? as usize;
            if sent == 0 {
                return Err(Error::operation("the stream takes no more"));
            }
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        self.count(got as u64);
        Ok(Next::More)
    }

    fn receive(&mut self, file: &mut File, buffer: &mut [u8]) -> Result<Next> {
        let (key, deadline) = (self.key, self.deadline);
        let mut go_on = || {
            Run::is_stopped(key)?;
            Ok(deadline == 0 || now() < deadline)
        };
        let kept = file.rest();
        if kept > 0 {
            file.write_rest(&mut go_on)?;
            self.count(kept - file.rest());
            return Ok(if file.rest() > 0 { Next::Later } else { Next::More });
        }
        let (room, place) = (buffer.len(), buffer.as_mut_ptr());
        let got = if self.sparse {
            let flags = VIR_STREAM_RECV_STOP_AT_HOLE;
            // SAFETY: the stream lives, and there is so much room.
            self.call(&[AT_HOLE], || unsafe { virStreamRecvFlags(self.stream, place.cast(), room, flags) })?
        } else {
            // SAFETY: as above.
            self.call(&[], || unsafe { virStreamRecv(self.stream, place.cast(), room) })?
        };
        if got == AT_HOLE {
            let mut length = 0;
            // SAFETY: the stream lives, and there is room for a number.
            self.call(&[], || unsafe { virStreamRecvHole(self.stream, &raw mut length, 0) })?;
            let length = u64::try_from(length).unwrap_or(0);
            self.fits(length)?;
            file.write_hole(length, &mut go_on)?;
            self.count(length - file.rest());
            return Ok(Next::More);
        }
        if got == 0 {
            file.end()?;
            return Ok(Next::End);
        }
        let got = (got as usize).min(room);
        self.fits(got as u64)?;
        file.write(&buffer[..got], &mut go_on)?;
        self.count(got as u64 - file.rest());
        Ok(Next::More)
    }

    /// Refuses more than there was to be: before it is written.
    fn fits(&self, more: u64) -> Result<()> {
        match self.expected {
            Some(expected) if self.done.saturating_add(more) > expected => Err(Error::operation(
                format_args!("the stream has more than the {expected} bytes it should have"),
            )),
            _ => Ok(()),
        }
    }

    /// Whether all is over.
    fn go(&mut self, file: &mut File) -> Result<bool> {
        let mut buffer = memory::with_room(BLOCK);
        buffer.resize(BLOCK, 0_u8);
        loop {
            let next =
                if self.sends { self.send(file, &mut buffer)? } else { self.receive(file, &mut buffer)? };
            match next {
                Next::End => break,
                Next::Later => Run::is_stopped(self.key)?,
                Next::More => {}
            }
            if self.deadline == 0 && self.queue == 0 {
                continue;
            }
            let time = now();
            if self.deadline > 0 && (time >= self.deadline || matches!(next, Next::Later)) {
                return Ok(false);
            }
            if self.queue > 0 && time >= self.due {
                self.due = time + INTERVAL;
                if let Some(queue) = pool().queue(self.queue) {
                    queue.wake.set();
                }
            }
        }
        if let Some(expected) = self.expected.filter(|&expected| expected != self.done) {
            return Err(Error::operation(format_args!(
                "the transfer ended after {} of {expected} bytes",
                self.done
            )));
        }
        // SAFETY: the stream lives.
        self.call(&[], || unsafe { virStreamFinish(self.stream) })?;
        Ok(true)
    }
}

/// Goes on with a transfer, for so many milliseconds if that is not 0: whether it is over, and how many bytes are. `queue`: which
/// interpreter's descriptor becomes readable now and then.
///
/// # Safety
/// The stream lives until this returns, or is NULL.
pub unsafe fn run(stream: *mut Stream, key: u64, slice: u32, queue: usize) -> Result<Value> {
    let mut all = transfers();
    let known = all.all.get_mut(&key).filter(|_| streams::user(stream) == User::Transfer(key));
    let Some((transfer, mut file)) = known.and_then(|transfer| {
        let file = transfer.file.take()?;
        Some((transfer, file))
    }) else {
        return Err(stopped());
    };
    let mut run = Run {
        key,
        stream,
        sends: transfer.sends,
        sparse: transfer.sparse,
        expected: transfer.expected,
        done: transfer.done,
        deadline: if slice == 0 { 0 } else { now() + u64::from(slice) * 1_000_000 },
        queue,
        due: 0,
        _open: Arc::clone(&transfer.open),
    };
    drop(all);
    let outcome = run.go(&mut file);
    if let Some(transfer) = transfers().all.get_mut(&key) {
        transfer.file = Some(file);
    }
    let done = run.done;
    drop(run);
    let over = match outcome {
        Ok(over) => over,
        Err(error) => {
            // SAFETY: the caller's promise.
            unsafe { close(stream, key, true) };
            return Err(error);
        }
    };
    if over {
        // SAFETY: the caller's promise.
        unsafe { close(stream, key, false) };
    }
    Ok(Value::list(vec![Value::from(i32::from(over)), Value::from(done)]))
}

/// The transfer is over, and its stream too.
///
/// # Safety
/// The stream lives, or is NULL.
unsafe fn close(stream: *mut Stream, key: u64, abort: bool) {
    let Some(transfer) = transfers().all.remove(&key) else { return };
    if abort && !transfer.aborted {
        // SAFETY: the caller's promise.
        unsafe { virStreamAbort(stream) };
        forget_error();
    }
    streams::ended(stream);
    streams::vacate(stream, User::Transfer(key));
}

/// Ends a transfer before it is over, on whatever thread it runs.
///
/// # Safety
/// The stream lives, or is NULL.
pub unsafe fn stop(stream: *mut Stream, key: u64) -> Result<Value> {
    let mut all = transfers();
    let known = all.all.get_mut(&key).filter(|_| streams::user(stream) == User::Transfer(key));
    let Some(transfer) = known else { return Ok(Value::none()) };
    transfer.stopped = true;
    if transfer.file.is_some() {
        drop(all);
        // SAFETY: the caller's promise.
        unsafe { close(stream, key, true) };
        return Ok(Value::none());
    }
    if transfer.calling && !transfer.inside && !transfer.aborted {
        transfer.aborted = true;
        drop(all);
        // A call of another thread that waits in libvirt's client ends with an error.
        // SAFETY: the caller's promise.
        unsafe { virStreamAbort(stream) };
        forget_error();
    }
    Ok(Value::none())
}
