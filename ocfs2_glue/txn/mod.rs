// SPDX-License-Identifier: GPL-2.0-only
//! Transactions: the one way to change a volume.
//!
//! Uses `meta` and below.

mod transaction;

pub(crate) use transaction::{Reserve, Transaction};
