#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# make test: every test, from bare machine on. Prints each as it ends, and at the
# end one line, N passed, N failed, N skipped. See docs/testing.md.
set -u
. "$(dirname "$0")/lib/prepare.sh"
. "$REPO/selftests/vm/pair.sh"
. "$REPO/selftests/vm/control.sh"
. "$REPO/selftests/vm/recording.sh"
. "$REPO/selftests/lib/test.sh"
. "$REPO/selftests/lib/runner.sh"
. "$REPO/selftests/lib/host.sh"
. "$REPO/selftests/lib/lanes.sh"

LOGS=$(run_directory test)
STAGE_COUNT=5
TESTS=${TESTS:-}

finish() {
	stage_stop
	lanes_stop
	vm_finish
}
trap finish EXIT
trap 'exit 130' INT TERM

# Millions of states can wait for the guests, whose clocks don't.
no_guest() {
	renice -n 5 "$BASHPID" >/dev/null
	host_tests
}

one_guest() {
	GUESTS=1
	guest_tests single
	guest_tests badinput
	[ "$FS" != ocfs2_glue ] || guest_tests aop_retry "$REPO/selftests/aop_retry/tests"
	kunit_tests
}

two_guests() {
	GUESTS="1 2"
	guest_tests pair
	control_test
}

say "logs: $LOGS"
if ! { prepare "$LOGS" && stage host "$LOGS/5-host.log" host_stage; }; then
	report_result "not ok" prepare 0 "the stages above"
	report_end
	exit 1
fi
vm_prepare "$LOGS/vm"
lane host no_guest
lane one one_guest
lane two two_guests
lanes_wait
report_end
