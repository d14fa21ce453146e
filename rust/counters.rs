// SPDX-License-Identifier: GPL-2.0-only
//! Counters of a volume, shown in debugfs.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)
//!
//! All counters are declared here, in one list. They are for people and for tests that wait for
//! something to have happened; nothing in the file system depends on one. They only go up, and are
//! never reset.
//!
//! Not supported: counters per CPU.

use kernel::{
    debugfs::{Dir, File},
    fmt,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};

/// One number. Any context may change it.
pub(crate) struct Counter(Atomic<u64>);

impl Counter {
    const fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Adds one.
    pub(crate) fn inc(&self) {
        self.0.add(1u64, Relaxed);
    }

    /// Makes it `value`, if that is more.
    pub(crate) fn max(&self, value: u64) {
        let mut old = self.0.load(Relaxed);
        while old < value {
            match self.0.cmpxchg(old, value, Relaxed) {
                Ok(_) => break,
                Err(now) => old = now,
            }
        }
    }

    /// What it is.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one volume.
        pub(crate) struct Counters {
            $($(#[$doc])* pub(crate) $name: Counter,)*
        }

        impl Counters {
            /// All at zero.
            pub(crate) const fn new() -> Self {
                Self { $($name: Counter::new(),)* }
            }

            fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{} {}", stringify!($name), self.$name.get())?;)*
                Ok(())
            }
        }
    };
}

counters! {
    /// Retries that `->read_folio` asked for.
    retry_read_folio,
    /// Folios that `->readahead` left to the reader behind it.
    retry_readahead,
    /// Attempts at a cluster lock, with a folio locked, that would have had to wait.
    would_block,
    /// Acquires of a cluster lock that were allowed to wait.
    blocking_acquires,
    /// Requests made to the DLM: new locks, conversions, unlocks.
    dlm_requests,
    /// Conversions to a lower level.
    downconverts,
    /// Times that another node was in want of a lock held here.
    basts,
    /// Conversions that were cancelled, or tried to be.
    cancels,
    /// The longest that an acquire has waited, in nanoseconds.
    longest_wait_ns,
    /// Flushes of the journal for a downconvert.
    journal_flushes,
    /// Inodes dropped from memory, or marked to be dropped, so that another node can delete them.
    inodes_let_go,
}

impl Counters {
    /// The file `counters` in a volume's debugfs directory that shows them: lines of name, space,
    /// value. It goes when it is dropped, whoever else counts.
    pub(crate) fn file<'a>(this: Arc<Self>, dir: &'a Dir) -> impl PinInit<File<Arc<Self>>> + 'a {
        dir.read_callback_file(c"counters", this, &|counters: &Arc<Self>, f| {
            counters.show(f)
        })
    }
}
