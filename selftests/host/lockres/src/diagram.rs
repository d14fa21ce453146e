// SPDX-License-Identifier: GPL-2.0-only
//! The state diagram of docs/locking.md, drawn by trying every event in every state that can be
//! reached with two tasks.

use crate::drive::Driver;
use crate::lockres::{
    Answer, Event, Flushed, How, Kind, Level, Machine, Membership, Mode, Policy, Refusal, State,
    Task,
};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fmt::Write;

fn place(state: State) -> &'static str {
    match state {
        State::Unlocked => "Unlocked",
        State::Acquiring { .. } => "Acquiring",
        State::Held { level: Level::Nl } => "Held_NL",
        State::Held { level: Level::Pr } => "Held_PR",
        State::Held { level: Level::Ex } => "Held_EX",
        State::Upconverting { .. } => "Upconverting",
        State::Cancelling { .. } => "Cancelling",
        State::Flushing { .. } => "Flushing",
        State::Downconverting { .. } => "Downconverting",
        State::Unlocking { .. } => "Unlocking",
        State::Gone => "Gone",
    }
}

fn label(event: Event) -> &'static str {
    match event {
        Event::Acquire(..) | Event::Poll(..) => "acquire, poll",
        Event::Returned(Ok(())) => "call returned",
        Event::Returned(Err(_)) => "call failed",
        Event::Ast(Ok(())) => "ast",
        Event::Ast(Err(_)) => "ast: refused",
        Event::UnlockAst(Ok(())) => "unlock ast",
        Event::UnlockAst(Err(_)) => "unlock ast: failed",
        Event::Work(_) => "work",
        Event::Flushed(Flushed::NotYet(_)) => "flush not possible yet",
        Event::Flushed(_) => "flushed",
        Event::Shutdown => "shutdown",
        _ => "other",
    }
}

fn events() -> Vec<Event> {
    let answers: [Answer; 4] = [
        Ok(()),
        Err(Refusal::Again),
        Err(Refusal::Busy),
        Err(Refusal::Other(-22)),
    ];
    let mut all = vec![
        Event::Bast(Mode::Pr),
        Event::Bast(Mode::Ex),
        Event::Work(Membership::Complete),
        Event::Flushed(Flushed::Done),
        Event::Flushed(Flushed::NotYet(0)),
        Event::Shutdown,
    ];
    for answer in answers {
        all.extend([Event::Returned(answer), Event::Ast(answer)]);
        all.push(Event::UnlockAst(answer));
    }
    for (task, mode) in [(Task(1), Mode::Pr), (Task(2), Mode::Ex)] {
        all.push(Event::Acquire(mode, How::Wait, task, Membership::Complete));
        all.push(Event::Poll(task, Membership::Complete));
        all.push(Event::Refreshed(task, mode, true));
        all.push(Event::Release(task, mode));
    }
    all
}

/// From where to where, by what.
type Edges = BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>;

fn edges() -> Edges {
    let kind = Kind {
        lvb: true,
        refresh: true,
    };
    let policy = Policy {
        slice_ns: 0,
        idle_ns: 0,
        ticket_ns: 0,
    };
    let mut edges = Edges::new();
    let mut seen = HashSet::new();
    let mut queue = VecDeque::from([(Driver::new(Machine::new(kind, policy)), 0u64)]);
    let events = events();
    while let Some((driver, now)) = queue.pop_front() {
        for event in &events {
            let mut next = driver.clone();
            // A task has one hold at most here, and time passes only where nothing else would.
            let held = |t: Task| driver.holds.iter().any(|(task, _)| *task == t);
            if matches!(event, Event::Acquire(_, _, t, _) if held(*t)) {
                continue;
            }
            let now = if matches!(event, Event::Work(_)) {
                now + 1_000_000_000
            } else {
                now
            };
            if next.step(*event, now).is_none() {
                continue;
            }
            let (from, to) = (place(driver.machine.state()), place(next.machine.state()));
            if from != to {
                edges.entry((from, to)).or_default().insert(label(*event));
            }
            let waiter_state = |d: &Driver| -> Vec<_> {
                let all = d.waiters.iter();
                all.map(|(t, w)| (*t, d.machine.waiter_state(w))).collect()
            };
            let key = (
                next.machine.view(now),
                waiter_state(&next),
                next.holds.clone(),
            );
            if seen.insert(key) {
                queue.push_back((next, now));
            }
        }
    }
    edges
}

/// The diagram, as Mermaid text.
pub fn mermaid() -> String {
    let mut out = String::from("stateDiagram-v2\n    direction LR\n    [*] --> Unlocked\n");
    for ((from, to), labels) in edges() {
        let labels: Vec<&str> = labels.into_iter().collect();
        let _ = writeln!(out, "    {from} --> {to}: {}", labels.join(" / "));
    }
    out.push_str("    Gone --> [*]\n");
    out
}
