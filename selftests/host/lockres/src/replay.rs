// SPDX-License-Identifier: GPL-2.0-only
//! Replays what the kernel's `lock_event` tracepoint recorded, and compares each decision.

use crate::drive::Driver;
use crate::lockres::{Event, How, Machine, Membership};
use std::collections::HashMap;
use std::fmt;

/// What was replayed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Lock resources whose recording began with their creation.
    pub locks: usize,
    /// Events of these.
    pub events: usize,
    /// Events of locks that were there before the recording began.
    pub skipped: usize,
    /// Tries that were refused: somebody had a folio locked.
    pub tries_refused: usize,
    /// Acquires that had to wait.
    pub waits: usize,
    /// Requests that waited for the slot map, or that failed after a death with a slot.
    pub suspect: usize,
    pub unrecovered: usize,
    /// Flushes by the worker.
    pub flushes: usize,
    /// Tickets that were left.
    pub tickets: usize,
    /// Tickets that were returned unused.
    pub tickets_returned: usize,
}

impl Count {
    fn add(&mut self, event: Event, outcome: u64, tickets: (u32, u32)) {
        self.events += 1;
        let (before, after) = tickets;
        match (event, outcome & 15) {
            (Event::Acquire(_, How::Try, _, _), 3) => self.tries_refused += 1,
            (Event::Poll(_, Membership::Suspect), 4) => self.suspect += 1,
            (Event::Acquire(..) | Event::Poll(..), 9) => self.unrecovered += 1,
            (Event::Acquire(_, _, _, members), 4) => {
                self.waits += 1;
                self.suspect += usize::from(members == Membership::Suspect);
            }
            (Event::Work(_), 6 | 7) => self.flushes += 1,
            (Event::LeaveTicket(..), 0) if after > before => self.tickets += 1,
            (Event::ReturnTicket(_), _) if after < before => self.tickets_returned += 1,
            _ => {}
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "locks={} events={}", self.locks, self.events)?;
        write!(f, " skipped={}", self.skipped)?;
        write!(f, " tries_refused={}", self.tries_refused)?;
        write!(f, " waits={} flushes={}", self.waits, self.flushes)?;
        write!(f, " suspect={}", self.suspect)?;
        write!(f, " unrecovered={}", self.unrecovered)?;
        write!(
            f,
            " tickets={} tickets_returned={}",
            self.tickets, self.tickets_returned
        )
    }
}

/// The value behind `key=` in a line of ftrace's.
fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let words = line.split_whitespace();
    let mut found = words.filter_map(|w| w.strip_prefix(key)?.strip_prefix('='));
    found.next()
}

fn number(line: &str, key: &str) -> Option<u64> {
    let text = field(line, key)?;
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Replays the lines with a `lock_event` in them. Locks are told apart by `dev` and `lock`, so one
/// recording is of one node.
///
/// # Errors
///
/// The first line that can't be read, or whose outcome isn't what the machine decides here.
pub fn replay(text: &str) -> Result<Count, String> {
    let mut drivers: HashMap<(String, String), Driver> = HashMap::new();
    let mut count = Count::default();
    for (number_of_line, line) in text.lines().enumerate() {
        if !line.contains("lock_event: ") {
            continue;
        }
        let at = number_of_line + 1;
        let bad = || format!("line {at} can't be read: {line}");
        let code = number(line, "event").ok_or_else(bad)?;
        let arg = number(line, "arg0").ok_or_else(bad)?;
        let now = number(line, "arg1").ok_or_else(bad)?;
        let recorded = number(line, "outcome").ok_or_else(bad)?;
        let event = u32::try_from(code).ok();
        let event = event
            .and_then(|code| Event::from_code(code, arg))
            .ok_or_else(bad)?;
        let name = |key| Some(field(line, key)?.to_string());
        let key = (name("dev").ok_or_else(bad)?, name("lock").ok_or_else(bad)?);
        if let Event::New(kind, policy) = event {
            drivers.insert(key, Driver::new(Machine::new(kind, policy)));
            count.locks += 1;
            continue;
        }
        let Some(driver) = drivers.get_mut(&key) else {
            count.skipped += 1;
            continue;
        };
        let before = driver.machine.tickets(now);
        let here = driver.step(event, now);
        if here != Some(recorded) {
            let here = here.map_or("no such token".into(), |h| format!("{h:#x}"));
            return Err(format!(
                "line {at}: {event:?}: recorded {recorded:#x}, here {here}\n{line}\n{driver:?}"
            ));
        }
        count.add(event, recorded, (before, driver.machine.tickets(now)));
    }
    Ok(count)
}

/// One line as the tracepoint writes it.
pub fn line(lock: &str, event: Event, now: u64, outcome: u64) -> String {
    let (code, arg) = event.code();
    format!(
        "lock_event: dev=254:0 lock={lock} event={code} arg0={arg} arg1={now} outcome={outcome:#x}"
    )
}
