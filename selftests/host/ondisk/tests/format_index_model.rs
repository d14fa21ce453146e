// SPDX-License-Identifier: GPL-2.0-only
//! Indexes in memory against a list of names: quick, and with more names than the tests that have
//! fsck.ocfs2 look at a volume.

mod index_model;

use index_model::{Model, DIR, FILE, ROOT};
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::base::store::Suballoc;
use ocfs2_ondisk_host::ondisk::dir::block::Area;
use ocfs2_ondisk_host::ondisk::dir::dx_edit;
use proptest::prelude::*;

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
