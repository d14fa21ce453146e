// SPDX-License-Identifier: GPL-2.0-only
//! The machine's stories, told one event after the other.

mod support;

use ocfs2_lockres_host::lockres::*;
use support::*;

#[test]
fn first_lock_is_handed_to_its_waiter_though_a_bast_follows() {
    let mut m = Machine::new(KIND, POLICY);
    let (w, _) = wait(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 0));
    // The ast, and the bast on its heels, come before the call has returned.
    assert!(m.ast(Ok(()), 1).unwrap().wake);
    assert_eq!(m.bast(Mode::Ex, 1).work, None);
    assert_eq!(m.returned(Ok(()), 1).unwrap().work, None);
    assert_eq!(m.work(COMPLETE, 1).value, Work::Nothing);
    let mut h = granted(m.poll(w, COMPLETE, 2));
    let _ = m.refreshed(&mut h, true, 2).unwrap();
    assert_eq!(m.release(h, 3).unwrap().work, Some(0));
    assert_eq!(
        m.work(COMPLETE, 3).value,
        Work::Flush {
            from: Level::Pr,
            to: Level::Nl
        }
    );
}

#[test]
fn a_ticket_lets_the_retry_in_and_holds_up_the_worker() {
    let mut m = Machine::new(KIND, POLICY);
    let (w, _) = wait(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 0));
    let _ = m.returned(Ok(()), 0).unwrap();
    let _ = m.ast(Ok(()), 0).unwrap();
    let _ = m.bast(Mode::Ex, 0);
    let mut h = granted(m.poll(w, COMPLETE, 10));
    let _ = m.refreshed(&mut h, true, 10).unwrap();
    assert_eq!(m.leave_ticket(h, 10).unwrap().work, Some(100));
    assert_eq!(m.work(COMPLETE, 11).value, Work::Nothing);
    assert_eq!(
        m.acquire(Mode::Pr, How::Try, B, COMPLETE, 12).value,
        Outcome::WouldBlock
    );
    let h = granted(m.acquire(Mode::Pr, How::Try, A, COMPLETE, 12));
    assert_eq!(
        m.acquire(Mode::Pr, How::Try, A, COMPLETE, 12).value,
        Outcome::WouldBlock
    );
    assert_eq!(m.release(h, 13).unwrap().work, Some(0));
    assert!(matches!(m.work(COMPLETE, 13).value, Work::Flush { .. }));
}

#[test]
fn a_ticket_runs_out() {
    let mut m = idle_at(Mode::Pr, POLICY);
    let h = granted(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 5));
    let _ = m.leave_ticket(h, 5).unwrap();
    assert_eq!(m.bast(Mode::Ex, 6).work, Some(99));
    assert!(matches!(m.work(COMPLETE, 105).value, Work::Flush { .. }));
    assert_eq!(
        m.acquire(Mode::Pr, How::Try, A, COMPLETE, 105).value,
        Outcome::WouldBlock
    );
}

#[test]
fn crossing_upconverts_cancel_and_step_back() {
    let mut m = idle_at(Mode::Pr, POLICY);
    let (w, call) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 1));
    assert!(matches!(
        call,
        Some(DlmCall::Lock {
            convert: true,
            level: Level::Ex,
            ..
        })
    ));
    // Not before the request was submitted.
    assert_eq!(m.bast(Mode::Ex, 2).work, None);
    assert_eq!(m.work(COMPLETE, 2).call, None);
    assert_eq!(m.returned(Ok(()), 3).unwrap().work, Some(0));
    assert_eq!(m.work(COMPLETE, 3).call, Some(DlmCall::Cancel));
    assert!(m.unlock_ast(Ok(()), 4).unwrap().wake);
    // The cancel's call is still on its way back: nothing new until then.
    let (w, call) = wait(m.poll(w, COMPLETE, 4));
    assert_eq!(call, None);
    assert_eq!(m.returned(Ok(()), 5).unwrap().work, Some(0));
    assert!(matches!(
        m.work(COMPLETE, 5).value,
        Work::Flush { to: Level::Nl, .. }
    ));
    let step = m.flushed(Flushed::Done, 6).unwrap();
    assert!(matches!(
        step.call,
        Some(DlmCall::Lock {
            level: Level::Nl,
            convert: true,
            ..
        })
    ));
    let _ = m.returned(Ok(()), 6).unwrap();
    assert!(m.ast(Ok(()), 7).unwrap().wake);
    let (_w, call) = wait(m.poll(w, COMPLETE, 8));
    assert!(matches!(
        call,
        Some(DlmCall::Lock {
            level: Level::Ex,
            convert: true,
            ..
        })
    ));
}

#[test]
fn a_cancel_that_comes_too_late_is_a_grant() {
    let mut m = idle_at(Mode::Pr, POLICY);
    let (w, _) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 1));
    let _ = m.returned(Ok(()), 1).unwrap();
    let _ = m.bast(Mode::Ex, 2);
    assert_eq!(m.work(COMPLETE, 3).call, Some(DlmCall::Cancel));
    assert!(m.ast(Ok(()), 4).unwrap().wake);
    let h = granted(m.poll(w, COMPLETE, 4));
    let _ = m.returned(Ok(()), 5).unwrap();
    assert_eq!(m.release(h, 6).unwrap().work, Some(0));
    assert!(matches!(
        m.work(COMPLETE, 6).value,
        Work::Flush {
            from: Level::Ex,
            to: Level::Nl
        }
    ));
}

#[test]
fn noqueue_is_denied_to_its_maker_only() {
    let mut m = Machine::new(KIND, POLICY);
    let (w, call) = wait(m.acquire(Mode::Ex, How::NoQueue, A, COMPLETE, 0));
    assert!(matches!(call, Some(DlmCall::Lock { noqueue: true, .. })));
    let (v, call) = wait(m.acquire(Mode::Pr, How::Wait, B, COMPLETE, 0));
    assert_eq!(call, None);
    assert!(m.returned(Err(Refusal::Again), 1).unwrap().wake);
    let (v, call) = wait(m.poll(v, COMPLETE, 2));
    assert_eq!(call, None, "the denial hasn't been collected");
    let step = m.poll(w, COMPLETE, 3);
    assert_eq!(step.value, Outcome::WouldBlock);
    assert!(step.kick.wake);
    let (_v, call) = wait(m.poll(v, COMPLETE, 4));
    assert!(matches!(
        call,
        Some(DlmCall::Lock {
            noqueue: true,
            level: Level::Pr,
            ..
        })
    ));
}

#[test]
fn a_new_lock_that_would_wait_begins_at_nl() {
    let mut m = Machine::new(KIND, POLICY);
    let (w, _) = wait(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 0));
    assert!(m.returned(Err(Refusal::Again), 1).unwrap().wake);
    let (w, call) = wait(m.poll(w, COMPLETE, 2));
    let nl = DlmCall::Lock {
        level: Level::Nl,
        convert: false,
        noqueue: false,
        lvb: Lvb::Leave,
    };
    assert_eq!(call, Some(nl));
    let _ = m.returned(Ok(()), 3).unwrap();
    assert!(m.ast(Ok(()), 3).unwrap().wake);
    let (_w, call) = wait(m.poll(w, COMPLETE, 4));
    let pr = DlmCall::Lock {
        level: Level::Pr,
        convert: true,
        noqueue: false,
        lvb: Lvb::Leave,
    };
    assert_eq!(call, Some(pr));
}

#[test]
fn shutdown_drops_the_lock_and_stores_the_lvb() {
    let mut m = idle_at(Mode::Ex, POLICY);
    let step = m.shutdown(1);
    assert_eq!(
        (step.value, step.call),
        (false, Some(DlmCall::Unlock { lvb: Lvb::Fill }))
    );
    assert!(m.unlock_ast(Ok(()), 2).unwrap().wake);
    assert!(!m.is_gone(), "the call hasn't returned");
    let _ = m.returned(Ok(()), 2).unwrap();
    assert!(m.shutdown(3).value);
    assert_eq!(
        m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 4).value,
        Outcome::Failed(LockError::Shutdown)
    );
}

#[test]
fn a_slice_keeps_the_lock_and_then_it_goes() {
    let policy = Policy {
        slice_ns: 1000,
        idle_ns: 1000,
        ticket_ns: 0,
    };
    let mut m = idle_at(Mode::Ex, policy);
    assert_eq!(m.bast(Mode::Pr, 10).work, Some(990));
    let h = granted(m.acquire(Mode::Ex, How::Try, A, COMPLETE, 20));
    let _ = m.release(h, 30).unwrap();
    assert_eq!(m.work(COMPLETE, 40).value, Work::Nothing);
    assert_eq!(
        m.acquire(Mode::Ex, How::Try, A, COMPLETE, 1000).value,
        Outcome::WouldBlock
    );
    // What the other node leaves us is still there for the taking.
    let h = granted(m.acquire(Mode::Pr, How::Try, A, COMPLETE, 1000));
    assert_eq!(
        m.work(COMPLETE, 1000).value,
        Work::Flush {
            from: Level::Ex,
            to: Level::Pr
        }
    );
    let _ = m.release(h, 1001).unwrap();
}

#[test]
fn a_slice_is_for_those_who_can_use_it() {
    let policy = Policy {
        slice_ns: 1000,
        idle_ns: 100,
        ticket_ns: 0,
    };
    // Over as soon as nobody has used it for a while.
    let mut m = idle_at(Mode::Ex, policy);
    assert_eq!(m.bast(Mode::Pr, 10).work, Some(90));

    // None at all where a writer here has to wait for the lock to come back.
    let mut m = idle_at(Mode::Pr, policy);
    let reader = m.acquire(Mode::Pr, How::Try, B, COMPLETE, 10).value;
    assert!(matches!(reader, Outcome::Granted(_)));
    let (_w, _) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 20));
    let _ = m.returned(Ok(()), 20).unwrap();
    let _ = m.bast(Mode::Ex, 30);
    let reader = m.acquire(Mode::Pr, How::Try, B, COMPLETE, 40).value;
    assert_eq!(reader, Outcome::WouldBlock);
}
