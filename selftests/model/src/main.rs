// SPDX-License-Identifier: GPL-2.0-only
//! `ocfs2-lock-model [quick|long|all|naive|spin|queued|no-ticket|alternatives|docs] [WORD]`: see
//! lib.rs. Of `quick`, `long` and `all`, only the sets whose name has WORD in it.
//!
//! The sets exit with 0 only when every property holds in all of them; the wrong variants exit
//! with 0 only when the fault they stand for was found.
#![forbid(unsafe_code)]

use ocfs2_lock_model::cluster::{Config, Variant};
use ocfs2_lock_model::run::{picture, search, search_all, Fault};
use ocfs2_lock_model::{docs, suite};
use std::process::ExitCode;
use std::time::Instant;

fn set(mut configs: Vec<Config>) -> ExitCode {
    let word = std::env::args().nth(2).unwrap_or_default();
    configs.retain(|config| config.name.contains(&word));
    let begin = Instant::now();
    let all = search_all(&configs, |o| {
        println!("{:10} states {:7.1} s  {}", o.states, o.seconds, o.name);
    });
    let states: usize = all.iter().map(|o| o.states).sum();
    let seconds = begin.elapsed().as_secs_f64();
    let mut wrong = all.iter().filter_map(|o| Some((o.name, o.wrong.as_ref()?)));
    match wrong.next() {
        None => {
            println!("every property holds: {states} states in {seconds:.1} s");
            ExitCode::SUCCESS
        }
        Some((name, picture)) => {
            println!("\n{picture}\nFAILED: {name}: {states} states in {seconds:.1} s");
            ExitCode::FAILURE
        }
    }
}

fn wrong(variant: Variant) -> ExitCode {
    let begin = Instant::now();
    let config = suite::wrong(variant);
    let (graph, fault) = search(&config);
    println!("{}", config.name);
    let Some(fault) = fault else {
        println!("FAILED: {} states, and nothing is wrong", graph.len());
        return ExitCode::FAILURE;
    };
    print!("{}", picture(&config, &graph, &fault));
    let expected = match (variant, &fault) {
        (Variant::Naive | Variant::Queued, Fault::State(_, what)) => *what == "no deadlock",
        (Variant::Spin | Variant::NoTicket, Fault::Starves(n, t, _)) => (*n, *t) == (0, 0),
        _ => false,
    };
    let seconds = begin.elapsed().as_secs_f64();
    let found = match (expected, &fault) {
        (false, _) => "FAILED: not what was expected",
        (true, Fault::State(..)) => "found: a deadlock",
        (true, Fault::Starves(..)) => "found: the reader starves",
    };
    println!("\n{found}; {} states in {seconds:.1} s", graph.len());
    if expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Renews what in docs/ is made from the code.
fn renew() -> Result<(), String> {
    for file in docs::FILES {
        let path = docs::directory().join(file);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{file}: {e}"))?;
        let new = docs::renewed(&text).map_err(|e| format!("{file}: {e}"))?;
        std::fs::write(&path, new).map_err(|e| format!("{file}: {e}"))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let what = std::env::args().nth(1).unwrap_or_else(|| "quick".into());
    match what.as_str() {
        "quick" => set(suite::quick()),
        "long" => set(suite::long()),
        "all" => set([suite::quick(), suite::long()].concat()),
        "naive" => wrong(Variant::Naive),
        "spin" => wrong(Variant::Spin),
        "queued" => wrong(Variant::Queued),
        "no-ticket" => wrong(Variant::NoTicket),
        "alternatives" => {
            print!("{}", ocfs2_lock_model::alternatives::report());
            ExitCode::SUCCESS
        }
        "docs" => match renew() {
            Ok(()) => ExitCode::SUCCESS,
            Err(what) => {
                eprintln!("docs: {what}");
                ExitCode::FAILURE
            }
        },
        other => {
            eprintln!(
                "unknown: {other} (quick, long, all, naive, spin, queued, no-ticket, alternatives, docs)"
            );
            ExitCode::from(2)
        }
    }
}
