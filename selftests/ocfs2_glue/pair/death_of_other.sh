# SPDX-License-Identifier: GPL-2.0-only
# A node dies while ours has the volume mounted and waits for that node's locks:
# the waits end with an error, and so does all that needs a lock from then on,
# for nobody replays a dead node's journal while others have the volume mounted.
# It can be unmounted, and be mounted again: that takes the dead node's slot, and
# recovers it. What either node had synced is there.
needs_glue "the in-tree driver recovers the dead node"
guests_spent
volume_mount 1
volume_mount 2 ocfs2
on 2 'mkdir /mnt/vol/death_o /mnt/vol/death_a'
vm_begin 2 'exec $GLUE_IO synced /mnt/vol/death_o/dead D 120'
dead=$VM_DIR/2/share/job/$JOB.out
vm_begin 1 'exec $GLUE_IO synced /mnt/vol/death_a/alive A 300'
alive=$JOB alive_out=$VM_DIR/1/share/job/$JOB.out
until_true 60 grep -qs '^synced=10$' "$dead"
# Node 1 knows the names from here on, so that it doesn't wait for their lock
# with the directory's i_rwsem; and node 2 takes the lock back.
matches 'rounds=10' "$(io 1 synced-check death_o/dead D 10)" "before the death"
seen=$(value synced <"$dead")
until_true 60 grep -qs "^synced=$((seen + 10))$" "$dead"
until_true 60 grep -qs '^synced=10$' "$alive_out"
# Stopped in the middle of its writes it holds locks that it won't give.
kill -STOP "$(cat "$VM_DIR/2/pid")"
vm_begin 1 'cd /mnt/vol; $GLUE_IO synced-check death_o/dead D 10 & echo $! >/run/host/waiter; wait $!'
reader=$JOB
until_true 10 test -s "$VM_DIR/1/share/waiter"
until_true 20 on 1 "grep -qs ocfs2_glue /proc/$(cat "$VM_DIR/1/share/waiter")/stack" 5
vm_begin 1 'cd /mnt/vol; exec $GLUE_IO append death_o/dead W 1n'
writer=$JOB
vm_kill 2
rounds=$(value synced <"$dead")
died=$SECONDS
# Without this it takes as long as the cluster's dead threshold, 60 s.
[ -n "${DEATH_UNSEEN:-}" ] || node_returns 2
for job in reader writer alive; do
	out=$(vm_wait 1 "${!job}" 100) && fail "$job went on: $out"
	matches 'error=EIO' "$out" "what $job hears"
done
printf 'waits ended %s s after the death\n' $((SECONDS - died))
said 1 'a node died with the volume mounted'
synced=$(value synced <"$alive_out")
for command in 'cat death_a/alive' 'ls death_a' ': >death_a/new' 'echo >>death_a/alive' 'stat -f .'; do
	out=$(on 1 "cd /mnt/vol && $command" 10 2>&1) && fail "$command works without locks: $out"
	matches 'Input/output error' "$out" "$command"
done
volume_umount 1
same 0 "$(/usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" get //journal:0000 ij_flags)" \
	"marks of our journal"
[ -z "${DEATH_UNSEEN:-}" ] || node_returns 2
volume_mount 1
said 1 'slot 1: replaying the journal'
matches "rounds=$rounds" "$(io 1 synced-check death_o/dead D "$rounds")" "what the dead node had synced"
matches "rounds=$synced" "$(io 1 synced-check death_a/alive A "$synced")" "what ours had synced"
volume_umount 1
# Ours again, on both: nothing is left to be done.
pair_mount
io 2 synced death_o/again G 1
pair_umount
