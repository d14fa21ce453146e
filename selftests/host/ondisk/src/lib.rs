// SPDX-License-Identifier: GPL-2.0-only
//! The module's disk format code, built on the host for tests and fuzzing.
//!
//! The same files that Kbuild builds into the module; nothing is copied.
#![forbid(unsafe_code)]

#[path = "../../../../ocfs2_glue/ondisk/mod.rs"]
pub mod ondisk;

pub mod sample;
pub mod total;

/// Tests change blocks that are plain memory.
mod plain_memory {
    use crate::ondisk::base::bytes::BlockBytes;
    use std::ops::Range;

    impl BlockBytes for Vec<u8> {
        fn bytes(&self) -> &[u8] {
            self
        }

        fn part(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
            self.get_mut(range)
        }
    }
}
