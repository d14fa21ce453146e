// SPDX-License-Identifier: GPL-2.0-only
//! Files whose content is in the dinode.

use crate::{
    meta::{
        corrupt::{Failure, Report as _},
        guards::Held,
        inode::InodeExt,
        metadata::Root,
        store::Store,
    },
    ondisk::{
        base::store::Journaled,
        extent::{insert::TreeError, list::ExtentRec, tree::Tree},
        inode::{
            dinode::{Body, INLINE_DATA_FL, I_SYMLINK},
            edit,
            edit::Edit,
        },
    },
    space::resources::Resources,
    vfs::fs::folio::LockedFolio,
};
use kernel::prelude::*;

/// Turns the inline data of a file or directory into a list of extents, in the transaction of
/// `store`: with the cluster at block `blkno`, which has the data, or with none. Size, and for a
/// directory the index, are the caller's.
pub(crate) fn to_extents(
    store: &mut Store<'_>,
    root: &mut Root,
    blkno: Option<u64>,
    room: &mut Resources<'_>,
) -> Result {
    let sb = store.sb();
    let geo = &crate::volume_of(sb).geo;
    let features = root.dinode.dyn_features & !INLINE_DATA_FL;
    let xattr = root.dinode.xattr_inline_size;
    store
        .update(&mut root.block, |b| {
            edit::init_extent_list(b, xattr);
            Edit::of(b).dyn_features(features);
        })
        .on(sb)?;
    if let Some(blkno) = blkno {
        let rec = ExtentRec {
            cpos: 0,
            clusters: 1,
            blkno,
            flags: 0,
        };
        Tree::of_dinodes(geo)
            .insert(store, &mut root.block, &rec, room)
            .map_err(tree_error)
            .on(sb)?;
    }
    Ok(())
}

/// What user space hears of a tree that couldn't be changed.
pub(crate) fn tree_error(e: TreeError<Failure>) -> Failure {
    match e {
        TreeError::Store(e) => e,
        TreeError::Full => EFBIG.into(),
        TreeError::Refcounted => EOPNOTSUPP.into(),
        TreeError::BadRecord(_) | TreeError::Exists | TreeError::Hole => EUCLEAN.into(),
    }
}

/// What the dinode holds.
pub(crate) fn body(held: &Held<'_>) -> Result<Body> {
    let mut meta = held.inode().meta();
    let (_, root) = meta.read(held)?;
    Ok(root.dinode.body)
}

/// Fills a folio if the content is in the dinode, and says whether it is.
pub(crate) fn fill(held: &Held<'_>, folio: &LockedFolio) -> Result<bool> {
    let mut meta = held.inode().meta();
    let (store, root) = meta.read(held)?;
    let d = &root.dinode;
    let inline = match d.body {
        Body::Inline { .. } => d.inline_range(),
        // Up to its NUL; the size was checked against the room by the decoder.
        Body::FastSymlink => I_SYMLINK..I_SYMLINK + d.size as usize,
        _ => return Ok(false),
    };
    let bytes = store.content(&root.block).get(inline).unwrap_or(&[]);
    folio.fill(if folio.pos() == 0 { bytes } else { &[] });
    Ok(true)
}
