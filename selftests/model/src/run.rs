// SPDX-License-Identifier: GPL-2.0-only
//! Explores a set completely and reports the result.

use crate::cluster::{Cluster, Config};
use crate::graph::{explore, play, Graph};
use crate::live::{starves, Lasso, Scratch};
use crate::node::Pc;
use crate::trace::Trace;
use crate::world::{process, turn, Log};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Instant;

/// A fault that was found.
pub enum Fault {
    /// A state in which a property doesn't hold.
    State(u32, &'static str),
    /// An operation that may never end, of a task (or an eviction, past the last task) of a node.
    Starves(usize, usize, Lasso),
}

/// Explores a set, and checks every property.
pub fn search(config: &Config) -> (Graph, Option<Fault>) {
    // Without this, tickets expire too early for liveness, or nodes can't be told apart.
    let live = !config.hurried && !config.alike;
    let graph = explore(config, live);
    if let Some((id, what)) = graph.broken {
        return (graph, Some(Fault::State(id, what)));
    }
    if !live {
        return (graph, None);
    }
    let mut scratch = Scratch::new(&graph);
    for (n, roles) in config.nodes.iter().enumerate() {
        let tasks = (0..roles.len()).map(|t| (t, process(n, t as u8)));
        let evict = config
            .evictions
            .then(|| (roles.len(), process(n, turn::EVICT)));
        for (t, process) in tasks.chain(evict) {
            if let Some(lasso) = starves(&graph, process, &mut scratch) {
                return (graph, Some(Fault::Starves(n, t, lasso)));
            }
        }
    }
    (graph, None)
}

/// The result for one set.
pub struct Outcome {
    pub name: &'static str,
    pub states: usize,
    pub seconds: f64,
    /// A trace, if a property doesn't hold.
    pub wrong: Option<String>,
}

/// Explores several sets, one on each processor; calls `tell` for each outcome.
pub fn search_all(configs: &[Config], tell: impl Fn(&Outcome) + Sync) -> Vec<Outcome> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(4));
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(config) = configs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begin = Instant::now();
                    let (graph, fault) = search(config);
                    let outcome = Outcome {
                        name: config.name,
                        states: graph.len(),
                        seconds: begin.elapsed().as_secs_f64(),
                        wrong: fault.map(|fault| picture(config, &graph, &fault)),
                    };
                    tell(&outcome);
                    if let Ok(mut all) = all.lock() {
                        all.push(outcome);
                    }
                }
            });
        }
    });
    all.into_inner().unwrap_or_default()
}

/// The trace to a fault.
pub fn picture(config: &Config, graph: &Graph, fault: &Fault) -> String {
    match fault {
        Fault::State(id, what) => {
            let way = graph.way(*id);
            let end = play(config, Cluster::new(config), &way, &mut Log::default());
            let trace = Trace {
                world: config,
                victim: victim(&end),
            };
            format!("{what}:\n\n{}", trace.deadlock(graph, *id))
        }
        Fault::Starves(n, t, lasso) => {
            let t = (*t).min(config.nodes[*n].len() - 1);
            let trace = Trace {
                world: config,
                victim: (*n, t),
            };
            format!("starved:\n\n{}", trace.livelock(graph, lasso))
        }
    }
}

/// The task that has the folio locked, or else the first with an operation.
fn victim(end: &Cluster) -> (usize, usize) {
    let holder =
        |(n, node): (usize, &crate::node::Node)| node.folio.locked.map(|t| (n, usize::from(t)));
    let busy = |(n, node): (usize, &crate::node::Node)| {
        let t = node.tasks.iter().position(|t| t.pc != Pc::Idle)?;
        Some((n, t))
    };
    let nodes = || end.nodes.iter().enumerate();
    let first = nodes().find_map(holder).or_else(|| nodes().find_map(busy));
    first.unwrap_or((0, 0))
}
