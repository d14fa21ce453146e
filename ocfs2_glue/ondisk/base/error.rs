// SPDX-License-Identifier: GPL-2.0-only
//! What is wrong with a block: the one error that decoding can give.

/// A structure on disk that breaks the format's rules.
///
/// The kernel side turns it into `EUCLEAN` and one line of dmesg; the names are for that line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// Block number, in blocks of the volume; 0 where it is not known.
    pub blkno: u64,
    /// The structure and field, in the format's own terms: `"ocfs2_dinode.i_size"`.
    pub field: &'static str,
}

impl Corrupt {
    /// Names block and field.
    pub const fn new(blkno: u64, field: &'static str) -> Self {
        Self { blkno, field }
    }
}

/// Result of a checked decode.
pub type Result<T, E = Corrupt> = core::result::Result<T, E>;
