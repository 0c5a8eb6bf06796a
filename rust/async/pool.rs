// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The pool: everything that changes hands between the threads that make calls and those of Perl, under one lock.

use super::job::{Args, Done, Errand, Job, Jobs, Kind, Stage, State, Work};
use super::nudge::{self, Nudge};
use super::wake::Wake;
use super::window::{CONNECTING, LOST, NOWHERE, RESERVED, THREADS, Windows};
use crate::boundary::enter::exception;
use crate::boundary::error::Error;
use crate::boundary::lock::{Condition, Guard, Lock, now};
use crate::boundary::table::Outcome;
use crate::boundary::value::Value;
use libc::c_void;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// The most calls that one interpreter may have under way.
pub(super) const CALLS: usize = 100_000;

/// Where an interpreter's results wait for it.
pub struct Queue {
    pub wake: Wake,
    pub done: VecDeque<Done>,
    /// Values that are not needed any more, but have to be released on Perl's thread.
    pub trash: Vec<(Value, Args)>,
    /// Calls that it was not notified of yet.
    pub pending: usize,
    /// Work of a call for Perl's thread.
    pub errand: Option<Errand>,
}

// SAFETY: as for `Done`.
unsafe impl Send for Queue {}

impl Queue {
    fn push(&mut self, done: Done) {
        if self.done.is_empty() && self.trash.is_empty() {
            self.wake.set();
        }
        self.done.push_back(done);
    }

    pub fn discard(&mut self, result: Value, args: Args) {
        if self.done.is_empty() && self.trash.is_empty() {
            self.wake.set();
        }
        self.trash.push((result, args));
    }
}

/// The calls of one object that are not over, for those that keep the order.
#[derive(Default)]
struct Chain {
    /// How many there are.
    count: usize,
    /// The last one that keeps the order ...
    last: u64,
    /// ... and those that came later.
    since: Vec<u64>,
}

/// All that the threads share.
pub struct Pool {
    jobs: Jobs,
    pub windows: Windows,
    chains: Option<HashMap<usize, Chain>>,
    /// Time limits of blocking calls, by connection.
    pub limits: BTreeMap<usize, u64>,
    /// When a call's time is over, and its id.
    pub deadlines: BTreeSet<(u64, u64)>,
    /// The first is nobody's.
    queues: Vec<Option<Queue>>,
    pub threads: u32,
    /// How many of them make a call.
    pub busy: u32,
    /// How many are within libvirt's test driver, and how many threads are about to fork: see [`super::fork`].
    pub within: u32,
    pub forking: u32,
    /// How many hang in a call that connects and that nobody waits for.
    pub lost: u32,
    /// How many wait and were not woken, and how many were and do not know it yet.
    pub idle: u32,
    pub wakeups: u32,
    /// Messages to send that set connections going, and how many threads do.
    pub nudges: Vec<Nudge>,
    pub nudging: u32,
    /// Until when the thread sleeps that keeps the time; None: there is none.
    pub clock: Option<u64>,
    /// Starts a thread that works, and the one that keeps the time.
    pub start: fn() -> bool,
    pub start_clock: fn() -> bool,
    /// This is a child, and what is in here is the parent's.
    inherited: bool,
}

/// The one.
pub static POOL: Lock<Pool> = Lock::new(Pool {
    jobs: Jobs::new(),
    windows: Windows::new(),
    chains: None,
    limits: BTreeMap::new(),
    deadlines: BTreeSet::new(),
    queues: Vec::new(),
    threads: 0,
    busy: 0,
    within: 0,
    forking: 0,
    lost: 0,
    idle: 0,
    wakeups: 0,
    nudges: Vec::new(),
    nudging: 0,
    clock: None,
    start: || false,
    start_clock: || false,
    inherited: false,
});
/// Where threads wait for work.
pub static WORK: Condition = Condition::new();
/// Where the thread that keeps the time waits.
pub static TIME: Condition = Condition::new();
/// Where calls wait for what they need of Perl.
pub static ANSWER: Condition = Condition::new();

/// The pool, for this thread alone.
pub fn pool() -> Guard<Pool> {
    let mut pool = POOL.lock();
    if pool.inherited {
        pool.disown();
    }
    pool
}

/// In a child. It has no thread but this one, and may have been forked only to run another program: so there is nothing here but
/// system calls, and the rest is done at the next call.
pub fn in_child() {
    let mut pool = POOL.lock();
    pool.inherited = true;
    (pool.threads, pool.busy, pool.lost, pool.idle, pool.wakeups, pool.clock) = (0, 0, 0, 0, 0, None);
    (pool.nudging, pool.within, pool.forking) = (0, 0, 0);
    for queue in pool.queues.iter_mut().flatten() {
        queue.wake.renew();
        if queue.pending > 0 {
            queue.wake.set();
        }
    }
}

/// The result of a call that belongs to the parent process.
fn forked(token: *mut c_void) -> Done {
    let result = exception(Error::operation("the call was made before a fork, in the parent process"));
    Done { token, outcome: Outcome::Error, result, args: Args::default() }
}

impl Pool {
    /// Settles what the parent has begun. Its objects are not given back: that could end the parent's connections.
    fn disown(&mut self) {
        self.inherited = false;
        for queue in self.queues.iter_mut().flatten() {
            std::mem::forget(std::mem::take(&mut queue.trash));
            queue.errand = None;
            for done in &mut queue.done {
                std::mem::forget(std::mem::replace(done, forked(done.token)));
            }
        }
        for job in self.jobs.drain() {
            let settled = match job.state {
                State::Waiting(work) => {
                    std::mem::forget(work.args);
                    false
                }
                State::Running { settled } => settled,
                State::Gone => true,
            };
            if let Some(queue) = self.queue(job.queue).filter(|_| !settled) {
                queue.push(forked(job.token));
            }
        }
        self.nudges.clear();
        self.windows.reset();
        self.chains = None;
        self.deadlines.clear();
    }

    /// Makes a queue; 0 if no descriptor is available.
    pub fn open(&mut self) -> usize {
        let Some(wake) = Wake::new() else { return 0 };
        if self.queues.is_empty() {
            self.queues.push(None);
        }
        let queue = Queue { wake, done: VecDeque::new(), trash: Vec::new(), pending: 0, errand: None };
        let free = self.queues.iter().skip(1).position(Option::is_none).map(|index| index + 1);
        let index = free.unwrap_or_else(|| {
            self.queues.push(None);
            self.queues.len() - 1
        });
        self.queues[index] = Some(queue);
        index
    }

    /// The queue of that number, if it was not closed.
    pub fn queue(&mut self, number: usize) -> Option<&mut Queue> {
        self.queues.get_mut(number)?.as_mut()
    }

    /// Closes a queue. Its calls do not begin any more; what they hold is returned.
    pub fn close(&mut self, number: usize) -> (Option<Queue>, Vec<Work>) {
        let mut left = Vec::new();
        for id in self.jobs.of_queue(number) {
            left.extend(self.withdraw(id).map(|(_, work)| work));
            if let Some(job) = self.jobs.get(id) {
                job.queue = 0;
                if matches!(job.state, State::Running { settled: false }) {
                    job.outlive();
                }
            }
        }
        (self.queues.get_mut(number).and_then(Option::take), left)
    }

    /// Adds a call; its id. `ordered`: after its object's earlier ones.
    pub fn submit(&mut self, mut job: Job, ordered: bool) -> u64 {
        let (window, kind, object, deadline) = (job.window, job.kind, job.object, job.deadline);
        if let Some(queue) = self.queue(job.queue) {
            queue.pending += 1;
        }
        job.after = 0;
        let id = self.jobs.insert(job);
        let after = if object == 0 { 0 } else { self.chain(object, id, ordered) };
        if let Some(job) = self.jobs.get(id) {
            job.after = after;
        }
        if after == 0 {
            self.windows.push(window, kind, id);
            self.rouse();
        }
        if deadline > 0 {
            self.deadlines.insert((deadline, id));
            self.wake_clock(deadline);
        }
        id
    }

    /// Notes a call of an object; how many it comes after.
    fn chain(&mut self, object: usize, id: u64, ordered: bool) -> u32 {
        let chain = self.chains.get_or_insert_with(HashMap::new).entry(object).or_default();
        chain.count += 1;
        if !ordered {
            if chain.since.len() > 32 && chain.since.len() > 2 * chain.count {
                chain.since.retain(|&id| self.jobs.get(id).is_some());
            }
            chain.since.push(id);
            return 0;
        }
        let earlier =
            std::iter::once(std::mem::replace(&mut chain.last, id)).chain(std::mem::take(&mut chain.since));
        let mut count = 0;
        for one in earlier {
            if let Some(job) = self.jobs.get(one) {
                job.before.push(id);
                count += 1;
            }
        }
        count
    }

    /// A call is over, or it will not begin: those after it may. A loop and not a recursion, for a long row of canceled calls may
    /// end at once.
    fn over(&mut self, job: Job, id: u64) {
        let mut ended = vec![(job, id)];
        while let Some((job, id)) = ended.pop() {
            if job.deadline > 0 {
                self.deadlines.remove(&(job.deadline, id));
            }
            let chains = self.chains.get_or_insert_with(HashMap::new);
            if let Some(chain) = chains.get_mut(&job.object) {
                chain.count -= 1;
                if chain.count == 0 {
                    chains.remove(&job.object);
                }
            }
            for next in job.before {
                let Some(follower) = self.jobs.get(next) else { continue };
                follower.after -= 1;
                if follower.after > 0 {
                    continue;
                }
                if matches!(follower.state, State::Gone) {
                    ended.extend(self.jobs.remove(next).map(|gone| (gone, next)));
                } else {
                    let (window, kind) = (follower.window, follower.kind);
                    self.windows.push(window, kind, next);
                    self.rouse();
                }
            }
        }
    }

    /// Takes back a call that has not begun: its token, and what it holds.
    pub fn withdraw(&mut self, id: u64) -> Option<(*mut c_void, Work)> {
        let job = self.jobs.get(id)?;
        if !matches!(job.state, State::Waiting(_)) {
            return None;
        }
        let State::Waiting(work) = std::mem::replace(&mut job.state, State::Gone) else { return None };
        let (token, queue, after) = (job.token, job.queue, job.after);
        if let Some(queue) = self.queue(queue) {
            queue.pending -= 1;
        }
        // A call in an order stays until the calls before it are over, because others follow it.
        if let Some(job) = if after == 0 { self.jobs.remove(id) } else { None } {
            let jobs = &mut self.jobs;
            let waits = |id: &u64| jobs.get(*id).is_some_and(|job| matches!(job.state, State::Waiting(_)));
            self.windows.gone(job.window, job.kind, waits);
            self.over(job, id);
        }
        Some((token, work))
    }

    /// Settles a call before it is over, with `error`. If it runs, it keeps its place until it ends.
    pub fn give_up(&mut self, id: u64, error: impl FnOnce(&'static str) -> Value) {
        let Some(job) = self.jobs.get(id) else { return };
        let (token, queue) = (job.token, job.queue);
        let done = match &mut job.state {
            State::Running { settled: true } | State::Gone => return,
            State::Running { settled } => {
                *settled = true;
                job.outlive();
                self.unattended(id, queue);
                self.write_off(id);
                Done {
                    token,
                    outcome: Outcome::Error,
                    result: error("the call may still be carried out"),
                    args: Args::default(),
                }
            }
            State::Waiting(_) => {
                let Some((token, work)) = self.withdraw(id) else { return };
                // `withdraw` counts it as notified.
                if let Some(queue) = self.queue(queue) {
                    queue.pending += 1;
                }
                Done { token, outcome: Outcome::Error, result: error("it had not started"), args: work.args }
            }
        };
        if let Some(queue) = self.queue(queue) {
            queue.push(done);
        }
    }

    /// A call is abandoned: its end is not reported.
    pub fn abandon(&mut self, id: u64) -> Option<Work> {
        if let Some((_, work)) = self.withdraw(id) {
            return Some(work);
        }
        let job = self.jobs.get(id)?;
        if let State::Running { settled: settled @ false } = &mut job.state {
            *settled = true;
            job.outlive();
            let queue = job.queue;
            self.unattended(id, queue);
            if let Some(queue) = self.queue(queue) {
                queue.pending -= 1;
            }
            self.write_off(id);
        }
        None
    }

    /// The caller of a running call waits no longer: what the call needed of Perl and nobody has begun is not to be had any more.
    fn unattended(&mut self, id: u64, number: usize) {
        if let Some(queue) = self.queue(number) {
            if queue.errand.as_ref().is_some_and(|errand| errand.id == id && errand.stage == Stage::Posted) {
                queue.errand = None;
            }
        }
        ANSWER.notify_all();
    }

    /// Nobody waits for a running call any more. One that connects may hang until the process ends, and all such calls share one
    /// window: it leaves that, and another thread may take its place, or hosts that do not answer would shut out the others.
    fn write_off(&mut self, id: u64) {
        let Some(job) = self.jobs.get(id).filter(|job| job.window == CONNECTING && !job.holds) else {
            return;
        };
        let kind = job.kind;
        if self.lost < LOST {
            job.window = NOWHERE;
            self.windows.end(CONNECTING, kind);
            self.busy -= 1;
            self.lost += 1;
            self.rouse();
        }
    }

    /// The method's name.
    pub fn name_of(&mut self, id: u64) -> &'static str {
        self.jobs.get(id).map_or("", |job| job.method.name())
    }

    /// The queue of a call whose caller waits for it.
    pub fn attended(&mut self, id: u64) -> Option<usize> {
        let job = self.jobs.get(id)?;
        (job.attended && matches!(job.state, State::Running { settled: false })).then_some(job.queue)
    }

    /// The call whose time is over.
    pub fn is_due(&self, now: u64) -> Option<u64> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= now).map(|(_, id)| *id)
    }

    /// Takes the call that is to run next.
    pub fn next(&mut self) -> Option<(u64, Work)> {
        let jobs = &mut self.jobs;
        let waits = |id| jobs.get(id).is_some_and(|job| matches!(job.state, State::Waiting(_)));
        let free = THREADS - self.busy.saturating_add(self.nudging).min(THREADS);
        let (_, _, id) = self.windows.next(free, RESERVED, waits)?;
        let job = self.jobs.get(id)?;
        let State::Waiting(work) = std::mem::replace(&mut job.state, State::Running { settled: false })
        else {
            return None;
        };
        let (window, queue, holds) = (job.window, job.queue, job.holds);
        if job.kind == Kind::Urgent {
            self.windows.begin_urgent(window);
        }
        if holds {
            self.nudge_begun(window, queue);
        }
        self.busy += 1;
        // Other threads have to begin further calls.
        if self.windows.has_next(free.saturating_sub(1), RESERVED) {
            self.rouse();
        }
        Some((id, work))
    }

    /// A call is over. Returns values that have no other owner, to be released.
    pub fn finish(
        &mut self,
        id: u64,
        outcome: Outcome,
        result: Value,
        mut args: Args,
    ) -> Option<(Value, Args)> {
        let Some(job) = self.jobs.remove(id) else {
            self.busy -= 1;
            return Some((result, args));
        };
        if job.outlives {
            args.own();
        }
        let (token, queue) = (job.token, job.queue);
        let settled = matches!(job.state, State::Running { settled: true });
        if job.holds {
            self.nudge_ended(job.window);
        }
        if job.window == NOWHERE {
            self.lost -= 1;
        } else {
            self.busy -= 1;
            self.windows.end(job.window, job.kind);
        }
        self.over(job, id);
        let Some(queue) = self.queue(queue) else { return Some((result, args)) };
        if settled {
            queue.discard(result, args);
        } else {
            queue.push(Done { token, outcome, result, args });
        }
        None
    }

    /// Sees to it that a thread looks for work.
    pub fn rouse(&mut self) {
        if self.idle > 0 {
            self.idle -= 1;
            self.wakeups += 1;
            WORK.notify_one();
        } else if self.threads < THREADS + self.lost && (self.start)() {
            self.threads += 1;
        }
    }

    /// How many calls wait, and how many run.
    pub fn count(&self) -> (usize, usize) {
        let pending: usize = self.queues.iter().flatten().map(|queue| queue.pending - queue.done.len()).sum();
        (pending.saturating_sub(self.busy as usize), self.busy as usize)
    }

    /// The number of calls that a queue's interpreter was not notified of yet.
    pub fn unsettled(&mut self, queue: usize) -> usize {
        self.queue(queue).map_or(0, |queue| queue.pending)
    }
}

#[cfg(test)]
impl Pool {
    /// A call that runs, and that its caller waits for.
    pub fn attend(&mut self, queue: usize) -> u64 {
        use crate::boundary::table::Method;
        unsafe extern "C" fn body(_args: *const Value, _result: *mut Value) -> Outcome {
            Outcome::Done
        }
        static METHOD: Method = Method::new("Sys::Virt::test\0", &[], &[], 0, body);
        if let Some(queue) = self.queue(queue) {
            queue.pending += 1;
        }
        self.jobs.insert(Job {
            queue,
            token: std::ptr::null_mut(),
            method: &METHOD,
            kind: Kind::Fast,
            window: NOWHERE,
            holds: false,
            object: 0,
            borrows: None,
            deadline: 0,
            outlives: false,
            attended: true,
            after: 0,
            before: Vec::new(),
            state: State::Running { settled: false },
        })
    }
}

/// What [`super::nudge`] needs to know.
impl Pool {
    /// A call has begun: the clock looks at its connection.
    fn nudge_begun(&mut self, key: usize, queue: usize) {
        if !nudge::is_needed() {
            return;
        }
        let time = now() + nudge::PAUSE;
        if self.windows.moved(key, Some(queue), time) {
            self.wake_clock(time);
        }
    }

    /// A call is over.
    fn nudge_ended(&mut self, key: usize) {
        if nudge::is_needed() {
            self.windows.moved(key, None, now() + nudge::PAUSE);
        }
    }

    /// A thread of a stream begins to use its connection, which the stream holds, or ends. It may wait for all others, the script's
    /// own among them.
    pub fn uses(&mut self, connection: usize, begins: bool) {
        if !nudge::is_needed() || connection == 0 {
            return;
        }
        let time = now() + nudge::PAUSE;
        self.windows.used(connection, begins, time);
        if begins {
            self.wake_clock(time);
        }
    }

    /// Has the clock look by then.
    fn wake_clock(&mut self, time: u64) {
        match self.clock {
            Some(until) if until <= time => {}
            Some(_) => TIME.notify_one(),
            None => self.clock = (self.start_clock)().then_some(0),
        }
    }
}
