// SPDX-License-Identifier: GPL-2.0-only
//! Room on the volume.
//!
//! Uses `txn` and below.

pub(crate) mod allocator;
pub(crate) mod resources;
