// SPDX-License-Identifier: GPL-2.0-only
//! `replay FILE...`: replays recordings of the `lock_event` tracepoint, one node's each.

use ocfs2_lockres_host::replay::replay;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut files = 0;
    for file in std::env::args().skip(1) {
        let told = std::fs::read_to_string(&file)
            .map_err(|e| e.to_string())
            .and_then(|text| replay(&text));
        match told {
            // A recording of nothing proves nothing.
            Ok(count) if count.events == 0 => {
                println!("{file}: no events of a lock that was created while it was recorded");
                return ExitCode::FAILURE;
            }
            Ok(count) => println!("{file}: the same decisions: {count}"),
            Err(what) => {
                println!("{file}: {what}");
                return ExitCode::FAILURE;
            }
        }
        files += 1;
    }
    match files {
        0 => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}
