// SPDX-License-Identifier: GPL-2.0-only
//! Allocators in memory, against a set of bits; and allocators that lie.

mod chain_support;
mod tree_support;

use std::collections::BTreeSet;

use chain_support::*;
use ocfs2_ondisk_host::ondisk::alloc::chain::{Allocator, Found};
use ocfs2_ondisk_host::ondisk::alloc::group::Run;
use ocfs2_ondisk_host::ondisk::alloc::suballoc::{Claims, Reserve};
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::base::store::ExtentBlockSource;
use proptest::prelude::*;
use proptest::sample::Index;
use tree_support::{Error, Store};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn clusters_are_given_once(
        ops in prop::collection::vec((any::<bool>(), 1..40u16, 1..8u16, 0..390u64, any::<Index>()), 1..120)
    ) {
        let (geo, mut store) = bitmap();
        let alloc = Allocator::clusters(&geo);
        let mut dinode = DINODE;
        let mut held: Vec<Found> = Vec::new();
        let mut set = check(&mut store, true);
        for (take, want, min, goal, which) in ops {
            if !take && !held.is_empty() {
                let found = held.swap_remove(which.index(held.len()));
                let cluster = geo.block_to_cluster(found.blkno).unwrap();
                let bits = found.run.bits;
                alloc.free_clusters(&mut store, &mut dinode, cluster, bits).expect("free");
                for bit in found.run.bit..found.run.bit + bits {
                    prop_assert!(set.remove(&(found.group, bit)));
                }
            } else {
                let min = min.min(want);
                let goal = (goal % 3 > 0).then_some(goal * 8);
                store.dirty.clear();
                let found = alloc.find(&mut store, &dinode, want, min, goal).expect("find");
                prop_assert!(store.dirty.is_empty());
                let Some(found) = found else {
                    // The bits say so too.
                    for at in groups(&mut store) {
                        let bits = u16_at(store.raw(at), 0x0A);
                        let mut run = 0;
                        for bit in 0..bits {
                            run = if set.contains(&(at, bit)) { 0 } else { run + 1 };
                            prop_assert!(run < min, "there was a run");
                        }
                    }
                    continue;
                };
                prop_assert!(found.run.bits >= min && found.run.bits <= want);
                alloc.claim(&mut store, &mut dinode, &found).expect("claim");
                prop_assert!(store.dirty.len() == 2);
                let base = if found.group == FIRST_GROUP { 0 } else { found.group };
                prop_assert_eq!(found.blkno, base + u64::from(found.run.bit) * 8);
                for bit in found.run.bit..found.run.bit + found.run.bits {
                    prop_assert!(set.insert((found.group, bit)), "given twice");
                }
                held.push(found);
            }
            prop_assert_eq!(&check(&mut store, true), &set);
        }
    }

    /// Blocks of a group in pieces: each once, each where its piece is.
    #[test]
    fn pieces_are_respected(wants in prop::collection::vec(1..60u16, 1..30)) {
        let (geo, mut store) = discontig();
        let alloc = Allocator::blocks(&geo);
        let mut seen = BTreeSet::new();
        for want in wants {
            let found = alloc.find(&mut store, &DINODE, want, 1, None).expect("find");
            let Some(found) = found else { break };
            prop_assert_eq!((found.group, found.loc), (2400, 2400));
            for i in 0..found.run.bits {
                let bit = found.run.bit + i;
                let expected = match bit {
                    0..80 => 2400 + u64::from(bit),
                    80..96 => 800 + u64::from(bit - 80),
                    _ => 8000 + u64::from(bit - 96),
                };
                prop_assert_eq!(found.blkno + u64::from(i), expected);
                prop_assert!(seen.insert(expected));
            }
            alloc.claim(&mut store, &mut { DINODE }, &found).expect("claim");
            check(&mut store, false);
        }
    }

    /// Any bytes anywhere: no panic, no endless walk, no change behind an error.
    #[test]
    fn random_damage(damage in prop::collection::vec((0..5usize, 0..512usize, any::<u8>()), 1..5)) {
        let (geo, mut store) = bitmap();
        damage_and_use(&geo, &mut store, &Allocator::clusters(&geo), &[DINODE, 20, 800, 1600, 2400], &damage);
        let (geo, mut store) = discontig();
        damage_and_use(&geo, &mut store, &Allocator::blocks(&geo), &[DINODE, 2400, 2400, 2400, 2400], &damage);
    }
}

fn damage_and_use(
    geo: &Geometry,
    store: &mut Store,
    alloc: &Allocator<'_>,
    blocks: &[u64],
    damage: &[(usize, usize, u8)],
) {
    for (block, off, byte) in damage {
        store.raw(blocks[*block])[*off] = *byte;
    }
    let mut dinode = DINODE;
    for goal in [None, Some(8), Some(geo.blocks() - 1), Some(u64::MAX)] {
        for want in [1, 50, u16::MAX] {
            store.reads = 0;
            if let Ok(Some(found)) = alloc.find(store, &dinode, want, 1, goal) {
                let _ = alloc.claim(store, &mut dinode, &found);
                let _ = alloc.free(store, &mut dinode, found.group, found.run);
            }
            assert!(store.reads < 600, "{} reads", store.reads);
        }
    }
    store.dirty.clear();
    let run = Run { bit: 90, bits: 20 };
    if alloc.free(store, &mut dinode, 800, run).is_err() {
        assert!(store.dirty.is_empty());
    }
    let added = alloc.add_group(store, &mut dinode, 100);
    let _ = alloc.free_clusters(store, &mut dinode, 389, 3);
    let _ = Reserve::find(store, alloc, &dinode, 40);
    assert!(added.is_ok() || store.dirty.iter().all(|b| *b != 100 * 8));
}

/// A run next to the goal is preferred, and it may be shorter than wanted.
#[test]
fn the_goal_is_preferred() {
    let (geo, mut store) = bitmap();
    let alloc = Allocator::clusters(&geo);
    let found = alloc
        .find(&mut store, &DINODE, 5, 1, Some(250 * 8))
        .expect("find")
        .expect("run");
    assert_eq!((found.group, found.run), (1600, Run { bit: 50, bits: 5 }));
    let found = alloc
        .find(&mut store, &DINODE, 5, 1, Some(298 * 8))
        .expect("find")
        .expect("run");
    assert_eq!((found.group, found.run), (1600, Run { bit: 98, bits: 2 }));
    // The goal is taken: whatever is long enough will do.
    alloc
        .claim(&mut store, &mut { DINODE }, &found)
        .expect("claim");
    let found = alloc
        .find(&mut store, &DINODE, 5, 1, Some(298 * 8))
        .expect("find")
        .expect("run");
    assert_eq!(found.run.bits, 5);
    // Behind the goal there is one, and that is too few so far from it.
    let taken = Found {
        group: 1600,
        run: Run { bit: 95, bits: 2 },
        ..Found::NONE
    };
    alloc
        .claim(&mut store, &mut { DINODE }, &taken)
        .expect("claim");
    let found = alloc
        .find(&mut store, &DINODE, 5, 1, Some(295 * 8))
        .expect("find")
        .expect("run");
    assert_eq!(found.run.bits, 5);
    // For blocks it says nothing.
    let (geo, mut store) = discontig();
    let found = Allocator::blocks(&geo).find(&mut store, &DINODE, 5, 1, Some(8000));
    assert_eq!(
        found.expect("find").expect("run").run,
        Run { bit: 1, bits: 5 }
    );
}

/// The bits of the last group that a resize left behind don't exist.
#[test]
fn clusters_past_the_volume_are_not_given() {
    let (mut geo, mut store) = bitmap();
    geo.clusters = 350;
    let alloc = Allocator::clusters(&geo);
    let mut last = 0;
    while let Some(found) = alloc.find(&mut store, &DINODE, 99, 1, None).expect("find") {
        alloc
            .claim(&mut store, &mut { DINODE }, &found)
            .expect("claim");
        last = last.max(found.blkno / 8 + u64::from(found.run.bits));
    }
    assert_eq!(last, 350);
}

/// Reserves are found before, claimed one by one, and never give a block twice.
#[test]
fn reserves_hold_what_they_promise() {
    let (geo, mut store) = discontig();
    let alloc = Allocator::blocks(&geo);
    let mut dinode = DINODE;
    // Every second block of the first piece is taken.
    for bit in (2..80).step_by(2) {
        let found = Found {
            group: 2400,
            run: Run { bit, bits: 1 },
            ..Found::NONE
        };
        alloc.claim(&mut store, &mut dinode, &found).expect("claim");
    }
    store.dirty.clear();
    let mut reserve = Reserve::find(&mut store, &alloc, &dinode, 182)
        .expect("find")
        .expect("room");
    assert!(store.dirty.is_empty());
    let mut seen = BTreeSet::new();
    let mut claims = Claims {
        alloc,
        dinode: &mut dinode,
        slot: 3,
        reserve: &mut reserve,
    };
    for _ in 0..182 {
        let block = claims.claim(&mut store).expect("claim");
        assert!(seen.insert(block.blkno));
        assert_eq!((block.slot, block.loc), (3, 2400));
    }
    let used = check(&mut store, false).len();
    assert_eq!(used, 1 + 39 + 182);
    assert!(claims.claim(&mut store).is_err());
    assert_eq!(
        Reserve::find(&mut store, &alloc, &dinode, 200)
            .expect("find")
            .map(|_| ()),
        None
    );
}

/// Records that the in-tree driver left without a group are passed over and used again.
#[test]
fn chains_without_groups() {
    let geo = geometry(2000);
    let mut store = Store::in_memory(512, geo.blocks());
    allocator_dinode(&mut store, 32, 8, 3);
    let alloc = Allocator::blocks(&geo);
    let mut dinode = DINODE;
    assert_eq!(alloc.find(&mut store, &dinode, 1, 1, None), Ok(None));
    for i in 0..3 {
        alloc
            .add_group(&mut store, &mut dinode, 100 + 32 * i)
            .expect("add a group");
    }
    // The second chain's only group goes back to the global bitmap.
    let raw = store.raw(DINODE);
    raw[0xE0..0xF0].fill(0);
    put(raw, 0xB8, &2u32.to_le_bytes());
    put(raw, 0xBC, &512u32.to_le_bytes());
    put(raw, 0x14, &64u32.to_le_bytes());
    let found = alloc
        .find(&mut store, &dinode, 1, 1, None)
        .expect("find")
        .expect("a block");
    assert_ne!(found.chain, 1);
    alloc
        .add_group(&mut store, &mut dinode, 500)
        .expect("add a group");
    let raw = store.raw(DINODE);
    assert_eq!((u64_at(raw, 0xE8), u16_at(raw, 0xC6)), (4000, 3));
    assert_eq!((u32_at(raw, 0x14), u64_at(raw, 0x20)), (96, 96 << 12));
    check(&mut store, false);
    // All chains have one: the next goes in front of the first.
    alloc
        .add_group(&mut store, &mut dinode, 600)
        .expect("add a group");
    assert_eq!(u64_at(store.raw(DINODE), 0xD8), 4800);
    assert_eq!(u64_at(store.raw(4800), 0x18), 800);
    check(&mut store, false);
}

#[test]
fn every_lie_is_named() {
    let clusters: &[(u64, usize, &[u8], &str)] = &[
        (DINODE, 0x2C, &[0x80, 0], "ocfs2_dinode.i_flags"),
        (DINODE, 0xB8, &[5], "ocfs2_dinode.id1.bitmap1.i_used"),
        (DINODE, 0xBC, &[9], "ocfs2_dinode.id1.bitmap1.i_total"),
        (DINODE, 0xC0, &[0, 0], "ocfs2_chain_list.cl_cpg"),
        (DINODE, 0xC0, &[1, 0x0E], "ocfs2_chain_list.cl_cpg"),
        (DINODE, 0xC2, &[8], "ocfs2_chain_list.cl_bpc"),
        (DINODE, 0xC4, &[20], "ocfs2_chain_list.cl_count"),
        (DINODE, 0xC6, &[20], "ocfs2_chain_list.cl_next_free_rec"),
        (DINODE, 0xD0, &[201], "ocfs2_chain_rec.c_free"),
        (DINODE, 0xD8, &[0, 0], "ocfs2_chain_rec.c_total"),
        (DINODE, 0xDF, &[1], "ocfs2_chain_rec.c_blkno"),
        (20, 0x00, b"GROUP02", "ocfs2_group_desc.bg_signature"),
        (20, 0x08, &[12, 0], "ocfs2_group_desc.bg_bits"),
        (20, 0x09, &[2], "ocfs2_group_desc.bg_size"),
        (20, 0x0A, &[101], "ocfs2_group_desc.bg_bits"),
        (20, 0x0A, &[0, 0], "ocfs2_group_desc.bg_bits"),
        (20, 0x0C, &[100], "ocfs2_group_desc.bg_free_bits_count"),
        (20, 0x0E, &[1], "ocfs2_group_desc.bg_chain"),
        (20, 0x10, &[8], "ocfs2_group_desc.bg_generation"),
        (20, 0x18, &[20, 0], "ocfs2_group_desc.bg_next_group"),
        (20, 0x1F, &[1], "ocfs2_group_desc.bg_next_group"),
        (20, 0x20, &[16], "ocfs2_group_desc.bg_parent_dinode"),
        (20, 0x28, &[21], "ocfs2_group_desc.bg_blkno"),
        (20, 0x41, &[1], "ocfs2_group_desc.bg_free_bits_count"),
        // A chain that bites its tail, one that is cut off, and one that has another's count.
        (1600, 0x18, &[20], "ocfs2_chain_rec.c_total"),
        (20, 0x18, &[0, 0], "ocfs2_chain_rec.c_total"),
        (20, 0x0C, &[98], "ocfs2_chain_rec.c_free"),
    ];
    for (block, off, bytes, field) in clusters {
        let (geo, mut store) = bitmap();
        put(store.raw(*block), *off, bytes);
        let alloc = Allocator::clusters(&geo);
        let found = alloc.find(&mut store, &DINODE, 390, 1, None);
        assert_eq!(
            found.map_err(|e| e.field()),
            Err(*field),
            "{block} {off:#x}"
        );
    }
}

#[test]
fn lies_that_take_two_are_named() {
    // A chain without bits that has a group.
    let (geo, mut store) = bitmap();
    let raw = store.raw(DINODE);
    raw[0xC6] = 3;
    put(raw, 0xF8, &800u64.to_le_bytes());
    let found = Allocator::clusters(&geo).find(&mut store, &DINODE, 1, 1, None);
    assert_eq!(found.map_err(|e| e.field()), Err("ocfs2_chain_rec.c_total"));
    // A group of blocks that goes on behind the volume.
    let (mut geo, mut store) = discontig();
    store.raw(2400)[0x144] = 0;
    geo.clusters = 331;
    let found = Allocator::blocks(&geo).find(&mut store, &DINODE, 1, 1, None);
    assert_eq!(
        found.map_err(|e| e.field()),
        Err("ocfs2_group_desc.bg_bits")
    );
    geo.clusters = 332;
    let found = Allocator::blocks(&geo).find(&mut store, &DINODE, 1, 1, None);
    assert_eq!(found.map(|f| f.map(|f| f.blkno)), Ok(Some(2401)));
    // A chain that there isn't, in a group that was found by its place.
    let (geo, mut store) = bitmap();
    store.raw(1600)[0x0E] = 2;
    let found = Allocator::clusters(&geo).find(&mut store, &DINODE, 1, 1, Some(1608));
    assert_eq!(
        found.map_err(|e| e.field()),
        Err("ocfs2_group_desc.bg_chain")
    );
    // A group at a place where no group of clusters can be.
    let (geo, mut store) = bitmap();
    let moved = store.raw(800).clone();
    *store.raw(808) = moved;
    put(store.raw(808), 0x28, &808u64.to_le_bytes());
    put(store.raw(DINODE), 0xE8, &808u64.to_le_bytes());
    let found = Allocator::clusters(&geo).find(&mut store, &DINODE, 390, 1, None);
    assert_eq!(
        found.map_err(|e| e.field()),
        Err("ocfs2_group_desc.bg_blkno")
    );
}

#[test]
fn lies_of_a_group_in_pieces_are_named() {
    let pieces: &[(usize, &[u8], &str)] = &[
        (0x140, &[1], "ocfs2_extent_list.l_tree_depth"),
        (0x142, &[12], "ocfs2_extent_list.l_count"),
        (0x144, &[12], "ocfs2_extent_list.l_next_free_rec"),
        (0x144, &[2], "ocfs2_group_desc.bg_list"),
        (0x150, &[1], "ocfs2_extent_rec.e_cpos"),
        (0x158, &[0, 4], "ocfs2_group_desc.bg_list"),
        (0x160, &[11], "ocfs2_extent_rec.e_cpos"),
        (0x164, &[1], "ocfs2_group_desc.bg_list"),
        (0x164, &[3], "ocfs2_extent_rec.e_cpos"),
        (0x168, &[1], "ocfs2_extent_rec.e_blkno"),
        (0x174, &[21], "ocfs2_extent_rec.e_leaf_clusters"),
    ];
    for (off, bytes, field) in pieces {
        let (geo, mut store) = discontig();
        put(store.raw(2400), *off, bytes);
        let found = Allocator::blocks(&geo).find(&mut store, &DINODE, 1, 1, None);
        assert_eq!(found.map_err(|e| e.field()), Err(*field), "{off:#x}");
    }
}

/// Counts that no volume of this size can have bound nothing: neither how many bits there are, nor
/// how many groups a walk reads.
#[test]
fn walks_are_bounded_by_the_volume() {
    // Two groups of one bit, each the next of the other, in a chain that says that it has more.
    let (geo, mut store) = bitmap();
    for (at, next) in [(20, 1600u64), (1600, 20)] {
        let raw = store.raw(at);
        put(raw, 0x0A, &[1, 0, 0, 0]);
        put(raw, 0x18, &next.to_le_bytes());
    }
    let set_total = |store: &mut Store, total: u32| {
        let raw = store.raw(DINODE);
        put(raw, 0xBC, &(total + 190).to_le_bytes());
        put(raw, 0xD0, &(total - 2).to_le_bytes());
        put(raw, 0xD4, &total.to_le_bytes());
    };
    for (total, field) in [
        (200, "ocfs2_group_desc.bg_next_group"),
        (300, "ocfs2_group_desc.bg_next_group"),
        (301, "ocfs2_dinode.id1.bitmap1.i_total"),
        (u32::MAX - 190, "ocfs2_dinode.id1.bitmap1.i_total"),
    ] {
        set_total(&mut store, total);
        let found = Allocator::clusters(&geo).find(&mut store, &DINODE, 101, 101, None);
        assert_eq!(found.map_err(|e| e.field()), Err(field), "{total}");
    }
    // And blocks: more of them than the volume has.
    let (geo, mut store) = discontig();
    let total = geo.blocks() as u32 + 1;
    put(store.raw(DINODE), 0xD4, &total.to_le_bytes());
    put(store.raw(DINODE), 0xBC, &total.to_le_bytes());
    put(store.raw(DINODE), 0xB8, &(total - 255).to_le_bytes());
    let found = Allocator::blocks(&geo).find(&mut store, &DINODE, 1, 1, None);
    assert_eq!(
        found.map_err(|e| e.field()),
        Err("ocfs2_dinode.id1.bitmap1.i_total")
    );
}

/// What a claim or a return would break is refused before anything changes.
#[test]
fn changes_that_do_not_fit_are_refused() {
    let (geo, mut store) = bitmap();
    let alloc = Allocator::clusters(&geo);
    let mut dinode = DINODE;
    let before = store.snapshot();
    let field = |e: Error| e.field();
    let bits = "ocfs2_group_desc.bg_bitmap";
    for (group, bit, len) in [(20, 0, 1), (20, 99, 2), (2400, 89, 2), (20, 5, 0)] {
        let found = Found {
            group,
            run: Run { bit, bits: len },
            ..Found::NONE
        };
        let done = alloc.claim(&mut store, &mut dinode, &found).map_err(field);
        assert_eq!(done, Err(bits), "{group} {bit} {len}");
    }
    assert_eq!(
        alloc
            .free_clusters(&mut store, &mut dinode, 5, 1)
            .map_err(field),
        Err(bits)
    );
    assert_eq!(
        alloc
            .free_clusters(&mut store, &mut dinode, 99, 9)
            .map_err(field),
        Err(bits)
    );
    let group = "ocfs2_group_desc.bg_next_group";
    assert_eq!(
        alloc
            .free_clusters(&mut store, &mut dinode, 999, 1)
            .map_err(field),
        Err(group)
    );
    let flags = "ocfs2_dinode.i_flags";
    assert_eq!(
        alloc.add_group(&mut store, &mut dinode, 50).map_err(field),
        Err(flags)
    );
    assert!(store.snapshot() == before);

    // More clear bits than the group admits to.
    let raw = store.raw(DINODE);
    put(raw, 0xB8, &6u32.to_le_bytes());
    put(raw, 0xD0, &196u32.to_le_bytes());
    put(store.raw(FIRST_GROUP), 0x0C, &97u16.to_le_bytes());
    let found = Found {
        group: 20,
        run: Run { bit: 1, bits: 98 },
        ..Found::NONE
    };
    let done = alloc.claim(&mut store, &mut dinode, &found).map_err(field);
    assert_eq!(done, Err("ocfs2_group_desc.bg_free_bits_count"));
    // A used bit in a chain that says it has none.
    store.restore(&before);
    let raw = store.raw(DINODE);
    put(raw, 0xB8, &2u32.to_le_bytes());
    put(raw, 0xD0, &200u32.to_le_bytes());
    let done = alloc
        .free_clusters(&mut store, &mut dinode, 0, 1)
        .map_err(field);
    assert_eq!(done, Err("ocfs2_chain_rec.c_free"));

    // A group that would be partly behind the volume, or where the superblock is.
    let (geo, mut store) = discontig();
    let before = store.snapshot();
    for cluster in [0, 1969, u32::MAX] {
        let done = Allocator::blocks(&geo).add_group(&mut store, &mut dinode, cluster);
        assert_eq!(done.map_err(field), Err("ocfs2_group_desc.bg_blkno"));
    }
    assert!(store.snapshot() == before);
}

/// A group that can't be added is known to be one before clusters are claimed for it.
#[test]
fn clusters_are_asked_for_only_if_the_group_can_be_added() {
    let geo = geometry(2000);
    let mut store = Store::in_memory(512, geo.blocks());
    allocator_dinode(&mut store, 4, 8, 3);
    let alloc = Allocator::blocks(&geo);
    let ask = |store: &mut Store| {
        let clusters = alloc.group_clusters(store.raw(DINODE));
        clusters.map_err(|corrupt| corrupt.field)
    };
    assert_eq!(ask(&mut store), Ok(4));
    let i_clusters = 0x14;
    put(store.raw(DINODE), i_clusters, &u32::MAX.to_le_bytes());
    assert_eq!(ask(&mut store), Err("ocfs2_dinode.i_clusters"));
    let bitmap = Allocator::clusters(&geo).group_clusters(store.raw(DINODE));
    assert!(bitmap.is_err());
}

/// What is set aside in one group doesn't count as set aside in another.
#[test]
fn reserves_take_from_several_groups() {
    let geo = geometry(2000);
    let mut store = Store::in_memory(512, geo.blocks());
    allocator_dinode(&mut store, 4, 8, 3);
    let alloc = Allocator::blocks(&geo);
    for i in 0..3 {
        alloc
            .add_group(&mut store, &mut { DINODE }, 100 + 4 * i)
            .expect("add a group");
    }
    assert!(Reserve::find(&mut store, &alloc, &DINODE, 93)
        .expect("find")
        .is_some());
    assert!(Reserve::find(&mut store, &alloc, &DINODE, 94)
        .expect("find")
        .is_none());
}
