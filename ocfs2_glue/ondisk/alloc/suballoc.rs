// SPDX-License-Identifier: GPL-2.0-only
//! Blocks that were found before a transaction, for the structures that grow in it.
//!
//! [`Reserve::find`] looks for as many blocks of a suballocator as a change may need at most.
//! [`Claims`] then hands them out one by one inside the transaction, where nothing may fail for
//! want of room. What isn't used was never taken and needs no giving back.

use super::base::error::Corrupt;
use super::base::store::{Blocks, ExtentBlockSource, Journaled, Suballoc};
use super::chain::{Allocator, Found, MAX_RUNS};
use super::group::Run;

/// Clear bits of one suballocator, found and not yet taken.
///
/// Good for as long as the caller holds the allocator's locks.
#[derive(Clone, Copy, Debug)]
pub struct Reserve {
    runs: [Found; MAX_RUNS],
    /// How many of `runs` there are.
    len: usize,
    /// Blocks handed out.
    taken: u16,
}

impl Reserve {
    /// A reserve of nothing.
    pub const fn empty() -> Self {
        Self {
            runs: [Found::NONE; MAX_RUNS],
            len: 0,
            taken: 0,
        }
    }

    /// A reserve of one run.
    pub fn of(found: Found) -> Self {
        let mut reserve = Self::empty();
        if let Some(slot) = reserve.runs.first_mut() {
            *slot = found;
            reserve.len = 1;
        }
        reserve
    }

    /// What was found.
    pub fn runs(&self) -> &[Found] {
        self.runs.get(..self.len).unwrap_or(&[])
    }

    /// Looks for `blocks` blocks. `None` if there are not as many: then the suballocator needs
    /// another group.
    pub fn find<S: Blocks>(
        store: &mut S,
        alloc: &Allocator<'_>,
        dinode: &S::Block,
        blocks: u16,
    ) -> Result<Option<Self>, S::Error> {
        let mut reserve = Self::empty();
        let mut left = blocks;
        while left > 0 {
            let next = alloc.find_besides(store, dinode, (left, 1), None, reserve.runs())?;
            let (Some(next), Some(slot)) = (next, reserve.runs.get_mut(reserve.len)) else {
                return Ok(None);
            };
            *slot = next;
            reserve.len += 1;
            left = left.saturating_sub(next.run.bits);
        }
        Ok(Some(reserve))
    }

    /// The block that will be handed out next, if there is one left.
    pub fn peek(&self) -> Option<u64> {
        self.next().map(|found| found.blkno)
    }

    /// The next block, without taking it.
    fn next(&self) -> Option<Found> {
        let mut skip = self.taken;
        for found in self.runs() {
            if skip < found.run.bits {
                let run = Run {
                    bit: found.run.bit + skip,
                    bits: 1,
                };
                return Some(Found {
                    run,
                    blkno: found.blkno + u64::from(skip),
                    ..*found
                });
            }
            skip -= found.run.bits;
        }
        None
    }
}

/// A reserve at work in a transaction.
pub struct Claims<'a, B> {
    /// The allocator.
    pub alloc: Allocator<'a>,
    /// The block of its dinode.
    pub dinode: &'a mut B,
    /// Slot that the allocator belongs to, for the headers of the blocks.
    pub slot: u16,
    /// What was found.
    pub reserve: &'a mut Reserve,
}

impl<'a, S: Journaled> ExtentBlockSource<S> for Claims<'a, S::Block> {
    fn claim(&mut self, store: &mut S) -> Result<Suballoc, S::Error> {
        // Never the case for a caller who found as many blocks as the change said it may need.
        let found = self
            .reserve
            .next()
            .ok_or(Corrupt::new(0, "ocfs2_chain_rec.c_free"))?;
        self.alloc.claim(store, self.dinode, &found)?;
        self.reserve.taken += 1;
        Ok(found.suballoc(self.slot))
    }
}
