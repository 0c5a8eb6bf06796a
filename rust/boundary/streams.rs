// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Properties of a stream that libvirt does not report: how it was made and opened, whether it has ended (file streams crash when a hole is
//! sent to one that is closed), and who uses it. All this belongs to the handles of a stream, not to its address, which another
//! stream may have later: it is freed with the last of them.

use super::error::{Error, Result, VirError};
use super::lock::{Guard, Lock};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a method opened a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Data comes out of it.
    pub reads: bool,
    /// For sending data.
    pub writes: bool,
    /// It transports holes as such.
    pub sparse: bool,
    /// How many bytes there are to be; 0: as many as there are.
    pub length: u64,
}

/// Who else uses a stream: a file handle or a transfer, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Nobody.
    Nobody,
    /// A file handle's threads.
    Handle(u64),
    /// A transfer.
    Transfer(u64),
}

/// A stream that has handles.
pub struct Known {
    count: usize,
    ended: bool,
    way: Option<Way>,
    connection: usize,
    nonblocking: bool,
    user: User,
    failure: Option<VirError>,
}

impl Known {
    fn new(connection: usize, nonblocking: bool) -> Self {
        Known {
            count: 1,
            ended: false,
            way: None,
            connection,
            nonblocking,
            user: User::Nobody,
            failure: None,
        }
    }
}

/// Hashes an address, which nobody chooses, by one multiplication.
#[derive(Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_usize(usize::from(byte)));
    }
    fn write_usize(&mut self, address: usize) {
        // Malloc's addresses are multiples of 16. The table takes bits from both ends.
        let product = (self.0 ^ address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = product ^ product >> 32;
    }
}

/// Facts about streams, by address.
pub type Table = HashMap<usize, Known, BuildHasherDefault<AddressHasher>>;

/// The streams that have handles.
pub static STREAMS: Lock<Table> = Lock::new(Table::with_hasher(BuildHasherDefault::new()));

/// How many streams have a user. Most scripts have none ever, and ask for nothing else.
static USERS: AtomicUsize = AtomicUsize::new(0);

fn streams() -> Guard<Table> {
    STREAMS.lock()
}

fn with<R>(stream: usize, work: impl FnOnce(&mut Known) -> R) -> Option<R> {
    streams().get_mut(&stream).map(work)
}

/// The stream has one handle more.
pub fn retained<T>(stream: *mut T) {
    streams()
        .entry(stream.addr())
        .and_modify(|known| known.count += 1)
        .or_insert_with(|| Known::new(0, false));
}

/// The stream has one handle less; to be called while its address is still its own.
pub fn released<T>(stream: *mut T) {
    if let Entry::Occupied(mut known) = streams().entry(stream.addr()) {
        known.get_mut().count -= 1;
        if known.get().count == 0 {
            known.remove();
        }
    }
}

/// A new stream with one handle: on which connection it was made, and whether its calls do not wait.
pub fn made<T, C>(stream: *mut T, connection: *mut C, nonblocking: bool) {
    streams().insert(stream.addr(), Known::new(connection as usize, nonblocking));
}

/// The address of the connection that a stream was made on; 0 if that is not known.
pub fn connection<T>(stream: *mut T) -> usize {
    with(stream.addr(), |known| known.connection).unwrap_or(0)
}

/// Notes that the stream was opened.
pub fn opened<T>(stream: *mut T, way: Way) {
    with(stream.addr(), |known| (known.ended, known.way, known.failure) = (false, Some(way), None));
}

/// Notes that the stream has ended.
pub fn ended<T>(stream: *mut T) {
    with(stream.addr(), |known| known.ended = true);
}

/// Whether the stream has ended.
pub fn has_ended<T>(stream: *mut T) -> bool {
    with(stream.addr(), |known| known.ended).unwrap_or(false)
}

/// Notes why the stream of a file handle failed.
pub fn failed<T>(stream: *mut T, error: VirError) {
    with(stream.addr(), |known| {
        known.failure.get_or_insert(error);
    });
}

/// Why it did.
pub fn failure<T>(stream: *mut T) -> Option<VirError> {
    with(stream.addr(), |known| known.failure.clone()).flatten()
}

/// Who uses the stream.
#[inline]
pub fn user<T>(stream: *mut T) -> User {
    if USERS.load(Ordering::Relaxed) == 0 {
        return User::Nobody;
    }
    with(stream.addr(), |known| known.user).unwrap_or(User::Nobody)
}

/// Rejects a stream that is in use.
#[inline]
pub fn idle<T>(stream: *mut T) -> Result<()> {
    match user(stream) {
        User::Nobody => Ok(()),
        User::Handle(_) => Err(Error::operation("a file handle uses the stream")),
        User::Transfer(_) => Err(Error::operation("a transfer uses the stream")),
    }
}

/// Reserves an open, blocking stream for a user. Returns how it was opened, and the address of its connection, if that is known.
pub fn occupy<T>(stream: *mut T, user: User) -> Result<(Way, usize)> {
    let mut streams = streams();
    let open = streams.get_mut(&stream.addr()).filter(|known| !known.ended);
    let Some((known, way)) = open.and_then(|known| known.way.map(|way| (known, way))) else {
        return Err(Error::operation("the stream is not open"));
    };
    if known.nonblocking {
        return Err(Error::operation("the stream was made with NONBLOCK"));
    }
    if known.user != User::Nobody {
        return Err(Error::operation("the stream is in use already"));
    }
    known.user = user;
    known.failure = None;
    USERS.fetch_add(1, Ordering::Relaxed);
    Ok((way, known.connection))
}

/// The user has ended.
pub fn vacate<T>(stream: *mut T, user: User) {
    with(stream.addr(), |known| {
        if known.user == user {
            known.user = User::Nobody;
            USERS.fetch_sub(1, Ordering::Relaxed);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_goes_with_the_last_handle() {
        let mut place = 0_u8;
        let stream = &raw mut place;
        ended(stream);
        assert!(!has_ended(stream), "there is no such stream");
        retained(stream);
        retained(stream);
        ended(stream);
        released(stream);
        assert!(has_ended(stream));
        opened(stream, Way::default());
        assert!(!has_ended(stream));
        ended(stream);
        released(stream);
        retained(stream);
        assert!(!has_ended(stream), "another stream at this address");
        released(stream);
    }

    #[test]
    fn a_stream_has_one_user() {
        let mut place = 0_u8;
        let stream = &raw mut place;
        made(stream, std::ptr::without_provenance_mut::<u8>(0x100), false);
        assert!(occupy(stream, User::Handle(1)).is_err(), "not open");
        let way = Way { reads: true, ..Way::default() };
        opened(stream, way);
        assert_eq!(occupy(stream, User::Handle(1)).ok(), Some((way, 0x100)));
        assert!(occupy(stream, User::Transfer(2)).is_err(), "in use");
        assert!(idle(stream).is_err());
        vacate(stream, User::Transfer(2));
        assert_eq!(user(stream), User::Handle(1));
        vacate(stream, User::Handle(1));
        assert!(idle(stream).is_ok());
        released(stream);
        made(stream, std::ptr::without_provenance_mut::<u8>(0x100), true);
        opened(stream, way);
        assert!(occupy(stream, User::Handle(3)).is_err(), "its calls do not wait");
        released(stream);
    }
}
