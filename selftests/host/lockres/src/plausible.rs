// SPDX-License-Identifier: GPL-2.0-only
//! One node and a DLM that answers each request once: in any order of events no event is refused,
//! and in the end every request is granted.

use crate::drive::{one, Driver};
use crate::lockres::{Event, Flushed, Membership, State};
use crate::random;

/// A time after which every timer has run out, in ns.
const LONG: u64 = 2_000_000_000;
/// More steps than any end takes.
const STEPS: usize = 600;

/// The calls and callbacks that are outstanding.
#[derive(Clone, Copy, Debug, Default)]
struct Dlm {
    /// A call hasn't returned.
    calling: bool,
    /// Answers are owed: a lock ast, an unlock ast for a cancel, one for an unlock.
    lock: bool,
    cancel: bool,
    unlock: bool,
}

/// A run.
pub struct Run {
    pub driver: Driver,
    dlm: Dlm,
    /// What every decision is made with.
    members: Membership,
    now: u64,
}

impl Run {
    /// Runs random events that can happen; `policy` as in [`random::machine`].
    pub fn new(policy: u8, input: &[u8]) -> Result<Self, String> {
        let mut run = Run {
            driver: Driver::new(random::machine(policy)),
            dlm: Dlm::default(),
            members: Membership::Complete,
            now: 0,
        };
        for triple in input.chunks_exact(3) {
            let [what, arg, time] = [triple[0], triple[1], triple[2]];
            run.now += random::time(time.min(249));
            // A node goes down, or the slot map was read and it had no slot.
            if what % 32 == 31 && arg > 0xe0 {
                run.members = match run.members {
                    Membership::Complete => Membership::Suspect,
                    _ => Membership::Complete,
                };
                continue;
            }
            let event = random::with_members(random::event(what, arg), run.members);
            if run.possible(&event) {
                run.step(event)?;
            }
        }
        Ok(run)
    }

    fn possible(&self, event: &Event) -> bool {
        match event {
            Event::Returned(_) => self.dlm.calling,
            Event::Ast(_) => self.dlm.lock,
            Event::UnlockAst(_) => self.dlm.cancel || self.dlm.unlock,
            Event::Flushed(_) => self.flushing(),
            Event::Shutdown => false,
            _ => true,
        }
    }

    fn flushing(&self) -> bool {
        matches!(self.driver.machine.state(), State::Flushing { .. })
    }

    fn step(&mut self, event: Event) -> Result<u64, String> {
        let outcome = one(&mut self.driver, event, self.now)?.unwrap_or(0);
        if outcome == 15 {
            return Err(format!("refused: {event:?}\n{:?}", self.driver));
        }
        let calling = self.dlm.calling;
        match event {
            Event::Returned(Ok(())) => self.dlm.calling = false,
            // No callback comes for a call that failed.
            Event::Returned(Err(_)) => self.dlm = Dlm::default(),
            Event::Ast(_) | Event::UnlockAst(_) => {
                self.dlm = Dlm {
                    calling,
                    ..Dlm::default()
                };
            }
            _ => {}
        }
        let call = outcome >> 8 & 3;
        if call != 0 && self.dlm.calling {
            return Err(format!("two calls at a time: {event:?}\n{:?}", self.driver));
        }
        self.dlm.calling |= call != 0;
        self.dlm.lock |= call == 1;
        self.dlm.cancel |= call == 2;
        self.dlm.unlock |= call == 3;
        Ok(outcome)
    }

    /// The next outstanding call or callback completes; false if there is none.
    fn go_on(&mut self) -> Result<bool, String> {
        let event = if self.dlm.calling {
            Event::Returned(Ok(()))
        } else if self.dlm.cancel || self.dlm.unlock {
            Event::UnlockAst(Ok(()))
        } else if self.dlm.lock {
            Event::Ast(Ok(()))
        } else if self.flushing() {
            Event::Flushed(Flushed::Done)
        } else {
            return Ok(false);
        };
        self.step(event)?;
        Ok(true)
    }

    /// The last holder releases; false if there is none.
    fn give_back(&mut self) -> Result<bool, String> {
        let Some((task, hold)) = self.driver.holds.last().cloned() else {
            return Ok(false);
        };
        if hold.must_refresh() {
            self.step(Event::Refreshed(task, hold.mode(), true))?;
        }
        self.step(Event::Release(task, hold.mode()))?;
        Ok(true)
    }

    /// There are no new requests: all waiters must be granted the lock, and the other node as well.
    /// After a death with a slot all waiters must fail.
    pub fn drain(&mut self, members: Membership) -> Result<(), String> {
        self.members = members;
        for _ in 0..STEPS {
            self.now += LONG;
            if self.go_on()? || self.give_back()? {
                continue;
            }
            if let Some((task, _)) = self.driver.waiters.first().cloned() {
                let value = self.step(Event::Poll(task, members))? & 15;
                if members != Membership::Complete && value != 9 {
                    return Err(format!("didn't fail: {:?}", self.driver));
                }
            } else if !self.driver.machine.is_blocking() {
                return Ok(());
            }
            self.step(Event::Work(members))?;
        }
        Err(format!("no end to it: {:?}", self.driver))
    }

    /// Unlocks: no request is granted any more, and the lock ends.
    pub fn shut_down(&mut self, members: Membership) -> Result<(), String> {
        self.members = members;
        for _ in 0..STEPS {
            self.now += LONG;
            if self.step(Event::Shutdown)? & 15 == 8 {
                let gone = self.driver.machine.is_gone();
                let left = self.driver.machine.holders() != (0, 0);
                return match gone && !left {
                    true => Ok(()),
                    false => Err(format!("not gone: {:?}", self.driver)),
                };
            }
            if !self.go_on()? {
                self.step(Event::Work(members))?;
            }
            if let Some((task, _)) = self.driver.waiters.first().cloned() {
                let value = self.step(Event::Poll(task, members))? & 15;
                if !matches!(value, 4 | 5 | 10) {
                    return Err(format!("let in: {:?}", self.driver));
                }
            }
            self.give_back()?;
        }
        Err(format!("no end to it: {:?}", self.driver))
    }
}

/// All ends, from bytes: the first chooses kind and policy, the second the end.
pub fn bytes(input: &[u8]) -> Result<(), String> {
    let [policy, end, rest @ ..] = input else {
        return Ok(());
    };
    let mut run = Run::new(*policy, rest)?;
    // An endless slice, or endless tickets, are for ever.
    let endless = *policy >> 2 & 3 == 3 || *policy >> 4 & 3 == 1;
    match end & 7 {
        0 => run.shut_down(Membership::Complete),
        1 => run.shut_down(Membership::Lost),
        4 => run.shut_down(Membership::Suspect),
        5 => run.shut_down(Membership::Unrecovered),
        _ if endless => Ok(()),
        6 => run.drain(Membership::Unrecovered),
        _ => run.drain(Membership::Complete),
    }
}
