// SPDX-License-Identifier: GPL-2.0-only
//! A slot's local allocation bitmap (`struct ocfs2_local_alloc` in the dinode `local_alloc:NNNN`).
//!
//! The in-tree driver claims a window of clusters in the global bitmap ahead of need, and hands
//! them out by the bits here. After a clean unmount there is no window. After a crash, once the
//! slot's journal was replayed, the window's unused clusters are given back to the global bitmap
//! and the window is cleared, in one transaction. `srctree/fs/ocfs2/localalloc.c`.

use super::base::bytes::{get_u16, get_u32, put_u32, BlockBytes};
use super::base::error::{Corrupt, Result};
use super::base::geometry::Geometry;
use super::inode::dinode::{Body, Dinode, Id1, ID1, I_LAB};

const LA_BM_OFF: usize = I_LAB;
const LA_SIZE: usize = I_LAB + 0x04;
const LA_BITMAP: usize = I_LAB + 0x10;

/// A checked window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAlloc {
    /// `la_bm_off`: first cluster of the window.
    pub first_cluster: u32,
    /// `i_total`: clusters in the window; 0 if there is none.
    pub total: u32,
    /// `i_used`: clusters of it that were handed out.
    pub used: u32,
    /// `la_size`: room for the bitmap, in bytes.
    pub size: u16,
}

/// Clusters that a window holds and that nobody was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First cluster, on the volume.
    pub first_cluster: u32,
    /// Number of clusters.
    pub clusters: u32,
}

impl LocalAlloc {
    /// Decodes the bitmap's head in `block`, the block of `dinode`.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if it isn't a local allocation file, or the window isn't on the volume or
    /// longer than its bitmap.
    pub fn decode(block: &[u8], dinode: &Dinode, fs: &Geometry) -> Result<Self> {
        let bad = |field| Corrupt::new(dinode.blkno(), field);
        let (Body::LocalAlloc, Id1::Bitmap { used, total }) = (dinode.body, dinode.id1) else {
            return Err(bad("ocfs2_dinode.i_flags"));
        };
        let first_cluster = get_u32(block, LA_BM_OFF).ok_or(bad("ocfs2_local_alloc"))?;
        let size = get_u16(block, LA_SIZE).ok_or(bad("ocfs2_local_alloc"))?;

        let room = fs.block_size().saturating_sub(LA_BITMAP);
        if size == 0 || usize::from(size) > room {
            return Err(bad("ocfs2_local_alloc.la_size"));
        }
        if total > u32::from(size) * 8 {
            return Err(bad("ocfs2_dinode.id1.bitmap1.i_total"));
        }
        if used > total {
            return Err(bad("ocfs2_dinode.id1.bitmap1.i_used"));
        }
        if first_cluster
            .checked_add(total)
            .is_none_or(|end| end > fs.clusters)
        {
            return Err(bad("ocfs2_local_alloc.la_bm_off"));
        }
        Ok(Self {
            first_cluster,
            total,
            used,
            size,
        })
    }

    fn bitmap<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        block
            .get(LA_BITMAP..)
            .and_then(|rest| rest.get(..usize::from(self.size)))
            .unwrap_or(&[])
    }

    /// Whether there is no window, as a clean unmount leaves it.
    pub fn is_clean(&self, block: &[u8]) -> bool {
        let unset = self.bitmap(block).iter().all(|&byte| byte == 0);
        self.first_cluster == 0 && self.total == 0 && self.used == 0 && unset
    }

    /// The window's clusters that nobody was given, as runs in ascending order: what is to be
    /// freed in the global bitmap when the slot is recovered.
    pub fn unused<'a>(&self, block: &'a [u8]) -> impl Iterator<Item = Run> + 'a {
        let bitmap = self.bitmap(block);
        let (first, total) = (self.first_cluster, self.total);
        // The window was found to be within the bitmap; a bit past it counts as handed out.
        let is_free = move |bit: u32| {
            let byte = bitmap.get((bit / 8) as usize).copied().unwrap_or(0xff);
            bit < total && byte & (1 << (bit % 8)) == 0
        };
        let mut next = 0;
        core::iter::from_fn(move || {
            let start = (next..total).find(|&bit| is_free(bit))?;
            let end = (start..total).find(|&bit| !is_free(bit)).unwrap_or(total);
            next = end;
            Some(Run {
                first_cluster: first.saturating_add(start),
                clusters: end - start,
            })
        })
    }

    /// Clears the window, as it is after a clean unmount.
    ///
    /// `block` is in a transaction, which also frees what [`LocalAlloc::unused`] yielded before.
    pub fn clear(&self, block: &mut (impl BlockBytes + ?Sized)) {
        put_u32(block, ID1, 0);
        put_u32(block, ID1 + 4, 0);
        put_u32(block, LA_BM_OFF, 0);
        let bitmap = LA_BITMAP..LA_BITMAP + usize::from(self.size);
        if let Some(bitmap) = block.part(bitmap) {
            bitmap.fill(0);
        }
    }
}
