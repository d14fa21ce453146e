// SPDX-License-Identifier: GPL-2.0-only
//! The content of files: mapping, reading, writing.
//!
//! Uses `space` and below.

pub(crate) mod aops;
pub(crate) mod file;
pub(crate) mod flock;
pub(crate) mod inline;
pub(crate) mod map;
pub(crate) mod write;
