// SPDX-License-Identifier: GPL-2.0-only
//! Directories: entries, their blocks, and the index over them.
//!
//! Uses `base`, `extent` and `inode`.

pub mod block;
pub mod dirent;
pub mod dx;
pub mod dx_edit;
pub mod dx_grow;
pub mod dx_hash;

use super::{base, extent, inode};
