// SPDX-License-Identifier: GPL-2.0-only
//! Indexed directories: finding a name without reading every block of the directory.
//!
//! The dinode points to a root block (`struct ocfs2_dx_root_block`). It holds a list of entries, or
//! once that is full the extent list of a tree that is keyed by the high half of the name's hash:
//! a record at `e_cpos` covers the hashes from there up to the next record's. The low half picks
//! the leaf block (`struct ocfs2_dx_leaf`) within the cluster. An entry gives the directory block
//! that has the name.
//!
//! For lookups; changes are in [`super::dx_edit`]. A listing goes over the directory's blocks as in
//! any other directory. `srctree/fs/ocfs2/dir.c`.

use super::base::bytes::{get, get_u16, get_u32, get_u64};
use super::base::error::{Corrupt, Result};
use super::base::file_type::FileType;
use super::base::geometry::Geometry;
use super::base::store::{Blocks, Suballoc};
use super::block::Area;
use super::dx_hash::NameHash;
use super::extent::tree::Tree;
use super::inode::dinode::Dinode;

/// `OCFS2_DX_ROOT_SIGNATURE`, with its terminator.
pub const ROOT_SIGNATURE: [u8; 8] = *b"DXDIR01\0";
/// `OCFS2_DX_LEAF_SIGNATURE`, with its terminator.
pub const LEAF_SIGNATURE: [u8; 8] = *b"DXLEAF1\0";

// Offsets of struct ocfs2_dx_root_block.
pub(super) const DR_SUBALLOC_SLOT: usize = 0x10;
pub(super) const DR_SUBALLOC_BIT: usize = 0x12;
pub(super) const DR_FS_GENERATION: usize = 0x14;
pub(super) const DR_BLKNO: usize = 0x18;
const DR_CLUSTERS: usize = 0x28;
pub(super) const DR_FLAGS: usize = 0x2c;
pub(super) const DR_DIR_BLKNO: usize = 0x30;
pub(super) const DR_NUM_ENTRIES: usize = 0x38;
pub(super) const DR_FREE_BLK: usize = 0x40;
pub(super) const DR_SUBALLOC_LOC: usize = 0x48;
pub(super) const DR_ENTRIES: usize = 0xc0;
/// `OCFS2_DX_FLAG_INLINE` of `dr_flags`: the entries are in the root.
pub(super) const FLAG_INLINE: u8 = 0x01;

// Offsets of struct ocfs2_dx_leaf.
pub(super) const DL_BLKNO: usize = 0x10;
pub(super) const DL_FS_GENERATION: usize = 0x18;
pub(super) const DL_LIST: usize = 0x28;

// Offsets of struct ocfs2_dx_entry_list and struct ocfs2_dx_entry.
pub(super) const DE_COUNT: usize = 0x04;
pub(super) const DE_NUM_USED: usize = 0x06;
pub(super) const DE_ENTRIES: usize = 0x08;
pub(super) const DX_MAJOR_HASH: usize = 0x00;
pub(super) const DX_MINOR_HASH: usize = 0x04;
pub(super) const DX_DIRENT_BLK: usize = 0x08;
pub(super) const ENTRY: usize = 16;

/// A checked root block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DxRoot {
    /// Where the block came from.
    pub suballoc: Suballoc,
    /// `dr_clusters`: clusters of the index.
    pub clusters: u32,
    /// `dr_num_entries`: names in the directory.
    pub num_entries: u32,
    /// `dr_free_blk`: first directory block with free space, 0 for none.
    pub free_blk: u64,
    /// The entries, while they are in the root; else there is an extent list
    /// ([`Tree::of_dx_roots`]).
    pub entries: Option<EntryList>,
}

/// A checked list of entries: where it is in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryList {
    pub(super) off: usize,
    pub(super) used: u16,
    pub(super) count: u16,
}

/// An entry of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DxEntry {
    /// Hash of the name.
    pub hash: NameHash,
    /// Directory block that has it.
    pub dirent_blk: u64,
}

impl EntryList {
    /// Decodes the list at `off` of `block`, which takes the rest of the block.
    fn decode(block: &[u8], off: usize, blkno: u64) -> Result<Self> {
        let bad = |field| Corrupt::new(blkno, field);
        let count = get_u16(block, off + DE_COUNT).ok_or(bad("ocfs2_dx_entry_list"))?;
        let used = get_u16(block, off + DE_NUM_USED).ok_or(bad("ocfs2_dx_entry_list"))?;
        let room = block.len().saturating_sub(off + DE_ENTRIES) / ENTRY;
        if usize::from(count) != room {
            return Err(bad("ocfs2_dx_entry_list.de_count"));
        }
        if used > count {
            return Err(bad("ocfs2_dx_entry_list.de_num_used"));
        }
        Ok(Self { off, used, count })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        usize::from(self.used)
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Whether there is no room for another entry.
    pub fn is_full(&self) -> bool {
        self.used >= self.count
    }

    /// Entry `index` in `block`, the one that the list was decoded from.
    pub fn get(&self, block: &[u8], index: usize) -> Option<DxEntry> {
        if index >= self.len() {
            return None;
        }
        let entry = block.get(self.off + DE_ENTRIES + index * ENTRY..)?;
        Some(DxEntry {
            hash: NameHash {
                major: get_u32(entry, DX_MAJOR_HASH)?,
                minor: get_u32(entry, DX_MINOR_HASH)?,
            },
            dirent_blk: get_u64(entry, DX_DIRENT_BLK)?,
        })
    }

    /// The first entry from `index` on that has this hash, and its index.
    fn find(&self, block: &[u8], from: usize, hash: NameHash) -> Option<(usize, DxEntry)> {
        (from..self.len())
            .filter_map(|index| Some((index, self.get(block, index)?)))
            .find(|(_, entry)| entry.hash == hash)
    }
}

impl DxRoot {
    /// Decodes `block`, read from block `blkno`, as the root of the index of directory `dir`.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] names the first field that is out of order. An extent list isn't checked here.
    pub fn decode(block: &[u8], blkno: u64, dir: &Dinode, fs: &Geometry) -> Result<Self> {
        let bad = |field| Corrupt::new(blkno, field);
        let short = bad("ocfs2_dx_root_block");
        if block.len() != fs.block_size() {
            return Err(short);
        }
        if get(block, 0) != Some(ROOT_SIGNATURE) {
            return Err(bad("ocfs2_dx_root_block.dr_signature"));
        }
        if get_u32(block, DR_FS_GENERATION) != Some(fs.fs_generation) {
            return Err(bad("ocfs2_dx_root_block.dr_fs_generation"));
        }
        if get_u64(block, DR_BLKNO) != Some(blkno) {
            return Err(bad("ocfs2_dx_root_block.dr_blkno"));
        }
        if get_u64(block, DR_DIR_BLKNO) != Some(dir.blkno()) {
            return Err(bad("ocfs2_dx_root_block.dr_dir_blkno"));
        }
        let free_blk = get_u64(block, DR_FREE_BLK).ok_or(short)?;
        if !fs.is_block_or_none(free_blk) {
            return Err(bad("ocfs2_dx_root_block.dr_free_blk"));
        }
        let flags = block.get(DR_FLAGS).copied().ok_or(short)?;
        let entries = match flags & FLAG_INLINE {
            0 => None,
            _ => Some(EntryList::decode(block, DR_ENTRIES, blkno)?),
        };
        Ok(Self {
            suballoc: Suballoc {
                blkno,
                slot: get_u16(block, DR_SUBALLOC_SLOT).ok_or(short)?,
                bit: get_u16(block, DR_SUBALLOC_BIT).ok_or(short)?,
                loc: get_u64(block, DR_SUBALLOC_LOC).ok_or(short)?,
            },
            clusters: get_u32(block, DR_CLUSTERS).ok_or(short)?,
            num_entries: get_u32(block, DR_NUM_ENTRIES).ok_or(short)?,
            free_blk,
            entries,
        })
    }
}

/// Decodes `block`, read from block `blkno`, as a leaf of an index.
///
/// # Errors
///
/// [`Corrupt`] names the first field that is out of order.
pub fn decode_leaf(block: &[u8], blkno: u64, fs: &Geometry) -> Result<EntryList> {
    let bad = |field| Corrupt::new(blkno, field);
    if block.len() != fs.block_size() || get(block, 0) != Some(LEAF_SIGNATURE) {
        return Err(bad("ocfs2_dx_leaf.dl_signature"));
    }
    if get_u64(block, DL_BLKNO) != Some(blkno) {
        return Err(bad("ocfs2_dx_leaf.dl_blkno"));
    }
    if get_u32(block, DL_FS_GENERATION) != Some(fs.fs_generation) {
        return Err(bad("ocfs2_dx_leaf.dl_fs_generation"));
    }
    EntryList::decode(block, DL_LIST, blkno)
}

/// A name that was found through the index.
#[derive(Clone, Copy, Debug)]
pub struct Hit<B> {
    /// The directory block that has the name.
    pub block: B,
    /// Its number.
    pub blkno: u64,
    /// Its entries.
    pub area: Area,
    /// Offset of the entry in the area.
    pub offset: usize,
    /// Block of the inode that the name leads to.
    pub inode: u64,
    /// Type of that inode, where the entry says.
    pub file_type: Option<FileType>,
    /// Where the index has it.
    pub indexed: Indexed<B>,
}

/// Where an index has an entry, or has room for one.
#[derive(Clone, Copy, Debug)]
pub struct Indexed<B> {
    /// The root block.
    pub root: B,
    /// The leaf with the list; `None` while the list is in the root.
    pub leaf: Option<B>,
    /// The list.
    pub list: EntryList,
    /// Position in the list.
    pub at: usize,
}

/// Finds `name` in the indexed directory `dir`; `Ok(None)` if it isn't there, or isn't in the index.
///
/// Reads the root, a path of the tree, one leaf, and the directory block of each entry with the
/// name's very hash; all of it a second time if the name isn't ASCII and wasn't found.
///
/// # Errors
///
/// Of the device; [`Corrupt`] if a block on the way is bad, or `dir` isn't indexed.
pub fn lookup<S: Blocks>(
    store: &mut S,
    dir: &Dinode,
    fs: &Geometry,
    name: &[u8],
) -> Result<Option<Hit<S::Block>>, S::Error> {
    let hash = NameHash::of(name, &fs.dx_seed);
    if let Some(hit) = lookup_hash(store, dir, fs, name, hash)? {
        return Ok(Some(hit));
    }
    match NameHash::legacy(name, &fs.dx_seed) {
        Some(legacy) => lookup_hash(store, dir, fs, name, legacy),
        None => Ok(None),
    }
}

/// Reads and decodes the root of the index of `dir`.
pub(super) fn read_root<S: Blocks>(
    store: &mut S,
    dir: &Dinode,
    fs: &Geometry,
) -> Result<(S::Block, DxRoot), S::Error> {
    let no_index = Corrupt::new(dir.blkno(), "ocfs2_dinode.i_dx_root");
    let blkno = dir.dx_root.ok_or(no_index)?;
    let root = store.read(blkno)?;
    let decoded = DxRoot::decode(store.bytes(&root), blkno, dir, fs)?;
    Ok((root, decoded))
}

/// The list that has, or would take, entries with this hash; its end is the position.
pub(super) fn find_list<S: Blocks>(
    store: &mut S,
    dir: &Dinode,
    fs: &Geometry,
    hash: NameHash,
) -> Result<Indexed<S::Block>, S::Error> {
    let (root, decoded) = read_root(store, dir, fs)?;
    if let Some(list) = decoded.entries {
        return Ok(Indexed {
            root,
            leaf: None,
            list,
            at: list.len(),
        });
    }
    let (blkno, _) = leaf_blkno(store, fs, &root, decoded.suballoc.blkno, hash)?;
    let leaf = store.read(blkno)?;
    let list = decode_leaf(store.bytes(&leaf), blkno, fs)?;
    Ok(Indexed {
        root,
        leaf: Some(leaf),
        list,
        at: list.len(),
    })
}

/// Finds `name`, given that it is indexed under `hash`: looks into the directory blocks of the
/// entries that have this hash.
fn lookup_hash<S: Blocks>(
    store: &mut S,
    dir: &Dinode,
    fs: &Geometry,
    name: &[u8],
    hash: NameHash,
) -> Result<Option<Hit<S::Block>>, S::Error> {
    let mut indexed = find_list(store, dir, fs, hash)?;
    let mut from = 0;
    loop {
        let block = indexed.leaf.as_ref().unwrap_or(&indexed.root);
        let Some((at, entry)) = indexed.list.find(store.bytes(block), from, hash) else {
            return Ok(None);
        };
        from = at + 1;
        let blkno = entry.dirent_blk;
        if !fs.is_block(blkno) {
            return Err(Corrupt::new(dir.blkno(), "ocfs2_dx_entry.dx_dirent_blk").into());
        }
        let block = store.read(blkno)?;
        let bytes = store.bytes(&block);
        let area = Area::block(bytes, blkno, dir, fs)?;
        if let Some(found) = area.find(bytes, name)? {
            let (offset, inode, file_type) = (found.offset, found.inode, found.file_type);
            indexed.at = at;
            return Ok(Some(Hit {
                block,
                blkno,
                area,
                offset,
                inode,
                file_type,
                indexed,
            }));
        }
    }
}

/// Block of the leaf that entries with this hash are in, and the least major hash that its cluster
/// takes.
pub(super) fn leaf_blkno<S: Blocks>(
    store: &mut S,
    fs: &Geometry,
    root: &S::Block,
    root_blkno: u64,
    hash: NameHash,
) -> Result<(u64, u32), S::Error> {
    let leaf = Tree::of_dx_roots(fs).find_leaf(store, root, hash.major)?;
    let list = leaf.list(store, root);
    let rec = list
        .at_or_before(hash.major)
        .and_then(|index| list.leaf(index));
    let rec = rec.ok_or(Corrupt::new(root_blkno, "ocfs2_dx_root_block.dr_list"))?;
    // Hashes past the end of a record belong to its last cluster.
    let cluster = hash
        .major
        .saturating_sub(rec.cpos)
        .min(rec.clusters.saturating_sub(1));
    let block = hash.minor & (fs.blocks_per_cluster() - 1);
    // The record was found to be on the volume when it was decoded.
    let first = rec.blkno.saturating_add(fs.clusters_to_blocks(cluster));
    Ok((
        first.saturating_add(block.into()),
        rec.cpos.saturating_add(cluster),
    ))
}
