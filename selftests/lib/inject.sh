# SPDX-License-Identifier: GPL-2.0-only
# Failures on purpose, one point after the other. Sourced by the tests whose names
# begin with inject_, in single/ and pair/.
#
# `make test` runs these with a choice of points, `make inject` with all of them.

needs_glue "the failures are injected below ocfs2_glue's functions"
INJECT=${INJECT:-}
INJECT_LIMIT=170
INJECT_COMPLAINTS=0
[ "$INJECT" != all ] || INJECT_LIMIT=1700

# inject WHERE ARGUMENT...: glue-io in guest 1, there. Its complaints are counted, so
# that one run shows all of them.
inject() {
	local where=$1 out
	shift
	out=$(on 1 "cd $where && INJECT_VERBOSE=${INJECT_VERBOSE:-} \$GLUE_IO $*" "$INJECT_LIMIT") ||
		INJECT_COMPLAINTS=$((INJECT_COMPLAINTS + 1))
	printf '%s\n    %s\n' "$*" "${out//$'\n'/$'\n    '}"
	INJECT_LAST=$(value last <<<"$out")
}

# memory OPERATION WORD...: on the mounted volume, each allocation of it.
memory() { inject /mnt/vol inject-memory "$@"; }

# The last line of each test.
inject_end() {
	[ "$INJECT_COMPLAINTS" -eq 0 ] || fail "$INJECT_COMPLAINTS operations with complaints"
}

# prepare ARGUMENT...: with the in-tree driver.
prepare() { io 1 inject-prepare "$@"; }
