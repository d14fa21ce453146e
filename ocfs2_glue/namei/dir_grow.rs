// SPDX-License-Identifier: GPL-2.0-only
//! Directories that need more room for a name.
//!
//! Each step is a transaction of its own, after which the directory is whole, and nothing more than
//! larger. So a create only ever begins a transaction that has room for it. Resources
//! are found in the order of `space/allocator.rs` before each.

use crate::{
    data::inline::{to_extents, tree_error},
    meta::{
        corrupt::Report as _,
        guards::ExHeld,
        inode::InodeExt,
        metadata::Root,
        store::{Block, Store},
    },
    namei::entries::{block_place, read_block},
    ondisk::{
        base::{
            error::Corrupt,
            features::INCOMPAT_INDEXED_DIRS,
            geometry::Geometry,
            store::{Blocks, Journaled},
        },
        dir::{
            block as dir_block,
            block::{Area, Room},
            dx_edit, dx_grow,
        },
        extent::{list::ExtentRec, tree::Tree},
        inode::{
            dinode::{Body, INDEXED_DIR_FL, INLINE_DATA_FL},
            edit::Edit,
        },
    },
    space::resources::{Cluster, Resources},
    txn::Reserve as _,
    vfs::fs::folio::NoFolio,
    volume::mounted::Mounted,
    Inode,
};
use kernel::{alloc::flags::GFP_NOFS, prelude::*, sync::Arc};

/// Where a new name goes.
pub(crate) enum Place {
    /// Into the dinode.
    Inline(Area, Room),
    /// Into a block of a directory without an index.
    Block(Block, Area, Room),
    /// Into a block and the index.
    Indexed(dx_edit::Insert<Block>),
}

/// What is in the way of a name.
enum Full {
    /// The dinode.
    Inline,
    /// The directory's blocks.
    Blocks,
    /// The index.
    Index,
}

/// More than any name can need: out of the dinode, a block, a leaf of the index, and once more.
const STEPS: usize = 6;

/// Finds a place for `name`, and makes the directory larger until there is one. The directory is
/// locked by the VFS.
pub(crate) fn place(
    dir: &ExHeld<'_>,
    mounted: &Arc<Mounted>,
    name: &[u8],
    wait: &NoFolio,
) -> Result<KBox<Place>> {
    for _ in 0..STEPS {
        match find_place(dir, name)? {
            Ok(place) => return Ok(place),
            Err(Full::Inline) => expand(dir, mounted, wait)?,
            Err(Full::Blocks) => add_block(dir, mounted, wait)?,
            Err(Full::Index) => grow_index(dir, mounted, name, wait)?,
        }
    }
    Err(ENOSPC)
}

fn find_place(dir: &ExHeld<'_>, name: &[u8]) -> Result<Result<KBox<Place>, Full>> {
    let geo = &dir.inode().volume().geo;
    let mut meta = dir.inode().meta();
    meta.let_go();
    let (mut store, root) = meta.plan(dir)?;
    let d = &root.dinode;
    let place = if let Body::Inline { .. } = d.body {
        let area = Area::inline(d, geo);
        match area
            .find_room(store.content(&root.block), name.len())
            .on(dir.sb())?
        {
            Some(room) => Place::Inline(area, room),
            None => return Ok(Err(Full::Inline)),
        }
    } else if d.dyn_features & INDEXED_DIR_FL != 0 {
        match dx_edit::plan(&mut store, d, geo, name).on(dir.sb())? {
            dx_edit::Plan::Ready(insert) => Place::Indexed(insert),
            dx_edit::Plan::NoDirRoom => return Ok(Err(Full::Blocks)),
            dx_edit::Plan::NoIndexRoom => return Ok(Err(Full::Index)),
        }
    } else {
        match find_room(&mut store, root, geo, name)? {
            Some((block, area, room)) => Place::Block(block, area, room),
            None => return Ok(Err(Full::Blocks)),
        }
    };
    Ok(Ok(KBox::new(place, GFP_NOFS)?))
}

fn find_room(
    store: &mut Store<'_>,
    root: &Root,
    geo: &Geometry,
    name: &[u8],
) -> Result<Option<(Block, Area, Room)>> {
    for index in 0..root.dinode.size >> geo.block_bits() {
        let block = read_block(store, root, geo, index)?;
        let bytes = store.content(&block);
        let area = Area::block(bytes, block.blkno(), &root.dinode, geo).on(store.sb())?;
        if let Some(room) = area.find_room(bytes, name.len()).on(store.sb())? {
            return Ok(Some((block, area, room)));
        }
        store.release(block);
    }
    Ok(None)
}

/// Moves the entries of an inline directory to its first block, and makes an index if the volume
/// has indexes.
fn expand(dir: &ExHeld<'_>, mounted: &Arc<Mounted>, wait: &NoFolio) -> Result {
    let geo = &dir.inode().volume().geo;
    let indexed = geo.features.has_incompat(INCOMPAT_INDEXED_DIRS);
    let blocks = u16::from(indexed);
    let mut old = KVec::new();
    {
        let mut meta = dir.inode().meta();
        let (store, root) = meta.plan(dir)?;
        old.extend_from_slice(store.content(&root.block), GFP_NOFS)?;
    }
    let mut room = Resources::find(mounted, blocks, Cluster::Any, wait)?;
    // The dinode, the block and the root of the index.
    let mut txn = mounted.reserve(3 + Resources::credits(blocks))?;
    txn.change(|log| {
        let mut meta = dir.inode().meta();
        let (mut store, root) = meta.change(dir, log)?;
        let was = root.dinode;
        let blkno = room.claim_cluster(&mut store)?;
        let mut block = store.create(blkno).on(dir.sb())?;
        let area = store
            .update(&mut block, |b| match indexed {
                true => dir_block::expand_inline_indexed(&old, &was, b, blkno, geo),
                false => dir_block::expand_inline(&old, &was, b, blkno, geo),
            })
            .on(dir.sb())?
            .on(dir.sb())?;
        to_extents(&mut store, root, Some(blkno), &mut room)?;
        store
            .update(&mut root.block, |b| {
                Edit::of(b).size(1 << geo.block_bits());
            })
            .on(dir.sb())?;
        if indexed {
            let suballoc = room.claim_block(&mut store)?;
            let entries = (&block, blkno, &area);
            dx_edit::create(&mut store, suballoc, was.blkno(), entries, geo).on(dir.sb())?;
            store
                .update(&mut root.block, |b| {
                    Edit::of(b)
                        .dyn_features(was.dyn_features & !INLINE_DATA_FL | INDEXED_DIR_FL)
                        .dx_root(suballoc.blkno);
                })
                .on(dir.sb())?;
        }
        changed(dir, &store, root)
    })?;
    txn.end()
}

/// Adds a block without entries.
fn add_block(dir: &ExHeld<'_>, mounted: &Arc<Mounted>, wait: &NoFolio) -> Result {
    let geo = &dir.inode().volume().geo;
    let (blocks, cluster, credits) = {
        let mut meta = dir.inode().meta();
        let (mut store, root) = meta.plan(dir)?;
        let d = &root.dinode;
        let tree = Tree::of_dinodes(geo);
        let (need, cluster) = if d.size >> geo.cluster_bits() < u64::from(d.clusters) {
            (0, Cluster::No)
        } else {
            let need = tree
                .blocks_needed(&mut store, &root.block, 1)
                .map_err(tree_error)
                .on(dir.sb())?;
            let cluster = Cluster::behind(&mut store, root, geo, d.clusters)?;
            (need, cluster)
        };
        let credits = tree
            .credits(&mut store, &root.block, d.clusters, 1)
            .map_err(tree_error)
            .on(dir.sb())?;
        (u16::try_from(need).map_err(|_| ENOSPC)?, cluster, credits)
    };
    let mut room = Resources::find(mounted, blocks, cluster, wait)?;
    // The dinode, the block and the root of the index.
    let mut txn = mounted.reserve(credits + 3 + Resources::credits(blocks))?;
    txn.change(|log| {
        let mut meta = dir.inode().meta();
        let (mut store, root) = meta.change(dir, log)?;
        let was = root.dinode;
        let tree = Tree::of_dinodes(geo);
        if !matches!(cluster, Cluster::No) {
            let rec = ExtentRec {
                cpos: was.clusters,
                clusters: 1,
                blkno: room.claim_cluster(&mut store)?,
                flags: 0,
            };
            tree.insert(&mut store, &mut root.block, &rec, &mut room)
                .map_err(tree_error)
                .on(dir.sb())?;
        }
        let index = was.size >> geo.block_bits();
        let blkno = block_place(&mut store, root, geo, index)?;
        let mut block = store.create(blkno).on(dir.sb())?;
        let bad = Corrupt::new(blkno, "directory block");
        store
            .update(&mut block, |b| {
                dir_block::format(b, blkno, &was, geo).ok_or(bad)
            })
            .on(dir.sb())?
            .on(dir.sb())?;
        if was.dyn_features & INDEXED_DIR_FL != 0 {
            dx_edit::link_block(&mut store, &was, geo, &mut block, blkno).on(dir.sb())?;
        }
        store
            .update(&mut root.block, |b| {
                Edit::of(b).size((index + 1) << geo.block_bits());
            })
            .on(dir.sb())?;
        changed(dir, &store, root)
    })?;
    txn.end()
}

/// Adds a cluster of leaves to the index.
fn grow_index(dir: &ExHeld<'_>, mounted: &Arc<Mounted>, name: &[u8], wait: &NoFolio) -> Result {
    let geo = &dir.inode().volume().geo;
    let plan = |store: &mut Store<'_>, root: &Root| {
        dx_grow::plan(store, &root.dinode, geo, name)
            .on(dir.sb())?
            .ok_or(ENOSPC)
    };
    let (blocks, credits) = {
        let mut meta = dir.inode().meta();
        let (mut store, root) = meta.plan(dir)?;
        let growth = plan(&mut store, root)?;
        let blocks = u16::try_from(growth.extent_blocks).map_err(|_| ENOSPC)?;
        (blocks, growth.credits)
    };
    let mut room = Resources::find(mounted, blocks, Cluster::Any, wait)?;
    let mut txn = mounted.reserve(credits + 1 + Resources::credits(blocks))?;
    txn.change(|log| {
        let mut meta = dir.inode().meta();
        let (mut store, root) = meta.change(dir, log)?;
        // As before: nobody changes the directory while its inode lock is held.
        let growth = plan(&mut store, root)?;
        let first = room.claim_cluster(&mut store)?;
        growth
            .apply(&mut store, geo, first, &mut room)
            .map_err(tree_error)
            .on(dir.sb())
    })?;
    txn.end()
}

/// Takes what the dinode says now over into memory.
fn changed(dir: &ExHeld<'_>, store: &Store<'_>, root: &mut Root) -> Result {
    root.reload(store)?;
    Inode::set_size(dir, root.dinode.size as i64);
    Inode::set_blocks(dir, dir.inode().volume().sectors(root.dinode.clusters));
    Ok(())
}
