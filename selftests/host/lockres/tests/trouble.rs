// SPDX-License-Identifier: GPL-2.0-only
//! What fails, is refused, or comes to an end in the middle of something else.

mod support;

use ocfs2_lockres_host::lockres::*;
use support::*;

fn down(m: &mut Machine, now: u64) -> DlmCall {
    assert!(matches!(m.work(COMPLETE, now).value, Work::Flush { .. }));
    m.flushed(Flushed::Done, now).unwrap().call.unwrap()
}

/// At PR, with A in line for EX and the request under way.
fn converting() -> (Machine, Waiter) {
    let mut m = idle_at(Mode::Pr, POLICY);
    let (w, call) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 1));
    assert!(matches!(call, Some(DlmCall::Lock { convert: true, .. })));
    let _ = m.returned(Ok(()), 1).unwrap();
    (m, w)
}

#[test]
fn a_refresh_that_failed_is_the_next_ones_to_do() {
    let mut m = Machine::new(KIND, POLICY);
    let (a, _) = wait(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 0));
    let (b, _) = wait(m.acquire(Mode::Pr, How::Wait, B, COMPLETE, 0));
    let _ = m.returned(Ok(()), 0).unwrap();
    let _ = m.ast(Ok(()), 0).unwrap();
    let mut a = granted(m.poll(a, COMPLETE, 1));
    let (b, _) = wait(m.poll(b, COMPLETE, 1));
    assert!(m.refreshed(&mut a, false, 2).unwrap().wake);
    let b = granted(m.poll(b, COMPLETE, 3));
    assert!(b.must_refresh());
    let _ = m.release(a, 3).unwrap();
    // So it is if the one who was to do it just gives up.
    let _ = m.release(b, 4).unwrap();
    let try_it = m.acquire(Mode::Pr, How::Try, A, COMPLETE, 4).value;
    assert_eq!(try_it, Outcome::WouldBlock, "not without a refresh");
    assert!(granted(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 4)).must_refresh());
}

#[test]
fn the_value_block_is_stored_if_it_is_right_and_spoiled_if_not() {
    let lvb_of = |call| match call {
        DlmCall::Lock { lvb, .. } | DlmCall::Unlock { lvb } => lvb,
        DlmCall::Cancel => panic!("a cancel"),
    };
    let mut m = blocking_at(Mode::Ex, Mode::Ex);
    assert_eq!(lvb_of(down(&mut m, 2)), Lvb::Fill);

    let mut m = blocking_at(Mode::Ex, Mode::Ex);
    assert!(matches!(m.work(COMPLETE, 2).value, Work::Flush { .. }));
    let call = m.flushed(Flushed::Failed, 2).unwrap().call.unwrap();
    assert_eq!(lvb_of(call), Lvb::Invalidate);
    // The next time it is right again.
    let _ = m.returned(Ok(()), 3).unwrap();
    let _ = m.ast(Ok(()), 3).unwrap();
    let (w, _) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 4));
    let _ = m.returned(Ok(()), 4).unwrap();
    let _ = m.ast(Ok(()), 4).unwrap();
    let mut h = granted(m.poll(w, COMPLETE, 4));
    let _ = m.refreshed(&mut h, true, 4).unwrap();
    let _ = m.release(h, 4).unwrap();
    let _ = m.bast(Mode::Pr, 5);
    assert_eq!(lvb_of(down(&mut m, 5)), Lvb::Fill);

    // PR never had anything of its own to say; nor has EX that wasn't refreshed.
    let mut m = blocking_at(Mode::Pr, Mode::Ex);
    assert_eq!(lvb_of(down(&mut m, 2)), Lvb::Leave);
    let mut m = Machine::new(KIND, POLICY);
    let (w, _) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 0));
    let _ = m.abandon(w, 0);
    let _ = m.returned(Ok(()), 0).unwrap();
    let _ = m.ast(Ok(()), 0).unwrap();
    let _ = m.bast(Mode::Ex, 1);
    assert_eq!(lvb_of(down(&mut m, 1)), Lvb::Leave);
}

#[test]
fn a_flush_that_was_for_less_is_not_enough() {
    let mut m = blocking_at(Mode::Ex, Mode::Pr);
    let flush = |to| Work::Flush {
        from: Level::Ex,
        to,
    };
    assert_eq!(m.work(COMPLETE, 2).value, flush(Level::Pr));
    let _ = m.bast(Mode::Ex, 3);
    let step = m.flushed(Flushed::Done, 4).unwrap();
    assert_eq!((step.call, step.kick.work), (None, Some(0)));
    assert_eq!(m.work(COMPLETE, 4).value, flush(Level::Nl));
}

#[test]
fn a_request_that_the_dlm_is_too_busy_for_is_made_again() {
    let later = 20_000_000;
    let mut m = Machine::new(KIND, POLICY);
    let (w, _) = wait(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 0));
    let kick = m.returned(Err(Refusal::Busy), 0).unwrap();
    assert_eq!(kick.work, Some(later));
    let (w, call) = wait(m.poll(w, COMPLETE, 1));
    assert_eq!(call, None, "not yet");
    assert!(m.work(COMPLETE, later).kick.wake);
    let (_w, call) = wait(m.poll(w, COMPLETE, later));
    assert!(matches!(call, Some(DlmCall::Lock { .. })));
}

#[test]
fn who_came_during_a_refresh_is_let_in_by_it() {
    let mut m = Machine::new(KIND, POLICY);
    let (a, _) = wait(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 0));
    let _ = m.returned(Ok(()), 0).unwrap();
    let _ = m.ast(Ok(()), 0).unwrap();
    let mut a = granted(m.poll(a, COMPLETE, 1));
    let (b, _) = wait(m.acquire(Mode::Pr, How::Wait, B, COMPLETE, 1));
    assert!(m.refreshed(&mut a, true, 2).unwrap().wake);
    // From then on B is a holder, whoever asks before it has run.
    let _ = m.bast(Mode::Ex, 3);
    assert_eq!(m.release(a, 3).unwrap().work, None);
    let b = granted(m.poll(b, COMPLETE, 4));
    assert_eq!(m.release(b, 4).unwrap().work, Some(0));
}

#[test]
fn a_downconvert_that_is_refused_is_tried_again() {
    for (refusal, wait_ms) in [(Refusal::Busy, 20), (Refusal::Other(-12), 200)] {
        let mut m = blocking_at(Mode::Ex, Mode::Ex);
        let _ = down(&mut m, 2);
        let kick = m.returned(Err(refusal), 2).unwrap();
        assert_eq!(kick.work, Some(wait_ms * 1_000_000));
        assert_eq!(m.level(), Level::Ex);
        assert_eq!(m.blocking(), Some(Mode::Ex));
        let _ = down(&mut m, 2 + wait_ms * 1_000_000);
    }
}

#[test]
fn who_is_chosen_to_step_back_goes_down_and_asks_again() {
    let (mut m, w) = converting();
    let kick = m.ast(Err(Refusal::Deadlock), 2).unwrap();
    assert_eq!((kick.wake, kick.work), (true, Some(0)));
    let (w, call) = wait(m.poll(w, COMPLETE, 2));
    assert_eq!(call, None, "the other one goes first");
    let _ = down(&mut m, 2);
    let _ = m.returned(Ok(()), 3).unwrap();
    assert!(m.ast(Ok(()), 3).unwrap().wake);
    let (_w, call) = wait(m.poll(w, COMPLETE, 3));
    assert!(matches!(
        call,
        Some(DlmCall::Lock {
            level: Level::Ex,
            ..
        })
    ));
}

#[test]
fn a_conversion_that_fails_is_told_to_its_maker() {
    let (mut m, w) = converting();
    assert!(m.ast(Err(Refusal::Other(-12)), 2).unwrap().wake);
    let fault = LockError::Refused(Refusal::Other(-12));
    assert_eq!(m.poll(w, COMPLETE, 2).value, Outcome::Failed(fault));
    assert_eq!(m.level(), Level::Pr);
    assert!(matches!(
        m.acquire(Mode::Pr, How::Try, B, COMPLETE, 3).value,
        Outcome::Granted(_)
    ));
}

#[test]
fn shutdown_fails_those_who_wait_and_takes_back_what_they_asked_for() {
    let (mut m, w) = converting();
    let step = m.shutdown(2);
    assert_eq!((step.value, step.call), (false, None));
    assert!(step.kick.wake);
    assert_eq!(step.kick.work, Some(0));
    assert_eq!(
        m.poll(w, COMPLETE, 2).value,
        Outcome::Failed(LockError::Shutdown)
    );
    assert_eq!(m.work(COMPLETE, 3).call, Some(DlmCall::Cancel));
    let _ = m.returned(Ok(()), 3).unwrap();
    assert!(m.unlock_ast(Ok(()), 4).unwrap().wake);
    let step = m.shutdown(5);
    assert_eq!(step.call, Some(DlmCall::Unlock { lvb: Lvb::Leave }));
    let _ = m.returned(Ok(()), 6).unwrap();
    assert!(m.unlock_ast(Ok(()), 6).unwrap().wake);
    assert!(m.shutdown(7).value);
}

#[test]
fn shutdown_waits_for_holders() {
    let mut m = idle_at(Mode::Ex, POLICY);
    let h = granted(m.acquire(Mode::Ex, How::Try, A, COMPLETE, 1));
    assert_eq!(m.shutdown(2).call, None);
    assert!(m.release(h, 3).unwrap().wake);
    assert_eq!(m.shutdown(3).call, Some(DlmCall::Unlock { lvb: Lvb::Fill }));
}

#[test]
fn each_grant_after_a_loss_has_a_number_of_its_own() {
    let mut m = blocking_at(Mode::Pr, Mode::Ex);
    let first = m.generation();
    let _ = down(&mut m, 2);
    let _ = m.returned(Ok(()), 2).unwrap();
    let _ = m.ast(Ok(()), 2).unwrap();
    assert_eq!(m.generation(), first);
    let (_w, _) = wait(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 3));
    let _ = m.returned(Ok(()), 3).unwrap();
    let _ = m.ast(Ok(()), 3).unwrap();
    assert_ne!(m.generation(), first);
}

#[test]
fn events_that_can_not_be_right_are_errors() {
    let mut m = idle_at(Mode::Pr, POLICY);
    let before = m.clone();
    assert_eq!(m.ast(Ok(()), 1), Err(Unexpected { event: "ast" }));
    let event = "unlock_ast";
    assert_eq!(m.unlock_ast(Ok(()), 1), Err(Unexpected { event }));
    let event = "returned";
    assert_eq!(m.returned(Ok(()), 1), Err(Unexpected { event }));
    let event = "flushed";
    assert_eq!(m.flushed(Flushed::Done, 1), Err(Unexpected { event }));
    assert_eq!(m, before);
}
