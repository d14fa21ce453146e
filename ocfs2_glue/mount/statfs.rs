// SPDX-License-Identifier: GPL-2.0-only
//! How full the volume is.

use crate::{
    meta::{corrupt::Report as _, inode::InodeExt},
    ondisk::{base::error::Corrupt, inode::dinode::Id1},
    vfs::fs::{folio::NoFolio, super_operations::StatFs},
    SuperBlock,
};
use kernel::prelude::*;

/// `->statfs`.
pub(super) fn statfs(sb: &SuperBlock, wait: &NoFolio) -> Result<StatFs> {
    let volume = crate::volume_of(sb);
    let geo = &volume.geo;
    let bitmap = volume.bitmap.lock().clone().ok_or(EIO)?;
    let held = bitmap.lock_shared(wait)?;
    let mut meta = bitmap.meta();
    let (store, root) = meta.read(&held)?;
    // The allocator changes the block alone.
    root.reload(&store)?;
    let Id1::Bitmap { used, total } = root.dinode.id1 else {
        return Err(Corrupt::new(bitmap.ino(), "ocfs2_dinode.i_flags")).on(sb);
    };
    let free = total.saturating_sub(used);
    Ok(StatFs {
        block_size: geo.block_size() as u32,
        blocks: geo.clusters_to_blocks(total),
        free: geo.clusters_to_blocks(free),
        files: total.into(),
        files_free: free.into(),
        fsid: volume.fsid,
        name_len: crate::ondisk::dir::dirent::MAX_NAME_LEN as u32,
    })
}
