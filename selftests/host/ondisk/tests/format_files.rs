// SPDX-License-Identifier: GPL-2.0-only
//! Inodes and directory entries written by the format code, judged by fsck.ocfs2 and
//! debugfs.ocfs2.

mod format_support;

use format_support::files::TIME;
use format_support::{number, value, Image};
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::dir::block as dir_block;
use ocfs2_ondisk_host::ondisk::dir::dx;
use ocfs2_ondisk_host::ondisk::inode::dinode::{Body, Id1};
use ocfs2_ondisk_host::ondisk::inode::edit::Edit;
use ocfs2_ondisk_host::ondisk::inode::symlink;

/// Volumes on which directories are kept in different ways.
const VOLUMES: [(&str, &str); 4] = [
    (
        "512 inline",
        "-b 512 -C 4K -N 2 -M local --fs-features=noindexed-dirs",
    ),
    (
        "4k inline",
        "-b 4K -C 4K -N 2 --cluster-stack=o2cb --cluster-name=foo --fs-features=noindexed-dirs",
    ),
    (
        "1k blocks",
        "-b 1K -C 8K -N 2 -M local --fs-features=noindexed-dirs,noinline-data",
    ),
    (
        "2k compat",
        "-b 2K -C 32K -N 2 --fs-feature-level=max-compat",
    ),
];

fn names(count: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(move |n| {
        // Short ones where there are very many.
        let long = "x".repeat(if count > 1000 { 0 } else { n * 7 % 180 });
        format!("{n}{}{long}", if n % 5 == 0 { "ä" } else { "-" }).into_bytes()
    })
}

#[test]
fn fsck_is_content_with_every_type_of_file() {
    for (what, args) in VOLUMES {
        let mut image = Image::mkfs(32, args);
        let root = image.fs().root_blkno;
        let dir = image.mkdir(root, b"directory");
        image.mkdir(dir, b"below");
        let file = image.mknod(dir, b"regular", 0o100640, 0);
        image.mknod(dir, b"fifo", 0o010600, 0);
        image.mknod(dir, b"socket", 0o140777, 0);
        let device = image.mknod(dir, b"device", 0o020666, 0x0103);

        let link = image.mknod(dir, b"link", 0o120777, 0);
        let target = vec![b't'; symlink::max_fast_target(image.fs())];
        assert!(symlink::set_fast_target(image.block_mut(link), &target).is_some());
        Edit::of(image.block_mut(link)).size(target.len() as u64);
        let dinode = image.dinode(link);
        assert_eq!(
            symlink::fast_target(image.block(link), &dinode),
            Some(&target[..])
        );
        let long = vec![b't'; target.len() + 1];
        assert!(symlink::set_fast_target(image.block_mut(link), &long).is_none());

        image.assert_clean();
        assert_eq!(image.dinode(device).id1, Id1::Device(0x0103));
        let text = image.debugfs("stat /directory/regular");
        assert_eq!(number::<u64>(&text, "Inode: "), file, "{what}");
        assert_eq!(value(&text, "Mode: "), "0640");
        assert_eq!(number::<u32>(&text, "User: "), 1000);
        assert_eq!(number::<u32>(&text, "Group: "), 100);
        assert_eq!(value(&text, "mtime: "), format!("{:#x}", TIME.sec));
        assert_eq!(
            value(&text, &format!("mtime: {:#x} ", TIME.sec)),
            format!("{:#x}", TIME.nsec)
        );
        let text = image.debugfs("stat /directory/link");
        assert!(
            text.contains(std::str::from_utf8(&target).unwrap()),
            "{what}: {text}"
        );
    }
}

#[test]
fn a_directory_grows_and_shrinks_to_fscks_content() {
    for (what, args) in VOLUMES {
        let mut image = Image::mkfs(32, args);
        let root = image.fs().root_blkno;
        let dir = image.mkdir(root, b"d");
        let file = image.mknod(root, b"f", 0o100644, 0);
        let inline = matches!(image.dinode(dir).body, Body::Inline { .. });
        assert_eq!(inline, what.ends_with("inline"), "{what}");

        let mut linked = 0;
        for name in names(60) {
            image.link(dir, &name, file, FileType::Regular);
            linked += 1;
            Edit::of(image.block_mut(file)).links(1 + linked);
            // Looked at right when the directory leaves the dinode, and when it has grown.
            if linked == 2 || linked == 30 || linked == 60 {
                image.assert_clean();
            }
        }
        assert!(
            what == "4k inline" || image.areas(&image.dinode(dir)).len() > 2,
            "{what}"
        );
        for name in names(60) {
            assert_eq!(
                image.lookup(&image.dinode(dir), &name),
                Some(file),
                "{what}"
            );
        }
        for (n, name) in names(60).enumerate() {
            if n % 3 != 0 {
                image.unlink(dir, &name);
                linked -= 1;
            }
        }
        Edit::of(image.block_mut(file)).links(1 + linked);
        image.assert_clean();
        for (n, name) in names(60).enumerate() {
            let found = image.lookup(&image.dinode(dir), &name).is_some();
            assert_eq!(found, n % 3 == 0, "{what}");
        }
        // The room is used again before the directory grows.
        let size = image.dinode(dir).size;
        for (_, name) in names(60).enumerate().filter(|(n, _)| n % 3 != 0).take(20) {
            image.link(dir, &name, file, FileType::Regular);
            linked += 1;
        }
        Edit::of(image.block_mut(file)).links(1 + linked);
        image.assert_clean();
        assert_eq!(image.dinode(dir).size, size, "{what}");
    }
}

#[test]
fn directory_blocks_of_a_metaecc_volume_get_their_trailers() {
    let mut image = Image::mkfs(32, "-b 1K -C 4K -N 2 -M local --fs-features=metaecc");
    let root = image.fs().root_blkno;
    let dinode = image.dinode(root);
    let fs = *image.fs();
    let inline = image.block(root).to_vec();
    let mut block = vec![0xff; fs.block_size()];
    let area = dir_block::expand_inline(&inline, &dinode, &mut block, 9999, &fs).unwrap();
    assert_eq!(area.len(), fs.block_size() - dir_block::TRAILER_SIZE);
    let old = area
        .entries(&block)
        .map(|entry| entry.unwrap().name.to_vec());
    assert_eq!(old.collect::<Vec<_>>(), [&b"."[..], b"..", b"lost+found"]);
    assert!(area.find_room(&block, 255).unwrap().is_some());

    // The directory itself has to have left the dinode before its blocks are looked at.
    let file = image.block_mut(root);
    Edit::of(file).dyn_features(0).size(0);
    let outside = image.dinode(root);
    assert_eq!(
        dir_block::Area::block(&block, 9999, &outside, &fs),
        Ok(area)
    );
    let wrong = dir_block::Area::block(&block, 9998, &outside, &fs).unwrap_err();
    assert_eq!(wrong.field, "ocfs2_dir_block_trailer.db_blkno");
    let hole = u16::from_le_bytes([block[1024 - 64 + 0x0e], block[1024 - 64 + 0x0f]]);
    assert_eq!(usize::from(hole), area.largest_hole(&block).unwrap());
}

#[test]
fn names_are_found_through_an_index_made_by_tunefs() {
    // How many names; whether they fit into the root block of the index; blocks read at most.
    for (count, expected, args) in [
        (
            3usize,
            (true, 0),
            "-b 4K -C 4K -N 2 -M local --fs-features=noindexed-dirs",
        ),
        (
            200,
            (true, 3),
            "-b 4K -C 4K -N 2 -M local --fs-features=noindexed-dirs",
        ),
        (
            900,
            (false, 5),
            "-b 1K -C 8K -N 2 -M local --fs-features=noindexed-dirs,noinline-data",
        ),
        (
            4000,
            (false, 7),
            "-b 512 -C 4K -N 2 -M local --fs-features=noindexed-dirs,noinline-data",
        ),
    ] {
        let mut image = Image::mkfs(32, args);
        let root = image.fs().root_blkno;
        let dir = image.mkdir(root, b"d");
        let file = image.mknod(root, b"f", 0o100644, 0);
        for name in names(count) {
            image.link(dir, &name, file, FileType::Regular);
        }
        Edit::of(image.block_mut(file)).links(1 + count as u32);
        image.assert_clean();
        image.tunefs("--fs-features=indexed-dirs");
        image.assert_clean();

        let fs = *image.fs();
        let dinode = image.dinode(dir);
        if matches!(dinode.body, Body::Inline { .. }) {
            assert_eq!(dinode.dx_root, None);
            assert!(dx::lookup(&mut image, &dinode, &fs, b"x").is_err());
            continue;
        }
        let root = dinode.dx_root.expect("tunefs made no index");
        let decoded = dx::DxRoot::decode(image.block(root), root, &dinode, &fs).unwrap();
        assert_eq!(decoded.num_entries as usize, count + 2);
        let mut most = 0;
        for name in names(count) {
            image.reads = 0;
            let hit = dx::lookup(&mut image, &dinode, &fs, &name).unwrap();
            let hit = hit.unwrap_or_else(|| panic!("{} isn't found", name.escape_ascii()));
            assert_eq!((hit.inode, hit.file_type), (file, Some(FileType::Regular)));
            let entry = hit
                .area
                .find(image.block(hit.blkno), &name)
                .unwrap()
                .unwrap();
            assert_eq!(entry.offset, hit.offset);
            most = most.max(image.reads);
        }
        assert_eq!((decoded.entries.is_some(), most), expected, "{count} names");
        for name in names(count) {
            let absent = [&name[..], b"!"].concat();
            assert!(dx::lookup(&mut image, &dinode, &fs, &absent)
                .unwrap()
                .is_none());
        }
        let dot = dx::lookup(&mut image, &dinode, &fs, b".").unwrap().unwrap();
        assert_eq!(dot.inode, dir);
    }
}
