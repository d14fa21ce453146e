// SPDX-License-Identifier: GPL-2.0-only
//! What must be found wrong is found; stateright finds the same; docs/ say the same.

use ocfs2_lock_model::alternatives::findings;
use ocfs2_lock_model::cluster::{Config, Variant};
use ocfs2_lock_model::docs;
use ocfs2_lock_model::node::Role;
use ocfs2_lock_model::run::{search, Fault};
use ocfs2_lock_model::scheme::Scheme;
use ocfs2_lock_model::suite::wrong;
use stateright::{Checker, Model};

fn deadlocks(variant: Variant) {
    let (_, fault) = search(&wrong(variant));
    assert!(matches!(fault, Some(Fault::State(_, "no deadlock"))));
}

fn starves_the_reader(variant: Variant) {
    let (_, fault) = search(&wrong(variant));
    assert!(matches!(fault, Some(Fault::Starves(0, 0, _))));
}

#[test]
fn naive_deadlocks() {
    deadlocks(Variant::Naive);
}

#[test]
fn queued_deadlocks() {
    deadlocks(Variant::Queued);
}

#[test]
fn spin_starves_the_reader() {
    starves_the_reader(Variant::Spin);
}

#[test]
fn no_ticket_starves_the_reader() {
    starves_the_reader(Variant::NoTicket);
}

#[test]
fn the_right_one_does_neither() {
    for mut config in [wrong(Variant::Naive), wrong(Variant::Queued)] {
        config.variant = Variant::Right;
        assert!(search(&config).1.is_none());
    }
}

/// An independent checker over the same model counts the same states, and finds the same fault.
#[test]
fn stateright_agrees() {
    let reader: &[Role] = &[Role::Reader];
    let writer: &[Role] = &[Role::Writer];
    let mapper: &[Role] = &[Role::Mapper];
    for nodes in [[reader, writer], [mapper, mapper]] {
        let config = Config::new("stateright", &nodes);
        let (graph, fault) = search(&config);
        assert!(fault.is_none());
        let checker = config.checker().spawn_bfs().join();
        checker.assert_no_discovery("sound");
        assert_eq!(checker.unique_state_count(), graph.len());
    }
    let checker = wrong(Variant::Naive).checker().spawn_bfs().join();
    assert!(checker.discovery("sound").is_some());
}

#[test]
fn alternatives_have_their_faults() {
    let wrong = |scheme| -> Vec<&str> { findings(scheme).0.iter().map(|f| f.what).collect() };
    assert_eq!(wrong(Scheme::Retry), [""; 0]);
    assert_eq!(wrong(Scheme::Guard), ["deadlock"]);
    assert!(wrong(Scheme::HandOver).contains(&"deadlock"));
    assert!(wrong(Scheme::TruncateFirst).contains(&"a writer may starve"));
    assert!(wrong(Scheme::InvalidateSleep).contains(&"a writer may starve"));
}

/// `cargo run --release -p ocfs2-lock-model -- docs` renews them.
#[test]
fn docs_are_up_to_date() {
    for file in docs::FILES {
        let text = std::fs::read_to_string(docs::directory().join(file)).unwrap();
        assert!(text.contains("<!-- made: "), "{file} has no made parts");
        assert!(
            docs::renewed(&text).unwrap() == text,
            "docs/{file} is out of date"
        );
    }
}
