// SPDX-License-Identifier: GPL-2.0-only
//! Allocators on volumes that mkfs.ocfs2 made, judged by fsck.ocfs2.

mod tree_support;

use ocfs2_ondisk_host::ondisk::chain::Allocator;
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
