// SPDX-License-Identifier: GPL-2.0-only
//! Volumes as mkfs.ocfs2 makes them, decoded here and by debugfs.ocfs2: the two must agree.

mod format_support;

use format_support::{encode_lock, number, value, Image, KINDS};
use ocfs2_ondisk_host::ondisk::alloc::local_alloc::LocalAlloc;
use ocfs2_ondisk_host::ondisk::alloc::truncate_log::TruncateLog;
use ocfs2_ondisk_host::ondisk::base::features::{Features, INCOMPAT_META_ECC};
use ocfs2_ondisk_host::ondisk::base::file_type::FileType;
use ocfs2_ondisk_host::ondisk::dir::block as dir_block;
use ocfs2_ondisk_host::ondisk::dlm::lock_name::LockName;
use ocfs2_ondisk_host::ondisk::inode::dinode::{Body, Id1, SYSTEM_FL, VALID_FL};
use ocfs2_ondisk_host::ondisk::volume::block_check::{self, Verdict};
use ocfs2_ondisk_host::ondisk::volume::slot_map::SlotMap;
use ocfs2_ondisk_host::ondisk::volume::superblock::{self, ClusterInfo, Rejected, Superblock};
use ocfs2_ondisk_host::ondisk::volume::system_inodes::SystemInode;

fn for_each_kind(test: impl Fn(&str, &mut Image)) {
    for (name, mib, args) in KINDS {
        test(name, &mut Image::mkfs(mib, args));
    }
}

#[test]
fn superblock_is_what_debugfs_prints() {
    for_each_kind(|name, image| {
        let text = image.debugfs("stats");
        let (sb, fs) = (&image.superblock, image.fs());
        assert_eq!(
            fs.block_bits(),
            number::<u32>(&text, "Block Size Bits: "),
            "{name}"
        );
        assert_eq!(
            fs.cluster_bits(),
            number::<u32>(&text, "Cluster Size Bits: "),
            "{name}"
        );
        assert_eq!(
            fs.max_slots,
            number::<u16>(&text, "Max Node Slots: "),
            "{name}"
        );
        assert_eq!(
            fs.root_blkno,
            number::<u64>(&text, "Root Blknum: "),
            "{name}"
        );
        assert_eq!(
            fs.system_dir_blkno,
            number::<u64>(&text, "System Dir Blknum: "),
            "{name}"
        );
        assert_eq!(
            fs.first_cluster_group,
            number::<u64>(&text, "First Cluster Group Blknum: "),
            "{name}"
        );
        assert_eq!(
            fs.fs_generation,
            number::<u32>(&text, "FS Generation: "),
            "{name}"
        );
        assert_eq!(fs.clusters, number::<u32>(&text, "Clusters: "), "{name}");
        assert_eq!(
            fs.blocks() * fs.block_size() as u64,
            image.bytes.len() as u64,
            "{name}"
        );
        assert_eq!(fs.dx_seed[3], number::<u32>(&text, "Hash: "), "{name}");
        assert_eq!(
            sb.uuid_string(),
            value(&text, "UUID: ").as_bytes(),
            "{name}"
        );
        let label = if name == "4k-o2cb" { "label" } else { "" };
        assert_eq!(sb.label(), label.as_bytes(), "{name}");

        let seeds = text
            .lines()
            .find(|line| line.contains("DX Seeds: "))
            .unwrap();
        let seeds: Vec<&str> = seeds.split_whitespace().skip(2).take(3).collect();
        let ours: Vec<String> = fs.dx_seed[..3].iter().map(u32::to_string).collect();
        assert_eq!(ours, seeds, "{name}");
        if fs.xattr_inline_size != 0 {
            let size = number::<u16>(&text, "Extended Attributes Inline Size: ");
            assert_eq!(fs.xattr_inline_size, size, "{name}");
        }
    });
}

fn sorted(names: &str) -> Vec<String> {
    let mut names: Vec<_> = names.split_whitespace().map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn features_have_the_tools_names() {
    for_each_kind(|name, image| {
        let text = image.debugfs("stats");
        let line = |label: &str| {
            let line = text
                .lines()
                .find_map(|line| line.split_once(label))
                .unwrap()
                .1;
            let (bits, names) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            (bits.parse::<u32>().unwrap(), sorted(names))
        };
        let features = image.fs().features;
        let only_compat = Features {
            compat: features.compat,
            ..Features::default()
        };
        let only_incompat = Features {
            incompat: features.incompat,
            ..Features::default()
        };
        let only_ro = Features {
            ro_compat: features.ro_compat,
            ..Features::default()
        };
        let incompat = line("Feature Incompat: ");
        assert_eq!(
            (only_compat.compat, sorted(&only_compat.to_string())),
            line("Feature Compat: ")
        );
        assert_eq!(
            (only_ro.ro_compat, sorted(&only_ro.to_string())),
            line("Feature RO compat: ")
        );
        assert_eq!(
            (only_incompat.incompat, sorted(&only_incompat.to_string())),
            incompat,
            "{name}"
        );
    });
}

#[test]
fn volumes_that_can_be_written_and_those_that_cannot() {
    for_each_kind(|name, image| {
        let support = image.fs().features.support();
        assert!(support.can_read(), "{name}");
        let why = (support.unwritable.to_string(), support.missing.to_string());
        let expected = match name {
            "4k-32k-max" => ("usrquota grpquota", ""),
            "2k-compat" => ("", "sparse"),
            _ => ("", ""),
        };
        assert_eq!(
            why,
            (expected.0.to_owned(), expected.1.to_owned()),
            "{name}"
        );
        assert_eq!(support.can_write(), expected == ("", ""), "{name}");
    });
}

#[test]
fn cluster_is_the_one_that_mkfs_was_told() {
    for_each_kind(|name, image| {
        let cluster = image.superblock.cluster;
        match name {
            "512-local" | "512-metaecc" => assert_eq!(cluster, ClusterInfo::Local),
            "2k-compat" => assert_eq!(cluster, ClusterInfo::Classic),
            "4k-32k-max" => assert_eq!(cluster.name(), b"sixteenletters16"),
            _ => assert_eq!(cluster.name(), b"foo"),
        }
        let o2cb = !name.starts_with("512");
        assert_eq!(cluster.is_o2cb(), o2cb, "{name}");
    });
    let pcmk = Image::mkfs(
        64,
        "-b 4K -C 4K -N 2 --cluster-stack=pcmk --cluster-name=bar",
    );
    assert_eq!(pcmk.superblock.cluster.stack(), b"pcmk");
    assert_eq!(pcmk.superblock.cluster.name(), b"bar");
    assert!(!pcmk.superblock.cluster.is_o2cb());
    assert!(pcmk.fs().features.support().can_write());
}

/// What is said of the image's superblock after a change.
fn probe_changed(
    image: &Image,
    change: &dyn Fn(&mut Vec<u8>),
) -> Result<Option<Superblock>, Rejected> {
    let mut block = image.block(2).to_vec();
    change(&mut block);
    superblock::probe(&block)
}

#[test]
fn superblocks_that_are_refused() {
    let image = Image::kind("4k-o2cb");
    let probe = |change: &dyn Fn(&mut Vec<u8>)| probe_changed(&image, change);
    let field = |off: usize, bytes: &[u8]| match probe(&|block| {
        block[off..off + bytes.len()].copy_from_slice(bytes)
    }) {
        Err(Rejected::Corrupt(corrupt)) => corrupt.field,
        other => panic!("{other:?}"),
    };
    let zero = [0u8; 8];
    let huge = [0xffu8; 8];
    assert!(probe(&|_| ()).unwrap().is_some());
    assert_eq!(probe(&|block| block[0] = b'X'), Ok(None));
    assert_eq!(field(0x50, &zero), "ocfs2_dinode.i_blkno");
    assert_eq!(field(0x14, &zero[..4]), "ocfs2_dinode.i_clusters");
    assert_eq!(
        field(0xc0 + 0x38, &[11]),
        "ocfs2_super_block.s_blocksize_bits"
    );
    assert_eq!(
        field(0xc0 + 0x38, &huge[..4]),
        "ocfs2_super_block.s_blocksize_bits"
    );
    assert_eq!(
        field(0xc0 + 0x3c, &[11]),
        "ocfs2_super_block.s_clustersize_bits"
    );
    assert_eq!(
        field(0xc0 + 0x3c, &[21]),
        "ocfs2_super_block.s_clustersize_bits"
    );
    assert_eq!(
        field(0xc0 + 0x40, &zero[..2]),
        "ocfs2_super_block.s_max_slots"
    );
    assert_eq!(field(0xc0 + 0x40, &[0, 1]), "ocfs2_super_block.s_max_slots");
    assert_eq!(field(0xc0 + 0x28, &huge), "ocfs2_super_block.s_root_blkno");
    assert_eq!(
        field(0xc0 + 0x30, &zero),
        "ocfs2_super_block.s_system_dir_blkno"
    );
    assert_eq!(
        field(0xc0 + 0x48, &[2]),
        "ocfs2_super_block.s_first_cluster_group"
    );
    assert_eq!(
        field(0xc0 + 0xa0, &zero[..4]),
        "ocfs2_cluster_info.ci_stack"
    );
    assert_eq!(
        field(0xc0 + 0xb8, &huge[..2]),
        "ocfs2_super_block.s_xattr_inline_size"
    );
    assert_eq!(
        probe(&|block| block[0xc2] = 91),
        Err(Rejected::Revision(0, 91))
    );
}

#[test]
fn features_that_are_refused() {
    let image = Image::kind("4k-o2cb");
    let probe = |change: &dyn Fn(&mut Vec<u8>)| probe_changed(&image, change);
    // Each incompat bit that isn't ours refuses the mount, by name.
    for (bit, name) in [
        (1u32 << 1, "heartbeat-device"),
        (1 << 2, "aborted-resize"),
        (1 << 5, "aborted-tunefs"),
        (1, "incompat-0x1"),
        (1 << 16, "incompat-0x10000"),
        (1 << 31, "incompat-0x80000000"),
    ] {
        let refused = probe(&|block| {
            let word = u32::from_le_bytes(block[0xe0..0xe4].try_into().unwrap()) | bit;
            block[0xe0..0xe4].copy_from_slice(&word.to_le_bytes());
        });
        let Err(refused) = refused else {
            panic!("{name} was accepted")
        };
        assert_eq!(refused.to_string(), format!("unsupported features: {name}"));
    }
    // An unknown ro_compat bit: no writes; an unknown compat bit: nothing.
    let unknown = probe(&|block| block[0xe6] = 0x01).unwrap().unwrap();
    let support = unknown.geometry.features.support();
    assert!(support.can_read() && !support.can_write());
    assert_eq!(support.unwritable.to_string(), "ro-compat-0x10000");
    let compat = probe(&|block| block[0xde] = 0x01).unwrap().unwrap();
    assert!(compat.geometry.features.support().can_write());
}

#[test]
fn a_smaller_block_size_is_not_mistaken_for_the_volumes() {
    let image = Image::kind("4k-o2cb");
    // On a device of 4K sectors nothing smaller is tried, and a volume of smaller blocks not found.
    assert!(superblock::find(&image.bytes, 4096).unwrap().is_some());
    let small = Image::kind("512-local");
    assert!(superblock::find(&small.bytes, 4096).unwrap().is_none());
    assert!(superblock::find(&small.bytes[..1024], 512)
        .unwrap()
        .is_none());
}

#[test]
fn every_system_file_decodes_as_debugfs_has_it() {
    for_each_kind(|name, image| {
        let fs = image.fs();
        let mut files = vec![
            SystemInode::BadBlocks,
            SystemInode::GlobalInodeAlloc,
            SystemInode::SlotMap,
            SystemInode::Heartbeat,
            SystemInode::GlobalBitmap,
        ];
        for slot in 0..fs.max_slots {
            files.extend([
                SystemInode::OrphanDir(slot),
                SystemInode::ExtentAlloc(slot),
                SystemInode::InodeAlloc(slot),
                SystemInode::Journal(slot),
                SystemInode::LocalAlloc(slot),
                SystemInode::TruncateLog(slot),
            ]);
        }
        for file in files {
            let dinode = image.system(file);
            let file_name = file.name();
            let text = String::from_utf8_lossy(file_name.as_bytes()).into_owned();
            let text = image.debugfs(&format!("stat //{text}"));
            assert_eq!(
                dinode.blkno(),
                number::<u64>(&text, "Inode: "),
                "{name} {file:?}"
            );
            assert_eq!(dinode.generation, number::<u32>(&text, "Generation: "));
            assert_eq!(dinode.size, number::<u64>(&text, "Size: "));
            assert_eq!(dinode.clusters, number::<u32>(&text, "Clusters: "));
            assert_eq!(dinode.links, number::<u32>(&text, "Links: "));
            assert_eq!(
                format!("0{:o}", dinode.mode & 0o7777),
                value(&text, "Mode: ")
            );
            let sec = i64::from_str_radix(&value(&text, "mtime: ")[2..], 16).unwrap();
            assert_eq!(dinode.mtime.sec, sec);
            assert_eq!(dinode.suballoc.bit, number::<u16>(&text, "Sub Alloc Bit: "));
            assert_eq!(
                dinode.flags,
                VALID_FL | SYSTEM_FL | file.flags(),
                "{name} {file:?}"
            );
            match file {
                SystemInode::GlobalBitmap => {
                    let used = number(&text, "Used: ");
                    let total = number(&text, "Bitmap Total: ");
                    assert_eq!(dinode.id1, Id1::Bitmap { used, total });
                    assert_eq!((dinode.body, total), (Body::Chain, fs.clusters));
                }
                SystemInode::Journal(_) => {
                    let clean = Id1::Journal {
                        flags: 0,
                        recovery_generation: 0,
                    };
                    assert_eq!((dinode.id1, dinode.body), (clean, Body::Extents));
                }
                SystemInode::OrphanDir(_) => assert_eq!(dinode.file_type, FileType::Directory),
                SystemInode::LocalAlloc(_) => check_local_alloc(image, &dinode, &text),
                SystemInode::TruncateLog(_) => {
                    let log = TruncateLog::decode(image.block(dinode.blkno()), &dinode, fs);
                    let log = log.unwrap();
                    assert_eq!(log.count, number::<u16>(&text, "Total Records: "));
                    assert!(log.is_empty());
                }
                _ => {}
            }
        }
    });
}

fn check_local_alloc(
    image: &Image,
    dinode: &ocfs2_ondisk_host::ondisk::inode::dinode::Dinode,
    text: &str,
) {
    let block = image.block(dinode.blkno());
    let local = LocalAlloc::decode(block, dinode, image.fs()).unwrap();
    let size = text.split("Local Bitmap Offset: ").nth(1).unwrap();
    assert_eq!(local.size, number::<u16>(size, "Size: "));
    assert!(local.is_clean(block));
}

#[test]
fn directories_list_as_debugfs_lists_them() {
    for_each_kind(|name, image| {
        let fs = image.fs();
        for (path, blkno) in [("//", fs.system_dir_blkno), ("/", fs.root_blkno)] {
            let dir = image.dinode(blkno);
            let mut ours = Vec::new();
            for (blkno, area) in image.areas(&dir) {
                for entry in area.entries(image.block(blkno)) {
                    let entry = entry.unwrap();
                    if entry.is_used() {
                        let name = String::from_utf8_lossy(entry.name).into_owned();
                        ours.push((entry.inode.to_string(), name));
                    }
                }
            }
            let text = image.debugfs(&format!("ls -l {path}"));
            let theirs: Vec<_> = text
                .lines()
                .filter_map(|line| {
                    let mut words = line.split_whitespace();
                    Some((words.next()?.to_owned(), words.last()?.to_owned()))
                })
                .collect();
            assert_eq!(ours, theirs, "{name} {path}");
            assert_eq!(dir.links as usize, {
                let dirs = theirs
                    .iter()
                    .filter(|(_, name)| name.starts_with("orphan_dir"));
                let root = usize::from(path == "/");
                2 + dirs.count() + root
            });
        }
    });
}

#[test]
fn checksums_of_a_metaecc_volume_are_good_and_mend_one_bit() {
    for kind in ["512-metaecc", "4k-32k-max"] {
        let image = Image::kind(kind);
        let fs = image.fs();
        assert!(fs.features.has_incompat(INCOMPAT_META_ECC));
        let dir = image.dinode(fs.system_dir_blkno);
        let mut blocks = vec![
            (2, block_check::IN_DINODE),
            (dir.blkno(), block_check::IN_DINODE),
            (fs.first_cluster_group, block_check::IN_GROUP_DESC),
        ];
        if dir.body == Body::Extents {
            let at = dir_block::check_offset(fs.block_size());
            blocks.extend(image.data_blocks(&dir).into_iter().map(|blkno| (blkno, at)));
        }
        assert!(
            kind != "512-metaecc" || blocks.len() > 3,
            "no directory block was checked"
        );
        for (blkno, at) in blocks {
            let good = image.block(blkno);
            assert_eq!(
                block_check::verify(good, at),
                Verdict::Good,
                "{kind} {blkno}"
            );
            let mut sealed = good.to_vec();
            sealed[at..at + 8].fill(0xff);
            block_check::seal(&mut sealed, at).unwrap();
            assert_eq!(sealed, good, "{kind} {blkno}");

            for bit in (0..good.len() * 8).step_by(37) {
                if (at..at + 8).contains(&(bit / 8)) {
                    continue;
                }
                let mut one = good.to_vec();
                one[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(block_check::verify(&one, at), Verdict::OneBit(bit));
                assert_eq!(block_check::verify_and_fix(&mut one, at, blkno), Ok(true));
                assert_eq!(one, good);
                let (other, mut two) = ((bit + 9) % (good.len() * 8), good.to_vec());
                two[bit / 8] ^= 1 << (bit % 8);
                two[other / 8] ^= 1 << (other % 8);
                if !(at..at + 8).contains(&(other / 8)) {
                    assert!(block_check::verify_and_fix(&mut two, at, blkno).is_err());
                }
            }
        }
    }
}

#[test]
fn a_superblock_with_one_wrong_bit_is_read_as_it_was() {
    let image = Image::kind("512-metaecc");
    let mut block = image.block(2).to_vec();
    block[0x14] ^= 0x40;
    assert_eq!(superblock::probe(&block), Ok(Some(image.superblock)));
    block[0x90] ^= 0x01;
    let bad = superblock::probe(&block).unwrap_err();
    assert_eq!(
        bad.to_string(),
        "bad superblock: ocfs2_block_check.bc_crc32e"
    );
}

#[test]
fn slot_maps_of_both_formats_are_empty_after_mkfs() {
    for_each_kind(|name, image| {
        let map = SlotMap::new(image.fs());
        let file = image.system(SystemInode::SlotMap);
        map.check_file(file.blkno(), file.size).unwrap();
        assert!(map
            .check_file(file.blkno(), map.bytes() as u64 - 1)
            .is_err());
        assert_eq!(
            map.bytes(),
            usize::from(map.slots()) * if name == "2k-compat" { 2 } else { 8 }
        );
        let blocks = image.data_blocks(&file);
        for slot in 0..map.slots() {
            let place = map.locate(slot).unwrap();
            assert_eq!(
                map.get(image.block(blocks[place.block]), place),
                None,
                "{name} {slot}"
            );
        }
        assert_eq!(map.locate(map.slots()), None);
    });
}

#[test]
fn debugfs_sees_the_slots_that_we_set() {
    for_each_kind(|name, image| {
        let map = SlotMap::new(image.fs());
        let blocks = image.data_blocks(&image.system(SystemInode::SlotMap));
        let last = map.slots() - 1;
        for (slot, node) in [(0, Some(7)), (last, Some(201)), (0, None), (0, Some(3))] {
            let place = map.locate(slot).unwrap();
            let block = image.block_mut(blocks[place.block]);
            map.set(block, place, node).unwrap();
            assert_eq!(map.get(block, place), node);
        }
        image.flush();
        let text = image.debugfs("slotmap");
        let mut slots: Vec<Vec<u32>> = Vec::new();
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().map(str::parse).collect();
            if let [Ok(slot), Ok(node)] = words[..] {
                slots.push(vec![slot, node]);
            }
        }
        assert_eq!(
            slots,
            [vec![0, 3], vec![last.into(), 201]],
            "{name}: {text}"
        );
    });
}

#[test]
fn lock_names_are_those_of_the_tools() {
    let text = |name: LockName| String::from_utf8(name.as_bytes().to_vec()).unwrap();
    assert_eq!(text(LockName::meta(0x1213)), encode_lock("M", 0x1213, 0));
    assert_eq!(
        text(LockName::rw(77, 0xdead_beef)),
        encode_lock("W", 77, 0xdead_beef)
    );
    assert_eq!(
        text(LockName::open(u64::MAX >> 1)),
        encode_lock("O", u64::MAX >> 1, 0)
    );
    assert_eq!(text(LockName::super_block()), encode_lock("S", 2, 0));
    assert_eq!(text(LockName::rename()), encode_lock("R", 0, 0));
    assert_eq!(
        text(LockName::meta(0x1213)),
        "M000000000000000000121300000000"
    );
    assert_eq!(
        text(LockName::rw(77, 0xdead_beef)),
        "W000000000000000000004ddeadbeef"
    );

    let dentry = LockName::dentry(5, 0x0102_0304_0506_0708);
    assert_eq!(&dentry.as_bytes()[..17], b"N0000000000000005");
    assert_eq!(&dentry.as_bytes()[17..26], [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(&dentry.with_nul()[26..], [0; 6]);
    assert_eq!(dentry.as_bytes().len(), 31);
    // The tool prints the same lock as text: the letter, parent and inode.
    let printed = encode_lock("N", 0x1213, 5);
    assert_eq!(printed, "N000000000000000500001213");

    let image = Image::kind("4k-o2cb");
    let slot_map = image.system(SystemInode::SlotMap);
    let name = text(LockName::meta_system(
        slot_map.blkno(),
        image.fs().fs_generation,
    ));
    assert!(image.debugfs("encode //slot_map").contains(&name), "{name}");
}
