// SPDX-License-Identifier: GPL-2.0-only
//! Triggers: which operation misbehaves, how, and when. One file in debugfs, `trigger`.
//!
//! A line that is written to it arms one trigger, in place of the one that the same operation and
//! action had:
//!
//! ```text
//! OPERATION ACTION[=VALUE] TIMES [after=N]
//! OPERATION ACTION[=VALUE] always [after=N]
//! OPERATION ACTION[=VALUE] random PERMILLE SEED [after=N]
//! off
//! ```
//!
//! `after=N` lets N calls pass first. Of several triggers of one operation the first that fires
//! counts, in the order of [`Action`]; the others aren't asked in that call.
//!
//! Reading the file gives `name value` lines: calls of each operation, and how often each action
//! was taken. They start at zero with each mount and only go up.

use core::str::SplitWhitespace;
use kernel::{
    debugfs::{Dir, File},
    fmt, new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Mutex,
    },
    uaccess::UserSliceReader,
};

/// Longest line that is taken, in bytes.
const MAX_LINE: usize = 128;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$item_doc])* $item,)*
        }

        impl $name {
            const ALL: &'static [(Self, &'static str)] = &[$((Self::$item, $text),)*];

            fn parse(text: &str) -> Result<Self> {
                let found = Self::ALL.iter().find(|(_, name)| *name == text);
                found.map(|(item, _)| *item).ok_or(EINVAL)
            }
        }
    };
}

named! {
    /// An operation that can be triggered.
    Op {
        /// `->read_folio`
        ReadFolio = "read_folio",
        /// `->readahead`
        Readahead = "readahead",
        /// `->write_begin`
        WriteBegin = "write_begin",
        /// `->write_end`
        WriteEnd = "write_end",
        /// `->write_iter`
        WriteIter = "write_iter",
    }
}

named! {
    /// What it does then.
    Action {
        /// Asks to be called again: `->read_folio` and `->write_begin` by `AOP_TRUNCATED_PAGE`,
        /// `->write_end` by accepting nothing.
        Retry = "retry",
        /// Drops the file's page cache, then asks to be called again.
        Drop = "drop",
        /// Fails with errno VALUE; `->readahead` has none, and reads nothing.
        Error = "error",
        /// `->readahead` reads VALUE folios, `->write_end` accepts VALUE bytes, `->write_iter`
        /// writes VALUE bytes; at most, each.
        Short = "short",
        /// `->write_end` accepts nothing, and returns VALUE.
        Claim = "claim",
    }
}

const OPS: usize = Op::ALL.len();
const ACTIONS: usize = Action::ALL.len();

impl Op {
    /// Whether the action makes sense for it.
    fn can(self, action: Action) -> bool {
        match self {
            Self::ReadFolio | Self::WriteBegin => {
                matches!(action, Action::Retry | Action::Drop | Action::Error)
            }
            // Dropping would wait for the folios that the batch has locked.
            Self::Readahead | Self::WriteIter => matches!(action, Action::Error | Action::Short),
            Self::WriteEnd => true,
        }
    }
}

/// When a trigger that is armed fires.
#[derive(Clone, Copy)]
enum When {
    /// That many times more.
    Times(u64),
    /// Every time.
    Always,
    /// In `permille` of 1000 calls, by a generator whose state is `state`.
    Random { permille: u64, state: u64 },
}

#[derive(Clone, Copy)]
struct Armed {
    value: u64,
    /// Calls to let pass.
    after: u64,
    when: When,
}

impl Armed {
    fn fires(&mut self) -> bool {
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        match &mut self.when {
            When::Times(0) => false,
            When::Times(left) => {
                *left -= 1;
                true
            }
            When::Always => true,
            When::Random { permille, state } => {
                // xorshift64*: the same seed gives the same calls.
                *state ^= *state >> 12;
                *state ^= *state << 25;
                *state ^= *state >> 27;
                (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % 1000 < *permille
            }
        }
    }
}

/// All triggers of a mount, and their counters.
#[pin_data]
pub(crate) struct Triggers {
    #[pin]
    armed: Mutex<[[Option<Armed>; ACTIONS]; OPS]>,
    calls: [Atomic<u64>; OPS],
    taken: [[Atomic<u64>; ACTIONS]; OPS],
}

impl Triggers {
    /// The file `trigger` in `dir`. It goes when the value does.
    pub(crate) fn file<'a>(dir: &'a Dir) -> impl PinInit<File<Self>> + 'a {
        dir.read_write_callback_file(
            c"trigger",
            pin_init!(Self {
                armed <- new_mutex!([[None; ACTIONS]; OPS], "aop_retry_triggers"),
                calls: [const { Atomic::new(0) }; OPS],
                taken: [const { [const { Atomic::new(0) }; ACTIONS] }; OPS],
            }),
            &|triggers: &Self, f| triggers.show(f),
            &|triggers: &Self, reader| triggers.arm(reader),
        )
    }

    /// To be called once in each call of `op`: what it should do instead of its work, if
    /// anything, and the trigger's value. Sleeps for a mutex under which nothing is waited for.
    pub(crate) fn fire(&self, op: Op) -> Option<(Action, u64)> {
        self.calls.get(op as usize)?.add(1, Relaxed);
        let mut armed = self.armed.lock();
        for (action, _) in Action::ALL {
            let Some(Some(trigger)) = armed
                .get_mut(op as usize)
                .and_then(|of_op| of_op.get_mut(*action as usize))
                .map(Option::as_mut)
            else {
                continue;
            };
            if trigger.fires() {
                self.taken
                    .get(op as usize)?
                    .get(*action as usize)?
                    .add(1, Relaxed);
                return Some((*action, trigger.value));
            }
        }
        None
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = Op::ALL.iter().zip(self.calls.iter().zip(&self.taken));
        for ((op, name), (calls, taken)) in rows {
            writeln!(f, "{} {}", name, calls.load(Relaxed))?;
            for ((action, action_name), count) in Action::ALL.iter().zip(taken) {
                if op.can(*action) {
                    writeln!(f, "{}.{} {}", name, action_name, count.load(Relaxed))?;
                }
            }
        }
        Ok(())
    }

    fn arm(&self, reader: &mut UserSliceReader) -> Result {
        let mut line = [0; MAX_LINE];
        let line = line.get_mut(..reader.len()).ok_or(EINVAL)?;
        reader.read_slice(line)?;
        let line = core::str::from_utf8(line).map_err(|_| EINVAL)?;
        let mut words = line.split_whitespace();
        let first = words.next().ok_or(EINVAL)?;
        if first == "off" {
            *self.armed.lock() = [[None; ACTIONS]; OPS];
            return Ok(());
        }
        let op = Op::parse(first)?;
        let action = words.next().ok_or(EINVAL)?;
        let (action, value) = match action.split_once('=') {
            Some((action, value)) => (action, number(Some(value))?),
            None => (action, 0),
        };
        let action = Action::parse(action)?;
        if !op.can(action) {
            return Err(EINVAL);
        }
        let trigger = parse_when(words, value)?;
        let mut armed = self.armed.lock();
        let slot = armed
            .get_mut(op as usize)
            .and_then(|of_op| of_op.get_mut(action as usize));
        *slot.ok_or(EINVAL)? = Some(trigger);
        Ok(())
    }
}

fn number(word: Option<&str>) -> Result<u64> {
    word.and_then(|w| w.parse().ok()).ok_or(EINVAL)
}

/// `TIMES`, `always` or `random PERMILLE SEED`, then `after=N` or nothing.
fn parse_when(mut words: SplitWhitespace<'_>, value: u64) -> Result<Armed> {
    let when = match words.next() {
        Some("always") => When::Always,
        Some("random") => When::Random {
            permille: number(words.next())?,
            // 0 would stay 0.
            state: number(words.next())?.wrapping_add(1).max(1),
        },
        times => When::Times(number(times)?),
    };
    let after = match words.next() {
        Some(word) => number(word.strip_prefix("after="))?,
        None => 0,
    };
    if words.next().is_some() {
        return Err(EINVAL);
    }
    Ok(Armed { value, after, when })
}
