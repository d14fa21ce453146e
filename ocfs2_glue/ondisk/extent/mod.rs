// SPDX-License-Identifier: GPL-2.0-only
//! Extent lists and the B-trees that they make: lookup, insertion, truncation.
//!
//! Uses `base`.

mod edit;
mod list_mut;

pub mod insert;
pub mod list;
pub mod room;
pub mod tree;
pub mod truncate;

use super::base;
