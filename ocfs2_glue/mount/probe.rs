// SPDX-License-Identifier: GPL-2.0-only
//! The first look at a device.

use crate::{
    meta::{corrupt::Report as _, snapshot::Snapshot},
    ondisk::{
        base::geometry::{MAX_BLOCK_BITS, MIN_BLOCK_BITS, SUPER_BLOCK_BLKNO},
        volume::superblock::{self, Rejected, Superblock},
    },
    vfs::fs::super_block::NewSuperBlock,
    Ocfs2,
};
use kernel::prelude::*;

/// Finds the superblock, whose block size isn't known before.
pub(super) fn probe(sb: &mut NewSuperBlock<'_, Ocfs2>) -> Result<Superblock> {
    for bits in MIN_BLOCK_BITS..=MAX_BLOCK_BITS {
        if sb.set_blocksize(1 << bits).is_err() {
            // Smaller than the device's sectors.
            continue;
        }
        if sb.device().bytes() < (SUPER_BLOCK_BLKNO + 1) << bits {
            break;
        }
        // An error of the device, or of memory, says nothing about what is on it.
        let block = Snapshot::read_fresh(sb.device(), SUPER_BLOCK_BLKNO, 1 << bits)?;
        match superblock::probe(block.bytes()) {
            Ok(Some(found)) => {
                let bytes = found.geometry.blocks() << bits;
                if bytes > sb.device().bytes() {
                    pr_err!("the volume is larger than its device\n");
                    return Err(EINVAL);
                }
                return Ok(found);
            }
            Ok(None) => {}
            Err(Rejected::Corrupt(c)) => return Err(c).on(sb.device()),
            Err(Rejected::Revision(major, minor)) => {
                pr_err!("unknown revision {major}.{minor} of the format\n");
                return Err(EINVAL);
            }
            Err(Rejected::Unsupported(features)) => {
                pr_err!("unsupported features: {}\n", features);
                return Err(EINVAL);
            }
        }
    }
    pr_err!("{}: no OCFS2 volume\n", sb.device().id());
    Err(EINVAL)
}
