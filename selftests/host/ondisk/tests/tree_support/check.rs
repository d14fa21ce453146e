// SPDX-License-Identifier: GPL-2.0-only
//! A second opinion on a tree: reads the bytes on its own and demands all that the format does.

use std::collections::{BTreeMap, BTreeSet};

use super::Store;

/// Cluster of the file to first block of the volume and flags.
pub type Map = BTreeMap<u32, (u64, u8)>;

fn u16_at(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(b[at..at + 2].try_into().unwrap())
}

fn u32_at(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(b[at..at + 4].try_into().unwrap())
}

fn u64_at(b: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(b[at..at + 8].try_into().unwrap())
}

/// What a walk over a tree found.
#[derive(Default)]
pub struct Seen {
    /// What every cluster is mapped to.
    pub map: Map,
    /// Records of all leaves.
    pub records: usize,
    /// Leaves from left to right, with what they say is the next one.
    leaves: Vec<(u64, u64)>,
    blocks: BTreeSet<u64>,
    /// `l_tree_depth` of the root.
    pub depth: u16,
}

/// Checks the tree in the dinode at `root`; `bpc` is blocks in a cluster.
pub fn check(store: &mut Store, root: u64, bpc: u64) -> Seen {
    let block = store.raw(root).clone();
    let mut seen = Seen {
        depth: u16_at(&block, 0xC0),
        ..Seen::default()
    };
    let end = match u16_at(&block, 0x76) & 4 {
        0 => block.len(),
        _ => block.len() - usize::from(u16_at(&block, 0x12)),
    };
    assert_eq!(
        usize::from(u16_at(&block, 0xC2)),
        (end - 0xD0) / 16,
        "l_count of the root"
    );
    let depth = seen.depth;
    let walk = Walk {
        bpc,
        block: &block,
        off: 0xC0,
        depth,
        last: true,
        from: None,
        end: None,
    };
    node(store, walk, &mut seen);
    let clusters = u32_at(&block, 0x14);
    assert_eq!(clusters as usize, seen.map.len(), "i_clusters");
    let last_eb = seen.leaves.last().map_or(0, |leaf| leaf.0);
    assert_eq!(u64_at(&block, 0x58), last_eb, "i_last_eb_blk");
    for pair in seen.leaves.windows(2) {
        assert_eq!(pair[0].1, pair[1].0, "h_next_leaf_blk");
    }
    assert_eq!(
        seen.leaves.last().map_or(0, |leaf| leaf.1),
        0,
        "h_next_leaf_blk of the last"
    );
    seen
}

struct Walk<'a> {
    bpc: u64,
    block: &'a [u8],
    off: usize,
    depth: u16,
    /// Whether the node is on the path to the last leaf.
    last: bool,
    /// Where the parent says that the first record is; not said for the first path.
    from: Option<u32>,
    /// Where the parent says that the last record ends.
    end: Option<u32>,
}

/// The head of the extent block `blkno`, which is `depth` levels above the leaves.
fn header(block: &[u8], blkno: u64, depth: u16, seen: &mut Seen) {
    assert_eq!(&block[..8], b"EXBLK01\0");
    assert_eq!(u64_at(block, 0x18), blkno);
    assert_eq!(usize::from(u16_at(block, 0x32)), (block.len() - 0x40) / 16);
    let next = u64_at(block, 0x28);
    if depth == 0 {
        seen.leaves.push((blkno, next));
    } else {
        assert_eq!(next, 0, "h_next_leaf_blk of an interior node");
    }
}

fn node(store: &mut Store, walk: Walk<'_>, seen: &mut Seen) {
    let Walk {
        bpc,
        block,
        off,
        depth,
        last,
        from,
        end,
    } = walk;
    assert_eq!(u16_at(block, off), depth, "l_tree_depth");
    let (count, used) = (u16_at(block, off + 2), u16_at(block, off + 4));
    assert!(used <= count);
    assert!(
        last || used == count,
        "a node off the last path has {used} of {count}"
    );
    let rec = |i: u16| &block[off + 16 + usize::from(i) * 16..][..16];
    for i in used..count {
        assert_eq!(rec(i), [0; 16], "a record that is not in use isn't zero");
    }
    if used == 0 {
        assert_eq!(depth, 0);
        return;
    }
    if let Some(from) = from {
        assert_eq!(u32_at(rec(0), 0), from, "e_cpos of the parent");
    }
    let mut next = 0;
    for i in 0..used {
        let (cpos, blkno) = (u32_at(rec(i), 0), u64_at(rec(i), 8));
        if depth == 0 {
            let (clusters, flags) = (u16_at(rec(i), 4), rec(i)[7]);
            assert!(clusters > 0, "an empty record");
            assert!(cpos >= next && rec(i)[6] == 0);
            for c in 0..u32::from(clusters) {
                let old = seen
                    .map
                    .insert(cpos + c, (blkno + u64::from(c) * bpc, flags));
                assert!(old.is_none());
            }
            next = cpos + u32::from(clusters);
            seen.records += 1;
            continue;
        }
        let clusters = u32_at(rec(i), 4);
        assert!(i == 0 || cpos == next, "a gap in an interior node");
        next = cpos + clusters;
        assert!(seen.blocks.insert(blkno), "block {blkno} twice");
        let child = store.raw(blkno).clone();
        header(&child, blkno, depth - 1, seen);
        let from = if i > 0 || from.is_some_and(|f| f > 0) {
            Some(cpos)
        } else {
            None
        };
        let last = last && i + 1 == used;
        let end = last.then_some(next);
        let walk = Walk {
            bpc,
            block: &child,
            off: 0x30,
            depth: depth - 1,
            last,
            from,
            end,
        };
        node(store, walk, seen);
        let reached = seen.map.last_key_value().map_or(0, |(cpos, _)| cpos + 1);
        assert!(reached <= next, "a child reaches past its parent's record");
    }
    if let Some(end) = end {
        assert_eq!(next, end, "the last path's end");
    }
}
