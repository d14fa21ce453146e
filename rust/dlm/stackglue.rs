// SPDX-License-Identifier: GPL-2.0-only
//! Locks of a distributed lock manager, through OCFS2's cluster stack interface.
//!
//! C header: [`fs/ocfs2/stackglue.h`](srctree/fs/ocfs2/stackglue.h)
//!
//! # Who keeps what alive
//!
//! An [`Lksb`] lies in a reference counted object `T`. The DLM owns one reference to it from the
//! request of a new lock until the lock is gone: until that request failed, or until the unlock
//! ast. What the DLM knows of the lock is one word of state (see [`super::lksb`]), which requests
//! and asts change atomically. The step that takes the word to `IDLE` drops the reference, so it is
//! dropped once, whatever callers do; a request that doesn't fit is refused with `EBUSY`. The
//! connection waits in its `drop` until no lock uses it any more.
//!
//! What remains to trust in C: after a lock's unlock ast no more asts come for it. Both stacks see
//! to it: o2dlm drops or flushes basts before it calls the unlock ast, fs/dlm has one ordered
//! queue.
//!
//! Not supported: posix locks, cancelling the request of a new lock, heartbeat hangup at unmount.

pub(crate) use super::{
    callbacks::{LockCallbacks, Recovery},
    request::{Level, LockFlags},
};

use super::{
    callbacks::{Callbacks, Inner, PROTOCOL},
    lksb::{
        state::{CANCEL, CONVERT, HELD, IDLE, NEW, UNLOCK},
        Lksb,
    },
    request::NAME_MAX,
};
use core::{
    marker::PhantomData,
    mem::{size_of, ManuallyDrop},
    ptr::{self, NonNull},
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Completion,
    },
    time::{delay::fsleep, Delta},
};

/// Tells the stacks which locking protocol is spoken; once, before the first connection.
///
/// All users of stackglue must agree on it, which C asserts.
pub(crate) fn set_protocol_version() {
    let mut version = PROTOCOL;
    // SAFETY: C copies the version.
    unsafe { bindings::ocfs2_stack_glue_set_max_proto_version(&mut version) };
}

/// A connection of one volume to the cluster; C: `struct ocfs2_cluster_connection`.
///
/// Dropping it waits until the last lock was given up (a lock that never is hangs it there, rather
/// than being freed under the DLM), then leaves the domain. Sleeps.
///
/// # Invariants
///
/// `raw` is connected, with [`Callbacks::LOCKING`] as protocol and `inner` as recovery data.
pub(crate) struct Connection<T: LockCallbacks, R: Recovery> {
    pub(in crate::vfs) raw: NonNull<bindings::ocfs2_cluster_connection>,
    inner: ManuallyDrop<Pin<KBox<Inner<R>>>>,
    _type: PhantomData<fn(T)>,
}

// SAFETY: The C functions may be called from any task, at the same time.
unsafe impl<T: LockCallbacks, R: Recovery> Send for Connection<T, R> {}
// SAFETY: As above.
unsafe impl<T: LockCallbacks, R: Recovery> Sync for Connection<T, R> {}

impl<T: LockCallbacks, R: Recovery> Connection<T, R> {
    /// Joins the domain of a volume. Sleeps, o2cb for up to a minute if nodes can't be reached.
    ///
    /// `stack` is the superblock's stack label of four bytes ("pcmk", ...), empty for the classic
    /// o2cb; `None` takes whatever stack is configured. `group` is the volume's UUID as the 32
    /// digits that C nodes use. `EINVAL`: a name that is too long, or no heartbeat; `EBUSY`:
    /// another stack is in use; `ENOENT`: no such stack; `EPROTO`: nodes speak another protocol.
    pub(crate) fn connect(
        stack: Option<&[u8]>,
        cluster: &[u8],
        group: &[u8],
        recovery: Arc<R>,
    ) -> Result<Self> {
        let label = c_string::<5>(stack.unwrap_or(b""))?;
        let cluster_name = c_string::<{ bindings::CLUSTER_NAME_MAX as usize + 1 }>(cluster)?;
        let group_name = c_string::<{ bindings::GROUP_NAME_MAX as usize + 1 }>(group)?;
        let init = pin_init!(Inner {
            recovery,
            users: Atomic::new(1),
            unused <- Completion::new(),
        });
        let inner = KBox::pin_init(init, GFP_KERNEL)?;
        let data: *const Inner<R> = &*inner;
        let data = data.cast_mut().cast();
        let locking: &'static bindings::ocfs2_locking_protocol = &Callbacks::<T, R>::LOCKING;
        // C only reads it.
        let locking = ptr::from_ref(locking).cast_mut();
        let mut raw = ptr::null_mut();
        // SAFETY: The strings end with a NUL within the lengths that C copies; `inner` stays where
        // it is until after the disconnect; the callbacks are static, and right for `T` and `R`.
        to_result(unsafe {
            match stack {
                None => bindings::ocfs2_cluster_connect_agnostic(
                    group_name.as_ptr(),
                    group.len() as c_int,
                    locking,
                    Some(Callbacks::<T, R>::node_down),
                    data,
                    &mut raw,
                ),
                Some(_) => bindings::ocfs2_cluster_connect(
                    label.as_ptr(),
                    cluster_name.as_ptr(),
                    cluster.len() as c_int,
                    group_name.as_ptr(),
                    group.len() as c_int,
                    locking,
                    Some(Callbacks::<T, R>::node_down),
                    data,
                    &mut raw,
                ),
            }
        })?;
        Ok(Self {
            // INVARIANT: It was just connected.
            raw: NonNull::new(raw).ok_or(EIO)?,
            inner: ManuallyDrop::new(inner),
            _type: PhantomData,
        })
    }

    /// This node's number in the cluster.
    pub(crate) fn this_node(&self) -> Result<u32> {
        let mut node = 0;
        // SAFETY: By the type invariant the connection is valid.
        to_result(unsafe { bindings::ocfs2_cluster_this_node(self.raw.as_ptr(), &mut node) })?;
        Ok(node)
    }

    /// Requests a new lock, or another level for one that is held. Sleeps, for the network.
    ///
    /// After `Ok` exactly one ast will come; it may have come already. After an error none will,
    /// and the lock is what it was before. `name` is for new locks, of 1 to 32 bytes, zeros
    /// included. `EBUSY`: the lock is in no state for this; `EINVAL`: the name, or a lock of
    /// another connection; `EAGAIN`: `noqueue`; others as the stack says.
    pub(crate) fn lock(
        &self,
        lock: &Arc<T>,
        level: Level,
        flags: LockFlags,
        name: &[u8],
    ) -> Result {
        if !flags.convert && !(1..=NAME_MAX).contains(&name.len()) {
            return Err(EINVAL);
        }
        let object = Arc::as_ptr(lock).cast_mut();
        // SAFETY: The object is valid.
        let lksb = unsafe { &*T::raw_get_lksb(object) };
        let (from, to) = if flags.convert {
            (HELD, CONVERT)
        } else {
            (IDLE, NEW)
        };
        let _call = lksb.begin(from, to)?;
        if flags.convert {
            self.check_ours(lksb).inspect_err(|_| {
                lksb.shift_from(to, from);
            })?;
        } else {
            self.attach(lock, lksb);
        }
        let asked = retry_busy(|| {
            // SAFETY: The connection is valid, and so is the lksb: the DLM owns a reference to what
            // it is in. C copies the name.
            to_result(unsafe {
                bindings::ocfs2_dlm_lock(
                    self.raw.as_ptr(),
                    level as c_int,
                    lksb.raw.get(),
                    flags.bits(),
                    name.as_ptr().cast_mut().cast(),
                    name.len() as c_uint,
                )
            })
        });
        if asked.is_err() && lksb.shift_from(to, from) && !flags.convert {
            // SAFETY: The new state is `IDLE`, by us; the DLM refused, and won't call.
            unsafe { Callbacks::<T, R>::release(object, &**self.inner) };
        }
        asked
    }

    /// Makes the DLM an owner of `lock`. The state is `NEW`, by the caller's call.
    fn attach(&self, lock: &Arc<T>, lksb: &Lksb) {
        self.inner.users.fetch_add(1u32, Relaxed);
        // INVARIANT: This is the DLM's reference, and its connection.
        let _ = Arc::into_raw(lock.clone());
        lksb.conn.store(self.raw.as_ptr(), Relaxed);
        // SAFETY: Nothing in the DLM knows the struct in this state. (By C, since a
        // `read_lvb` that is out of order may look at it meanwhile.)
        unsafe {
            bindings::memset(
                lksb.raw.get().cast(),
                0,
                size_of::<bindings::ocfs2_dlm_lksb>(),
            )
        };
    }

    pub(in crate::vfs) fn check_ours(&self, lksb: &Lksb) -> Result {
        if ptr::eq(lksb.conn.load(Relaxed), self.raw.as_ptr()) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Cancels a conversion that is queued. Sleeps, for the network.
    ///
    /// If it was in time, an unlock ast comes, and the lock has its old level; else the ast of the
    /// conversion does, or has done. `Ok` also if that one has. `EBUSY`: no conversion to cancel.
    pub(crate) fn cancel(&self, lock: &T) -> Result {
        // SAFETY: The object is valid; the field isn't written through this pointer.
        let lksb = unsafe { &*T::raw_get_lksb(ptr::from_ref(lock).cast_mut()) };
        let _call = match lksb.begin(CONVERT, CANCEL) {
            Err(EBUSY) if lksb.state() == HELD => return Ok(()),
            other => other?,
        };
        let cancelled = self
            .check_ours(lksb)
            .and_then(|()| self.dlm_unlock(lksb, bindings::DLM_LKF_CANCEL));
        if cancelled.is_err() {
            lksb.shift_from(CANCEL, CONVERT);
        }
        cancelled
    }

    /// Gives a lock up. Sleeps, for the network. With `valblk` a lock at [`Level::Ex`] publishes
    /// its value block.
    ///
    /// After `Ok` the unlock ast comes, or has come. `EBUSY`: the lock isn't held, or a request is
    /// open, whose ast is to be waited for; others as the stack says, and the lock is still held.
    pub(crate) fn unlock(&self, lock: &T, valblk: bool) -> Result {
        // SAFETY: As in `cancel`.
        let lksb = unsafe { &*T::raw_get_lksb(ptr::from_ref(lock).cast_mut()) };
        let _call = lksb.begin(HELD, UNLOCK)?;
        let flags = if valblk { bindings::DLM_LKF_VALBLK } else { 0 };
        let done = self
            .check_ours(lksb)
            .and_then(|()| retry_busy(|| self.dlm_unlock(lksb, flags)));
        if done.is_err() {
            lksb.shift_from(UNLOCK, HELD);
        }
        done
    }

    /// The caller has a call of `lksb`, whose connection this is.
    fn dlm_unlock(&self, lksb: &Lksb, flags: u32) -> Result {
        // SAFETY: The connection is valid. The DLM knew the lock when the call began, and no other
        // request has been made since; if its ast came meanwhile, it still does.
        to_result(unsafe { bindings::ocfs2_dlm_unlock(self.raw.as_ptr(), lksb.raw.get(), flags) })
    }
}

impl<T: LockCallbacks, R: Recovery> Drop for Connection<T, R> {
    fn drop(&mut self) {
        // SAFETY: The connection counts as one; below only the completion is touched, which lives.
        unsafe { Inner::put(&raw const **self.inner) };
        self.inner.unused.wait_for_completion();
        // SAFETY: By the type invariant it is connected, and no lock is left.
        let err = unsafe { bindings::ocfs2_cluster_disconnect(self.raw.as_ptr(), 0) };
        if err == 0 {
            // SAFETY: It isn't used again; the stack has forgotten it.
            unsafe { ManuallyDrop::drop(&mut self.inner) };
        } else {
            pr_err!("cluster disconnect failed with {err}\n");
        }
    }
}

/// Calls `f` again while fs/dlm hasn't seen the end of an earlier cancel (`EBUSY`), for 10 s.
fn retry_busy(mut f: impl FnMut() -> Result) -> Result {
    for _ in 0..500 {
        match f() {
            Err(EBUSY) => fsleep(Delta::from_millis(20)),
            other => return other,
        }
    }
    Err(EBUSY)
}

/// `bytes` with a NUL behind, for C. `EINVAL`: too long, or there is one within.
fn c_string<const N: usize>(bytes: &[u8]) -> Result<[c_char; N]> {
    let mut out = [0; N];
    if bytes.len() >= N || bytes.contains(&0) {
        return Err(EINVAL);
    }
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from as c_char;
    }
    Ok(out)
}
