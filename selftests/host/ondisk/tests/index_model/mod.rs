// SPDX-License-Identifier: GPL-2.0-only
//! An indexed directory in memory, with the names that it should have.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use ocfs2_ondisk_host::ondisk::base::bytes::BlockMut;
use ocfs2_ondisk_host::ondisk::base::error::Corrupt;
use ocfs2_ondisk_host::ondisk::base::features::{INCOMPAT_INDEXED_DIRS, INCOMPAT_SPARSE_ALLOC};
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::base::store::{Blocks, ExtentBlockSource, Journaled, Suballoc};
use ocfs2_ondisk_host::ondisk::dir::dx;
use ocfs2_ondisk_host::ondisk::dir::dx_edit::{self, Plan};
use ocfs2_ondisk_host::ondisk::dir::dx_grow;
use ocfs2_ondisk_host::ondisk::dir::dx_hash::NameHash;
use ocfs2_ondisk_host::ondisk::dir::{block as dir_block, block::Area};
use ocfs2_ondisk_host::ondisk::extent::tree::Tree;
use ocfs2_ondisk_host::ondisk::inode::dinode::{Dinode, INDEXED_DIR_FL};
use ocfs2_ondisk_host::ondisk::inode::{edit as dinode_edit, edit::Edit};
use ocfs2_ondisk_host::sample::new_directory;

pub const DIR: u64 = 100;
pub const ROOT: u64 = 101;
pub const FILE: u64 = 500;

/// Blocks in memory, a directory in them, and what its names should be.
pub struct Model {
    pub fs: Geometry,
    pub blocks: HashMap<u64, Vec<u8>>,
    pub dir: Dinode,
    pub dir_blocks: Vec<u64>,
    pub next_block: u64,
    pub next_cluster: u32,
    pub names: BTreeMap<Vec<u8>, u64>,
    pub reads: usize,
}

impl Blocks for Model {
    type Error = Corrupt;
    type Block = u64;

    fn block_size(&self) -> usize {
        self.fs.block_size()
    }

    fn blocks(&self) -> u64 {
        self.fs.blocks()
    }

    fn read(&mut self, blkno: u64) -> Result<u64, Corrupt> {
        self.reads += 1;
        assert!(self.reads < 1000, "reading without end");
        assert!(
            self.blocks.contains_key(&blkno),
            "block {blkno} was never written"
        );
        Ok(blkno)
    }

    fn bytes<'a>(&'a self, block: &'a u64) -> &'a [u8] {
        &self.blocks[block]
    }
}

impl Journaled for Model {
    fn create(&mut self, blkno: u64) -> Result<u64, Corrupt> {
        self.blocks.insert(blkno, vec![0; self.fs.block_size()]);
        Ok(blkno)
    }

    fn update<R>(
        &mut self,
        block: &mut u64,
        change: impl FnOnce(&mut BlockMut<'_>) -> R,
    ) -> Result<R, Corrupt> {
        let bytes = self.blocks.get_mut(block).expect("block was never written");
        Ok(change(&mut BlockMut::new(bytes)))
    }
}

pub struct ExtentBlocks;

impl ExtentBlockSource<Model> for ExtentBlocks {
    fn claim(&mut self, model: &mut Model) -> Result<Suballoc, Corrupt> {
        Ok(Suballoc {
            blkno: model.new_block(),
            slot: 0,
            bit: 1,
            loc: 0,
        })
    }
}

impl Model {
    /// An empty directory with one block and an index.
    pub fn new(block_bits: u32, cluster_bits: u32, seed: [u32; 4]) -> Self {
        let mut fs = Geometry::new(block_bits, cluster_bits, 1 << 24).unwrap();
        fs.features.incompat = INCOMPAT_SPARSE_ALLOC | INCOMPAT_INDEXED_DIRS;
        fs.dx_seed = seed;
        fs.fs_generation = 77;
        let mut dinode = vec![0; fs.block_size()];
        dinode_edit::init(&mut dinode, &fs, &new_directory(DIR));
        Edit::of(&mut dinode)
            .dyn_features(INDEXED_DIR_FL)
            .dx_root(ROOT);
        Edit::of(&mut dinode)
            .clusters(1 << 20)
            .size(fs.block_size() as u64);
        let dir = Dinode::decode(&dinode, DIR, &fs).unwrap();
        let mut model = Self {
            fs,
            blocks: HashMap::new(),
            dir,
            dir_blocks: Vec::new(),
            next_block: 1000,
            next_cluster: 1 << 16,
            names: BTreeMap::from([(b".".to_vec(), DIR), (b"..".to_vec(), 99)]),
            reads: 0,
        };
        let blkno = model.new_block();
        let mut block = vec![0; fs.block_size()];
        let area = dir_block::format(&mut block, blkno, &dir, &fs).unwrap();
        area.init_dots(&mut block, DIR, 99).unwrap();
        let hole = area.largest_hole(&block).unwrap() as u16;
        let free = block.len() - 64 + 0x0e;
        block[free..free + 2].copy_from_slice(&hole.to_le_bytes());
        model.blocks.insert(blkno, block);
        model.dir_blocks.push(blkno);
        let suballoc = Suballoc {
            blkno: ROOT,
            slot: 0,
            bit: 9,
            loc: 0,
        };
        dx_edit::create(&mut model, suballoc, DIR, (&blkno, blkno, &area), &fs).unwrap();
        model
    }

    pub fn new_block(&mut self) -> u64 {
        self.next_block += 1;
        self.next_block
    }

    pub fn add_dir_block(&mut self) {
        let (fs, dir, mut blkno) = (self.fs, self.dir, self.new_block());
        let mut block = vec![0xee; fs.block_size()];
        dir_block::format(&mut block, blkno, &dir, &fs).unwrap();
        self.blocks.insert(blkno, block);
        let new = blkno;
        dx_edit::link_block(self, &dir, &fs, &mut blkno, new).unwrap();
        self.dir_blocks.push(new);
        self.dir.size += fs.block_size() as u64;
    }

    /// Inserts a name; false if the index can't take it.
    pub fn add(&mut self, name: &[u8]) -> bool {
        let (fs, mut grown) = (self.fs, 0);
        loop {
            self.reads = 0;
            let dir = self.dir;
            match dx_edit::plan(self, &dir, &fs, name).unwrap() {
                Plan::Ready(insert) => {
                    insert.apply(self, name, FILE, FileType::Regular).unwrap();
                    assert!(self.names.insert(name.to_vec(), FILE).is_none());
                    return true;
                }
                Plan::NoDirRoom => self.add_dir_block(),
                Plan::NoIndexRoom => {
                    grown += 1;
                    assert!(grown < 30, "the index grows without end");
                    let Some(growth) = dx_grow::plan(self, &dir, &fs, name).unwrap() else {
                        return false;
                    };
                    // Not in a row, so that the records of the tree don't join.
                    self.next_cluster += 2;
                    let first = fs.clusters_to_blocks(self.next_cluster);
                    growth.apply(self, &fs, first, &mut ExtentBlocks).unwrap();
                }
            }
        }
    }

    pub fn remove(&mut self, name: &[u8]) {
        self.reads = 0;
        let (fs, dir) = (self.fs, self.dir);
        let hit = dx::lookup(self, &dir, &fs, name)
            .unwrap()
            .expect("a name is lost");
        dx_edit::remove(self, hit).unwrap();
        self.names.remove(name).unwrap();
    }

    /// Checks everything that the format asks for.
    pub fn check(&mut self) {
        let (fs, dir) = (self.fs, self.dir);
        let root = dx::DxRoot::decode(&self.blocks[&ROOT], ROOT, &dir, &fs).unwrap();
        assert_eq!(root.num_entries as usize, self.names.len());
        for (name, &inode) in &self.names.clone() {
            self.reads = 0;
            let hit = dx::lookup(self, &dir, &fs, name).unwrap();
            let hit = hit.unwrap_or_else(|| panic!("{} is lost", name.escape_ascii()));
            assert_eq!(hit.inode, inode);
            let absent = [&name[..], b"?"].concat();
            assert!(dx::lookup(self, &dir, &fs, &absent).unwrap().is_none());
        }
        self.check_free_list(root.free_blk);
        self.check_entries(&root);
    }

    /// The free list has each block with a hole once, and no other.
    fn check_free_list(&self, head: u64) {
        let mut listed = BTreeSet::new();
        let mut at = head;
        while at != 0 {
            assert!(listed.insert(at), "the free list goes round");
            at = dir_block::free_next(&self.blocks[&at]);
        }
        for &blkno in &self.dir_blocks {
            let block = &self.blocks[&blkno];
            let area = Area::block(block, blkno, &self.dir, &self.fs).unwrap();
            let hole = area.largest_hole(block).unwrap();
            assert_eq!(usize::from(dir_block::free_rec_len(block)), hole);
            assert_eq!(listed.remove(&blkno), hole != 0);
            assert!(hole != 0 || dir_block::free_next(block) == 0);
        }
        assert!(listed.is_empty());
    }

    /// Each entry of the index is in the leaf that its hash asks for, and leaves have no rest of
    /// entries that went.
    fn check_entries(&mut self, root: &dx::DxRoot) {
        let fs = self.fs;
        let rest = |block: &[u8], list: usize| {
            let used = usize::from(u16::from_le_bytes([block[list + 6], block[list + 7]]));
            assert!(block[list + 8 + used * 16..].iter().all(|byte| *byte == 0));
        };
        if root.entries.is_some() {
            rest(&self.blocks[&ROOT], 0xc0);
            return;
        }
        let mut clusters = Vec::new();
        self.reads = 0;
        Tree::of_dx_roots(&fs)
            .visit(self, &ROOT, 0, |rec| {
                clusters.extend(
                    (0..rec.clusters).map(|n| (rec.cpos + n, rec.blkno + fs.clusters_to_blocks(n))),
                );
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(clusters.len(), root.clusters as usize);
        for (n, &(least, first)) in clusters.iter().enumerate() {
            let past = clusters
                .get(n + 1)
                .map_or(1 << 32, |next| u64::from(next.0));
            for index in 0..fs.blocks_per_cluster() {
                let blkno = first + u64::from(index);
                let leaf = &self.blocks[&blkno];
                let list = dx::decode_leaf(leaf, blkno, &fs).unwrap();
                rest(leaf, 0x28);
                for at in 0..list.len() {
                    let NameHash { major, minor } = list.get(leaf, at).unwrap().hash;
                    assert!((u64::from(least)..past).contains(&major.into()));
                    assert_eq!(minor & (fs.blocks_per_cluster() - 1), index);
                }
            }
        }
    }
}
