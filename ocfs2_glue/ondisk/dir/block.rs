// SPDX-License-Identifier: GPL-2.0-only
//! Areas of directory entries: looking up, listing, inserting, removing.
//!
//! A directory's entries are in its dinode (inline), or in the blocks of its extents, all of them
//! in use up to `i_size`. With the metaecc feature, and in an indexed directory, each block ends in
//! a `struct ocfs2_dir_block_trailer`, dressed up as a free record so that old drivers step over
//! it; here it isn't part of the area. `srctree/fs/ocfs2/dir.c`.
//!
//! The caller holds the directory's inode lock, PR to read and EX to change it.

use super::base::bytes::{
    get, get_u16, get_u64, put, put_u16, put_u64, zero_from, BlockBytes, Within,
};
use super::base::error::{Corrupt, Result};
use super::base::features::INCOMPAT_META_ECC;
use super::base::file_type::FileType;
use super::base::geometry::Geometry;
use super::dirent::{self, Entries, Entry, MAX_NAME_LEN, MIN_REC_LEN};
use super::inode::dinode::{Body, Dinode, INDEXED_DIR_FL};

/// `OCFS2_DIR_TRAILER_SIGNATURE`, with its terminator.
pub const TRAILER_SIGNATURE: [u8; 8] = *b"DIRTRL1\0";
/// Size of `struct ocfs2_dir_block_trailer`.
pub const TRAILER_SIZE: usize = 0x40;

// Offsets from the start of the trailer.
const DB_COMPAT_REC_LEN: usize = 0x08;
const DB_FREE_REC_LEN: usize = 0x0e;
const DB_SIGNATURE: usize = 0x10;
const DB_FREE_NEXT: usize = 0x20;
const DB_BLKNO: usize = 0x28;
const DB_PARENT_DINODE: usize = 0x30;
const DB_CHECK: usize = 0x38;

/// Offset of the metadata check in a directory block of `block_size` bytes.
pub const fn check_offset(block_size: usize) -> usize {
    block_size.saturating_sub(TRAILER_SIZE) + DB_CHECK
}

/// Offset of the trailer's signature in a directory block of `block_size` bytes.
pub const fn trailer_signature_offset(block_size: usize) -> usize {
    block_size.saturating_sub(TRAILER_SIZE) + DB_SIGNATURE
}

fn trailer_field(block: &[u8], field: usize) -> usize {
    block.len().saturating_sub(TRAILER_SIZE) + field
}

/// `db_free_rec_len` of a block with a trailer: its largest hole in bytes, 0 if it isn't on the
/// directory's list of blocks with free space.
pub fn free_rec_len(block: &[u8]) -> u16 {
    get_u16(block, trailer_field(block, DB_FREE_REC_LEN)).unwrap_or(0)
}

/// `db_free_next` of a block with a trailer: the next block of that list, 0 at its end.
pub fn free_next(block: &[u8]) -> u64 {
    get_u64(block, trailer_field(block, DB_FREE_NEXT)).unwrap_or(0)
}

/// Sets `db_free_rec_len`.
pub(super) fn set_free_rec_len(block: &mut (impl BlockBytes + ?Sized), rec_len: usize) {
    // A hole is shorter than a block.
    let at = trailer_field(block.bytes(), DB_FREE_REC_LEN);
    put_u16(block, at, rec_len as u16);
}

/// Sets `db_free_next`.
pub(super) fn set_free_next(block: &mut (impl BlockBytes + ?Sized), blkno: u64) {
    let at = trailer_field(block.bytes(), DB_FREE_NEXT);
    put_u64(block, at, blkno);
}

/// Whether the blocks of directory `dir` end in a trailer.
pub fn has_trailer(dir: &Dinode, fs: &Geometry) -> bool {
    let inline = matches!(dir.body, Body::Inline { .. });
    let indexed = dir.dyn_features & INDEXED_DIR_FL != 0;
    !inline && (indexed || fs.features.has_incompat(INCOMPAT_META_ECC))
}

/// Where the entries are in one block: everything but the bytes themselves, which are passed to
/// each method and must be those of the block that the area was made for.
///
/// Offsets of entries count from the area's start; in a directory block that is the block's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    start: usize,
    end: usize,
    blkno: u64,
    blocks: u64,
}

/// Free space in an area for one more record: what [`Area::find_room`] found.
///
/// Good until the area changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Offset of the record with the free space.
    offset: usize,
    /// Its length.
    rec_len: usize,
    /// Bytes at its start that stay with it; 0 if the record is free.
    used: usize,
}

impl Area {
    /// The inline entries of directory `dir`; empty if it isn't inline.
    pub fn inline(dir: &Dinode, fs: &Geometry) -> Self {
        let range = dir.inline_range();
        Self {
            start: range.start,
            end: range.end,
            blkno: dir.blkno(),
            blocks: fs.blocks(),
        }
    }

    /// The entries of `block`, which is block `blkno` of the volume and one of `dir`'s.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if a trailer belongs there and it isn't this block's.
    pub fn block(block: &[u8], blkno: u64, dir: &Dinode, fs: &Geometry) -> Result<Self> {
        let area = Self {
            start: 0,
            end: fs.block_size(),
            blkno,
            blocks: fs.blocks(),
        };
        if block.len() != fs.block_size() {
            return Err(Corrupt::new(blkno, "directory block"));
        }
        if !has_trailer(dir, fs) {
            return Ok(area);
        }
        let end = area.end.saturating_sub(TRAILER_SIZE);
        check_trailer(block.get(end..).unwrap_or(&[]), blkno, dir.blkno())?;
        Ok(Self { end, ..area })
    }

    /// Bytes that entries can take.
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether no entry can be in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bytes<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        block.get(self.start..self.end).unwrap_or(&[])
    }

    fn part<'a, B: BlockBytes + ?Sized>(&self, block: &'a mut B) -> Within<'a, B> {
        Within::new(block, self.start..self.end)
    }

    fn corrupt(&self, field: &'static str) -> Corrupt {
        Corrupt::new(self.blkno, field)
    }

    /// All records, free ones included.
    pub fn entries<'a>(&self, block: &'a [u8]) -> Entries<'a> {
        Entries::new(self.bytes(block), 0, self.blocks, self.blkno)
    }

    /// Records from offset `from` on, for a listing that goes on where it stopped.
    ///
    /// The directory may have changed since, and `from` lie within a record: the area is walked
    /// from its start, and the listing goes on with the first record that begins at `from` or
    /// later. After each entry the place to stop at is [`Entry::next_offset`], and after the last
    /// the beginning of the next block.
    pub fn entries_from<'a>(
        &self,
        block: &'a [u8],
        from: usize,
    ) -> impl Iterator<Item = Result<Entry<'a>>> + Clone + 'a {
        self.entries(block)
            .skip_while(move |entry| matches!(entry, Ok(entry) if entry.offset < from))
    }

    /// The entry of this name.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if a record up to it is bad.
    pub fn find<'a>(&self, block: &'a [u8], name: &[u8]) -> Result<Option<Entry<'a>>> {
        for entry in self.entries(block) {
            let entry = entry?;
            if entry.is_used() && entry.name == name {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Whether nothing but `.` and `..` is in use.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if a record is bad.
    pub fn holds_only_dots(&self, block: &[u8]) -> Result<bool> {
        for entry in self.entries(block) {
            let entry = entry?;
            if entry.is_used() && !entry.is_dot_or_dotdot() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The first free space for a name of `name_len` bytes; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if a record up to it is bad.
    pub fn find_room(&self, block: &[u8], name_len: usize) -> Result<Option<Room>> {
        for entry in self.entries(block) {
            let entry = entry?;
            if entry.hole() >= dirent::rec_len(name_len) {
                let Entry {
                    offset, rec_len, ..
                } = entry;
                return Ok(Some(Room {
                    offset,
                    rec_len,
                    used: entry.used_len(),
                }));
            }
        }
        Ok(None)
    }

    /// Largest record that fits anywhere in the area, 0 if none does: `db_free_rec_len`.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if a record is bad.
    pub fn largest_hole(&self, block: &[u8]) -> Result<usize> {
        let mut largest = 0;
        for entry in self.entries(block) {
            largest = largest.max(entry?.hole());
        }
        Ok(if largest < MIN_REC_LEN { 0 } else { largest })
    }

    /// Inserts an entry into `room`, which was found in `block` as it is now for a name at least
    /// as long. Returns the offset of the new record.
    ///
    /// # Errors
    ///
    /// [`Corrupt`], and nothing is changed, if the name is empty, longer than 255 bytes, or than
    /// the room.
    pub fn insert(
        &self,
        block: &mut (impl BlockBytes + ?Sized),
        room: Room,
        name: &[u8],
        inode: u64,
        file_type: FileType,
    ) -> Result<usize> {
        let bad = self.corrupt("ocfs2_dir_entry.rec_len");
        let at = room.offset.checked_add(room.used).ok_or(bad)?;
        let left = room.rec_len.checked_sub(room.used).ok_or(bad)?;
        if !(1..=MAX_NAME_LEN).contains(&name.len()) || left < dirent::rec_len(name.len()) {
            return Err(bad);
        }
        let area = &mut self.part(block);
        dirent::write(area, at, left, name, inode, Some(file_type)).ok_or(bad)?;
        if room.used != 0 {
            dirent::set_rec_len(area, room.offset, room.used).ok_or(bad)?;
        }
        Ok(at)
    }

    /// Removes the record that begins at `offset`: the one before takes over its space.
    ///
    /// # Errors
    ///
    /// [`Corrupt`], and nothing is changed, if no record in use begins there or one before it is
    /// bad.
    pub fn remove(&self, block: &mut (impl BlockBytes + ?Sized), offset: usize) -> Result<()> {
        let bad = self.corrupt("ocfs2_dir_entry.inode");
        let mut before = None;
        let mut removed = None;
        for entry in self.entries(block.bytes()) {
            let entry = entry?;
            if entry.offset >= offset {
                removed = Some(entry).filter(|entry| entry.offset == offset && entry.is_used());
                break;
            }
            before = Some((entry.offset, entry.rec_len));
        }
        let freed = removed.ok_or(bad)?.rec_len;
        let area = &mut self.part(block);
        if let Some((offset, rec_len)) = before {
            dirent::set_rec_len(area, offset, rec_len + freed).ok_or(bad)?;
        }
        dirent::set_inode(area, offset, 0, None).ok_or(bad)
    }

    /// Makes the record in use at `offset` lead to another inode, as a rename does that replaces
    /// one, or `..` when a directory moves.
    ///
    /// # Errors
    ///
    /// [`Corrupt`], and nothing is changed, if the record there is bad or free.
    pub fn replace(
        &self,
        block: &mut (impl BlockBytes + ?Sized),
        offset: usize,
        inode: u64,
        file_type: FileType,
    ) -> Result<()> {
        let bad = self.corrupt("ocfs2_dir_entry.inode");
        let entry = Entry::decode(self.bytes(block.bytes()), offset, self.blocks, self.blkno)?;
        if !entry.is_used() {
            return Err(bad);
        }
        dirent::set_inode(&mut self.part(block), offset, inode, Some(file_type)).ok_or(bad)
    }

    /// Writes the first two entries of a new directory, over whatever is in the area.
    pub fn init_dots(
        &self,
        block: &mut (impl BlockBytes + ?Sized),
        dir: u64,
        parent: u64,
    ) -> Option<()> {
        let area = &mut self.part(block);
        let dot = dirent::rec_len(1);
        let rest = area.bytes().len().checked_sub(dot)?;
        dirent::write(area, 0, dot, b".", dir, Some(FileType::Directory))?;
        dirent::write(area, dot, rest, b"..", parent, Some(FileType::Directory))
    }
}

/// Formats `block`, block `blkno` of the volume, as a directory block of `dir` without entries.
///
/// Returns its area; `None`, with the block in no particular state, if it isn't a whole block.
pub fn format(
    block: &mut (impl BlockBytes + ?Sized),
    blkno: u64,
    dir: &Dinode,
    fs: &Geometry,
) -> Option<Area> {
    if block.bytes().len() != fs.block_size() {
        return None;
    }
    zero_from(block, 0);
    format_as(
        block,
        blkno,
        has_trailer(dir, fs).then_some(dir.blkno()),
        fs,
    )
}

/// Formats a zeroed block, with a trailer that names its directory if it is to have one.
fn format_as(
    block: &mut (impl BlockBytes + ?Sized),
    blkno: u64,
    trailer: Option<u64>,
    fs: &Geometry,
) -> Option<Area> {
    let mut area = Area {
        start: 0,
        end: fs.block_size(),
        blkno,
        blocks: fs.blocks(),
    };
    if let Some(dir) = trailer {
        area.end = area.end.checked_sub(TRAILER_SIZE)?;
        write_trailer(
            &mut Within::new(block, area.end..fs.block_size()),
            blkno,
            dir,
            area.end,
        )?;
    }
    dirent::set_rec_len(block, 0, area.end)?;
    Some(area)
}

/// Turns the entries of an inline directory into its first directory block.
///
/// `dir` and `inline` are the dinode, decoded and in bytes, while it is still inline; `block` is
/// the new block `blkno`. The dinode itself is left to the caller: an extent list that maps the
/// block, `i_size` of one block, `i_clusters`, no more [`super::inode::dinode::INLINE_DATA_FL`]. If a new
/// name still finds no room, the directory needs a second block ([`format()`]).
///
/// # Errors
///
/// [`Corrupt`] if an inline record is bad.
pub fn expand_inline(
    inline: &[u8],
    dir: &Dinode,
    block: &mut (impl BlockBytes + ?Sized),
    blkno: u64,
    fs: &Geometry,
) -> Result<Area> {
    let metaecc = fs.features.has_incompat(INCOMPAT_META_ECC);
    expand(
        inline,
        dir,
        block,
        metaecc.then_some(dir.blkno()),
        blkno,
        fs,
    )
}

/// As [`expand_inline`], for a directory that gets an index in the same transaction
/// ([`super::dx_edit::create`]): its blocks have trailers.
pub fn expand_inline_indexed(
    inline: &[u8],
    dir: &Dinode,
    block: &mut (impl BlockBytes + ?Sized),
    blkno: u64,
    fs: &Geometry,
) -> Result<Area> {
    expand(inline, dir, block, Some(dir.blkno()), blkno, fs)
}

fn expand(
    inline: &[u8],
    dir: &Dinode,
    block: &mut (impl BlockBytes + ?Sized),
    trailer: Option<u64>,
    blkno: u64,
    fs: &Geometry,
) -> Result<Area> {
    let old = Area::inline(dir, fs);
    let too_long = old.corrupt("ocfs2_dinode.i_size");
    let mut last = None;
    for entry in old.entries(inline) {
        let entry = entry?;
        last = Some(entry.offset);
    }
    if block.bytes().len() != fs.block_size() {
        return Err(Corrupt::new(blkno, "directory block"));
    }
    zero_from(block, 0);
    let area = format_as(block, blkno, trailer, fs).ok_or(too_long)?;
    if old.len() > area.len() {
        return Err(too_long);
    }
    // The record that takes up the rest of the area stays as it is if there was none to copy.
    if let Some(offset) = last {
        put(block, 0, old.bytes(inline)).ok_or(too_long)?;
        dirent::set_rec_len(block, offset, area.len() - offset).ok_or(too_long)?;
    }
    if trailer.is_some() {
        let hole = area.largest_hole(block.bytes())?;
        set_free_rec_len(block, hole);
    }
    Ok(area)
}

fn check_trailer(trailer: &[u8], blkno: u64, dir: u64) -> Result<()> {
    let field = if get(trailer, DB_SIGNATURE) != Some(TRAILER_SIGNATURE) {
        "ocfs2_dir_block_trailer.db_signature"
    } else if get_u64(trailer, DB_BLKNO) != Some(blkno) {
        "ocfs2_dir_block_trailer.db_blkno"
    } else if get_u64(trailer, DB_PARENT_DINODE) != Some(dir) {
        "ocfs2_dir_block_trailer.db_parent_dinode"
    } else {
        return Ok(());
    };
    Err(Corrupt::new(blkno, field))
}

fn write_trailer(
    trailer: &mut (impl BlockBytes + ?Sized),
    blkno: u64,
    dir: u64,
    free: usize,
) -> Option<()> {
    put_u16(trailer, DB_COMPAT_REC_LEN, TRAILER_SIZE as u16)?;
    put_u16(trailer, DB_FREE_REC_LEN, u16::try_from(free).ok()?)?;
    put(trailer, DB_SIGNATURE, &TRAILER_SIGNATURE)?;
    put_u64(trailer, DB_BLKNO, blkno)?;
    put_u64(trailer, DB_PARENT_DINODE, dir)
}
