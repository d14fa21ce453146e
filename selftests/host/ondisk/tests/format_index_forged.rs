// SPDX-License-Identifier: GPL-2.0-only
//! Indexes whose entries are forged: hashes that collide, leaves that can't be split, lists that go
//! round, fields that are wrong.

mod index_model;

use std::ops::ControlFlow;

use index_model::{ExtentBlocks, Model, FILE, ROOT};
use ocfs2_ondisk_host::ondisk::dir::dx;
use ocfs2_ondisk_host::ondisk::dir::dx_edit::{self, Plan};
use ocfs2_ondisk_host::ondisk::dir::dx_grow;
use ocfs2_ondisk_host::ondisk::dir::dx_hash::NameHash;
use ocfs2_ondisk_host::ondisk::extent::tree::Tree;

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

#[test]
fn a_free_list_that_goes_round_ends() {
    let mut model = few_names(&[b"one"]);
    for _ in 0..20 {
        model.add_dir_block();
    }
    let blocks = model.dir_blocks.clone();
    for (at, blkno) in blocks.iter().enumerate() {
        let next = blocks[(at + 1) % blocks.len()];
        let block = model.blocks.get_mut(blkno).unwrap();
        // One record that fills the block.
        block[..8].copy_from_slice(&FILE.to_le_bytes());
        block[8..12].copy_from_slice(&[0xc0, 3, 250, 1]);
        block[1024 - 64 + 0x20..][..8].copy_from_slice(&next.to_le_bytes());
    }
    let (fs, dir, long) = (model.fs, model.dir, [b'n'; 255]);
    for blkno in &blocks {
        let block = model.blocks.get_mut(blkno).unwrap();
        block[8..10].copy_from_slice(&264u16.to_le_bytes());
        // Two of these, and the rest without enough room.
        block.copy_within(0..264, 264);
        block.copy_within(0..264, 528);
        block[528 + 8..][..2].copy_from_slice(&(960u16 - 528).to_le_bytes());
    }
    model.reads = 0;
    let corrupt = dx_edit::plan(&mut model, &dir, &fs, &long).unwrap_err();
    assert_eq!(corrupt.field, "ocfs2_dir_block_trailer.db_free_next");
    assert!(model.reads < 30, "{} reads", model.reads);
}

/// Where a leaf is split whose entries have the high halves that `majors` gives, for one with
/// `wanted`; `None` if it can't be. The leaf's cluster takes hashes from 0 on.
fn split_of(majors: impl Fn(usize, u32) -> u32) -> Option<u32> {
    let mut model = Model::new(9, 12, [5, 6, 7, 8]);
    for n in 0..40 {
        assert!(model.add(format!("{n}").as_bytes()));
    }
    let (fs, dir, name) = (model.fs, model.dir, b"wanted");
    let wanted = NameHash::of(name, &fs.dx_seed);
    let leaves: Vec<_> = model
        .blocks
        .keys()
        .filter(|key| **key >= 1 << 16)
        .copied()
        .collect();
    assert_eq!(leaves.len(), 8);
    for leaf in leaves {
        let block = model.blocks.get_mut(&leaf).unwrap();
        let count = block[0x2c];
        block[0x2e] = count;
        for (at, entry) in block[0x30..][..usize::from(count) * 16]
            .chunks_exact_mut(16)
            .enumerate()
        {
            entry[..4].copy_from_slice(&majors(at, wanted.major).to_le_bytes());
            entry[4..8].copy_from_slice(&wanted.minor.to_le_bytes());
        }
    }
    model.reads = 0;
    assert!(matches!(
        dx_edit::plan(&mut model, &dir, &fs, name),
        Ok(Plan::NoIndexRoom)
    ));
    let growth = dx_grow::plan(&mut model, &dir, &fs, name).unwrap()?;
    let first = fs.clusters_to_blocks(1 << 20);
    growth
        .apply(&mut model, &fs, first, &mut ExtentBlocks)
        .unwrap();
    let mut at = Vec::new();
    Tree::of_dx_roots(&fs)
        .visit(&mut model, &ROOT, 0, |rec| {
            at.push(rec.cpos);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!((at.len(), at[0]), (2, 0));
    // What is at the split or above has moved, all else has stayed.
    let block = wanted.minor & (fs.blocks_per_cluster() - 1);
    let moved = dx::decode_leaf(
        &model.blocks[&(first + u64::from(block))],
        first + u64::from(block),
        &fs,
    );
    let above = (0..29)
        .filter(|n| majors(*n, wanted.major) >= at[1])
        .count();
    assert_eq!(moved.unwrap().len(), above);
    Some(at[1])
}

#[test]
fn a_full_leaf_is_split_at_its_median() {
    assert_eq!(split_of(|n, _| 1000 - 10 * n as u32), Some(1000 - 10 * 14));
    // More than half have the lowest hash that there is: the next one up.
    assert_eq!(
        split_of(|n, _| if n < 20 { 0 } else { 7 + n as u32 }),
        Some(27)
    );
    // All are alike.
    assert_eq!(split_of(|_, wanted| wanted), None);
    assert_eq!(split_of(|_, _| 0), Some(1));
    let wanted = NameHash::of(b"wanted", &[5, 6, 7, 8]).major;
    assert_eq!(split_of(|_, wanted| wanted + 1), Some(wanted + 1));
    assert_eq!(split_of(|_, wanted| wanted - 1), Some(wanted));
}
