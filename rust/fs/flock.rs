// SPDX-License-Identifier: GPL-2.0-only
//! flock(2) that reaches beyond this node.
//!
//! C header: [`include/linux/filelock.h`](srctree/include/linux/filelock.h)
//!
//! The file system's own lock comes first, the VFS's second, so that what the VFS grants is granted
//! everywhere. What an open file holds is kept in its `private_data`, from its first flock(2) on.
//! A change from shared to exclusive, or back, gives the lock up in between, as flock(2) says.
//!
//! Not supported: fcntl(2) locks, which stay the VFS's.

use super::{file::file_inode, folio::NoFolio, inode::Inode, super_block::FileSystem};
use crate::vfs::sync::wait::WaitQueue;
use core::{marker::PhantomData, mem::MaybeUninit, ptr};
use kernel::{
    bindings,
    error::{from_result, to_result},
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Release},
        Mutex,
    },
};

/// What flock(2) asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `LOCK_SH`
    Shared,
    /// `LOCK_EX`
    Exclusive,
}

/// Locks of open files.
pub(crate) trait Operations<T: FileSystem>: Sized {
    /// A lock that is held.
    type Held: Send + Sync + Unpin + 'static;

    /// Whether flock(2) on `inode` concerns other nodes. Else it is left to the VFS.
    fn is_shared(inode: &Inode<T>) -> bool;

    /// Takes the lock of `inode` for one open file.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if another open file, here or elsewhere, has it in the way and `may_wait` isn't set;
    /// `EINTR` for a signal.
    fn lock(inode: &Inode<T>, kind: Kind, may_wait: bool, wait: &NoFolio) -> Result<Self::Held>;

    /// Gives a lock up. May wait for the cluster.
    fn unlock(held: Self::Held, wait: &NoFolio);
}

/// A file system whose locks are the VFS's.
impl<T: FileSystem> Operations<T> for () {
    type Held = ();

    fn is_shared(_: &Inode<T>) -> bool {
        false
    }

    fn lock(_: &Inode<T>, _: Kind, _: bool, _: &NoFolio) -> Result {
        Err(ENOLCK)
    }

    fn unlock(_: (), _: &NoFolio) {}
}

/// What hangs on an open file.
#[pin_data]
struct Private<H> {
    /// Taken for a moment; who waits for the cluster has set `busy` instead.
    #[pin]
    held: Mutex<Option<(Kind, H)>>,
    /// Whether a task is changing `held`: one at a time.
    busy: Atomic<u32>,
    #[pin]
    wait: WaitQueue,
}

/// The right to change what an open file holds; given back when dropped.
struct Turn<'a, H>(&'a Private<H>);

impl<'a, H> Turn<'a, H> {
    /// Waits for the others that use the same open file. `EINTR` for a signal.
    fn take(private: &'a Private<H>) -> Result<Self> {
        private
            .wait
            .wait_interruptible(|| private.busy.cmpxchg(0, 1, Acquire).is_ok())?;
        Ok(Self(private))
    }

    /// The same, and isn't disturbed by signals.
    fn take_always(private: &'a Private<H>) -> Self {
        private
            .wait
            .wait(|| private.busy.cmpxchg(0, 1, Acquire).is_ok());
        Self(private)
    }
}

impl<H> Drop for Turn<'_, H> {
    fn drop(&mut self) {
        self.0.busy.store(0, Release);
        self.0.wait.wake_all();
    }
}

/// C callbacks for [`Operations`].
pub(super) struct Callbacks<T>(PhantomData<T>);

type Held<T> = <<T as FileSystem>::Flock as Operations<T>>::Held;

impl<T: FileSystem> Callbacks<T> {
    /// `->flock`.
    pub(super) unsafe extern "C" fn flock(
        file: *mut bindings::file,
        cmd: c_int,
        fl: *mut bindings::file_lock,
    ) -> c_int {
        // SAFETY: The VFS passes an open file and a lock request, and holds no folio lock.
        let (inode, flags, kind, wait) = unsafe {
            (
                file_inode::<T>(file),
                (*fl).c.flc_flags,
                u32::from((*fl).c.flc_type),
                NoFolio::at_entry(),
            )
        };
        if flags & bindings::FL_FLOCK == 0 {
            return ENOLCK.to_errno();
        }
        // SAFETY: As above.
        let by_vfs = || to_result(unsafe { bindings::locks_lock_inode_wait(inode.as_raw(), fl) });
        from_result(|| {
            if !T::Flock::is_shared(inode) {
                return by_vfs().map(|()| 0);
            }
            let kind = match kind {
                bindings::F_UNLCK => {
                    // SAFETY: The file is open.
                    if let Some(private) = unsafe { Self::private(file) } {
                        let _turn = Turn::take_always(private);
                        // First, so that whoever gets the lock next isn't refused by the VFS.
                        let done = by_vfs();
                        unlock::<T>(private, &wait);
                        return done.map(|()| 0);
                    }
                    return by_vfs().map(|()| 0);
                }
                bindings::F_WRLCK => Kind::Exclusive,
                _ => Kind::Shared,
            };
            // SAFETY: The file is open.
            let private = unsafe { Self::make_private(file) }?;
            let _turn = Turn::take(private).map_err(restart)?;
            let before = private.held.lock().as_ref().map(|(kind, _)| *kind);
            if before == Some(kind) {
                return Ok(0);
            }
            if before.is_some() {
                // SAFETY: The file is open, and its lock is still held.
                unsafe { unlock_vfs(file, inode.as_raw()) };
                unlock::<T>(private, &wait);
            }
            let held = T::Flock::lock(inode, kind, cmd as u32 == bindings::F_SETLKW, &wait)
                .map_err(restart)?;
            *private.held.lock() = Some((kind, held));
            by_vfs().inspect_err(|_| unlock::<T>(private, &wait))?;
            Ok(0)
        })
    }

    /// `->release`: nobody has the file any more.
    pub(super) unsafe extern "C" fn release(
        _inode: *mut bindings::inode,
        file: *mut bindings::file,
    ) -> c_int {
        // SAFETY: This is the last use of the file, so the pointer is ours alone.
        let raw = unsafe { (*file).private_data.cast::<Private<Held<T>>>() };
        if !raw.is_null() {
            // SAFETY: It came from `into_raw` in `make_private`, and was pinned there.
            let private = unsafe { Pin::new_unchecked(KBox::from_raw(raw)) };
            // SAFETY: close(2), and who puts the last reference, holds no folio lock.
            unlock::<T>(&private, &unsafe { NoFolio::at_entry() });
        }
        0
    }

    /// What hangs on the file.
    ///
    /// # Safety
    ///
    /// `file` is open, with these callbacks, for `'a`.
    unsafe fn private<'a>(file: *mut bindings::file) -> Option<&'a Private<Held<T>>> {
        // SAFETY: By the contract. The word is set once, by `make_private`, and what it points to
        // lives until `release`.
        unsafe {
            let word = Atomic::<usize>::from_ptr((&raw mut (*file).private_data).cast());
            ptr::with_exposed_provenance::<Private<Held<T>>>(word.load(Acquire)).as_ref()
        }
    }

    /// The same; makes it if it isn't there.
    ///
    /// # Safety
    ///
    /// As for [`Callbacks::private`].
    unsafe fn make_private<'a>(file: *mut bindings::file) -> Result<&'a Private<Held<T>>> {
        // SAFETY: By the contract.
        if let Some(private) = unsafe { Self::private(file) } {
            return Ok(private);
        }
        let new = KBox::pin_init(
            pin_init!(Private {
                held <- new_mutex!(None, "vfs_flock"),
                busy: Atomic::new(0),
                wait <- WaitQueue::new(),
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: It stays where it is until it is dropped.
        let raw: *mut Private<Held<T>> = KBox::into_raw(unsafe { Pin::into_inner_unchecked(new) });
        // SAFETY: By the contract the file is open; all accesses to the word meanwhile are atomic.
        let word = unsafe { Atomic::<usize>::from_ptr((&raw mut (*file).private_data).cast()) };
        if word.cmpxchg(0, raw.expose_provenance(), Full).is_err() {
            // SAFETY: Nobody else has seen it. It was pinned.
            drop(unsafe { Pin::new_unchecked(KBox::from_raw(raw)) });
        }
        // SAFETY: By the contract.
        unsafe { Self::private(file) }.ok_or(ENOMEM)
    }
}

/// After a signal the call is made again, if the signal's handler was set up so.
fn restart(e: Error) -> Error {
    match e {
        EINTR => ERESTARTSYS,
        e => e,
    }
}

/// Gives up what the open file holds.
fn unlock<T: FileSystem>(private: &Private<Held<T>>, wait: &NoFolio) {
    let held = private.held.lock().take();
    if let Some((_, held)) = held {
        T::Flock::unlock(held, wait);
    }
}

/// Takes the VFS's lock off an open file, which the VFS would only do for a request of its own.
///
/// # Safety
///
/// `file` is open, and `inode` is its inode.
unsafe fn unlock_vfs(file: *mut bindings::file, inode: *mut bindings::inode) {
    let mut request = MaybeUninit::<bindings::file_lock>::zeroed();
    // SAFETY: `locks_init_lock` makes a request of the memory, which unlocking doesn't keep. It
    // can't fail: nothing has to be allocated, and nobody waited for.
    unsafe {
        let request = request.as_mut_ptr();
        bindings::locks_init_lock(request);
        (*request).c.flc_type = bindings::F_UNLCK as u8;
        (*request).c.flc_flags = bindings::FL_FLOCK;
        (*request).c.flc_file = file;
        bindings::locks_lock_inode_wait(inode, request);
    }
}
