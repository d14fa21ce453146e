// SPDX-License-Identifier: GPL-2.0-only
//! Two nodes, every interleaving, in every test run. Without the usual harness, so that each line
//! says how many states there were and how long it took.

use ocfs2_lock_model::run::search_all;
use ocfs2_lock_model::suite::quick;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut filters = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .peekable();
    if filters.peek().is_some() && !filters.any(|f| "two nodes".contains(&f)) {
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|a| a == "--list") {
        return ExitCode::SUCCESS;
    }
    let all = search_all(&quick(), |o| {
        let result = if o.wrong.is_none() { "ok" } else { "FAILED" };
        let figures = format!("{} states in {:.1} s", o.states, o.seconds);
        println!("test two nodes: {}: {figures} ... {result}", o.name);
        if let Some(picture) = &o.wrong {
            println!("{picture}");
        }
    });
    match all.iter().all(|o| o.wrong.is_none()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
