// SPDX-License-Identifier: GPL-2.0-only
//! Fuzz target: extended attributes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| ocfs2_ondisk_host::total::xattrs(input));
