# SPDX-License-Identifier: GPL-2.0-only
# Both nodes append to one file with O_APPEND: no line is lost, torn or written
# over another's. (The in-tree driver takes the position from a size that it has
# not refreshed yet, and loses lines.)
needs_glue "the in-tree driver loses lines here"
pair_mount
io 1 append both C 1n
vm_begin 1 'exec $GLUE_IO append /mnt/vol/both A 300n'
first=$JOB
vm_begin 2 'exec $GLUE_IO append /mnt/vol/both B 300n'
out=$(vm_wait 2 "$JOB" 120) || fail "node 2: $out"
out=$(vm_wait 1 "$first" 120) || fail "node 1: $out"
for n in 1 2; do
	matches 'lines=601 rest=0 A=300 B=300 C=1' "$(io "$n" check both)" "as node $n sees it"
done
