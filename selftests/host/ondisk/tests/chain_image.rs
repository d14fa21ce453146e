// SPDX-License-Identifier: GPL-2.0-only
//! Allocators on volumes that mkfs.ocfs2 made, judged by fsck.ocfs2.

mod tree_support;

use std::collections::BTreeSet;

use ocfs2_ondisk_host::ondisk::alloc::chain::Allocator;
use ocfs2_ondisk_host::ondisk::alloc::group::Piece;
use ocfs2_ondisk_host::ondisk::alloc::suballoc::Reserve;
use tree_support::Image;

/// Bits that fsck.ocfs2 must miss: claimed, and nobody's. It says so for each cluster.
#[test]
fn claimed_clusters_are_seen_and_freed_ones_are_forgotten() {
    for (block, cluster) in [("512", "4K"), ("4K", "32K")] {
        let Some(mut image) = Image::make(60 << 20, block, cluster, &[]) else {
            return;
        };
        let bitmap = image.system_inode("global_bitmap");
        let geo = image.geo;
        let alloc = Allocator::clusters(&geo);
        let mut dinode = bitmap;
        image.store.raw(bitmap);
        let before = image.store.raw(bitmap).clone();
        let used = alloc.decode(&before).expect("global bitmap").used;

        let found = alloc
            .find(&mut image.store, &dinode, 7, 7, None)
            .expect("find");
        let found = found.expect("seven clusters in a row");
        assert_eq!(found.run.bits, 7);
        image.store.dirty.clear();
        alloc
            .claim(&mut image.store, &mut dinode, &found)
            .expect("claim");
        assert_eq!(image.store.dirty.len(), 2);
        let list = alloc
            .decode(image.store.raw(bitmap))
            .expect("global bitmap")
            .used;
        assert_eq!(list, used + 7);
        let text = image.debugfs(&format!("stat <{bitmap}>"));
        assert!(text.contains(&format!("Used: {}", used + 7)), "{text}");

        // Taken once is taken: a second claim of the same bits is refused.
        let again = alloc
            .claim(&mut image.store, &mut dinode, &found)
            .expect_err("claimed twice");
        assert_eq!(again.field(), "ocfs2_group_desc.bg_bitmap");

        let cluster = geo.block_to_cluster(found.blkno).expect("cluster");
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| image.check()));
        assert!(
            refused.is_err(),
            "fsck.ocfs2 did not notice clusters that are nobody's"
        );
        alloc
            .free_clusters(&mut image.store, &mut dinode, cluster, 7)
            .expect("free");
        image.check();
        assert_eq!(*image.store.raw(bitmap), before);
        let twice = alloc.free_clusters(&mut image.store, &mut dinode, cluster, 7);
        assert_eq!(
            twice.expect_err("freed twice").field(),
            "ocfs2_group_desc.bg_bitmap"
        );
    }
}

/// A suballocator gets groups until several chains have them, and fsck.ocfs2 agrees each time.
#[test]
fn suballocators_grow() {
    for (block, cluster) in [("512", "4K"), ("4K", "32K")] {
        for more in [&[][..], &["--fs-features", "nodiscontig-bg"][..]] {
            let Some(mut image) = Image::make(80 << 20, block, cluster, more) else {
                return;
            };
            let geo = image.geo;
            let mut bitmap = image.system_inode("global_bitmap");
            let mut sub = image.system_inode("extent_alloc:0001");
            let (clusters, blocks) = (Allocator::clusters(&geo), Allocator::blocks(&geo));
            image.store.raw(bitmap);
            image.store.raw(sub);
            let empty = blocks
                .decode(image.store.raw(sub))
                .expect("suballocator")
                .free()
                == 0;
            let found = blocks
                .find(&mut image.store, &sub, 1, 1, None)
                .expect("find");
            assert_eq!(found.is_none(), empty);
            let mut groups = Vec::new();
            for _ in 0..4 {
                let want = blocks
                    .group_clusters(image.store.raw(sub))
                    .expect("suballocator");
                let found = clusters.find(&mut image.store, &bitmap, want, want, None);
                let Some(found) = found.expect("find") else {
                    break;
                };
                clusters
                    .claim(&mut image.store, &mut bitmap, &found)
                    .expect("claim");
                let first = geo.block_to_cluster(found.blkno).expect("cluster");
                blocks
                    .add_group(&mut image.store, &mut sub, first)
                    .expect("add a group");
                groups.push(found.blkno);
            }
            assert!(groups.len() > 1);
            image.check();
            let found = blocks
                .find(&mut image.store, &sub, 3, 3, None)
                .expect("find");
            let found = found.expect("three blocks");
            assert_eq!((found.run.bits, found.loc), (3, 0));
            assert!(!empty || groups.contains(&found.group));
            assert_eq!(found.blkno, found.group + u64::from(found.run.bit));
            blocks
                .claim(&mut image.store, &mut sub, &found)
                .expect("claim");
            let next = blocks
                .find(&mut image.store, &sub, 1, 1, None)
                .expect("find");
            assert_ne!(next.expect("another block").blkno, found.blkno);
            blocks
                .free(&mut image.store, &mut sub, found.group, found.run)
                .expect("free");
            image.check();
        }
    }
}

/// Runs of clusters: the first, and how many.
type Runs = Vec<(u32, u16)>;

/// Takes whatever is as long as an eighth of a group, and gives a half of one and two quarters back,
/// apart from each other. What was taken, and what of that given back.
fn fragment(image: &mut Image, bitmap: u64, cpg: u16) -> (Runs, Runs) {
    let geo = image.geo;
    let (alloc, mut dinode) = (Allocator::clusters(&geo), bitmap);
    let mut taken = Vec::new();
    while let Some(run) = alloc
        .find(&mut image.store, &dinode, cpg, cpg / 8, None)
        .expect("find")
    {
        alloc
            .claim(&mut image.store, &mut dinode, &run)
            .expect("claim");
        let first = geo.block_to_cluster(run.blkno).expect("cluster");
        taken.push((first, run.run.bits));
    }
    let whole = taken.iter().filter(|(_, n)| *n == cpg);
    let given: Runs = whole
        .zip([2, 4, 4])
        .map(|(&(first, _), part)| (first, cpg / part))
        .collect();
    assert_eq!(given.len(), 3);
    give(image, bitmap, &given);
    (taken, given)
}

fn give(image: &mut Image, mut bitmap: u64, runs: &[(u32, u16)]) {
    let geo = image.geo;
    for &(first, clusters) in runs {
        Allocator::clusters(&geo)
            .free_clusters(&mut image.store, &mut bitmap, first, clusters)
            .expect("free");
    }
}

/// Adds a group to `sub` that is in as many pieces as it takes.
fn add_in_pieces(image: &mut Image, mut bitmap: u64, mut sub: u64, cpg: u16) -> Vec<Piece> {
    let geo = image.geo;
    let alloc = Allocator::clusters(&geo);
    let none = alloc.find(&mut image.store, &bitmap, cpg, cpg, None);
    assert_eq!(none.expect("find"), None);
    let found = Reserve::find(&mut image.store, &alloc, &bitmap, cpg);
    let found = found.expect("find").expect("pieces");
    for run in found.runs() {
        alloc
            .claim(&mut image.store, &mut bitmap, run)
            .expect("claim");
    }
    let pieces: Vec<_> = found.runs().iter().map(|run| run.piece()).collect();
    Allocator::blocks(&geo)
        .add_group_of(&mut image.store, &mut sub, &pieces)
        .expect("add a group");
    pieces
}

/// Where no run of clusters is long enough for a group it gets several, and blocks from each.
#[test]
fn a_group_in_pieces() {
    for (block, cluster) in [("512", "4K"), ("4K", "4K"), ("4K", "32K")] {
        let Some(mut image) = Image::make(80 << 20, block, cluster, &[]) else {
            return;
        };
        let geo = image.geo;
        let bitmap = image.system_inode("global_bitmap");
        let mut sub = image.system_inode("extent_alloc:0001");
        let blocks = Allocator::blocks(&geo);
        image.store.raw(bitmap);
        let cpg = blocks
            .group_clusters(image.store.raw(sub))
            .expect("suballocator");
        let (taken, given) = fragment(&mut image, bitmap, cpg);
        let pieces = add_in_pieces(&mut image, bitmap, sub, cpg);
        assert_eq!(pieces.len(), 3);
        let in_the_way = taken.iter().filter_map(|&(first, count)| {
            let part = given.iter().find(|(from, _)| *from == first);
            let skip = part.map_or(0, |(_, n)| *n);
            (skip < count).then_some((first + u32::from(skip), count - skip))
        });
        give(&mut image, bitmap, &in_the_way.collect::<Runs>());
        image.check();

        // Every block of it can be had, and says where it is from.
        let mut seen = BTreeSet::new();
        while let Some(run) = blocks
            .find(&mut image.store, &sub, 64, 1, None)
            .expect("find")
        {
            blocks
                .claim(&mut image.store, &mut sub, &run)
                .expect("claim");
            // mkfs.ocfs2 may have made a group before.
            if run.group == pieces[0].blkno {
                assert_eq!(run.loc, run.group);
                seen.extend((0..run.run.bits).map(|i| run.blkno + u64::from(i)));
            }
        }
        let inside = pieces.iter().flat_map(|piece| {
            piece.blkno..piece.blkno + geo.clusters_to_blocks(piece.clusters.into())
        });
        // All but the descriptor.
        assert!(seen.into_iter().eq(inside.skip(1).collect::<BTreeSet<_>>()));
    }
}
