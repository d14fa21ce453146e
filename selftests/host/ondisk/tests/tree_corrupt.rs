// SPDX-License-Identifier: GPL-2.0-only
//! Trees that lie: each lie is named, none is followed for ever, and nothing is changed.

mod tree_support;

use std::ops::ControlFlow;

use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::extent::insert::TreeError;
use ocfs2_ondisk_host::ondisk::extent::list::{ExtentRec, EXT_REFCOUNTED, EXT_UNWRITTEN};
use ocfs2_ondisk_host::ondisk::extent::tree::{Mapped, Tree};
use ocfs2_ondisk_host::ondisk::inode::edit as dinode_edit;
use proptest::prelude::*;
use tree_support::{Error, ListSource, Store};

const ROOT: u64 = 100;
const RECORDS: u32 = 150;

/// A tree of depth 2 in blocks of 512 bytes: `RECORDS` records of two clusters, each with a hole
/// of one behind it.
fn tree() -> (Geometry, Store, ListSource) {
    let mut geo = Geometry::new(9, 12, 1 << 20).unwrap();
    geo.fs_generation = 7;
    let mut store = Store::in_memory(512, geo.blocks());
    let root = store.raw(ROOT);
    root[0x50..0x58].copy_from_slice(&ROOT.to_le_bytes());
    dinode_edit::init_extent_list(root, 256);
    root[0x12..0x14].copy_from_slice(&256u16.to_le_bytes());
    root[0x76] = 4;
    let free = (1000..1200).rev().collect();
    let mut source = ListSource { free, given: 0 };
    let tree = Tree::of_dinodes(&geo);
    for i in 0..RECORDS {
        let flags = if i % 2 == 0 { 0 } else { EXT_UNWRITTEN };
        let blkno = geo.clusters_to_blocks(1000 + i * 7);
        let (cpos, clusters) = (3 * i, 2);
        #[rustfmt::skip] // A row of a table.
        let rec = ExtentRec { cpos, clusters, blkno, flags };
        tree.insert(&mut store, &mut { ROOT }, &rec, &mut source)
            .expect("insert");
    }
    assert_eq!(store.raw(ROOT)[0xC0], 2);
    (geo, store, source)
}

fn child_of(store: &mut Store, blkno: u64, list: usize, i: usize) -> u64 {
    let at = list + 16 + 16 * i + 8;
    u64::from_le_bytes(store.raw(blkno)[at..at + 8].try_into().unwrap())
}

/// Does all that can be done; hands back the first error, and checks that it came first.
fn exercise(
    geo: &Geometry,
    store: &mut Store,
    source: &mut ListSource,
) -> Option<TreeError<Error>> {
    let tree = Tree::of_dinodes(geo);
    let mut root = ROOT;
    store.reads = 0;
    let mut first = None;
    let mut note = |error: Option<TreeError<Error>>| first = first.take().or(error);
    for cpos in (0..3 * RECORDS).step_by(2).chain([u32::MAX - 1, u32::MAX]) {
        note(tree.lookup(store, &root, cpos).err().map(TreeError::Store));
    }
    let mut seen = 0;
    let count = |_: &ExtentRec| {
        seen += 1;
        ControlFlow::Continue(())
    };
    note(
        tree.visit(store, &root, 0, count)
            .err()
            .map(TreeError::Store),
    );
    assert!(seen <= 28 * 28 * 3);
    note(tree.end(store, &root).err().map(TreeError::Store));
    assert!(store.reads < 10_000, "{} reads", store.reads);
    for cpos in [2, 3 * RECORDS / 2 + 2, 3 * RECORDS + 1, 3 * RECORDS - 1] {
        note(tree.blocks_needed(store, &root, 3).err());
        note(tree.credits(store, &root, cpos, 2).err());
        store.reads = 0;
        store.dirty.clear();
        let rec = ExtentRec {
            cpos,
            clusters: 1,
            blkno: geo.clusters_to_blocks(9),
            flags: 0,
        };
        let done = tree.insert(store, &mut root, &rec, source);
        assert!(
            done.is_ok() || store.dirty.is_empty(),
            "{done:?} after a change"
        );
        note(done.err());
        let marked = tree.mark_written(store, &mut root, cpos / 3 * 3 + 1, 1, source);
        note(marked.err());
        assert!(store.reads < 10_000, "{} reads", store.reads);
    }
    store.reads = 0;
    for _ in 0..300 {
        store.dirty.clear();
        match tree.cut(store, &mut root, 5) {
            Ok(Some(_)) => (),
            Ok(None) => break,
            Err(error) => {
                assert!(store.dirty.is_empty(), "{error:?} after a change");
                note(Some(error));
                break;
            }
        }
    }
    assert!(store.reads < 10_000, "{} reads", store.reads);
    first
}

#[test]
fn a_good_tree_has_no_error() {
    let (geo, mut store, mut source) = tree();
    assert_eq!(exercise(&geo, &mut store, &mut source), None);
}

/// Where a lie is told.
#[derive(Clone, Copy, Debug)]
enum At {
    Root,
    /// The first node below the root.
    Interior,
    /// The second leaf.
    Leaf,
    LastLeaf,
}

use At::*;

/// Where, at which byte, what, and the field that must be named.
const LIES: &[(At, usize, &[u8], &str)] = &[
    (Root, 0x58, &[0; 8], "ocfs2_dinode.i_last_eb_blk"),
    (Root, 0x58, &[0xff; 8], "ocfs2_dinode.i_last_eb_blk"),
    (Root, 0x58, &[9], "ocfs2_dinode.i_last_eb_blk"),
    (Root, 0x76, &[1], "ocfs2_dinode.i_dyn_features"),
    (Root, 0xC0, &[5], "ocfs2_extent_list.l_tree_depth"),
    (Root, 0xC1, &[1], "ocfs2_extent_list.l_tree_depth"),
    (Root, 0xC0, &[1], "ocfs2_extent_list.l_tree_depth"),
    (Root, 0xC0, &[3], "ocfs2_extent_list.l_tree_depth"),
    (Root, 0xC0, &[0], "ocfs2_extent_rec.e_blkno"),
    (Root, 0xC2, &[0, 0], "ocfs2_extent_list.l_count"),
    (Root, 0xC2, &[4, 0], "ocfs2_extent_list.l_count"),
    (Root, 0xC2, &[255, 255], "ocfs2_extent_list.l_count"),
    (Root, 0xC4, &[0, 0], "ocfs2_extent_list.l_next_free_rec"),
    (Root, 0xC4, &[4, 0], "ocfs2_extent_list.l_next_free_rec"),
    (Root, 0xD8, &[0xff; 8], "ocfs2_extent_rec.e_blkno"),
    (Root, 0xD8, &[0; 8], "ocfs2_extent_rec.e_blkno"),
    (
        Root,
        0xD8,
        &[ROOT as u8, 0, 0, 0, 0, 0, 0, 0],
        "ocfs2_extent_rec.e_blkno",
    ),
    (Root, 0xD0, &[255; 4], "ocfs2_extent_rec.e_int_clusters"),
    (Interior, 0x00, b"EXBLK02", "ocfs2_extent_block.h_signature"),
    (Interior, 0x14, &[8], "ocfs2_extent_block.h_fs_generation"),
    (Interior, 0x18, &[1], "ocfs2_extent_block.h_blkno"),
    (Interior, 0x30, &[0], "ocfs2_extent_list.l_tree_depth"),
    (Interior, 0x30, &[2], "ocfs2_extent_list.l_tree_depth"),
    (Interior, 0x32, &[27], "ocfs2_extent_list.l_count"),
    (Interior, 0x34, &[29], "ocfs2_extent_list.l_next_free_rec"),
    (Interior, 0x34, &[0], "ocfs2_extent_list.l_next_free_rec"),
    (Interior, 0x50, &[0; 4], "ocfs2_extent_rec.e_cpos"),
    (Interior, 0x54, &[255; 4], "ocfs2_extent_rec.e_int_clusters"),
    (
        Interior,
        0x40 + 5 * 16 + 4,
        &[255, 255],
        "ocfs2_extent_rec.e_int_clusters",
    ),
    (Leaf, 0x00, &[0], "ocfs2_extent_block.h_signature"),
    (Leaf, 0x28, &[0xff; 8], "ocfs2_extent_block.h_next_leaf_blk"),
    (Leaf, 0x30, &[1], "ocfs2_extent_list.l_tree_depth"),
    (Leaf, 0x34, &[0], "ocfs2_extent_list.l_next_free_rec"),
    (Leaf, 0x34, &[28, 1], "ocfs2_extent_list.l_next_free_rec"),
    // Before the parent's range; overlap with the one before; unordered; over the edge.
    (Leaf, 0x40, &[0; 4], "ocfs2_extent_rec.e_cpos"),
    (Leaf, 0x44, &[4, 0], "ocfs2_extent_rec.e_cpos"),
    (Leaf, 0x50, &[0, 0, 1, 0], "ocfs2_extent_rec.e_cpos"),
    (Leaf, 0x54, &[0, 0], "ocfs2_extent_rec.e_leaf_clusters"),
    (
        Leaf,
        0x40 + 27 * 16 + 4,
        &[99, 0],
        "ocfs2_extent_rec.e_leaf_clusters",
    ),
    (LastLeaf, 0x40, &[255; 4], "ocfs2_extent_rec.e_cpos"),
    (Leaf, 0x47, &[4], "ocfs2_extent_rec.e_flags"),
    (Leaf, 0x48, &[1], "ocfs2_extent_rec.e_blkno"),
    (Leaf, 0x48, &[0; 8], "ocfs2_extent_rec.e_blkno"),
    (Leaf, 0x4F, &[1], "ocfs2_extent_rec.e_blkno"),
    // The last cluster of the volume, and one more.
    (
        Leaf,
        0x48,
        &[0xF8, 0xFF, 0x7F, 0, 0, 0, 0, 0],
        "ocfs2_extent_rec.e_blkno",
    ),
];

#[test]
fn every_lie_is_named() {
    for (at, off, bytes, field) in LIES {
        let (geo, mut store, mut source) = tree();
        let interior = child_of(&mut store, ROOT, 0xC0, 0);
        let last_leaf = u64::from_le_bytes(store.raw(ROOT)[0x58..0x60].try_into().unwrap());
        let blkno = match at {
            Root => ROOT,
            Interior => interior,
            Leaf => child_of(&mut store, interior, 0x30, 1),
            LastLeaf => last_leaf,
        };
        store.raw(blkno)[*off..off + bytes.len()].copy_from_slice(bytes);
        match exercise(&geo, &mut store, &mut source) {
            Some(TreeError::Store(Error::Corrupt(corrupt))) => {
                assert_eq!(corrupt.field, *field, "{at:?} {off:#x}");
            }
            other => panic!("{at:?} {off:#x} {field}: {other:?}"),
        }
    }
}

/// A root that has records in blocks but no last one, or the other way round, is no root.
#[test]
fn the_last_block_fits_the_depth() {
    let (geo, mut store, _) = tree();
    let tree = Tree::of_dinodes(&geo);
    store.raw(ROOT)[0x58..0x60].fill(0);
    let error = tree
        .lookup(&mut store, &ROOT, 0)
        .expect_err("no last block");
    assert_eq!(error.field(), "ocfs2_dinode.i_last_eb_blk");
    let root = store.raw(ROOT);
    root[0xC0..].fill(0);
    (root[0xC2], root[0x58]) = (3, 100);
    let error = tree.lookup(&mut store, &ROOT, 0).expect_err("a last block");
    assert_eq!(error.field(), "ocfs2_dinode.i_last_eb_blk");
}

/// A volume that was cut short: pointers past the device are not followed.
#[test]
fn blocks_past_the_device_are_not_read() {
    let (geo, store, _) = tree();
    let mut short = Store::in_memory(512, 1005);
    for (blkno, block) in store.snapshot() {
        if blkno < 1005 {
            *short.raw(blkno) = block;
        }
    }
    let tree = Tree::of_dinodes(&geo);
    let error = tree
        .lookup(&mut short, &ROOT, 3 * RECORDS)
        .expect_err("past the device");
    assert_eq!(error.field(), "ocfs2_extent_rec.e_blkno");
}

/// The index of a directory has its root elsewhere, and its counts too.
#[test]
fn roots_of_directory_indexes() {
    let (geo, mut store, mut source) = tree();
    let tree = Tree::of_dx_roots(&geo);
    let mut root = 300;
    let raw = store.raw(root);
    raw[0x18..0x20].copy_from_slice(&300u64.to_le_bytes());
    raw[0xC2] = 19;
    for i in 0..20 {
        let blkno = geo.clusters_to_blocks(3000 + 2 * i);
        let rec = ExtentRec {
            cpos: i,
            clusters: 1,
            blkno,
            flags: 0,
        };
        tree.insert(&mut store, &mut root, &rec, &mut source)
            .expect("insert");
    }
    let raw = store.raw(root);
    assert_eq!((raw[0x28], raw[0xC0]), (20, 1));
    assert_eq!(raw[0x20..0x28], raw[0xD8..0xE0]);
    let got = tree.lookup(&mut store, &root, 19).expect("lookup").what;
    assert_eq!(
        got,
        Mapped::Extent {
            blkno: geo.clusters_to_blocks(3038),
            flags: 0
        }
    );
    store.raw(root)[0x2C] = 1;
    let error = tree
        .lookup(&mut store, &root, 0)
        .expect_err("entries in the root");
    let Error::Corrupt(corrupt) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (corrupt.blkno, corrupt.field),
        (300, "ocfs2_dx_root_block.dr_flags")
    );
}

/// A child that is its own ancestor is at the wrong depth, wherever it is entered.
#[test]
fn cycles_end() {
    let (geo, mut store, mut source) = tree();
    let interior = child_of(&mut store, ROOT, 0xC0, 0);
    for i in 0..5 {
        store.raw(interior)[0x48 + i * 16..][..8].copy_from_slice(&interior.to_le_bytes());
    }
    let error = exercise(&geo, &mut store, &mut source);
    let Some(TreeError::Store(error)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.field(), "ocfs2_extent_rec.e_blkno");

    // One leaf for two records.
    let (geo, mut store, mut source) = tree();
    let leaf = child_of(&mut store, interior, 0x30, 1);
    store.raw(interior)[0x68..0x70].copy_from_slice(&leaf.to_le_bytes());
    let error = exercise(&geo, &mut store, &mut source);
    let Some(TreeError::Store(error)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.field(), "ocfs2_extent_rec.e_cpos");
}

/// What the in-tree driver leaves: an empty record in front of a leaf is skipped, and used.
#[test]
fn empty_records_are_skipped_and_used_up() {
    let (geo, mut store, mut source) = tree();
    let interior = child_of(&mut store, ROOT, 0xC0, 0);
    let leaf = child_of(&mut store, interior, 0x30, 1);
    let raw = store.raw(leaf);
    let cpos = u32::from_le_bytes(raw[0x50..0x54].try_into().unwrap());
    raw[0x40..0x50].fill(0);
    let tree = Tree::of_dinodes(&geo);
    let hole = tree.lookup(&mut store, &ROOT, cpos - 2).expect("lookup");
    assert_eq!((hole.what, hole.clusters), (Mapped::Hole, 2));
    let rec = ExtentRec {
        cpos: cpos - 2,
        clusters: 1,
        blkno: 800,
        flags: 0,
    };
    store.dirty.clear();
    tree.insert(&mut store, &mut { ROOT }, &rec, &mut source)
        .expect("insert");
    assert!(
        store.dirty.iter().all(|b| [ROOT, leaf].contains(b)),
        "{:?}",
        store.dirty
    );
    let raw = store.raw(leaf);
    assert_eq!(raw[0x40..0x44], (cpos - 2).to_le_bytes());
    assert_eq!((raw[0x32], raw[0x34]), (28, 28));
}

/// Shared extents are reported, and neither written nor joined to.
#[test]
fn refcounted_extents_are_left_alone() {
    let (geo, mut store, mut source) = tree();
    let interior = child_of(&mut store, ROOT, 0xC0, 0);
    let leaf = child_of(&mut store, interior, 0x30, 1);
    let raw = store.raw(leaf);
    let cpos = u32::from_le_bytes(raw[0x40..0x44].try_into().unwrap());
    let blkno = u64::from_le_bytes(raw[0x48..0x50].try_into().unwrap());
    raw[0x47] = EXT_REFCOUNTED | EXT_UNWRITTEN;
    let tree = Tree::of_dinodes(&geo);
    let got = tree.lookup(&mut store, &ROOT, cpos).expect("lookup").what;
    assert!(got.is_refcounted() && got.is_unwritten());
    let (before, mut root) = (store.snapshot(), ROOT);
    let marked = tree.mark_written(&mut store, &mut root, cpos, 1, &mut source);
    assert_eq!(marked, Err(TreeError::Refcounted));
    let mut cuts = 0;
    let cut = loop {
        match tree.cut(&mut store, &mut root, cpos) {
            Ok(_) => cuts += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((cut, cuts), (TreeError::Refcounted, RECORDS - cpos / 3 - 1));
    store.restore(&before);
    let rec = ExtentRec {
        cpos: cpos + 2,
        clusters: 1,
        blkno: blkno + 16,
        flags: EXT_REFCOUNTED,
    };
    let done = tree.insert(&mut store, &mut root, &rec, &mut source);
    assert_eq!(done, Err(TreeError::Refcounted));
    assert!(store.snapshot() == before);
    // It goes on where the shared one ends, and is a record of its own all the same.
    let rec = ExtentRec { flags: 0, ..rec };
    tree.insert(&mut store, &mut root, &rec, &mut source)
        .expect("insert");
    let got = tree.lookup(&mut store, &ROOT, cpos).expect("lookup");
    assert_eq!(got.clusters, 2);
}

/// Records that can't be stored are refused by name.
#[test]
fn bad_records_are_refused() {
    let (geo, mut store, mut source) = tree();
    let good = ExtentRec {
        cpos: 5000,
        clusters: 1,
        blkno: 800,
        flags: 0,
    };
    let cases = [
        (
            ExtentRec {
                clusters: 0,
                ..good
            },
            "ocfs2_extent_rec.e_leaf_clusters",
        ),
        (
            ExtentRec {
                clusters: 65536,
                ..good
            },
            "ocfs2_extent_rec.e_leaf_clusters",
        ),
        (
            ExtentRec {
                cpos: u32::MAX,
                ..good
            },
            "ocfs2_extent_rec.e_cpos",
        ),
        (ExtentRec { flags: 8, ..good }, "ocfs2_extent_rec.e_flags"),
        (ExtentRec { blkno: 801, ..good }, "ocfs2_extent_rec.e_blkno"),
        (ExtentRec { blkno: 0, ..good }, "ocfs2_extent_rec.e_blkno"),
        (
            ExtentRec {
                blkno: geo.blocks(),
                ..good
            },
            "ocfs2_extent_rec.e_blkno",
        ),
        (
            ExtentRec {
                clusters: 2,
                blkno: geo.blocks() - 8,
                ..good
            },
            "ocfs2_extent_rec.e_blkno",
        ),
    ];
    let before = store.snapshot();
    for (rec, field) in cases {
        let done = Tree::of_dinodes(&geo).insert(&mut store, &mut { ROOT }, &rec, &mut source);
        assert_eq!(done, Err(TreeError::BadRecord(field)), "{rec:?}");
    }
    assert!(store.snapshot() == before);
    let last = ExtentRec {
        cpos: u32::MAX - 1,
        ..good
    };
    let done = Tree::of_dinodes(&geo).insert(&mut store, &mut { ROOT }, &last, &mut source);
    done.expect("the last cluster that there can be");
}

/// A device that fails before anything changed leaves everything as it was.
#[test]
fn device_errors_come_before_changes_or_not_at_all() {
    for cpos in [2, 224, 3 * RECORDS] {
        for fail in 0.. {
            let (geo, mut store, mut source) = tree();
            let before = store.snapshot();
            store.dirty.clear();
            store.reads = 0;
            store.fail_at_read = Some(fail);
            let rec = ExtentRec {
                cpos,
                clusters: 1,
                blkno: 800,
                flags: 0,
            };
            let tree = Tree::of_dinodes(&geo);
            let done = tree.insert(&mut store, &mut { ROOT }, &rec, &mut source);
            if done.is_ok() {
                assert!(fail > 2);
                break;
            }
            assert_eq!(done, Err(TreeError::Store(Error::Device)));
            assert!(!store.dirty.is_empty() || store.snapshot() == before);
        }
    }
}

/// The deepest tree that the in-tree driver takes, full to the brim at its right edge.
#[test]
fn a_full_tree_is_refused() {
    let (geo, mut store, mut source) = tree();
    let full = |store: &mut Store, blkno: u64, depth: u8, child: u64| {
        let raw = store.raw(blkno);
        raw.fill(0);
        raw[..7].copy_from_slice(b"EXBLK01");
        raw[0x14] = 7;
        raw[0x18..0x20].copy_from_slice(&blkno.to_le_bytes());
        (raw[0x30], raw[0x32], raw[0x34]) = (depth, 28, 28);
        for i in 0..28u32 {
            let rec = &mut raw[0x40 + 16 * i as usize..][..16];
            let at = if i < 27 || depth == 0 {
                child
            } else {
                child + 8
            };
            rec[..4].copy_from_slice(&i.to_le_bytes());
            rec[4] = 1;
            rec[8..].copy_from_slice(&at.to_le_bytes());
        }
        // All but the last stand for a cluster; the last for all that its child has.
        if depth > 0 {
            raw[0x40 + 27 * 16 + 4] = 28;
        }
    };
    // Only the right edge is ever looked at; the first record goes back to the start.
    for depth in 0..4u8 {
        full(
            &mut store,
            2000 + 8 * u64::from(4 - depth),
            depth,
            2000 + 8 * u64::from(4 - depth),
        );
    }
    for depth in 1..4u8 {
        let blkno = 2000 + 8 * u64::from(4 - depth);
        let raw = store.raw(blkno);
        for i in 0..28 {
            raw[0x48 + i * 16..][..8].copy_from_slice(&(blkno + 8).to_le_bytes());
        }
        // One record that covers everything, at the end; what is before it covers nothing.
        for i in 0..28 {
            raw[0x40 + i * 16..][..8].fill(0);
        }
        raw[0x40 + 27 * 16 + 4] = 28;
    }
    let root = store.raw(ROOT);
    root[0xD0..].fill(0);
    (root[0xC0], root[0xC2], root[0xC4]) = (4, 1, 1);
    root[0xD4] = 28;
    root[0xD8..0xE0].copy_from_slice(&2008u64.to_le_bytes());
    root[0x58..0x60].copy_from_slice(&2032u64.to_le_bytes());

    let tree = Tree::of_dinodes(&geo);
    assert_eq!(tree.end(&mut store, &ROOT), Ok(28));
    assert_eq!(
        tree.blocks_needed(&mut store, &ROOT, 1),
        Err(TreeError::Full)
    );
    let before = store.snapshot();
    let rec = ExtentRec {
        cpos: 40,
        clusters: 1,
        blkno: 800,
        flags: 0,
    };
    let done = tree.insert(&mut store, &mut { ROOT }, &rec, &mut source);
    assert_eq!(done, Err(TreeError::Full));
    assert!(store.snapshot() == before);
    // What needs no room still works: the last record gets longer.
    let rec = ExtentRec {
        cpos: 28,
        clusters: 1,
        blkno: 2040,
        flags: 0,
    };
    tree.insert(&mut store, &mut { ROOT }, &rec, &mut source)
        .expect("a longer record");
    assert_eq!(tree.end(&mut store, &ROOT), Ok(29));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// Any bytes anywhere: no panic, no endless walk, and no change behind an error.
    #[test]
    fn random_damage(
        damage in prop::collection::vec((0..12usize, 0..512usize, any::<u8>()), 1..6),
        list in prop::collection::vec((0..12usize, 0..28usize, 0..16usize, 0..3u8), 0..4),
    ) {
        let (geo, mut store, mut source) = tree();
        let mut blocks = vec![ROOT];
        blocks.extend(1000..1011);
        for (block, off, byte) in damage {
            store.raw(blocks[block])[off] = byte;
        }
        for (block, rec, off, byte) in list {
            store.raw(blocks[block])[(0x40 + rec * 16 + off).min(511)] = byte;
        }
        exercise(&geo, &mut store, &mut source);
    }
}
