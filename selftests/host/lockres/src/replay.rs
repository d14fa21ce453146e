// SPDX-License-Identifier: GPL-2.0-only
//! Replays what the kernel's `lock_event` tracepoint recorded, and compares each decision.

use crate::drive::Driver;
use crate::lockres::{Event, Machine};
use std::collections::HashMap;

/// What was replayed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Lock resources whose recording began with their creation.
    pub locks: usize,
    /// Events of these.
    pub events: usize,
    /// Events of locks that were there before the recording began.
    pub skipped: usize,
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
        count.events += 1;
        let here = driver.step(event, now);
        if here != Some(recorded) {
            let here = here.map_or("no such token".into(), |h| format!("{h:#x}"));
            return Err(format!(
                "line {at}: {event:?}: recorded {recorded:#x}, here {here}\n{line}\n{driver:?}"
            ));
        }
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
