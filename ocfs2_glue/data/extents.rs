// SPDX-License-Identifier: GPL-2.0-only
//! Changes to a file's tree of extents before a write and after one that came to nothing.

use super::inline::tree_error;
use crate::{
    meta::{corrupt::Report as _, guards::ExHeld, inode::InodeExt},
    ondisk::extent::{
        room::{Far, STEP_CREDITS},
        tree::Tree,
    },
    space::resources::{Cluster, Resources},
    txn::Reserve as _,
    vfs::fs::folio::NoFolio,
    volume::mounted::Mounted,
    Inode,
};
use kernel::{prelude::*, sync::Arc};

/// Brings room for `records` records near to cluster `cpos` of the file, where all leaves of the
/// tree are full: an insertion that pushed a record out of each of them could be more than a
/// transaction takes. The tree is whole after each step.
pub(crate) fn make_room(
    held: &ExHeld<'_>,
    mounted: &Arc<Mounted>,
    (cpos, records): (u32, u16),
    wait: &NoFolio,
) -> Result {
    let inode = held.inode();
    let tree = Tree::of_dinodes(&inode.volume().geo);
    loop {
        let far = {
            let mut meta = inode.meta();
            meta.let_go();
            let (mut store, root) = meta.plan(held)?;
            tree.far_room(&mut store, &root.block, cpos, records)
                .map_err(tree_error)
                .on(held.sb())?
        };
        let (blocks, mut at, steps) = match far {
            None => return Ok(()),
            Some(Far::Nowhere { blocks }) => (blocks, 0, 0),
            Some(Far::At { at, steps }) => (0, at, steps),
        };
        let mut room = Resources::find(mounted, blocks, Cluster::No, wait)?;
        let mut txn = mounted.reserve(STEP_CREDITS + Resources::credits(blocks))?;
        if steps == 0 {
            txn.change(|log| {
                let mut meta = inode.meta();
                let (mut store, root) = meta.change(held, log)?;
                tree.add_room(&mut store, &mut root.block, &mut room)
                    .map_err(tree_error)
                    .on(held.sb())?;
                root.reload_clusters(&store);
                Ok(())
            })?;
        }
        for _ in 0..steps {
            txn.make_room(STEP_CREDITS)?;
            at = txn.change(|log| {
                let mut meta = inode.meta();
                let (mut store, root) = meta.change(held, log)?;
                tree.move_room(&mut store, &mut root.block, at)
                    .map_err(tree_error)
                    .on(held.sb())
            })?;
        }
        txn.end()?;
    }
}

/// Frees the last cluster of the file, `cpos`, again: it lies behind the end of the file, and was
/// allocated for a write whose data didn't come.
pub(crate) fn cut_back(
    held: &ExHeld<'_>,
    mounted: &Arc<Mounted>,
    cpos: u32,
    wait: &NoFolio,
) -> Result {
    let inode = held.inode();
    let tree = Tree::of_dinodes(&inode.volume().geo);
    let credits = {
        let mut meta = inode.meta();
        meta.let_go();
        let (store, root) = meta.plan(held)?;
        tree.cut_credits(store.content(&root.block)).on(held.sb())?
    };
    let mut room = Resources::to_free(mounted, wait)?;
    let mut txn = mounted.reserve(credits + Resources::FREE_CREDITS)?;
    txn.change(|log| {
        let mut meta = inode.meta();
        meta.last = None;
        let (mut store, root) = meta.change(held, log)?;
        let cut = tree
            .cut(&mut store, &mut root.block, cpos)
            .map_err(tree_error)
            .on(held.sb())?;
        if let Some(cut) = cut {
            for block in cut.blocks.iter().flatten() {
                store.forget(block.blkno);
                room.free_block(&mut store, block)?;
            }
            if let Some(rec) = cut.extent {
                room.free_cluster(&mut store, &rec)?;
            }
        }
        root.reload_clusters(&store);
        Inode::set_blocks(held, inode.volume().sectors(root.dinode.clusters));
        Ok(())
    })?;
    txn.end()
}
