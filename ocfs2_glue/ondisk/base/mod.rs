// SPDX-License-Identifier: GPL-2.0-only
//! Ground of the format: bytes, block numbers and sizes, feature bits, and access to blocks.
//!
//! Uses nothing else of `ondisk`.

pub mod bytes;
pub mod error;
pub mod features;
pub mod file_type;
pub mod geometry;
pub mod store;
