// SPDX-License-Identifier: GPL-2.0-only
//! Little-endian fields at checked offsets of a block.
//!
//! Nothing here can panic: an offset past the end reads as `None` and is not written.

/// Reads `N` bytes at `off`.
pub fn get<const N: usize>(block: &[u8], off: usize) -> Option<[u8; N]> {
    let end = off.checked_add(N)?;
    block.get(off..end)?.try_into().ok()
}

/// Reads a `__u8` at `off`.
pub fn get_u8(block: &[u8], off: usize) -> Option<u8> {
    block.get(off).copied()
}

/// Reads a `__le16` at `off`.
pub fn get_u16(block: &[u8], off: usize) -> Option<u16> {
    get(block, off).map(u16::from_le_bytes)
}

/// Reads a `__le32` at `off`.
pub fn get_u32(block: &[u8], off: usize) -> Option<u32> {
    get(block, off).map(u32::from_le_bytes)
}

/// Reads a `__le64` at `off`.
pub fn get_u64(block: &[u8], off: usize) -> Option<u64> {
    get(block, off).map(u64::from_le_bytes)
}

/// Writes `bytes` at `off`; `None` if they don't fit, and then nothing is written.
pub fn put(block: &mut [u8], off: usize, bytes: &[u8]) -> Option<()> {
    let end = off.checked_add(bytes.len())?;
    block.get_mut(off..end)?.copy_from_slice(bytes);
    Some(())
}

/// Writes a `__le16` at `off`.
pub fn put_u16(block: &mut [u8], off: usize, value: u16) -> Option<()> {
    put(block, off, &value.to_le_bytes())
}

/// Writes a `__le32` at `off`.
pub fn put_u32(block: &mut [u8], off: usize, value: u32) -> Option<()> {
    put(block, off, &value.to_le_bytes())
}

/// Writes a `__le64` at `off`.
pub fn put_u64(block: &mut [u8], off: usize, value: u64) -> Option<()> {
    put(block, off, &value.to_le_bytes())
}
