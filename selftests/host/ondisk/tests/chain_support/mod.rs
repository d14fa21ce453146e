// SPDX-License-Identifier: GPL-2.0-only
//! Allocators in memory: a global bitmap of three groups, a discontiguous suballocator, and what
//! must hold of any of them.
//!
//! Each test program uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeSet;

use crate::tree_support::Store;
use ocfs2_ondisk_host::ondisk::alloc::chain::Allocator;
use ocfs2_ondisk_host::ondisk::base::features::INCOMPAT_DISCONTIG_BG;
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;

pub const DINODE: u64 = 15;
pub const FIRST_GROUP: u64 = 20;

pub fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

pub fn u16_at(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(b[at..at + 2].try_into().unwrap())
}

pub fn u32_at(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(b[at..at + 4].try_into().unwrap())
}

pub fn u64_at(b: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(b[at..at + 8].try_into().unwrap())
}

/// Blocks of 512 bytes, clusters of 4K.
pub fn geometry(clusters: u32) -> Geometry {
    let mut geo = Geometry::new(9, 12, clusters).unwrap();
    geo.fs_generation = 7;
    geo.first_cluster_group = FIRST_GROUP;
    geo.features.incompat = INCOMPAT_DISCONTIG_BG;
    geo
}

pub fn allocator_dinode(store: &mut Store, cpg: u16, bpc: u16, count: u16) {
    let raw = store.raw(DINODE);
    put(raw, 0x2C, &0x480u32.to_le_bytes());
    put(raw, 0x50, &DINODE.to_le_bytes());
    put(raw, 0xC0, &cpg.to_le_bytes());
    put(raw, 0xC2, &bpc.to_le_bytes());
    put(raw, 0xC4, &count.to_le_bytes());
}

/// A global bitmap of four groups of 100 clusters on two chains, the last group short by ten.
pub fn bitmap() -> (Geometry, Store) {
    let geo = geometry(390);
    let mut store = Store::in_memory(512, geo.blocks());
    allocator_dinode(&mut store, 100, 1, 19);
    for group in 0..4u16 {
        let bits = if group < 3 { 100 } else { 90u16 };
        let at = |g: u16| {
            if g == 0 {
                FIRST_GROUP
            } else {
                u64::from(g) * 800
            }
        };
        let next = if group < 2 { at(group + 2) } else { 0 };
        let raw = store.raw(at(group));
        put(raw, 0, b"GROUP01\0");
        put(raw, 0x08, &448u16.to_le_bytes());
        put(raw, 0x0A, &bits.to_le_bytes());
        put(raw, 0x0C, &(bits - 1).to_le_bytes());
        put(raw, 0x0E, &(group % 2).to_le_bytes());
        put(raw, 0x10, &7u32.to_le_bytes());
        put(raw, 0x14, &(bits - 1).to_le_bytes());
        put(raw, 0x18, &next.to_le_bytes());
        put(raw, 0x20, &DINODE.to_le_bytes());
        put(raw, 0x28, &at(group).to_le_bytes());
        raw[0x40] = 1;
    }
    let raw = store.raw(DINODE);
    raw[0xC6] = 2;
    put(raw, 0xB8, &4u32.to_le_bytes());
    put(raw, 0xBC, &390u32.to_le_bytes());
    for (i, (total, at)) in [(200u32, FIRST_GROUP), (190, 800)].iter().enumerate() {
        put(raw, 0xD0 + 16 * i, &(total - 2).to_le_bytes());
        put(raw, 0xD4 + 16 * i, &total.to_le_bytes());
        put(raw, 0xD8 + 16 * i, &at.to_le_bytes());
    }
    (geo, store)
}

/// A suballocator with one group of 256 blocks, in three pieces: 10, 2 and 20 clusters.
pub fn discontig() -> (Geometry, Store) {
    let geo = geometry(2000);
    let mut store = Store::in_memory(512, geo.blocks());
    allocator_dinode(&mut store, 32, 8, 19);
    let alloc = Allocator::blocks(&geo);
    alloc
        .add_group(&mut store, &mut { DINODE }, 300)
        .expect("add a group");
    let raw = store.raw(2400);
    raw[0x142] = 11;
    raw[0x144] = 3;
    for (i, (cpos, clusters, blkno)) in [(0u32, 10u16, 2400u64), (10, 2, 800), (12, 20, 8000)]
        .into_iter()
        .enumerate()
    {
        put(raw, 0x150 + 16 * i, &cpos.to_le_bytes());
        put(raw, 0x154 + 16 * i, &clusters.to_le_bytes());
        put(raw, 0x158 + 16 * i, &blkno.to_le_bytes());
    }
    (geo, store)
}

/// Groups of an allocator, by the bytes.
pub fn groups(store: &mut Store) -> Vec<u64> {
    let raw = store.raw(DINODE).clone();
    let mut groups = Vec::new();
    for i in 0..usize::from(u16_at(&raw, 0xC6)) {
        let mut at = u64_at(&raw, 0xD8 + 16 * i);
        while at != 0 {
            groups.push(at);
            at = u64_at(store.raw(at), 0x18);
        }
    }
    groups
}

/// Checks every count against the bits; hands back all set bits.
pub fn check(store: &mut Store, clusters: bool) -> BTreeSet<(u64, u16)> {
    let raw = store.raw(DINODE).clone();
    let mut set = BTreeSet::new();
    let mut chains = vec![(0u32, 0u32); usize::from(u16_at(&raw, 0xC6))];
    for at in groups(store) {
        let group = store.raw(at).clone();
        let bits = u16_at(&group, 0x0A);
        let is_set = |bit: u16| group[0x40 + usize::from(bit / 8)] >> (bit % 8) & 1 == 1;
        let busy: Vec<u16> = (0..bits).filter(|bit| is_set(*bit)).collect();
        let free = u32::from(bits) - busy.len() as u32;
        assert_eq!(u32::from(u16_at(&group, 0x0C)), free, "bg_free_bits_count");
        let ends = busy.iter().copied().chain([bits]);
        let longest = ends.scan(0u16, |from, bit| {
            let run = bit - *from;
            *from = bit + 1;
            Some(run)
        });
        let longest = longest.max().unwrap_or(0);
        let contig = u16_at(&group, 0x14);
        let expected = if clusters { longest } else { 0 };
        assert_eq!(contig, expected, "bg_contig_free_bits");
        let chain = &mut chains[usize::from(u16_at(&group, 0x0E))];
        *chain = (chain.0 + free, chain.1 + u32::from(bits));
        set.extend(busy.into_iter().map(|bit| (at, bit)));
    }
    for (i, (free, total)) in chains.iter().enumerate() {
        assert_eq!(u32_at(&raw, 0xD0 + 16 * i), *free, "c_free");
        assert_eq!(u32_at(&raw, 0xD4 + 16 * i), *total, "c_total");
    }
    assert_eq!(u32_at(&raw, 0xB8) as usize, set.len(), "i_used");
    assert_eq!(
        u32_at(&raw, 0xBC),
        chains.iter().map(|c| c.1).sum::<u32>(),
        "i_total"
    );
    set
}
