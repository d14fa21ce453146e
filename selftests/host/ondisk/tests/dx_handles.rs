// SPDX-License-Identifier: GPL-2.0-only
//! Trees that change where a block is what was read when it was read, as in the kernel: a change
//! through an old handle would take back what another one changed since.

mod dx_support;
mod tree_support;

use dx_support::{Block, Lists, Snap};
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::base::store::Blocks;
use ocfs2_ondisk_host::ondisk::extent::list::{ExtentRec, EXT_UNWRITTEN};
use ocfs2_ondisk_host::ondisk::extent::tree::Tree;
use ocfs2_ondisk_host::ondisk::inode::edit as dinode_edit;
use proptest::prelude::*;
use tree_support::check::check;
use tree_support::Store;

const ROOT: u64 = 100;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// A cluster of the file, apart from its neighbours on the volume.
    Insert { cpos: u32, unwritten: bool },
    /// Three clusters from here are written.
    Mark(u32),
    /// Everything from here on goes.
    Cut(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        60 => (0u32..1200, any::<bool>()).prop_map(|(cpos, unwritten)| Op::Insert { cpos, unwritten }),
        10 => (0u32..1200).prop_map(Op::Mark),
        1 => (600u32..1200).prop_map(Op::Cut),
    ]
}

/// One record in the leaf's place for every `cpos`, three clusters long and three apart.
fn record(cpos: u32, unwritten: bool, bpc: u64) -> ExtentRec {
    ExtentRec {
        cpos: cpos * 3,
        clusters: 3,
        blkno: (1 << 20) + u64::from(cpos) * 5 * bpc,
        flags: if unwritten { EXT_UNWRITTEN } else { 0 },
    }
}

fn apply(store: &mut Store, root: &mut Block, lists: &mut Lists, op: Op) {
    let geo = lists.geo;
    let (tree, bpc) = (Tree::of_dinodes(&geo), u64::from(geo.blocks_per_cluster()));
    let mut snap = Snap(store);
    match op {
        Op::Insert { cpos, unwritten } => {
            // What is there already is refused, and nothing happens.
            let _ = tree.insert(&mut snap, root, &record(cpos, unwritten, bpc), lists);
        }
        Op::Mark(cpos) => {
            let _ = tree.mark_written(&mut snap, root, cpos * 3 + 1, 1, lists);
        }
        Op::Cut(cpos) => while tree.cut(&mut snap, root, cpos * 3).expect("cut").is_some() {},
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// No operation changes a block through a handle that is out of date: the store would panic.
    #[test]
    fn one_handle_at_a_time(
        block_bits in prop::sample::select(vec![9u32, 10]),
        ops in prop::collection::vec(op(), 1..700),
    ) {
        let mut geo = Geometry::new(block_bits, 12, 1 << 24).unwrap();
        geo.fs_generation = 0x1234;
        let mut store = Store::in_memory(geo.block_size(), geo.blocks());
        let block = store.raw(ROOT);
        block[0x50..0x58].copy_from_slice(&ROOT.to_le_bytes());
        dinode_edit::init_extent_list(block, 0);
        let mut lists = Lists::new(geo, 1000, 1 << 20, 1);
        let mut root = Snap(&mut store).read(ROOT).unwrap();
        for (n, op) in ops.into_iter().enumerate() {
            apply(&mut store, &mut root, &mut lists, op);
            prop_assert_eq!(&root.bytes, store.raw(ROOT));
            if n % 50 == 0 {
                check(&mut store, ROOT, geo.blocks_per_cluster().into());
            }
        }
        check(&mut store, ROOT, geo.blocks_per_cluster().into());
    }
}
