// SPDX-License-Identifier: GPL-2.0-only
//! What a node that dies does to this node's locks.

mod support;

use ocfs2_lockres_host::lockres::*;
use support::*;

const SUSPECT: Membership = Membership::Suspect;
const UNRECOVERED: Membership = Membership::Unrecovered;
const LOST: Membership = Membership::Lost;

fn failed(step: Step<Outcome>) -> LockError {
    match step.value {
        Outcome::Failed(fault) => fault,
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn a_suspect_stops_requests_until_it_proves_harmless() {
    let mut m = idle_at(Mode::Pr, POLICY);
    let tried = m.acquire(Mode::Pr, How::Try, A, SUSPECT, 1).value;
    assert_eq!(tried, Outcome::WouldBlock);
    assert!(!m.would_grant(Mode::Pr, A, SUSPECT, 1));
    // The DLM has nothing to add: PR is here already.
    let (w, call) = wait(m.acquire(Mode::Pr, How::Wait, A, SUSPECT, 1));
    assert_eq!(call, None);
    let (v, call) = wait(m.acquire(Mode::Pr, How::NoQueue, B, SUSPECT, 1));
    assert_eq!(call, None);
    let (w, _) = wait(m.poll(w, SUSPECT, 2));
    let h = granted(m.poll(w, COMPLETE, 3));
    let i = granted(m.poll(v, COMPLETE, 3));
    let _ = m.release(h, 4).unwrap();
    let _ = m.release(i, 4).unwrap();
    assert_eq!((m.holders(), m.waiters()), ((0, 0), (0, 0)));
}

#[test]
fn a_suspect_keeps_no_request_from_the_dlm() {
    let mut m = Machine::new(KIND, POLICY);
    let (w, call) = wait(m.acquire(Mode::Ex, How::Wait, A, SUSPECT, 0));
    assert!(call.is_some());
    let _ = m.returned(Ok(()), 0).unwrap();
    assert!(m.ast(Ok(()), 1).unwrap().wake);
    // The hold is reserved, and not given out yet.
    let (w, _) = wait(m.poll(w, SUSPECT, 1));
    assert_eq!(m.holders(), (0, 1));
    assert!(granted(m.poll(w, COMPLETE, 2)).must_refresh());
}

#[test]
fn a_suspect_does_not_use_up_a_ticket() {
    let mut m = idle_at(Mode::Pr, POLICY);
    let h = granted(m.acquire(Mode::Pr, How::Wait, A, COMPLETE, 1));
    let _ = m.leave_ticket(h, 1).unwrap();
    let _ = m.bast(Mode::Ex, 2);
    let tried = m.acquire(Mode::Pr, How::Try, A, SUSPECT, 2).value;
    assert_eq!(tried, Outcome::WouldBlock);
    let h = granted(m.acquire(Mode::Pr, How::Try, A, COMPLETE, 3));
    assert_eq!(m.release(h, 3).unwrap().work, Some(0));
}

#[test]
fn a_refusal_is_reported_whatever_the_slot_map_says() {
    let mut m = Machine::new(KIND, POLICY);
    let (w, _) = wait(m.acquire(Mode::Ex, How::NoQueue, A, COMPLETE, 0));
    let _ = m.returned(Err(Refusal::Again), 1).unwrap();
    assert_eq!(m.poll(w, SUSPECT, 2).value, Outcome::WouldBlock);
}

#[test]
fn after_a_death_with_a_slot_every_request_fails() {
    for (members, fault) in [
        (UNRECOVERED, LockError::Unrecovered),
        (LOST, LockError::Lost),
    ] {
        let mut m = idle_at(Mode::Ex, POLICY);
        for how in [How::Try, How::NoQueue, How::Wait] {
            assert_eq!(failed(m.acquire(Mode::Pr, how, A, members, 1)), fault);
        }
        assert!(!m.would_grant(Mode::Pr, A, members, 1));

        // One in line, and one whose hold is reserved.
        let mut m = idle_at(Mode::Pr, POLICY);
        let (w, _) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 1));
        let _ = m.returned(Ok(()), 1).unwrap();
        assert_eq!(failed(m.poll(w.clone(), members, 2)), fault);
        let mut m = idle_at(Mode::Pr, POLICY);
        let (w, _) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 1));
        let _ = m.returned(Ok(()), 1).unwrap();
        assert!(m.ast(Ok(()), 2).unwrap().wake);
        assert_eq!(failed(m.poll(w, members, 3)), fault);
        assert_eq!((m.holders(), m.waiters()), ((0, 0), (0, 0)));
    }
}

#[test]
fn a_hold_that_was_reserved_and_failed_is_out_of_the_way() {
    let mut m = Machine::new(KIND, POLICY);
    let (w, _) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 0));
    let _ = m.returned(Ok(()), 0).unwrap();
    let _ = m.ast(Ok(()), 1).unwrap();
    assert_eq!(m.bast(Mode::Pr, 1).work, None);
    let step = m.poll(w, UNRECOVERED, 2);
    assert_eq!(step.kick.work, Some(0));
    assert!(matches!(m.work(UNRECOVERED, 2).value, Work::Flush { .. }));
}

#[test]
fn holders_keep_the_lock_and_it_is_written_back_and_given_up() {
    for members in [SUSPECT, UNRECOVERED] {
        let mut m = idle_at(Mode::Ex, POLICY);
        let h = granted(m.acquire(Mode::Ex, How::Try, A, COMPLETE, 1));
        assert_eq!(m.bast(Mode::Ex, 2).work, None);
        assert_eq!(m.work(members, 3).value, Work::Nothing);
        assert_eq!((m.level(), m.holders()), (Level::Ex, (0, 1)));
        assert_eq!(m.release(h, 4).unwrap().work, Some(0));
        let flush = Work::Flush {
            from: Level::Ex,
            to: Level::Nl,
        };
        assert_eq!(m.work(members, 4).value, flush);
        let call = m.flushed(Flushed::Done, 5).unwrap().call;
        assert!(matches!(call, Some(DlmCall::Lock { lvb: Lvb::Fill, .. })));
    }
}

#[test]
fn a_node_that_was_declared_dead_writes_nothing_and_can_unmount() {
    let mut m = blocking_at(Mode::Ex, Mode::Ex);
    let step = m.work(LOST, 2);
    assert_eq!((step.value, step.kick.work), (Work::Nothing, None));
    assert!(m.shutdown(3).call.is_some());
    let kick = m.returned(Err(Refusal::Other(-107)), 4).unwrap();
    assert!(kick.wake);
    assert!(m.shutdown(5).value);

    // What it asked for is taken back.
    let mut m = idle_at(Mode::Pr, POLICY);
    let (w, _) = wait(m.acquire(Mode::Ex, How::Wait, A, COMPLETE, 1));
    let _ = m.returned(Ok(()), 1).unwrap();
    assert_eq!(failed(m.poll(w, LOST, 2)), LockError::Lost);
    assert_eq!(m.shutdown(3).call, None);
    assert_eq!(m.work(LOST, 3).call, Some(DlmCall::Cancel));
}

#[test]
fn the_slot_map_decides_about_suspects() {
    let mut nodes = DownNodes::new();
    nodes.set_this_node(3);
    assert_eq!(nodes.suspects(), None);
    nodes.node_down(7);
    assert_eq!(nodes.membership(), SUSPECT);
    let suspects = nodes.suspects().unwrap();
    assert!(suspects.contains(7) && !suspects.contains(3) && !suspects.contains(71));
    nodes.slot_map_read(&suspects, false);
    assert_eq!(nodes.membership(), Membership::Complete);
    // Each death is looked up anew.
    nodes.node_down(7);
    let suspects = nodes.suspects().unwrap();
    nodes.slot_map_read(&suspects, true);
    assert_eq!(nodes.membership(), UNRECOVERED);
    // And that is final.
    nodes.slot_map_read(&suspects, false);
    nodes.node_down(8);
    assert_eq!((nodes.membership(), nodes.suspects()), (UNRECOVERED, None));
}

#[test]
fn a_node_that_goes_down_while_the_slot_map_is_read_is_looked_up_as_well() {
    let mut nodes = DownNodes::new();
    nodes.node_down(1);
    let first = nodes.suspects().unwrap();
    nodes.node_down(200);
    assert!(!first.contains(200));
    nodes.slot_map_read(&first, false);
    assert_eq!(nodes.membership(), SUSPECT);
    let second = nodes.suspects().unwrap();
    assert!(second.contains(200) && !second.contains(1));
    nodes.slot_map_read(&second, false);
    assert_eq!(nodes.membership(), Membership::Complete);
}

#[test]
fn this_node_declared_dead_is_final_whenever_it_learns_its_number() {
    for before in [true, false] {
        let mut nodes = DownNodes::new();
        if before {
            nodes.set_this_node(5);
        }
        nodes.node_down(6);
        nodes.node_down(5);
        if !before {
            nodes.set_this_node(5);
        }
        assert_eq!((nodes.membership(), nodes.suspects()), (LOST, None));
        nodes.slot_map_read(&NodeSet::default(), true);
        assert_eq!(nodes.membership(), LOST);
    }
}

#[test]
fn node_numbers_out_of_range_are_not_lost() {
    let mut set = NodeSet::default();
    set.insert(u32::MAX);
    assert!(set.contains(255) && set.contains(u32::MAX) && !set.contains(254));
    set.remove_all(&set.clone());
    assert!(set.is_empty());
}
