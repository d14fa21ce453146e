// SPDX-License-Identifier: GPL-2.0-only
//! Changes: each in a transaction of its own.

use crate::{vfs::jbd2::Handle, volume::mounted::Mounted};
use kernel::prelude::*;

impl Mounted {
    /// Makes one change, of at most `credits` blocks, in a transaction of its own. If `change`
    /// fails half way, nothing of it is ever committed: the journal is aborted.
    pub(crate) fn change<R>(
        &self,
        credits: u32,
        change: impl FnOnce(&mut Handle) -> Result<R>,
    ) -> Result<R> {
        let mut handle = self.journal.start(credits)?;
        let done = change(&mut handle).inspect_err(|e| self.half_done(*e))?;
        handle.stop()?;
        Ok(done)
    }

    /// A transaction was begun that can't be completed: it must never be committed.
    pub(crate) fn half_done(&self, e: Error) {
        pr_err!(
            "slot {}: a change failed half way with error {}\n",
            self.number,
            e.to_errno()
        );
        self.journal.abort(e);
    }
}
