// SPDX-License-Identifier: GPL-2.0-only
//! An index grows by a cluster of leaves: out of its root block, or where a leaf is full.
//!
//! The cluster is formatted whole, a leaf in each block. The entries that move keep their block
//! within the cluster, as that is given by the low half of their hash; which cluster they are in is
//! given by the high half. A cluster is split at the median of its full leaf.
//! `ocfs2_expand_inline_dx_root()` and `ocfs2_dx_dir_rebalance()` in `srctree/fs/ocfs2/dir.c`.

use super::base::bytes::{put, put_u16, put_u32, put_u64, zero_from, BlockBytes};
use super::base::error::Corrupt;
use super::base::geometry::Geometry;
use super::base::store::{ExtentBlockSource, Journaled};
use super::dx::*;
use super::dx_edit::{init_list, push, retain};
use super::dx_hash::NameHash;
use super::extent::insert::TreeError;
use super::extent::list::ExtentRec;
use super::extent::tree::Tree;
use super::inode::dinode::Dinode;

/// Size of `struct ocfs2_extent_rec` and of the head of `struct ocfs2_extent_list`.
const EXTENT_REC: usize = 16;
/// Offset of `l_count` in a root block that isn't [`FLAG_INLINE`].
const L_COUNT: usize = DR_ENTRIES + 0x02;

/// How an index can grow: what [`plan`] found. Good until the directory changes.
#[derive(Clone, Copy, Debug)]
pub struct Growth<B> {
    root: B,
    how: How,
    /// Extent blocks that the tree may need for one more record.
    pub extent_blocks: u32,
    /// Blocks that [`Growth::apply`] changes at most: the tree's, and two clusters of leaves. Those
    /// of the allocators come on top.
    pub credits: u32,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// The entries leave the root.
    Spill(EntryList),
    /// The cluster of leaves at block `old` keeps the hashes below `at`.
    Split { old: u64, at: u32 },
}

/// Finds out how the index of `dir` can grow, so that there is room for `name`, for which
/// [`super::dx_edit::plan`] found none. Changes nothing.
///
/// `Ok(None)` if it can't: every entry of the full leaf has the high half of the name's hash, or
/// the tree can't be larger. That is `ENOSPC`.
///
/// # Errors
///
/// Of the device; [`Corrupt`] if a block on the way is bad.
pub fn plan<S: Journaled>(
    store: &mut S,
    dir: &Dinode,
    fs: &Geometry,
    name: &[u8],
) -> Result<Option<Growth<S::Block>>, S::Error> {
    let hash = NameHash::of(name, &fs.dx_seed);
    let (root, decoded) = read_root(store, dir, fs)?;
    let leaves = 2 * fs.blocks_per_cluster();
    if let Some(list) = decoded.entries {
        let (how, credits) = (How::Spill(list), 1 + leaves);
        return Ok(Some(Growth {
            root,
            how,
            extent_blocks: 0,
            credits,
        }));
    }
    let (blkno, least) = leaf_blkno(store, fs, &root, decoded.suballoc.blkno, hash)?;
    let leaf = store.read(blkno)?;
    let list = decode_leaf(store.bytes(&leaf), blkno, fs)?;
    // A record at the last hash of all would end past it.
    let at = split_at(store.bytes(&leaf), list, least, hash.major);
    let Some(at) = at.filter(|at| *at != u32::MAX) else {
        return Ok(None);
    };
    // Where the leaf has entries of another cluster, there may be a record at that hash already.
    let split = NameHash { major: at, ..hash };
    if leaf_blkno(store, fs, &root, decoded.suballoc.blkno, split)? != (blkno, least) {
        return Err(Corrupt::new(blkno, "ocfs2_dx_entry.dx_major_hash").into());
    }
    let old = blkno & !u64::from(fs.blocks_per_cluster() - 1);
    let tree = Tree::of_dx_roots(fs);
    let needed = tree.blocks_needed(store, &root, 1);
    let needed = needed.and_then(|blocks| Ok((blocks, tree.credits(store, &root, at, 1)?)));
    match needed {
        Ok((extent_blocks, credits)) => {
            let (how, credits) = (How::Split { old, at }, credits.saturating_add(leaves));
            Ok(Some(Growth {
                root,
                how,
                extent_blocks,
                credits,
            }))
        }
        Err(TreeError::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

impl<B> Growth<B> {
    /// Makes the index larger by the cluster whose first block is `first`; the name is then planned
    /// for again ([`super::dx_edit::plan`]).
    ///
    /// The caller claimed the cluster in the same transaction; `source` has the extent blocks.
    ///
    /// # Errors
    ///
    /// Of the device, or of the tree. The transaction has then to be given up.
    pub fn apply<S: Journaled<Block = B>>(
        mut self,
        store: &mut S,
        fs: &Geometry,
        first: u64,
        source: &mut impl ExtentBlockSource<S>,
    ) -> Result<(), TreeError<S::Error>> {
        let cpos = match self.how {
            How::Spill(list) => {
                spill(store, fs, &mut self.root, list, first)?;
                0
            }
            How::Split { at, .. } => at,
        };
        let rec = ExtentRec {
            cpos,
            clusters: 1,
            blkno: first,
            flags: 0,
        };
        Tree::of_dx_roots(fs).insert(store, &mut self.root, &rec, source)?;
        // Only now, when nothing but the device can fail any more.
        if let How::Split { old, at } = self.how {
            split_cluster(store, fs, old, first, at)?;
        }
        Ok(())
    }
}

/// Formats block `blkno` as a leaf without entries.
fn new_leaf<S: Journaled>(
    store: &mut S,
    fs: &Geometry,
    blkno: u64,
) -> Result<(S::Block, EntryList), S::Error> {
    let mut leaf = store.create(blkno)?;
    let list = store.update(&mut leaf, |block| {
        put(block, 0, &LEAF_SIGNATURE);
        put_u64(block, DL_BLKNO, blkno);
        put_u32(block, DL_FS_GENERATION, fs.fs_generation);
        init_list(block, DL_LIST)
    })?;
    Ok((leaf, list))
}

/// Copies the entries of `from` that `take` wants to the end of the leaf `to`. A leaf takes all that
/// a root or another leaf can have.
fn copy<S: Journaled>(
    store: &mut S,
    (from, entries): (&S::Block, EntryList),
    (to, mut list): (&mut S::Block, EntryList),
    take: impl Fn(DxEntry) -> bool,
) -> Result<(), S::Error> {
    for index in 0..entries.len() {
        let entry = entries.get(store.bytes(from), index);
        if let Some(entry) = entry.filter(|entry| take(*entry) && !list.is_full()) {
            store.update(to, |block| push(block, list, entry))?;
            list.used += 1;
        }
    }
    Ok(())
}

/// Moves the entries of the root into the cluster at `first`, and leaves an empty extent list.
fn spill<S: Journaled>(
    store: &mut S,
    fs: &Geometry,
    root: &mut S::Block,
    entries: EntryList,
    first: u64,
) -> Result<(), S::Error> {
    let mask = fs.blocks_per_cluster() - 1;
    for index in 0..fs.blocks_per_cluster() {
        let (mut leaf, list) = new_leaf(store, fs, first + u64::from(index))?;
        let here = |entry: DxEntry| entry.hash.minor & mask == index;
        copy(store, (root, entries), (&mut leaf, list), here)?;
    }
    store.update(root, |block| {
        zero_from(block, DR_ENTRIES);
        put(block, DR_FLAGS, &[0]);
        let records = block.bytes().len().saturating_sub(DR_ENTRIES + EXTENT_REC) / EXTENT_REC;
        put_u16(block, L_COUNT, records as u16);
    })
}

/// Moves the entries from `split` on out of the cluster of leaves at `old` into that at `first`.
fn split_cluster<S: Journaled>(
    store: &mut S,
    fs: &Geometry,
    old: u64,
    first: u64,
    split: u32,
) -> Result<(), S::Error> {
    for index in 0..u64::from(fs.blocks_per_cluster()) {
        let blkno = old + index;
        let mut from = store.read(blkno)?;
        let entries = decode_leaf(store.bytes(&from), blkno, fs)?;
        let (mut to, list) = new_leaf(store, fs, first + index)?;
        copy(store, (&from, entries), (&mut to, list), |entry| {
            entry.hash.major >= split
        })?;
        store.update(&mut from, |block| {
            retain(block, entries, |_, entry| entry.hash.major < split)
        })?;
    }
    Ok(())
}

/// Where to split the cluster of the full leaf `list`, so that there is room for an entry with the
/// high half `wanted`. `least` is the lowest hash that the cluster takes; the split is above.
fn split_at(leaf: &[u8], list: EntryList, least: u32, wanted: u32) -> Option<u32> {
    let majors = || (0..list.len()).filter_map(|at| Some(list.get(leaf, at)?.hash.major));
    let lowest = majors().min()?;
    if majors().max()? == lowest {
        // All entries of the leaf are alike: they stay together, and the new one goes elsewhere.
        return match lowest {
            same if same == wanted => None,
            same if same == least => least.checked_add(1),
            same if same > wanted => Some(same),
            _ => Some(wanted),
        };
    }
    // The median: as many are below it as is half of them, or fewer if some are alike.
    let below = |hash: u32| majors().filter(|&major| major < hash).count();
    let upto = |hash: u32| majors().filter(|&major| major <= hash).count();
    let half = list.len() / 2;
    let median = majors().find(|&hash| below(hash) <= half && half < upto(hash))?;
    if median > least {
        return Some(median);
    }
    majors().filter(|&major| major > least).min()
}
