// SPDX-License-Identifier: GPL-2.0-only
//! Membership in the cluster, and cluster locks: carrying out what `lockres` decides.
//!
//! Uses `lockres` and `ondisk`.

pub(crate) mod lock;
pub(crate) mod machine;
pub(crate) mod membership;
mod translate;
