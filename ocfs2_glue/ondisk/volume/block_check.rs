// SPDX-License-Identifier: GPL-2.0-only
//! Checksum and single-bit correction of metadata blocks (`struct ocfs2_block_check`).
//!
//! Used on volumes with the metaecc feature; elsewhere the eight bytes are zero and mean nothing.
//! `srctree/fs/ocfs2/blockcheck.c`: CRC-32 (IEEE, little-endian, seeded with all ones and not
//! inverted at the end) over the block with the check itself as zeros, and a Hamming code over the
//! same bytes. One block at a time; extended attribute buckets that span several aren't covered.

use super::base::bytes::{get, get_u16, get_u32, put_u16, put_u32};
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
const BC_RESERVED1: usize = 6;

/// Offset of the check in a block of any kind, by its signature; `None` for a kind that has none.
pub fn place(block: &[u8]) -> Option<usize> {
    let trailer = dir_block::check_offset(block.len());
    match &get::<8>(block, 0)? {
        b"INODE01\0" | b"OCFSV2\0\0" => Some(IN_DINODE),
        b"EXBLK01\0" => Some(IN_EXTENT_BLOCK),
        b"GROUP01\0" => Some(IN_GROUP_DESC),
        b"DXDIR01\0" => Some(IN_DX_ROOT),
        b"DXLEAF1\0" => Some(IN_DX_LEAF),
        b"XATTR01\0" => Some(IN_XATTR_BLOCK),
        b"REFCNT1\0" => Some(IN_REFCOUNT_BLOCK),
        _ => dir_block::is_trailed(block).then_some(trailer),
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

const CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
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
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// Bytes of `block` with the check at `check_off` read as zeros, and bit `flipped` turned over.
fn covered(
    block: &[u8],
    check_off: usize,
    flipped: Option<usize>,
) -> impl Iterator<Item = u8> + '_ {
    block.iter().enumerate().map(move |(at, &byte)| {
        let byte = if at.wrapping_sub(check_off) < SIZE {
            0
        } else {
            byte
        };
        match flipped {
            Some(bit) if bit / 8 == at => byte ^ (1 << (bit % 8)),
            _ => byte,
        }
    })
}

fn crc(bytes: impl Iterator<Item = u8>) -> u32 {
    // The index is masked to eight bits and the table has 256 entries.
    bytes.fold(!0, |crc, byte| {
        (crc >> 8) ^ CRC_TABLE[((crc ^ u32::from(byte)) & 0xff) as usize]
    })
}

/// Positions of the data bits in the Hamming code, in order: every number from 3 up that is not a
/// power of two (those are the parity bits).
fn code_bits() -> impl Iterator<Item = u32> {
    (3u32..).filter(|bit| !bit.is_power_of_two())
}

fn parity(bytes: impl Iterator<Item = u8>) -> u16 {
    let mut positions = code_bits();
    let mut parity = 0;
    for byte in bytes {
        for bit in 0..8 {
            let position = positions.next().unwrap_or(0);
            if byte & (1 << bit) != 0 {
                parity ^= position;
            }
        }
    }
    // A block has at most 2^15 data bits: positions stay below 2^16.
    parity as u16
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
    if crc(covered(block, check_off, None)) == stored_crc {
        return Verdict::Good;
    }
    let syndrome = u32::from(parity(covered(block, check_off, None)) ^ stored_ecc);
    // A syndrome that is a power of two blames a parity bit, which can't explain a wrong checksum.
    let blamed = code_bits()
        .take(block.len().saturating_mul(8))
        .take_while(|&position| position <= syndrome)
        .position(|position| position == syndrome);
    match blamed {
        Some(bit) if crc(covered(block, check_off, Some(bit))) == stored_crc => {
            Verdict::OneBit(bit)
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
pub fn seal(block: &mut [u8], check_off: usize) -> Option<()> {
    let crc = crc(covered(block, check_off, None));
    let ecc = parity(covered(block, check_off, None));
    put_u16(block, check_off.checked_add(BC_RESERVED1)?, 0)?;
    put_u32(block, check_off.checked_add(BC_CRC32E)?, crc)?;
    put_u16(block, check_off.checked_add(BC_ECC)?, ecc)
}
