// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! [`Job`]: a call that a thread of the pool makes, and [`Jobs`], all there are.

use crate::boundary::class::Class;
use crate::boundary::memory;
use crate::boundary::pace::{SLOW, URGENT};
use crate::boundary::table::{Method, Outcome};
use crate::boundary::value::{Tag, Value};
use libc::c_void;

/// How a call counts in its connection's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads what the daemon knows.
    Fast,
    /// It may take long, and the daemon runs few of these at once.
    Slow,
    /// It does not wait for others.
    Urgent,
}

impl Kind {
    /// By the method's row.
    pub fn of(method: &Method) -> Self {
        match method.flags() {
            flags if flags & URGENT != 0 => Kind::Urgent,
            flags if flags & SLOW != 0 => Kind::Slow,
            _ => Kind::Fast,
        }
    }
}

/// A call's arguments, which own what they point to. But the reference to the object of the method may be its handle's, in Perl,
/// which then lives until Perl has been notified of the call's end.
#[derive(Default)]
pub struct Args {
    values: Vec<Value>,
    lent: bool,
}

impl Args {
    /// Copies of `given`. `lent`: see above. `attended`: with what means something to Perl only.
    pub fn new(given: &[Value], lent: bool, attended: bool) -> Self {
        let lent = lent && given.first().is_some_and(|value| value.tag() == Tag::Handle);
        // Complete from the start: should the rest unwind, `drop` leaves the object alone already.
        let mut args = Args { values: memory::with_room(given.len()), lent };
        for (index, value) in given.iter().enumerate() {
            args.values.push(if lent && index == 0 {
                // SAFETY: the handle's object, which `drop` leaves alone unless a reference to it was taken.
                unsafe { Value::handle(value.class(), value.pointer()) }
            } else {
                value.retained(attended)
            });
        }
        args
    }

    /// The object of the method, if its reference is Perl's.
    pub fn borrows(&self) -> Option<(Class, *mut c_void)> {
        let object = self.values.first().filter(|_| self.lent)?;
        Some((object.class(), object.pointer()))
    }

    /// A reference to that object was taken, for these.
    pub fn own(&mut self) {
        self.lent = false;
    }
}

impl std::ops::Deref for Args {
    type Target = [Value];
    fn deref(&self) -> &[Value] {
        &self.values
    }
}

impl Drop for Args {
    fn drop(&mut self) {
        if let Some(object) = self.values.first_mut().filter(|_| self.lent) {
            std::mem::forget(std::mem::replace(object, Value::none()));
        }
    }
}

/// The data that a thread needs to make the call.
pub struct Work {
    pub method: &'static Method,
    pub args: Args,
    /// NULL if it is not known.
    pub connection: *mut c_void,
    /// Whether it may take a lock of libvirt's test driver in this process.
    pub within: bool,
}

// SAFETY: the values own what they point to, or it is static, or (a sub) it is only handed back to Perl's thread; libvirt's
// objects are counted atomically and may be used by any thread.
unsafe impl Send for Work {}

/// Where a call stands.
pub enum State {
    /// In its window's queue, or after others of its object.
    Waiting(Work),
    /// On a thread. `settled`: its caller has got another answer already.
    Running { settled: bool },
    /// Settled before it began, but others come after it.
    Gone,
}

/// A call.
pub struct Job {
    /// The queue for its result.
    pub queue: usize,
    /// The shim's, handed back with the result.
    pub token: *mut c_void,
    pub method: &'static Method,
    pub kind: Kind,
    /// The key of its window.
    pub window: usize,
    /// Whether its arguments hold that window's connection.
    pub holds: bool,
    /// The object that it is a method of.
    pub object: usize,
    /// Its object, with the reference of the handle in Perl. It lives until Perl has been notified of the call's end.
    pub borrows: Option<(Class, *mut c_void)>,
    /// When its time is over; 0: never.
    pub deadline: u64,
    /// Whether a reference to it was taken for the arguments.
    pub outlives: bool,
    /// The caller waits for it, on Perl's thread.
    pub attended: bool,
    /// How many calls it comes after.
    pub after: u32,
    /// Which calls come after it.
    pub before: Vec<u64>,
    pub state: State,
}

// SAFETY: the token is only handed back to Perl's thread; libvirt's objects may be used by any thread.
unsafe impl Send for Job {}

impl Job {
    /// Perl is notified while the call runs: the arguments get their own references first, see `Pool::finish`.
    pub fn outlive(&mut self) {
        if let Some((class, object)) = self.borrows {
            // SAFETY: a live object of that class: Perl has not been notified yet.
            unsafe { crate::boundary::class::retain(class, object) };
            self.outlives = true;
        }
    }
}

/// A settled call, which waits for Perl's thread.
pub struct Done {
    pub token: *mut c_void,
    pub outcome: Outcome,
    pub result: Value,
    /// They may hold the last reference to an object, which is given back on Perl's thread.
    pub args: Args,
}

// SAFETY: as for `Work` and `Job`.
unsafe impl Send for Done {}

/// How far an errand is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Posted,
    Running,
    Done,
}

/// Something to run on Perl's thread.
pub struct Errand {
    /// The call that needs it.
    pub id: u64,
    pub run: *mut dyn FnMut(),
    pub stage: Stage,
}

// SAFETY: the thread that posted it waits until it was run, or is sure never to be: see `errand::post`.
unsafe impl Send for Errand {}

struct Slot {
    /// Of a job's id: another for each job of this slot.
    turn: u32,
    job: Option<Job>,
}

/// All calls that are not over, by id.
pub struct Jobs {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Jobs {
    /// None yet.
    pub const fn new() -> Self {
        Jobs { slots: Vec::new(), free: Vec::new() }
    }

    /// Adds one; its id, which is never 0 and not used again.
    pub fn insert(&mut self, job: Job) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { turn: 0, job: None });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.turn = slot.turn.wrapping_add(1).max(1);
        slot.job = Some(job);
        u64::from(slot.turn) << 32 | u64::from(index)
    }

    fn slot(&mut self, id: u64) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(id as u32 as usize)?;
        (slot.turn == (id >> 32) as u32).then_some(slot)
    }

    /// The call of that id, if it is not over.
    pub fn get(&mut self, id: u64) -> Option<&mut Job> {
        self.slot(id)?.job.as_mut()
    }

    /// Takes it out.
    pub fn remove(&mut self, id: u64) -> Option<Job> {
        let job = self.slot(id)?.job.take()?;
        self.free.push(id as u32);
        Some(job)
    }

    /// Takes all out.
    pub fn drain(&mut self) -> Vec<Job> {
        let mut all = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if let Some(job) = slot.job.take() {
                self.free.push(index as u32);
                all.push(job);
            }
        }
        all
    }

    /// The ids of a queue's calls.
    pub fn of_queue(&self, queue: usize) -> Vec<u64> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, slot)| slot.job.as_ref().is_some_and(|job| job.queue == queue))
            .map(|(index, slot)| u64::from(slot.turn) << 32 | index as u64)
            .collect()
    }
}
