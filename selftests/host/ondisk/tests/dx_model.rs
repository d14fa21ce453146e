// SPDX-License-Identifier: GPL-2.0-only
//! Random names in indexed directories, against a map.

mod dx_support;
mod tree_support;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use dx_support::{Directory, Lists};
use ocfs2_ondisk_host::ondisk::base::features::{INCOMPAT_INDEXED_DIRS, INCOMPAT_INLINE_DATA};
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::base::store::Suballoc;
use ocfs2_ondisk_host::ondisk::dir::block::Area;
use ocfs2_ondisk_host::ondisk::dir::dx;
use ocfs2_ondisk_host::ondisk::dir::dx_hash::NameHash;
use ocfs2_ondisk_host::ondisk::extent::insert::TreeError;
use ocfs2_ondisk_host::ondisk::extent::tree::Tree;
use ocfs2_ondisk_host::ondisk::inode::dinode::{Time, INLINE_XATTR_FL};
use ocfs2_ondisk_host::ondisk::inode::{
    edit as dinode_edit,
    edit::{Edit, NewInode},
};
use proptest::prelude::*;
use tree_support::Store;

const DIR: u64 = 100;
/// What all names lead to.
const FILE: u64 = 50;

struct Rig {
    store: Store,
    lists: Lists,
    dir: Directory,
}

impl Rig {
    /// An inline directory; `xattr` bytes of its dinode are taken.
    fn new(block_bits: u32, cluster_bits: u32, xattr: u16, gap: u32) -> Self {
        let mut geo = Geometry::new(block_bits, cluster_bits, 1 << 24).unwrap();
        geo.fs_generation = 0x1234;
        geo.dx_seed = [1, 2, 3, 4];
        geo.features.incompat = INCOMPAT_INLINE_DATA | INCOMPAT_INDEXED_DIRS;
        let mut store = Store::in_memory(geo.block_size(), geo.blocks());
        let block = store.raw(DIR);
        let new = NewInode {
            suballoc: Suballoc {
                blkno: DIR,
                slot: 0,
                bit: 7,
                loc: 0,
            },
            generation: 1,
            mode: 0o40755,
            links: 2,
            uid: 0,
            gid: 0,
            attr: 0,
            time: Time { sec: 1, nsec: 0 },
            rdev: 0,
        };
        dinode_edit::init(block, &geo, &new);
        if xattr > 0 {
            dinode_edit::init_inline_data(block, xattr);
            let features = u16::from_le_bytes([block[0x76], block[0x77]]) | INLINE_XATTR_FL;
            Edit::of(block)
                .dyn_features(features)
                .xattr_inline_size(xattr);
        }
        let room = block.len() as u64 - 0xc8 - u64::from(xattr);
        Edit::of(block).size(room);
        let dir = Directory {
            geo,
            blkno: DIR,
            names: BTreeMap::new(),
        };
        let area = Area::inline(&dir.dinode(&mut store), &geo);
        area.init_dots(store.raw(DIR), DIR, 40).unwrap();
        let lists = Lists::new(geo, 1000, 1 << 20, gap);
        Self { store, lists, dir }
    }

    fn insert(&mut self, name: &[u8]) -> dx_support::Steps {
        let done = self
            .dir
            .insert(&mut self.store, &mut self.lists, name, FILE);
        done.unwrap_or_else(|error| panic!("{}: {error:?}", name.escape_ascii()))
    }

    fn check(&mut self) -> dx_support::Seen {
        self.dir.check(&mut self.store)
    }
}

/// A name that no other number gives.
fn name(n: usize, len: usize) -> Vec<u8> {
    let mut name = format!("{n:x}").into_bytes();
    while name.len() < len {
        name.push(b'-');
    }
    name
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Names of all lengths come, and some go again.
    #[test]
    fn any_names(
        (block_bits, cluster_bits) in prop::sample::select(vec![(9, 12), (10, 12), (12, 12), (12, 13)]),
        xattr in prop::sample::select(vec![0u16, 64]),
        gap in 1u32..5,
        ops in prop::collection::vec((prop::sample::select(vec![1usize, 8, 40, 120, 255]), 0usize..6), 1..500),
    ) {
        let mut rig = Rig::new(block_bits, cluster_bits, xattr, gap);
        let mut live = Vec::new();
        for (n, (len, kind)) in ops.into_iter().enumerate() {
            if kind == 0 && !live.is_empty() {
                let gone: Vec<u8> = live.swap_remove(n * 7 % live.len());
                rig.dir.remove(&mut rig.store, &gone);
            } else {
                live.push(name(n, len));
                rig.insert(&live[live.len() - 1]);
            }
            if n % 40 == 0 {
                rig.check();
            }
        }
        rig.check();
    }
}

/// Fills the leaf that takes `wanted` with made-up entries of these hashes.
fn forge(rig: &mut Rig, wanted: &[u8], majors: impl Fn(u32, usize) -> u32) {
    let geo = rig.dir.geo;
    let hash = NameHash::of(wanted, &geo.dx_seed);
    let dir = rig.dir.dinode(&mut rig.store);
    let root = dir.dx_root.expect("an index");
    assert_eq!(geo.blocks_per_cluster(), 1);
    let mut leaf = 0;
    Tree::of_dx_roots(&geo)
        .visit(&mut rig.store, &root, 0, |rec| {
            if rec.cpos <= hash.major {
                leaf = rec.blkno + u64::from((hash.major - rec.cpos).min(rec.clusters - 1));
            }
            ControlFlow::Continue(())
        })
        .expect("index");
    let block = rig.store.raw(leaf);
    let count = u16::from_le_bytes([block[0x2c], block[0x2d]]);
    let used = u16::from_le_bytes([block[0x2e], block[0x2f]]);
    block[0x2e..0x30].copy_from_slice(&count.to_le_bytes());
    let first = block[0x38..0x40].to_vec();
    for i in 0..usize::from(count) {
        let entry = &mut block[0x30 + i * 16..][..16];
        entry[..4].copy_from_slice(&majors(hash.major, i).to_le_bytes());
        entry[8..].copy_from_slice(&first);
    }
    let root = rig.store.raw(root);
    let names = u32::from_le_bytes(root[0x38..0x3c].try_into().unwrap());
    let names = names + u32::from(count - used);
    root[0x38..0x3c].copy_from_slice(&names.to_le_bytes());
}

/// A directory whose index has leaves of one block each.
fn with_leaves() -> Rig {
    let mut rig = Rig::new(12, 12, 0, 1);
    for n in 0..800 {
        rig.insert(&name(n, 1));
    }
    assert!(rig.check().clusters > 2);
    rig
}

/// However the hashes of a full leaf lie, a split makes room as long as they aren't all that of
/// the name.
#[test]
fn a_split_makes_room() {
    let wanted = b"wanted";
    let hashes: [fn(u32, usize) -> u32; 6] = [
        |hash, _| hash - 1,
        |hash, _| hash + 1,
        |hash, i| hash - u32::from(i < 250),
        |hash, i| hash + u32::from(i < 3),
        |hash, i| if i < 200 { hash - 1 } else { hash + 5 },
        |hash, i| hash - 2 + i as u32 % 5,
    ];
    for (i, majors) in hashes.into_iter().enumerate() {
        let mut rig = with_leaves();
        forge(&mut rig, wanted, majors);
        let steps = rig.insert(wanted);
        // Where half of the hashes are alike, the median may be the lowest of all.
        assert!((1..=2).contains(&steps.index), "{i}: {steps:?}");
        let dir = rig.dir.dinode(&mut rig.store);
        let hit = dx::lookup(&mut rig.store, &dir, &rig.dir.geo, wanted).expect("lookup");
        assert_eq!(hit.expect("the name").inode, FILE);
    }
}

/// What can't be done is refused by the plan.
#[test]
fn no_room_for_one_more_of_the_same_hash() {
    let wanted = b"wanted";
    let mut rig = with_leaves();
    forge(&mut rig, wanted, |hash, _| hash);
    let before = rig.store.snapshot();
    let (store, lists) = (&mut rig.store, &mut rig.lists);
    let done = rig.dir.insert(store, lists, wanted, FILE);
    assert_eq!(done, Err(TreeError::Full));
    assert!(rig.store.snapshot() == before);
}

/// A block whose trailer says that it has too little room isn't looked through; one that has just
/// enough is.
#[test]
fn the_trailer_says_where_there_is_no_room() {
    // A name of nine bytes takes 24.
    for (said, new_blocks) in [(20u16, 1), (24, 0)] {
        let mut rig = with_leaves();
        let dir = rig.dir.dinode(&mut rig.store);
        let root = rig.store.raw(dir.dx_root.expect("an index"));
        let front = u64::from_le_bytes(root[0x40..0x48].try_into().unwrap());
        assert_ne!(front, 0, "no block with room");
        let trailer = rig.dir.geo.block_size() - 64;
        let block = rig.store.raw(front);
        block[trailer + 0x0e..][..2].copy_from_slice(&said.to_le_bytes());
        if new_blocks > 0 {
            // Nothing that could be walked.
            block[8..10].fill(0);
        }
        let steps = rig.insert(b"nine-long");
        assert_eq!(steps.blocks, new_blocks, "{steps:?}");
    }
}

/// A name with a hash from `low` on, and below `high`.
fn name_between(rig: &Rig, low: u32, high: u32) -> Vec<u8> {
    let seed = rig.dir.geo.dx_seed;
    let names = (0..1 << 20).map(|n| name(1_000_000 + n, 1));
    let mut fit = names.filter(|name| (low..high).contains(&NameHash::of(name, &seed).major));
    fit.next().expect("a name")
}

/// A leaf with entries that belong to another cluster is found out before anything is claimed.
#[test]
fn hashes_of_another_cluster_are_refused() {
    let mut rig = with_leaves();
    let wanted = name_between(&rig, 0x4000_0000, 0x6000_0000);
    forge(&mut rig, &wanted, |hash, i| hash + 0x6000_0000 + i as u32);
    let before = rig.store.snapshot();
    let (store, lists) = (&mut rig.store, &mut rig.lists);
    match rig.dir.insert(store, lists, &wanted, FILE) {
        Err(TreeError::Store(error)) => {
            assert_eq!(error.field(), "ocfs2_dx_entry.dx_major_hash");
        }
        done => panic!("{done:?}"),
    }
    assert!(rig.store.snapshot() == before);
}

/// There is no cluster of leaves for the last hash of all: a record would end past it.
#[test]
fn the_last_hash_is_not_split_at() {
    let mut rig = with_leaves();
    let wanted = name_between(&rig, 0xffff_0000, u32::MAX);
    forge(&mut rig, &wanted, |_, i| u32::MAX - u32::from(i < 100));
    let before = rig.store.snapshot();
    let (store, lists) = (&mut rig.store, &mut rig.lists);
    let done = rig.dir.insert(store, lists, &wanted, FILE);
    assert_eq!(done, Err(TreeError::Full));
    assert!(rig.store.snapshot() == before);
}
