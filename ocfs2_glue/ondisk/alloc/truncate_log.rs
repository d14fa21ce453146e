// SPDX-License-Identifier: GPL-2.0-only
//! A slot's truncate log (`struct ocfs2_truncate_log` in the dinode `truncate_log:NNNN`): clusters
//! that no file has any more and that the global bitmap still calls used.
//!
//! It lets a truncate free clusters without the global bitmap's cluster lock. It is flushed from
//! its end: in one transaction the last record is dropped here and its clusters are freed there.
//! After a crash, once the slot's journal was replayed, somebody flushes it.
//! `srctree/fs/ocfs2/alloc.c` (`ocfs2_truncate_log_append()`, `ocfs2_replay_truncate_records()`).

use super::base::bytes::{get_u16, get_u32, put_u16, put_u32, BlockBytes};
use super::base::error::{Corrupt, Result};
use super::base::geometry::Geometry;
use super::inode::dinode::{Body, Dinode, I_DEALLOC};

const TL_COUNT: usize = I_DEALLOC;
const TL_USED: usize = I_DEALLOC + 0x02;
const TL_RECS: usize = I_DEALLOC + 0x08;
const T_START: usize = 0x00;
const T_CLUSTERS: usize = 0x04;
/// Size of `struct ocfs2_truncate_rec`.
const REC: usize = 8;

/// One record: clusters to be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TruncateRec {
    /// `t_start`: first cluster, on the volume; 0 marks a record to be ignored.
    pub start: u32,
    /// `t_clusters`: number of clusters.
    pub clusters: u32,
}

/// A checked head of a truncate log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TruncateLog {
    /// `tl_count`: records that there is room for.
    pub count: u16,
    /// `tl_used`: records in use.
    pub used: u16,
    blkno: u64,
    clusters: u32,
}

impl TruncateLog {
    /// Decodes the log's head in `block`, the block of `dinode`.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if it isn't a truncate log or has more records than the block has room for.
    pub fn decode(block: &[u8], dinode: &Dinode, fs: &Geometry) -> Result<Self> {
        let bad = |field| Corrupt::new(dinode.blkno(), field);
        if dinode.body != Body::TruncateLog {
            return Err(bad("ocfs2_dinode.i_flags"));
        }
        let count = get_u16(block, TL_COUNT).ok_or(bad("ocfs2_truncate_log"))?;
        let used = get_u16(block, TL_USED).ok_or(bad("ocfs2_truncate_log"))?;
        let room = fs.block_size().saturating_sub(TL_RECS) / REC;
        if count == 0 || usize::from(count) > room {
            return Err(bad("ocfs2_truncate_log.tl_count"));
        }
        if used > count {
            return Err(bad("ocfs2_truncate_log.tl_used"));
        }
        Ok(Self {
            count,
            used,
            blkno: dinode.blkno(),
            clusters: fs.clusters,
        })
    }

    /// Whether there is nothing to flush.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Record `index`, `None` past the last in use.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if its clusters aren't on the volume.
    pub fn get(&self, block: &[u8], index: u16) -> Result<Option<TruncateRec>> {
        if index >= self.used {
            return Ok(None);
        }
        let at = TL_RECS + usize::from(index) * REC;
        let (Some(start), Some(clusters)) = (
            get_u32(block, at + T_START),
            get_u32(block, at + T_CLUSTERS),
        ) else {
            return Ok(None);
        };
        if start
            .checked_add(clusters)
            .is_none_or(|end| end > self.clusters)
        {
            return Err(Corrupt::new(self.blkno, "ocfs2_truncate_rec.t_clusters"));
        }
        Ok(Some(TruncateRec { start, clusters }))
    }

    /// The record that a flush frees next; `None` if the log is empty.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] as [`TruncateLog::get`].
    pub fn last(&self, block: &[u8]) -> Result<Option<TruncateRec>> {
        match self.used.checked_sub(1) {
            Some(index) => self.get(block, index),
            None => Ok(None),
        }
    }

    /// Drops the last record, in the transaction that frees its clusters.
    pub fn drop_last(&mut self, block: &mut (impl BlockBytes + ?Sized)) {
        self.used = self.used.saturating_sub(1);
        put_u16(block, TL_USED, self.used);
    }

    /// Notes clusters to be freed, in the transaction that takes them from their file: lengthens
    /// the last record if they follow it, else adds one.
    ///
    /// `None`, and nothing is written, if the log is full and has to be flushed first.
    pub fn append(
        &mut self,
        block: &mut (impl BlockBytes + ?Sized),
        rec: TruncateRec,
    ) -> Option<()> {
        if let Ok(Some(last)) = self.last(block.bytes()) {
            let joined = last.clusters.checked_add(rec.clusters);
            if let Some(clusters) = joined.filter(|_| last.start + last.clusters == rec.start) {
                let at = TL_RECS + usize::from(self.used - 1) * REC;
                return put_u32(block, at + T_CLUSTERS, clusters);
            }
        }
        if self.used >= self.count {
            return None;
        }
        let at = TL_RECS + usize::from(self.used) * REC;
        put_u32(block, at + T_START, rec.start)?;
        put_u32(block, at + T_CLUSTERS, rec.clusters)?;
        self.used += 1;
        put_u16(block, TL_USED, self.used)
    }
}
