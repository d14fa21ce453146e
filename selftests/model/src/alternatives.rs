// SPDX-License-Identifier: GPL-2.0-only
//! What holds for each way out, what doesn't, and what one contended operation costs.

use crate::graph::{explore, play, Graph};
use crate::live::{starves, Scratch};
use crate::scheme::{Count, Job, Scheme, Setting, SCHEMES};
use crate::trace::Trace;
use crate::world::{process, Log, World};
use ocfs2_lockres_host::lockres::Level;
use std::fmt::Write;

use Job::{CopyingWriter, Reader, Streamer, Writer};

/// What was found wrong with a scheme.
pub struct Finding {
    pub what: &'static str,
    pub trace: String,
}

fn endless(scheme: Scheme, jobs: [&[Job]; 2]) -> Setting {
    Setting {
        scheme,
        jobs: jobs.map(<[Job]>::to_vec),
        times: None,
        begins: Level::Nl,
        counted: false,
    }
}

/// Readers and writers on both nodes for ever; a copy that faults, where a lock is held over it.
fn settings(scheme: Scheme) -> Vec<Setting> {
    let mut all = vec![
        endless(scheme, [&[Reader], &[Writer]]),
        endless(scheme, [&[Streamer], &[Writer]]),
        endless(scheme, [&[Streamer, Writer], &[Writer]]),
    ];
    // The guard is held over the copy as well, or it would guard nothing.
    if scheme == Scheme::Guard {
        all.push(endless(scheme, [&[CopyingWriter], &[Writer]]));
    }
    all
}

/// Everything that is wrong with a scheme, each once, with the shortest way there.
pub fn findings(scheme: Scheme) -> (Vec<Finding>, usize) {
    let mut found: Vec<Finding> = Vec::new();
    let mut states = 0;
    for setting in settings(scheme) {
        let graph = explore(&setting, true);
        states += graph.len();
        if let Some((id, what)) = graph.broken {
            let what = match what {
                "no deadlock" => "deadlock",
                other => other,
            };
            let trace = Trace {
                world: &setting,
                victim: stuck(&setting, &graph, id),
            };
            add(&mut found, what, || trace.deadlock(&graph, id));
            continue;
        }
        let mut scratch = Scratch::new(&graph);
        for (n, jobs) in setting.jobs.iter().enumerate() {
            for t in 0..jobs.len() {
                let Some(lasso) = starves(&graph, process(n, t as u8), &mut scratch) else {
                    continue;
                };
                let what = match jobs[t] {
                    Reader | Streamer => "a reader may starve",
                    _ => "a writer may starve",
                };
                let trace = Trace {
                    world: &setting,
                    victim: (n, t),
                };
                add(&mut found, what, || trace.livelock(&graph, &lasso));
            }
        }
    }
    (found, states)
}

fn add(found: &mut Vec<Finding>, what: &'static str, trace: impl FnOnce() -> String) {
    if found.iter().all(|f| f.what != what) {
        found.push(Finding {
            what,
            trace: trace(),
        });
    }
}

/// Somebody who is in the middle of something at the end.
fn stuck(setting: &Setting, graph: &Graph, end: u32) -> (usize, usize) {
    let state = play(
        setting,
        setting.start(),
        &graph.way(end),
        &mut Log::default(),
    );
    let bits = setting.pending(&state);
    let all = setting.jobs.iter().enumerate();
    let mut tasks = all.flat_map(|(n, jobs)| (0..jobs.len()).map(move |t| (n, t)));
    let first = tasks.find(|(n, t)| bits & (1 << process(*n, *t as u8)) != 0);
    first.unwrap_or((0, 0))
}

/// From the fewest to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range(pub u8, pub u8);

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 == self.1 {
            true => write!(f, "{}", self.0),
            false => write!(f, "{}-{}", self.0, self.1),
        }
    }
}

/// What one operation costs.
pub struct Cost {
    pub messages: Range,
    pub sleeps: Range,
    pub retries: Range,
    pub passes: Range,
}

/// One `job` on a node while the other node has the lock at `begins`, with the folio in its cache;
/// there a reader may do `reads` more meanwhile.
pub fn cost(scheme: Scheme, job: Job, begins: Level, reads: u8) -> Cost {
    let mut setting = Setting {
        times: Some(1),
        begins,
        counted: true,
        ..endless(scheme, [&[job], &[]])
    };
    if reads > 0 {
        setting.jobs[1].push(Streamer);
    }
    let mut ends: Vec<Count> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut start = setting.start();
    for task in &mut start.sides[1].tasks {
        task.left = Some(reads);
    }
    let mut work = vec![start];
    let mut steps = Vec::new();
    while let Some(pair) = work.pop() {
        if setting.over(&pair) {
            ends.push(pair.count);
            continue;
        }
        setting.enabled(&pair, &mut steps);
        for step in &steps {
            let next = setting.next(&pair, *step, &mut Log::default());
            if seen.insert(setting.print(&next)) {
                work.push(next);
            }
        }
    }
    let range = |of: fn(&Count) -> u8| {
        let all = ends.iter().map(of);
        Range(all.clone().min().unwrap_or(0), all.max().unwrap_or(0))
    };
    Cost {
        messages: range(|c| c.messages),
        sleeps: range(|c| c.sleeps),
        retries: range(|c| c.retries),
        passes: range(|c| c.passes),
    }
}

/// The table of docs/alternatives.md.
pub fn table() -> String {
    let mut out = String::from(
        "| way out | what doesn't hold | read | append | passes |\n| --- | --- | --- | --- | --- |\n",
    );
    for (scheme, name) in SCHEMES {
        let (found, _) = findings(scheme);
        let wrong: Vec<&str> = found.iter().map(|f| f.what).collect();
        let wrong = match wrong.is_empty() {
            true => "nothing found".into(),
            false => wrong.join("; "),
        };
        let cells = [(Reader, Level::Ex), (Writer, Level::Pr)].map(|(job, begins)| {
            let c = cost(scheme, job, begins, 0);
            format!("{} / {} / {}", c.messages, c.sleeps, c.retries)
        });
        let passes = [0, 1, 2, 3].map(|reads| {
            let c = cost(scheme, Writer, Level::Pr, reads);
            c.passes.1.to_string()
        });
        let [read, append] = cells;
        let passes = passes.join(", ");
        let _ = writeln!(out, "| {name} | {wrong} | {read} | {append} | {passes} |");
    }
    out
}

/// Table and traces.
pub fn report() -> String {
    let mut out = table();
    for (scheme, name) in SCHEMES {
        let (found, states) = findings(scheme);
        let _ = writeln!(out, "\n== {name}: {states} states");
        for finding in found {
            let _ = writeln!(out, "\n-- {}:\n\n{}", finding.what, finding.trace);
        }
    }
    out
}
