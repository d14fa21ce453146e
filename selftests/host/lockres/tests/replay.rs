// SPDX-License-Identifier: GPL-2.0-only
//! Recordings are replayed, and a decision that differs is noticed.

use ocfs2_lockres_host::drive::Driver;
use ocfs2_lockres_host::lockres::*;
use ocfs2_lockres_host::random;
use ocfs2_lockres_host::replay::{line, replay, Count};

const KIND: Kind = Kind {
    lvb: true,
    refresh: true,
};
const POLICY: Policy = Policy {
    slice_ns: 10_000_000,
    idle_ns: 1_000_000,
    ticket_ns: 5_000_000,
};

/// A recording as a kernel would make it, of random events.
fn recording() -> Vec<String> {
    let new = Event::New(KIND, POLICY);
    let mut driver = Driver::new(Machine::new(KIND, POLICY));
    let mut lines = vec![line("M01", new, 0, 0)];
    let mut seed = 1u32;
    let mut byte = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    for step in 0..5000u64 {
        let event = random::event(byte(), byte() & 0x7f);
        let now = step * 400_000;
        if let Some(outcome) = driver.step(event, now) {
            lines.push(line("M01", event, now, outcome));
        }
    }
    lines
}

#[test]
fn a_recording_replays() {
    let lines = recording();
    let count = replay(&lines.join("\n")).unwrap();
    assert_eq!((count.locks, count.events), (1, lines.len() - 1));
    assert!(count.events > 1000);
}

#[test]
fn a_different_decision_is_noticed() {
    let lines = recording();
    for at in [1, 77, lines.len() - 1] {
        let mut wrong = lines.clone();
        let (rest, outcome) = wrong[at].split_once("outcome=0x").unwrap();
        let outcome = u64::from_str_radix(outcome, 16).unwrap() ^ 1 << 4;
        wrong[at] = format!("{rest}outcome={outcome:#x}");
        let what = replay(&wrong.join("\n")).unwrap_err();
        assert!(what.starts_with(&format!("line {}: ", at + 1)), "{what}");
    }
}

#[test]
fn a_lost_event_is_noticed() {
    let mut driver = Driver::new(Machine::new(KIND, POLICY));
    let events = [
        Event::Acquire(Mode::Pr, How::Wait, Task(7), Membership::Complete),
        Event::Returned(Ok(())),
        Event::Ast(Ok(())),
        Event::Poll(Task(7), Membership::Complete),
        Event::Refreshed(Task(7), Mode::Pr, true),
        Event::Release(Task(7), Mode::Pr),
        Event::Acquire(Mode::Pr, How::Try, Task(8), Membership::Complete),
    ];
    let mut lines = vec![line("M01", Event::New(KIND, POLICY), 0, 0)];
    for event in events {
        let outcome = driver.step(event, 5).unwrap();
        lines.push(line("M01", event, 5, outcome));
    }
    assert!(replay(&lines.join("\n")).is_ok());
    for lost in [1, 3, 4, 5] {
        let mut lines = lines.clone();
        lines.remove(lost);
        assert!(replay(&lines.join("\n")).is_err(), "without {lost}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    let new = line("M01", Event::New(KIND, POLICY), 0, 0);
    for bad in [
        "lock_event: dev=1:0 lock=M01 event=99 arg0=0 arg1=0 outcome=0",
        "lock_event: dev=1:0 lock=M01 event=2 arg0=0 outcome=0",
        "lock_event: garbage",
    ] {
        assert!(replay(&format!("{new}\n{bad}")).is_err(), "{bad}");
    }
    let older = "lock_event: dev=1:0 lock=M02 event=12 arg0=0 arg1=0 outcome=0";
    assert_eq!(replay(older).unwrap().skipped, 1);
}

/// Recordings of real nodes, kept in the tree. `selftests/ocfs2_glue/pair/replay.sh` makes those of
/// a node that appended and of one that followed, and `death_of_other.sh` that of a node whose peer
/// died with a slot.
fn kept(node: &str) -> Count {
    let path = format!("{}/recorded/{node}.trace", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let count = replay(&text).unwrap_or_else(|what| panic!("{path}: {what}"));
    println!("{node}: {count}");
    assert!(count.events > 100 && count.skipped == 0, "{node}: {count}");
    count
}

#[test]
fn recordings_of_real_nodes() {
    for node in ["appends", "follows"] {
        let count = kept(node);
        // Something was contended in them.
        assert!(count.waits > 0 && count.flushes > 0, "{node}: {count}");
        let refused = count.tries_refused > 0 && count.tickets > 0;
        assert_eq!(refused, node == "follows", "{node}: {count}");
    }
}

#[test]
fn a_recording_of_a_death() {
    let count = kept("survives");
    assert!(count.suspect > 0 && count.unrecovered > 0, "{count}");
}

/// The membership is part of what is recorded: with another one the decision differs.
#[test]
fn a_different_membership_is_noticed() {
    let mut driver = Driver::new(Machine::new(KIND, POLICY));
    let new = line("M01", Event::New(KIND, POLICY), 0, 0);
    let acquire = |members| Event::Acquire(Mode::Pr, How::Wait, Task(7), members);
    let failed = acquire(Membership::Unrecovered);
    let outcome = driver.step(failed, 5).unwrap();
    let right = line("M01", failed, 5, outcome);
    assert!(replay(&format!("{new}\n{right}")).is_ok());
    for members in [Membership::Complete, Membership::Suspect, Membership::Lost] {
        let wrong = line("M01", acquire(members), 5, outcome);
        assert!(replay(&format!("{new}\n{wrong}")).is_err(), "{members:?}");
    }
}
