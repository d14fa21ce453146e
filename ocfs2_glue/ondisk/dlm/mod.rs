// SPDX-License-Identifier: GPL-2.0-only
//! What nodes tell each other through the DLM: names of locks, and the lock value block.
//!
//! Uses `base` and `inode`.

pub mod lock_name;
pub mod lvb;

use super::{base, inode};
