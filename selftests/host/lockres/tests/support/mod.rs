// SPDX-License-Identifier: GPL-2.0-only
//! What the tests of the machine begin with.
#![allow(dead_code)] // Not each of them uses all of it.

use ocfs2_lockres_host::lockres::*;

pub const KIND: Kind = Kind {
    lvb: true,
    refresh: true,
};
pub const POLICY: Policy = Policy {
    slice_ns: 0,
    idle_ns: 0,
    ticket_ns: 100,
};
/// No node is missing.
pub const COMPLETE: Membership = Membership::Complete;
pub const A: Task = Task(1);
pub const B: Task = Task(2);

pub fn wait(step: Step<Outcome>) -> (Waiter, Option<DlmCall>) {
    match step.value {
        Outcome::Wait(w) => (w, step.call),
        other => panic!("not a wait: {other:?}"),
    }
}

pub fn granted(step: Step<Outcome>) -> Hold {
    match step.value {
        Outcome::Granted(h) => h,
        other => panic!("not granted: {other:?}"),
    }
}

/// A fresh lock, held at `mode` by nobody.
pub fn idle_at(mode: Mode, policy: Policy) -> Machine {
    let mut m = Machine::new(KIND, policy);
    let (w, call) = wait(m.acquire(mode, How::Wait, A, COMPLETE, 0));
    assert_eq!(
        call,
        Some(DlmCall::Lock {
            level: mode.level(),
            convert: false,
            noqueue: true,
            lvb: Lvb::Leave
        })
    );
    assert!(m.returned(Ok(()), 0).is_ok());
    assert!(m.ast(Ok(()), 0).unwrap().wake);
    let mut h = granted(m.poll(w, COMPLETE, 0));
    assert!(h.must_refresh());
    let _ = m.refreshed(&mut h, true, 0).unwrap();
    let _ = m.release(h, 0).unwrap();
    m
}

/// Somebody has the lock at `mode` by now and lets go of it; another node asks for `blocking`.
pub fn blocking_at(mode: Mode, blocking: Mode) -> Machine {
    let mut m = idle_at(mode, POLICY);
    assert_eq!(m.bast(blocking, 1).work, Some(0));
    m
}
