// SPDX-License-Identifier: GPL-2.0-only
//! The lock state machine: one [`Machine`] per lock resource. Events in, actions out.
//!
//! Kernel-free: `core` alone, no allocation, no clock, no waiting, no I/O, no panic for any event
//! in any state. The same files are built into the module and, under cargo, into the host tests
//! and the model checker, so paths inside this directory are relative (`super::`).
//!
//! # Who calls what, under which lock
//!
//! Every method is called with the lock resource's spinlock held. The caller drops it and then
//! carries out what the method returned: first the [`Kick`] (wake, queue the worker), then the
//! [`DlmCall`], if there is one. When that call has returned, with success or an error, the caller
//! takes the spinlock again and calls [`Machine::returned`]. The caller decides nothing.
//!
//! | method | caller, context |
//! | --- | --- |
//! | [`acquire`](Machine::acquire) with [`How::Try`] | an address space operation with its folio locked; never yields a call |
//! | `acquire` otherwise, [`poll`](Machine::poll), [`abandon`](Machine::abandon) | a task that holds no folio and may sleep |
//! | [`refreshed`](Machine::refreshed), [`release`](Machine::release), [`leave_ticket`](Machine::leave_ticket) | a holder, any context |
//! | [`return_ticket`](Machine::return_ticket) | a task that left a ticket, when its whole operation is over, any context |
//! | [`ast`](Machine::ast), [`bast`](Machine::bast), [`unlock_ast`](Machine::unlock_ast) | the DLM's callbacks; these methods can't return a call |
//! | [`returned`](Machine::returned) | the task that made the call |
//! | [`work`](Machine::work), [`flushed`](Machine::flushed) | the downconvert worker, one at a time, may sleep |
//! | [`shutdown`](Machine::shutdown) | eviction or unmount, again after each wake until it says so |
//!
//! `now` is monotonic nanoseconds. Two properties of the DLMs shape the rest:
//!
//! - An ast may come before the call that requested it has returned. So the machine knows both
//!   whether a call has returned and whether an answer is still to come, and makes no second call
//!   before the first has returned. Otherwise a cancel could reach the DLM before the request that
//!   it is for, or hit the next one.
//! - A bast may come early, late, twice, or without need. It only ever raises
//!   [`blocking`](Machine::blocking); a stale one costs one conversion.
//!
//! # States
//!
//! See [`State`]; docs/locking.md has the diagram, drawn from this code. The ast reserves a hold for
//! each waiter, before they run: a bast that follows at once can't take the lock away unused.
//!
//! # Downconverts
//!
//! When another node waits, this node keeps its level while a holder needs it, its slice lasts
//! ([`Policy`]), there is a ticket ([`Machine::leave_ticket`]), or a holder refreshes. Then new
//! holders must wait, the worker flushes, and the lock is converted to the highest level that lets
//! the other node go on.
//!
//! # Missing nodes
//!
//! Decisions that may grant, or start a flush, take the [`Membership`] of the moment. While a node
//! is suspect requests wait, and after a death with a slot they fail; holders keep their holds, and
//! the worker goes on. See [`DownNodes`] for the events.

mod dlm;
mod machine;
mod membership;
mod mode;
mod record;
mod state;
mod step;
mod ticket;
mod view;
mod worker;

pub use machine::Machine;
pub use membership::{DownNodes, Membership, NodeSet};
pub use mode::{Down, Level, Mode, Up};
pub use record::{Event, Recorded};
pub use state::State;
pub use step::{
    Answer, DlmCall, Flushed, Hold, How, Kick, Kind, LockError, Lvb, Outcome, Policy, Refusal,
    Step, Task, Unexpected, Waiter, Work,
};
pub use view::{View, WaiterState};
