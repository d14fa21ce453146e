// SPDX-License-Identifier: GPL-2.0-only
//! Extent lists that are being changed.

use super::base::bytes::{get_u16, get_u32, put, put_u16, put_u32, put_u64, BlockBytes};
use super::list::{Branch, ExtentRec, LIST_HEADER, L_NEXT_FREE_REC, L_TREE_DEPTH, REC};

/// A list that is being changed. What is out of range is left alone: the caller decoded the list
/// before, and asks for nothing that the decoded list doesn't have.
pub struct ListMut<'a, B: ?Sized> {
    block: &'a mut B,
    off: usize,
}

impl<'a, B: BlockBytes + ?Sized> ListMut<'a, B> {
    /// The list at `off`, already decoded.
    pub fn new(block: &'a mut B, off: usize) -> Self {
        Self { block, off }
    }

    fn used(&self) -> u16 {
        get_u16(self.block.bytes(), self.off + L_NEXT_FREE_REC).unwrap_or(0)
    }

    fn set_used(&mut self, used: u16) {
        let _ = put_u16(self.block, self.off + L_NEXT_FREE_REC, used);
    }

    fn rec_off(&self, i: u16) -> usize {
        self.off + LIST_HEADER + usize::from(i) * REC
    }

    /// Sets `l_tree_depth`.
    pub fn set_depth(&mut self, depth: u16) {
        let _ = put_u16(self.block, self.off + L_TREE_DEPTH, depth);
    }

    /// Overwrites record `i` of a leaf.
    pub fn set_leaf(&mut self, i: u16, rec: &ExtentRec) {
        let mut raw = [0; REC];
        let clusters = u16::try_from(rec.clusters).unwrap_or(u16::MAX);
        let _ = put_u32(&mut raw, 0, rec.cpos);
        let _ = put_u16(&mut raw, 4, clusters);
        let _ = put(&mut raw, 7, &[rec.flags]);
        let _ = put_u64(&mut raw, 8, rec.blkno);
        let at = self.rec_off(i);
        let _ = put(self.block, at, &raw);
    }

    /// Overwrites record `i` of an interior node.
    pub fn set_branch(&mut self, i: u16, rec: &Branch) {
        let at = self.rec_off(i);
        let _ = put_u32(self.block, at, rec.cpos);
        let _ = put_u32(self.block, at + 4, rec.clusters);
        let _ = put_u64(self.block, at + 8, rec.blkno);
    }

    /// Adds a record at the end of an interior node.
    pub fn push_branch(&mut self, rec: &Branch) {
        let used = self.used();
        self.set_branch(used, rec);
        self.set_used(used + 1);
    }

    /// Moves records `from..used` by one towards the end.
    fn open(&mut self, from: u16) {
        let used = self.used();
        let (start, end) = (self.rec_off(from), self.rec_off(used));
        if from > used {
            return;
        }
        if let Some(recs) = self.block.part(start..end + REC) {
            recs.copy_within(..end - start, REC);
            self.set_used(used + 1);
        }
    }

    /// Removes record `i`; the place that becomes free is zeroed.
    pub fn remove(&mut self, i: u16) {
        let used = self.used();
        let (start, end) = (self.rec_off(i), self.rec_off(used));
        if i >= used {
            return;
        }
        if let Some(recs) = self.block.part(start..end) {
            recs.copy_within(REC.., 0);
            let _ = put(recs, end - start - REC, &[0; REC]);
            self.set_used(used - 1);
        }
    }

    /// Inserts `rec` into a leaf that has room for it, at the place that its `cpos` demands. An
    /// empty record is used up.
    pub fn insert_leaf(&mut self, rec: &ExtentRec) {
        let first_clusters = get_u16(self.block.bytes(), self.rec_off(0) + 4);
        if self.used() > 0 && first_clusters == Some(0) {
            self.remove(0);
        }
        let used = self.used();
        // From the end, where most records are added.
        let cpos = |i: u16| get_u32(self.block.bytes(), self.rec_off(i)).unwrap_or(0);
        let before = (0..used).rev().find(|i| cpos(*i) <= rec.cpos);
        let i = before.map_or(0, |i| i + 1);
        self.open(i);
        self.set_leaf(i, rec);
    }

    /// Drops the last record of a leaf and puts an empty one in front, so that the number of
    /// records stays.
    pub fn pop_leaf(&mut self) {
        let used = self.used();
        if used > 0 {
            self.remove(used - 1);
            self.open(0);
            let at = self.rec_off(0);
            let _ = put(self.block, at, &[0; REC]);
        }
    }

    /// Drops all records.
    pub fn clear(&mut self) {
        let (start, end) = (self.rec_off(0), self.rec_off(self.used()));
        if let Some(recs) = self.block.part(start..end) {
            recs.fill(0);
        }
        self.set_used(0);
    }

    /// Adds records of another list, given as bytes, at the end.
    pub fn append(&mut self, recs: &[u8]) {
        let used = self.used();
        let at = self.rec_off(used);
        let more = u16::try_from(recs.len() / REC).unwrap_or(0);
        if put(self.block, at, recs).is_some() {
            self.set_used(used.saturating_add(more));
        }
    }
}
