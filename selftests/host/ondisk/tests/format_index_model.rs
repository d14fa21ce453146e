// SPDX-License-Identifier: GPL-2.0-only
//! Indexes in memory against a list of names: quick, and with more names than the tests that have
//! fsck.ocfs2 look at a volume.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use ocfs2_ondisk_host::ondisk::dinode::{Dinode, Time, INDEXED_DIR_FL};
use ocfs2_ondisk_host::ondisk::dinode_edit::{self, Edit, NewInode};
use ocfs2_ondisk_host::ondisk::dir_block::{self, Area};
use ocfs2_ondisk_host::ondisk::dx;
use ocfs2_ondisk_host::ondisk::dx_edit::{self, Plan};
use ocfs2_ondisk_host::ondisk::dx_grow;
use ocfs2_ondisk_host::ondisk::dx_hash::NameHash;
use ocfs2_ondisk_host::ondisk::error::Corrupt;
use ocfs2_ondisk_host::ondisk::features::{INCOMPAT_INDEXED_DIRS, INCOMPAT_SPARSE_ALLOC};
use ocfs2_ondisk_host::ondisk::file_type::FileType;
use ocfs2_ondisk_host::ondisk::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::store::{Blocks, ExtentBlockSource, Journaled, Suballoc};
use ocfs2_ondisk_host::ondisk::tree::Tree;
use proptest::prelude::*;

const DIR: u64 = 100;
const ROOT: u64 = 101;
const FILE: u64 = 500;

/// Blocks in memory, a directory in them, and what its names should be.
struct Model {
    fs: Geometry,
    blocks: HashMap<u64, Vec<u8>>,
    dir: Dinode,
    dir_blocks: Vec<u64>,
    next_block: u64,
    next_cluster: u32,
    names: BTreeMap<Vec<u8>, u64>,
    reads: usize,
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
        change: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, Corrupt> {
        Ok(change(
            self.blocks.get_mut(block).expect("block was never written"),
        ))
    }
}

struct ExtentBlocks;

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
    fn new(block_bits: u32, cluster_bits: u32, seed: [u32; 4]) -> Self {
        let mut fs = Geometry::new(block_bits, cluster_bits, 1 << 24).unwrap();
        fs.features.incompat = INCOMPAT_SPARSE_ALLOC | INCOMPAT_INDEXED_DIRS;
        fs.dx_seed = seed;
        fs.fs_generation = 77;
        let new = NewInode {
            suballoc: Suballoc {
                blkno: DIR,
                slot: 0,
                bit: 1,
                loc: 0,
            },
            generation: 1,
            mode: 0o40755,
            links: 2,
            uid: 0,
            gid: 0,
            attr: 0,
            time: Time::default(),
            rdev: 0,
        };
        let mut dinode = vec![0; fs.block_size()];
        dinode_edit::init(&mut dinode, &fs, &new);
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

    fn new_block(&mut self) -> u64 {
        self.next_block += 1;
        self.next_block
    }

    fn add_dir_block(&mut self) {
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
    fn add(&mut self, name: &[u8]) -> bool {
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

    fn remove(&mut self, name: &[u8]) {
        self.reads = 0;
        let (fs, dir) = (self.fs, self.dir);
        let hit = dx::lookup(self, &dir, &fs, name)
            .unwrap()
            .expect("a name is lost");
        dx_edit::remove(self, hit).unwrap();
        self.names.remove(name).unwrap();
    }

    /// Checks everything that the format asks for.
    fn check(&mut self) {
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

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        4 => prop::collection::vec(b'a'..=b'z', 1..12),
        1 => prop::collection::vec(1u8..=255, 1..=255),
    ];
    name.prop_filter("the directory has these already", |name| {
        !matches!(&name[..], b"." | b"..")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_index_agrees_with_a_list_of_names(
        (block_bits, cluster_bits) in prop_oneof![Just((9u32, 12u32)), Just((9, 13)), Just((10, 12))],
        seed: [u32; 4],
        names in prop::collection::btree_set(any_name(), 20..400),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..100),
        again: bool,
    ) {
        let mut model = Model::new(block_bits, cluster_bits, seed);
        model.check();
        let names: Vec<_> = names.into_iter().collect();
        for name in &names {
            prop_assert!(model.add(name));
        }
        model.check();
        for at in removed {
            let name = &names[at.index(names.len())];
            if model.names.contains_key(name) {
                model.remove(name);
            }
        }
        model.check();
        let blocks = model.dir_blocks.len();
        if again {
            for name in &names {
                if !model.names.contains_key(name) {
                    prop_assert!(model.add(name));
                }
            }
            model.check();
            prop_assert!(model.dir_blocks.len() <= blocks + blocks / 4 + 1);
        }
        for name in model.names.clone().keys().filter(|name| !name.starts_with(b".")) {
            model.remove(name);
        }
        model.check();
    }
}

#[test]
fn a_tree_of_an_index_gets_deep() {
    let mut model = Model::new(9, 12, [1, 2, 3, 4]);
    for n in 0..6000u32 {
        assert!(model.add(format!("{n:x}").as_bytes()));
    }
    let root = &model.blocks[&ROOT];
    assert!(
        u16::from_le_bytes([root[0xc0], root[0xc1]]) > 0,
        "the tree isn't deep"
    );
    model.check();
}

#[test]
fn an_index_is_created_with_every_name_that_was_inline() {
    let mut model = Model::new(12, 12, [9, 8, 7, 6]);
    let dir = model.dir;
    let blkno = model.dir_blocks[0];
    let area = Area::block(&model.blocks[&blkno], blkno, &dir, &model.fs).unwrap();
    let fs = model.fs;
    // As full as an area can be: the shortest records.
    let mut n = 0u32;
    while let Some(room) = area.find_room(&model.blocks[&blkno], 4).unwrap() {
        let name = format!("{n:04}");
        let block = model.blocks.get_mut(&blkno).unwrap();
        area.insert(block, room, name.as_bytes(), FILE, FileType::Regular)
            .unwrap();
        model.names.insert(name.into_bytes(), FILE);
        n += 1;
    }
    assert!(n > 240);
    // No hole is left: the block isn't on the free list.
    let block = model.blocks.get_mut(&blkno).unwrap();
    block[4096 - 64 + 0x0e..][..2].fill(0);
    let suballoc = Suballoc {
        blkno: ROOT,
        slot: 0,
        bit: 9,
        loc: 0,
    };
    let created = dx_edit::create(&mut model, suballoc, DIR, (&blkno, blkno, &area), &fs);
    // A block of 4K has room for 252 such records, a root for 243: what was inline is fewer.
    assert_eq!(created.unwrap_err().field, "ocfs2_dx_entry_list.de_count");
    for n in 200..n {
        let name = format!("{n:04}").into_bytes();
        let block = model.blocks.get_mut(&blkno).unwrap();
        let offset = area.find(block, &name).unwrap().unwrap().offset;
        area.remove(block, offset).unwrap();
        model.names.remove(&name);
    }
    let hole = area.largest_hole(&model.blocks[&blkno]).unwrap() as u16;
    let block = model.blocks.get_mut(&blkno).unwrap();
    block[4096 - 64 + 0x0e..][..2].copy_from_slice(&hole.to_le_bytes());
    dx_edit::create(&mut model, suballoc, DIR, (&blkno, blkno, &area), &fs).unwrap();
    model.check();
    let mut free = 1000;
    while model.add(format!("{free}").as_bytes()) && free < 1300 {
        free += 1;
    }
    assert_eq!(free, 1300);
    model.check();
}

/// A directory of a few names whose index is in its root.
fn few_names(names: &[&[u8]]) -> Model {
    let mut model = Model::new(10, 12, [5, 6, 7, 8]);
    for name in names {
        assert!(model.add(name));
    }
    model
}

/// Rewrites the entry of the index at `at`.
fn forge(model: &mut Model, at: usize, hash: NameHash) {
    let entry = &mut model.blocks.get_mut(&ROOT).unwrap()[0xc8 + at * 16..][..8];
    entry[..4].copy_from_slice(&hash.major.to_le_bytes());
    entry[4..].copy_from_slice(&hash.minor.to_le_bytes());
}

fn find(model: &mut Model, name: &[u8]) -> Result<Option<u64>, &'static str> {
    let (fs, dir) = (model.fs, model.dir);
    model.reads = 0;
    let found = dx::lookup(model, &dir, &fs, name);
    found
        .map(|hit| hit.map(|hit| hit.inode))
        .map_err(|corrupt| corrupt.field)
}

#[test]
fn names_that_an_older_driver_indexed_are_found() {
    let name = "n\u{e4}me".as_bytes();
    let mut model = few_names(&[name]);
    let seed = model.fs.dx_seed;
    let legacy = NameHash::legacy(name, &seed).expect("the hashes are the same");
    assert_eq!(NameHash::legacy(b"name", &seed), None);
    forge(&mut model, 2, legacy);
    assert_eq!(find(&mut model, name), Ok(Some(FILE)));
    model.remove(name);
    assert_eq!(find(&mut model, name), Ok(None));
    model.check();
}

#[test]
fn names_of_one_hash_are_told_apart() {
    let mut model = few_names(&[b"one", b"two", b"three"]);
    let hash = NameHash::of(b"three", &model.fs.dx_seed);
    forge(&mut model, 2, hash);
    forge(&mut model, 3, hash);
    // The first two entries of the hash lead to a block that must have the name, which it has.
    assert_eq!(find(&mut model, b"three"), Ok(Some(FILE)));
    assert_eq!(find(&mut model, b"one"), Ok(None));
    // They lead elsewhere: the third has it.
    model.add_dir_block();
    let other = *model.dir_blocks.last().unwrap();
    for at in [2, 3] {
        let root = model.blocks.get_mut(&ROOT).unwrap();
        root[0xc8 + at * 16 + 8..][..8].copy_from_slice(&other.to_le_bytes());
    }
    assert_eq!(find(&mut model, b"three"), Ok(Some(FILE)));
}

#[test]
fn what_is_refused_in_an_index() {
    let spoil = |at: usize, bytes: &[u8]| {
        let mut model = few_names(&[b"one"]);
        model.blocks.get_mut(&ROOT).unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
        find(&mut model, b"one")
    };
    let past = (Model::new(10, 12, [0; 4]).fs.blocks()).to_le_bytes();
    assert_eq!(spoil(0, b"D"), Ok(Some(FILE)));
    assert_eq!(spoil(7, b"1"), Err("ocfs2_dx_root_block.dr_signature"));
    assert_eq!(
        spoil(0x14, &[1]),
        Err("ocfs2_dx_root_block.dr_fs_generation")
    );
    assert_eq!(spoil(0x18, &[1]), Err("ocfs2_dx_root_block.dr_blkno"));
    assert_eq!(spoil(0x30, &[1]), Err("ocfs2_dx_root_block.dr_dir_blkno"));
    assert_eq!(spoil(0x40, &past), Err("ocfs2_dx_root_block.dr_free_blk"));
    assert_eq!(spoil(0xc0 + 4, &[50]), Err("ocfs2_dx_entry_list.de_count"));
    assert_eq!(spoil(0xc0 + 4, &[52]), Err("ocfs2_dx_entry_list.de_count"));
    assert_eq!(
        spoil(0xc0 + 6, &[52]),
        Err("ocfs2_dx_entry_list.de_num_used")
    );
    assert_eq!(
        spoil(0xc8 + 2 * 16 + 8, &past),
        Err("ocfs2_dx_entry.dx_dirent_blk")
    );
    assert_eq!(
        spoil(0xc8 + 2 * 16 + 8, &[2, 0]),
        Err("ocfs2_dx_entry.dx_dirent_blk")
    );

    // A leaf.
    let mut model = Model::new(9, 12, [5, 6, 7, 8]);
    for n in 0..100 {
        assert!(model.add(format!("{n}").as_bytes()));
    }
    let (fs, dir) = (model.fs, model.dir);
    let hit = dx::lookup(&mut model, &dir, &fs, b"7").unwrap().unwrap();
    let leaf = hit.indexed.leaf.expect("the index is still in its root");
    let good = model.blocks[&leaf].clone();
    for (at, byte, field) in [
        (0, b'X', "ocfs2_dx_leaf.dl_signature"),
        (0x10, good[0x10] ^ 1, "ocfs2_dx_leaf.dl_blkno"),
        (0x18, 0, "ocfs2_dx_leaf.dl_fs_generation"),
        (0x28 + 4, 30, "ocfs2_dx_entry_list.de_count"),
        (0x28 + 6, 30, "ocfs2_dx_entry_list.de_num_used"),
    ] {
        model.blocks.get_mut(&leaf).unwrap()[at] = byte;
        assert_eq!(find(&mut model, b"7"), Err(field));
        model.blocks.insert(leaf, good.clone());
    }
    assert_eq!(find(&mut model, b"7"), Ok(Some(FILE)));
}
