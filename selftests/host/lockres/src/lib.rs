// SPDX-License-Identifier: GPL-2.0-only
//! The module's lock state machine, built on the host for tests and the model checker.
//!
//! The same files that Kbuild builds into the module; nothing is copied.
#![forbid(unsafe_code)]

#[path = "../../../../ocfs2_glue/lockres/mod.rs"]
pub mod lockres;
