// SPDX-License-Identifier: GPL-2.0-only
//! Transactions.
//!
//! Uses `meta` and below.

pub(crate) mod change;
