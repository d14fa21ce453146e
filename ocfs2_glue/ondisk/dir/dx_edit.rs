// SPDX-License-Identifier: GPL-2.0-only
//! Changes to indexed directories: a name comes or goes in a directory block and in the index.
//!
//! # Model
//!
//! Directory blocks with free space are on a list: `dr_free_blk` of the root block, then
//! `db_free_next` of each block's trailer, whose `db_free_rec_len` is the block's largest hole. A
//! block without a hole is off the list, with both fields zero. A new name goes into the first block
//! of the list that has room ([`plan`]); if none has, the directory grows by a block, which goes to
//! the front of the list ([`link_block`]). If the list of entries that the name's hash belongs to is
//! full, the index grows ([`super::dx_grow`]).
//!
//! Everything here runs in one transaction, under the directory's inode lock EX.
//! `srctree/fs/ocfs2/dir.c`.

use super::base::bytes::{get_u32, put, put_u16, put_u32, put_u64, BlockBytes};
use super::base::error::{Corrupt, Result};
use super::base::file_type::FileType;
use super::base::geometry::Geometry;
use super::base::store::{Blocks, Journaled, Suballoc};
use super::dirent::{rec_len, Entry};
use super::dx::*;
use super::dx_hash::NameHash;
use super::inode::dinode::Dinode;
use super::{
    block as dir_block,
    block::{Area, Room},
};

/// Blocks that [`Insert::apply`] changes at most: the directory block, the one before it on the
/// free list, the root and a leaf.
pub const INSERT_BLOCKS: u32 = 4;
/// Blocks that [`remove`] changes at most: the directory block, the root and a leaf.
pub const REMOVE_BLOCKS: u32 = 3;

/// Where a new name goes, or what has to be made first.
#[derive(Clone, Copy, Debug)]
pub enum Plan<B> {
    /// There is room for it.
    Ready(Insert<B>),
    /// The directory needs another block ([`dir_block::format`], [`link_block`]).
    NoDirRoom,
    /// The index has to grow ([`super::dx_grow::plan`]).
    NoIndexRoom,
}

/// Room for a new name: what [`plan`] found. Good until the directory changes.
#[derive(Clone, Copy, Debug)]
pub struct Insert<B> {
    block: B,
    blkno: u64,
    area: Area,
    room: Room,
    /// The block before it on the free list; `None` if the root points to it.
    before: Option<B>,
    hash: NameHash,
    indexed: Indexed<B>,
}

/// Finds room for `name` in the indexed directory `dir`. Changes nothing.
///
/// # Errors
///
/// Of the device; [`Corrupt`] if a block on the way is bad, or the free list is longer than the
/// directory.
pub fn plan<S: Blocks>(
    store: &mut S,
    dir: &Dinode,
    fs: &Geometry,
    name: &[u8],
) -> Result<Plan<S::Block>, S::Error> {
    let hash = NameHash::of(name, &fs.dx_seed);
    let indexed = find_list(store, dir, fs, hash)?;
    if indexed.list.is_full() {
        return Ok(Plan::NoIndexRoom);
    }
    let (_, root) = read_root(store, dir, fs)?;
    let (mut blkno, mut before) = (root.free_blk, None);
    for _ in 0..dir.size >> fs.block_bits() {
        if blkno == 0 {
            return Ok(Plan::NoDirRoom);
        }
        if !fs.is_block(blkno) {
            break;
        }
        let block = store.read(blkno)?;
        let bytes = store.bytes(&block);
        let area = Area::block(bytes, blkno, dir, fs)?;
        // The trailer may promise too much, so the block is looked through as well. One that
        // promises too little costs the room, and nothing else.
        let room = match usize::from(dir_block::free_rec_len(bytes)) < rec_len(name.len()) {
            true => None,
            false => area.find_room(bytes, name.len())?,
        };
        if let Some(room) = room {
            let insert = Insert {
                block,
                blkno,
                area,
                room,
                before,
                hash,
                indexed,
            };
            return Ok(Plan::Ready(insert));
        }
        blkno = dir_block::free_next(bytes);
        if let Some(passed) = before.replace(block) {
            store.release(passed);
        }
    }
    if blkno == 0 {
        return Ok(Plan::NoDirRoom);
    }
    // As many blocks as the directory has, and no end: the list goes round.
    Err(Corrupt::new(dir.blkno(), "ocfs2_dir_block_trailer.db_free_next").into())
}

impl<B> Insert<B> {
    /// Inserts the name that room was found for. Link counts, times and the new inode are the
    /// caller's.
    ///
    /// # Errors
    ///
    /// Of the device; [`Corrupt`] if the name is longer than that or a record in the block is bad,
    /// and then nothing was changed.
    pub fn apply<S: Journaled<Block = B>>(
        mut self,
        store: &mut S,
        name: &[u8],
        inode: u64,
        file_type: FileType,
    ) -> Result<(), S::Error> {
        let (area, room) = (self.area, self.room);
        let unlinked = store.update(&mut self.block, |block| {
            // A bad record behind the room is found before anything is changed.
            area.largest_hole(block.bytes())?;
            area.insert(block, room, name, inode, file_type)?;
            let hole = area.largest_hole(block.bytes())?;
            dir_block::set_free_rec_len(block, hole);
            if hole != 0 {
                return Ok(None);
            }
            let next = dir_block::free_next(block.bytes());
            dir_block::set_free_next(block, 0);
            Ok::<_, Corrupt>(Some(next))
        })??;
        if let (Some(next), Some(before)) = (unlinked, &mut self.before) {
            store.update(before, |block| dir_block::set_free_next(block, next))?;
        }
        let at_root = unlinked.filter(|_| self.before.is_none());
        let entry = DxEntry {
            hash: self.hash,
            dirent_blk: self.blkno,
        };
        let list = self.indexed.list;
        if let Some(leaf) = &mut self.indexed.leaf {
            store.update(leaf, |block| push(block, list, entry))?;
        }
        let in_root = self.indexed.leaf.is_none();
        store.update(&mut self.indexed.root, |block| {
            if in_root {
                push(block, list, entry);
            }
            if let Some(next) = at_root {
                put_u64(block, DR_FREE_BLK, next);
            }
            add_entries(block, 1);
        })
    }
}

/// Removes the name that `hit` is, from its block and from the index.
///
/// # Errors
///
/// Of the device; [`Corrupt`] if a record in the directory block is bad, and then nothing was
/// changed.
pub fn remove<S: Journaled>(store: &mut S, hit: Hit<S::Block>) -> Result<(), S::Error> {
    let Hit {
        mut block,
        blkno,
        area,
        offset,
        mut indexed,
        ..
    } = hit;
    let listed = dir_block::free_rec_len(store.bytes(&block)) != 0;
    let head = super::base::bytes::get_u64(store.bytes(&indexed.root), DR_FREE_BLK).unwrap_or(0);
    store.update(&mut block, |block| {
        area.largest_hole(block.bytes())?;
        area.remove(block, offset)?;
        let hole = area.largest_hole(block.bytes())?;
        dir_block::set_free_rec_len(block, hole);
        if !listed {
            dir_block::set_free_next(block, head);
        }
        Ok::<_, Corrupt>(())
    })??;
    let (list, at) = (indexed.list, indexed.at);
    if let Some(leaf) = &mut indexed.leaf {
        store.update(leaf, |block| retain(block, list, |index, _| index != at))?;
    }
    let in_root = indexed.leaf.is_none();
    store.update(&mut indexed.root, |root| {
        if in_root {
            retain(root, list, |index, _| index != at);
        }
        if !listed {
            put_u64(root, DR_FREE_BLK, blkno);
        }
        add_entries(root, -1);
    })
}

/// Puts a directory block that was just formatted, `block` number `blkno`, on the free list of the
/// index of `dir`.
///
/// # Errors
///
/// Of the device; [`Corrupt`] if the root of the index is bad, and then nothing was changed.
pub fn link_block<S: Journaled>(
    store: &mut S,
    dir: &Dinode,
    fs: &Geometry,
    block: &mut S::Block,
    blkno: u64,
) -> Result<(), S::Error> {
    let (mut root, decoded) = read_root(store, dir, fs)?;
    store.update(block, |block| {
        dir_block::set_free_next(block, decoded.free_blk)
    })?;
    store.update(&mut root, |root| {
        put_u64(root, DR_FREE_BLK, blkno);
    })
}

/// Makes the index of a directory, with the entries of `block`, its only block, whose number is
/// `blkno`: formats the block that `suballoc` is, from the extent allocator of a slot.
///
/// The dinode, which is block `dir`, gets [`super::inode::dinode::INDEXED_DIR_FL`] and `i_dx_root` from the
/// caller. The directory's block has a trailer ([`dir_block::expand_inline_indexed`]). What was
/// inline always fits into the root; it may be full with it.
///
/// # Errors
///
/// Of the device; [`Corrupt`] if a record is bad, or there are more names than the root has room
/// for.
pub fn create<S: Journaled>(
    store: &mut S,
    suballoc: Suballoc,
    dir: u64,
    (block, blkno, area): (&S::Block, u64, &Area),
    fs: &Geometry,
) -> Result<(), S::Error> {
    let free = dir_block::free_rec_len(store.bytes(block)) != 0;
    let mut root = store.create(suballoc.blkno)?;
    let mut list = store.update(&mut root, |root| {
        put(root, 0, &ROOT_SIGNATURE);
        put_u16(root, DR_SUBALLOC_SLOT, suballoc.slot);
        put_u16(root, DR_SUBALLOC_BIT, suballoc.bit);
        put_u64(root, DR_SUBALLOC_LOC, suballoc.loc);
        put_u32(root, DR_FS_GENERATION, fs.fs_generation);
        put_u64(root, DR_BLKNO, suballoc.blkno);
        put_u64(root, DR_DIR_BLKNO, dir);
        put_u64(root, DR_FREE_BLK, if free { blkno } else { 0 });
        put(root, DR_FLAGS, &[FLAG_INLINE]);
        init_list(root, DR_ENTRIES)
    })?;
    let mut next = 0;
    loop {
        let mut used = area
            .entries_from(store.bytes(block), next)
            .filter(|entry| entry.as_ref().map_or(true, Entry::is_used));
        let Some(entry) = used.next().transpose()? else {
            return Ok(());
        };
        next = entry.next_offset();
        let entry = DxEntry {
            hash: NameHash::of(entry.name, &fs.dx_seed),
            dirent_blk: blkno,
        };
        drop(used);
        if list.is_full() {
            return Err(Corrupt::new(suballoc.blkno, "ocfs2_dx_entry_list.de_count").into());
        }
        store.update(&mut root, |root| {
            push(root, list, entry);
            add_entries(root, 1);
        })?;
        list.used += 1;
    }
}

/// An empty list from `off` to the end of a zeroed block.
pub(super) fn init_list(block: &mut (impl BlockBytes + ?Sized), off: usize) -> EntryList {
    let room = block.bytes().len().saturating_sub(off + DE_ENTRIES) / ENTRY;
    // A block has room for at most 253.
    put_u16(block, off + DE_COUNT, room as u16);
    EntryList {
        off,
        used: 0,
        count: room as u16,
    }
}

fn write_entry(
    block: &mut (impl BlockBytes + ?Sized),
    list: EntryList,
    index: usize,
    entry: DxEntry,
) {
    let at = list.off + DE_ENTRIES + index * ENTRY;
    put_u32(block, at + DX_MAJOR_HASH, entry.hash.major);
    put_u32(block, at + DX_MINOR_HASH, entry.hash.minor);
    put_u64(block, at + DX_DIRENT_BLK, entry.dirent_blk);
}

/// Appends an entry to `list` in `block`, which isn't full.
pub(super) fn push(block: &mut (impl BlockBytes + ?Sized), list: EntryList, entry: DxEntry) {
    write_entry(block, list, list.len(), entry);
    put_u16(block, list.off + DE_NUM_USED, list.used.saturating_add(1));
}

/// Keeps the entries of `list` in `block` that `keep` wants, in their order.
pub(super) fn retain(
    block: &mut (impl BlockBytes + ?Sized),
    list: EntryList,
    mut keep: impl FnMut(usize, DxEntry) -> bool,
) {
    let mut kept = 0u16;
    for index in 0..list.len() {
        let Some(entry) = list.get(block.bytes(), index) else {
            break;
        };
        if keep(index, entry) {
            write_entry(block, list, kept.into(), entry);
            kept += 1;
        }
    }
    let from = list.off + DE_ENTRIES + usize::from(kept) * ENTRY;
    let end = list.off + DE_ENTRIES + list.len() * ENTRY;
    if let Some(rest) = block.part(from..end) {
        rest.fill(0);
    }
    put_u16(block, list.off + DE_NUM_USED, kept);
}

/// Adds to `dr_num_entries`.
fn add_entries(root: &mut (impl BlockBytes + ?Sized), change: i32) {
    let entries = get_u32(root.bytes(), DR_NUM_ENTRIES).unwrap_or(0);
    put_u32(root, DR_NUM_ENTRIES, entries.saturating_add_signed(change));
}
