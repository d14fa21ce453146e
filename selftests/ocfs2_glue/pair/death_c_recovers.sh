# SPDX-License-Identifier: GPL-2.0-only
# Our node dies while it writes, beside a node of the in-tree driver: that one
# replays our journal and goes on. What our node had synced is there, in the file
# that it appended to and in those that it made; a task that waits for its locks
# goes on as well; and our node comes back, to a volume without a scratch.
guests_spent
volume_mount 1 ocfs2
volume_mount 2
on 1 'mkdir /mnt/vol/death_c'
io 1 synced death_c/survivor S 1
vm_begin 2 'exec $GLUE_IO synced /mnt/vol/death_c/dead D 120'
dead=$VM_DIR/2/share/job/$JOB.out
until_true 60 grep -qs '^synced=30$' "$dead"
# So that locks go to and fro: names and allocations beside the other's.
io 1 synced death_c/beside B 2
matches 'rounds=30' "$(io 1 synced-check death_c/dead D 30)" "before the death, from node 1"
generation=$(/usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" get //journal:0001 ij_recovery_generation)
vm_kill 2
rounds=$(value synced <"$dead")
printf 'node 2 died after %s rounds\n' "$rounds"
# These want what the dead node had under EX.
vm_begin 1 "cd /mnt/vol && \$GLUE_IO synced-check death_c/dead D $rounds"
reader=$JOB
vm_begin 1 'cd /mnt/vol && $GLUE_IO append death_c/dead E 10n'
writer=$JOB
node_returns 2
out=$(vm_wait 1 "$reader" 60) || fail "the reader on node 1: $? $out"
matches "rounds=$rounds" "$out" "what was synced, from node 1"
out=$(vm_wait 1 "$writer" 60) || fail "the writer on node 1: $? $out"
said 1 'Begin replay journal \(node 2, slot 1\)'
said 1 'End replay journal \(node 2, slot 1\)'
io 1 synced death_c/after A 2
volume_mount 2
matches "rounds=$rounds" "$(io 2 synced-check death_c/dead D "$rounds")" "what was synced, from node 2"
io 2 synced death_c/again G 2
matches 'rounds=2' "$(io 1 synced-check death_c/again G 2)" "what node 2 wrote when it was back"
pair_umount
# Once by node 1; our node found nothing to recover.
same $((generation + 1)) \
	"$(/usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" get //journal:0001 ij_recovery_generation)" \
	"recoveries of slot 1"
