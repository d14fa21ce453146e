// SPDX-License-Identifier: GPL-2.0-only
//! Exploring a configuration to the end, and saying what was found.

use crate::cluster::{Cluster, Config};
use crate::graph::{explore, play, Graph};
use crate::live::{starves, Lasso, Scratch};
use crate::node::Pc;
use crate::trace::Trace;
use crate::world::{process, turn, Log};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Instant;

/// What is wrong.
pub enum Fault {
    /// A state that must not be, by number.
    State(u32, &'static str),
    /// A task (or an eviction, past the last task) of a node that may never get there.
    Starves(usize, usize, Lasso),
}

/// Looks at everything that can be looked at.
pub fn search(config: &Config) -> (Graph, Option<Fault>) {
    // If time is in a hurry or nodes are interchangeable there is no telling who starves.
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

/// What came of one configuration.
pub struct Outcome {
    pub name: &'static str,
    pub states: usize,
    pub seconds: f64,
    /// A picture, if something is wrong.
    pub wrong: Option<String>,
}

/// Explores several, as many at a time as there are processors; tells each outcome as it comes.
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

/// The picture of what was found.
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

/// Whoever has the folio, or else the first who is in the middle of something.
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
