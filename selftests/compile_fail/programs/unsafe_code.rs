// SPDX-License-Identifier: GPL-2.0-only
//! `unsafe` is for `rust/`; here it is a lint that is denied.

fn first(bytes: &[u8]) -> Option<u8> {
    #[cfg(not(right))]
    let _ = unsafe { *bytes.as_ptr() }; //~ unsafe_code usage of an `unsafe` block
    bytes.first().copied()
}
