# SPDX-License-Identifier: GPL-2.0-only
# Node 1 appends as fast as it can, node 2 follows: every line arrives, once,
# whole, in order. With our file system both nodes have met contention.
pair_mount
tail_begin append_and_tail 6 60
tail_end 60 || fail "$(tail -n 2 "$APPEND_OUT" "$FOLLOW_OUT")"
lines=$(value lines <"$APPEND_OUT")
same "$lines" "$(value lines <"$FOLLOW_OUT")" "lines tailed"
[ "$lines" -gt 50 ] || fail "only $lines lines"
if [ "$FS" = ocfs2_glue ]; then
	[ "$(total 'retry_[a-z_]+' "$FOLLOW_OUT")" -gt 0 ] || fail "no retry was counted"
fi
