// SPDX-License-Identifier: GPL-2.0-only
//! Feature words of the superblock, and what this driver does with each bit.
//!
//! `srctree/fs/ocfs2/ocfs2_fs.h` (`OCFS2_FEATURE_*`). The compat word never stands in the way of a
//! mount; that is what makes a bit compat.

use core::fmt;

/// `OCFS2_FEATURE_INCOMPAT_HEARTBEAT_DEV`: a volume for heartbeats only, without journals.
pub const INCOMPAT_HEARTBEAT_DEV: u32 = 0x0002;
/// `OCFS2_FEATURE_INCOMPAT_RESIZE_INPROG`: tunefs was cut off while it resized.
pub const INCOMPAT_RESIZE_INPROG: u32 = 0x0004;
/// `OCFS2_FEATURE_INCOMPAT_LOCAL_MOUNT`: one node, no cluster.
pub const INCOMPAT_LOCAL_MOUNT: u32 = 0x0008;
/// `OCFS2_FEATURE_INCOMPAT_SPARSE_ALLOC`: files may have holes.
pub const INCOMPAT_SPARSE_ALLOC: u32 = 0x0010;
/// `OCFS2_FEATURE_INCOMPAT_TUNEFS_INPROG`: tunefs was cut off.
pub const INCOMPAT_TUNEFS_INPROG: u32 = 0x0020;
/// `OCFS2_FEATURE_INCOMPAT_INLINE_DATA`: small files and directories live in the dinode.
pub const INCOMPAT_INLINE_DATA: u32 = 0x0040;
/// `OCFS2_FEATURE_INCOMPAT_USERSPACE_STACK`: `s_cluster_info` names a stack other than o2cb.
pub const INCOMPAT_USERSPACE_STACK: u32 = 0x0080;
/// `OCFS2_FEATURE_INCOMPAT_EXTENDED_SLOT_MAP`: 8 bytes for each slot.
pub const INCOMPAT_EXTENDED_SLOT_MAP: u32 = 0x0100;
/// `OCFS2_FEATURE_INCOMPAT_XATTR`: extended attributes.
pub const INCOMPAT_XATTR: u32 = 0x0200;
/// `OCFS2_FEATURE_INCOMPAT_INDEXED_DIRS`: hashed index beside large directories.
pub const INCOMPAT_INDEXED_DIRS: u32 = 0x0400;
/// `OCFS2_FEATURE_INCOMPAT_META_ECC`: checksum and error correction in every metadata block.
pub const INCOMPAT_META_ECC: u32 = 0x0800;
/// `OCFS2_FEATURE_INCOMPAT_REFCOUNT_TREE`: shared extents.
pub const INCOMPAT_REFCOUNT_TREE: u32 = 0x1000;
/// `OCFS2_FEATURE_INCOMPAT_DISCONTIG_BG`: block groups in several pieces.
pub const INCOMPAT_DISCONTIG_BG: u32 = 0x2000;
/// `OCFS2_FEATURE_INCOMPAT_CLUSTERINFO`: `s_cluster_info` is valid for every stack.
pub const INCOMPAT_CLUSTERINFO: u32 = 0x4000;
/// `OCFS2_FEATURE_INCOMPAT_APPEND_DIO`: direct I/O may extend a file.
pub const INCOMPAT_APPEND_DIO: u32 = 0x8000;

/// `OCFS2_FEATURE_COMPAT_BACKUP_SB`: copies of the superblock at 1G, 4G, 16G ...
pub const COMPAT_BACKUP_SB: u32 = 0x0001;
/// `OCFS2_FEATURE_COMPAT_JBD2_SB`: journal feature bits are honoured.
pub const COMPAT_JBD2_SB: u32 = 0x0002;

/// `OCFS2_FEATURE_RO_COMPAT_UNWRITTEN`: extents that are allocated and read as zeros.
pub const RO_COMPAT_UNWRITTEN: u32 = 0x0001;
/// `OCFS2_FEATURE_RO_COMPAT_USRQUOTA`: user quota is kept.
pub const RO_COMPAT_USRQUOTA: u32 = 0x0002;
/// `OCFS2_FEATURE_RO_COMPAT_GRPQUOTA`: group quota is kept.
pub const RO_COMPAT_GRPQUOTA: u32 = 0x0004;

/// What a driver that doesn't do everything may do with a volume that has a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Nothing stands in the way.
    Write,
    /// Can be read; a write would leave something stale that other nodes rely on.
    Read,
    /// Can't be mounted.
    Refuse,
}

/// One bit, its name as mkfs.ocfs2 and debugfs.ocfs2 print it, and what we do with it.
struct Known {
    bit: u32,
    name: &'static str,
    class: Class,
}

const fn known(bit: u32, name: &'static str, class: Class) -> Known {
    Known { bit, name, class }
}

const INCOMPAT: [Known; 15] = [
    known(INCOMPAT_HEARTBEAT_DEV, "heartbeat-device", Class::Refuse),
    known(INCOMPAT_RESIZE_INPROG, "aborted-resize", Class::Refuse),
    known(INCOMPAT_LOCAL_MOUNT, "local", Class::Write),
    known(INCOMPAT_SPARSE_ALLOC, "sparse", Class::Write),
    known(INCOMPAT_TUNEFS_INPROG, "aborted-tunefs", Class::Refuse),
    known(INCOMPAT_INLINE_DATA, "inline-data", Class::Write),
    known(INCOMPAT_USERSPACE_STACK, "userspace-stack", Class::Write),
    known(INCOMPAT_EXTENDED_SLOT_MAP, "extended-slotmap", Class::Write),
    known(INCOMPAT_XATTR, "xattr", Class::Write),
    known(INCOMPAT_INDEXED_DIRS, "indexed-dirs", Class::Write),
    known(INCOMPAT_META_ECC, "metaecc", Class::Write),
    known(INCOMPAT_REFCOUNT_TREE, "refcount", Class::Write),
    known(INCOMPAT_DISCONTIG_BG, "discontig-bg", Class::Write),
    known(INCOMPAT_CLUSTERINFO, "clusterinfo", Class::Write),
    known(INCOMPAT_APPEND_DIO, "append-dio", Class::Write),
];

const RO_COMPAT: [Known; 3] = [
    known(RO_COMPAT_UNWRITTEN, "unwritten", Class::Write),
    known(RO_COMPAT_USRQUOTA, "usrquota", Class::Read),
    known(RO_COMPAT_GRPQUOTA, "grpquota", Class::Read),
];

const COMPAT: [Known; 2] = [
    known(COMPAT_BACKUP_SB, "backup-super", Class::Write),
    known(COMPAT_JBD2_SB, "strict-journal-super", Class::Write),
];

/// Features without which a volume isn't written: each bit is of the incompat word.
///
/// On a volume without `sparse` an allocated file has no holes, and the driver that keeps it so
/// fills what it skips; this one doesn't.
pub const INCOMPAT_NEEDED_FOR_WRITE: u32 = INCOMPAT_SPARSE_ALLOC;

/// The three feature words of a volume, or a selection of their bits.
///
/// As [`fmt::Display`]: the names of the set bits, in the order of the words incompat, ro_compat,
/// compat; `incompat-0x10000` for a bit that nobody here knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// `s_feature_compat`.
    pub compat: u32,
    /// `s_feature_incompat`.
    pub incompat: u32,
    /// `s_feature_ro_compat`.
    pub ro_compat: u32,
}

/// What stands between a volume and a mount; see [`Features::support`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Support {
    /// Bits for which the volume isn't mounted at all.
    pub refused: Features,
    /// Bits for which it is mounted read-only.
    pub unwritable: Features,
    /// Bits that are *not* set, and for lack of which it is mounted read-only.
    pub missing: Features,
}

impl Support {
    /// Whether the volume can be mounted to read.
    pub fn can_read(&self) -> bool {
        self.refused.is_empty()
    }

    /// Whether the volume can be mounted to write.
    pub fn can_write(&self) -> bool {
        self.can_read() && self.unwritable.is_empty() && self.missing.is_empty()
    }
}

fn select(table: &[Known], word: u32, class: Class) -> u32 {
    table
        .iter()
        .filter(|known| known.class == class)
        .fold(0, |bits, known| bits | known.bit)
        & word
}

fn unknown(table: &[Known], word: u32) -> u32 {
    word & !table.iter().fold(0, |bits, known| bits | known.bit)
}

impl Features {
    /// Whether no bit is set.
    pub fn is_empty(&self) -> bool {
        self.compat == 0 && self.incompat == 0 && self.ro_compat == 0
    }

    /// Whether every one of `bits` is set in the incompat word.
    pub fn has_incompat(&self, bits: u32) -> bool {
        self.incompat & bits == bits
    }

    /// Whether every one of `bits` is set in the ro_compat word.
    pub fn has_ro_compat(&self, bits: u32) -> bool {
        self.ro_compat & bits == bits
    }

    /// Whether `s_cluster_info` holds a stack label, as `ocfs2_clusterinfo_valid()` has it.
    pub fn has_cluster_info(&self) -> bool {
        self.incompat & (INCOMPAT_USERSPACE_STACK | INCOMPAT_CLUSTERINFO) != 0
    }

    /// Sorts the bits into what can't be mounted and what can't be written.
    ///
    /// An unknown incompat bit refuses the mount, an unknown ro_compat bit refuses writes, an
    /// unknown compat bit changes nothing.
    pub fn support(&self) -> Support {
        Support {
            refused: Features {
                incompat: select(&INCOMPAT, self.incompat, Class::Refuse)
                    | unknown(&INCOMPAT, self.incompat),
                ..Features::default()
            },
            unwritable: Features {
                incompat: select(&INCOMPAT, self.incompat, Class::Read),
                ro_compat: select(&RO_COMPAT, self.ro_compat, Class::Read)
                    | unknown(&RO_COMPAT, self.ro_compat),
                ..Features::default()
            },
            missing: Features {
                incompat: INCOMPAT_NEEDED_FOR_WRITE & !self.incompat,
                ..Features::default()
            },
        }
    }
}

fn write_names(
    f: &mut fmt::Formatter<'_>,
    table: &[Known],
    word: u32,
    label: &str,
    first: &mut bool,
) -> fmt::Result {
    for shift in 0..u32::BITS {
        let bit = 1u32 << shift;
        if word & bit == 0 {
            continue;
        }
        if !core::mem::take(first) {
            f.write_str(" ")?;
        }
        match table.iter().find(|known| known.bit == bit) {
            Some(known) => f.write_str(known.name)?,
            None => write!(f, "{label}-{bit:#x}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        write_names(f, &INCOMPAT, self.incompat, "incompat", &mut first)?;
        write_names(f, &RO_COMPAT, self.ro_compat, "ro-compat", &mut first)?;
        write_names(f, &COMPAT, self.compat, "compat", &mut first)
    }
}
