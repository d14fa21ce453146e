# SPDX-License-Identifier: GPL-2.0-only
# Where things live: the checkout, what is built in it, and the cache that all
# checkouts of this user share. Sourced.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TARGET=$REPO/target
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/ocfs2_glue
JOBS=${JOBS:-$(nproc)}

# run_directory WHAT: a new directory for the logs of one run.
run_directory() {
	local dir
	dir=$TARGET/logs/$(date +%Y%m%d-%H%M%S)-$1
	while ! mkdir -p "$TARGET/logs" || ! mkdir "$dir" 2>/dev/null; do
		dir=$dir+
	done
	ln -sfn "$(basename "$dir")" "$TARGET/logs/latest"
	printf '%s\n' "$dir"
}

# keep_newest COUNT PATH...: remove all but the newest COUNT.
keep_newest() {
	local count=$1
	shift
	[ $# -gt "$count" ] || return 0
	ls -dt -- "$@" | tail -n "+$((count + 1))" | while IFS= read -r old; do
		rm -rf -- "$old"
	done
}

# with_lock NAME COMMAND...: one at a time among all runs of this user.
with_lock() {
	local name=$1 fd
	shift
	mkdir -p "$CACHE/lock"
	exec {fd}>"$CACHE/lock/$name"
	if ! flock --nonblock "$fd"; then
		note "waiting for another run ($name)"
		flock "$fd"
	fi
	# The lock is ours, not our children's: none may outlive us with it.
	local status=0
	eval '"$@"' "$fd>&-" || status=$?
	exec {fd}>&-
	return "$status"
}

short_hash() { sha256sum | cut -c 1-16; }
