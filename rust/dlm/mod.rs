// SPDX-License-Identifier: GPL-2.0-only
//! The cluster: the stack and its lock manager.

pub(crate) mod lksb;
pub(crate) mod stackglue;

use super::sync;
