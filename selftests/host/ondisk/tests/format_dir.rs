// SPDX-License-Identifier: GPL-2.0-only
//! Directory areas against a model: a list of names. And against bytes that are no directory.

mod format_support;

use std::collections::BTreeMap;

use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::dir::dirent::{self, MAX_NAME_LEN};
use ocfs2_ondisk_host::ondisk::dir::{block as dir_block, block::Area};
use ocfs2_ondisk_host::ondisk::inode::dinode::Dinode;
use ocfs2_ondisk_host::ondisk::inode::{edit as dinode_edit, edit::Edit};
use ocfs2_ondisk_host::sample::new_directory;
use proptest::prelude::*;

const BLKNO: u64 = 1000;
const DIR: u64 = 900;

/// A volume, one of its directories, and an empty block of that.
fn empty_block(block_bits: u32) -> (Geometry, Dinode, Vec<u8>, Area) {
    let mut fs = Geometry::new(block_bits, 12, 1 << 20).unwrap();
    fs.features.incompat = 0x10;
    let mut dinode = vec![0; fs.block_size()];
    dinode_edit::init(&mut dinode, &fs, &new_directory(DIR));
    Edit::of(&mut dinode)
        .clusters(1)
        .size(fs.block_size() as u64);
    let dinode = Dinode::decode(&dinode, DIR, &fs).unwrap();
    let mut block = vec![0xa5; fs.block_size()];
    let area = dir_block::format(&mut block, BLKNO, &dinode, &fs).unwrap();
    assert_eq!(Area::block(&block, BLKNO, &dinode, &fs), Ok(area));
    (fs, dinode, block, area)
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<u8>, u64),
    Remove(usize),
    Replace(usize, u64),
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(b'a'..=b'c', 1..4),
        prop::collection::vec(1u8..=255, 1..=MAX_NAME_LEN),
        prop::collection::vec(b'x'..=b'x', MAX_NAME_LEN..=MAX_NAME_LEN),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any_name(), 3u64..1 << 20).prop_map(|(name, inode)| Step::Insert(name, inode)),
        1 => any::<prop::sample::Index>().prop_map(|at| Step::Remove(at.index(1 << 16))),
        1 => (any::<prop::sample::Index>(), 3u64..1 << 20)
            .prop_map(|(at, inode)| Step::Replace(at.index(1 << 16), inode)),
    ]
}

/// Records that are in use, and a check that all of them fill the area.
fn listed(area: &Area, block: &[u8]) -> BTreeMap<Vec<u8>, u64> {
    let mut names = BTreeMap::new();
    let mut end = 0;
    for entry in area.entries(block) {
        let entry = entry.unwrap();
        assert_eq!(entry.offset, end);
        end = entry.next_offset();
        if entry.is_used() {
            assert!(names.insert(entry.name.to_vec(), entry.inode).is_none());
        }
    }
    assert_eq!(end, area.len());
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_block_agrees_with_a_list_of_names(
        block_bits in 9..=12u32,
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let (_, _, mut block, area) = empty_block(block_bits);
        let mut model: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for step in steps {
            let nth = |at: usize| model.keys().nth(at % model.len().max(1)).cloned();
            match step {
                Step::Insert(name, inode) => {
                    if model.contains_key(&name) {
                        continue;
                    }
                    let Some(room) = area.find_room(&block, name.len()).unwrap() else {
                        let need = dirent::rec_len(name.len());
                        prop_assert!(area.largest_hole(&block).unwrap() < need);
                        continue;
                    };
                    let at = area.insert(&mut block, room, &name, inode, FileType::Fifo).unwrap();
                    let found = area.find(&block, &name).unwrap().unwrap();
                    prop_assert_eq!((found.offset, found.inode), (at, inode));
                    prop_assert_eq!(found.file_type, Some(FileType::Fifo));
                    model.insert(name, inode);
                }
                Step::Remove(at) => {
                    let Some(name) = nth(at) else { continue };
                    let offset = area.find(&block, &name).unwrap().unwrap().offset;
                    area.remove(&mut block, offset).unwrap();
                    prop_assert!(area.remove(&mut block, offset).is_err());
                    model.remove(&name);
                }
                Step::Replace(at, inode) => {
                    let Some(name) = nth(at) else { continue };
                    let offset = area.find(&block, &name).unwrap().unwrap().offset;
                    area.replace(&mut block, offset, inode, FileType::Socket).unwrap();
                    model.insert(name, inode);
                }
            }
            prop_assert_eq!(&listed(&area, &block), &model);
        }
        for (name, inode) in &model {
            prop_assert_eq!(area.find(&block, name).unwrap().unwrap().inode, *inode);
        }
    }

    /// A listing in pieces, with a change between any two, shows each name that was there all the
    /// time exactly once, and ends.
    #[test]
    fn a_listing_goes_on_after_changes(
        names in prop::collection::btree_set(prop::collection::vec(b'a'..=b'z', 1..20), 1..12),
        changes in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 40),
    ) {
        let (_, _, mut block, area) = empty_block(10);
        let mut there: Vec<Vec<u8>> = names.into_iter().collect();
        for name in &there {
            let room = area.find_room(&block, name.len()).unwrap().unwrap();
            area.insert(&mut block, room, name, 77, FileType::Regular).unwrap();
        }
        let stable: Vec<_> = there.iter().step_by(2).cloned().collect();
        there.retain(|name| !stable.contains(name));

        let mut seen = Vec::new();
        let mut from = 0;
        let mut calls = 0;
        let mut changes = changes.into_iter().enumerate();
        loop {
            let Some(entry) = area.entries_from(&block, from).next().map(Result::unwrap) else {
                break;
            };
            calls += 1;
            prop_assert!(calls <= area.len() / dirent::MIN_REC_LEN, "the listing doesn't end");
            prop_assert!(entry.offset >= from);
            if entry.is_used() {
                seen.push(entry.name.to_vec());
            }
            from = entry.next_offset();

            let Some((n, (insert, at))) = changes.next() else { continue };
            if insert {
                let name = format!("NEW-{n}").into_bytes();
                if let Some(room) = area.find_room(&block, name.len()).unwrap() {
                    area.insert(&mut block, room, &name, 78, FileType::Regular).unwrap();
                    there.push(name);
                }
            } else if !there.is_empty() {
                let name = there.swap_remove(at.index(there.len()));
                let offset = area.find(&block, &name).unwrap().unwrap().offset;
                area.remove(&mut block, offset).unwrap();
            }
        }
        for name in stable {
            prop_assert_eq!(seen.iter().filter(|seen| **seen == name).count(), 1);
        }
    }

    /// No bytes make an area loop, or read or write past its end.
    #[test]
    fn any_bytes_are_walked_to_an_end(
        bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(16), Just(12), any::<u8>()], 512),
        from in 0..600usize,
        name in any_name(),
    ) {
        let (_, _, empty, area) = empty_block(9);
        let mut block = bytes.clone();
        let count = area.entries(&block).count();
        prop_assert!(count <= area.len() / dirent::MIN_REC_LEN + 1);
        let errors = area.entries(&block).filter(Result::is_err).count();
        prop_assert!(errors <= 1);
        prop_assert!(area.entries_from(&block, from).count() <= count);
        let _ = area.find(&block, &name);
        let _ = area.holds_only_dots(&block);
        if let Ok(Some(room)) = area.find_room(&block, name.len()) {
            // Room for a block that has changed since is refused, or within the area.
            let mut other = empty;
            let _ = area.insert(&mut other, room, &name, 5, FileType::Regular);
            area.insert(&mut block, room, &name, 5, FileType::Regular).unwrap();
        }
        let _ = area.remove(&mut block, from);
        let _ = area.replace(&mut block, from, 5, FileType::Regular);
    }
}

#[test]
fn records_that_break_a_rule() {
    let (fs, _, good, area) = empty_block(9);
    let spoil = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut block = good.clone();
        let room = area.find_room(&block, 4).unwrap().unwrap();
        area.insert(&mut block, room, b"name", 5, FileType::Regular)
            .unwrap();
        change(&mut block);
        match area.entries(&block).collect::<Result<Vec<_>, _>>() {
            Ok(_) => "good",
            Err(corrupt) => {
                assert_eq!(corrupt.blkno, BLKNO);
                corrupt.field
            }
        }
    };
    let rec_len = |value: u16| {
        spoil(&|block: &mut Vec<u8>| block[8..10].copy_from_slice(&value.to_le_bytes()))
    };
    assert_eq!(spoil(&|_| ()), "good");
    assert_eq!(rec_len(0), "ocfs2_dir_entry.rec_len");
    assert_eq!(rec_len(12), "ocfs2_dir_entry.rec_len");
    assert_eq!(rec_len(18), "ocfs2_dir_entry.rec_len");
    // Two that make up for each other: the first is refused, not what comes after.
    let unaligned = spoil(&|block: &mut Vec<u8>| {
        block.copy_within(0..18, 18);
        block[26..28].copy_from_slice(&(512u16 - 18).to_le_bytes());
        block[8..10].copy_from_slice(&18u16.to_le_bytes());
    });
    assert_eq!(unaligned, "ocfs2_dir_entry.rec_len");
    // Nothing of a record that leaves too little behind it is shown.
    let mut block = good.clone();
    block[8..10].copy_from_slice(&500u16.to_le_bytes());
    assert!(area.entries(&block).next().unwrap().is_err());
    assert_eq!(rec_len(516), "ocfs2_dir_entry.rec_len");
    assert_eq!(rec_len(500), "ocfs2_dir_entry.rec_len");
    assert_eq!(rec_len(65532), "ocfs2_dir_entry.rec_len");
    // Names of four bytes need sixteen; one more is too many for the record.
    assert_eq!(rec_len(16), "ocfs2_dir_entry.rec_len");
    assert_eq!(
        spoil(&|block| (block[8], block[9], block[10]) = (16, 0, 5)),
        "ocfs2_dir_entry.name_len"
    );
    assert_eq!(spoil(&|block| block[10] = 0), "ocfs2_dir_entry.name_len");
    assert_eq!(spoil(&|block| block[0] = 2), "ocfs2_dir_entry.inode");
    assert_eq!(spoil(&|block| block[7] = 1), "ocfs2_dir_entry.inode");
    let last = fs.blocks() - 1;
    assert_eq!(
        spoil(&|block| block[..8].copy_from_slice(&last.to_le_bytes())),
        "good"
    );
    assert_eq!(
        spoil(&|block| block[..8].copy_from_slice(&(last + 1).to_le_bytes())),
        "ocfs2_dir_entry.inode"
    );
    // A free record may have anything else in it.
    assert_eq!(spoil(&|block| (block[0], block[10]) = (0, 0)), "good");
    assert_eq!(spoil(&|block| block[11] = 99), "good");
}

#[test]
fn names_of_the_longest_and_of_no_length() {
    let (_, _, mut block, area) = empty_block(9);
    let longest = [b'n'; MAX_NAME_LEN];
    let room = area.find_room(&block, longest.len()).unwrap().unwrap();
    assert!(area
        .insert(&mut block, room, &[b'n'; 256], 5, FileType::Regular)
        .is_err());
    assert!(area
        .insert(&mut block, room, b"", 5, FileType::Regular)
        .is_err());
    assert!(listed(&area, &block).is_empty());
    area.insert(&mut block, room, &longest, 5, FileType::Regular)
        .unwrap();
    assert_eq!(area.find(&block, &longest).unwrap().unwrap().name, longest);
    assert_eq!(area.find(&block, &longest[1..]), Ok(None));
    assert_eq!(area.find(&block, b""), Ok(None));
    assert_eq!(area.find_room(&block, 240), Ok(None));
    assert!(area.find_room(&block, 228).unwrap().is_some());
}

#[test]
fn an_emptied_directory_is_empty() {
    let (_, _, mut block, area) = empty_block(9);
    area.init_dots(&mut block, DIR, 7).unwrap();
    assert_eq!(area.holds_only_dots(&block), Ok(true));
    let room = area.find_room(&block, 3).unwrap().unwrap();
    let at = area
        .insert(&mut block, room, b"...", 5, FileType::Regular)
        .unwrap();
    assert_eq!(area.holds_only_dots(&block), Ok(false));
    area.remove(&mut block, at).unwrap();
    assert_eq!(area.holds_only_dots(&block), Ok(true));
    let dotdot = area.find(&block, b"..").unwrap().unwrap();
    assert_eq!(
        (dotdot.inode, dotdot.file_type),
        (7, Some(FileType::Directory))
    );
    let offset = dotdot.offset;
    area.replace(&mut block, offset, 8, FileType::Directory)
        .unwrap();
    assert_eq!(area.find(&block, b"..").unwrap().unwrap().inode, 8);
}

#[test]
fn what_is_removed_joins_the_record_before() {
    let (_, _, mut block, area) = empty_block(9);
    area.init_dots(&mut block, DIR, 7).unwrap();
    let mut offsets = Vec::new();
    for name in [b"one", b"two", b"tri"] {
        let room = area.find_room(&block, 3).unwrap().unwrap();
        offsets.push(
            area.insert(&mut block, room, name, 5, FileType::Regular)
                .unwrap(),
        );
    }
    assert_eq!(offsets, [32, 48, 64]);
    area.remove(&mut block, 48).unwrap();
    assert_eq!(area.entries(&block).count(), 4);
    assert_eq!(area.find(&block, b"one").unwrap().unwrap().rec_len, 32);
    area.remove(&mut block, 32).unwrap();
    assert_eq!(area.find(&block, b"..").unwrap().unwrap().rec_len, 48);
    // The first record has none before it: it stays, and is free.
    area.remove(&mut block, 0).unwrap();
    let first = area.entries(&block).next().unwrap().unwrap();
    assert_eq!((first.inode, first.rec_len), (0, 16));
}

#[test]
fn a_formatted_block_of_an_indexed_directory_ends_in_a_trailer() {
    let (fs, mut dir, mut block, _) = empty_block(9);
    dir.dyn_features |= ocfs2_ondisk_host::ondisk::inode::dinode::INDEXED_DIR_FL;
    let area = dir_block::format(&mut block, BLKNO, &dir, &fs).unwrap();
    assert_eq!(Area::block(&block, BLKNO, &dir, &fs), Ok(area));
    assert_eq!((area.len(), dir_block::free_rec_len(&block)), (448, 448));
    assert!(listed(&area, &block).is_empty());
    assert_eq!(area.largest_hole(&block), Ok(448));
    assert_eq!(dir_block::free_next(&block), 0);
    // A driver that doesn't know trailers sees a free record.
    let old = ocfs2_ondisk_host::ondisk::dir::dirent::Entry::decode(&block, 448, fs.blocks(), 0);
    assert_eq!(old.map(|entry| (entry.inode, entry.rec_len)), Ok((0, 64)));
    assert!(dir_block::format(&mut block[1..], BLKNO, &dir, &fs).is_none());
}
