// SPDX-License-Identifier: GPL-2.0-only
//! Free space: chain allocators and their groups, the local window, the truncate log.
//!
//! Uses `base`, `extent` and `inode`.

pub mod allocated;
pub mod chain;
pub mod chain_list;
pub mod group;
pub mod local_alloc;
pub mod suballoc;
pub mod truncate_log;

use super::{base, extent, inode};
