// SPDX-License-Identifier: GPL-2.0-only
//! Everything that decodes, run over bytes from nowhere: for the fuzz targets and for a property
//! test. What it looks for is a panic, an overflow, a loop without end; each function here says
//! what else must hold.
//!
//! Random bytes fail at the first signature. So that the checks behind are reached, a block that
//! begins like a structure is given the block number and generation that its reader expects.

use crate::ondisk::alloc::chain::Allocator;
use crate::ondisk::alloc::local_alloc::LocalAlloc;
use crate::ondisk::alloc::truncate_log::TruncateLog;
use crate::ondisk::base::bytes::BlockMut;
use crate::ondisk::base::error::Corrupt;
use crate::ondisk::base::file_type::FileType;
use crate::ondisk::base::geometry::Geometry;
use crate::ondisk::base::store::{Blocks, ExtentBlockSource, Journaled, Suballoc};
use crate::ondisk::dir::dirent::MIN_REC_LEN;
use crate::ondisk::dir::dx;
use crate::ondisk::dir::dx_edit::{self, Plan};
use crate::ondisk::dir::dx_grow;
use crate::ondisk::dir::{block as dir_block, block::Area};
use crate::ondisk::dlm::lvb::MetaLvb;
use crate::ondisk::extent::tree::Tree;
use crate::ondisk::inode::dinode::{self, Body, Dinode, Time};
use crate::ondisk::inode::symlink;
use crate::ondisk::inode::{edit as dinode_edit, edit::Edit};
use crate::ondisk::volume::block_check;
use crate::ondisk::volume::slot_map::{self, SlotMap};
use crate::ondisk::volume::superblock;
use crate::ondisk::xattr::{block as xattr_block, block::Content, entries, entries::Region};
use crate::sample::new_directory;
use std::ops::ControlFlow;

/// Generation that blocks of the made-up volume have.
const FS_GENERATION: u32 = 0x6f63_6632;
/// Blocks that one operation may read before it counts as endless.
const MAX_READS: usize = 100_000;
/// Block that the made-up directory is in.
const DIR: u64 = 3;

/// A volume whose blocks are pieces of the input, over and over.
pub struct Volume<'d> {
    pub fs: Geometry,
    data: &'d [u8],
    reads: usize,
}

/// Gives a block that begins like a structure the identity that its reader expects.
fn adopt(block: &mut [u8], blkno: u64, dir: u64) {
    let (number, generation) = match block.get(..7) {
        Some(b"INODE01") => (0x50, 0x60),
        Some(b"EXBLK01") => (0x18, 0x14),
        Some(b"GROUP01") => (0x28, 0x10),
        Some(b"DXDIR01") => (0x18, 0x14),
        Some(b"DXLEAF1") => (0x10, 0x18),
        Some(b"XATTR01") => (0x10, 0x0c),
        _ => {
            let trailer = block.len() - dir_block::TRAILER_SIZE;
            if &block[trailer + 0x10..][..8] == b"DIRTRL1\0" {
                block[trailer + 0x28..][..8].copy_from_slice(&blkno.to_le_bytes());
                block[trailer + 0x30..][..8].copy_from_slice(&dir.to_le_bytes());
            }
            return;
        }
    };
    block[7] = 0;
    block[number..number + 8].copy_from_slice(&blkno.to_le_bytes());
    block[generation..generation + 4].copy_from_slice(&FS_GENERATION.to_le_bytes());
    if block.starts_with(b"DXDIR01") {
        block[0x30..0x38].copy_from_slice(&dir.to_le_bytes());
    }
}

impl<'d> Volume<'d> {
    /// The first four bytes choose sizes and features, the rest is what blocks are cut from.
    pub fn new(input: &'d [u8]) -> Option<Self> {
        let (choice, data) = input.split_at_checked(4)?;
        let block_bits = 9 + u32::from(choice[0] & 3);
        let cluster_bits = 12 + u32::from(choice[0] >> 4) % 9;
        let mut fs = Geometry::new(block_bits, cluster_bits, 1 << 12)?;
        fs.features.incompat = u32::from(u16::from_le_bytes([choice[1], choice[2]]));
        fs.fs_generation = FS_GENERATION;
        fs.max_slots = u16::from(choice[3]).max(1);
        fs.root_blkno = DIR;
        fs.system_dir_blkno = DIR;
        fs.first_cluster_group = DIR;
        (!data.is_empty()).then_some(Self { fs, data, reads: 0 })
    }

    /// Block `blkno`, in the identity that it is read under.
    pub fn block(&self, blkno: u64) -> Vec<u8> {
        let size = self.fs.block_size();
        let pieces = self.data.len().div_ceil(size).max(1) as u64;
        // The first piece is block 3, the first that isn't the superblock's.
        let from = (blkno.wrapping_sub(DIR) % pieces) as usize * size;
        let piece = &self.data[from.min(self.data.len())..self.data.len().min(from + size)];
        let mut block = vec![0; size];
        block[..piece.len()].copy_from_slice(piece);
        adopt(&mut block, blkno, DIR);
        block
    }
}

impl Blocks for Volume<'_> {
    type Error = Corrupt;
    type Block = Vec<u8>;

    fn block_size(&self) -> usize {
        self.fs.block_size()
    }

    fn blocks(&self) -> u64 {
        self.fs.blocks()
    }

    fn read(&mut self, blkno: u64) -> Result<Vec<u8>, Corrupt> {
        assert!(blkno < self.fs.blocks(), "block {blkno} is past the volume");
        self.reads += 1;
        assert!(self.reads < MAX_READS, "reading without end");
        Ok(self.block(blkno))
    }

    fn bytes<'a>(&'a self, block: &'a Vec<u8>) -> &'a [u8] {
        block
    }
}

/// Changes go to the copy that the caller has, as the next reader's would come from the input again.
impl Journaled for Volume<'_> {
    fn create(&mut self, blkno: u64) -> Result<Vec<u8>, Corrupt> {
        assert!(blkno < self.fs.blocks(), "block {blkno} is past the volume");
        Ok(vec![0; self.fs.block_size()])
    }

    fn update<R>(
        &mut self,
        block: &mut Vec<u8>,
        change: impl FnOnce(&mut BlockMut<'_>) -> R,
    ) -> Result<R, Corrupt> {
        Ok(change(&mut BlockMut::new(block)))
    }
}

/// Any number of extent blocks.
struct Endless;

impl ExtentBlockSource<Volume<'_>> for Endless {
    fn claim(&mut self, _: &mut Volume<'_>) -> Result<Suballoc, Corrupt> {
        Ok(Suballoc {
            blkno: 99,
            slot: 0,
            bit: 1,
            loc: 0,
        })
    }
}

/// The superblock at every size, and what hangs on it.
pub fn superblocks(input: &[u8]) {
    let mut start = input.to_vec();
    for size in [512usize, 1024, 2048, 4096] {
        if let Ok(Some(found)) = superblock::find(&start, size) {
            let support = found.geometry.features.support();
            assert!(
                support.can_read(),
                "a volume with refused features was found"
            );
            let _ = format!(
                "{} {} {}",
                support.unwritable, support.missing, support.refused
            );
            let _ = (found.label(), found.uuid_string(), found.cluster.name());
            assert!(found.geometry.block_size() >= size);
        }
        // The rest is looked at as if the signature were there.
        if let Some(block) = start.get_mut(2 * size..3 * size) {
            block[..6].copy_from_slice(&superblock::SIGNATURE);
            if let Err(rejected) = superblock::probe(block) {
                let _ = rejected.to_string();
            }
        }
    }
}

/// A dinode, whatever it holds, and changes to it.
pub fn dinodes(input: &[u8]) {
    let Some(mut volume) = Volume::new(input) else {
        return;
    };
    let fs = volume.fs;
    let mut block = volume.block(DIR);
    block[..8].copy_from_slice(&dinode::SIGNATURE);
    adopt(&mut block, DIR, DIR);
    block[0x2c] |= dinode::VALID_FL as u8;
    let Ok(dinode) = Dinode::decode(&block, DIR, &fs) else {
        return;
    };

    let range = dinode.inline_range();
    assert!(range.end <= block.len() && dinode.id2_range(&fs).end <= block.len());
    let lvb = MetaLvb::from(&dinode).encode();
    if let Some(back) = MetaLvb::decode(&lvb, dinode.generation, &fs) {
        assert_eq!((back.size, back.mtime), (dinode.size, dinode.mtime));
    }
    match dinode.body {
        Body::Inline { .. } => {
            if dinode.file_type == FileType::Directory {
                area(&Area::inline(&dinode, &fs), &block);
                let mut new = vec![0xff; block.len()];
                if let Ok(grown) = dir_block::expand_inline(&block, &dinode, &mut new, 9, &fs) {
                    for entry in grown.entries(&new) {
                        entry.expect("a record was spoiled on the way out of the dinode");
                    }
                }
            }
        }
        Body::FastSymlink => {
            let target = symlink::fast_target(&block, &dinode).expect("a target was accepted");
            assert!(!target.is_empty() && !target.contains(&0));
        }
        Body::Extents => {
            let tree = Tree::of_dinodes(&fs);
            for cpos in [0, 1, 1 << 16, u32::MAX] {
                let _ = tree.lookup(&mut volume, &block, cpos);
            }
            let _ = tree.visit(&mut volume, &block, 0, |_| ControlFlow::Continue(()));
            let _ = tree.end(&mut volume, &block);
        }
        Body::LocalAlloc => {
            if let Ok(local) = LocalAlloc::decode(&block, &dinode, &fs) {
                let unused: u64 = local
                    .unused(&block)
                    .map(|run| u64::from(run.clusters))
                    .sum();
                assert!(unused <= local.total.into());
                local.clear(&mut block);
                let cleared = Dinode::decode(&block, DIR, &fs).expect("clearing spoiled it");
                assert!(LocalAlloc::decode(&block, &cleared, &fs)
                    .unwrap()
                    .is_clean(&block));
            }
        }
        Body::TruncateLog => {
            if let Ok(mut log) = TruncateLog::decode(&block, &dinode, &fs) {
                while !log.is_empty() {
                    let _ = log.last(&block);
                    log.drop_last(&mut block);
                }
            }
        }
        Body::Chain => {
            for alloc in [Allocator::clusters(&fs), Allocator::blocks(&fs)] {
                for want in [1, 64] {
                    let _ = alloc.find(&mut volume, &block, want, 1, Some(77));
                }
            }
        }
    }
    let time = Time { sec: -1, nsec: 0 };
    Edit::of(&mut block)
        .size(1)
        .clusters(2)
        .mtime(time)
        .links(3);
}

/// An area of directory entries: it is walked to its end, and changes keep it whole.
fn area(area: &Area, block: &[u8]) {
    let entries: Vec<_> = area.entries(block).collect();
    assert!(entries.len() <= area.len() / MIN_REC_LEN + 1);
    let whole = entries.iter().all(Result::is_ok);
    for entry in entries.iter().flatten() {
        assert!(entry.next_offset() <= area.len());
        assert!(area.entries_from(block, entry.offset + 1).count() < entries.len());
    }
    let _ = area.holds_only_dots(block);
    let mut changed = block.to_vec();
    let name = b"a name that is new";
    if let Ok(Some(room)) = area.find_room(block, name.len()) {
        area.insert(&mut changed, room, name, 5, FileType::Regular)
            .expect("room was found");
        let found = area
            .find(&changed, name)
            .expect("a record before it was spoiled");
        let offset = found.expect("what was inserted isn't found").offset;
        assert!(!whole || area.entries(&changed).all(|entry| entry.is_ok()));
        area.remove(&mut changed, offset)
            .expect("what was inserted can't be removed");
        assert!(!whole || area.entries(&changed).all(|entry| entry.is_ok()));
    }
    for at in [0, 12, 16, 24, 300] {
        let _ = area.remove(&mut changed, at);
        let _ = area.replace(&mut changed, at, 6, FileType::Fifo);
    }
}

/// The dinode of a directory in extents, with an index if `dx_root` isn't zero.
fn directory(fs: &Geometry, dx_root: u64) -> Option<Dinode> {
    let mut block = vec![0; fs.block_size()];
    dinode_edit::init(&mut block, fs, &new_directory(DIR));
    dinode_edit::init_extent_list(&mut block, 0);
    let flags = if dx_root != 0 {
        dinode::INDEXED_DIR_FL
    } else {
        0
    };
    Edit::of(&mut block).dyn_features(flags).dx_root(dx_root);
    Edit::of(&mut block)
        .clusters(1)
        .size(fs.cluster_size().into());
    Dinode::decode(&block, DIR, fs).ok()
}

/// Directory blocks with and without a trailer.
pub fn directories(input: &[u8]) {
    let Some(volume) = Volume::new(input) else {
        return;
    };
    for dx_root in [0, 5] {
        let Some(dir) = directory(&volume.fs, dx_root) else {
            return;
        };
        let block = volume.block(8);
        if let Ok(found) = Area::block(&block, 8, &dir, &volume.fs) {
            area(&found, &block);
        }
    }
}

/// Lookups through an index whose every block is made up.
pub fn indexes(input: &[u8]) {
    let Some(mut volume) = Volume::new(input) else {
        return;
    };
    let fs = volume.fs;
    let Some(dir) = directory(&fs, DIR) else {
        return;
    };
    for name in [
        &b"."[..],
        b"..",
        b"a",
        b"lost+found",
        "nicht-\u{e4}".as_bytes(),
        &[0xff; 255],
    ] {
        volume.reads = 0;
        if let Ok(Some(hit)) = dx::lookup(&mut volume, &dir, &fs, name) {
            let _ = dx_edit::remove(&mut volume, hit);
        }
        match dx_edit::plan(&mut volume, &dir, &fs, name) {
            Ok(Plan::Ready(insert)) => {
                // A bad record behind the room is found here, and nothing was changed.
                let _ = insert.apply(&mut volume, name, 7, FileType::Regular);
            }
            // Of large clusters only the plan is made, or one input would take a second.
            Ok(Plan::NoIndexRoom) => {
                if let Ok(Some(growth)) = dx_grow::plan(&mut volume, &dir, &fs, name) {
                    assert!(growth.credits > 0);
                    if fs.blocks_per_cluster() <= 8 {
                        let _ = growth.apply(&mut volume, &fs, 64 << 3, &mut Endless);
                    }
                }
            }
            _ => {}
        }
        assert!(volume.reads < 10_000, "{} reads for one name", volume.reads);
    }
}

/// Extended attributes: names and values stay inside of what they are read from.
pub fn xattrs(input: &[u8]) {
    let Some(volume) = Volume::new(input) else {
        return;
    };
    let fs = volume.fs;
    let mut block = volume.block(DIR);
    let all = |region: Region<'_>| {
        for entry in region.entries().flatten() {
            assert!(entry.name.len() < 256 && !entry.name.contains(&0));
            if let entries::Value::Local(value) = entry.value {
                assert!(value.len() <= fs.block_size());
            }
        }
    };
    for from in [0, block.len() / 2, block.len() - 16, block.len()] {
        if let Ok(region) = Region::decode(&block[from..], DIR) {
            all(region);
        }
    }
    block[..8].copy_from_slice(&xattr_block::SIGNATURE);
    adopt(&mut block, DIR, DIR);
    block[xattr_block::XB_FLAGS..][..2].copy_from_slice(&[0, 0]);
    if let Ok(Content::Entries(region)) = xattr_block::decode(&block, DIR, &fs) {
        all(region);
    }
}

/// Slot maps, value blocks, checksums: what has no signature.
pub fn plain(input: &[u8]) {
    let Some(volume) = Volume::new(input) else {
        return;
    };
    let fs = volume.fs;
    let map = SlotMap::new(&fs);
    let mut block = volume.block(DIR);
    let slots = (0..map.slots()).map(|slot| {
        let place = map.locate(slot).expect("a slot without a place");
        assert!(place.block < map.blocks() && place.offset < fs.block_size());
        map.get(&block, place)
    });
    let taken: Vec<_> = slots.collect();
    let _ = slot_map::choose(taken.iter().copied(), 7, Some(3));
    for slot in 0..map.slots() {
        let place = map.locate(slot).unwrap();
        map.set(&mut block, place, Some(slot.into()))
            .expect("a slot that can't be set");
        assert_eq!(map.get(&block, place), Some(slot.into()));
    }
    let generation = u32::from_be_bytes(block[0x38..0x3c].try_into().unwrap());
    if let Some(lvb) = MetaLvb::decode(&block, generation, &fs) {
        let _ = lvb.encode();
    }
    for at in [0, 0x80, block.len() - 8, block.len() - 7, usize::MAX] {
        let _ = block_check::verify(&block, at);
    }
    let mut sealed = block.clone();
    block_check::seal(&mut sealed, 0x80).unwrap();
    assert_eq!(
        block_check::verify(&sealed, 0x80),
        block_check::Verdict::Good
    );
}

/// All of it.
pub fn everything(input: &[u8]) {
    superblocks(input);
    dinodes(input);
    directories(input);
    indexes(input);
    xattrs(input);
    plain(input);
}
