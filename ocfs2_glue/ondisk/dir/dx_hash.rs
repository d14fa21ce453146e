// SPDX-License-Identifier: GPL-2.0-only
//! The hash of names in indexed directories: TEA, keyed with the volume's seed.
//!
//! `srctree/fs/ocfs2/dir.c` (`ocfs2_dx_dir_name_hash()`). Older drivers took the bytes of a name for
//! signed, which gives another hash for names with a byte above 127; the tools still do. Such
//! entries are on disk, so a lookup that fails is tried again with [`NameHash::legacy`].

/// Hash of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameHash {
    /// Finds the cluster in the index (`dx_major_hash`).
    pub major: u32,
    /// Finds the block in the cluster (`dx_minor_hash`).
    pub minor: u32,
}

const DELTA: u32 = 0x9e37_79b9;
const ROUNDS: u32 = 16;
/// Bytes of the name that go into one transformation.
const CHUNK: usize = 16;

fn transform(state: [u32; 2], key: [u32; 4]) -> [u32; 2] {
    let [mut left, mut right] = state;
    let mix = |half: u32, sum: u32, low: u32, high: u32| {
        (half << 4).wrapping_add(low) ^ half.wrapping_add(sum) ^ (half >> 5).wrapping_add(high)
    };
    let mut sum = 0u32;
    for _ in 0..ROUNDS {
        sum = sum.wrapping_add(DELTA);
        left = left.wrapping_add(mix(right, sum, key[0], key[1]));
        right = right.wrapping_add(mix(left, sum, key[2], key[3]));
    }
    [state[0].wrapping_add(left), state[1].wrapping_add(right)]
}

/// Four words of key from what is left of the name: big-endian, the gaps filled with its length.
fn key(rest: &[u8], signed: bool) -> [u32; 4] {
    let len = rest.len() as u32;
    let pad = (len | len << 8).wrapping_mul(0x0001_0001);
    let mut words = [pad; 4];
    for (word, bytes) in words.iter_mut().zip(rest.chunks(4)) {
        for &byte in bytes {
            let value = if signed {
                i32::from(byte as i8) as u32
            } else {
                u32::from(byte)
            };
            *word = (*word << 8).wrapping_add(value);
        }
    }
    words
}

impl NameHash {
    /// Hash of `name` under `seed` ([`super::base::geometry::Geometry::dx_seed`]).
    pub fn of(name: &[u8], seed: &[u32; 4]) -> Self {
        Self::compute(name, seed, false)
    }

    /// Hash that older drivers gave the name; `None` if it is the same.
    pub fn legacy(name: &[u8], seed: &[u32; 4]) -> Option<Self> {
        if name.is_ascii() {
            return None;
        }
        let legacy = Self::compute(name, seed, true);
        (legacy != Self::of(name, seed)).then_some(legacy)
    }

    fn compute(name: &[u8], seed: &[u32; 4], signed: bool) -> Self {
        if matches!(name, b"." | b"..") {
            return Self { major: 0, minor: 0 };
        }
        let mut state = [seed[0], seed[1]];
        let mut rest = name;
        while !rest.is_empty() {
            state = transform(state, key(rest, signed));
            rest = rest.get(CHUNK..).unwrap_or(&[]);
        }
        Self {
            major: state[0],
            minor: state[1],
        }
    }
}
