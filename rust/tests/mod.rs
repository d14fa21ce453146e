// SPDX-License-Identifier: GPL-2.0-only
//! KUnit tests of the abstractions. Those that need a mounted file system are in `mounted`.
//!
//! They are built in only for kernels with `CONFIG_KUNIT=y`, into one of the modules that use this
//! directory, and run when somebody writes to `kunit/ocfs2_glue_vfs/run` in debugfs, or at once if
//! KUnit runs all tests by itself.

mod mounted;

use super::{
    counters::Counters,
    fs::{
        folio::{LockedFolio, NoFolio, Retry, WriteFolio},
        get_block::commit_write,
    },
    jbd2::tid_gt,
    nofs::NoFs,
    sync::{
        delayed_work::{cancel_sync, schedule},
        wait::{new_waitqueue, WaitQueue},
        workqueue::OwnedQueue,
    },
};
use core::{
    mem::size_of,
    ptr::{null_mut, NonNull},
};
use kernel::{
    bindings,
    debugfs::Dir,
    new_delayed_work,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
    time::Jiffies,
    workqueue::{impl_has_delayed_work, DelayedWork, WorkItem},
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
        unsafe {
            (*self.0.as_ptr())
                .__bindgen_anon_1
                .__bindgen_anon_1
                ._refcount
                .counter
        }
    }
}

impl Drop for TestFolio {
    fn drop(&mut self) {
        // SAFETY: One reference is ours.
        unsafe { bindings::folio_put(self.0.as_ptr()) };
    }
}

/// Whether debugfs has the file.
fn has_file(dir: &CStr, name: &CStr) -> bool {
    // SAFETY: Both are C strings; without a parent the first is looked up at the top.
    let dir = unsafe { bindings::debugfs_lookup(dir.as_char_ptr(), null_mut()) };
    if dir.is_null() {
        return false;
    }
    // SAFETY: The directory was just found, and is referenced.
    let file = unsafe { bindings::debugfs_lookup(name.as_char_ptr(), dir) };
    // SAFETY: Both are referenced or null.
    unsafe {
        bindings::dput(file);
        bindings::dput(dir);
    }
    !file.is_null()
}

/// Whether this task allocates without calling file systems.
fn is_nofs() -> bool {
    // SAFETY: A task may read its own flags.
    unsafe { (*bindings::get_current()).flags & bindings::PF_MEMALLOC_NOFS != 0 }
}

#[kunit_tests(ocfs2_glue_vfs)]
mod cases {
    use super::*;

    /// The types of the lock order are proofs for the compiler; nothing is left of them at run
    /// time.
    #[test]
    fn tokens_cost_nothing() {
        assert_eq!(size_of::<NoFolio>(), 0);
        assert_eq!(size_of::<Retry<()>>(), 0);
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

    /// `pos` is what a caller says: no part of another folio counts as this one's.
    #[test]
    fn a_write_stays_within_its_folio() -> Result {
        let folio = TestFolio::locked()?;
        let raw = folio.0.as_ptr();
        // SAFETY: The folio is ours, and in no mapping that would care for its index.
        unsafe {
            (*raw)
                .__bindgen_anon_1
                .__bindgen_anon_1
                .__bindgen_anon_2
                .index = 3
        };
        // SAFETY: The folio is ours.
        unsafe { bindings::folio_get(raw) };
        // SAFETY: It is locked by this task; lock and second reference are handed over.
        let mut write = unsafe { WriteFolio::from_raw(raw) };
        let (size, first) = (write.size(), write.pos());
        let end = first + size as i64;
        assert_eq!(first, 3 * size as i64);
        assert_eq!(write.part_of(first, 20), Some(20));
        assert_eq!(write.part_of(end - 10, 20), Some(10));
        assert_eq!(write.part_of(first, usize::MAX), Some(size));
        for outside in [first - 1, end, -1, 0, i64::MIN, i64::MAX] {
            assert_eq!(write.part_of(outside, 20), None);
            assert_eq!(commit_write(&mut write, outside, 20, 20), 0);
        }
        assert_eq!(commit_write(&mut write, end - 10, 20, 20), 10);
        assert_eq!(commit_write(&mut write, first, 20, 30), 20);
        Ok(())
    }

    #[test]
    fn fill_and_zero_stay_within_the_folio() -> Result {
        let folio = TestFolio::locked()?;
        // SAFETY: It is locked by this task, which keeps its reference.
        let locked = unsafe { LockedFolio::from_raw(folio.0.as_ptr()) };
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

    /// A lock that the DLM has lost counts for ever; the file, which calls this module, goes.
    #[test]
    fn counters_outlive_their_file() -> Result {
        const DIR: &CStr = c"ocfs2_glue_kunit";
        let counters = Arc::new(Counters::new(), GFP_KERNEL)?;
        let dir = Dir::new(DIR);
        let file = KBox::pin_init(Counters::file(counters.clone(), &dir), GFP_KERNEL)?;
        assert!(has_file(DIR, c"counters"));
        drop(file);
        assert!(!has_file(DIR, c"counters"));
        counters.basts.inc();
        assert_eq!(counters.basts.get(), 1);
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

    /// Work that waits for a far-off time runs soon when it is scheduled anew, once; when it is
    /// taken back it doesn't run; and no reference to it is left anywhere.
    #[test]
    fn work_is_brought_forward_and_taken_back() -> Result {
        let queue = OwnedQueue::new(c"ocfs2_glue_kunit", 0)?;
        let shared = Arc::pin_init(
            pin_init!(Shared {
                wait <- new_waitqueue!("vfs_kunit"),
                runs: Atomic::new(0),
                work <- new_delayed_work!("ocfs2_glue_kunit"),
            }),
            GFP_KERNEL,
        )?;
        schedule(&queue, shared.clone(), FAR_OFF);
        schedule(&queue, shared.clone(), 1);
        shared
            .wait
            .wait_killable(|| shared.runs.load(Relaxed) != 0)?;
        schedule(&queue, shared.clone(), FAR_OFF);
        cancel_sync(&shared);
        assert_eq!(shared.runs.load(Relaxed), 1);
        assert!(Arc::into_unique_or_drop(shared).is_some());
        Ok(())
    }
}

/// In jiffies: longer than any test may take.
const FAR_OFF: Jiffies = 1_000_000;

/// Work that counts its runs and wakes those who wait.
#[pin_data]
struct Shared {
    #[pin]
    wait: WaitQueue,
    runs: Atomic<u32>,
    #[pin]
    work: DelayedWork<Self>,
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Shared { self.work }
}

impl WorkItem for Shared {
    type Pointer = Arc<Shared>;

    fn run(this: Arc<Shared>) {
        this.runs.add(1u32, Relaxed);
        this.wait.wake_all();
    }
}
