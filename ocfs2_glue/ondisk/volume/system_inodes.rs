// SPDX-License-Identifier: GPL-2.0-only
//! Names of the files in the system directory, by which their dinodes are found.
//!
//! `srctree/fs/ocfs2/ocfs2_fs.h` (`ocfs2_system_inodes[]`).

use super::inode::dinode::{
    BITMAP_FL, CHAIN_FL, DEALLOC_FL, HEARTBEAT_FL, JOURNAL_FL, LOCAL_ALLOC_FL,
};

/// A system file. Those with a slot have one copy for each slot of the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemInode {
    /// `bad_blocks`
    BadBlocks,
    /// `global_inode_alloc`: dinodes of the system files themselves.
    GlobalInodeAlloc,
    /// `slot_map`
    SlotMap,
    /// `heartbeat`
    Heartbeat,
    /// `global_bitmap`: all clusters of the volume.
    GlobalBitmap,
    /// `orphan_dir:NNNN`: inodes that are in use and have no name.
    OrphanDir(u16),
    /// `extent_alloc:NNNN`: extent blocks and other metadata blocks.
    ExtentAlloc(u16),
    /// `inode_alloc:NNNN`: dinodes.
    InodeAlloc(u16),
    /// `journal:NNNN`
    Journal(u16),
    /// `local_alloc:NNNN`
    LocalAlloc(u16),
    /// `truncate_log:NNNN`
    TruncateLog(u16),
}

const NAME_ROOM: usize = 24;

/// Name of a system file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    bytes: [u8; NAME_ROOM],
    len: usize,
}

impl Name {
    /// The name, without a terminator.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    fn push(&mut self, text: &[u8]) {
        for &byte in text {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
        }
    }
}

impl SystemInode {
    /// Name before the slot number, and the slot.
    const fn parts(self) -> (&'static str, Option<u16>) {
        match self {
            Self::BadBlocks => ("bad_blocks", None),
            Self::GlobalInodeAlloc => ("global_inode_alloc", None),
            Self::SlotMap => ("slot_map", None),
            Self::Heartbeat => ("heartbeat", None),
            Self::GlobalBitmap => ("global_bitmap", None),
            Self::OrphanDir(slot) => ("orphan_dir", Some(slot)),
            Self::ExtentAlloc(slot) => ("extent_alloc", Some(slot)),
            Self::InodeAlloc(slot) => ("inode_alloc", Some(slot)),
            Self::Journal(slot) => ("journal", Some(slot)),
            Self::LocalAlloc(slot) => ("local_alloc", Some(slot)),
            Self::TruncateLog(slot) => ("truncate_log", Some(slot)),
        }
    }

    /// Name in the system directory.
    pub fn name(self) -> Name {
        let (base, slot) = self.parts();
        let mut name = Name {
            bytes: [0; NAME_ROOM],
            len: 0,
        };
        name.push(base.as_bytes());
        if let Some(slot) = slot {
            // Four digits, as many as any slot (at most 255) takes.
            let digit = |unit: u16| b'0' + (slot / unit % 10) as u8;
            name.push(&[b':', digit(1000), digit(100), digit(10), digit(1)]);
        }
        name
    }

    /// The slot whose journal has this name in the system directory.
    pub fn journal_slot(name: &[u8]) -> Option<u16> {
        let digits = name.strip_prefix(b"journal:")?;
        let slot = core::str::from_utf8(digits).ok()?.parse().ok()?;
        (Self::Journal(slot).name().as_bytes() == name).then_some(slot)
    }

    /// Bits of `i_flags` that say what kind of file it is: its dinode has these, beside
    /// [`super::inode::dinode::VALID_FL`] and [`super::inode::dinode::SYSTEM_FL`].
    pub const fn flags(self) -> u32 {
        match self {
            Self::BadBlocks | Self::SlotMap | Self::OrphanDir(_) => 0,
            Self::GlobalInodeAlloc
            | Self::GlobalBitmap
            | Self::ExtentAlloc(_)
            | Self::InodeAlloc(_) => BITMAP_FL | CHAIN_FL,
            Self::Heartbeat => HEARTBEAT_FL,
            Self::Journal(_) => JOURNAL_FL,
            Self::LocalAlloc(_) => BITMAP_FL | LOCAL_ALLOC_FL,
            Self::TruncateLog(_) => DEALLOC_FL,
        }
    }
}
