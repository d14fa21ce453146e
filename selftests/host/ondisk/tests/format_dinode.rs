// SPDX-License-Identifier: GPL-2.0-only
//! Dinodes: what is written reads back, and what breaks a rule is refused by the field's name.

use ocfs2_ondisk_host::ondisk::base::features::*;
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::base::store::Suballoc;
use ocfs2_ondisk_host::ondisk::inode::dinode::*;
use ocfs2_ondisk_host::ondisk::inode::symlink;
use ocfs2_ondisk_host::ondisk::inode::{
    edit as dinode_edit,
    edit::{Edit, NewInode},
};
use proptest::prelude::*;

const BLKNO: u64 = 0x1234;

fn fs() -> Geometry {
    let mut fs = Geometry::new(10, 12, 1 << 20).unwrap();
    fs.fs_generation = 0xfeed_f00d;
    fs.max_slots = 4;
    fs.features.incompat = INCOMPAT_SPARSE_ALLOC | INCOMPAT_INLINE_DATA | INCOMPAT_DISCONTIG_BG;
    fs
}

fn new_inode(mode: u16) -> NewInode {
    NewInode {
        suballoc: Suballoc {
            blkno: BLKNO,
            slot: 3,
            bit: 17,
            loc: 0x1200,
        },
        generation: 0xabcd_1234,
        mode,
        links: 1,
        uid: 70_000,
        gid: 80_000,
        attr: 0x10,
        time: Time {
            sec: 1_700_000_000,
            nsec: 5,
        },
        rdev: 0,
    }
}

fn fresh(mode: u16) -> Vec<u8> {
    let mut block = vec![0x5a; fs().block_size()];
    dinode_edit::init(&mut block, &fs(), &new_inode(mode));
    block
}

fn decode(block: &[u8]) -> Result<Dinode, &'static str> {
    Dinode::decode(block, BLKNO, &fs()).map_err(|corrupt| {
        assert_eq!(corrupt.blkno, BLKNO);
        corrupt.field
    })
}

/// The field that is refused once `change` was made to a fresh inode.
fn refused(mode: u16, change: impl FnOnce(&mut [u8])) -> &'static str {
    let mut block = fresh(mode);
    change(&mut block);
    decode(&block).expect_err("it was accepted")
}

fn accepted(mode: u16, change: impl FnOnce(&mut [u8])) -> Dinode {
    let mut block = fresh(mode);
    change(&mut block);
    decode(&block).expect("it was refused")
}

#[test]
fn a_fresh_inode_reads_back() {
    let dinode = decode(&fresh(0o100644)).unwrap();
    let new = new_inode(0o100644);
    assert_eq!(dinode.suballoc, new.suballoc);
    assert_eq!(
        (dinode.generation, dinode.mode, dinode.links),
        (new.generation, 0o100644, 1)
    );
    assert_eq!(
        (dinode.uid, dinode.gid, dinode.attr),
        (70_000, 80_000, 0x10)
    );
    assert_eq!(
        (dinode.atime, dinode.mtime, dinode.ctime),
        (new.time, new.time, new.time)
    );
    assert_eq!(
        (dinode.size, dinode.clusters, dinode.last_eb_blk),
        (0, 0, 0)
    );
    assert_eq!((dinode.flags, dinode.dyn_features), (VALID_FL, 0));
    assert_eq!((dinode.id1, dinode.body), (Id1::None, Body::Extents));
    assert_eq!(dinode.id2_range(&fs()), 0xc0..1024);

    // Nothing is left of what was in the block: all but the fields and the list's count is zero.
    let list = &fresh(0o100644)[ID2..];
    assert_eq!(list[2], ((1024 - 0xc0 - 16) / 16) as u8);
    assert!(list
        .iter()
        .enumerate()
        .all(|(at, byte)| at == 2 || *byte == 0));

    let dir = decode(&fresh(0o40755)).unwrap();
    assert_eq!(dir.body, Body::Inline { room: 1024 - 200 });
    assert_eq!(dir.max_inline_data(&fs()), 1024 - 200);

    let mut block = fresh(0o60644);
    dinode_edit::init(
        &mut block,
        &fs(),
        &NewInode {
            rdev: 0x0801,
            ..new_inode(0o60644)
        },
    );
    assert_eq!(decode(&block).unwrap().id1, Id1::Device(0x0801));
}

#[test]
fn identity_is_checked() {
    assert_eq!(
        refused(0o100644, |b| b[0] = b'O'),
        "ocfs2_dinode.i_signature"
    );
    assert_eq!(refused(0o100644, |b| b[7] = 1), "ocfs2_dinode.i_signature");
    assert_eq!(refused(0o100644, |b| b[0x50] ^= 1), "ocfs2_dinode.i_blkno");
    assert_eq!(
        refused(0o100644, |b| b[0x60] ^= 1),
        "ocfs2_dinode.i_fs_generation"
    );
    assert_eq!(refused(0o100644, |b| b[0x2c] = 0), "ocfs2_dinode.i_flags");
    assert_eq!(decode(&fresh(0o100644)[..1023]), Err("ocfs2_dinode"));
    for mode in [0, 0o644, 0o030000, 0o110000, 0o170000] {
        let refused = refused(0o100644, |b| {
            Edit::of(b).mode(mode);
        });
        assert_eq!(refused, "ocfs2_dinode.i_mode");
    }
}

#[test]
fn pointers_and_slots_are_checked() {
    let past = fs().blocks();
    let put = |off: usize, value: u64, flag: u16| {
        move |b: &mut [u8]| {
            b[off..off + 8].copy_from_slice(&value.to_le_bytes());
            b[I_DYN..I_DYN + 2].copy_from_slice(&flag.to_le_bytes());
        }
    };
    const I_DYN: usize = 0x76;
    for (off, flag, field) in [
        (0x58, 0, "ocfs2_dinode.i_last_eb_blk"),
        (0x78, 0, "ocfs2_dinode.i_xattr_loc"),
        (0x88, INDEXED_DIR_FL, "ocfs2_dinode.i_dx_root"),
        (0x90, HAS_REFCOUNT_FL, "ocfs2_dinode.i_refcount_loc"),
        (0x98, 0, "ocfs2_dinode.i_suballoc_loc"),
    ] {
        assert_eq!(refused(0o100644, put(off, past, flag)), field);
        assert_eq!(refused(0o100644, put(off, 2, flag)), field);
        accepted(0o100644, put(off, past - 1, flag));
        if flag != 0 {
            // A flag says that there is one; without the flag the field means nothing.
            assert_eq!(refused(0o100644, put(off, 0, flag)), field);
            accepted(0o100644, put(off, past, 0));
        }
    }
    assert_eq!(
        refused(0o100644, |b| b[0x0c] = 4),
        "ocfs2_dinode.i_suballoc_slot"
    );
    let global = |b: &mut [u8]| b[0x0c..0x0e].fill(0xff);
    assert_eq!(refused(0o100644, global), "ocfs2_dinode.i_suballoc_slot");
    accepted(0o100644, |b| {
        global(b);
        Edit::of(b).flags(VALID_FL | SYSTEM_FL);
    });
    let orphan = |slot| {
        move |b: &mut [u8]| {
            Edit::of(b)
                .flags(VALID_FL | ORPHANED_FL)
                .orphaned_slot(slot)
                .links(0);
        }
    };
    assert_eq!(accepted(0o100644, orphan(3)).orphaned_slot, Some(3));
    assert_eq!(refused(0o100644, orphan(4)), "ocfs2_dinode.i_orphaned_slot");
    let dio = |slot: u8| {
        move |b: &mut [u8]| {
            Edit::of(b).flags(VALID_FL | DIO_ORPHANED_FL);
            b[0xa0] = slot;
        }
    };
    assert_eq!(accepted(0o100644, dio(2)).dio_orphaned_slot, Some(2));
    assert_eq!(
        refused(0o100644, dio(4)),
        "ocfs2_dinode.i_dio_orphaned_slot"
    );
    let unlinked = refused(0o100644, |b| {
        Edit::of(b).links(0);
    });
    assert_eq!(unlinked, "ocfs2_dinode.i_links_count");
    let many = accepted(0o100644, |b| {
        Edit::of(b).links(0x7654_3210);
    });
    assert_eq!(many.links, 0x7654_3210);
    assert_eq!(refused(0o100644, |b| b[0xb8] = 1), "ocfs2_dinode.i_rdev");
}

#[test]
fn inline_data_is_within_its_room() {
    let inline = |size: u64, room: u16| {
        move |b: &mut [u8]| {
            dinode_edit::init_inline_data(b, 0);
            Edit::of(b)
                .dyn_features(INLINE_DATA_FL)
                .size(size)
                .inline_room(room);
        }
    };
    let dinode = accepted(0o100644, inline(824, 824));
    assert_eq!(dinode.inline_range(), 200..1024);
    assert_eq!(accepted(0o100644, inline(5, 824)).inline_range(), 200..205);
    assert_eq!(
        refused(0o100644, inline(825, 825)),
        "ocfs2_inline_data.id_count"
    );
    assert_eq!(refused(0o100644, inline(825, 824)), "ocfs2_dinode.i_size");
    assert_eq!(
        refused(0o100644, inline(u64::MAX, 824)),
        "ocfs2_dinode.i_size"
    );
    assert_eq!(
        refused(0o120777, inline(5, 824)),
        "ocfs2_dinode.i_dyn_features"
    );
    let clusters = refused(0o100644, |b| {
        inline(5, 824)(b);
        Edit::of(b).clusters(1);
    });
    assert_eq!(clusters, "ocfs2_dinode.i_clusters");

    // Inline attributes take the end of the block.
    let xattr = |size: u16, room: u16| {
        move |b: &mut [u8]| {
            inline(5, room)(b);
            Edit::of(b)
                .dyn_features(INLINE_DATA_FL | INLINE_XATTR_FL | HAS_XATTR_FL)
                .xattr_inline_size(size);
        }
    };
    assert_eq!(
        accepted(0o100644, xattr(256, 568)).id2_range(&fs()),
        0xc0..768
    );
    assert_eq!(
        refused(0o100644, xattr(256, 569)),
        "ocfs2_inline_data.id_count"
    );
    assert_eq!(
        refused(0o100644, xattr(15, 5)),
        "ocfs2_dinode.i_xattr_inline_size"
    );
    // An extent list with one record has to fit beside them, for when the data moves out.
    assert_eq!(
        accepted(0o100644, xattr(800, 5)).id2_range(&fs()),
        0xc0..0xe0
    );
    assert_eq!(
        refused(0o100644, xattr(801, 5)),
        "ocfs2_dinode.i_xattr_inline_size"
    );
    assert_eq!(
        refused(0o100644, xattr(0xffff, 0)),
        "ocfs2_dinode.i_xattr_inline_size"
    );

    // Where the volume hasn't the feature nothing is inline.
    let mut without = fs();
    without.features.incompat &= !INCOMPAT_INLINE_DATA;
    let mut block = fresh(0o100644);
    inline(5, 824)(&mut block);
    let corrupt = Dinode::decode(&block, BLKNO, &without).unwrap_err();
    assert_eq!(corrupt.field, "ocfs2_dinode.i_dyn_features");
}

#[test]
fn sizes_are_what_the_storage_can_hold() {
    let sized = |size: u64, clusters: u32| {
        move |b: &mut [u8]| {
            dinode_edit::init_extent_list(b, 0);
            Edit::of(b).dyn_features(0).size(size).clusters(clusters);
        }
    };
    accepted(0o100644, sized(fs().max_file_size(), 0));
    assert_eq!(
        refused(0o100644, sized(fs().max_file_size() + 1, 1)),
        "ocfs2_dinode.i_size"
    );
    assert_eq!(
        refused(0o100644, sized(1, (1 << 20) + 1)),
        "ocfs2_dinode.i_clusters"
    );
    // What is shared with itself can be mapped more often than the volume is large.
    accepted(0o100644, |b| {
        sized(1, (1 << 20) + 1)(b);
        Edit::of(b).dyn_features(HAS_REFCOUNT_FL).refcount_loc(99);
    });
    // 2^32 - 1 clusters of 4K, and of 1M.
    assert_eq!(fs().max_file_size(), 17_592_186_040_320);
    let large = Geometry::new(12, 20, 1).unwrap();
    assert_eq!(large.max_file_size(), 4_503_599_626_321_920);
    accepted(0o40755, sized(8192, 2));
    assert_eq!(refused(0o40755, sized(8193, 2)), "ocfs2_dinode.i_size");
    assert_eq!(refused(0o40755, sized(9216, 2)), "ocfs2_dinode.i_size");
    assert_eq!(refused(0o40755, sized(1 << 40, 0)), "ocfs2_dinode.i_size");
    accepted(0o120777, sized(4095, 1));
    assert_eq!(refused(0o120777, sized(4096, 1)), "ocfs2_dinode.i_size");
    assert_eq!(refused(0o120777, sized(0, 1)), "ocfs2_dinode.i_size");
    let mut without = fs();
    without.features.incompat &= !INCOMPAT_SPARSE_ALLOC;
    let mut block = fresh(0o100644);
    sized(1, 0)(&mut block);
    assert_eq!(
        Dinode::decode(&block, BLKNO, &without).unwrap_err().field,
        "ocfs2_dinode.i_size"
    );
}

#[test]
fn fast_symlinks_have_a_target_that_fits() {
    let link = |size: u64, target: Vec<u8>| {
        move |b: &mut [u8]| {
            symlink::set_fast_target(b, &target).unwrap();
            Edit::of(b).size(size);
        }
    };
    assert_eq!(symlink::max_fast_target(&fs()), 831);
    let mut block = fresh(0o120777);
    link(3, b"abc".to_vec())(&mut block);
    let dinode = decode(&block).unwrap();
    assert_eq!(symlink::fast_target(&block, &dinode), Some(&b"abc"[..]));
    accepted(0o120777, link(831, vec![b'a'; 831]));
    assert_eq!(
        refused(0o120777, link(0, vec![b'a'; 831])),
        "ocfs2_dinode.i_size"
    );
    assert_eq!(
        refused(0o120777, link(832, vec![b'a'; 831])),
        "ocfs2_dinode.i_size"
    );
    assert_eq!(
        refused(0o120777, link(u64::MAX, vec![b'a'; 831])),
        "ocfs2_dinode.i_size"
    );
    assert_eq!(
        refused(0o120777, link(4, b"abc".to_vec())),
        "ocfs2_dinode.id2.i_symlink"
    );
    assert_eq!(symlink::set_fast_target(&mut block, &[b'a'; 832]), None);
    assert_eq!(symlink::set_fast_target(&mut block, b""), None);
}

#[test]
fn only_system_files_have_special_bodies() {
    let flagged = |flags: u32| {
        move |b: &mut [u8]| {
            Edit::of(b).flags(VALID_FL | flags);
        }
    };
    for (flag, body) in [
        (CHAIN_FL, Body::Chain),
        (LOCAL_ALLOC_FL, Body::LocalAlloc),
        (DEALLOC_FL, Body::TruncateLog),
    ] {
        assert_eq!(accepted(0o100644, flagged(flag | SYSTEM_FL)).body, body);
        assert_eq!(refused(0o100644, flagged(flag)), "ocfs2_dinode.i_flags");
        assert_eq!(
            refused(0o40755, flagged(flag | SYSTEM_FL)),
            "ocfs2_dinode.i_flags"
        );
        let two = flag | SYSTEM_FL | SUPER_BLOCK_FL;
        assert_eq!(refused(0o100644, flagged(two)), "ocfs2_dinode.i_flags");
    }
    let journal = accepted(0o100644, |b| {
        flagged(SYSTEM_FL | JOURNAL_FL)(b);
        Edit::of(b)
            .journal_flags(JOURNAL_DIRTY_FL)
            .journal_recovery_generation(9);
    });
    assert_eq!(
        journal.id1,
        Id1::Journal {
            flags: 1,
            recovery_generation: 9
        }
    );
}

proptest! {
    #[test]
    fn every_setter_reads_back(
        size in 0..=fs().max_file_size(),
        clusters in 1..=1u32 << 20,
        words: [u32; 4],
        links in 1u32..,
        sec: [i64; 3],
        nsec in prop::array::uniform3(0..1_000_000_000u32),
        dtime: u64,
        pointers in prop::array::uniform2(3..fs().blocks()),
        bits in 0..0o10000u16,
    ) {
        let time = |at: usize| Time { sec: sec[at], nsec: nsec[at] };
        let mut block = fresh(0o100644);
        Edit::of(&mut block)
            .size(size).clusters(clusters).mode(0o100000 | bits).owner(words[0], words[1])
            .links(links).attr(words[2]).atime(time(0)).mtime(time(1)).ctime(time(2))
            .dtime(dtime).last_eb_blk(pointers[0]).xattr_loc(pointers[1]);
        let dinode = decode(&block).unwrap();
        prop_assert_eq!((dinode.size, dinode.clusters), (size, clusters));
        prop_assert_eq!((dinode.mode, dinode.uid, dinode.gid), (0o100000 | bits, words[0], words[1]));
        prop_assert_eq!((dinode.links, dinode.attr, dinode.dtime), (links, words[2], dtime));
        prop_assert_eq!((dinode.atime, dinode.mtime, dinode.ctime), (time(0), time(1), time(2)));
        prop_assert_eq!((dinode.last_eb_blk, dinode.xattr_loc), (pointers[0], pointers[1]));
        // Nothing else changed.
        prop_assert_eq!(dinode.suballoc, new_inode(0).suballoc);
        prop_assert_eq!(dinode.generation, new_inode(0).generation);
        prop_assert_eq!(dinode.body, Body::Extents);
    }
}
