// SPDX-License-Identifier: GPL-2.0-only
//! Random changes to trees, against a map of clusters to blocks.

mod tree_support;

use std::ops::ControlFlow;

use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::extent::insert::TreeError;
use ocfs2_ondisk_host::ondisk::extent::list::{recs_per_extent_block, ExtentRec, EXT_UNWRITTEN};
use ocfs2_ondisk_host::ondisk::extent::room::{Far, STEP_CREDITS};
use ocfs2_ondisk_host::ondisk::extent::tree::{Mapped, Tree};
use ocfs2_ondisk_host::ondisk::inode::edit as dinode_edit;
use proptest::prelude::*;
use proptest::sample::Index;
use tree_support::check::{check, Map};
use tree_support::{ListSource, Store};

const ROOT: u64 = 100;
const GENERATION: u32 = 0x1234;

/// A tree and what should be in it.
struct Rig {
    geo: Geometry,
    store: Store,
    source: ListSource,
    model: Map,
}

impl Rig {
    /// A root without records, with room for few if `xattr` bytes are taken from it.
    fn new(block_bits: u32, cluster_bits: u32, xattr: u16) -> Self {
        let mut geo = Geometry::new(block_bits, cluster_bits, 1 << 30).unwrap();
        geo.fs_generation = GENERATION;
        let mut store = Store::in_memory(geo.block_size(), geo.blocks());
        let root = store.raw(ROOT);
        root[0x50..0x58].copy_from_slice(&ROOT.to_le_bytes());
        dinode_edit::init_extent_list(root, xattr);
        if xattr > 0 {
            root[0x12..0x14].copy_from_slice(&xattr.to_le_bytes());
            root[0x76] = 4;
        }
        let source = ListSource {
            free: (1000..9000).rev().collect(),
            given: 0,
        };
        Self {
            geo,
            store,
            source,
            model: Map::new(),
        }
    }

    fn bpc(&self) -> u64 {
        u64::from(self.geo.blocks_per_cluster())
    }

    /// Inserts, and looks at what that cost.
    fn insert(&mut self, rec: ExtentRec) -> Result<(), TreeError<tree_support::Error>> {
        let tree = Tree::of_dinodes(&self.geo);
        let (store, mut root) = (&mut self.store, ROOT);
        let blocks = tree.blocks_needed(store, &root, 1).expect("blocks");
        let credits = tree.credits(store, &root, rec.cpos, 1).expect("credits");
        store.dirty.clear();
        self.source.given = 0;
        let done = tree.insert(store, &mut root, &rec, &mut self.source);
        assert!(
            self.source.given <= blocks as usize,
            "more blocks than said"
        );
        assert!(
            store.dirty.len() <= credits as usize,
            "more updates than credits"
        );
        if done.is_err() {
            assert!(store.dirty.is_empty(), "refused after a change");
            return done;
        }
        for c in 0..rec.clusters {
            let blkno = rec.blkno + u64::from(c) * self.bpc();
            let old = self.model.insert(rec.cpos + c, (blkno, rec.flags));
            assert!(old.is_none(), "a cluster was mapped twice");
        }
        Ok(())
    }

    fn mark(&mut self, cpos: u32, clusters: u32) -> Result<u32, TreeError<tree_support::Error>> {
        let tree = Tree::of_dinodes(&self.geo);
        let (store, mut root) = (&mut self.store, ROOT);
        let blocks = tree.blocks_needed(store, &root, 2).expect("blocks");
        let credits = tree.credits(store, &root, cpos, 2).expect("credits");
        store.dirty.clear();
        self.source.given = 0;
        let done = tree.mark_written(store, &mut root, cpos, clusters, &mut self.source);
        assert!(
            self.source.given <= blocks as usize,
            "more blocks than said"
        );
        assert!(
            store.dirty.len() <= credits as usize,
            "more updates than credits"
        );
        for c in 0..done? {
            self.model.get_mut(&(cpos + c)).expect("marked a hole").1 &= !EXT_UNWRITTEN;
        }
        done
    }

    /// Cuts everything from `from` on off; extent blocks go back to the source.
    fn cut(&mut self, from: u32) {
        let tree = Tree::of_dinodes(&self.geo);
        let mut root = ROOT;
        loop {
            let before = self.store.snapshot();
            let credits = tree.cut_credits(&before[&ROOT]).expect("credits");
            self.store.dirty.clear();
            let cut = tree.cut(&mut self.store, &mut root, from).expect("cut");
            assert!(self.store.dirty.len() <= credits as usize);
            let Some(cut) = cut else { break };
            let rec = cut.extent.expect("a record");
            assert!(rec.cpos >= from);
            for c in 0..rec.clusters {
                let blkno = rec.blkno + u64::from(c) * self.bpc();
                assert_eq!(self.model.remove(&(rec.cpos + c)), Some((blkno, rec.flags)));
            }
            for block in cut.blocks.iter().flatten() {
                assert!(!self.source.free.contains(&block.blkno));
                assert_eq!(u64::from(block.bit), block.blkno % 2048);
                self.source.free.push(block.blkno);
            }
        }
        assert!(self.store.dirty.is_empty(), "nothing to cut, and changed");
        assert!(self.model.range(from..).next().is_none());
    }

    /// Everything there is to say about the tree.
    fn check(&mut self) -> tree_support::check::Seen {
        let bpc = self.bpc();
        let seen = check(&mut self.store, ROOT, bpc);
        assert_eq!(seen.map, self.model);
        let mut visited = 0;
        let tree = Tree::of_dinodes(&self.geo);
        tree.visit(&mut self.store, &ROOT, 0, |_| {
            visited += 1;
            ControlFlow::Continue(())
        })
        .expect("visit");
        assert_eq!(visited, seen.records);
        let end = self.model.last_key_value().map_or(0, |(cpos, _)| cpos + 1);
        assert_eq!(tree.end(&mut self.store, &ROOT), Ok(end));
        seen
    }

    /// Whether the tree maps what it should; it may have empty records meanwhile.
    fn same_records(&mut self) {
        let (mut map, bpc) = (Map::new(), self.bpc());
        Tree::of_dinodes(&self.geo)
            .visit(&mut self.store, &ROOT, 0, |rec| {
                for c in 0..rec.clusters {
                    map.insert(rec.cpos + c, (rec.blkno + u64::from(c) * bpc, rec.flags));
                }
                ControlFlow::Continue(())
            })
            .expect("visit");
        assert_eq!(map, self.model);
    }

    /// Looks a cluster up, and everything that the answer claims.
    fn lookup(&mut self, cpos: u32) {
        let got = Tree::of_dinodes(&self.geo)
            .lookup(&mut self.store, &ROOT, cpos)
            .expect("lookup");
        assert_eq!(got.cpos, cpos);
        match got.what {
            Mapped::Hole => {
                let next = self
                    .model
                    .range(cpos..)
                    .next()
                    .map_or(u32::MAX, |(next, _)| *next);
                assert_eq!(got.clusters, next - cpos);
            }
            Mapped::Extent { blkno, flags } => {
                assert!(got.clusters > 0);
                for c in 0..got.clusters {
                    let blkno = blkno + u64::from(c) * self.bpc();
                    assert_eq!(self.model.get(&(cpos + c)), Some(&(blkno, flags)));
                }
            }
        }
    }

    /// A record that continues what has the same `area`.
    fn rec(&self, cpos: u32, clusters: u32, area: u32, flags: u8) -> ExtentRec {
        let blkno = self
            .geo
            .clusters_to_blocks(area * 100_000_000 + 1_000_000 + cpos);
        ExtentRec {
            cpos,
            clusters,
            blkno,
            flags,
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// Insert into hole number `.0` (at its start, its end, or within), as long as fits.
    Fill(Index, u8, u32, u32, u8),
    /// Insert somewhere behind everything.
    Append(u32, u32, u32, u8),
    /// Mark some of what is mapped.
    Mark(Index, u32),
    Lookup(u32),
    /// Cut off a little, or now and then a lot.
    Cut(u32),
}

fn ops() -> impl Strategy<Value = Op> {
    let flags = prop_oneof![Just(0), Just(EXT_UNWRITTEN)];
    prop_oneof![
        6 => (any::<Index>(), 0..3u8, 1..6u32, 0..4u32, flags.clone())
            .prop_map(|(i, how, len, area, flags)| Op::Fill(i, how, len, area, flags)),
        3 => (0..12u32, 1..9u32, 0..4u32, flags)
            .prop_map(|(gap, len, area, flags)| Op::Append(gap, len, area, flags)),
        3 => (any::<Index>(), 1..5u32).prop_map(|(i, len)| Op::Mark(i, len)),
        1 => (0..4000u32).prop_map(Op::Lookup),
        1 => prop_oneof![9 => 1..20u32, 1 => 20..2000u32].prop_map(Op::Cut),
    ]
}

fn run(rig: &mut Rig, op: Op) {
    match op {
        Op::Append(gap, len, area, flags) => {
            let end = rig.model.last_key_value().map_or(0, |(cpos, _)| cpos + 1);
            rig.insert(rig.rec(end + gap, len, area, flags))
                .expect("append");
        }
        Op::Fill(i, how, len, area, flags) => {
            let keys: Vec<u32> = rig.model.keys().copied().collect();
            let ends = std::iter::once(0).chain(keys.iter().map(|k| k + 1));
            let holes: Vec<(u32, u32)> = ends
                .zip(keys.iter().copied())
                .filter(|(a, b)| a < b)
                .collect();
            if holes.is_empty() {
                return;
            }
            let (from, to) = holes[i.index(holes.len())];
            let len = len.min(to - from);
            let cpos = match how {
                0 => from,
                1 => to - len,
                _ => from + (to - from - len) / 2,
            };
            rig.insert(rig.rec(cpos, len, area, flags)).expect("fill");
            let again = rig.insert(rig.rec(cpos, 1, 5, 0));
            assert_eq!(again, Err(TreeError::Exists));
        }
        Op::Mark(i, len) => {
            let keys: Vec<u32> = rig.model.keys().copied().collect();
            if !keys.is_empty() {
                let done = rig.mark(keys[i.index(keys.len())], len).expect("mark");
                assert!(done > 0 && done <= len);
            }
        }
        Op::Lookup(cpos) => rig.lookup(cpos),
        Op::Cut(clusters) => {
            let end = rig.model.last_key_value().map_or(0, |(cpos, _)| cpos + 1);
            rig.cut(end.saturating_sub(clusters));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_changes(
        ops in prop::collection::vec(ops(), 1..400),
        small_root in any::<bool>(),
        bits in prop_oneof![Just((9u32, 12u32)), Just((10, 12)), Just((9, 15))],
    ) {
        let mut rig = Rig::new(bits.0, bits.1, if small_root { 256 } else { 0 });
        for (i, op) in ops.into_iter().enumerate() {
            run(&mut rig, op);
            if i % 8 == 0 {
                rig.check();
            }
        }
        rig.check();
        for cpos in 0..64 {
            rig.lookup(cpos * 7);
        }
        rig.cut(0);
        prop_assert_eq!(rig.source.free.len(), 8000);
        prop_assert_eq!(rig.check().depth, 0);
    }
}

/// A file that is appended to has full leaves, and each append touches few blocks.
#[test]
fn appends_are_cheap_and_fill_leaves() {
    let mut rig = Rig::new(9, 12, 256);
    for i in 0..3000 {
        rig.insert(rig.rec(2 * i, 1, i % 3, 0)).expect("append");
        assert!(
            rig.store.dirty.len() <= 10,
            "append {i} updated {:?}",
            rig.store.dirty
        );
    }
    let seen = rig.check();
    assert_eq!((seen.records, seen.depth), (3000, 3));
}

/// A visit from the middle begins with the extent that is there, and stops when told.
#[test]
fn visits_begin_and_end_where_they_should() {
    let mut rig = Rig::new(9, 12, 256);
    for i in 0..200 {
        rig.insert(rig.rec(4 * i, 2, i % 3, 0)).expect("insert");
    }
    let tree = Tree::of_dinodes(&rig.geo);
    for (from, first) in [(400, 400), (401, 400), (402, 404), (403, 404), (796, 796)] {
        let mut seen = Vec::new();
        tree.visit(&mut rig.store, &ROOT, from, |rec| {
            seen.push(rec.cpos);
            if seen.len() == 50 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
        .expect("visit");
        let expected: Vec<u32> = (first..800).step_by(4).take(50).collect();
        assert_eq!(seen, expected, "from {from}");
    }
}

/// Records that arrive back to front, each before all others, end up in an orderly tree.
#[test]
fn back_to_front() {
    let mut rig = Rig::new(9, 12, 256);
    for i in (0..400).rev() {
        rig.insert(rig.rec(2 * i + 1, 1, i % 3, 0)).expect("insert");
        if i % 16 == 0 {
            rig.check();
        }
    }
    assert_eq!(rig.check().records, 400);
}

/// Records that go into the middle of a tree with several nodes on each level.
#[test]
fn fills_in_a_wide_tree() {
    let mut rig = Rig::new(9, 12, 256);
    for i in 0..2200 {
        rig.insert(rig.rec(3 * i, 1, i % 3, EXT_UNWRITTEN))
            .expect("append");
    }
    for i in 0..70 {
        let cpos = 3 * ((i * 1009) % 2199) + 1;
        rig.insert(rig.rec(cpos, 2, 3, 0)).expect("fill");
        let seen = rig.check();
        assert_eq!((seen.records as u32, seen.depth), (2201 + i, 2));
    }
    rig.cut(900);
    assert_eq!(rig.check().depth, 2);
}

/// Three extents in a row that are too long for one record.
/// A record at the front of a file with many full leaves costs few blocks at a time, and each step
/// leaves a good tree.
#[test]
fn room_is_brought_near_step_by_step() {
    for (extra, records) in [(0, 1), (0, 2), (7, 1), (7, 2)] {
        let mut rig = Rig::new(9, 12, 0);
        let per_leaf = u32::from(recs_per_extent_block(512));
        // With nothing extra the last leaf is full, too.
        for i in 0..per_leaf * 30 + extra {
            rig.insert(rig.rec(3 + 3 * i, 1, i % 7, 0)).expect("append");
        }
        let geo = rig.geo;
        let tree = Tree::of_dinodes(&geo);
        let far = tree.credits(&mut rig.store, &ROOT, 1, records);
        assert!(far.expect("credits") > 30, "all leaves have to give way");
        let mut moves = 0;
        loop {
            let (store, mut root) = (&mut rig.store, ROOT);
            let far = tree.far_room(store, &root, 1, records).expect("survey");
            let Some(far) = far else { break };
            store.dirty.clear();
            match far {
                Far::Nowhere { blocks } => {
                    rig.source.given = 0;
                    tree.add_room(store, &mut root, &mut rig.source)
                        .expect("another leaf");
                    assert!(rig.source.given <= blocks.into());
                    assert!(store.dirty.len() <= STEP_CREDITS as usize);
                }
                Far::At { mut at, steps } => {
                    assert!(steps > 0);
                    for _ in 0..steps {
                        rig.store.dirty.clear();
                        at = tree.move_room(&mut rig.store, &mut root, at).expect("move");
                        assert!(rig.store.dirty.len() <= STEP_CREDITS as usize);
                        rig.same_records();
                    }
                    moves += steps;
                }
            }
        }
        assert!(moves > 20);
        let near = tree.credits(&mut rig.store, &ROOT, 1, records);
        assert!(near.expect("credits") <= 40, "{near:?}");
        for i in 0..u32::from(records) {
            rig.insert(rig.rec(1 + 3 * i, 1, 3, 0)).expect("a record");
        }
        rig.check();
    }
}

#[test]
fn records_do_not_outgrow_their_length() {
    let mut rig = Rig::new(9, 12, 0);
    for (i, flags) in [0, EXT_UNWRITTEN, 0].into_iter().enumerate() {
        rig.insert(rig.rec(30_000 * i as u32, 30_000, 0, flags))
            .expect("insert");
    }
    assert_eq!(rig.mark(30_000, 30_000), Ok(30_000));
    assert_eq!(rig.check().records, 2);
    rig.insert(rig.rec(90_000, 30_000, 0, 0)).expect("insert");
    assert_eq!(rig.check().records, 2);
    rig.insert(rig.rec(120_000, 30_000, 0, 0)).expect("insert");
    assert_eq!(rig.check().records, 3);
}

/// A long unwritten extent that is written bit by bit, forwards, is one record again in the end.
#[test]
fn unwritten_extent_is_written_in_order() {
    let mut rig = Rig::new(9, 12, 0);
    rig.insert(rig.rec(10, 500, 0, EXT_UNWRITTEN))
        .expect("insert");
    for cpos in 10..510 {
        assert_eq!(rig.mark(cpos, 1), Ok(1));
        assert!(rig.check().records <= 2);
    }
    assert_eq!(rig.check().records, 1);
}

/// The middle of an unwritten extent: three records, wherever in a full tree it lies.
#[test]
fn marking_the_middle_splits_in_three() {
    for at in 0..120 {
        let mut rig = Rig::new(9, 12, 256);
        for i in 0..120 {
            rig.insert(rig.rec(10 * i, 9, i % 3, EXT_UNWRITTEN))
                .expect("insert");
        }
        assert_eq!(rig.mark(10 * at + 4, 2), Ok(2));
        assert_eq!(rig.check().records, 122);
        assert_eq!(rig.mark(10 * at + 4, 100), Ok(2));
        assert_eq!(rig.mark(10 * at + 9, 1), Err(TreeError::Hole));
    }
}

/// A level is added when the root and the last path are full, and not before.
#[test]
fn levels_are_added_one_by_one() {
    let mut rig = Rig::new(9, 12, 256);
    let most = 3 * 28u32.pow(3);
    let append = |rig: &mut Rig, i: u32| {
        let rec = rig.rec(2 * i, 1, i % 3, 0);
        let tree = Tree::of_dinodes(&rig.geo);
        tree.insert(&mut rig.store, &mut { ROOT }, &rec, &mut rig.source)
            .expect("append");
        rig.model.insert(rec.cpos, (rec.blkno, 0));
    };
    for i in 0..most {
        append(&mut rig, i);
        if [3, 3 * 28, 3 * 28 * 28, most].contains(&(i + 1)) {
            let depth = rig.store.raw(ROOT)[0xC0];
            append_depth(&mut rig, i + 1, depth);
        }
    }
    assert_eq!(rig.check().depth, 3);
    append(&mut rig, most);
    assert_eq!(rig.check().depth, 4);
}

/// After `records` appends the tree is full at `depth`.
fn append_depth(rig: &mut Rig, records: u32, depth: u8) {
    assert_eq!(records, 3 * 28u32.pow(u32::from(depth)));
    let seen = rig.check();
    assert_eq!(
        (seen.records as u32, seen.depth),
        (records, u16::from(depth))
    );
}
