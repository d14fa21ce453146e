// SPDX-License-Identifier: GPL-2.0-only
//! The cluster: the stack and its lock manager.
//!
//! - `request`: levels, flags, limits
//! - `lksb`: a lock's state, as far as the DLM is concerned
//! - `callbacks`: what the DLM calls
//! - `stackglue`: connections, and the requests that they take
//! - `lvb`: lock value blocks

mod callbacks;
pub(crate) mod lksb;
mod lvb;
mod request;
pub(crate) mod stackglue;

use super::sync;
