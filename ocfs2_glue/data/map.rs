// SPDX-License-Identifier: GPL-2.0-only
//! Blocks of a file to blocks of the volume, in one place.

use crate::{
    meta::{corrupt::Report as _, guards::Held, inode::InodeExt},
    ondisk::{
        extent::tree::{Mapped, Mapping, Tree},
        inode::dinode::{Body, ID_DATA},
    },
    vfs::fs::{
        address_space::{self, Purpose},
        extents::{Extent, Kind, Operations},
        folio::NoFolio,
    },
    Inode, Ocfs2,
};
use kernel::prelude::*;

/// Maps at most `max` blocks from `block` on. `None`: there is nothing to read there, as in a hole,
/// or in a block that was allocated for a write which hasn't filled it yet.
///
/// May wait for the disk, with a folio locked.
pub(crate) fn blocks(
    held: &Held<'_>,
    block: u64,
    max: u64,
    why: Purpose,
) -> Result<Option<address_space::Mapped>> {
    let inode = held.inode();
    let geo = &inode.volume().geo;
    let per_cluster = geo.blocks_per_cluster_bits();
    let Ok(cpos) = u32::try_from(block >> per_cluster) else {
        return Ok(None);
    };
    #[cfg(GLUE_NEEDLESS_COPY)]
    copy_needlessly()?;
    let mut meta = inode.meta();
    let fresh = meta.fresh.clone();
    let cached = meta.last;
    let (mut store, root) = meta.read(held)?;
    if root.dinode.body != Body::Extents {
        return Ok(None);
    }
    let mapping = match cached.and_then(|m| part(&m, cpos, geo)) {
        Some(mapping) => mapping,
        None => {
            let found = Tree::of_dinodes(geo)
                .lookup(&mut store, &root.block, cpos)
                .on(inode.sb())?;
            meta.last = Some(found);
            found
        }
    };
    let Mapped::Extent { blkno, .. } = mapping.what else {
        return Ok(None);
    };
    if mapping.what.is_unwritten() && why == Purpose::Read {
        return Ok(None);
    }
    let skip = block - (u64::from(cpos) << per_cluster);
    let mut count = (geo.clusters_to_blocks(mapping.clusters) - skip).min(max);
    let is_fresh = fresh.contains(&block);
    if is_fresh && why == Purpose::Read {
        return Ok(None);
    }
    if is_fresh {
        count = count.min(fresh.end - block);
    } else if fresh.start > block {
        count = count.min(fresh.start - block);
    }
    Ok(Some(address_space::Mapped {
        block: blkno + skip,
        count,
        fresh: is_fresh,
    }))
}

/// Says where the data of a file is, to user space.
pub(crate) struct Map;

impl Operations<Ocfs2> for Map {
    const SUPPORTED: bool = true;

    /// From the tree, as it is on this node: blocks are allocated before a page gets dirty.
    fn extent(inode: &Inode, pos: u64, len: u64, wait: &NoFolio) -> Result<Extent> {
        let geo = &inode.volume().geo;
        let bits = geo.cluster_bits();
        let held = inode.lock_shared(wait)?;
        let mut meta = inode.meta();
        let (mut store, root) = meta.read(&held)?;
        let d = &root.dinode;
        let hole = |start, len| Extent {
            start,
            len,
            kind: Kind::Hole,
            shared: false,
        };
        match d.body {
            Body::Extents => {}
            // All of the room, as the in-tree driver says.
            Body::Inline { room } if pos < u64::from(room) => {
                return Ok(Extent {
                    start: 0,
                    len: room.into(),
                    kind: Kind::Inline((inode.ino() << geo.block_bits()) + ID_DATA as u64),
                    shared: false,
                })
            }
            _ => return Ok(hole(pos, len)),
        }
        let Ok(cpos) = u32::try_from(pos >> bits) else {
            return Ok(hole(pos, len));
        };
        let run = Tree::of_dinodes(geo)
            .lookup(&mut store, &root.block, cpos)
            .on(inode.sb())?;
        let (start, len) = (u64::from(cpos) << bits, u64::from(run.clusters) << bits);
        let Mapped::Extent { blkno, .. } = run.what else {
            return Ok(hole(start, len));
        };
        let addr = blkno << geo.block_bits();
        Ok(Extent {
            start,
            len,
            kind: match run.what.is_unwritten() {
                true => Kind::Unwritten(addr),
                false => Kind::Written(addr),
            },
            shared: run.what.is_refcounted(),
        })
    }
}

/// The part of `m` from cluster `cpos` on, if it covers that.
fn part(m: &Mapping, cpos: u32, geo: &crate::ondisk::base::geometry::Geometry) -> Option<Mapping> {
    let skip = cpos.checked_sub(m.cpos).filter(|skip| *skip < m.clusters)?;
    let what = match m.what {
        Mapped::Hole => Mapped::Hole,
        Mapped::Extent { blkno, flags } => Mapped::Extent {
            blkno: blkno + geo.clusters_to_blocks(skip),
            flags,
        },
    };
    Some(Mapping {
        cpos,
        clusters: m.clusters - skip,
        what,
    })
}

/// Copies a block that nobody needs, so that a map costs too much: `make cost CONTROL=yes` must
/// notice.
#[cfg(GLUE_NEEDLESS_COPY)]
fn copy_needlessly() -> Result {
    use kernel::alloc::flags::GFP_NOFS;

    static BLOCK: [u8; 4096] = [0; 4096];
    let mut copy = KVec::with_capacity(BLOCK.len(), GFP_NOFS)?;
    copy.extend_from_slice(core::hint::black_box(&BLOCK), GFP_NOFS)?;
    core::hint::black_box(&copy);
    Ok(())
}
