// SPDX-License-Identifier: GPL-2.0-only
//! The module's lock state machine, built on the host for tests and the model checker.
//!
//! The same files that Kbuild builds into the module; nothing is copied.
#![forbid(unsafe_code)]

#[path = "../../../../ocfs2_glue/lockres/mod.rs"]
pub mod lockres;

pub mod diagram;
pub mod drive;
pub mod plausible;
pub mod random;
pub mod replay;

/// What the fuzz target runs: the first bit chooses whether anything may happen, or what can.
pub fn fuzz(input: &[u8]) -> Result<(), String> {
    match input.split_first() {
        Some((first, rest)) if first & 1 != 0 => plausible::bytes(rest),
        Some((_, rest)) => drive::bytes(rest),
        None => Ok(()),
    }
}
