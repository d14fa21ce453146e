// SPDX-License-Identifier: GPL-2.0-only
//! Nothing can be changed in a transaction that has ended.

use crate::txn::Transaction;
use kernel::prelude::*;

fn change(mut txn: Transaction) -> Result {
    txn.change(|_| Ok(()))?;
    txn.end()?;
    #[cfg(not(right))]
    txn.change(|_| Ok(()))?; //~ E0382 borrow of moved value: `txn`
    Ok(())
}
