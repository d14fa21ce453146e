// SPDX-License-Identifier: GPL-2.0-only
//! What a distributed lock manager calls: asts, basts, and news of nodes.
//!
//! C header: [`fs/ocfs2/stackglue.h`](srctree/fs/ocfs2/stackglue.h)
//!
//! # Where callbacks run
//!
//! In process context, with no lock of this layer: o2dlm's `dlm_thread` or o2net's queue, fs/dlm's
//! callback queue; o2dlm calls the unlock ast within `Connection::unlock` and `Connection::cancel`.
//! So callbacks may take spinlocks (which must not be held around requests)
//! and queue work. They must not wait for the DLM, for another node, for a folio or an inode lock,
//! and make no requests: all locks of the volume wait for them. A bast may come before the ast of
//! the request that it is about.
//!
//! Not supported: asts for posix locks.

use super::lksb::{
    state::{CANCEL, CONVERT, HELD, IDLE, LOST, NEW, UNLOCK},
    HasLksb, Lksb,
};
use core::marker::PhantomData;
use kernel::{
    bindings,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc, ArcBorrow, Completion,
    },
    types::Opaque,
};

/// The locking protocol that this driver speaks, the in-tree driver's.
pub(in crate::vfs) const PROTOCOL: bindings::ocfs2_protocol_version =
    bindings::ocfs2_protocol_version {
        pv_major: bindings::OCFS2_LOCKING_PROTOCOL_MAJOR as u8,
        pv_minor: bindings::OCFS2_LOCKING_PROTOCOL_MINOR as u8,
    };

/// What the DLM answers. See the top of the file for where these run, and what they may do.
pub(crate) trait LockCallbacks: HasLksb + Send + Sync + 'static {
    /// The answer to [`Connection::lock`]: 0, or a negative errno (`EAGAIN` for `noqueue`), after
    /// which the lock is what it was before.
    fn ast(this: &Arc<Self>, status: i32);

    /// Another node waits for a lock at `level`, which this one excludes.
    fn blocking_ast(this: &Arc<Self>, level: i32);

    /// The answer to [`Connection::unlock`], or to a [`Connection::cancel`] that was in time: 0, or
    /// a negative errno. The DLM's reference to the object is dropped after an unlock.
    fn unlock_ast(this: &Arc<Self>, error: i32);
}

/// What is called when a node dies.
pub(crate) trait Recovery: Send + Sync + 'static {
    /// Node `node` died. Runs in the DLM's recovery, which waits for it; may run before
    /// [`Connection::connect`] returned. Queues work.
    fn node_down(this: &Arc<Self>, node: u32);
}

/// What the C connection points to.
#[pin_data]
pub(in crate::vfs) struct Inner<R> {
    pub(in crate::vfs) recovery: Arc<R>,
    /// Locks that the DLM knows, and one for the connection itself.
    pub(in crate::vfs) users: Atomic<u32>,
    #[pin]
    pub(in crate::vfs) unused: Completion,
}

impl<R> Inner<R> {
    /// Gives up one of `users`.
    ///
    /// # Safety
    ///
    /// The caller counts as one of `this.users`, and doesn't touch `this` afterwards.
    pub(in crate::vfs) unsafe fn put(this: *const Self) {
        // SAFETY: It is alive: there is a user.
        if unsafe { (*this).users.fetch_sub(1u32, Full) } == 1 {
            // SAFETY: Only the connection's `drop` can have made this the last one, and it waits,
            // until the completion's own lock is free again.
            unsafe { (*this).unused.complete_all() };
        }
    }
}

/// C callbacks for locks in `T`, on a connection with `Inner<R>` as its recovery data.
pub(in crate::vfs) struct Callbacks<T, R>(PhantomData<(T, R)>);

impl<T: LockCallbacks, R: Recovery> Callbacks<T, R> {
    /// The table.
    pub(in crate::vfs) const LOCKING: bindings::ocfs2_locking_protocol =
        bindings::ocfs2_locking_protocol {
            lp_max_version: PROTOCOL,
            lp_lock_ast: Some(Self::ast),
            lp_blocking_ast: Some(Self::blocking_ast),
            lp_unlock_ast: Some(Self::unlock_ast),
        };

    /// Drops what the DLM owned of `object`.
    ///
    /// # Safety
    ///
    /// The caller has taken the state to `IDLE`, from another one, in which `inner` was its
    /// connection's; the DLM won't call for this lock any more.
    pub(in crate::vfs) unsafe fn release(object: *const T, inner: *const Inner<R>) {
        // SAFETY: The reference came from `into_raw` in `attach`; the step to `IDLE` owns it.
        drop(unsafe { Arc::from_raw(object) });
        // SAFETY: `attach` counted the lock.
        unsafe { Inner::put(inner) };
    }

    /// The lksb, its object and its connection's data, for a callback.
    ///
    /// # Safety
    ///
    /// The DLM passed `raw` to a callback of `Self::LOCKING`.
    unsafe fn parties<'a>(
        raw: *mut bindings::ocfs2_dlm_lksb,
    ) -> (&'a Lksb, *const T, *const Inner<R>) {
        let opaque: *mut Opaque<bindings::ocfs2_dlm_lksb> = raw.cast();
        // SAFETY: The DLM has it from `lock`, so it is in an `Lksb` of a `T`, to which it owns a
        // reference, and the connection is alive, with an `Inner<R>` that was set in `connect`.
        unsafe {
            let lksb: *mut Lksb = kernel::container_of!(opaque, Lksb, raw);
            let inner = (*(*raw).lksb_conn).cc_recovery_data;
            (
                &*lksb,
                T::lksb_container_of(lksb),
                inner.cast_const().cast(),
            )
        }
    }

    /// A reference of its own for a callback. Once the state and `T` know of an ast, the lock may
    /// be used, given up and gone before the callback has returned: o2dlm doesn't wait for asts
    /// before it calls the unlock ast.
    ///
    /// # Safety
    ///
    /// The DLM owns a reference to `object`.
    unsafe fn keep(object: *const T) -> Arc<T> {
        // SAFETY: By the contract; it came from `Arc::into_raw`.
        Arc::from(unsafe { ArcBorrow::from_raw(object) })
    }

    /// # Safety
    ///
    /// Called by the DLM when a request was answered.
    unsafe extern "C" fn ast(raw: *mut bindings::ocfs2_dlm_lksb) {
        // SAFETY: By the contract.
        let (lksb, object, inner) = unsafe { Self::parties(raw) };
        // SAFETY: As long as the state says that a request is open, nobody can give the lock up.
        let kept = unsafe { Self::keep(object) };
        // SAFETY: The lksb is valid, the status was just set.
        let status = unsafe { bindings::ocfs2_dlm_lock_status(raw) };
        let old = lksb.shift(|now| match (now, status) {
            (NEW, 0) | (CONVERT | CANCEL, _) => Some(HELD),
            // A new lock that would have to queue is gone. What others mean isn't known.
            (NEW, _) if status == EAGAIN.to_errno() => Some(IDLE),
            (NEW, _) => Some(LOST),
            _ => None,
        });
        let Some(old) = old else {
            pr_err!("unexpected ast, status {status}\n");
            return;
        };
        T::ast(&kept, status);
        match (old, status) {
            (NEW, 0) => {}
            // SAFETY: We went to `IDLE`; the DLM has nothing left to say.
            (NEW, _) if status == EAGAIN.to_errno() => unsafe { Self::release(object, inner) },
            // SAFETY: The object is leaked, but the connection need not wait for it.
            (NEW, _) => unsafe { Inner::put(inner) },
            _ => {}
        }
    }

    /// # Safety
    ///
    /// Called by the DLM when a lock is in another node's way.
    unsafe extern "C" fn blocking_ast(raw: *mut bindings::ocfs2_dlm_lksb, level: c_int) {
        // SAFETY: By the contract.
        let (_, object, _) = unsafe { Self::parties(raw) };
        // SAFETY: The DLM doesn't call the unlock ast before this is over.
        let kept = unsafe { Self::keep(object) };
        T::blocking_ast(&kept, level);
    }

    /// # Safety
    ///
    /// Called by the DLM when a lock was given up or a conversion was cancelled.
    unsafe extern "C" fn unlock_ast(raw: *mut bindings::ocfs2_dlm_lksb, error: c_int) {
        // SAFETY: By the contract.
        let (lksb, object, inner) = unsafe { Self::parties(raw) };
        // SAFETY: The DLM's reference is dropped by the unlock ast, so not before this one.
        let kept = unsafe { Self::keep(object) };
        let old = lksb.shift(|now| match (now, error) {
            (UNLOCK, 0) => Some(IDLE),
            (UNLOCK, _) => Some(LOST),
            (CANCEL | CONVERT, 0) => Some(HELD),
            (CANCEL, _) => Some(CONVERT),
            _ => None,
        });
        let Some(old) = old else {
            pr_err!("unexpected unlock ast, error {error}\n");
            return;
        };
        T::unlock_ast(&kept, error);
        match (old, error) {
            // SAFETY: We went to `IDLE`; after this call the DLM forgets the lock.
            (UNLOCK, 0) => unsafe { Self::release(object, inner) },
            // SAFETY: The object is leaked, but the connection need not wait for it.
            (UNLOCK, _) => unsafe { Inner::put(inner) },
            _ => {}
        }
    }

    /// # Safety
    ///
    /// Called by the stack with what was passed to `connect`.
    pub(in crate::vfs) unsafe extern "C" fn node_down(node: c_int, data: *mut c_void) {
        // SAFETY: It is the `Inner<R>`, which outlives the connection.
        let inner: &Inner<R> = unsafe { &*data.cast_const().cast() };
        if let Ok(node) = u32::try_from(node) {
            R::node_down(&inner.recovery, node);
        }
    }
}
