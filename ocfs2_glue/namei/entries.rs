// SPDX-License-Identifier: GPL-2.0-only
//! The entries of a directory, wherever they are: in the dinode, in blocks, under an index.

use crate::{
    meta::{
        corrupt::Report as _,
        guards::Held,
        inode::InodeExt,
        metadata::Root,
        store::{Block, Store},
    },
    ondisk::{
        base::{error::Corrupt, geometry::Geometry, store::Blocks},
        dir::{block::Area, dirent::Entry as DirEntry, dx},
        extent::tree::{Mapped, Tree},
        inode::dinode::{Body, INDEXED_DIR_FL},
    },
    Inode,
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*};

/// One block of a directory, or all of an inline one, as it was under the lock.
pub(super) struct Listing {
    pub(super) bytes: KVec<u8>,
    pub(super) area: Area,
}

impl Listing {
    pub(super) fn read(dir: &Held<'_>, index: u64) -> Result<Option<Self>> {
        let geo = &dir.inode().volume().geo;
        let mut meta = dir.inode().meta();
        let (mut store, root) = meta.read(dir)?;
        let (block, area) = match root.dinode.body {
            Body::Inline { .. } if index == 0 => (None, Area::inline(&root.dinode, geo)),
            Body::Inline { .. } => return Ok(None),
            _ => {
                if index >= root.dinode.size >> geo.block_bits() {
                    return Ok(None);
                }
                let block = read_block(&mut store, root, geo, index)?;
                let area = Area::block(store.content(&block), block.blkno(), &root.dinode, geo)
                    .on(dir.sb())?;
                (Some(block), area)
            }
        };
        let from = store.content(block.as_ref().unwrap_or(&root.block));
        let mut bytes = KVec::with_capacity(from.len(), GFP_NOFS)?;
        bytes.extend_from_slice(from, GFP_NOFS)?;
        Ok(Some(Self { bytes, area }))
    }
}

/// Block `index` of a directory.
pub(crate) fn read_block(
    store: &mut Store<'_>,
    root: &Root,
    geo: &Geometry,
    index: u64,
) -> Result<Block> {
    let blkno = block_place(store, root, geo, index)?;
    store.read(blkno).on(store.sb())
}

/// Where block `index` of a directory is. Directories have no holes.
pub(crate) fn block_place(
    store: &mut Store<'_>,
    root: &Root,
    geo: &Geometry,
    index: u64,
) -> Result<u64> {
    let per_cluster = geo.blocks_per_cluster_bits();
    let bad = Corrupt::new(root.block.blkno(), "directory: ocfs2_extent_list");
    let cpos = u32::try_from(index >> per_cluster)
        .map_err(|_| bad)
        .on(store.sb())?;
    match Tree::of_dinodes(geo)
        .lookup(store, &root.block, cpos)
        .on(store.sb())?
        .what
    {
        Mapped::Extent { blkno, flags: 0 } => Ok(blkno + (index & ((1 << per_cluster) - 1))),
        _ => Err(bad).on(store.sb()),
    }
}

/// The inode that `name` leads to.
pub(crate) fn find(dir: &Held<'_>, name: &[u8]) -> Result<Option<u64>> {
    let mut meta = dir.inode().meta();
    let (mut store, root) = meta.read(dir)?;
    find_in(&mut store, root, &dir.inode().volume().geo, name)
}

/// The same, in a directory that is open already.
pub(crate) fn find_in(
    store: &mut Store<'_>,
    root: &Root,
    geo: &Geometry,
    name: &[u8],
) -> Result<Option<u64>> {
    let d = &root.dinode;
    if let Body::Inline { .. } = d.body {
        let found = Area::inline(d, geo)
            .find(store.content(&root.block), name)
            .on(store.sb())?;
        return Ok(found.map(|entry| entry.inode));
    }
    if d.dyn_features & INDEXED_DIR_FL != 0 {
        return Ok(dx::lookup(store, d, geo, name)
            .on(store.sb())?
            .map(|hit| hit.inode));
    }
    for index in 0..d.size >> geo.block_bits() {
        let block = read_block(store, root, geo, index)?;
        let bytes = store.content(&block);
        let area = Area::block(bytes, block.blkno(), d, geo).on(store.sb())?;
        if let Some(entry) = area.find(bytes, name).on(store.sb())? {
            return Ok(Some(entry.inode));
        }
    }
    Ok(None)
}

/// Hands every entry in use to `see`, without the index.
pub(crate) fn for_each(dir: &Held<'_>, mut see: impl FnMut(&DirEntry<'_>)) -> Result {
    let mut index = 0;
    while let Some(listing) = Listing::read(dir, index)? {
        for entry in listing.area.entries(&listing.bytes) {
            let entry = entry.on(dir.sb())?;
            if entry.is_used() {
                see(&entry);
            }
        }
        index += 1;
    }
    Ok(())
}

/// What an entry remembers: the directory, for one that was just moved still has the grant of the
/// one that it came from, and the grant.
pub(crate) fn stamp(dir: &Inode, grant: u64) -> u64 {
    dir.ino().rotate_left(32) ^ grant
}
