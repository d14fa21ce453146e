// SPDX-License-Identifier: GPL-2.0-only
//! Waiting, and work for later.

pub(crate) mod delayed_work;
pub(crate) mod wait;
pub(crate) mod workqueue;
