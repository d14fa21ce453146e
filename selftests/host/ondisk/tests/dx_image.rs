// SPDX-License-Identifier: GPL-2.0-only
//! Directories that become indexed and grow, on volumes that mkfs.ocfs2 made, judged by
//! fsck.ocfs2 and debugfs.ocfs2.

mod dx_support;
mod tree_support;

use std::collections::BTreeMap;

use dx_support::{Block, Directory, Snap, Supply};
use ocfs2_ondisk_host::ondisk::alloc::chain::{Allocator, Found};
use ocfs2_ondisk_host::ondisk::alloc::suballoc::{Claims, Reserve};
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::base::store::{Blocks, ExtentBlockSource, Suballoc};
use ocfs2_ondisk_host::ondisk::dir::block::Area;
use ocfs2_ondisk_host::ondisk::inode::dinode::{Dinode, Time};
use ocfs2_ondisk_host::ondisk::inode::{
    edit as dinode_edit,
    edit::{Edit, NewInode},
};
use tree_support::{Error, Image, Store};

/// The allocators of a volume, each through a handle of its own.
struct Allocators {
    geo: Geometry,
    bitmap: Block,
    extent_alloc: Block,
    reserve: Reserve,
    cluster: Option<Found>,
    claimed: u32,
}

impl ExtentBlockSource<Snap<'_>> for Allocators {
    fn claim(&mut self, store: &mut Snap<'_>) -> Result<Suballoc, Error> {
        self.claimed += 1;
        let claims = &mut Claims {
            alloc: Allocator::blocks(&self.geo),
            dinode: &mut self.extent_alloc,
            slot: 0,
            reserve: &mut self.reserve,
        };
        claims.claim(store)
    }
}

impl Supply for Allocators {
    fn reserve(&mut self, store: &mut Store, blocks: u32) {
        let (geo, mut store) = (self.geo, Snap(store));
        self.claimed = 0;
        let alloc = Allocator::blocks(&geo);
        let blocks = u16::try_from(blocks).expect("few blocks");
        let mut found = Reserve::find(&mut store, &alloc, &self.extent_alloc, blocks);
        if matches!(found, Ok(None)) {
            let bitmap = Allocator::clusters(&geo);
            let want = alloc.group_clusters(&self.extent_alloc.bytes).expect("cpg");
            let run = bitmap.find(&mut store, &self.bitmap, want, want, None);
            let run = run.expect("bitmap").expect("room for a group");
            bitmap
                .claim(&mut store, &mut self.bitmap, &run)
                .expect("claim");
            let first = geo.block_to_cluster(run.blkno).expect("cluster");
            alloc
                .add_group(&mut store, &mut self.extent_alloc, first)
                .expect("a group");
            found = Reserve::find(&mut store, &alloc, &self.extent_alloc, blocks);
        }
        self.reserve = found.expect("extent_alloc").expect("extent blocks");
        let bitmap = Allocator::clusters(&geo);
        let found = bitmap.find(&mut store, &self.bitmap, 1, 1, None);
        self.cluster = found.expect("bitmap");
    }

    fn claim_cluster(&mut self, store: &mut Snap<'_>) -> Result<u64, Error> {
        let found = self.cluster.take().expect("a second cluster");
        Allocator::clusters(&self.geo).claim(store, &mut self.bitmap, &found)?;
        Ok(found.blkno)
    }

    fn claimed(&self) -> u32 {
        self.claimed
    }
}

/// A volume with a file `/f` and an inline directory `/d` whose names all lead to it.
struct Rig {
    image: Image,
    allocators: Allocators,
    dir: Directory,
    file: u64,
}

impl Rig {
    fn new(block: &str, cluster: &str) -> Option<Self> {
        let mut image = Image::make(48 << 20, block, cluster, &[])?;
        let geo = image.geo;
        let bitmap = image.system_inode("global_bitmap");
        let extent_alloc = image.system_inode("extent_alloc:0000");
        let mut inode_alloc = image.system_inode("inode_alloc:0000");
        let mut inode = |image: &mut Image, mode, links, name: &[u8]| {
            let (alloc, store) = (Allocator::blocks(&geo), &mut image.store);
            store.raw(inode_alloc);
            let found = alloc.find(store, &inode_alloc, 1, 1, None).expect("find");
            let found = found.expect("room for an inode");
            alloc.claim(store, &mut inode_alloc, &found).expect("claim");
            let new = NewInode {
                suballoc: found.suballoc(0),
                generation: 77,
                mode,
                links,
                uid: 0,
                gid: 0,
                attr: 0,
                time: Time { sec: 1, nsec: 0 },
                rdev: 0,
            };
            dinode_edit::init(store.raw(found.blkno), &geo, &new);
            let file_type = FileType::from_mode(mode).expect("type");
            let root = store.raw(geo.root_blkno);
            let dir = Dinode::decode(root, geo.root_blkno, &geo).expect("root directory");
            let area = Area::inline(&dir, &geo);
            let room = area.find_room(root, name.len()).expect("records");
            area.insert(root, room.expect("room"), name, found.blkno, file_type)
                .expect("entry");
            found.blkno
        };
        let file = inode(&mut image, 0o100644, 1, b"f");
        let blkno = inode(&mut image, 0o040755, 2, b"d");
        Edit::of(image.store.raw(geo.root_blkno)).links(4);
        let block = image.store.raw(blkno);
        let room = block.len() as u64 - 0xc8;
        Edit::of(block).size(room);
        let dir = Directory {
            geo,
            blkno,
            names: BTreeMap::new(),
        };
        let area = Area::inline(&dir.dinode(&mut image.store), &geo);
        area.init_dots(image.store.raw(blkno), blkno, geo.root_blkno)
            .expect("dots");
        let store = &mut Snap(&mut image.store);
        let allocators = Allocators {
            geo,
            bitmap: store.read(bitmap).expect("bitmap"),
            extent_alloc: store.read(extent_alloc).expect("extent_alloc"),
            reserve: Reserve::empty(),
            cluster: None,
            claimed: 0,
        };
        Some(Self {
            image,
            allocators,
            dir,
            file,
        })
    }

    fn insert(&mut self, name: &[u8]) -> dx_support::Steps {
        let (store, supply) = (&mut self.image.store, &mut self.allocators);
        let done = self.dir.insert(store, supply, name, self.file);
        done.unwrap_or_else(|error| panic!("{}: {error:?}", name.escape_ascii()))
    }

    /// Everything there is to say about the directory, by us and by the tools.
    fn judge(&mut self) -> dx_support::Seen {
        let links = 1 + self.dir.names.len() as u32;
        Edit::of(self.image.store.raw(self.file)).links(links);
        let seen = self.dir.check(&mut self.image.store);
        self.image.check();
        let text = self.image.debugfs("ls /d");
        let mut listed: Vec<_> = text
            .lines()
            .filter_map(|l| l.split_whitespace().last())
            .collect();
        listed.retain(|name| !matches!(*name, "." | ".."));
        listed.sort_unstable();
        let names = self.dir.names.keys();
        let names: Vec<_> = names
            .map(|name| std::str::from_utf8(name).unwrap())
            .collect();
        assert!(listed == names, "debugfs.ocfs2 lists something else");
        seen
    }
}

/// Names of several lengths, no two alike.
fn name(n: usize) -> Vec<u8> {
    format!("{n}-{}", "z".repeat(n * n % 29)).into_bytes()
}

/// Fills a directory until its index is of `depth`. Has it judged when its index is made, and when
/// that leaves its root.
fn fill(block: &str, cluster: &str, names: usize, depth: u16) {
    let Some(mut rig) = Rig::new(block, cluster) else {
        return;
    };
    let mut before = None;
    for n in 0..names {
        rig.insert(&name(n));
        let store = &mut rig.image.store;
        let root = rig.dir.dinode(store).dx_root;
        let now = root.map(|root| store.raw(root)[0x2c] & 1);
        if now != before {
            rig.judge();
            before = now;
        }
    }
    let end = rig.judge();
    assert_eq!(end.depth, depth);
    assert!(end.clusters > 3 && end.blocks > 20, "{end:?}");
    // Some go, and others come: they find the room.
    for n in (0..names).step_by(3) {
        rig.dir.remove(&mut rig.image.store, &name(n));
    }
    rig.dir.check(&mut rig.image.store);
    for n in names..names + names / 4 {
        rig.insert(&name(n));
    }
    assert!(rig.judge().blocks <= end.blocks);
}

#[test]
fn fill_512() {
    fill("512", "4K", 6000, 1);
}

#[test]
fn fill_1k() {
    fill("1K", "4K", 4000, 0);
}

#[test]
fn fill_4k() {
    fill("4K", "4K", 4000, 0);
}

#[test]
fn fill_large_clusters() {
    fill("1K", "16K", 5000, 0);
}

/// The most that one name can cost: two blocks, as the first one has only a little more room than
/// the dinode, and leaves for the index, as its root is full of short names.
#[test]
fn all_at_once() {
    let Some(mut rig) = Rig::new("4K", "4K") else {
        return;
    };
    // Records of 16 bytes are the shortest there are, and `.` and `..` are two of 243.
    for n in 0..241 {
        let steps = rig.insert(format!("{n:x}").as_bytes());
        assert_eq!(steps, dx_support::Steps::default(), "{n}");
    }
    let steps = rig.insert(&[b'l'; 255]);
    assert_eq!((steps.expanded, steps.blocks, steps.index), (1, 1, 1));
    rig.judge();
}
