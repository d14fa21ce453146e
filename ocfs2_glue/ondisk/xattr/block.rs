// SPDX-License-Identifier: GPL-2.0-only
//! The block of attributes that a dinode names in `i_xattr_loc` (`struct ocfs2_xattr_block`).

use super::base::bytes::{get, get_u16, get_u32, get_u64};
use super::base::error::{Corrupt, Result};
use super::base::geometry::Geometry;
use super::entries::Region;

/// `OCFS2_XATTR_BLOCK_SIGNATURE`, with its terminator.
pub const SIGNATURE: [u8; 8] = *b"XATTR01\0";

/// Offset of `xb_fs_generation`.
pub const XB_FS_GENERATION: usize = 0x0c;
/// Offset of `xb_blkno`.
pub const XB_BLKNO: usize = 0x10;
/// Offset of `xb_flags`.
pub const XB_FLAGS: usize = 0x20;
/// Offset of `xb_attrs`: the region, or the root of the tree of buckets.
pub const XB_ATTRS: usize = 0x30;
/// `OCFS2_XATTR_INDEXED`: the attributes are in buckets.
pub const INDEXED: u16 = 0x1;

/// What such a block holds.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// The attributes.
    Entries(Region<'a>),
    /// The root of a tree of buckets, which have them.
    Indexed,
}

/// Decodes `block`, read from block `blkno` of the volume `fs`.
///
/// # Errors
///
/// [`Corrupt`] names the first field that is out of order.
pub fn decode<'a>(block: &'a [u8], blkno: u64, fs: &Geometry) -> Result<Content<'a>> {
    let check = |good: bool, field| {
        if good {
            Ok(())
        } else {
            Err(Corrupt::new(blkno, field))
        }
    };
    check(
        get(block, 0) == Some(SIGNATURE),
        "ocfs2_xattr_block.xb_signature",
    )?;
    check(
        get_u64(block, XB_BLKNO) == Some(blkno),
        "ocfs2_xattr_block.xb_blkno",
    )?;
    check(
        get_u32(block, XB_FS_GENERATION) == Some(fs.fs_generation),
        "ocfs2_xattr_block.xb_fs_generation",
    )?;
    let flags = get_u16(block, XB_FLAGS).unwrap_or(0);
    check(flags & !INDEXED == 0, "ocfs2_xattr_block.xb_flags")?;
    if flags & INDEXED != 0 {
        return Ok(Content::Indexed);
    }
    Region::decode(block.get(XB_ATTRS..).unwrap_or(&[]), blkno).map(Content::Entries)
}
