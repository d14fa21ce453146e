// SPDX-License-Identifier: GPL-2.0-only
//! Files with many extents, put on volumes that mkfs.ocfs2 made by the code of the module, and
//! judged by fsck.ocfs2 and debugfs.ocfs2.

mod tree_support;

use std::collections::BTreeMap;

use ocfs2_ondisk_host::ondisk::alloc::chain::Allocator;
use ocfs2_ondisk_host::ondisk::alloc::group::Run;
use ocfs2_ondisk_host::ondisk::alloc::suballoc::{Claims, Reserve};
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::dir::block::Area;
use ocfs2_ondisk_host::ondisk::extent::list::{ExtentRec, EXT_UNWRITTEN};
use ocfs2_ondisk_host::ondisk::extent::tree::Tree;
use ocfs2_ondisk_host::ondisk::inode::dinode::{Dinode, Time};
use ocfs2_ondisk_host::ondisk::inode::{
    edit as dinode_edit,
    edit::{Edit, NewInode},
};
use tree_support::check::check;
use tree_support::Image;

/// A small generator, so that a run is the same every time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// A volume with a file that is being written.
struct Rig {
    image: Image,
    bitmap: u64,
    extent_alloc: u64,
    file: u64,
    /// Cluster of the file to what its first bytes are; absent where it reads as zeros.
    content: BTreeMap<u32, u64>,
    groups: usize,
}

impl Rig {
    fn new(block: &str, cluster: &str) -> Option<Self> {
        let mut image = Image::make(96 << 20, block, cluster, &[])?;
        let bitmap = image.system_inode("global_bitmap");
        let extent_alloc = image.system_inode("extent_alloc:0000");
        let inode_alloc = image.system_inode("inode_alloc:0000");
        for blkno in [bitmap, extent_alloc, inode_alloc] {
            image.store.raw(blkno);
        }
        let geo = image.geo;
        let alloc = Allocator::blocks(&geo);
        let mut dinode = inode_alloc;
        let found = alloc
            .find(&mut image.store, &dinode, 1, 1, None)
            .expect("find");
        let found = found.expect("room for an inode");
        alloc
            .claim(&mut image.store, &mut dinode, &found)
            .expect("claim");
        let new = NewInode {
            suballoc: found.suballoc(0),
            generation: 77,
            mode: 0o100644,
            links: 1,
            uid: 0,
            gid: 0,
            attr: 0,
            time: Time { sec: 1, nsec: 0 },
            rdev: 0,
        };
        dinode_edit::init(image.store.raw(found.blkno), &geo, &new);

        let root = image.store.raw(geo.root_blkno);
        let dir = Dinode::decode(root, geo.root_blkno, &geo).expect("root directory");
        let area = Area::inline(&dir, &geo);
        let room = area
            .find_room(root, 4)
            .expect("root directory")
            .expect("room");
        area.insert(root, room, b"file", found.blkno, FileType::Regular)
            .expect("entry");
        let file = found.blkno;
        let content = BTreeMap::new();
        Some(Self {
            image,
            bitmap,
            extent_alloc,
            file,
            content,
            groups: 0,
        })
    }

    /// Takes up to `want` clusters from the global bitmap.
    fn clusters(&mut self, want: u16, goal: Option<u64>) -> Option<(u64, u32)> {
        let geo = self.image.geo;
        let alloc = Allocator::clusters(&geo);
        let store = &mut self.image.store;
        let found = alloc
            .find(store, &self.bitmap, want, 1, goal)
            .expect("find")?;
        alloc.claim(store, &mut self.bitmap, &found).expect("claim");
        Some((found.blkno, u32::from(found.run.bits)))
    }

    /// Finds extent blocks, and gives the suballocator another group if there are too few.
    fn reserve(&mut self, blocks: u32) -> Reserve {
        let geo = self.image.geo;
        let alloc = Allocator::blocks(&geo);
        let blocks = u16::try_from(blocks).expect("few blocks");
        for _ in 0..2 {
            let store = &mut self.image.store;
            let found = Reserve::find(store, &alloc, &self.extent_alloc, blocks).expect("find");
            if let Some(reserve) = found {
                return reserve;
            }
            let clusters = Allocator::clusters(&geo);
            let want = alloc
                .group_clusters(store.raw(self.extent_alloc))
                .expect("allocator");
            let run = clusters
                .find(store, &self.bitmap, want, want, None)
                .expect("find");
            let run = run.expect("room for a group");
            clusters
                .claim(store, &mut self.bitmap, &run)
                .expect("claim");
            let first = geo.block_to_cluster(run.blkno).expect("cluster");
            alloc
                .add_group(store, &mut self.extent_alloc, first)
                .expect("add a group");
            self.groups += 1;
        }
        panic!("no room after a group was added");
    }

    fn with_claims<T>(
        &mut self,
        records: u32,
        change: impl FnOnce(&mut Image, &mut u64, &mut Claims<'_, u64>) -> T,
    ) -> T {
        let geo = self.image.geo;
        let tree = Tree::of_dinodes(&geo);
        let blocks = tree
            .blocks_needed(&mut self.image.store, &self.file, records)
            .expect("bound");
        let mut reserve = self.reserve(blocks);
        let alloc = Allocator::blocks(&geo);
        let dinode = &mut self.extent_alloc;
        let mut claims = Claims {
            alloc,
            dinode,
            slot: 0,
            reserve: &mut reserve,
        };
        change(&mut self.image, &mut self.file, &mut claims)
    }

    /// Maps clusters, and writes them unless they are to stay unwritten.
    fn map(&mut self, cpos: u32, clusters: u32, blkno: u64, flags: u8) {
        let rec = ExtentRec {
            cpos,
            clusters,
            blkno,
            flags,
        };
        self.with_claims(1, |image, file, claims| {
            let geo = image.geo;
            Tree::of_dinodes(&geo)
                .insert(&mut image.store, file, &rec, claims)
                .expect("insert");
        });
        let bpc = u64::from(self.image.geo.blocks_per_cluster());
        for c in 0..clusters {
            let value = u64::from(cpos + c) << 32 | blkno;
            let data = self.image.store.raw(blkno + u64::from(c) * bpc);
            data[..8].copy_from_slice(&value.to_le_bytes());
            if flags == 0 {
                self.content.insert(cpos + c, value);
            }
        }
    }

    /// Marks clusters written that [`Self::map`] left unwritten.
    fn mark(&mut self, cpos: u32, clusters: u32, rec: &ExtentRec) {
        let done = self.with_claims(2, |image, file, claims| {
            let geo = image.geo;
            let tree = Tree::of_dinodes(&geo);
            tree.mark_written(&mut image.store, file, cpos, clusters, claims)
                .expect("mark")
        });
        for c in 0..done {
            self.content
                .insert(cpos + c, u64::from(cpos + c) << 32 | rec.blkno);
        }
    }

    /// Bits in use: clusters, and extent blocks.
    fn used(&mut self) -> (u32, u32) {
        let geo = self.image.geo;
        let clusters = self.image.store.raw(self.bitmap);
        let clusters = Allocator::clusters(&geo)
            .decode(clusters)
            .expect("global bitmap")
            .used;
        let blocks = self.image.store.raw(self.extent_alloc);
        let blocks = Allocator::blocks(&geo)
            .decode(blocks)
            .expect("extent_alloc")
            .used;
        (clusters, blocks)
    }

    /// Clusters that went to the suballocator.
    fn group_clusters(&mut self) -> u32 {
        let geo = self.image.geo;
        let alloc = Allocator::blocks(&geo);
        let raw = self.image.store.raw(self.extent_alloc);
        self.groups as u32 * u32::from(alloc.group_clusters(raw).expect("extent_alloc"))
    }

    /// Gives everything from `from` on back.
    fn truncate(&mut self, from: u32) {
        let geo = self.image.geo;
        let store = &mut self.image.store;
        let (clusters, blocks) = (Allocator::clusters(&geo), Allocator::blocks(&geo));
        let tree = Tree::of_dinodes(&geo);
        while let Some(cut) = tree.cut(store, &mut self.file, from).expect("cut") {
            let rec = cut.extent.expect("a record");
            let first = geo.block_to_cluster(rec.blkno).expect("cluster");
            let len = u16::try_from(rec.clusters).expect("clusters of one record");
            clusters
                .free_clusters(store, &mut self.bitmap, first, len)
                .expect("free");
            for block in cut.blocks.iter().flatten() {
                let run = Run {
                    bit: block.bit,
                    bits: 1,
                };
                let group = match block.loc {
                    0 => block.blkno - u64::from(block.bit),
                    loc => loc,
                };
                blocks
                    .free(store, &mut self.extent_alloc, group, run)
                    .expect("free");
            }
        }
        self.content.split_off(&from);
    }

    /// Compares the file with what was written, by the tools' eyes.
    fn judge(&mut self, clusters: u32) -> u16 {
        let geo = self.image.geo;
        let size = u64::from(clusters) << geo.cluster_bits();
        Edit::of(self.image.store.raw(self.file)).size(size);
        self.image.check();
        let out = self.image.path().with_extension("dump");
        self.image.debugfs(&format!("dump /file {}", out.display()));
        let data = std::fs::read(&out).expect("dump");
        assert_eq!(data.len() as u64, size);
        for (cpos, cluster) in data.chunks(geo.cluster_size() as usize).enumerate() {
            let value = u64::from_le_bytes(cluster[..8].try_into().expect("eight bytes"));
            let expected = self.content.get(&(cpos as u32)).copied().unwrap_or(0);
            assert_eq!(value, expected, "cluster {cpos}");
        }
        let stat = self.image.debugfs("stat /file");
        let bpc = u64::from(geo.blocks_per_cluster());
        let seen = check(&mut self.image.store, self.file, bpc);
        assert!(
            stat.contains(&format!("Clusters: {}", seen.map.len())),
            "{stat}"
        );
        assert!(
            stat.contains(&format!("Tree Depth: {}", seen.depth)),
            "{stat}"
        );
        seen.depth
    }
}

/// Clusters of the file in any order, each apart from its neighbours on the volume, with holes
/// that are filled later, and unwritten extents that are written in part.
fn fragmented(block: &str, cluster: &str, count: usize, depth: u16) {
    let Some(mut rig) = Rig::new(block, cluster) else {
        return;
    };
    let before = rig.used();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut free = Vec::new();
    while free.len() < count {
        let want = (count - free.len()).min(2000) as u16;
        let (blkno, got) = rig.clusters(want, None).expect("clusters");
        let bpc = u64::from(rig.image.geo.blocks_per_cluster());
        free.extend((0..u64::from(got)).map(|c| blkno + c * bpc));
    }
    for i in (1..free.len()).rev() {
        free.swap(i, random.below(i + 1));
    }
    // Even clusters first, in order; then odd ones anywhere, every third of them unwritten.
    let mut order: Vec<u32> = (0..count as u32 / 2).map(|i| 2 * i).collect();
    let mut odd: Vec<u32> = order.iter().map(|c| c + 1).collect();
    for i in (1..odd.len()).rev() {
        odd.swap(i, random.below(i + 1));
    }
    odd.truncate(odd.len() - odd.len() / 8);
    order.append(&mut odd);
    for (cpos, blkno) in order.iter().zip(&free) {
        let flags = if cpos % 3 == 1 { EXT_UNWRITTEN } else { 0 };
        rig.map(*cpos, 1, *blkno, flags);
    }
    let rest = free.split_off(order.len());
    let bpc = u64::from(rig.image.geo.blocks_per_cluster());
    for blkno in rest {
        let cluster = (blkno / bpc) as u32;
        let geo = rig.image.geo;
        let alloc = Allocator::clusters(&geo);
        alloc
            .free_clusters(&mut rig.image.store, &mut rig.bitmap, cluster, 1)
            .expect("free");
    }
    assert_eq!(rig.judge(count as u32), depth);

    // A long unwritten extent behind all that, written here and there.
    let base = count as u32 + 5;
    let (blkno, got) = rig.clusters(300, None).expect("clusters");
    rig.map(base, got, blkno, EXT_UNWRITTEN);
    let rec = ExtentRec {
        cpos: base,
        clusters: got,
        blkno,
        flags: 0,
    };
    for i in 0..got / 10 {
        rig.mark(base + 10 * i + 3, 4, &rec);
    }
    // And some more of it, across what is written, and to the end.
    let mut cpos = base + got / 2;
    while cpos < base + got {
        rig.mark(cpos, 3, &rec);
        cpos += 3;
    }
    rig.judge(base + got);

    // Most of it goes again, and then all: the allocators are as they were before the file.
    rig.truncate(count as u32 / 3);
    rig.judge(count as u32 / 3);
    rig.truncate(0);
    assert_eq!(rig.judge(0), 0);
    let used = rig.used();
    assert_eq!(
        (used.0 - before.0, used.1 - before.1),
        (rig.group_clusters(), rig.groups as u32)
    );
}

#[test]
fn fragmented_512() {
    fragmented("512", "4K", 2400, 2);
}

#[test]
fn fragmented_1k() {
    fragmented("1K", "4K", 6000, 2);
}

#[test]
fn fragmented_4k() {
    fragmented("4K", "4K", 3000, 1);
}

#[test]
fn fragmented_large_clusters() {
    fragmented("2K", "16K", 1200, 1);
}

/// A file that only grows, a few clusters at a time and next to where it ended, is one extent.
#[test]
fn appends_stay_together() {
    let Some(mut rig) = Rig::new("1K", "4K") else {
        return;
    };
    let (mut cpos, mut goal) = (0, None);
    for i in 0..200 {
        let (blkno, got) = rig.clusters(1 + i % 4, goal).expect("clusters");
        rig.map(cpos, got, blkno, 0);
        cpos += got;
        goal = Some(blkno + u64::from(got) * u64::from(rig.image.geo.blocks_per_cluster()));
    }
    let bpc = u64::from(rig.image.geo.blocks_per_cluster());
    assert_eq!(check(&mut rig.image.store, rig.file, bpc).records, 1);
    rig.judge(cpos);
}
