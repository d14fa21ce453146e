// SPDX-License-Identifier: GPL-2.0-only
//! Mount options.

use crate::vfs::fs::context::{number, Param};

/// Mount options.
pub(crate) struct Options {
    /// How long a lock is kept although another node asks, in milliseconds.
    pub(super) slice_ms: u32,
    /// Whoever mounts says that this node's heartbeat was started (`heartbeat=local`, `=global`).
    pub(super) heartbeat: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slice_ms: 10,
            heartbeat: false,
        }
    }
}

impl Options {
    /// Takes one option.
    pub(crate) fn parse(&mut self, key: &[u8], value: Option<&[u8]>) -> Param {
        match (key, value) {
            (b"heartbeat", Some(b"local" | b"global")) => self.heartbeat = true,
            (b"heartbeat", Some(b"none")) => self.heartbeat = false,
            // The superblock's is the one that counts.
            (b"cluster_stack", Some(_)) => {}
            (b"data", Some(b"ordered")) | (b"errors", Some(b"remount-ro")) => {}
            (b"slice_ms", Some(v)) => match number(v, 10_000) {
                Some(ms) => self.slice_ms = ms,
                None => return Param::BadValue,
            },
            (b"heartbeat" | b"data" | b"errors" | b"slice_ms", _) => return Param::BadValue,
            _ => return Param::Unknown,
        }
        Param::Taken
    }
}
