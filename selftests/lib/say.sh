# SPDX-License-Identifier: GPL-2.0-only
# What a person sees: lines, stages with a clock, and how a run ends.
# Sourced. A stage runs a function with its output in a log file; the line on
# the screen tells which stage of how many, what it does and for how long.

STAGE_COUNT=${STAGE_COUNT:-7}
STAGE_NUMBER=0
STAGE_PID=
STAGE_NOTE=/dev/null
# Where text for the live line goes that somebody else puts there.
LIVE=

say() { printf '%s\n' "$*"; }

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# What the running stage is doing now, in a few words.
note() { printf '%s\n' "$*" >"$STAGE_NOTE"; printf -- '-- %s\n' "$*"; }

# live_line TEXT: replaces the last line on a terminal; elsewhere nothing.
live_line() {
	[ -z "$LIVE" ] || { printf '%s\n' "$1" >"$LIVE"; return; }
	[ -t 1 ] && printf '\r\033[K%.*s' "${COLUMNS:-110}" "$1"
	return 0
}

live_end() { [ -t 1 ] && printf '\r\033[K'; return 0; }

stage_stop() {
	[ -n "$STAGE_PID" ] || return 0
	kill -TERM -- "-$STAGE_PID" 2>/dev/null
	wait "$STAGE_PID" 2>/dev/null
	STAGE_PID=
}

# stage NAME LOG FUNCTION [ARG...]: run FUNCTION as the next stage.
stage() {
	local name=$1 log=$2 start=$SECONDS status said=0 text
	shift 2
	STAGE_NUMBER=$((STAGE_NUMBER + 1))
	local head="[$STAGE_NUMBER/$STAGE_COUNT] $name"
	mkdir -p "$(dirname "$log")"
	STAGE_NOTE=$log.note
	: >"$STAGE_NOTE"
	set -m
	# Callers test a stage with `||`, and there bash ignores -e, in subshells as
	# well; but not in a trap.
	(
		set +m
		work=("$@")
		trap 'trap - EXIT; set -e; "${work[@]}"; exit 0' EXIT
		exit 0
	) >"$log" 2>&1 </dev/null &
	STAGE_PID=$!
	set +m
	while kill -0 "$STAGE_PID" 2>/dev/null; do
		text="$head: $(tail -n 1 "$STAGE_NOTE")  $((SECONDS - start)) s"
		live_line "$text"
		if ! [ -t 1 ] && [ $((SECONDS - start)) -ge $((said + 20)) ]; then
			said=$((SECONDS - start))
			say "$text"
		fi
		sleep 0.3
	done
	wait "$STAGE_PID"
	status=$?
	STAGE_PID=
	live_end
	text=$(tail -n 1 "$STAGE_NOTE")
	rm -f "$STAGE_NOTE"
	STAGE_NOTE=/dev/null
	if [ "$status" -ne 0 ]; then
		say "$head: failed after $((SECONDS - start)) s; the end of $log:"
		tail -n 25 "$log"
		return "$status"
	fi
	say "$head: $text ($((SECONDS - start)) s)"
}
