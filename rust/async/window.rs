// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The window of each connection: how many of its calls may run at once. A daemon runs few slow calls at once (libvirtd five
//! for each client), and while they run it reads nothing more from that client, not even the answers that keep the
//! connection alive.

use super::job::Kind;
use super::nudge;
use std::collections::{HashMap, VecDeque};

/// The key of calls without a connection: those that make one.
pub(super) const CONNECTING: usize = 1;
/// The key of calls on objects whose connection is not known.
pub(super) const UNKNOWN: usize = 2;
/// Those that hang in connecting and were left to themselves have no window.
pub(super) const NOWHERE: usize = 3;
/// How many of these there may be, beside the other threads.
pub(super) const LOST: u32 = 500;

/// The most threads there are ...
pub(super) const THREADS: u32 = 64;
/// ... of which so many are for urgent calls.
pub(super) const RESERVED: u32 = 4;

/// How many calls of a connection may run at once ...
pub(super) const ALL: u32 = 32;
/// ... and how many slow ones.
pub(super) const SLOW: u32 = 4;

/// Calls in the order in which they came, less those that are over already.
#[derive(Default)]
struct Line {
    ids: VecDeque<u64>,
    /// How many of them do not wait any more.
    gone: usize,
}

/// One connection's.
pub struct Window {
    all: u32,
    slow: u32,
    running: u32,
    running_slow: u32,
    /// Running calls that no limit stopped.
    running_urgent: u32,
    fast_line: Line,
    slow_line: Line,
    /// Running calls that hold the connection whose address the key is.
    holding: u32,
    /// Threads of streams that use it.
    streams: u32,
    /// Messages under way that are to set it going, when the next is due, and after which pause.
    nudges: u32,
    due: u64,
    pause: u64,
    /// A queue of its calls.
    queue: usize,
    /// Whether the window is in `Windows::turns`.
    listed: bool,
}

/// A connection on which nothing has happened for a while.
pub struct Quiet {
    pub key: usize,
    pub queue: usize,
}

impl Window {
    fn new(key: usize) -> Self {
        Window {
            all: ALL,
            slow: if key == CONNECTING { ALL } else { SLOW },
            running: 0,
            running_slow: 0,
            running_urgent: 0,
            fast_line: Line::default(),
            slow_line: Line::default(),
            holding: 0,
            streams: 0,
            nudges: 0,
            due: 0,
            pause: 0,
            queue: 0,
            listed: false,
        }
    }

    fn line(&mut self, kind: Kind) -> &mut Line {
        if kind == Kind::Slow { &mut self.slow_line } else { &mut self.fast_line }
    }

    fn is_idle(&self) -> bool {
        self.running + self.running_urgent + self.streams == 0
            && self.fast_line.ids.is_empty()
            && self.slow_line.ids.is_empty()
    }

    /// Whether one of its calls may wait for another's thread.
    fn may_stall(&self) -> bool {
        self.streams > 0 || (self.holding > 0 && self.running + self.running_urgent > 1)
    }

    /// The kind of the call that may run next: the older one, as far as its kind has room.
    fn next_kind(&self) -> Option<Kind> {
        if self.running >= self.all {
            return None;
        }
        let slow = self.slow_line.ids.front().filter(|_| self.running_slow < self.slow);
        match (self.fast_line.ids.front(), slow) {
            (None, None) => None,
            (Some(_), None) => Some(Kind::Fast),
            (None, Some(_)) => Some(Kind::Slow),
            // Slow calls wait long anyway, and soon fill their part of the window.
            (Some(_), Some(_)) => Some(Kind::Slow),
        }
    }
}

/// All of them.
pub struct Windows {
    of: Option<HashMap<usize, Window>>,
    /// Windows with calls that wait and may run; each gets its turn.
    turns: VecDeque<usize>,
    /// Urgent calls, which no window holds back.
    urgent: Line,
    /// How many windows have calls on threads or in their lines.
    active: usize,
}

impl Windows {
    /// None yet.
    pub const fn new() -> Self {
        let urgent = Line { ids: VecDeque::new(), gone: 0 };
        Windows { of: None, turns: VecDeque::new(), urgent, active: 0 }
    }

    fn window(&mut self, key: usize) -> &mut Window {
        self.of.get_or_insert_with(HashMap::new).entry(key).or_insert_with(|| Window::new(key))
    }

    /// Changes the limits, 0 leaves them: returns what holds.
    pub fn limit(&mut self, key: usize, slow: u32, all: u32) -> (u32, u32) {
        let window = self.window(key);
        if slow > 0 {
            window.slow = slow;
        }
        if all > 0 {
            window.all = all;
        }
        let limits = (window.slow, window.all);
        self.list(key);
        limits
    }

    /// A new connection, which may have the address of a closed one.
    pub fn forget(&mut self, key: usize) {
        if let Some(of) = &mut self.of {
            if of.get(&key).is_some_and(Window::is_idle) {
                of.remove(&key);
            }
        }
    }

    fn list(&mut self, key: usize) {
        let window = self.window(key);
        if !window.listed && window.next_kind().is_some() {
            window.listed = true;
            self.turns.push_back(key);
        }
    }

    /// Puts a call into its line.
    pub fn push(&mut self, key: usize, kind: Kind, id: u64) {
        if kind == Kind::Urgent {
            self.urgent.ids.push_back(id);
            return;
        }
        let window = self.window(key);
        let was_idle = window.is_idle();
        window.line(kind).ids.push_back(id);
        if was_idle {
            self.active += 1;
        }
        self.list(key);
    }

    /// A call that stood in its line does not wait any more.
    pub fn gone(&mut self, key: usize, kind: Kind, waits: impl FnMut(&u64) -> bool) {
        let line = if kind == Kind::Urgent { &mut self.urgent } else { self.window(key).line(kind) };
        line.gone += 1;
        if line.gone > 32 && line.gone * 2 > line.ids.len() {
            line.gone = 0;
            line.ids.retain(waits);
        }
    }

    /// Takes the call that is to run next. `free`: how many threads have nothing to do; `reserved`: how many of them are for
    /// urgent calls. `waits`: whether a call of a line still waits.
    pub fn next(
        &mut self,
        free: u32,
        reserved: u32,
        mut waits: impl FnMut(u64) -> bool,
    ) -> Option<(usize, Kind, u64)> {
        while let Some(id) = self.urgent.ids.pop_front() {
            if waits(id) {
                return Some((0, Kind::Urgent, id));
            }
            self.urgent.gone = self.urgent.gone.saturating_sub(1);
        }
        let free = free.saturating_sub(reserved);
        let mut tries = if free > 0 { self.turns.len() } else { 0 };
        while tries > 0 {
            tries -= 1;
            let key = self.turns.pop_front()?;
            let (active, fair) = (self.active, (THREADS - RESERVED) / (self.active as u32).max(1));
            let window = self.window(key);
            window.listed = false;
            // Hosts that do not answer must not take all threads: each gets its share, and leaves as many to the others.
            let running = window.running;
            let shares = active <= 1 || running == 0 || (running < fair && running <= free);
            let mut found = None;
            while shares && found.is_none() {
                let Some(kind) = window.next_kind() else { break };
                let line = window.line(kind);
                let Some(id) = line.ids.pop_front() else { break };
                if waits(id) {
                    found = Some((kind, id));
                } else {
                    line.gone = line.gone.saturating_sub(1);
                }
            }
            if let Some((kind, id)) = found {
                window.running += 1;
                window.running_slow += u32::from(kind == Kind::Slow);
                self.list(key);
                return Some((key, kind, id));
            }
            let idle = window.is_idle();
            if idle {
                self.active = self.active.saturating_sub(1);
            }
            self.list(key);
        }
        None
    }

    /// Whether `next` might find one.
    pub fn has_next(&self, free: u32, reserved: u32) -> bool {
        !self.urgent.ids.is_empty() || (free > reserved && !self.turns.is_empty())
    }

    /// An urgent call begins.
    pub fn begin_urgent(&mut self, key: usize) {
        let window = self.window(key);
        let was_idle = window.is_idle();
        window.running_urgent += 1;
        if was_idle {
            self.active += 1;
        }
    }

    /// A call is over.
    pub fn end(&mut self, key: usize, kind: Kind) {
        let window = self.window(key);
        match kind {
            Kind::Urgent => window.running_urgent -= 1,
            Kind::Fast => window.running -= 1,
            Kind::Slow => {
                window.running -= 1;
                window.running_slow -= 1;
            }
        }
        let plain = window.all == ALL && window.slow == SLOW;
        if window.is_idle() {
            self.active = self.active.saturating_sub(1);
            if plain && !self.window(key).listed {
                self.forget(key);
            }
        } else {
            self.list(key);
        }
    }

    /// A call that holds its connection begins, with its queue, or is over. Unless something happens, the connection is quiet at
    /// `due`. Whether that matters.
    pub fn moved(&mut self, key: usize, begins: Option<usize>, due: u64) -> bool {
        let window = self.window(key);
        match begins {
            Some(queue) => {
                window.holding += 1;
                window.queue = queue;
            }
            None => window.holding -= 1,
        }
        (window.due, window.pause) = (due, nudge::PAUSE);
        window.may_stall()
    }

    /// A thread of a stream begins to use a connection, or ends. Unless something happens, it is quiet at `due`.
    pub fn used(&mut self, key: usize, begins: bool, due: u64) {
        let window = self.window(key);
        window.streams = if begins { window.streams + 1 } else { window.streams.saturating_sub(1) };
        (window.due, window.pause) = (due, nudge::PAUSE);
        if window.is_idle() && window.all == ALL && window.slow == SLOW && !window.listed {
            self.forget(key);
        }
    }

    /// Which connections are quiet, up to `most`; when others may be. None: never.
    pub fn quiet(&mut self, now: u64, most: u32, found: &mut Vec<Quiet>) -> Option<u64> {
        let windows = self.of.iter_mut().flatten().filter(|(_, window)| window.may_stall());
        let mut next = None;
        for (&key, window) in windows {
            if window.due <= now {
                window.pause = window.pause.saturating_mul(2);
                window.due = now.saturating_add(window.pause);
                if window.nudges < nudge::MOST && (found.len() as u32) < most {
                    window.nudges += 1;
                    found.push(Quiet { key, queue: window.queue });
                }
            }
            next = Some(next.map_or(window.due, |next: u64| next.min(window.due)));
        }
        next
    }

    /// Such a message is answered: whether a call holds the connection.
    pub fn nudged(&mut self, key: usize) -> bool {
        let Some(window) = self.of.as_mut().and_then(|of| of.get_mut(&key)) else { return false };
        window.nudges = window.nudges.saturating_sub(1);
        window.holding + window.streams > 0
    }

    /// In a child: nothing waits or runs; the limits stay.
    pub fn reset(&mut self) {
        self.turns.clear();
        self.urgent = Line::default();
        self.active = 0;
        for window in self.of.iter_mut().flat_map(HashMap::values_mut) {
            let (all, slow) = (window.all, window.slow);
            *window = Window::new(0);
            (window.all, window.slow) = (all, slow);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(windows: &mut Windows) -> Vec<u64> {
        std::iter::from_fn(|| windows.next(64, 4, |_| true)).map(|(_, _, id)| id).collect()
    }

    #[test]
    fn no_more_than_the_window_runs() {
        let mut windows = Windows::new();
        for id in 0..10 {
            windows.push(100, Kind::Slow, id);
        }
        for id in 10..60 {
            windows.push(100, Kind::Fast, id);
        }
        assert_eq!(take(&mut windows).len(), 32, "all");
        windows.end(100, Kind::Slow);
        assert_eq!(take(&mut windows), [4], "a slow one follows a slow one");
        windows.end(100, Kind::Fast);
        assert_eq!(take(&mut windows), [38], "a fast one a fast one");
        windows.push(100, Kind::Urgent, 99);
        assert_eq!(take(&mut windows), [99], "an urgent one does not wait");
        assert_eq!(windows.limit(100, 6, 0), (6, 32));
        windows.end(100, Kind::Fast);
        assert_eq!(take(&mut windows), [5], "room for slow ones");
        windows.limit(100, 0, 40);
        assert_eq!(take(&mut windows).len(), 8, "room for more");
    }

    #[test]
    fn what_does_not_wait_any_more_is_passed_over() {
        let mut windows = Windows::new();
        for id in 0..100 {
            windows.push(100, Kind::Slow, id);
        }
        let mut waits = |id: u64| id >= 90;
        assert_eq!(windows.next(64, 4, &mut waits).map(|next| next.2), Some(90));
        for id in 0..80 {
            windows.push(200, Kind::Slow, id);
            windows.gone(200, Kind::Slow, |_| false);
        }
        assert!(windows.window(200).slow_line.ids.len() < 70, "nor kept forever");
    }

    #[test]
    fn hosts_that_hang_leave_threads_to_others() {
        let mut windows = Windows::new();
        let mut busy = 0;
        for host in 100..104 {
            for id in 0..50 {
                windows.push(host, Kind::Fast, id);
            }
            while windows.next(64 - busy, 4, |_| true).is_some() {
                busy += 1;
            }
        }
        assert!((50..60).contains(&busy), "{busy}");
        windows.push(500, Kind::Fast, 7);
        assert_eq!(windows.next(64 - busy, 4, |_| true).map(|next| next.0), Some(500), "{busy}");
        windows.push(100, Kind::Urgent, 8);
        assert_eq!(windows.next(1, 4, |_| true).map(|next| next.2), Some(8), "the last thread is for these");
    }

    #[test]
    fn many_hosts_share_the_threads() {
        let mut windows = Windows::new();
        for host in 100..120 {
            for id in 0..50 {
                windows.push(host, Kind::Fast, id);
            }
        }
        let started: Vec<_> = (0..64).map_while(|busy| windows.next(64 - busy, 4, |_| true)).collect();
        assert!(started.len() >= 57, "{}", started.len());
        for host in 100..120 {
            assert!((2..=3).contains(&started.iter().filter(|next| next.0 == host).count()));
        }
    }

    #[test]
    fn idle_windows_are_forgotten() {
        let mut windows = Windows::new();
        for key in 100..200 {
            windows.push(key, Kind::Fast, 1);
            assert!(windows.next(64, 4, |_| true).is_some());
            windows.end(key, Kind::Fast);
        }
        assert_eq!(windows.of.as_ref().map(HashMap::len), Some(0));
        assert_eq!(windows.active, 0);
        windows.limit(100, 2, 2);
        windows.push(100, Kind::Fast, 1);
        assert!(windows.next(64, 4, |_| true).is_some());
        windows.end(100, Kind::Fast);
        assert_eq!(windows.limit(100, 0, 0), (2, 2), "but not limits that were set");
        windows.forget(100);
        assert_eq!(windows.limit(100, 0, 0), (4, 32), "until a new connection has the address");
    }
}
