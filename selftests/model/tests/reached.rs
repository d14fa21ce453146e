// SPDX-License-Identifier: GPL-2.0-only
//! A property that holds in every state says nothing about what no state has. So: the situations
//! that the model is meant to be about do come up, each in a set of those that `make test` or `make model` explores.

use ocfs2_lock_model::cluster::{Action, Cluster, Config};
use ocfs2_lock_model::dlm::Value;
use ocfs2_lock_model::node::{Evict, Pc};
use ocfs2_lock_model::suite::{long, quick};
use ocfs2_lock_model::world::{Log, World};
use ocfs2_lockres_host::lockres::{Level, Membership, Mode, Refusal, State, WaiterState};
use std::collections::{HashSet, VecDeque};

type Situation = (&'static str, fn(&Cluster, Action) -> bool);

fn up(c: &Cluster, n: usize) -> bool {
    matches!(c.nodes[n].machine.state(), State::Upconverting { .. })
}

fn going_down(c: &Cluster, n: usize) -> bool {
    matches!(c.nodes[n].machine.state(), State::Downconverting { .. })
}

/// The call is at the master, and hasn't returned.
fn in_flight(c: &Cluster, n: usize) -> bool {
    c.nodes[n].calling.is_some_and(|call| call.answer.is_some())
}

fn asleep(c: &Cluster, n: usize) -> bool {
    let mut tasks = c.nodes[n].tasks.iter();
    tasks.any(|t| matches!(t.pc, Pc::Asleep(..)))
}

fn members(c: &Cluster, n: u8) -> Membership {
    c.nodes[usize::from(n)].members.membership()
}

fn reserved(c: &Cluster, n: usize, t: usize) -> bool {
    let node = &c.nodes[n];
    matches!(&node.tasks[t].pc, Pc::Asleep(w, ..) if node.machine.waiter_state(w) == WaiterState::Reserved)
}

const OTHER: [usize; 2] = [1, 0];

const NODES_END: &[Situation] = &[
    (
        "a node dies while it converts",
        |c, a| matches!(a, Action::Die(n) if up(c, n.into())),
    ),
    (
        "a node dies while it goes down",
        |c, a| matches!(a, Action::Die(n) if going_down(c, n.into())),
    ),
    ("a node dies that another's conversion waits for", |c, a| {
        matches!(a, Action::Die(n) if {
            let n = usize::from(n);
            c.nodes[n].machine.level() > Level::Nl && up(c, OTHER[n]) && c.nodes[n].machine.is_blocking()
        })
    }),
    ("a node dies with the only good inode", |c, a| {
        matches!(a, Action::Die(n) if {
            let n = usize::from(n);
            c.nodes[n].meta && !c.nodes[OTHER[n]].meta && c.nodes[n].folio.dirty
        })
    }),
];

const DECLARED_DEAD: &[Situation] = &[
    (
        "it converts, with waiters",
        |c, a| matches!(a, Action::DeclareDead(n) if up(c, n.into()) && asleep(c, n.into())),
    ),
    ("it is in the middle of a flush", |c, a| {
        matches!(a, Action::DeclareDead(n) if matches!(
            c.nodes[usize::from(n)].machine.state(), State::Flushing { .. }))
    }),
    (
        "it learns of it last",
        |c, a| matches!(a, Action::Report(n, who) if n == who && c.nodes[OTHER[usize::from(n)]].heard != 0),
    ),
    ("its worker is to give up EX", |c, a| {
        matches!(a, Action::Work(n) if {
            let node = &c.nodes[usize::from(n)];
            members(c, n) == Membership::Lost
                && node.machine.level() == Level::Ex
                && node.machine.is_blocking()
        })
    }),
];

const SUSPECTS: &[Situation] = &[
    ("a hold is reserved for one who waits", |c, a| {
        matches!(a, Action::Step(n, t)
            if members(c, n) == Membership::Suspect && reserved(c, n.into(), t.into()))
    }),
    (
        "a request goes to the DLM",
        |c, a| matches!(a, Action::Return(n) if members(c, n) == Membership::Suspect),
    ),
    ("a task has a ticket", |c, a| {
        matches!(a, Action::Step(n, t) if members(c, n) == Membership::Suspect
            && c.nodes[usize::from(n)].tasks[usize::from(t)].ticket)
    }),
    (
        "the worker gives the lock up",
        |c, a| matches!(a, Action::Work(n) if members(c, n) == Membership::Suspect),
    ),
];

const UNRECOVERED: &[Situation] = &[
    ("one for whom a hold is reserved learns of it", |c, a| {
        matches!(a, Action::Step(n, t)
            if members(c, n) == Membership::Unrecovered && reserved(c, n.into(), t.into()))
    }),
    ("one in line learns of it", |c, a| {
        matches!(a, Action::Step(n, t) if members(c, n) == Membership::Unrecovered
            && !reserved(c, n.into(), t.into())
            && matches!(c.nodes[usize::from(n)].tasks[usize::from(t)].pc, Pc::Asleep(..)))
    }),
    ("what is dirty is written back for another node", |c, a| {
        matches!(a, Action::Work(n) if members(c, n) == Membership::Unrecovered
            && c.nodes[usize::from(n)].folio.dirty)
    }),
    ("a holder is at work", |c, _| {
        let writing = |n: usize| {
            let mut tasks = c.nodes[n].tasks.iter();
            tasks.any(|t| matches!(t.pc, Pc::Writing(_)))
        };
        members(c, 0) == Membership::Unrecovered && writing(0)
    }),
    (
        "another node recovers, and grants go on there",
        |c, a| matches!(a, Action::Ast(1) if members(c, 0) == Membership::Unrecovered && c.slots == 0b11),
    ),
];

const DLM_DOES: &[Situation] = &[
    (
        "an ast before its call has returned",
        |c, a| matches!(a, Action::Ast(n) if in_flight(c, n.into())),
    ),
    (
        "a bast before the ast it belongs to",
        |c, a| matches!(a, Action::Bast(n) if c.dlm.locks[usize::from(n)].ast == Some(Ok(()))),
    ),
    (
        "a bast during a conversion",
        |c, a| matches!(a, Action::Bast(n) if up(c, n.into())),
    ),
    (
        "a bast that is late",
        |c, a| matches!(a, Action::Bast(n) if c.nodes[usize::from(n)].machine.level() == Level::Nl),
    ),
    ("two conversions from PR to EX cross", |c, _| {
        let crossing = |n: usize| up(c, n) && c.nodes[n].machine.level() == Level::Pr;
        crossing(0) && crossing(1)
    }),
    ("a cancel loses against the grant", |c, a| {
        matches!(a, Action::Ast(n) if {
            let n = usize::from(n);
            matches!(c.nodes[n].machine.state(), State::Cancelling { .. })
                && c.dlm.locks[n].ast == Some(Ok(()))
        })
    }),
    ("a cancel wins", |c, a| {
        matches!(a, Action::UnlockAst(n) if matches!(
            c.nodes[usize::from(n)].machine.state(), State::Cancelling { .. }))
    }),
    ("a NOQUEUE request is refused by ast", |c, a| {
        let again = Some(Err(Refusal::Again));
        matches!(a, Action::Ast(n) if c.dlm.locks[usize::from(n)].ast == again)
    }),
    (
        "a good value block is granted, and one that is not",
        |c, a| matches!(a, Action::Ast(_) if c.dlm.lvb == Value::Current),
    ),
    (
        "a grant without a value block that is valid",
        |c, a| matches!(a, Action::Ast(_) if c.dlm.lvb == Value::Invalid),
    ),
    ("a ticket is out when another node asks", |c, _| {
        let now = c.now;
        let mut nodes = c.nodes.iter();
        nodes.any(|n| n.machine.tickets(now) > 0 && n.machine.blocking() == Some(Mode::Ex))
    }),
];

fn set(name: &str) -> Config {
    let mut all = quick().into_iter().chain(long());
    all.find(|c| c.name == name)
        .unwrap_or_else(|| panic!("no set {name}"))
}

/// What doesn't come up in the set.
fn missing(config: &Config, situations: &[Situation]) -> Vec<&'static str> {
    let mut missing = situations.to_vec();
    let start = config.start();
    let mut seen = HashSet::from([config.print(&start)]);
    let mut queue = VecDeque::from([start]);
    let mut actions = Vec::new();
    while let Some(state) = queue.pop_front() {
        World::enabled(config, &state, &mut actions);
        for action in &actions {
            missing.retain(|(_, is)| !is(&state, *action));
            let next = config.next(&state, *action, &mut Log::default());
            if !missing.is_empty() && seen.insert(config.print(&next)) {
                queue.push_back(next);
            }
        }
    }
    missing.into_iter().map(|(what, _)| what).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn nodes_end_in_the_middle_of_everything() {
    let dies = set("reader, writer | writer; a death");
    assert_eq!(missing(&dies, NODES_END), NONE);
    let declared = set("reader | writer; declared dead");
    assert_eq!(missing(&declared, DECLARED_DEAD), NONE);
}

#[test]
fn suspects_come_up_in_the_middle_of_everything() {
    let harmless = set("mapper | writer; a harmless death");
    assert_eq!(missing(&harmless, SUSPECTS), NONE);
    let during: [Situation; 2] = [
        (
            "a node goes down while the slot map is read",
            |c, a| matches!(a, Action::Report(n, _) if c.nodes[usize::from(n)].reading.is_some()),
        ),
        (
            "it is read again",
            |c, a| matches!(a, Action::SlotMap(0) if c.nodes[0].reading.is_none() && c.strangers == 0),
        ),
    ];
    let several = set("reader, writer; harmless deaths, then another");
    assert_eq!(missing(&several, &during), NONE);
    let late: [Situation; 1] = [(
        "a grant comes before the report",
        |c, a| matches!(a, Action::Ast(n) if c.nodes[usize::from(n)].reports & 0b11 != 0 && c.dying == 0),
    )];
    let reported_late = set("reader | writer; deaths, reported late");
    assert_eq!(missing(&reported_late, &late), NONE);
}

#[test]
fn a_death_with_a_slot_meets_holders_waiters_and_dirty_folios() {
    let set = set("reader, writer | writer, which recovers; a death");
    assert_eq!(missing(&set, UNRECOVERED), NONE);
}

#[test]
fn the_dlm_does_what_it_may() {
    let set = set("reader, writer | reader, writer");
    assert_eq!(missing(&set, DLM_DOES), NONE);
}

#[test]
fn one_is_chosen_to_step_back() {
    let refused: Situation = ("-EDEADLK", |c, a| {
        let deadlock = Some(Err(Refusal::Deadlock));
        matches!(a, Action::Ast(n) if c.dlm.locks[usize::from(n)].ast == deadlock)
    });
    let with = set("reader, writer | writer; -EDEADLK");
    assert_eq!(missing(&with, &[refused]), NONE);
    // And what can't come up is missed.
    let without = set("reader, writer | writer; fs/dlm");
    assert_eq!(missing(&without, &[refused]), ["-EDEADLK"]);
}

#[test]
fn who_is_killed_waits_or_has_a_ticket() {
    let situations: [Situation; 3] = [
        (
            "in line, its request under way",
            |c, a| matches!(a, Action::Kill(n, _) if up(c, n.into())),
        ),
        (
            "handed the lock and not awake yet",
            |c, a| matches!(a, Action::Kill(n, t) if reserved(c, n.into(), t.into())),
        ),
        ("with a ticket out", |c, a| {
            matches!(a, Action::Kill(n, t)
                if c.nodes[usize::from(n)].tasks[usize::from(t)].ticket)
        }),
    ];
    let set = set("reader, writer | writer; kills");
    assert_eq!(missing(&set, &situations), NONE);
}

#[test]
fn an_inode_goes_while_the_other_node_asks() {
    let situations: [Situation; 2] = [
        ("a bast while it closes", |c, a| {
            matches!(a, Action::Bast(n)
                if matches!(c.nodes[usize::from(n)].evict, Evict::Closing(_)))
        }),
        (
            "it closes with a call under way",
            |c, a| matches!(a, Action::Evict(n) if c.nodes[usize::from(n)].calling.is_some()),
        ),
    ];
    let set = set("reader | writer; kills, evictions");
    assert_eq!(missing(&set, &situations), NONE);
}
