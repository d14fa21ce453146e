// SPDX-License-Identifier: GPL-2.0-only
//! Directory entries (`struct ocfs2_dir_entry`): records that lie end to end and fill an area, the
//! whole of a directory block or a dinode's inline data.
//!
//! A record's length covers its name and the free space after it; inode 0 marks a record that is
//! free altogether. The rules are those of `ocfs2_check_dir_entry()` in `srctree/fs/ocfs2/dir.c`,
//! and two more for records in use: the name isn't empty, and the inode is a block of the volume.
//! What characters a name has isn't looked at: the VFS refuses a slash when it lists a directory,
//! and never asks for one.

use super::base::bytes::{get_u16, get_u64, get_u8, put, put_u16, put_u64, BlockBytes, Within};
use super::base::error::{Corrupt, Result};
use super::base::file_type::FileType;
use super::base::geometry::SUPER_BLOCK_BLKNO;

/// `OCFS2_MAX_FILENAME_LEN`, in bytes.
pub const MAX_NAME_LEN: usize = 255;

const INODE: usize = 0x00;
const REC_LEN: usize = 0x08;
const NAME_LEN: usize = 0x0a;
const FILE_TYPE: usize = 0x0b;
/// Offset of the name (`OCFS2_DIR_MEMBER_LEN`).
const NAME: usize = 0x0c;
/// `OCFS2_DIR_PAD`: records begin and end at multiples of this.
const PAD: usize = 4;

/// Bytes that a record needs for a name of `name_len` bytes (`OCFS2_DIR_REC_LEN()`).
pub const fn rec_len(name_len: usize) -> usize {
    (NAME + name_len).next_multiple_of(PAD)
}

/// Shortest record (`OCFS2_DIR_MIN_REC_LEN`).
pub const MIN_REC_LEN: usize = rec_len(1);

/// Longest record that one name needs.
pub const MAX_NEEDED_REC_LEN: usize = rec_len(MAX_NAME_LEN);

/// One checked record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where it begins in the area, in bytes.
    pub offset: usize,
    /// `rec_len`: bytes from its beginning to that of the next.
    pub rec_len: usize,
    /// Block of the inode that it leads to; 0 for a free record, whose other fields mean nothing.
    pub inode: u64,
    /// `file_type`, `None` where the record doesn't say.
    pub file_type: Option<FileType>,
    /// The name, of 1 to 255 bytes in a record in use.
    pub name: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Decodes the record at `offset` of `area`.
    ///
    /// `blocks`: size of the volume. `blkno`: the block that errors name.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the record breaks a rule; where the next one begins is then unknown.
    pub fn decode(area: &'a [u8], offset: usize, blocks: u64, blkno: u64) -> Result<Self> {
        Self::try_decode(area, offset, blocks).map_err(|field| Corrupt::new(blkno, field))
    }

    fn try_decode(area: &'a [u8], offset: usize, blocks: u64) -> Result<Self, &'static str> {
        const REC: &str = "ocfs2_dir_entry.rec_len";
        let rest = area.get(offset..).ok_or(REC)?;
        let inode = get_u64(rest, INODE).ok_or(REC)?;
        let rec_len = usize::from(get_u16(rest, REC_LEN).ok_or(REC)?);
        let name_len = usize::from(get_u8(rest, NAME_LEN).ok_or(REC)?);
        let file_type = get_u8(rest, FILE_TYPE).ok_or(REC)?;

        let left = rest.len().checked_sub(rec_len).ok_or(REC)?;
        // What is left must be nothing, or room for one more record.
        if rec_len < MIN_REC_LEN || rec_len % PAD != 0 || (1..MIN_REC_LEN).contains(&left) {
            return Err(REC);
        }
        if rec_len < self::rec_len(name_len) || (inode != 0 && name_len == 0) {
            return Err("ocfs2_dir_entry.name_len");
        }
        if inode != 0 && (inode <= SUPER_BLOCK_BLKNO || inode >= blocks) {
            return Err("ocfs2_dir_entry.inode");
        }
        let name = rest
            .get(NAME..NAME + name_len)
            .ok_or("ocfs2_dir_entry.name_len")?;
        Ok(Self {
            offset,
            rec_len,
            inode,
            file_type: FileType::from_dirent(file_type),
            name,
        })
    }

    /// Whether the record is in use.
    pub fn is_used(&self) -> bool {
        self.inode != 0
    }

    /// Where the next record begins; the area's end after the last.
    pub fn next_offset(&self) -> usize {
        self.offset + self.rec_len
    }

    /// Bytes that the record needs for what it holds.
    pub fn used_len(&self) -> usize {
        if self.is_used() {
            rec_len(self.name.len())
        } else {
            0
        }
    }

    /// Longest record that fits into this one's free space.
    pub fn hole(&self) -> usize {
        self.rec_len.saturating_sub(self.used_len())
    }

    /// Whether this is the directory itself or its parent.
    pub fn is_dot_or_dotdot(&self) -> bool {
        self.is_used() && matches!(self.name, b"." | b"..")
    }
}

/// The records of an area from some offset to its end. Yields one error at most, as the last item.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    area: &'a [u8],
    next: usize,
    blocks: u64,
    blkno: u64,
}

impl<'a> Entries<'a> {
    /// Records of `area`, the first at offset `from`, which must be where one begins.
    pub fn new(area: &'a [u8], from: usize, blocks: u64, blkno: u64) -> Self {
        Self {
            area,
            next: from,
            blocks,
            blkno,
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.area.len() {
            return None;
        }
        let entry = Entry::decode(self.area, self.next, self.blocks, self.blkno);
        // A record is never empty, so that the offset grows each time round.
        self.next = entry.as_ref().map_or(self.area.len(), Entry::next_offset);
        Some(entry)
    }
}

/// Writes a whole record at `offset` of `area`; `None` if it doesn't fit.
pub fn write(
    area: &mut (impl BlockBytes + ?Sized),
    offset: usize,
    rec_len: usize,
    name: &[u8],
    inode: u64,
    file_type: Option<FileType>,
) -> Option<()> {
    let end = offset.checked_add(rec_len)?;
    let record = &mut Within::new(area, offset..end);
    let name_len = u8::try_from(name.len()).ok()?;
    let stored_len = u16::try_from(rec_len).ok()?;
    put(record, NAME, name)?;
    put_u64(record, INODE, inode)?;
    put_u16(record, REC_LEN, stored_len)?;
    put(
        record,
        NAME_LEN,
        &[name_len, file_type.map_or(0, FileType::to_dirent)],
    )
}

/// Sets the length of the record at `offset` of `area`; `None` if it doesn't fit.
pub fn set_rec_len(
    area: &mut (impl BlockBytes + ?Sized),
    offset: usize,
    rec_len: usize,
) -> Option<()> {
    put_u16(
        area,
        offset.checked_add(REC_LEN)?,
        u16::try_from(rec_len).ok()?,
    )
}

/// Sets inode and type of the record at `offset` of `area`; inode 0 frees the record.
pub fn set_inode(
    area: &mut (impl BlockBytes + ?Sized),
    offset: usize,
    inode: u64,
    file_type: Option<FileType>,
) -> Option<()> {
    put_u64(area, offset.checked_add(INODE)?, inode)?;
    put(
        area,
        offset.checked_add(FILE_TYPE)?,
        &[file_type.map_or(0, FileType::to_dirent)],
    )
}
