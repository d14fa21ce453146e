// SPDX-License-Identifier: GPL-2.0-only
//! The interface between a model and its exploration: states, actions, whose turn an action is, a
//! log.

use crate::node::{Who, TASKS};
use std::hash::Hasher;

/// A task, worker, callback or the like that fairness gives turns to, as a bit number.
pub type Process = u8;

/// The turns of one node: first its tasks, then these.
pub mod turn {
    use super::TASKS;
    pub const WORKER: u8 = TASKS as u8;
    pub const EVICT: u8 = WORKER + 1;
    pub const CALL: u8 = WORKER + 2;
    pub const AST: u8 = WORKER + 3;
    pub const BAST: u8 = WORKER + 4;
    pub const UNLOCK_AST: u8 = WORKER + 5;
    pub const DIGEST: u8 = WORKER + 6;
    /// The stack reports a node that is down; the slot map is read.
    pub const REPORT: u8 = WORKER + 7;
    pub const SLOT_MAP: u8 = WORKER + 8;
    /// The DLM drops the locks of this node, which is dead.
    pub const RECOVER: u8 = WORKER + 9;
    pub const COUNT: u8 = WORKER + 10;
}

/// Time.
pub const TICK: Process = 60;
/// May happen at any time, but not each time at the worst moment.
pub const RARE: Process = 62;
/// Needn't ever happen.
pub const FREE: Process = 63;

/// A turn of a node.
pub fn process(n: usize, turn: u8) -> Process {
    n as u8 * turn::COUNT + turn
}

/// Whether fairness gives this one a turn even if it is only able to take it from time to time.
/// Tasks and workers are: the kernel grants a folio lock in order. So is time.
pub fn strict(process: Process) -> bool {
    process == TICK || (process < TICK && process % turn::COUNT <= turn::WORKER)
}

/// A model: states, and actions between them.
pub trait World {
    type State: Clone;
    type Action: Copy;

    /// The first state.
    fn start(&self) -> Self::State;
    /// The possible actions, in a fixed order.
    fn enabled(&self, state: &Self::State, out: &mut Vec<Self::Action>);
    /// The state after an action.
    fn next(&self, state: &Self::State, action: Self::Action, log: &mut Log) -> Self::State;
    /// Whose turn an action is.
    fn process(&self, action: Self::Action) -> Process;
    /// The operations that have begun and not ended, as bits.
    fn pending(&self, state: &Self::State) -> u64;
    /// The property that doesn't hold in a state.
    fn broken(&self, state: &Self::State) -> Option<&'static str>;
    /// A fingerprint of a state.
    fn print(&self, state: &Self::State) -> u64;
    /// What a task is called.
    fn role(&self, n: usize, t: usize) -> &'static str;
}

/// Lines of (node, who, what).
#[derive(Debug, Default)]
pub struct Log {
    on: bool,
    pub lines: Vec<(usize, Who, String)>,
}

impl Log {
    /// One that records.
    pub fn on() -> Self {
        Log {
            on: true,
            lines: Vec::new(),
        }
    }

    /// Makes the text only if the log records.
    pub fn say(&mut self, n: usize, who: Who, what: impl FnOnce() -> String) {
        if self.on {
            self.lines.push((n, who, what()));
        }
    }
}

/// FxHash's mixing, twice, so that two states don't share a fingerprint.
#[derive(Default)]
pub struct Mix(u64, u64);

impl Mix {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        self.1 = (self.1.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.1 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 32) ^ self.1.rotate_left(17)
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word) ^ (chunk.len() as u64) << 56);
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.add(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.add(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        self.add(n);
    }
    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.add(n as u64);
    }
}
