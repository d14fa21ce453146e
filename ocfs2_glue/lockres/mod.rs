// SPDX-License-Identifier: GPL-2.0-only
//! The lock state machine: one [`Machine`] per lock resource. Events in, actions out.
//!
//! Kernel-free: `core` alone, no allocation, no clock, no waiting, no I/O, no panic for any event
//! in any state. The same files are built into the module and, under cargo, into the host tests
//! and the model checker, so paths inside this directory are relative (`super::`).
//!
//! # Who calls what, under which lock
//!
//! Every method is called with the one spinlock of the lock resource held. What it returns is
//! carried out after that spinlock was dropped: first the [`Kick`] (wake, queue the worker), then
//! the [`DlmCall`], if there is one; and after that call has come back, whatever it returned,
//! [`Machine::returned`] with the spinlock taken again. The caller decides nothing.
//!
//! | method | caller, context |
//! | --- | --- |
//! | [`acquire`](Machine::acquire) with [`How::Try`] | an address space operation with its folio locked; never yields a call |
//! | `acquire` otherwise, [`poll`](Machine::poll), [`abandon`](Machine::abandon) | a task that holds no folio and may sleep |
//! | [`refreshed`](Machine::refreshed), [`release`](Machine::release), [`leave_ticket`](Machine::leave_ticket) | a holder, any context |
//! | [`hand_in`](Machine::hand_in) | whoever left a ticket, when its operation (not the retry) is over, any context |
//! | [`ast`](Machine::ast), [`bast`](Machine::bast), [`unlock_ast`](Machine::unlock_ast) | the DLM's callbacks: they get no call to make, by type |
//! | [`returned`](Machine::returned) | whoever made the call |
//! | [`work`](Machine::work), [`flushed`](Machine::flushed) | the downconvert worker, one at a time, may sleep |
//! | [`shutdown`](Machine::shutdown) | eviction or unmount, again after each wake until it says so |
//! | [`fail`](Machine::fail) | whoever learns that the cluster is lost |
//!
//! `now` is monotonic nanoseconds. Two rules of the DLMs shape the rest:
//!
//! - An ast may come before the call that asked for it has returned. So one thing is kept for the
//!   call (is a task inside the DLM?) and another for the request (is an answer owed?), and no
//!   second call is made before the first has returned. That closes the gap in which a cancel
//!   reaches the DLM before the request it is for, or after it, and hits the next one.
//! - A bast may come early, late, twice, or for nothing. It only ever raises
//!   [`asked`](Machine::asked), and believing one that was stale costs one conversion.
//!
//! # States
//!
//! See [`State`]; docs/locking.md has the diagram, drawn from this code. Waiters who are in line
//! when a grant arrives are made holders by the ast itself, before they run: a bast on its heels
//! can't take the lock away from them unused.
//!
//! # Giving it up
//!
//! Once another node asks, the level is kept while: holders need it; its slice lasts
//! ([`Policy`]); a ticket is out ([`Machine::leave_ticket`]); a refresh is being done. Then new
//! holders are shut out, the worker flushes, and the lock is converted down, as far as the other
//! needs and no further.

mod dlm;
mod machine;
mod mode;
mod record;
mod state;
mod step;
mod ticket;
mod view;
mod worker;

pub use machine::Machine;
pub use mode::{Down, Level, Mode, Up};
pub use record::{Event, Recorded};
pub use state::State;
pub use step::{
    Answer, DlmCall, Fault, Flushed, Hold, How, Kick, Kind, Lvb, Outcome, Policy, Refusal, Step,
    Task, Unexpected, Waiter, Work,
};
pub use view::{Standing, View};
