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
//! and asts change atomically. Only who takes the word to `IDLE` drops the reference, so it is
//! dropped once, whatever callers do; a request that doesn't fit is refused with `EBUSY`. The
//! connection waits in its `drop` until no lock uses it any more.
//!
//! What remains to trust in C: after a lock's unlock ast no more asts come for it. Both stacks see
//! to it: o2dlm drops or flushes basts before it calls the unlock ast, fs/dlm has one ordered
//! queue.
//!
//! # Where callbacks run
//!
//! In process context, with no lock of this layer: o2dlm's `dlm_thread` or o2net's queue, fs/dlm's
//! callback queue; o2dlm calls the unlock ast within [`Connection::unlock`] and
//! [`Connection::cancel`]. So callbacks may take spinlocks (which must not be held around requests)
//! and queue work. They must not wait for the DLM, for another node, for a folio or an inode lock,
//! and make no requests: all locks of the volume wait for them. A bast may come before the ast of
//! the request that it is about.
//!
//! Not supported: posix locks, `DLM_LKF_LOCAL`, cancelling the request of a new lock, heartbeat
//! hangup at unmount.

use super::lksb::{
    state::{CANCEL, CONVERT, HELD, IDLE, LOST, NEW, UNLOCK},
    HasLksb, Lksb,
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
        atomic::{Atomic, Full, Relaxed},
        Arc, ArcBorrow, Completion,
    },
    time::{delay::fsleep, Delta},
    types::Opaque,
};

/// Bytes in a lock value block.
pub(crate) const LVB_LEN: usize = bindings::DLM_LVB_LEN as usize;

/// The longest lock name; C: `DLM_LOCKID_NAME_MAX` of o2dlm, the lesser of the two stacks' limits.
const NAME_MAX: usize = 32;

/// The locking protocol that this driver speaks, the one of `fs/ocfs2/dlmglue.h`.
const PROTOCOL: bindings::ocfs2_protocol_version = bindings::ocfs2_protocol_version {
    pv_major: 1,
    pv_minor: 0,
};

/// Tells the stacks which locking protocol is spoken; once, before the first connection.
///
/// All users of stackglue must agree on it, which C asserts.
pub(crate) fn set_protocol_version() {
    let mut version = PROTOCOL;
    // SAFETY: C copies the version.
    unsafe { bindings::ocfs2_stack_glue_set_max_proto_version(&mut version) };
}

/// Lock modes that OCFS2 uses; C: `DLM_LOCK_*`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(i32)]
pub(crate) enum Level {
    /// Null: keeps the place, excludes nobody.
    Nl = bindings::DLM_LOCK_NL as i32,
    /// Protected read: shared.
    Pr = bindings::DLM_LOCK_PR as i32,
    /// Exclusive.
    Ex = bindings::DLM_LOCK_EX as i32,
}

/// How to ask for a lock.
#[derive(Clone, Copy, Default)]
pub(crate) struct LockFlags {
    /// Change the level of a lock that is held; else it is a new one.
    pub(crate) convert: bool,
    /// Fail with `EAGAIN`, by return value (o2dlm) or by ast (fs/dlm), rather than queue.
    pub(crate) noqueue: bool,
    /// Grant a new lock at [`Level::Nl`] at once, whoever else waits. fs/dlm lets it queue behind
    /// conversions otherwise, and refuses the flag (`EINVAL`) for any other request; o2dlm grants
    /// such a lock at once anyway, and `stack_o2cb.c` drops the flag.
    pub(crate) expedite: bool,
    /// Transfer the lock value block: from [`Level::Ex`] downwards it is published, so it is to be
    /// written first; otherwise a grant brings it. fs/dlm wants it always for a lock that has one.
    pub(crate) valblk: bool,
}

impl LockFlags {
    fn bits(self) -> u32 {
        let bit = |on, bit| if on { bit } else { 0 };
        bit(self.convert, bindings::DLM_LKF_CONVERT)
            | bit(self.noqueue, bindings::DLM_LKF_NOQUEUE)
            | bit(self.expedite, bindings::DLM_LKF_EXPEDITE)
            | bit(self.valblk, bindings::DLM_LKF_VALBLK)
    }
}

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

/// Who hears of nodes that are gone.
pub(crate) trait Recovery: Send + Sync + 'static {
    /// Node `node` died. Runs in the DLM's recovery, which waits for it; may run before
    /// [`Connection::connect`] returned. Queues work.
    fn node_down(&self, node: u32);
}

/// What the C connection points to.
#[pin_data]
struct Inner<R> {
    recovery: Arc<R>,
    /// Locks that the DLM knows, and one for the connection itself.
    users: Atomic<u32>,
    #[pin]
    unused: Completion,
}

impl<R> Inner<R> {
    /// Gives up one of `users`.
    ///
    /// # Safety
    ///
    /// The caller counts as one of `this.users`, and doesn't touch `this` afterwards.
    unsafe fn put(this: *const Self) {
        // SAFETY: It is alive: there is a user.
        if unsafe { (*this).users.fetch_sub(1u32, Full) } == 1 {
            // SAFETY: Only the connection's `drop` can have made this the last one, and it waits,
            // until the completion's own lock is free again.
            unsafe { (*this).unused.complete_all() };
        }
    }
}

/// A connection of one volume to the cluster; C: `struct ocfs2_cluster_connection`.
///
/// Dropping it waits until the last lock was given up (a lock that never is hangs it there, rather
/// than being freed under the DLM), then leaves the domain. Sleeps.
///
/// # Invariants
///
/// `raw` is connected, with `Self::LOCKING` as protocol and `inner` as recovery data.
pub(crate) struct Connection<T: LockCallbacks, R: Recovery> {
    raw: NonNull<bindings::ocfs2_cluster_connection>,
    inner: ManuallyDrop<Pin<KBox<Inner<R>>>>,
    _type: PhantomData<fn(T)>,
}

// SAFETY: The C functions may be called from any task, at the same time.
unsafe impl<T: LockCallbacks, R: Recovery> Send for Connection<T, R> {}
// SAFETY: As above.
unsafe impl<T: LockCallbacks, R: Recovery> Sync for Connection<T, R> {}

impl<T: LockCallbacks, R: Recovery> Connection<T, R> {
    const LOCKING: bindings::ocfs2_locking_protocol = bindings::ocfs2_locking_protocol {
        lp_max_version: PROTOCOL,
        lp_lock_ast: Some(Self::ast),
        lp_blocking_ast: Some(Self::blocking_ast),
        lp_unlock_ast: Some(Self::unlock_ast),
    };

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
        let locking: &'static bindings::ocfs2_locking_protocol = &Self::LOCKING;
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
                    Some(Self::node_down),
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
                    Some(Self::node_down),
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
            unsafe { Self::release(object, &**self.inner) };
        }
        asked
    }

    /// Makes the DLM an owner of `lock`. The state is `NEW`, by the caller's call.
    fn attach(&self, lock: &Arc<T>, lksb: &Lksb) {
        self.inner.users.fetch_add(1u32, Relaxed);
        // INVARIANT: This is the DLM's reference, and its connection.
        let _ = Arc::into_raw(lock.clone());
        lksb.conn.store(self.raw.as_ptr(), Relaxed);
        // SAFETY: Nothing in the DLM knows the struct in this state. (By C, for the sake of a
        // `read_lvb` that shouldn't be.)
        unsafe {
            bindings::memset(
                lksb.raw.get().cast(),
                0,
                size_of::<bindings::ocfs2_dlm_lksb>(),
            )
        };
    }

    fn check_ours(&self, lksb: &Lksb) -> Result {
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

    /// The lksb of a lock whose value block may be used in one of `states`.
    fn lvb_of<'a>(&self, lock: &'a T, states: &[u32]) -> Result<&'a Lksb> {
        // SAFETY: As in `cancel`.
        let lksb = unsafe { &*T::raw_get_lksb(ptr::from_ref(lock).cast_mut()) };
        if !states.contains(&lksb.state()) {
            return Err(EBUSY);
        }
        self.check_ours(lksb)?;
        Ok(lksb)
    }

    /// Whether the lock value block has a value. (In o2dlm always: one that was lost is zeros.)
    /// Asked by a holder, of a lock that was granted with `valblk`.
    pub(crate) fn lvb_valid(&self, lock: &T) -> bool {
        self.lvb_of(lock, &[HELD, CONVERT, CANCEL])
            // SAFETY: The connection is valid, so there is a stack; the lksb is one that it knows.
            .is_ok_and(|lksb| unsafe { bindings::ocfs2_dlm_lvb_valid(lksb.raw.get()) != 0 })
    }

    /// Copies the lock value block out. For a holder at [`Level::Pr`] or above, after a grant with
    /// `valblk`. `EBUSY`: the lock isn't held.
    ///
    /// When a node dies o2dlm may zero the block at any time, so the copy can be torn: the
    /// value's own version field, last or first, must make zeros and mixtures of them invalid.
    pub(crate) fn read_lvb(&self, lock: &T, to: &mut [u8; LVB_LEN]) -> Result {
        let lksb = self.lvb_of(lock, &[HELD, CONVERT, CANCEL])?;
        // SAFETY: As in `lvb_valid`; the block is a part of the lksb. The copy is made by C, which
        // shares the block and has no lock for it.
        unsafe {
            let lvb = bindings::ocfs2_dlm_lvb(lksb.raw.get());
            bindings::memcpy(to.as_mut_ptr().cast(), lvb, LVB_LEN);
        }
        Ok(())
    }

    /// Sets the lock value block. For whoever is about to convert a lock down from [`Level::Ex`] or
    /// to unlock it, with `valblk`, before that request. `EBUSY`: the lock isn't held, or a request
    /// is open.
    pub(crate) fn write_lvb(&self, lock: &T, from: &[u8; LVB_LEN]) -> Result {
        let lksb = self.lvb_of(lock, &[HELD])?;
        // SAFETY: As in `read_lvb`.
        unsafe {
            let lvb = bindings::ocfs2_dlm_lvb(lksb.raw.get());
            bindings::memcpy(lvb, from.as_ptr().cast(), LVB_LEN);
        }
        Ok(())
    }

    /// Drops what the DLM owned of `object`.
    ///
    /// # Safety
    ///
    /// The caller has taken the state to `IDLE`, from another one, in which `inner` was its
    /// connection's; the DLM won't call for this lock any more.
    unsafe fn release(object: *const T, inner: *const Inner<R>) {
        // SAFETY: The reference came from `into_raw` in `attach`; whoever goes to `IDLE` owns it.
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
    unsafe extern "C" fn node_down(node: c_int, data: *mut c_void) {
        // SAFETY: It is the `Inner<R>`, which outlives the connection.
        let inner: &Inner<R> = unsafe { &*data.cast_const().cast() };
        if let Ok(node) = u32::try_from(node) {
            inner.recovery.node_down(node);
        }
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
            // SAFETY: It isn't used again; the stack has let go of it.
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
