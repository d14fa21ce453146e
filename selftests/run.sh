#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# make run: from bare machine to two nodes that append and tail on one volume,
# and the deadlock that this is all about. See docs/testing.md.
set -u
. "$(dirname "$0")/lib/prepare.sh"
. "$(dirname "$0")/vm/pair.sh"
. "$(dirname "$0")/vm/control.sh"

SECONDS_OF_RUN=${RUN_SECONDS:-20}
LOGS=$(run_directory run)
STAGE_COUNT=7
[ "$FS" = ocfs2_glue ] || STAGE_COUNT=6

finish() {
	stage_stop
	vm_finish
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
	live_end
	say "run: FAIL $*, logs in $LOGS"
	exit 1
}

# A stage whose work must stay in this shell, for it owns the guests.
here() {
	local name=$1 start=$SECONDS
	shift
	STAGE_NUMBER=$((STAGE_NUMBER + 1))
	STAGE_HEAD="[$STAGE_NUMBER/$STAGE_COUNT] $name"
	note() { live_line "$STAGE_HEAD: $*  $((SECONDS - start)) s"; }
	"$@" || return 1
	live_end
	say "$STAGE_HEAD: ${STAGE_SAY:-done} ($((SECONDS - start)) s)"
}

last() { tail -n 1 "$1" 2>/dev/null; }

# Two lines; on a terminal they are drawn over each other.
show() {
	local seconds=$1 a f up=
	a=$(last "$APPEND_OUT") f=$(last "$FOLLOW_OUT")
	local rows=(
		"$(printf '  %3s s  node 1 appended %8s lines %7s/s    node 2 tailed %8s lines %7s/s' "$seconds" \
			"$(value lines <<<"$a")" "$(value rate <<<"$a")" "$(value lines <<<"$f")" "$(value rate <<<"$f")")"
		"$(printf '         longest gap %s / %s ms%s' "$(value gap_ms <<<"$a")" "$(value gap_ms <<<"$f")" \
			"$(show_counters "$f")")"
	)
	[ -t 1 ] && [ "$shown" -gt 0 ] && up='\033[2A'
	[ -t 1 ] || [ $((seconds % 5)) -eq 0 ] || return 0
	shown=1
	printf "$up"'%s\n%s\n' "${rows[0]}" "${rows[1]}"
}

show_counters() {
	[ "$FS" = ocfs2_glue ] || return 0
	local op text=
	for op in read_folio readahead; do
		text+=" $op $(($(total "retry_$op" "$APPEND_OUT") + $(total "retry_$op" "$FOLLOW_OUT")))"
	done
	printf '   retries:%s   locks given up: %s' "$text" \
		"$(total downconverts "$APPEND_OUT" "$FOLLOW_OUT")"
}

append_and_tail() {
	local start=$SECONDS shown=0 job
	STAGE_SAY="node 1 appends, node 2 tails"
	pair_mount || return 1
	tail_begin log "$SECONDS_OF_RUN" $((SECONDS_OF_RUN + 60))
	live_end
	say "$STAGE_HEAD: node 1 appends, node 2 tails, $SECONDS_OF_RUN s"
	start=$SECONDS
	while [ ! -e "${APPEND_OUT%.out}.status" ] && [ $((SECONDS - start)) -lt $((SECONDS_OF_RUN + 40)) ]; do
		sleep 1
		show $((SECONDS - start))
	done
	tail_end 40 || {
		say "appender: $(last "$APPEND_OUT")"
		say "follower: $(last "$FOLLOW_OUT")"
		return 1
	}
	shown=0
	show "$SECONDS_OF_RUN"
	cp "$APPEND_OUT" "$LOGS/append.out"
	cp "$FOLLOW_OUT" "$LOGS/follow.out"
	pair_umount
}

control() {
	local n
	STAGE_SAY="deadlock, as it should be"
	for n in 1 2; do
		on "$n" "rmmod ocfs2_glue && insmod $WRONG_KO wrong_order=1" || return 1
	done
	note "the wrong order, until it hangs"
	control_run || return 1
	STAGE_SAY="deadlock after $CONTROL_SECONDS s, both stacks:"
}

say "logs: $LOGS"
prepare "$LOGS" || fail "while preparing"
vm_prepare "$LOGS/vm"
STAGE_SAY="two guests in one cluster"
here guests pair_boot "$GLUE_KO" || fail "the guests did not come up"
for n in 1 2; do offset[n]=$(dmesg_size "$n"); done
here "append and tail" append_and_tail || fail "append and tail on $FS"

appended=$(value lines <"$LOGS/append.out")
tailed=$(value lines <"$LOGS/follow.out")
retries=$(total 'retry_[a-z_]+' "$LOGS/append.out" "$LOGS/follow.out")
gap=$(cat "$LOGS/append.out" "$LOGS/follow.out" | grep -ao 'gap_ms=[0-9]*' | cut -d = -f 2 | sort -n | tail -n 1)
for n in 1 2; do
	dmesg_bad "$n" "${offset[n]}" || fail "the kernel of guest $n complained"
done
volume_check >"$LOGS/fsck.log" 2>&1 || { cat "$LOGS/fsck.log"; fail "fsck.ocfs2 found something"; }
volume_dump log "$LOGS/log" || fail "the file is not on the volume"
"$TARGET/guest/glue-io" check "$LOGS/log" >"$LOGS/check.log" || fail "bytes: $(cat "$LOGS/check.log")"
[ "$(value lines <"$LOGS/check.log")" = "$appended" ] || fail "the volume has $(cat "$LOGS/check.log"), appended $appended"
[ "$tailed" = "$appended" ] || fail "appended $appended, tailed $tailed"
rm -f "$LOGS/log"
say "        fsck.ocfs2 -fn: clean; the file on the volume: all $appended lines, whole and in order"

deadlock=-
if [ "$FS" = ocfs2_glue ]; then
	[ "$retries" -gt 0 ] || fail "retries=0: contention was never met, nothing was shown"
	here control control || fail "the control did not deadlock"
	cat "$VM_DIR/deadlock"
	cp "$VM_DIR/deadlock" "$VM_DIR/stacks" "$LOGS/"
	deadlock=yes
else
	retries=-
fi
say "run: PASS appended=$appended tailed=$tailed retries=$retries max_gap_ms=$gap fsck=clean deadlock_reproduced=$deadlock"
