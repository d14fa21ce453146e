// SPDX-License-Identifier: GPL-2.0-only
//! Checksum and single-bit correction of metadata blocks (`struct ocfs2_block_check`).
//!
//! Used on volumes with the metaecc feature; elsewhere the eight bytes are zero and mean nothing.
//! `srctree/fs/ocfs2/blockcheck.c`: CRC-32 (IEEE, little-endian, seeded with all ones and not
//! inverted at the end) over the block with the check itself as zeros, and a Hamming code over the
//! same bytes. One block at a time; extended attribute buckets that span several aren't covered.

use super::base::bytes::{get, get_u16, get_u32, get_u64, put_u64, BlockBytes};
use super::base::error::{Corrupt, Result};
use super::dir::block as dir_block;

/// Size of `struct ocfs2_block_check` in bytes.
pub const SIZE: usize = 8;

/// Offset of the check in `struct ocfs2_dinode`, the superblock's included.
pub const IN_DINODE: usize = 0x80;
/// Offset of the check in `struct ocfs2_extent_block`.
pub const IN_EXTENT_BLOCK: usize = 0x08;
/// Offset of the check in `struct ocfs2_group_desc`.
pub const IN_GROUP_DESC: usize = 0x30;
/// Offset of the check in `struct ocfs2_dx_root_block`.
pub const IN_DX_ROOT: usize = 0x08;
/// Offset of the check in `struct ocfs2_dx_leaf`.
pub const IN_DX_LEAF: usize = 0x08;
/// Offset of the check in `struct ocfs2_xattr_block`.
pub const IN_XATTR_BLOCK: usize = 0x18;
/// Offset of the check in `struct ocfs2_refcount_block`.
pub const IN_REFCOUNT_BLOCK: usize = 0x20;

const BC_CRC32E: usize = 0;
const BC_ECC: usize = 4;

/// Offset of the check in a block of any kind, by its signature; `None` for a kind that has none.
pub fn place(block: &[u8]) -> Option<usize> {
    let unit = |at| get::<8>(block, at).unwrap_or([0; 8]);
    place_by(&get(block, 0)?, block.len(), unit)
}

/// The same, of a block that is given in units of eight bytes (`ocfs2_block_check` and every
/// structure that has one begin at a multiple of eight).
pub fn place_in_words(words: usize, word: impl Fn(usize) -> u64) -> Option<usize> {
    let mut head = [0; SIZE];
    head.copy_from_slice(&word(0).to_le_bytes());
    place_by(&head, words * SIZE, |at| word(at / SIZE).to_le_bytes())
}

fn place_by(head: &[u8; 8], size: usize, at: impl Fn(usize) -> [u8; 8]) -> Option<usize> {
    match head {
        b"INODE01\0" | b"OCFSV2\0\0" => Some(IN_DINODE),
        b"EXBLK01\0" => Some(IN_EXTENT_BLOCK),
        b"GROUP01\0" => Some(IN_GROUP_DESC),
        b"DXDIR01\0" => Some(IN_DX_ROOT),
        b"DXLEAF1\0" => Some(IN_DX_LEAF),
        b"XATTR01\0" => Some(IN_XATTR_BLOCK),
        b"REFCNT1\0" => Some(IN_REFCOUNT_BLOCK),
        _ => (at(dir_block::trailer_signature_offset(size)) == dir_block::TRAILER_SIGNATURE)
            .then_some(dir_block::check_offset(size)),
    }
}

/// What [`verify`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The checksum fits.
    Good,
    /// It fits once this bit of the block (8 * byte + bit) is turned over.
    OneBit(usize),
    /// It doesn't fit, and no single bit is to blame.
    Bad,
}

/// Tables for eight bytes at a time.
const CRC_TABLES: [[u32; 256]; 8] = crc_tables();

const fn crc_tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

fn crc(words: usize, word: impl Fn(usize) -> u64) -> u32 {
    let mut crc = !0u32;
    for i in 0..words {
        let x = word(i) ^ u64::from(crc);
        // The indexes are masked to eight bits and the tables have 256 entries.
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &CRC_TABLES;
        crc = t7[(x & 0xff) as usize]
            ^ t6[(x >> 8 & 0xff) as usize]
            ^ t5[(x >> 16 & 0xff) as usize]
            ^ t4[(x >> 24 & 0xff) as usize]
            ^ t3[(x >> 32 & 0xff) as usize]
            ^ t2[(x >> 40 & 0xff) as usize]
            ^ t1[(x >> 48 & 0xff) as usize]
            ^ t0[(x >> 56) as usize];
    }
    crc
}

/// The Hamming code of the block's bits: the exclusive or of the positions of those that are set.
///
/// Data bits have the positions from 3 up that aren't powers of two (those are the parity bits): bit
/// `d` has position `p` where `d = p - 2 - log2(p)`. So within 64 positions that begin at a multiple
/// of 64 the data bits follow each other.
fn parity(words: usize, word: impl Fn(usize) -> u64) -> u16 {
    let first = word(0);
    let mut parity = 0;
    for position in (3u32..64).filter(|p| !p.is_power_of_two()) {
        if first >> (position - 2 - position.ilog2()) & 1 != 0 {
            parity ^= position;
        }
    }
    // The low six bits of positions are summed up at the end, for all at once.
    let mut all = 0;
    for at in (64u32..).step_by(64) {
        let bit = (at - 2 - at.ilog2()) as usize;
        let (i, shift) = (bit / 64, bit % 64);
        if i >= words {
            break;
        }
        let mut bits = word(i) >> shift;
        if shift != 0 && i + 1 < words {
            bits |= word(i + 1) << (64 - shift);
        }
        if at.is_power_of_two() {
            bits &= !1;
        }
        all ^= bits;
        if bits.count_ones() & 1 != 0 {
            parity ^= at;
        }
    }
    const LOW: [u64; 6] = [
        0xaaaa_aaaa_aaaa_aaaa,
        0xcccc_cccc_cccc_cccc,
        0xf0f0_f0f0_f0f0_f0f0,
        0xff00_ff00_ff00_ff00,
        0xffff_0000_ffff_0000,
        0xffff_ffff_0000_0000,
    ];
    for (i, mask) in LOW.iter().enumerate() {
        parity ^= ((all & mask).count_ones() & 1) << i;
    }
    // A block has at most 2^15 data bits: positions stay below 2^16.
    parity as u16
}

/// The check of a block of `words` units of eight bytes, as the unit that is stored at `check_off`.
/// `word` gives a unit, little-endian; what it gives for the check itself isn't looked at.
pub fn compute(words: usize, check_off: usize, word: impl Fn(usize) -> u64) -> u64 {
    let covered = |i: usize| if i == check_off / SIZE { 0 } else { word(i) };
    let (crc, ecc) = (crc(words, covered), parity(words, covered));
    u64::from(crc) | u64::from(ecc) << 32
}

/// Unit `i` of a block.
fn word_of(block: &[u8], i: usize) -> u64 {
    get_u64(block, i * SIZE).unwrap_or(0)
}

/// The data bit that is at `position` of the code.
fn data_bit_at(position: u32) -> Option<usize> {
    let is_data = position > 2 && !position.is_power_of_two();
    is_data.then(|| (position - 2 - position.ilog2()) as usize)
}

/// Checks `block` against the check that it holds at `check_off`.
///
/// A block too short to hold a check is [`Verdict::Bad`].
pub fn verify(block: &[u8], check_off: usize) -> Verdict {
    let (Some(stored_crc), Some(stored_ecc)) = (
        get_u32(block, check_off.saturating_add(BC_CRC32E)),
        get_u16(block, check_off.saturating_add(BC_ECC)),
    ) else {
        return Verdict::Bad;
    };
    let words = block.len() / SIZE;
    let check = compute(words, check_off, |i| word_of(block, i));
    if check as u32 == stored_crc {
        return Verdict::Good;
    }
    // A syndrome that is a power of two blames a parity bit, which can't explain a wrong checksum.
    let syndrome = (check >> 32) as u16 ^ stored_ecc;
    match data_bit_at(syndrome.into()) {
        Some(bit) if bit < words * 64 => {
            let turned = |i: usize| word_of(block, i) ^ u64::from(i == bit / 64) << (bit % 64);
            match compute(words, check_off, turned) as u32 == stored_crc {
                true => Verdict::OneBit(bit),
                false => Verdict::Bad,
            }
        }
        _ => Verdict::Bad,
    }
}

/// Checks `block`, and corrects one wrong bit in place. Returns whether there was one.
///
/// # Errors
///
/// [`Corrupt`] with `blkno` if the block can't be saved; it is left as it was.
pub fn verify_and_fix(block: &mut [u8], check_off: usize, blkno: u64) -> Result<bool> {
    match verify(block, check_off) {
        Verdict::Good => Ok(false),
        Verdict::OneBit(bit) => {
            if let Some(byte) = block.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            Ok(true)
        }
        Verdict::Bad => Err(Corrupt::new(blkno, "ocfs2_block_check.bc_crc32e")),
    }
}

/// Computes the check of `block` and stores it at `check_off`; `None` if it doesn't fit there.
pub fn seal(block: &mut (impl BlockBytes + ?Sized), check_off: usize) -> Option<()> {
    let bytes = block.bytes();
    let check = compute(bytes.len() / SIZE, check_off, |i| word_of(bytes, i));
    put_u64(block, check_off, check)
}
