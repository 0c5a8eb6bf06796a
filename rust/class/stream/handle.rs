// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The functions of a pump for the shim's layer at the bottom of a stream's file handle (perl/stream.c), by the pump's id.

use super::pump::{Asked, MOVED, Pump, drop_perl, end, pumps};
use crate::boundary::lock::now;
use crate::boundary::storm;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result for the shim's layer.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PumpState {
    /// This process does not have that pump.
    None = 0,
    /// All is well.
    Runs,
    /// The stream has failed, or was aborted.
    Failed,
    /// It has ended as it should.
    Over,
    /// It was aborted, because the script's handle went, or does not wait any more.
    Gone,
}

fn state(pump: Option<&Pump>, ended: bool) -> PumpState {
    match pump {
        None => PumpState::None,
        Some(pump) if ended && pump.threads > 0 => PumpState::Runs,
        Some(pump) if !ended && pump.gone => PumpState::Gone,
        Some(pump) if pump.failed || pump.asked == Asked::Abort => PumpState::Failed,
        Some(pump) if pump.threads == 0 => PumpState::Over,
        Some(_) => PumpState::Runs,
    }
}

/// No panic may reach C, and no signal's handler leaves by longjmp while a lock is held.
fn guarded<R>(default: R, work: impl FnOnce() -> R) -> R {
    let _guard = storm::Guard::new();
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(default)
}

/// What Perl makes a handle of.
#[repr(C)]
pub struct PumpEnd {
    /// The descriptor, which the caller then owns; -1 if there is no such pump, or if it was taken before.
    pub fd: i32,
    /// Data comes out of it.
    pub reads: bool,
    /// For sending data.
    pub writes: bool,
}

/// The script's end of a pump, once.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_pump_take(key: u64) -> PumpEnd {
    guarded(PumpEnd { fd: -1, reads: false, writes: false }, || {
        let mut pumps = pumps();
        let pump = pumps.all.get_mut(&key);
        pump.map_or(PumpEnd { fd: -1, reads: false, writes: false }, |pump| PumpEnd {
            fd: std::mem::replace(&mut pump.other, -1),
            reads: pump.reads,
            writes: pump.writes,
        })
    })
}

/// One more of Perl's knows the number of a pump, or one less.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_pump_known(key: u64, more: bool) {
    guarded((), || {
        if !more {
            return drop_perl(key);
        }
        if let Some(pump) = pumps().all.get_mut(&key) {
            pump.perl += 1;
        }
    });
}

/// How a stream with a handle is.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_pump_state(key: u64) -> PumpState {
    guarded(PumpState::None, || state(pumps().all.get(&key), false))
}

/// The script has closed its handle; or the handle went, or the script does not wait for the end any more.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_pump_end(key: u64, finish: bool) {
    guarded((), || end(key, if finish { Asked::Finish } else { Asked::Abort }, true));
}

/// Waits for the end, for some milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn sysvirt_pump_wait(key: u64, milliseconds: u32) -> PumpState {
    guarded(PumpState::None, || {
        let mut pumps = pumps();
        let until = now() + u64::from(milliseconds) * 1_000_000;
        loop {
            let state = state(pumps.all.get(&key), true);
            if state != PumpState::Runs || now() >= until {
                return state;
            }
            MOVED.wait_until(&mut pumps, until);
        }
    })
}
