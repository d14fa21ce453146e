// SPDX-License-Identifier: GPL-2.0-only
//! What system files hold: local windows, truncate logs, the slot map; and their names.

use ocfs2_ondisk_host::ondisk::alloc::local_alloc::{LocalAlloc, Run};
use ocfs2_ondisk_host::ondisk::alloc::truncate_log::{TruncateLog, TruncateRec};
use ocfs2_ondisk_host::ondisk::base::features::INCOMPAT_EXTENDED_SLOT_MAP;
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::base::store::Suballoc;
use ocfs2_ondisk_host::ondisk::inode::dinode::*;
use ocfs2_ondisk_host::ondisk::inode::{
    edit as dinode_edit,
    edit::{Edit, NewInode},
};
use ocfs2_ondisk_host::ondisk::volume::slot_map::{self, Choice, SlotMap};
use ocfs2_ondisk_host::ondisk::volume::system_inodes::SystemInode;

const BLKNO: u64 = 0x1234;

fn fs() -> Geometry {
    Geometry::new(10, 12, 1 << 20).unwrap()
}

fn decode(block: &[u8]) -> Dinode {
    Dinode::decode(block, BLKNO, &fs()).unwrap()
}

/// A system file with these flags and an empty `id2`.
fn system_file(flags: u32) -> Vec<u8> {
    let mut block = vec![0; fs().block_size()];
    let new = NewInode {
        suballoc: Suballoc {
            blkno: BLKNO,
            slot: 0,
            bit: 1,
            loc: 0,
        },
        generation: 1,
        mode: 0o100644,
        links: 1,
        uid: 0,
        gid: 0,
        attr: 0,
        time: Time::default(),
        rdev: 0,
    };
    dinode_edit::init(&mut block, &fs(), &new);
    Edit::of(&mut block).flags(VALID_FL | SYSTEM_FL | flags);
    block[ID2..].fill(0);
    block
}

fn local_alloc(size: u16, off: u32, used: u32, total: u32, bitmap: &[u8]) -> Vec<u8> {
    let mut block = system_file(LOCAL_ALLOC_FL | BITMAP_FL);
    Edit::of(&mut block).bitmap(used, total);
    block[I_LAB..I_LAB + 4].copy_from_slice(&off.to_le_bytes());
    block[I_LAB + 4..I_LAB + 6].copy_from_slice(&size.to_le_bytes());
    block[I_LAB + 16..I_LAB + 16 + bitmap.len()].copy_from_slice(bitmap);
    block
}

#[test]
fn a_local_window_gives_back_what_was_not_handed_out() {
    let open = |block: &[u8]| {
        LocalAlloc::decode(block, &decode(block), &fs()).map_err(|corrupt| corrupt.field)
    };
    let mut block = local_alloc(816, 5000, 10, 20, &[0b0001_1111, 0b0111_1100, 0xff]);
    let local = open(&block).unwrap();
    assert!(!local.is_clean(&block));
    let run = |first_cluster, clusters| Run {
        first_cluster,
        clusters,
    };
    let unused: Vec<_> = local.unused(&block).collect();
    assert_eq!(unused, [run(5005, 5), run(5015, 1)]);
    local.clear(&mut block);
    assert!(open(&block).unwrap().is_clean(&block));
    assert_eq!(open(&block).unwrap().unused(&block).count(), 0);

    assert!(!open(&local_alloc(816, 1, 0, 0, &[]))
        .unwrap()
        .is_clean(&local_alloc(816, 1, 0, 0, &[])));
    let stray = local_alloc(816, 0, 0, 0, &[0, 0, 4]);
    assert!(!open(&stray).unwrap().is_clean(&stray));
    assert_eq!(
        open(&local_alloc(817, 0, 0, 0, &[])),
        Err("ocfs2_local_alloc.la_size")
    );
    assert_eq!(
        open(&local_alloc(0, 0, 0, 0, &[])),
        Err("ocfs2_local_alloc.la_size")
    );
    let total = "ocfs2_dinode.id1.bitmap1.i_total";
    assert_eq!(open(&local_alloc(2, 0, 0, 17, &[])), Err(total));
    assert_eq!(
        open(&local_alloc(2, 0, 10, 9, &[])),
        Err("ocfs2_dinode.id1.bitmap1.i_used")
    );
    let end = 1 << 20;
    assert!(open(&local_alloc(2, end - 16, 0, 16, &[])).is_ok());
    assert_eq!(
        open(&local_alloc(2, end - 15, 0, 16, &[])),
        Err("ocfs2_local_alloc.la_bm_off")
    );
    assert_eq!(
        open(&local_alloc(2, u32::MAX, 0, 16, &[])),
        Err("ocfs2_local_alloc.la_bm_off")
    );
    let file = system_file(DEALLOC_FL);
    assert_eq!(open(&file), Err("ocfs2_dinode.i_flags"));
}

#[test]
fn a_truncate_log_is_a_stack_that_joins_neighbours() {
    let mut block = system_file(DEALLOC_FL);
    let open = |block: &[u8], count: u16, used: u16| {
        let mut block = block.to_vec();
        block[I_DEALLOC..I_DEALLOC + 2].copy_from_slice(&count.to_le_bytes());
        block[I_DEALLOC + 2..I_DEALLOC + 4].copy_from_slice(&used.to_le_bytes());
        TruncateLog::decode(&block, &decode(&block), &fs()).map_err(|corrupt| corrupt.field)
    };
    assert_eq!(open(&block, 0, 0), Err("ocfs2_truncate_log.tl_count"));
    assert_eq!(open(&block, 104, 0), Err("ocfs2_truncate_log.tl_count"));
    assert_eq!(open(&block, 103, 104), Err("ocfs2_truncate_log.tl_used"));
    let mut log = open(&block, 3, 0).unwrap();
    let rec = |start, clusters| TruncateRec { start, clusters };
    assert!(log.is_empty());
    assert_eq!(log.last(&block), Ok(None));
    log.append(&mut block, rec(100, 5)).unwrap();
    log.append(&mut block, rec(105, 5)).unwrap();
    assert_eq!((log.used, log.last(&block)), (1, Ok(Some(rec(100, 10)))));
    log.append(&mut block, rec(50, 50)).unwrap();
    log.append(&mut block, rec(7, 1)).unwrap();
    assert_eq!((log.used, log.append(&mut block, rec(9, 1))), (3, None));
    log.append(&mut block, rec(8, 1)).unwrap();
    assert_eq!(log.last(&block), Ok(Some(rec(7, 2))));
    log.drop_last(&mut block);
    assert_eq!(log.last(&block), Ok(Some(rec(50, 50))));
    assert_eq!(log.get(&block, 0), Ok(Some(rec(100, 10))));
    assert_eq!(log.get(&block, 2), Ok(None));
    assert_eq!(block[I_DEALLOC + 2], 2);
    log.append(&mut block, rec((1 << 20) - 1, 2)).unwrap();
    assert_eq!(
        log.last(&block).unwrap_err().field,
        "ocfs2_truncate_rec.t_clusters"
    );
}

#[test]
fn a_slot_of_ones_own_is_taken_first() {
    let taken = [Some(7), None, Some(9), None];
    let choose = |node, preferred| slot_map::choose(taken.iter().copied(), node, preferred);
    assert_eq!(choose(9, None), Choice::Ours(2));
    assert_eq!(choose(9, Some(1)), Choice::Ours(2));
    assert_eq!(choose(1, None), Choice::Free(1));
    assert_eq!(choose(1, Some(3)), Choice::Free(3));
    assert_eq!(choose(1, Some(2)), Choice::Free(1));
    assert_eq!(choose(1, Some(200)), Choice::Free(1));
    let full = [Some(1), Some(2)];
    assert_eq!(
        slot_map::choose(full.iter().copied(), 3, None),
        Choice::Full
    );
    assert_eq!(slot_map::choose(core::iter::empty(), 3, None), Choice::Full);
}

#[test]
fn slots_of_both_formats() {
    let mut fs = Geometry::new(9, 12, 1 << 20).unwrap();
    fs.max_slots = 255;
    let old = SlotMap::new(&fs);
    assert_eq!((old.bytes(), old.blocks()), (510, 1));
    let mut block = vec![0xff; 512];
    let place = old.locate(254).unwrap();
    assert_eq!((place.block, place.offset), (0, 508));
    assert_eq!(old.get(&block, place), None);
    assert_eq!(old.set(&mut block, place, Some(65535)), None);
    assert_eq!(old.set(&mut block, place, Some(65536)), None);
    assert_eq!(block, [0xff; 512]);
    old.set(&mut block, place, Some(65534)).unwrap();
    assert_eq!(old.get(&block, place), Some(65534));
    assert_eq!(block[508..], [0xfe, 0xff, 0xff, 0xff]);

    fs.features.incompat = INCOMPAT_EXTENDED_SLOT_MAP;
    let new = SlotMap::new(&fs);
    assert_eq!((new.bytes(), new.blocks()), (2040, 4));
    let place = new.locate(65).unwrap();
    assert_eq!((place.block, place.offset), (1, 8));
    let mut block = vec![0; 512];
    assert_eq!(new.get(&block, place), None);
    new.set(&mut block, place, Some(u32::MAX)).unwrap();
    assert_eq!(block[8..16], [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(new.get(&block, place), Some(u32::MAX));
    new.set(&mut block, place, None).unwrap();
    assert_eq!(new.get(&block, place), None);
    assert_eq!(new.get(&block[..12], place), None);
}

#[test]
fn names_of_system_files() {
    let name = |file: SystemInode| String::from_utf8(file.name().as_bytes().to_vec()).unwrap();
    assert_eq!(name(SystemInode::SlotMap), "slot_map");
    assert_eq!(name(SystemInode::Journal(0)), "journal:0000");
    assert_eq!(name(SystemInode::TruncateLog(254)), "truncate_log:0254");
    assert_eq!(name(SystemInode::GlobalInodeAlloc), "global_inode_alloc");
}

#[test]
fn slots_of_journals() {
    for slot in [0, 1, 99, 254] {
        let name = SystemInode::Journal(slot).name();
        assert_eq!(SystemInode::journal_slot(name.as_bytes()), Some(slot));
    }
    let others: [&[u8]; 9] = [
        b"journal:",
        b"journal:1",
        b"journal:00001",
        b"journal:+001",
        b"journal:00x1",
        b"journal:65536",
        b"journal",
        b"local_alloc:0001",
        b"",
    ];
    for name in others {
        assert_eq!(SystemInode::journal_slot(name), None, "{name:?}");
    }
}

#[test]
fn file_types_survive_an_entry() {
    for mode in (0..16u16).map(|bits| bits << 12) {
        let Some(file_type) = FileType::from_mode(mode) else {
            continue;
        };
        assert_eq!(
            FileType::from_dirent(file_type.to_dirent()),
            Some(file_type)
        );
    }
    let known = (0..16u16).filter(|bits| FileType::from_mode(bits << 12).is_some());
    assert_eq!(known.count(), 7);
    assert_eq!(FileType::from_dirent(0), None);
    assert_eq!(FileType::from_dirent(8), None);
}
