// SPDX-License-Identifier: GPL-2.0-only
//! Drives one machine with events that name tasks instead of tokens: for replays, random strings
//! and the fuzz target.

use crate::lockres::{
    Event, Hold, How, Machine, Membership, Mode, Outcome, Recorded, Step, Task, Waiter,
};

/// All values.
const ALL_MEMBERSHIPS: [Membership; 4] = [
    Membership::Complete,
    Membership::Suspect,
    Membership::Unrecovered,
    Membership::Lost,
];

/// A machine, and the tokens that are out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    pub machine: Machine,
    pub waiters: Vec<(Task, Waiter)>,
    pub holds: Vec<(Task, Hold)>,
}

/// How many tokens of a kind may be out: a bound on what random events can pile up.
const TOKENS: usize = 64;

impl Driver {
    /// Drives this one.
    pub fn new(machine: Machine) -> Self {
        Driver {
            machine,
            waiters: Vec::new(),
            holds: Vec::new(),
        }
    }

    fn waiter(&mut self, task: Task) -> Option<Waiter> {
        let at = self.waiters.iter().position(|(t, _)| *t == task)?;
        Some(self.waiters.remove(at).1)
    }

    fn hold(&mut self, task: Task, fits: impl Fn(&Hold) -> bool) -> Option<Hold> {
        let at = self.holds.iter().position(|(t, h)| *t == task && fits(h))?;
        Some(self.holds.remove(at).1)
    }

    fn outcome(&mut self, task: Task, step: Step<Outcome>) -> u64 {
        let code = step.outcome();
        match step.value {
            Outcome::Granted(hold) => self.holds.push((task, hold)),
            Outcome::Wait(waiter) => self.waiters.push((task, waiter)),
            Outcome::WouldBlock | Outcome::Failed(_) => {}
        }
        code
    }

    /// Does what the event says; `None` if it names a token that isn't out, or would put out more
    /// than a task can have.
    pub fn step(&mut self, event: Event, now: u64) -> Option<u64> {
        Some(match event {
            Event::New(kind, policy) => {
                *self = Driver::new(Machine::new(kind, policy));
                0
            }
            Event::Acquire(mode, how, task, members) => {
                let waits = self.waiters.iter().any(|(t, _)| *t == task);
                if waits || self.holds.len() >= TOKENS || self.waiters.len() >= TOKENS {
                    return None;
                }
                let step = self.machine.acquire(mode, how, task, members, now);
                self.outcome(task, step)
            }
            Event::Poll(task, members) => {
                let waiter = self.waiter(task)?;
                let step = self.machine.poll(waiter, members, now);
                self.outcome(task, step)
            }
            Event::Abandon(task) => {
                let waiter = self.waiter(task)?;
                self.machine.abandon(waiter, now).outcome()
            }
            Event::Refreshed(task, mode, ok) => {
                let mut hold = self.hold(task, |h| h.mode() == mode && h.must_refresh())?;
                let kick = self.machine.refreshed(&mut hold, ok, now);
                self.holds.push((task, hold));
                kick.outcome()
            }
            Event::Release(task, mode) => {
                let hold = self.hold(task, |h| h.mode() == mode)?;
                self.machine.release(hold, now).outcome()
            }
            Event::LeaveTicket(task, mode) => {
                let hold = self.hold(task, |h| h.mode() == mode)?;
                self.machine.leave_ticket(hold, now).outcome()
            }
            Event::ReturnTicket(task) => self.machine.return_ticket(task, now).outcome(),
            Event::Returned(answer) => self.machine.returned(answer, now).outcome(),
            Event::Ast(answer) => self.machine.ast(answer, now).outcome(),
            Event::Bast(mode) => self.machine.bast(mode, now).outcome(),
            Event::UnlockAst(answer) => self.machine.unlock_ast(answer, now).outcome(),
            Event::Work(members) => self.machine.work(members, now).outcome(),
            Event::Flushed(how) => self.machine.flushed(how, now).outcome(),
            Event::Shutdown => self.machine.shutdown(now).outcome(),
        })
    }
}

/// Runs events from bytes and checks the invariants after each; the error says which doesn't hold.
///
/// The first bytes choose policy and kind; then three each: event, argument, time that passes.
pub fn bytes(input: &[u8]) -> Result<(), String> {
    let [policy, rest @ ..] = input else {
        return Ok(());
    };
    let mut driver = Driver::new(crate::random::machine(*policy));
    let mut now = 0u64;
    for triple in rest.chunks_exact(3) {
        let [what, arg, time] = [triple[0], triple[1], triple[2]];
        now = now.saturating_add(crate::random::time(time));
        one(&mut driver, crate::random::event(what, arg), now)?;
    }
    Ok(())
}

/// Whether `would_grant` says what a try would find.
fn asking_is_trying(machine: &Machine, now: u64) -> bool {
    let tasks = (0..10).map(Task);
    let mut pairs = tasks.flat_map(|task| [(Mode::Pr, task), (Mode::Ex, task)]);
    pairs.all(|(mode, task)| {
        ALL_MEMBERSHIPS.iter().all(|members| {
            let step = machine.clone().acquire(mode, How::Try, task, *members, now);
            let granted = matches!(step.value, Outcome::Granted(_));
            machine.would_grant(mode, task, *members, now) == granted
        })
    })
}

/// One event, and the checks after it. Returns its outcome, if the event was possible.
pub fn one(driver: &mut Driver, event: Event, now: u64) -> Result<Option<u64>, String> {
    let before = driver.clone();
    let outcome = driver.step(event, now);
    let tell = |what: &str| {
        Err(format!(
            "{what}\n{event:?} at {now}\n{before:?}\n{driver:?}"
        ))
    };
    if let Some(wrong) = driver.machine.check() {
        return tell(wrong);
    }
    if !asking_is_trying(&driver.machine, now) {
        return tell("would_grant is wrong");
    }
    let Some(outcome) = outcome else {
        return Ok(None);
    };
    // A refused event changed nothing. (A hold that was refused is gone; nobody else's is.)
    if outcome == 15 && driver.machine != before.machine {
        return tell("a wrong event changed something");
    }
    let calls = outcome >> 8 & 0xff != 0;
    let (quiet, members) = match event {
        Event::Acquire(_, how, _, members) => (how == How::Try, members),
        Event::Poll(_, members) => (false, members),
        _ => (false, Membership::Complete),
    };
    if members != Membership::Complete && matches!(outcome & 15, 1 | 2) {
        return tell("granted while a node is missing");
    }
    if quiet && calls {
        return tell("a try made a call");
    }
    let (pr, ex) = driver.machine.holders();
    let reserved = driver
        .waiters
        .iter()
        .filter(|(_, w)| driver.machine.waiter_state(w) == crate::lockres::WaiterState::Reserved);
    if (pr + ex) as usize != driver.holds.len() + reserved.count() {
        return tell("holders are miscounted");
    }
    Ok(Some(outcome))
}
