// SPDX-License-Identifier: GPL-2.0-only
//! Bitmaps of groups, which are looked at by the word, against a look at every bit.

mod chain_support;
mod tree_support;

use chain_support::{geometry, put, DINODE, FIRST_GROUP};
use ocfs2_ondisk_host::ondisk::alloc::group::{Group, Owner, Run, Unit};
use proptest::prelude::*;

const MOST_BITS: u16 = 448 * 8;

/// A group of the global bitmap whose bits are `set`.
fn block(set: &[bool], free: u16) -> Vec<u8> {
    let mut raw = vec![0; 512];
    put(&mut raw, 0, b"GROUP01\0");
    put(&mut raw, 0x08, &448u16.to_le_bytes());
    put(&mut raw, 0x0A, &(set.len() as u16).to_le_bytes());
    put(&mut raw, 0x0C, &free.to_le_bytes());
    put(&mut raw, 0x10, &7u32.to_le_bytes());
    put(&mut raw, 0x20, &DINODE.to_le_bytes());
    put(&mut raw, 0x28, &FIRST_GROUP.to_le_bytes());
    for (bit, _) in set.iter().enumerate().filter(|(_, set)| **set) {
        raw[0x40 + bit / 8] |= 1 << (bit % 8);
    }
    raw
}

fn group(raw: &[u8]) -> Option<Group<'_>> {
    let owner = Owner {
        dinode: DINODE,
        unit: Unit::Clusters,
        cpg: MOST_BITS,
        bpc: 1,
        chain: None,
    };
    Group::decode(raw, FIRST_GROUP, &owner, &geometry(MOST_BITS.into())).ok()
}

/// The first run of `want` clear bits, or else the first of the longest.
fn look(set: &[bool], from: u16, limit: u16, want: u16) -> Option<Run> {
    let mut best: Option<Run> = None;
    let mut run = Run { bit: from, bits: 0 };
    for bit in from..limit.min(set.len() as u16) {
        if set[usize::from(bit)] {
            let next = Run {
                bit: bit + 1,
                bits: 0,
            };
            run = next;
            continue;
        }
        run.bits += 1;
        if run.bits > best.map_or(0, |best| best.bits) {
            best = Some(run);
        }
        if run.bits == want {
            break;
        }
    }
    best
}

/// Runs of set and clear bits, short and long.
fn bits() -> impl Strategy<Value = Vec<bool>> {
    let lengths = prop_oneof![1..4usize, 1..70usize, 60..300usize];
    prop::collection::vec((any::<bool>(), lengths), 1..60).prop_map(|runs| {
        let runs = runs.into_iter().flat_map(|(set, length)| vec![set; length]);
        runs.take(MOST_BITS.into()).collect()
    })
}

fn run() -> impl Strategy<Value = Run> {
    (0..MOST_BITS, 0..200u16).prop_map(|(bit, bits)| Run { bit, bits })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn runs_are_what_the_bits_say(
        set in bits(),
        (from, limit) in (0..MOST_BITS, 0..MOST_BITS + 9),
        want in prop_oneof![1..4u16, 1..300u16, Just(u16::MAX)],
        taken in prop::collection::vec(run(), 0..4),
    ) {
        let raw = block(&set, 0);
        let group = group(&raw).expect("a group");
        let mut with_taken = set.clone();
        for run in &taken {
            for bit in usize::from(run.bit)..usize::from(run.bit + run.bits).min(set.len()) {
                with_taken[bit] = true;
            }
        }
        prop_assert_eq!(group.find_clear(from, limit, want, &taken), look(&with_taken, from, limit, want));
        let longest = look(&set, 0, MOST_BITS, u16::MAX).map_or(0, |run| run.bits);
        prop_assert_eq!(group.longest_clear(), longest);
    }

    #[test]
    fn all_means_all(set in bits(), run in run(), want in any::<bool>()) {
        let raw = block(&set, 0);
        let range = usize::from(run.bit)..usize::from(run.bit + run.bits);
        let all = set.get(range).is_some_and(|bits| bits.iter().all(|bit| *bit == want));
        prop_assert_eq!(group(&raw).expect("a group").all(run, want), all);
    }

    /// As many free bits as are clear, and not one more.
    #[test]
    fn clear_bits_are_counted(set in bits()) {
        let clear = set.iter().filter(|set| !**set).count() as u16;
        prop_assert!(group(&block(&set, clear)).is_some());
        prop_assert!(group(&block(&set, clear + 1)).is_none());
    }
}
