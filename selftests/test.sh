#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# make test: every test, from bare machine on. Prints each as it goes and ends
# with one line, N passed, N failed, N skipped. See docs/testing.md.
set -u
. "$(dirname "$0")/lib/prepare.sh"
. "$REPO/selftests/vm/pair.sh"
. "$REPO/selftests/vm/control.sh"
. "$REPO/selftests/lib/test.sh"
. "$REPO/selftests/lib/runner.sh"
. "$REPO/selftests/lib/host.sh"

LOGS=$(run_directory test)
STAGE_COUNT=4
TESTS=${TESTS:-}

finish() {
	stage_stop
	[ -z "$VM_DIR" ] && return
	vm_stop_all
	rm -f "$VM_DIR"/disk.img* "$VM_DIR"/?/own.img* "$VM_DIR/initramfs" "$VM_DIR/template.img"
}
trap finish EXIT
trap 'exit 130' INT TERM

say "logs: $LOGS"
if ! prepare "$LOGS"; then
	report_result "not ok" prepare 0 "the stages above"
	report_end
	exit 1
fi
vm_prepare "$LOGS/vm"
host_tests
guest_tests single
guest_tests badinput
[ "$FS" != ocfs2_glue ] || guest_tests aop_retry "$REPO/selftests/aop_retry/tests"
kunit_tests
guest_tests pair
control_test
report_end
