// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Which streams have ended. libvirt does not tell, and its file streams crash when a hole is sent to one that is closed.
//! The mark belongs to the handles of a stream, not to its address, which another stream may have later: it goes with the
//! last of them.

use super::lock::{Guard, Lock};
use std::collections::BTreeMap;

/// The handles of a stream.
pub struct Handles {
    count: usize,
    ended: bool,
}

/// The streams that have handles, by address.
pub static STREAMS: Lock<BTreeMap<usize, Handles>> = Lock::new(BTreeMap::new());

fn streams() -> Guard<BTreeMap<usize, Handles>> {
    STREAMS.lock()
}

/// The stream has one handle more.
pub fn retained<T>(stream: *mut T) {
    streams().entry(stream.addr()).or_insert(Handles { count: 0, ended: false }).count += 1;
}

/// The stream has one handle less; to be called while its address is still its own.
pub fn released<T>(stream: *mut T) {
    let mut streams = streams();
    if let Some(handles) = streams.get_mut(&(stream.addr())) {
        handles.count = handles.count.saturating_sub(1);
        if handles.count == 0 {
            streams.remove(&(stream.addr()));
        }
    }
}

/// Notes that the stream has ended, or that it was opened.
pub fn set<T>(stream: *mut T, ended: bool) {
    if let Some(handles) = streams().get_mut(&(stream.addr())) {
        handles.ended = ended;
    }
}

/// Whether the stream has ended.
pub fn has_ended<T>(stream: *mut T) -> bool {
    streams().get(&(stream.addr())).is_some_and(|handles| handles.ended)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_mark_goes_with_the_last_handle() {
        let mut place = 0_u8;
        let stream = &raw mut place;
        super::set(stream, true);
        assert!(!super::has_ended(stream), "there is no such stream");
        super::retained(stream);
        super::retained(stream);
        super::set(stream, true);
        super::released(stream);
        assert!(super::has_ended(stream));
        super::set(stream, false);
        assert!(!super::has_ended(stream));
        super::set(stream, true);
        super::released(stream);
        super::retained(stream);
        assert!(!super::has_ended(stream), "another stream at this address");
        super::released(stream);
    }
}
