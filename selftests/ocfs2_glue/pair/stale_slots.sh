# SPDX-License-Identifier: GPL-2.0-only
# The slot map names nodes that don't live: every slot has one, some with a number
# that no node can have, or our own twice. None of them has a journal locked, so a
# mount takes a slot; the other node finds another; each gives its own back.
needs_glue "the in-tree driver finds no free slot"
corrupt() { /usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" "$@"; }
# slot_map NODE...: of slots 0 to 3; `free` for none.
slot_map() {
	local slot=0 node
	for node; do
		case $node in
		free) corrupt slot "$slot" es_valid 0 ;;
		*) corrupt slot "$slot" es_valid 1 es_node_num "$node" ;;
		esac
		slot=$((slot + 1))
	done
	sync "$VOLUME_IMAGE"
}
slots() { echo $(for slot in 0 1 2 3; do corrupt slot "$slot"; done); }

slot_map 7 255 9 9
volume_mount 1
same "1 255 9 9" "$(slots)" "slots, node 1 has one"
volume_mount 2
same "1 2 9 9" "$(slots)" "slots, both nodes have one"
io 1 append stale_slots A 5n
io 2 append stale_slots B 5n
pair_umount
same "free free 9 9" "$(slots)" "slots after both have unmounted"

slot_map 9 65535 1 1
volume_mount 1
same "9 65535 1 free" "$(slots)" "slots, node 1 has found its own"
volume_umount 1
same "9 65535 free free" "$(slots)" "slots after node 1 has unmounted"
slot_map free free free free
volume_mount 1 ocfs2
matches 'A=5 B=5' "$(io 1 check stale_slots)" "what both have written"
