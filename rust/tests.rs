// SPDX-License-Identifier: GPL-2.0-only
//! KUnit tests of the abstractions that need no mounted volume.
//!
//! They are built in only for kernels with `CONFIG_KUNIT=y`, into one of the modules that use this
//! directory, and run when somebody writes to `kunit/ocfs2_glue_vfs/run` in debugfs, or at once if
//! KUnit runs all tests by itself.

use super::{
    folio::{LockedFolio, NoFolio, Retry, WriteFolio},
    jbd2::tid_gt,
    nofs::NoFs,
    wait::WaitQueue,
};
use core::{
    mem::size_of,
    ptr::{null_mut, NonNull},
};
use kernel::{
    bindings,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
    workqueue,
};

/// A folio of one page that is in no mapping; freed when dropped.
struct TestFolio(NonNull<bindings::folio>);

impl TestFolio {
    /// A new one, locked by this task.
    fn locked() -> Result<Self> {
        // SAFETY: May be called by a task that may sleep; node 0 is always there.
        let raw = unsafe { bindings::__folio_alloc_noprof(bindings::GFP_KERNEL, 0, 0, null_mut()) };
        let folio = Self(NonNull::new(raw).ok_or(ENOMEM)?);
        // SAFETY: The folio is ours, and nobody else has it locked.
        unsafe { bindings::__folio_lock(raw) };
        Ok(folio)
    }

    fn is_locked(&self) -> bool {
        // SAFETY: The folio is ours.
        unsafe { bindings::folio_test_locked(self.0.as_ptr()) }
    }

    fn references(&self) -> i32 {
        // SAFETY: As above; the counter is read as C reads it, and nobody changes it meanwhile.
        unsafe { (*self.0.as_ptr()).__bindgen_anon_1.__bindgen_anon_1._refcount.counter }
    }
}

impl Drop for TestFolio {
    fn drop(&mut self) {
        // SAFETY: One reference is ours.
        unsafe { bindings::folio_put(self.0.as_ptr()) };
    }
}

/// Whether this task allocates without calling file systems.
fn is_nofs() -> bool {
    // SAFETY: A task may read its own flags.
    unsafe { (*bindings::get_current()).flags & bindings::PF_MEMALLOC_NOFS != 0 }
}

#[kunit_tests(ocfs2_glue_vfs)]
mod cases {
    use super::*;

    /// The types of the lock order are proofs for the compiler, nothing is left of them at run time.
    #[test]
    fn tokens_cost_nothing() {
        assert_eq!(size_of::<NoFolio>(), 0);
        assert_eq!(size_of::<Retry>(), 0);
        assert_eq!(size_of::<LockedFolio>(), size_of::<usize>());
        assert_eq!(size_of::<WriteFolio>(), size_of::<usize>());
    }

    #[test]
    fn unlock_unlocks() -> Result {
        let folio = TestFolio::locked()?;
        assert!(folio.is_locked());
        // SAFETY: It is locked by this task, which keeps its reference.
        let locked = unsafe { LockedFolio::from_raw(folio.0.as_ptr()) };
        let _wait = locked.unlock();
        assert!(!folio.is_locked());
        Ok(())
    }

    #[test]
    fn a_dropped_folio_is_unlocked() -> Result {
        let folio = TestFolio::locked()?;
        // SAFETY: It is locked by this task, which keeps its reference.
        drop(unsafe { LockedFolio::from_raw(folio.0.as_ptr()) });
        assert!(!folio.is_locked());
        Ok(())
    }

    #[test]
    fn a_folio_handed_on_stays_locked() -> Result {
        let folio = TestFolio::locked()?;
        // SAFETY: It is locked by this task, which keeps its reference.
        let raw = unsafe { LockedFolio::from_raw(folio.0.as_ptr()) }.into_raw();
        assert!(folio.is_locked());
        // SAFETY: The duty to unlock came back with the pointer.
        unsafe { bindings::folio_unlock(raw) };
        Ok(())
    }

    #[test]
    fn a_released_folio_gives_its_reference_back() -> Result {
        let folio = TestFolio::locked()?;
        // SAFETY: The folio is ours.
        unsafe { bindings::folio_get(folio.0.as_ptr()) };
        assert_eq!(folio.references(), 2);
        // SAFETY: It is locked by this task; lock and second reference are handed over.
        let write = unsafe { WriteFolio::from_raw(folio.0.as_ptr()) };
        let _wait = write.release();
        assert!(!folio.is_locked());
        assert_eq!(folio.references(), 1);
        Ok(())
    }

    #[test]
    fn fill_and_zero_stay_within_the_folio() -> Result {
        let folio = TestFolio::locked()?;
        // SAFETY: It is locked by this task, which keeps its reference.
        let mut locked = unsafe { LockedFolio::from_raw(folio.0.as_ptr()) };
        assert!(!locked.is_uptodate());
        locked.fill(b"text");
        assert!(locked.is_uptodate());
        let mut seen = [1; 8];
        locked.copy_to(2, &mut seen);
        assert_eq!(seen, *b"xt\0\0\0\0\0\0");
        let size = locked.size();
        locked.zero(1, usize::MAX);
        locked.zero(size, 1);
        locked.copy_to(0, &mut seen);
        assert_eq!(seen, *b"t\0\0\0\0\0\0\0");
        // Past the end there is nothing to copy.
        let mut seen = [7; 4];
        locked.copy_to(size - 2, &mut seen);
        assert_eq!(seen, [0, 0, 7, 7]);
        locked.copy_to(size + 1, &mut seen);
        assert_eq!(seen, [0, 0, 7, 7]);
        Ok(())
    }

    #[test]
    fn nofs_scopes_nest() {
        assert!(!is_nofs());
        let outer = NoFs::enter();
        let inner = NoFs::enter();
        assert!(is_nofs());
        drop(inner);
        assert!(is_nofs());
        drop(outer);
        assert!(!is_nofs());
    }

    #[test]
    fn transaction_numbers_wrap_around() {
        assert!(tid_gt(1, 0));
        assert!(!tid_gt(1, 1));
        assert!(tid_gt(0, u32::MAX));
        assert!(!tid_gt(u32::MAX, 0));
    }

    /// The condition is made true by another task, which wakes afterwards.
    #[test]
    fn a_wait_ends() -> Result {
        let shared = Arc::pin_init(
            pin_init!(Shared { wait <- WaitQueue::new(), done: Atomic::new(0) }),
            GFP_KERNEL,
        )?;
        let other = shared.clone();
        workqueue::system().try_spawn(GFP_KERNEL, move || {
            other.done.store(1, Relaxed);
            other.wait.wake_all();
        })?;
        shared.wait.wait_killable(|| shared.done.load(Relaxed) != 0)
    }
}

#[pin_data]
struct Shared {
    #[pin]
    wait: WaitQueue,
    done: Atomic<u32>,
}
