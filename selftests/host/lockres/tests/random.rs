// SPDX-License-Identifier: GPL-2.0-only
//! Random strings of events: anything at any time, and a plausible node against a plausible DLM.

use ocfs2_lockres_host::drive::{bytes, one, Driver};
use ocfs2_lockres_host::lockres::*;
use ocfs2_lockres_host::{plausible, random};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn anything_at_any_time(input in vec(any::<u8>(), 0..900)) {
        if let Err(what) = bytes(&input) {
            prop_assert!(false, "{}", what);
        }
    }

    #[test]
    fn what_can_happen_comes_to_a_good_end(input in vec(any::<u8>(), 0..900)) {
        if let Err(what) = plausible::bytes(&input) {
            prop_assert!(false, "{}", what);
        }
    }
}

/// What the fuzzer kept, as those that reach far.
#[test]
fn inputs_of_the_fuzzer() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/kept/lock_events");
    let mut count = 0;
    for entry in std::fs::read_dir(kept).unwrap() {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        assert_eq!(ocfs2_lockres_host::fuzz(&input), Ok(()));
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn codes_come_back_as_the_same_events() {
    for what in 0..=255u8 {
        for arg in 0..=255u8 {
            let event = random::event(what, arg);
            let same = Event::Flushed(Flushed::NotYet(u64::MAX >> 8));
            let (code, arg) = event.code();
            let back = Event::from_code(code, arg).unwrap();
            assert!(back == event || back == same, "{event:?} {back:?}");
        }
    }
    for code in 0..32 {
        for arg in [0, 1, 7, 255, u64::MAX, 1 << 33, 5 << 32] {
            let mut driver = Driver::new(random::machine(0));
            if let Some(event) = Event::from_code(code, arg) {
                one(&mut driver, event, 0).unwrap();
            }
        }
    }
    let kind = Kind {
        lvb: true,
        refresh: false,
    };
    let policy = Policy {
        slice_ns: 30_000_000,
        idle_ns: u64::MAX,
        ticket_ns: 5_000_000,
    };
    let (code, arg) = Event::New(kind, policy).code();
    assert_eq!(Event::from_code(code, arg), Some(Event::New(kind, policy)));
}
