// SPDX-License-Identifier: GPL-2.0-only
//! What is done to a block when the journal takes it.
//!
//! C header: [`include/linux/jbd2.h`](srctree/include/linux/jbd2.h)

use core::{marker::PhantomData, mem::size_of, ptr};
use kernel::{bindings, prelude::*};

/// What a file system does to a block when the journal takes it.
pub(crate) trait Trigger {
    /// `t_frozen`: the content won't change any more before it is written to the log. Called with
    /// spinlocks held, by any task. Nothing here may sleep.
    fn frozen(block: &mut Frozen<'_>);

    /// `t_abort`: the journal was aborted, and block number `blkno` won't be written.
    fn lost(blkno: u64);
}

/// A table of [`Trigger`] functions; C: `struct jbd2_buffer_trigger_type`.
pub(crate) struct Triggers {
    pub(super) raw: bindings::jbd2_buffer_trigger_type,
}

// SAFETY: It has two function pointers, which don't change.
unsafe impl Sync for Triggers {}

impl Triggers {
    /// The table of `T`.
    pub(crate) const fn of<T: Trigger>() -> Self {
        Self {
            raw: bindings::jbd2_buffer_trigger_type {
                t_frozen: Some(frozen::<T>),
                t_abort: Some(lost::<T>),
            },
        }
    }
}

/// The content of a block that the journal is taking, in units of eight bytes.
///
/// # Invariants
///
/// `data` is aligned to eight bytes and valid for `words` of them.
pub(crate) struct Frozen<'a> {
    data: *mut u64,
    words: usize,
    _data: PhantomData<&'a mut u64>,
}

impl Frozen<'_> {
    /// How many units there are.
    pub(crate) fn words(&self) -> usize {
        self.words
    }

    /// Unit `i`, little-endian; 0 past the end. Nobody but the device's owner changes it now, so it
    /// is read without a reference, once.
    pub(crate) fn word(&self, i: usize) -> u64 {
        if i >= self.words {
            return 0;
        }
        // SAFETY: By the type invariant, and `i` is in range.
        u64::from_le(unsafe { ptr::read_volatile(self.data.wrapping_add(i)) })
    }

    /// Sets unit `i`; does nothing past the end.
    pub(crate) fn set_word(&mut self, i: usize, value: u64) {
        if i < self.words {
            // SAFETY: As above.
            unsafe { ptr::write_volatile(self.data.wrapping_add(i), value.to_le()) };
        }
    }
}

/// # Safety
///
/// Called by jbd2 with a mapped block of `size` bytes, which begins at a multiple of 512.
unsafe extern "C" fn frozen<T: Trigger>(
    _triggers: *mut bindings::jbd2_buffer_trigger_type,
    _bh: *mut bindings::buffer_head,
    data: *mut c_void,
    size: usize,
) {
    // INVARIANT: By the contract; a block's size is a multiple of 512.
    T::frozen(&mut Frozen {
        data: data.cast(),
        words: size / size_of::<u64>(),
        _data: PhantomData,
    });
}

/// # Safety
///
/// Called by jbd2 with a valid buffer.
unsafe extern "C" fn lost<T: Trigger>(
    _triggers: *mut bindings::jbd2_buffer_trigger_type,
    bh: *mut bindings::buffer_head,
) {
    // SAFETY: By the contract.
    T::lost(unsafe { (*bh).b_blocknr });
}
