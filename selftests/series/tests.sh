# SPDX-License-Identifier: GPL-2.0-only
# What `make series` runs: a test on a tree, in one guest, which may die of it.
# Sourced, after runner.sh, of which it takes how a test is run.

TREE_UP=
TEST_LIMIT=300
# Beside a build.
VM_BOOT_LIMIT=240
VERDICT=
REASON=

# Whose kernel and modules the functions that boot and the tests take.
kernel_directory() { kernel_of "$TREE_WANTED"; }

tree_down() {
	vm_stop_all
	TREE_UP=
}

# tree_up K: a guest that runs tree K and has loaded the tests' modules.
tree_up() {
	local tries
	[ "$TREE_UP" != "$1" ] || return 0
	tree_down
	TREE_WANTED=$1
	VM_KERNEL=$(kernel_of "$1")/vmlinux
	AOP_KO=$(modules_dir)/aop_retry.ko
	PROBE_KO=$(modules_dir)/aop_probe.ko
	[ -n "$VM_DIR" ] || vm_prepare "$LOGS/vm"
	truncate -s 16M "$VM_DIR/disk.img"
	for tries in 1 2; do
		vm_start 1 1
		if vm_ready 1 && on 1 "insmod $AOP_KO && insmod $PROBE_KO"; then
			TREE_UP=$1
			return 0
		fi
		vm_stop_all
	done
	return 1
}

# What the log of a test, and the guest's kernel, say first of what went wrong.
reason() {
	local offset=$1 text differ line
	text=$(grep -a '^FAIL: ' "$TEST_LOG" | head -n 1 | sed 's/^FAIL: //; s/: not what was wanted$//')
	differ=$(sed -En '/^(# )?--- wanted/,$s/^(# )?([+-][^+-].*)/\2/p' "$TEST_LOG" | awk '
		/^-/ && !want { want = ": wanted " substr($0, 2) }
		/^\+/ && !got { got = ": got " substr($0, 2) }
		END { printf "%s", substr(got ? got : want, 1, 200) }' |
		sed 's|: got /[^ ]*: line [0-9]*: |: got |' | cut -c 1-90)
	line=$(dmesg_since 1 "$offset" | grep -aE "$DMESG_BAD|watchdog:" | grep -avE "$2" | head -n 1 |
		sed 's/^\[ *[0-9.]*\] *//; s/^.*\(WARNING: \)/\1/; s/ at \(PC:\|CPU\).*//')
	printf '%s\n' "$text$differ${line:+; $line}" | tr '|\t' '/ ' | cut -c 1-160
}

# test_run TEST: in the guest that is up. Sets VERDICT: ok, fail or skip; and
# REASON. A guest that failed a test isn't used again.
test_run() {
	local file=$REPO/selftests/aop_retry/tests/$1.sh offset status expected
	TEST_LOG=$LOGS/$TREE_UP-$1.log
	offset=$(dmesg_size 1)
	printf '%s\n' "$offset" >"$TEST_LOG.offset.1"
	volume_own 1
	test_shell "$file"
	status=$?
	expected=$(cat "$TEST_LOG.expected" 2>/dev/null)
	if ! vm_alive 1; then
		status=1
		echo "FAIL: the guest is gone" >>"$TEST_LOG"
	elif ! dmesg_bad 1 "$offset" "$expected" >>"$TEST_LOG"; then
		[ "$status" -eq 0 ] && echo "FAIL: the kernel complained" >>"$TEST_LOG"
		status=1
	elif [ "$status" -eq 0 ] && ! on 1 vol_release 60 >>"$TEST_LOG"; then
		status=1
		echo "FAIL: the guest doesn't let go of the volume" >>"$TEST_LOG"
	fi
	dmesg_since 1 "$offset" >"$TEST_LOG.dmesg"
	case $status in
	0) VERDICT=ok REASON= ;;
	4) VERDICT=skip REASON=$(sed -n 's/^SKIP: //p' "$TEST_LOG" | tail -n 1) ;;
	*) VERDICT=fail REASON=$(reason "$offset" "${expected:-^no line is this$}") ;;
	esac
	rm -f "$TEST_LOG".{expected,no_fsck,offset.1}
	[ "$VERDICT" = ok ] || tree_down
}

# What a test is made of, besides the tree and the modules.
test_key() {
	cat "$REPO/selftests/aop_retry/tests/$1.sh" "$REPO"/selftests/aop_retry/{*.sh,*.py,guest_functions} \
		"$REPO"/selftests/guest/* "$REPO/selftests/lib/test.sh" | short_hash
}

# result_of HASH COMMAND...: COMMAND's VERDICT and REASON, or those of an earlier
# run with the same. An interrupted run leaves none.
result_of() {
	local file=$SERIES/results/$1
	shift
	if [ -e "$file" ]; then
		{ read -r VERDICT; read -r REASON; } <"$file"
		return 0
	fi
	VERDICT=error REASON=
	"$@"
	# What isn't about the series, but about this machine, may be better next time.
	[ "$VERDICT" = error ] || [ "$VERDICT" = skip ] || printf '%s\n' "$VERDICT" "$REASON" >"$file"
}

# in_log NAME COMMAND...: sets VERDICT by whether COMMAND works.
in_log() {
	local log=$LOGS/$1.log
	shift
	if (set +m; trap - EXIT; set -e; "$@") >"$log" 2>&1 </dev/null; then
		VERDICT=ok REASON=
	else
		VERDICT=fail
		REASON=$(grep -aE '(error(\[E[0-9]+\])?: |\*\*\* |FAILED)' "$log" | head -n 1 | tr '|\t' '/ ' | cut -c 1-160)
	fi
}
