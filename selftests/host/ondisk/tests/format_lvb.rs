// SPDX-License-Identifier: GPL-2.0-only
//! Lock value blocks: byte for byte what the in-tree driver's nodes write and read.

use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::dlm::lvb::{pack_time, unpack_time, untrusted, MetaLvb, SIZE};
use ocfs2_ondisk_host::ondisk::inode::dinode::Time;
use proptest::prelude::*;

fn fs() -> Geometry {
    Geometry::new(12, 12, 1 << 20).unwrap()
}

/// A file of 0x1_2345_6789 bytes whose every field is another.
fn file() -> MetaLvb {
    MetaLvb {
        size: 0x1_2345_6789,
        clusters: 0x0012_3457,
        uid: 0x0102_0304,
        gid: 0x0506_0708,
        mode: 0o100644,
        links: 0x1112,
        attr: 0x2122_2324,
        dyn_features: 0x0003,
        generation: 0x3132_3334,
        atime: Time { sec: 1, nsec: 2 },
        mtime: Time {
            sec: 0x3_ffff_ffff,
            nsec: 999_999_999,
        },
        ctime: Time {
            sec: 0x1234_5678,
            nsec: 0x0765_4321,
        },
    }
}

#[test]
fn layout_is_that_of_struct_ocfs2_meta_lvb() {
    let expected: [u8; SIZE] = [
        5, 0, 0x00, 0x03, // lvb_version, lvb_reserved0, lvb_idynfeatures
        0x00, 0x12, 0x34, 0x57, // lvb_iclusters
        0x01, 0x02, 0x03, 0x04, // lvb_iuid
        0x05, 0x06, 0x07, 0x08, // lvb_igid
        0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x02, // lvb_iatime_packed
        0x04, 0x8d, 0x15, 0x9e, 0x07, 0x65, 0x43, 0x21, // lvb_ictime_packed
        0xff, 0xff, 0xff, 0xff, 0xfb, 0x9a, 0xc9, 0xff, // lvb_imtime_packed
        0x00, 0x00, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, // lvb_isize
        0x81, 0xa4, 0x11, 0x12, // lvb_imode, lvb_inlink
        0x21, 0x22, 0x23, 0x24, // lvb_iattr
        0x31, 0x32, 0x33, 0x34, // lvb_igeneration
        0, 0, 0, 0, // lvb_reserved2
    ];
    assert_eq!(file().encode(), expected);
    assert_eq!(MetaLvb::decode(&expected, 0x3132_3334, &fs()), Some(file()));
}

#[test]
fn what_does_not_fit_is_not_rounded() {
    let encode = |change: &dyn Fn(&mut MetaLvb)| {
        let mut lvb = file();
        change(&mut lvb);
        lvb.encode()
    };
    assert_eq!(encode(&|lvb| lvb.links = 65535)[0], 5);
    assert_eq!(encode(&|lvb| lvb.links = 65536), untrusted());
    assert_eq!(encode(&|lvb| lvb.mtime.sec = -1), untrusted());
    assert_eq!(encode(&|lvb| lvb.ctime.sec = 0x4_0000_0000), untrusted());
    assert_eq!(encode(&|lvb| lvb.atime.nsec = 1_000_000_000), untrusted());
}

#[test]
fn what_cannot_be_trusted() {
    let generation = file().generation;
    let good = file().encode();
    let decode = |at: usize, byte: u8| {
        let mut lvb = good;
        lvb[at] = byte;
        MetaLvb::decode(&lvb, generation, &fs())
    };
    assert!(decode(1, 0).is_some());
    assert_eq!(decode(0, 4), None);
    assert_eq!(decode(0, 0), None);
    assert_eq!(decode(0x28, 0x01), None, "larger than any file");
    assert_eq!(decode(0x30, 0x01), None, "no file type");
    assert_eq!(decode(0x14, 0x7f), None, "a second of nanoseconds");
    assert_eq!(MetaLvb::decode(&good, generation + 1, &fs()), None);
    assert_eq!(MetaLvb::decode(&untrusted(), 0, &fs()), None);
    for len in 0..0x3c {
        assert_eq!(MetaLvb::decode(&good[..len], generation, &fs()), None);
    }
}

prop_compose! {
    fn any_time()(sec in 0..=0x3_ffff_ffffi64, nsec in 0..1_000_000_000u32) -> Time {
        Time { sec, nsec }
    }
}

proptest! {
    #[test]
    fn times_survive_packing(time in any_time()) {
        prop_assert_eq!(pack_time(time).and_then(unpack_time), Some(time));
    }

    #[test]
    fn any_packed_time_is_a_time_or_none(packed: u64) {
        if let Some(time) = unpack_time(packed) {
            prop_assert_eq!(pack_time(time), Some(packed));
        }
    }

    #[test]
    fn attributes_survive_the_value_block(
        size in 0..=fs().max_file_size(),
        words: [u32; 5],
        links: u16,
        bits in 0..0o10000u16,
        dyn_features: u16,
        times in [any_time(), any_time(), any_time()],
    ) {
        let lvb = MetaLvb {
            size,
            clusters: words[0],
            uid: words[1],
            gid: words[2],
            mode: 0o100000 | bits,
            links: links.into(),
            attr: words[3],
            dyn_features,
            generation: words[4],
            atime: times[0],
            mtime: times[1],
            ctime: times[2],
        };
        prop_assert_eq!(MetaLvb::decode(&lvb.encode(), words[4], &fs()), Some(lvb));
    }

    #[test]
    fn any_bytes_decode_or_do_not(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(lvb) = MetaLvb::decode(&bytes, 0, &fs()) {
            prop_assert_eq!(lvb.generation, 0);
        }
    }
}
