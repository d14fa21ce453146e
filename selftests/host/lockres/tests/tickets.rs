// SPDX-License-Identifier: GPL-2.0-only
//! Who comes in on a ticket, whom that holds up, and for how long.

mod support;

use ocfs2_lockres_host::lockres::*;
use support::*;

/// A lock at `mode` with a ticket of A's for it, and another node that asks for EX.
fn with_ticket(mode: Mode) -> Machine {
    let mut m = idle_at(mode, POLICY);
    let h = granted(m.acquire(mode, How::Wait, A, COMPLETE, 10));
    let _ = m.leave_ticket(h, 10).unwrap();
    assert_eq!(m.tickets(10), 1);
    assert_eq!(m.bast(Mode::Ex, 10).work, Some(100));
    m
}

#[test]
fn one_that_was_not_needed_is_handed_in() {
    let mut m = with_ticket(Mode::Pr);
    let early = m.work(COMPLETE, 20);
    assert_eq!((early.value, early.kick.work), (Work::Nothing, Some(90)));
    // What another task does with its own tickets is nobody else's business.
    assert_eq!(m.return_ticket(B, 20).work, None);
    assert_eq!(m.tickets(20), 1);
    assert_eq!(m.return_ticket(A, 30).work, Some(0));
    assert_eq!(m.tickets(30), 0);
    assert!(matches!(m.work(COMPLETE, 30).value, Work::Flush { .. }));
    assert_eq!(m.return_ticket(A, 31), Kick::default());
}

#[test]
fn one_whose_time_is_over_lets_nobody_in() {
    let mut m = with_ticket(Mode::Pr);
    let late = m.acquire(Mode::Pr, How::Try, A, COMPLETE, 110).value;
    assert_eq!(late, Outcome::WouldBlock);
    assert_eq!(m.tickets(110), 0);
}

#[test]
fn it_is_used_up_by_a_task_that_waits_after_all() {
    let mut m = with_ticket(Mode::Pr);
    // For EX a ticket for PR is no good, and who has to wait gives it up.
    let (_w, call) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 20));
    assert_eq!(call, None, "nothing more while another node asks");
    assert_eq!(m.tickets(20), 0);
    assert!(matches!(m.work(COMPLETE, 20).value, Work::Flush { .. }));
}

#[test]
fn one_for_ex_is_good_for_pr_and_then_for_ex() {
    let mut m = with_ticket(Mode::Ex);
    let h = granted(m.acquire(Mode::Pr, How::Try, A, COMPLETE, 20));
    assert_eq!(h.mode(), Mode::Ex, "or the worker could go down to PR");
    assert_eq!(m.work(COMPLETE, 50).value, Work::Nothing);
    // The other half counts from here.
    assert_eq!(m.release(h, 60).unwrap().work, Some(100));
    let pr = m.acquire(Mode::Pr, How::Try, A, COMPLETE, 70).value;
    assert_eq!(pr, Outcome::WouldBlock, "that half was used");
    let h = granted(m.acquire(Mode::Ex, How::Try, A, COMPLETE, 159));
    assert_eq!(m.release(h, 159).unwrap().work, Some(0));
    let ex = m.acquire(Mode::Ex, How::Try, A, COMPLETE, 159).value;
    assert_eq!(ex, Outcome::WouldBlock);
}

#[test]
fn one_for_ex_is_in_the_way_of_a_reader_elsewhere_too() {
    for (mode, until) in [(Mode::Ex, 100), (Mode::Pr, 0)] {
        let mut m = idle_at(Mode::Ex, POLICY);
        let h = granted(m.acquire(mode, How::Wait, A, COMPLETE, 10));
        let _ = m.leave_ticket(h, 10).unwrap();
        assert_eq!(m.bast(Mode::Pr, 10).work, Some(until), "{mode:?}");
    }
}

#[test]
fn who_comes_in_on_one_leaves_no_other() {
    let mut m = with_ticket(Mode::Pr);
    let h = granted(m.acquire(Mode::Pr, How::Try, A, COMPLETE, 20));
    assert_eq!(m.leave_ticket(h, 21).unwrap().work, Some(0));
    assert_eq!(m.tickets(21), 0);
    let again = m.acquire(Mode::Pr, How::Try, A, COMPLETE, 21).value;
    assert_eq!(again, Outcome::WouldBlock);
}

#[test]
fn no_tickets_where_the_policy_has_none() {
    let none = Policy {
        ticket_ns: 0,
        ..POLICY
    };
    let mut m = idle_at(Mode::Pr, none);
    let h = granted(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 10));
    let _ = m.leave_ticket(h, 10).unwrap();
    assert_eq!(m.bast(Mode::Ex, 10).work, Some(0));
}
