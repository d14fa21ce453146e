// SPDX-License-Identifier: GPL-2.0-only
//! Fast symlinks: targets short enough for the dinode (`id2.i_symlink`).
//!
//! A symlink is fast if it has no clusters; the longer ones are ordinary data with a terminator,
//! in the first cluster. `srctree/fs/ocfs2/symlink.c`, `ocfs2_symlink()` in
//! `srctree/fs/ocfs2/namei.c`.

use super::base::bytes::{put, BlockBytes};
use super::base::geometry::Geometry;
use super::dinode::{Body, Dinode, I_SYMLINK};

/// Longest target of a fast symlink, its terminator not counted.
pub const fn max_fast_target(fs: &Geometry) -> usize {
    fs.block_size() - I_SYMLINK - 1
}

/// Target in `block`, the block of `dinode`; `None` if it isn't a fast symlink.
///
/// Length and content were checked when the dinode was decoded: it isn't empty, and has no zero
/// byte.
pub fn fast_target<'a>(block: &'a [u8], dinode: &Dinode) -> Option<&'a [u8]> {
    if dinode.body != Body::FastSymlink {
        return None;
    }
    block
        .get(I_SYMLINK..)?
        .get(..usize::try_from(dinode.size).ok()?)
}

/// Stores the target of a new fast symlink and its terminator, over the empty extent list in the
/// fresh dinode in `block`. Size and the rest of the dinode are the caller's.
///
/// `None`, and nothing is written, if the target is empty or too long.
pub fn set_fast_target(block: &mut (impl BlockBytes + ?Sized), target: &[u8]) -> Option<()> {
    let end = block.bytes().len();
    let room = block.part(I_SYMLINK..end)?;
    if target.is_empty() || target.len() >= room.len() {
        return None;
    }
    room.fill(0);
    put(room, 0, target)
}
