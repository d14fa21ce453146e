// SPDX-License-Identifier: GPL-2.0-only
//! Indexed directories under test: a store with blocks as the kernel has them, a directory that
//! names are put into step by step as the module does it, and a second opinion on the result.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use ocfs2_ondisk_host::ondisk::base::bytes::{put, BlockMut};
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::base::store::{Blocks, ExtentBlockSource, Journaled, Suballoc};
use ocfs2_ondisk_host::ondisk::dir::dx;
use ocfs2_ondisk_host::ondisk::dir::dx_edit::{self, Insert, INSERT_BLOCKS, REMOVE_BLOCKS};
use ocfs2_ondisk_host::ondisk::dir::dx_grow;
use ocfs2_ondisk_host::ondisk::dir::dx_hash::NameHash;
use ocfs2_ondisk_host::ondisk::dir::{block as dir_block, block::Area};
use ocfs2_ondisk_host::ondisk::extent::insert::TreeError;
use ocfs2_ondisk_host::ondisk::extent::list::ExtentRec;
use ocfs2_ondisk_host::ondisk::extent::tree::{Mapped, Tree};
use ocfs2_ondisk_host::ondisk::inode::dinode::{Body, Dinode, INDEXED_DIR_FL, INLINE_DATA_FL};
use ocfs2_ondisk_host::ondisk::inode::{edit as dinode_edit, edit::Edit};

use super::tree_support::{Error, Store};

/// A store whose blocks are what was read when they were read, as in the kernel. One that was
/// changed through another handle in the meantime must not be changed through the old one.
pub struct Snap<'s>(pub &'s mut Store);

/// A block as it was read, and as it was changed since through this very handle.
#[derive(Clone, Debug)]
pub struct Block {
    pub blkno: u64,
    pub bytes: Vec<u8>,
}

impl Blocks for Snap<'_> {
    type Error = Error;
    type Block = Block;

    fn block_size(&self) -> usize {
        self.0.block_size()
    }

    fn blocks(&self) -> u64 {
        self.0.blocks()
    }

    fn read(&mut self, blkno: u64) -> Result<Block, Error> {
        let blkno = self.0.read(blkno)?;
        let bytes = self.0.bytes(&blkno).to_vec();
        Ok(Block { blkno, bytes })
    }

    fn bytes<'a>(&'a self, block: &'a Block) -> &'a [u8] {
        &block.bytes
    }
}

impl Journaled for Snap<'_> {
    fn create(&mut self, blkno: u64) -> Result<Block, Error> {
        let blkno = self.0.create(blkno)?;
        let bytes = vec![0; self.block_size()];
        Ok(Block { blkno, bytes })
    }

    fn update<R>(
        &mut self,
        block: &mut Block,
        change: impl FnOnce(&mut BlockMut<'_>) -> R,
    ) -> Result<R, Error> {
        let Block { blkno, bytes } = block;
        assert!(
            self.0.bytes(blkno) == bytes,
            "block {blkno} was changed through another handle"
        );
        let mut edit = BlockMut::new(bytes);
        let result = change(&mut edit);
        let changed = edit.changed().to_vec();
        self.0.update(blkno, |b| {
            for (begin, end) in changed {
                put(b, begin, &bytes[begin..end]);
            }
        })?;
        Ok(result)
    }
}

/// A directory, and what should be in it.
pub struct Directory {
    pub geo: Geometry,
    pub blkno: u64,
    /// Name to inode.
    pub names: BTreeMap<Vec<u8>, u64>,
}

/// Steps of an insertion, each a transaction of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Steps {
    /// The directory left its dinode.
    pub expanded: usize,
    /// It got another block.
    pub blocks: usize,
    /// Its index got a cluster.
    pub index: usize,
}

/// Blocks and clusters. Both are promised before they are taken.
pub trait Supply: for<'s> ExtentBlockSource<Snap<'s>> {
    /// Makes sure of `blocks` blocks and a cluster.
    fn reserve(&mut self, store: &mut Store, blocks: u32);
    fn claim_cluster(&mut self, store: &mut Snap<'_>) -> Result<u64, Error>;
    /// Blocks that were claimed since.
    fn claimed(&self) -> u32;
}

type Done<T> = Result<T, TreeError<Error>>;

impl Directory {
    pub fn dinode(&self, store: &mut Store) -> Dinode {
        Dinode::decode(store.raw(self.blkno), self.blkno, &self.geo).expect("dinode")
    }

    /// Runs a transaction for which `blocks` blocks and `credits` were asked.
    fn transaction<U: Supply, T>(
        &self,
        store: &mut Store,
        supply: &mut U,
        (blocks, credits): (u32, u32),
        change: impl FnOnce(&mut Snap<'_>, &mut Block, &mut U) -> Done<T>,
    ) -> Done<T> {
        supply.reserve(store, blocks);
        store.dirty.clear();
        let mut snap = Snap(store);
        let mut root = snap.read(self.blkno)?;
        let done = change(&mut snap, &mut root, supply)?;
        assert!(supply.claimed() <= blocks, "more blocks than said");
        assert!(
            store.dirty.len() <= credits as usize,
            "{} blocks changed, {credits} credits",
            store.dirty.len()
        );
        Ok(done)
    }

    /// Puts a name into the directory, which grows if it must, and looks at what that cost.
    pub fn insert(
        &mut self,
        store: &mut Store,
        supply: &mut impl Supply,
        name: &[u8],
        inode: u64,
    ) -> Done<Steps> {
        let (geo, mut steps) = (self.geo, Steps::default());
        for _ in 0..6 {
            let dir = self.dinode(store);
            if let Body::Inline { .. } = dir.body {
                let area = Area::inline(&dir, &geo);
                let block = store.raw(self.blkno);
                if let Some(room) = area.find_room(block, name.len()).expect("inline") {
                    area.insert(block, room, name, inode, FileType::Regular)
                        .expect("inline");
                    self.names.insert(name.to_vec(), inode);
                    return Ok(steps);
                }
                self.expand(store, supply)?;
                steps.expanded += 1;
                continue;
            }
            store.dirty.clear();
            let plan = dx_edit::plan(&mut Snap(store), &dir, &geo, name)?;
            assert!(store.dirty.is_empty(), "a plan that changes something");
            match plan {
                dx_edit::Plan::Ready(insert) => {
                    self.apply(store, supply, insert, name, inode)?;
                    return Ok(steps);
                }
                dx_edit::Plan::NoDirRoom => {
                    self.add_block(store, supply)?;
                    steps.blocks += 1;
                }
                dx_edit::Plan::NoIndexRoom => {
                    self.grow_index(store, supply, name)?;
                    steps.index += 1;
                }
            }
        }
        panic!("no room for a name, however much was made: {steps:?}");
    }

    fn apply(
        &mut self,
        store: &mut Store,
        supply: &mut impl Supply,
        insert: Insert<Block>,
        name: &[u8],
        inode: u64,
    ) -> Done<()> {
        self.transaction(store, supply, (0, INSERT_BLOCKS), |snap, _, _| {
            Ok(insert.apply(snap, name, inode, FileType::Regular)?)
        })?;
        self.names.insert(name.to_vec(), inode);
        Ok(())
    }

    /// Out of the dinode, into a block and an index.
    fn expand(&self, store: &mut Store, supply: &mut impl Supply) -> Done<()> {
        let (geo, was) = (self.geo, self.dinode(store));
        // The dinode, the block, the root of the index; group and dinode of both allocators.
        self.transaction(store, supply, (1, 3 + 4), |snap, root, supply| {
            let inline = root.bytes.clone();
            let blkno = supply.claim_cluster(snap)?;
            let mut block = snap.create(blkno)?;
            let area = snap.update(&mut block, |b| {
                dir_block::expand_inline_indexed(&inline, &was, b, blkno, &geo)
            })?;
            let area = area.expect("records");
            let suballoc = supply.claim(snap)?;
            let features = (was.dyn_features & !INLINE_DATA_FL) | INDEXED_DIR_FL;
            snap.update(root, |b| {
                dinode_edit::init_extent_list(b, was.xattr_inline_size);
                Edit::of(b)
                    .dyn_features(features)
                    .dx_root(suballoc.blkno)
                    .size(geo.block_size() as u64);
            })?;
            let rec = cluster(0, blkno);
            Tree::of_dinodes(&geo).insert(snap, root, &rec, supply)?;
            dx_edit::create(snap, suballoc, self.blkno, (&block, blkno, &area), &geo)?;
            Ok(())
        })
    }

    fn add_block(&self, store: &mut Store, supply: &mut impl Supply) -> Done<()> {
        let (geo, dir) = (self.geo, self.dinode(store));
        let tree = Tree::of_dinodes(&geo);
        let mut snap = Snap(store);
        let root = snap.read(self.blkno)?;
        let full = dir.size >> geo.cluster_bits() >= u64::from(dir.clusters);
        let (mut blocks, mut credits) = (0, 3);
        if full {
            blocks = tree.blocks_needed(&mut snap, &root, 1)?;
            credits += tree.credits(&mut snap, &root, dir.clusters, 1)? + 2 + 2 * blocks;
        }
        self.transaction(store, supply, (blocks, credits), |snap, root, supply| {
            if full {
                let rec = cluster(dir.clusters, supply.claim_cluster(snap)?);
                tree.insert(snap, root, &rec, supply)?;
            }
            let index = dir.size >> geo.block_bits();
            let bits = geo.blocks_per_cluster_bits();
            let mapped = tree.lookup(snap, root, (index >> bits) as u32)?.what;
            let Mapped::Extent { blkno, flags: 0 } = mapped else {
                panic!("a hole in a directory");
            };
            let blkno = blkno + (index & ((1 << bits) - 1));
            let mut block = snap.create(blkno)?;
            snap.update(&mut block, |b| dir_block::format(b, blkno, &dir, &geo))?
                .expect("a block");
            dx_edit::link_block(snap, &dir, &geo, &mut block, blkno)?;
            snap.update(root, |b| {
                Edit::of(b).size((index + 1) << geo.block_bits());
            })?;
            Ok(())
        })
    }

    fn grow_index(&self, store: &mut Store, supply: &mut impl Supply, name: &[u8]) -> Done<()> {
        let (geo, dir) = (self.geo, self.dinode(store));
        store.dirty.clear();
        let growth = dx_grow::plan(&mut Snap(store), &dir, &geo, name)?;
        assert!(store.dirty.is_empty(), "a plan that changes something");
        let growth = growth.ok_or(TreeError::Full)?;
        let blocks = growth.extent_blocks;
        let credits = growth.credits + 2 + 2 * blocks;
        self.transaction(store, supply, (blocks, credits), |snap, _, supply| {
            let first = supply.claim_cluster(snap)?;
            growth.apply(snap, &geo, first, supply)
        })
    }

    /// Takes a name away again.
    pub fn remove(&mut self, store: &mut Store, name: &[u8]) {
        let dir = self.dinode(store);
        if let Body::Inline { .. } = dir.body {
            let area = Area::inline(&dir, &self.geo);
            let block = store.raw(self.blkno);
            let offset = area.find(block, name).unwrap().expect("a name").offset;
            area.remove(block, offset).expect("inline");
        } else {
            store.dirty.clear();
            let mut snap = Snap(store);
            let hit = dx::lookup(&mut snap, &dir, &self.geo, name).expect("lookup");
            dx_edit::remove(&mut snap, hit.expect("a name")).expect("remove");
            assert!(store.dirty.len() <= REMOVE_BLOCKS as usize);
        }
        self.names.remove(name).expect("a name");
    }

    /// Demands all that the format does of the directory, and that it holds the names and no
    /// others.
    pub fn check(&self, store: &mut Store) -> Seen {
        let (geo, dir) = (self.geo, self.dinode(store));
        let mut all = self.names.clone();
        for name in [&b"."[..], b".."] {
            all.insert(name.to_vec(), 0);
        }
        if let Body::Inline { .. } = dir.body {
            let area = Area::inline(&dir, &geo);
            let names = entries(&area, store.raw(self.blkno));
            compare(&all, names.into_iter());
            return Seen::default();
        }
        let blocks = blocks(store, &geo, &dir, Tree::of_dinodes(&geo), self.blkno);
        let used = (dir.size >> geo.block_bits()) as usize;
        assert!(used <= blocks.len() && blocks.len() - used < geo.blocks_per_cluster() as usize);
        let blocks = blocks.iter().map(|b| b.0).take(used).collect::<Vec<_>>();
        let (mut names, mut index, mut holes) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        for &blkno in &blocks {
            let block = store.raw(blkno);
            let area = Area::block(block, blkno, &dir, &geo).expect("directory block");
            for (name, inode) in entries(&area, block) {
                let hash = NameHash::of(&name, &geo.dx_seed);
                assert!(index.insert((hash.major, hash.minor, blkno, name.clone())));
                names.push((name, inode));
            }
            holes.insert(blkno, area.largest_hole(block).expect("records"));
        }
        compare(&all, names.into_iter());
        let root = dir.dx_root.expect("an index");
        check_free_list(store, &geo, root, &holes);
        let seen = check_index(store, &geo, &dir, root, &index);
        for (name, inode) in &self.names {
            let hit = dx::lookup(store, &dir, &geo, name).expect("lookup");
            let hit = hit.unwrap_or_else(|| panic!("{} is lost", name.escape_ascii()));
            assert_eq!(hit.inode, *inode);
        }
        Seen {
            blocks: blocks.len(),
            ..seen
        }
    }
}

fn cluster(cpos: u32, blkno: u64) -> ExtentRec {
    ExtentRec {
        cpos,
        clusters: 1,
        blkno,
        flags: 0,
    }
}

/// What a check found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Blocks of the directory.
    pub blocks: usize,
    /// Clusters of leaves; 0 while the entries are in the root.
    pub clusters: u32,
    /// Depth of the tree of the index.
    pub depth: u16,
}

fn u16_at(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(b[at..at + 2].try_into().unwrap())
}

fn u32_at(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(b[at..at + 4].try_into().unwrap())
}

fn u64_at(b: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(b[at..at + 8].try_into().unwrap())
}

fn entries(area: &Area, block: &[u8]) -> Vec<(Vec<u8>, u64)> {
    area.entries(block)
        .map(|entry| entry.expect("a record"))
        .filter(|entry| entry.is_used())
        .map(|entry| (entry.name.to_vec(), entry.inode))
        .collect()
}

fn compare(all: &BTreeMap<Vec<u8>, u64>, found: impl Iterator<Item = (Vec<u8>, u64)>) {
    let mut left = all.clone();
    for (name, inode) in found {
        let wanted = left.remove(&name);
        let wanted = wanted.unwrap_or_else(|| panic!("{} is one too many", name.escape_ascii()));
        assert!(wanted == 0 || wanted == inode);
    }
    assert!(left.is_empty(), "lost: {left:?}");
}

/// Blocks of a tree in order, each with its cluster of the file; by the records alone.
fn blocks(
    store: &mut Store,
    geo: &Geometry,
    dir: &Dinode,
    tree: Tree<'_>,
    root: u64,
) -> Vec<(u64, u32)> {
    let mut found = Vec::new();
    let mut taken = BTreeSet::new();
    tree.visit(store, &root, 0, |rec| {
        assert_eq!(rec.flags, 0);
        for cluster in 0..rec.clusters {
            let first = rec.blkno + geo.clusters_to_blocks(cluster);
            assert!(taken.insert(first), "a cluster twice, of {}", dir.blkno());
            let blocks = first..first + u64::from(geo.blocks_per_cluster());
            found.extend(blocks.map(|blkno| (blkno, rec.cpos + cluster)));
        }
        ControlFlow::Continue(())
    })
    .expect("tree");
    found
}

/// The list has exactly the blocks with a hole, each once, and their trailers say how long.
fn check_free_list(store: &mut Store, geo: &Geometry, root: u64, holes: &BTreeMap<u64, usize>) {
    let trailer = geo.block_size() - 64;
    let mut listed = BTreeSet::new();
    let mut at = u64_at(store.raw(root), 0x40);
    while at != 0 {
        assert!(listed.insert(at), "block {at} is on the list twice");
        at = u64_at(store.raw(at), trailer + 0x20);
    }
    for (&blkno, &hole) in holes {
        let block = store.raw(blkno);
        let said = usize::from(u16_at(block, trailer + 0x0e));
        assert_eq!(said, hole, "db_free_rec_len of block {blkno}");
        assert_eq!(listed.remove(&blkno), hole != 0, "block {blkno}");
        let next = u64_at(block, trailer + 0x20);
        assert!(hole != 0 || next == 0, "db_free_next of block {blkno}");
    }
    assert!(listed.is_empty(), "not the directory's: {listed:?}");
}

/// The entries of a list that should be as long as there is room from `off` on.
fn list(block: &[u8], off: usize) -> Vec<(u32, u32, u64)> {
    let (count, used) = (u16_at(block, off + 4), u16_at(block, off + 6));
    assert_eq!(usize::from(count), (block.len() - off - 8) / 16, "de_count");
    assert!(used <= count, "de_num_used");
    let entries = block[off + 8..].chunks_exact(16);
    let rest = entries.clone().skip(used.into());
    assert!(rest.flatten().all(|byte| *byte == 0), "not zeroed");
    let entry = |e: &[u8]| (u32_at(e, 0), u32_at(e, 4), u64_at(e, 8));
    entries.take(used.into()).map(entry).collect()
}

/// Every name has its entry, where a lookup goes for it, and there are no others.
fn check_index(
    store: &mut Store,
    geo: &Geometry,
    dir: &Dinode,
    root: u64,
    names: &BTreeSet<(u32, u32, u64, Vec<u8>)>,
) -> Seen {
    let block = store.raw(root).clone();
    assert_eq!(&block[..8], b"DXDIR01\0");
    assert_eq!(u32_at(&block, 0x14), geo.fs_generation);
    assert_eq!(
        (u64_at(&block, 0x18), u64_at(&block, 0x30)),
        (root, dir.blkno())
    );
    assert_eq!(u32_at(&block, 0x38) as usize, names.len(), "dr_num_entries");
    let mut found = Vec::new();
    let mut seen = Seen::default();
    if block[0x2c] & 1 != 0 {
        assert_eq!(u32_at(&block, 0x28), 0, "dr_clusters");
        found = list(&block, 0xc0);
    } else {
        assert_eq!(usize::from(u16_at(&block, 0xc2)), (block.len() - 0xd0) / 16);
        let leaves = blocks(store, geo, dir, Tree::of_dx_roots(geo), root);
        let per_cluster = geo.blocks_per_cluster();
        assert_eq!(leaves[0].1, 0, "hashes from 0 on have a leaf");
        for (i, &(blkno, cpos)) in leaves.iter().enumerate() {
            let leaf = store.raw(blkno);
            assert_eq!(&leaf[..8], b"DXLEAF1\0");
            assert_eq!(
                (u64_at(leaf, 0x10), u32_at(leaf, 0x18)),
                (blkno, geo.fs_generation)
            );
            let next = leaves[i..].iter().find(|leaf| leaf.1 != cpos);
            for entry in list(leaf, 0x28) {
                let (major, minor, _) = entry;
                assert!(major >= cpos && next.is_none_or(|next| major < next.1));
                assert_eq!(minor & (per_cluster - 1), i as u32 & (per_cluster - 1));
                found.push(entry);
            }
        }
        seen.clusters = leaves.len() as u32 / per_cluster;
        seen.depth = u16_at(&block, 0xc0);
        assert_eq!(u32_at(&block, 0x28), seen.clusters, "dr_clusters");
    }
    found.sort_unstable();
    let names = names.iter().map(|n| (n.0, n.1, n.2)).collect::<Vec<_>>();
    assert_eq!(found, names);
    seen
}

/// Blocks and clusters from lists, for a store in memory.
pub struct Lists {
    pub geo: Geometry,
    next_block: u64,
    next_cluster: u32,
    /// Every how many clusters one is left out, so that extents don't join.
    pub gap: u32,
    given: u32,
}

impl Lists {
    /// Blocks from `block` on, clusters from `cluster` on.
    pub fn new(geo: Geometry, block: u64, cluster: u32, gap: u32) -> Self {
        Self {
            geo,
            next_block: block,
            next_cluster: cluster,
            gap,
            given: 0,
        }
    }
}

impl ExtentBlockSource<Snap<'_>> for Lists {
    fn claim(&mut self, _: &mut Snap<'_>) -> Result<Suballoc, Error> {
        self.given += 1;
        let blkno = self.next_block;
        self.next_block += 1;
        Ok(Suballoc {
            blkno,
            slot: 0,
            bit: (blkno % 2048) as u16,
            loc: 0,
        })
    }
}

impl Supply for Lists {
    fn reserve(&mut self, _: &mut Store, _: u32) {
        self.given = 0;
    }

    fn claim_cluster(&mut self, _: &mut Snap<'_>) -> Result<u64, Error> {
        let cluster = self.next_cluster;
        self.next_cluster += 1 + u32::from(cluster.is_multiple_of(self.gap));
        Ok(self.geo.clusters_to_blocks(cluster))
    }

    fn claimed(&self) -> u32 {
        self.given
    }
}
