// SPDX-License-Identifier: GPL-2.0-only
//! Blocks of a device in memory.

pub(crate) mod buffer_head;

use super::fs;
