// SPDX-License-Identifier: GPL-2.0-only
//! Extended attributes: regions of entries, and the block that a dinode names.

use ocfs2_ondisk_host::ondisk::base::error::Corrupt;
use ocfs2_ondisk_host::ondisk::base::geometry::Geometry;
use ocfs2_ondisk_host::ondisk::xattr::block::{self, Content};
use ocfs2_ondisk_host::ondisk::xattr::entries::{Entry, Prefix, Region, Value};

/// One entry of a region that is put together here: type, name, value.
type Given<'a> = (u8, &'a str, &'a [u8]);

/// A region of `size` bytes with these entries; names with values from the end downwards, as the
/// in-tree driver puts them.
fn region(size: usize, given: &[Given<'_>]) -> Vec<u8> {
    let mut bytes = vec![0; size];
    bytes[..2].copy_from_slice(&(given.len() as u16).to_le_bytes());
    let mut free = size;
    for (index, (kind, name, value)) in given.iter().enumerate() {
        let name_room = name.len().next_multiple_of(4);
        free -= name_room + value.len().next_multiple_of(4);
        bytes[free..free + name.len()].copy_from_slice(name.as_bytes());
        bytes[free + name_room..free + name_room + value.len()].copy_from_slice(value);
        let at = 16 + index * 16;
        bytes[at + 4..at + 6].copy_from_slice(&(free as u16).to_le_bytes());
        bytes[at + 6] = name.len() as u8;
        bytes[at + 7] = *kind;
        bytes[at + 8..at + 16].copy_from_slice(&(value.len() as u64).to_le_bytes());
    }
    bytes
}

fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, Corrupt> {
    Region::decode(bytes, 77)?.entries().collect()
}

fn refused(bytes: &[u8]) -> &'static str {
    let corrupt = entries(bytes).expect_err("a bad region was taken");
    assert_eq!(corrupt.blkno, 77);
    corrupt.field
}

#[test]
fn entries_are_read_as_they_were_put() {
    let bytes = region(
        256,
        &[
            (0x81, "colour", b"red"),
            (0x82, "", &[2; 40]),
            (0x85, "capability", &[1; 20]),
            (0x7f, "?", b""),
            (0x04, "big", &[0; 48]),
        ],
    );
    let found = entries(&bytes).unwrap();
    let seen: Vec<_> = found.iter().map(|e| (e.prefix, e.name, e.value)).collect();
    assert_eq!(
        seen,
        [
            (Some(Prefix::User), &b"colour"[..], Value::Local(b"red")),
            (Some(Prefix::AclAccess), b"", Value::Local(&[2; 40])),
            (
                Some(Prefix::Security),
                b"capability",
                Value::Local(&[1; 20])
            ),
            (None, b"?", Value::Outside(0)),
            (Some(Prefix::Trusted), b"big", Value::Outside(48)),
        ]
    );
    assert_eq!(entries(&region(16, &[])), Ok(vec![]));
}

#[test]
fn what_leaves_the_region_is_refused() {
    let good = region(128, &[(0x81, "name", b"value")]);
    let with = |at: usize, value: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    assert_eq!(refused(&good[..15]), "ocfs2_xattr_header.xh_count");
    for count in [8u16, 0x100, 0xffff] {
        let bytes = with(0, &count.to_le_bytes());
        assert_eq!(refused(&bytes), "ocfs2_xattr_header.xh_count");
    }
    // Into the header, into the entries, past the end.
    for offset in [0u16, 16, 31, 125, 128, 0xffff] {
        let bytes = with(20, &offset.to_le_bytes());
        assert_eq!(refused(&bytes), "ocfs2_xattr_entry.xe_name_offset");
    }
    assert_eq!(
        refused(&with(22, &[0xff])),
        "ocfs2_xattr_entry.xe_name_offset"
    );
    for size in [9u64, 65_536, 65_537, u64::MAX] {
        let bytes = with(24, &size.to_le_bytes());
        assert_eq!(refused(&bytes), "ocfs2_xattr_entry.xe_value_size");
    }
    // A value outside has a root of 48 bytes here.
    assert_eq!(
        refused(&with(23, &[0x01])),
        "ocfs2_xattr_entry.xe_value_size"
    );
    let name = usize::from(u16::from_le_bytes([good[20], good[21]]));
    assert_eq!(
        refused(&with(name + 1, &[0])),
        "ocfs2_xattr_entry.xe_name_len"
    );
}

#[test]
fn nothing_follows_an_entry_that_is_out_of_order() {
    let mut bytes = region(
        256,
        &[(0x81, "a", b"1"), (0x81, "b", b"2"), (0x81, "c", b"3")],
    );
    bytes[36..38].copy_from_slice(&0xffffu16.to_le_bytes());
    let seen: Vec<_> = Region::decode(&bytes, 77).unwrap().entries().collect();
    assert_eq!(seen.len(), 2);
    assert!(seen[0].is_ok() && seen[1].is_err());
}

/// A block of 1024 bytes of the volume that [`fs`] describes, with one attribute.
fn xattr_block() -> Vec<u8> {
    let mut bytes = vec![0; 0x30];
    bytes[..8].copy_from_slice(b"XATTR01\0");
    bytes[0x0c..0x10].copy_from_slice(&0x1234_5678u32.to_le_bytes());
    bytes[0x10..0x18].copy_from_slice(&77u64.to_le_bytes());
    bytes.extend(region(1024 - 0x30, &[(0x81, "colour", b"red")]));
    bytes
}

fn fs() -> Geometry {
    let mut fs = Geometry::new(10, 12, 1000).unwrap();
    fs.fs_generation = 0x1234_5678;
    fs
}

#[test]
fn a_block_is_of_its_volume_and_its_place() {
    let good = xattr_block();
    let Ok(Content::Entries(region)) = block::decode(&good, 77, &fs()) else {
        panic!("a good block was refused");
    };
    assert_eq!(region.entries().next().unwrap().unwrap().name, b"colour");
    let cases = [
        (0, b'Y', "ocfs2_xattr_block.xb_signature"),
        (0x0c, 0, "ocfs2_xattr_block.xb_fs_generation"),
        (0x10, 78, "ocfs2_xattr_block.xb_blkno"),
        (0x20, 2, "ocfs2_xattr_block.xb_flags"),
        (0x31, 0xff, "ocfs2_xattr_header.xh_count"),
    ];
    for (at, value, field) in cases {
        let mut bytes = good.clone();
        bytes[at] = value;
        let found = block::decode(&bytes, 77, &fs()).map(|_| ());
        assert_eq!(found, Err(Corrupt::new(77, field)));
    }
    let mut indexed = good;
    indexed[0x20] = 1;
    assert!(matches!(
        block::decode(&indexed, 77, &fs()),
        Ok(Content::Indexed)
    ));
    assert!(block::decode(&[], 77, &fs()).is_err());
}
