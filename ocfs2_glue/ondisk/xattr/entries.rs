// SPDX-License-Identifier: GPL-2.0-only
//! One region of attributes: a header, an array of entries, and names with values behind it.
//!
//! A region ends where its block ends. The offset of a name counts from the region's first byte; the
//! value follows the name, which is padded to a multiple of 4 bytes.
//! `srctree/fs/ocfs2/ocfs2_fs.h`: `struct ocfs2_xattr_header`, `struct ocfs2_xattr_entry`.

use super::base::bytes::{get_u16, get_u64, get_u8};
use super::base::error::{Corrupt, Result};
use super::base::geometry::Geometry;
use super::inode::dinode::Dinode;
use core::ops::Range;

/// Size of `struct ocfs2_xattr_header`.
pub const HEADER: usize = 16;
/// Size of `struct ocfs2_xattr_entry`.
pub const ENTRY: usize = 16;
/// Size of `struct ocfs2_xattr_value_root` with one extent record, as entries have it.
pub const VALUE_ROOT: usize = 48;
/// `XATTR_SIZE_MAX` of `srctree/include/uapi/linux/limits.h`.
pub const MAX_VALUE: u64 = 65_536;

const XH_COUNT: usize = 0;
const XE_NAME_OFFSET: usize = 4;
const XE_NAME_LEN: usize = 6;
const XE_TYPE: usize = 7;
const XE_VALUE_SIZE: usize = 8;
/// `OCFS2_XATTR_ENTRY_LOCAL`: the value is in the region.
const LOCAL: u8 = 0x80;

/// `OCFS2_XATTR_INDEX_*` of `srctree/fs/ocfs2/xattr.h`: what a name begins with, which the entry
/// doesn't repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// `user.`
    User,
    /// All of `system.posix_acl_access`; the name in the entry is empty.
    AclAccess,
    /// All of `system.posix_acl_default`; the name in the entry is empty.
    AclDefault,
    /// `trusted.`
    Trusted,
    /// `security.`
    Security,
}

impl Prefix {
    /// From the low seven bits of `xe_type`; `None` for a number that nobody knows.
    fn from_type(kind: u8) -> Option<Self> {
        Some(match kind & !LOCAL {
            1 => Self::User,
            2 => Self::AclAccess,
            3 => Self::AclDefault,
            4 => Self::Trusted,
            5 => Self::Security,
            _ => return None,
        })
    }
}

/// Where the value of an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Here.
    Local(&'a [u8]),
    /// In clusters of its own; so many bytes.
    Outside(u64),
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Begin of the name; `None` for one that nobody knows.
    pub prefix: Option<Prefix>,
    /// The rest of the name, without NUL.
    pub name: &'a [u8],
    /// The value.
    pub value: Value<'a>,
}

/// A region whose header was checked.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    bytes: &'a [u8],
    count: usize,
    blkno: u64,
}

impl<'a> Region<'a> {
    /// Decodes the header of a region of block `blkno`, which `bytes` is from its first byte to the
    /// end of the block.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the region has no room for its header or for its entries.
    pub fn decode(bytes: &'a [u8], blkno: u64) -> Result<Self> {
        let bad = Corrupt::new(blkno, "ocfs2_xattr_header.xh_count");
        let room = bytes.len().checked_sub(HEADER).ok_or(bad)?;
        let count = usize::from(get_u16(bytes, XH_COUNT).ok_or(bad)?);
        if count > room / ENTRY {
            return Err(bad);
        }
        Ok(Self {
            bytes,
            count,
            blkno,
        })
    }

    /// The entries, in the order of the array. After one that is out of order there are no more.
    pub fn entries(self) -> impl Iterator<Item = Result<Entry<'a>>> {
        let mut index = 0;
        core::iter::from_fn(move || {
            if index >= self.count {
                return None;
            }
            let entry = self.entry(index);
            index = if entry.is_ok() { index + 1 } else { self.count };
            Some(entry)
        })
    }

    fn entry(self, index: usize) -> Result<Entry<'a>> {
        let at = HEADER + index * ENTRY;
        let bad = |field| Corrupt::new(self.blkno, field);
        let bad_name = bad("ocfs2_xattr_entry.xe_name_offset");
        let bad_value = bad("ocfs2_xattr_entry.xe_value_size");
        let u16_at = |off| get_u16(self.bytes, at + off).map(usize::from);
        let start = u16_at(XE_NAME_OFFSET).ok_or(bad_name)?;
        let len = usize::from(get_u8(self.bytes, at + XE_NAME_LEN).ok_or(bad_name)?);
        let kind = get_u8(self.bytes, at + XE_TYPE).ok_or(bad("ocfs2_xattr_entry.xe_type"))?;
        let size = get_u64(self.bytes, at + XE_VALUE_SIZE).ok_or(bad_value)?;
        // Behind the entries, so that a name isn't an entry as well.
        if start < HEADER + self.count * ENTRY {
            return Err(bad_name);
        }
        let name = self.bytes.get(start..start + len).ok_or(bad_name)?;
        if name.contains(&0) {
            return Err(bad("ocfs2_xattr_entry.xe_name_len"));
        }
        let from = start + len.next_multiple_of(4);
        if size > MAX_VALUE {
            return Err(bad_value);
        }
        let value = if kind & LOCAL != 0 {
            let value = self.bytes.get(from..from + size as usize);
            Value::Local(value.ok_or(bad_value)?)
        } else {
            self.bytes.get(from..from + VALUE_ROOT).ok_or(bad_value)?;
            Value::Outside(size)
        };
        Ok(Entry {
            prefix: Prefix::from_type(kind),
            name,
            value,
        })
    }
}

/// Bytes of a dinode's block that the region of inline attributes takes; `None` without.
pub fn inline_range(dinode: &Dinode, fs: &Geometry) -> Option<Range<usize>> {
    let end = fs.block_size();
    match usize::from(dinode.xattr_inline_size) {
        0 => None,
        size => Some(end.checked_sub(size)?..end),
    }
}
