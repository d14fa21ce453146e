// SPDX-License-Identifier: GPL-2.0-only
//! Little-endian fields at checked offsets of a block.
//!
//! Nothing here can panic: an offset past the end reads as `None` and is not written.

use core::ops::Range;

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

/// Bytes of a block that can be changed.
///
/// All changes of a block go through [`BlockBytes::part`], so that what holds the bytes can note
/// which of them have changed; see [`BlockMut`].
pub trait BlockBytes {
    /// The bytes.
    fn bytes(&self) -> &[u8];

    /// Bytes `range`, all of which count as changed; `None` if the block isn't that long.
    fn part(&mut self, range: Range<usize>) -> Option<&mut [u8]>;
}

impl BlockBytes for [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn part(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        self.get_mut(range)
    }
}

impl<const N: usize> BlockBytes for [u8; N] {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn part(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        self.get_mut(range)
    }
}

/// Most ranges that [`BlockMut`] tells apart.
const RANGES: usize = 6;
/// Bytes between two ranges for which it isn't worth while to tell them apart.
const GAP: usize = 32;

/// A block that is being changed, and where it was.
pub struct BlockMut<'a> {
    bytes: &'a mut [u8],
    ranges: [(usize, usize); RANGES],
    len: usize,
}

impl<'a> BlockMut<'a> {
    /// Nothing has changed yet.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self {
            bytes,
            ranges: [(0, 0); RANGES],
            len: 0,
        }
    }

    /// Begins and ends of what was changed, in no order. Others bytes are as they were.
    pub fn changed(&self) -> &[(usize, usize)] {
        self.ranges.get(..self.len).unwrap_or(&[])
    }

    /// Bytes `begin..end`.
    pub fn slice(&self, begin: usize, end: usize) -> &[u8] {
        self.bytes.get(begin..end).unwrap_or(&[])
    }

    fn note(&mut self, begin: usize, end: usize) {
        let known = self.ranges.get_mut(..self.len).unwrap_or(&mut []);
        let near = |range: &&mut (usize, usize)| {
            begin <= range.1.saturating_add(GAP) && range.0 <= end.saturating_add(GAP)
        };
        let full = known.len() == RANGES;
        let range = match known.iter_mut().find(near) {
            Some(range) => Some(range),
            None if full => self.ranges.last_mut(),
            None => None,
        };
        if let Some(range) = range {
            *range = (range.0.min(begin), range.1.max(end));
        } else if let Some(slot) = self.ranges.get_mut(self.len) {
            *slot = (begin, end);
            self.len += 1;
        }
    }
}

impl BlockBytes for BlockMut<'_> {
    fn bytes(&self) -> &[u8] {
        self.bytes
    }

    fn part(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        self.bytes.get(range.clone())?;
        self.note(range.start, range.end);
        self.bytes.get_mut(range)
    }
}

/// A part of a block, for structures whose offsets count from its beginning.
pub struct Within<'a, B: ?Sized> {
    block: &'a mut B,
    range: Range<usize>,
}

impl<'a, B: BlockBytes + ?Sized> Within<'a, B> {
    /// Bytes `range` of `block`; empty if the block isn't that long.
    pub fn new(block: &'a mut B, range: Range<usize>) -> Self {
        Self { block, range }
    }
}

impl<B: BlockBytes + ?Sized> BlockBytes for Within<'_, B> {
    fn bytes(&self) -> &[u8] {
        self.block.bytes().get(self.range.clone()).unwrap_or(&[])
    }

    fn part(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        let begin = self.range.start.checked_add(range.start)?;
        let end = self.range.start.checked_add(range.end)?;
        if end > self.range.end {
            return None;
        }
        self.block.part(begin..end)
    }
}

/// Writes `bytes` at `off`; `None` if they don't fit, and then nothing is written.
pub fn put(block: &mut (impl BlockBytes + ?Sized), off: usize, bytes: &[u8]) -> Option<()> {
    let end = off.checked_add(bytes.len())?;
    block.part(off..end)?.copy_from_slice(bytes);
    Some(())
}

/// Writes a `__le16` at `off`.
pub fn put_u16(block: &mut (impl BlockBytes + ?Sized), off: usize, value: u16) -> Option<()> {
    put(block, off, &value.to_le_bytes())
}

/// Writes a `__le32` at `off`.
pub fn put_u32(block: &mut (impl BlockBytes + ?Sized), off: usize, value: u32) -> Option<()> {
    put(block, off, &value.to_le_bytes())
}

/// Writes a `__le64` at `off`.
pub fn put_u64(block: &mut (impl BlockBytes + ?Sized), off: usize, value: u64) -> Option<()> {
    put(block, off, &value.to_le_bytes())
}

/// Zeroes everything from `off` on.
pub fn zero_from(block: &mut (impl BlockBytes + ?Sized), off: usize) {
    let end = block.bytes().len();
    if let Some(rest) = block.part(off.min(end)..end) {
        rest.fill(0);
    }
}
