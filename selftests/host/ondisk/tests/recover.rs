// SPDX-License-Identifier: GPL-2.0-only
//! What a crash leaves in a slot's `local_alloc` and `truncate_log`: what may be given back to the
//! global bitmap, and what may not.

mod chain_support;
mod tree_support;

use chain_support::{bitmap, check, groups, u32_at, DINODE};
use ocfs2_ondisk_host::ondisk::alloc::{
    chain::Allocator,
    local_alloc::{LocalAlloc, Run},
    recover::{check_used, check_window},
    truncate_log::TruncateRec,
};
use tree_support::Error;

fn run(first_cluster: u32, clusters: u32) -> Run {
    Run {
        first_cluster,
        clusters,
    }
}

fn window(first_cluster: u32, total: u32) -> LocalAlloc {
    LocalAlloc {
        first_cluster,
        total,
        used: 0,
        size: 256,
    }
}

fn field<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Corrupt(c)) => format!("{} {}", c.blkno, c.field),
        other => format!("{other:?}"),
    }
}

const BITMAP: &str = "ocfs2_group_desc.bg_bitmap";

#[test]
fn a_run_is_freed_only_if_all_of_it_is_in_use() {
    let (geo, mut store) = bitmap();
    let alloc = Allocator::clusters(&geo);
    let found = alloc
        .find(&mut store, &DINODE, 40, 40, Some(810))
        .unwrap()
        .unwrap();
    alloc.claim(&mut store, &mut { DINODE }, &found).unwrap();
    let first = geo.block_to_cluster(found.blkno).unwrap();
    assert_eq!((found.group, found.run.bits), (800, 40));
    let before = check(&mut store, true);
    let mut test = |run| check_used(&mut store, &geo, &DINODE, run);
    assert!(test(run(first, 40)).is_ok());
    assert!(test(run(first + 39, 1)).is_ok());
    let at_800 = format!("800 {BITMAP}");
    // One cluster too many on either side, and none.
    for bad in [run(first, 41), run(first - 1, 41), run(first, 0)] {
        assert_eq!(field(test(bad)), at_800, "{bad:?}");
    }
    // More than a group has, in two groups, and more than fits a number.
    for clusters in [100, 101, 0x1_0001, u32::MAX] {
        assert_eq!(field(test(run(first, clusters))), at_800, "{clusters}");
    }
    assert_eq!(check(&mut store, true), before, "a check changes nothing");
    alloc
        .free_clusters(&mut store, &mut { DINODE }, first, 40)
        .unwrap();
    assert_eq!(check(&mut store, true).len() + 40, before.len());
}

#[test]
fn a_descriptor_is_never_freed() {
    let (geo, mut store) = bitmap();
    let all = groups(&mut store);
    assert_eq!(all.len(), 4);
    for at in all {
        let cluster = geo.block_to_cluster(at).unwrap();
        let first = if at == geo.first_cluster_group {
            0
        } else {
            cluster
        };
        // In the first group that is also what lies before it: the superblock.
        for cluster in first..=cluster {
            let got = field(check_used(&mut store, &geo, &DINODE, run(cluster, 1)));
            assert_eq!(got, format!("{at} {BITMAP}"), "cluster {cluster}");
        }
    }
}

#[test]
fn a_run_that_is_not_on_the_volume_is_refused() {
    let (geo, mut store) = bitmap();
    for cluster in [390, 399, 400, 100_000, u32::MAX] {
        let got = field(check_used(&mut store, &geo, &DINODE, run(cluster, 1)));
        assert!(got.ends_with(BITMAP), "cluster {cluster}: {got}");
    }
}

#[test]
fn a_window_lies_in_one_group() {
    let (geo, mut store) = bitmap();
    let test = |w: LocalAlloc| field(check_window(&store, &geo, &DINODE, 99, &w));
    for good in [
        window(0, 0),
        window(101, 99),
        window(299, 1),
        window(399, 1),
    ] {
        assert_eq!(test(good), "Ok(())", "{good:?}");
    }
    for bad in [window(101, 100), window(99, 2), window(50, 300)] {
        let want = "99 ocfs2_local_alloc.la_bm_off";
        assert_eq!(test(bad), want, "{bad:?}");
    }
    // A chain list that says nothing of groups.
    let used = u32_at(store.raw(DINODE), 0xB8);
    store.raw(DINODE)[0xC0..0xC2].fill(0);
    assert!(check_window(&store, &geo, &DINODE, 99, &window(101, 1)).is_err());
    assert_eq!(u32_at(store.raw(DINODE), 0xB8), used);
}

#[test]
fn a_record_without_a_start_or_a_length_is_ignored() {
    let rec = |start, clusters| TruncateRec { start, clusters }.run();
    assert_eq!(rec(0, 5), None);
    assert_eq!(rec(5, 0), None);
    assert_eq!(rec(5, 6), Some(run(5, 6)));
}
