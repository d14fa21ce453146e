// SPDX-License-Identifier: GPL-2.0-only
//! Fuzz target: strings of events for the lock state machine.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Err(what) = ocfs2_lockres_host::fuzz(input) {
        panic!("{what}");
    }
});
