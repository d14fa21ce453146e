// SPDX-License-Identifier: GPL-2.0-only
//! No bytes make the format code panic, overflow, or read without end: random bytes, and blocks
//! of real volumes with bytes changed.

mod format_support;

use std::sync::LazyLock;

use format_support::files::TIME;
use format_support::{Image, KINDS};
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::inode::edit::Edit;
use ocfs2_ondisk_host::ondisk::volume::system_inodes::SystemInode;
use ocfs2_ondisk_host::total;
use proptest::prelude::*;

/// Inputs as the fuzz targets take them: four bytes that choose the volume, then blocks of one.
static BLOCKS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut inputs = Vec::new();
    for (_, mib, args) in KINDS {
        let image = Image::mkfs(mib, args);
        let mut files = vec![image.fs().root_blkno, image.fs().system_dir_blkno];
        for file in [
            SystemInode::SlotMap,
            SystemInode::GlobalBitmap,
            SystemInode::InodeAlloc(0),
            SystemInode::Journal(0),
            SystemInode::LocalAlloc(0),
            SystemInode::TruncateLog(0),
        ] {
            files.push(image.system(file).blkno());
        }
        inputs.extend(files.into_iter().map(|blkno| input(&image, &[blkno])));
        let group = image.fs().first_cluster_group;
        let bitmap = image.system(SystemInode::GlobalBitmap).blkno();
        inputs.push(input(&image, &[bitmap, group]));
    }
    inputs.extend(indexed_directory());
    if let Some(dir) = std::env::var_os("OCFS2_FUZZ_SEEDS") {
        for (n, bytes) in inputs.iter().enumerate() {
            std::fs::write(
                std::path::Path::new(&dir).join(format!("seed-{n:03}")),
                bytes,
            )
            .unwrap();
        }
    }
    inputs
});

fn input(image: &Image, blocks: &[u64]) -> Vec<u8> {
    let fs = image.fs();
    let sizes = (fs.block_bits() - 9) | (fs.cluster_bits() - 12) << 4;
    let incompat = fs.features.incompat.to_le_bytes();
    let mut bytes = vec![sizes as u8, incompat[0], incompat[1], fs.max_slots as u8];
    for &blkno in blocks {
        bytes.extend_from_slice(image.block(blkno));
    }
    bytes
}

/// An index in extents: its root, a leaf, a directory block.
fn indexed_directory() -> Vec<Vec<u8>> {
    let mut image = Image::mkfs(
        32,
        "-b 512 -C 4K -N 2 -M local --fs-features=noindexed-dirs,noinline-data",
    );
    let root = image.fs().root_blkno;
    let dir = image.mkdir(root, b"d");
    let file = image.mknod(root, b"f", 0o100644, 0);
    for n in 0..200u32 {
        image.link(dir, format!("name-{n}").as_bytes(), file, FileType::Regular);
    }
    Edit::of(image.block_mut(file)).links(201).mtime(TIME);
    image.tunefs("--fs-features=indexed-dirs");
    let dinode = image.dinode(dir);
    let index = dinode.dx_root.unwrap();
    let list = &image.block(index)[0xc0..];
    let leaf = u64::from_le_bytes(list[24..32].try_into().unwrap());
    let block = image.data_blocks(&dinode)[0];
    vec![
        input(&image, &[index, leaf, block]),
        input(&image, &[leaf, index, block]),
        input(&image, &[block, index, leaf]),
        input(&image, &[dir, block]),
        input(&image, &[2]),
    ]
}

#[test]
fn blocks_of_real_volumes() {
    assert!(BLOCKS.len() > 50);
    for input in BLOCKS.iter() {
        total::everything(input);
    }
}

#[test]
fn inputs_that_the_fuzzer_found() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/kept");
    let mut inputs = 0;
    for target in std::fs::read_dir(kept).expect("selftests/fuzz/kept is missing") {
        for input in std::fs::read_dir(target.unwrap().path()).unwrap() {
            total::everything(&std::fs::read(input.unwrap().path()).unwrap());
            inputs += 1;
        }
    }
    assert!(inputs > 50, "only {inputs} inputs");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        total::everything(&bytes);
    }

    #[test]
    fn blocks_of_real_volumes_with_bytes_changed(
        which: prop::sample::Index,
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(1)]),
            1..8,
        ),
        head in prop::collection::vec((0..0x120usize, any::<u8>()), 0..4),
    ) {
        let mut input = which.get(&BLOCKS).clone();
        for (at, byte) in changes {
            let len = input.len();
            input[at.index(len)] = byte;
        }
        for (at, byte) in head {
            input[4 + at] = byte;
        }
        total::everything(&input);
    }
}
