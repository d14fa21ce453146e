# SPDX-License-Identifier: GPL-2.0-only
# One node with the in-tree driver, one with ours, on one volume: each appends in
# turn while the other follows, and each sees what the other created.
round=0
for nodes in "ocfs2 $FS" "$FS ocfs2"; do
	# shellcheck disable=SC2086
	pair_mount $nodes
	file=c_and_rust.$((round += 1))
	tail_begin "$file" 4 60
	tail_end 60 || fail "$nodes: $(tail -n 2 "$APPEND_OUT" "$FOLLOW_OUT")"
	lines=$(value lines <"$APPEND_OUT")
	same "$lines" "$(value lines <"$FOLLOW_OUT")" "lines tailed, $nodes"
	[ "$lines" -gt 30 ] || fail "only $lines lines, $nodes"
	# And the other way round, to the same file, without a remount.
	on 2 "\$GLUE_IO append /mnt/vol/$file B 50n"
	matches "A=$lines B=50" "$(io 1 check "$file")" "what node 2 appended, $nodes"
	pair_umount
	volume_check
done
