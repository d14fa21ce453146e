// SPDX-License-Identifier: GPL-2.0-only
//! Extended attributes: the entries in a dinode or in a block of their own.
//!
//! Uses `base` and `inode`. Not here yet: buckets under an index, and values outside.

pub mod block;
pub mod entries;

use super::{base, inode};
