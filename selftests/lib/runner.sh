# SPDX-License-Identifier: GPL-2.0-only
# Runs tests, one after the other, and counts. Sourced by test.sh.

# Which guests the tests share: 1, or 1 2.
GUESTS=1
GUESTS_UP=
TEST_PID=
BOOTS_FAILED=0
TEST_LIMIT=${TEST_LIMIT:-180}

# report_result ok|not ok|skip NAME SECONDS|- [WHY]
report_result() {
	local time="$3 s"
	[ "$3" != - ] || time=
	live_end
	printf '%s: %s\n' "$1" "$2" >>"$LOGS/results"
	case $1 in
	ok) printf 'ok      %-52s %6s\n' "$2" "$time" ;;
	skip) printf 'skip    %-52s         %s\n' "$2" "${4:-}" ;;
	*) printf 'not ok  %-52s %6s  %s\n' "$2" "$time" "${4:-}" ;;
	esac
}

# results WHAT: how many were.
results() { cat "$LOGS/results" 2>/dev/null | grep -c "^$1: "; }

report_end() {
	live_end
	sed -n 's/^not ok: /failed: /p' "$LOGS/results" 2>/dev/null
	say "logs in $LOGS, $SECONDS s in all"
	say "$(results ok) passed, $(results "not ok") failed, $(results skip) skipped"
	[ "$(results "not ok")" -eq 0 ] && [ "$(results ok)" -gt 0 ]
}

wanted() { [ -z "$TESTS" ] || [[ $1 == *$TESTS* ]]; }

# guests_boot KO [PARAMETER...]: one by itself, or two in a cluster.
guests_boot() {
	[ "$GUESTS" = 1 ] || { pair_boot "$@"; return; }
	note "booting one guest (${VM_ACCEL%% -cpu*})"
	truncate -s 1M "$VM_DIR/disk.img"
	vm_start 1 1
	vm_ready 1 && volume_driver 1 "$@"
}

# The guests all tests share; booted when one is first needed, and again after a
# test that spoiled them.
guests_need() {
	[ -n "$GUESTS_UP" ] && return 0
	# Twice is enough to wait for guests that don't come.
	[ "$BOOTS_FAILED" -lt 2 ] || return 1
	note() { live_line "guests: $*"; }
	vm_stop_all
	guests_boot "$GLUE_KO" >"$VM_DIR/boot.log" 2>&1
	local status=$?
	live_end
	if [ "$status" -eq 0 ]; then GUESTS_UP=yes; else BOOTS_FAILED=$((BOOTS_FAILED + 1)); fi
	return "$status"
}

guests_spoil() {
	local n
	vm_stop_all
	GUESTS_UP=
	# What they said is worth more than what the next ones will.
	for n in $GUESTS; do
		[ -d "$VM_DIR/$n" ] && mv "$VM_DIR/$n" "$VM_DIR/$n.$(date +%H%M%S)"
	done
	rm -f "$VM_DIR"/*.*/own.img
}

# Ends what the test left running, unmounts; fails if that can't be done.
test_clean() {
	local n
	for n in $GUESTS; do
		on "$n" vol_release 60 || return 1
	done
}

# test_failed FILE LINE: from the trap, in whatever function it went wrong: the
# line of the test itself, and what it says. To the log, and not to standard output,
# where `matches PATTERN "$(COMMAND)"` would take its own line for the answer.
test_failed() {
	local i line=$2
	for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
		[ "${BASH_SOURCE[i]}" != "$1" ] || line=${BASH_LINENO[i - 1]}
	done
	printf 'FAIL: line %s: %s\n' "$line" "$(sed -n "${line}s/^[[:space:]]*//p" "$1")" \
		>>"$TEST_LOG"
}

# Runs the file in a shell of its own, killed as a whole when it takes too long.
test_shell() {
	local file=$1 start=$SECONDS end=$((SECONDS + TEST_LIMIT)) status
	: >"$TEST_LOG"
	set -m
	(
		set +m -eE
		trap - EXIT
		trap 'test_failed "$file" "$LINENO"' ERR
		# shellcheck disable=SC1090
		. "$file"
	) >>"$TEST_LOG" 2>&1 </dev/null &
	TEST_PID=$!
	set +m
	while kill -0 "$TEST_PID" 2>/dev/null; do
		# Waits for guests to boot and for others to be declared dead.
		[ ! -e "$TEST_LOG.spent" ] || end=$((start + 2 * TEST_LIMIT))
		if [ "$SECONDS" -ge "$end" ]; then
			kill -KILL -- "-$TEST_PID" 2>/dev/null
			printf 'FAIL: not done in %s s\n' "$((end - start))" >>"$TEST_LOG"
		fi
		sleep 0.1
	done
	wait "$TEST_PID" 2>/dev/null
	status=$?
	TEST_PID=
	return "$status"
}

test_stop() {
	[ -z "$TEST_PID" ] || kill -KILL -- "-$TEST_PID" 2>/dev/null
	TEST_PID=
}

# test_judge STATUS: what the test couldn't know about itself; adds to its log.
test_judge() {
	local status=$1 n expected
	expected=$(cat "$TEST_LOG.expected" 2>/dev/null)
	for n in $GUESTS; do
		if ! dmesg_bad "$n" "$(cat "$TEST_LOG.offset.$n")" "$expected"; then
			echo "FAIL: the kernel of guest $n complained"
			SPOILED=yes status=1
		fi
		[ -e "$TEST_LOG.spent" ] || vm_alive "$n" || { echo "FAIL: guest $n is gone"; SPOILED=yes status=1; }
	done
	[ -z "$SPOILED" ] || return "$status"
	if [ -e "$TEST_LOG.spent" ]; then
		SPOILED=yes
	else
		test_clean || { echo "FAIL: a guest does not let go of the volume"; SPOILED=yes; return 1; }
	fi
	if [ "$status" -eq 0 ] && [ ! -e "$TEST_LOG.no_fsck" ]; then
		volume_check || { echo "FAIL: fsck.ocfs2 found something"; status=1; }
	fi
	return "$status"
}

# guest_test KIND FILE
guest_test() {
	local kind=$1 file=$2 name start=$SECONDS n status SPOILED=
	name=$kind/$(basename "$file" .sh)
	TEST_LOG=$LOGS/$kind-$(basename "$file" .sh).log
	guests_need || { report_result "not ok" "$name" 0 "the guests did not come up: $VM_DIR/boot.log"; return; }
	live_line "        $name"
	for n in $GUESTS; do dmesg_size "$n" >"$TEST_LOG.offset.$n"; done
	if [ "$kind" = pair ]; then volume_shared; else volume_own 1; fi
	test_shell "$file"
	status=$?
	test_judge "$status" >>"$TEST_LOG" 2>&1
	case $?-$status in
	0-0) report_result ok "$name" $((SECONDS - start)) ;;
	4-4) report_result skip "$name" - "$(sed -n 's/^SKIP: //p' "$TEST_LOG" | tail -n 1)" ;;
	*) report_result "not ok" "$name" $((SECONDS - start)) "$(grep -a '^FAIL: ' "$TEST_LOG" | head -n 1), $TEST_LOG" ;;
	esac
	for n in $GUESTS; do
		dmesg_since "$n" "$(cat "$TEST_LOG.offset.$n")" >"$TEST_LOG.dmesg.$n"
	done
	rm -f "$TEST_LOG".{expected,no_fsck,spent,offset.1,offset.2}
	# A volume that is wrong spoils the next test on it as well.
	[ "$status" -eq 0 ] || [ "$status" -eq 4 ] || [ "$kind" != pair ] || SPOILED=yes
	[ -z "$SPOILED" ] || guests_spoil
}

# guest_tests KIND [DIRECTORY]: every file there is a test.
guest_tests() {
	local file
	for file in "${2:-$REPO/selftests/ocfs2_glue/$1}"/*.sh; do
		[ -e "$file" ] || continue
		wanted "$1/$(basename "$file" .sh)" && guest_test "$1" "$file"
	done
}

# The kernel's own unit tests, as many as the module and the kernel bring.
kunit_tests() {
	wanted kunit || return 0
	[ "$FS" = ocfs2_glue ] || return 0
	guests_need || { report_result "not ok" kunit - "the guests did not come up"; return; }
	local out=$LOGS/kunit.log line name
	on 1 'for suite in /sys/kernel/debug/kunit/*/; do
		[ -e $suite/run ] || continue
		echo 1 >$suite/run
		cat $suite/results
	done' 120 >"$out"
	while IFS= read -r line; do
		name=kunit/${line#*ok * }
		name=${name%% #*}
		case $line in
		"not ok"*) report_result "not ok" "$name" - "$out" ;;
		*"# SKIP"*) report_result skip "$name" - "${line##*# SKIP}" ;;
		*) report_result ok "$name" 0 ;;
		esac
	done < <(sed -nE 's/^ {4}((not )?ok [0-9]+ )/\1/p' "$out")
}

control_test() {
	wanted control || return 0
	[ "$FS" = ocfs2_glue ] || { report_result skip control - "FS=$FS has no wrong order"; return; }
	local start=$SECONDS n out=$LOGS/control.log
	guests_spoil
	note() { live_line "control: $*"; }
	if ! pair_boot "$WRONG_KO" wrong_order=1 >"$out" 2>&1; then
		report_result "not ok" control $((SECONDS - start)) "the guests did not come up: $out"
	elif control_run >"$out" 2>&1; then
		report_result ok control $((SECONDS - start))
		cat "$VM_DIR/deadlock"
	else
		report_result "not ok" control $((SECONDS - start)) "no deadlock: $out"
	fi
	vm_stop_all
}
