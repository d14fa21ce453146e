# SPDX-License-Identifier: GPL-2.0-only
# Memory runs out on node 1 at each allocation while it gives a lock up that node 2
# wants: node 2 gets the lock, and sees what node 1 wrote.
. "$REPO/selftests/lib/inject.sh"
volume_mount 1
volume_mount 2
# written N SEED, seen N SEED: by node N.
written() { same wrote=10000 "$(io "$1" write file 0 10000 "$2" | cut -d ' ' -f 1)" "node $1 writes, $kind $n"; }
seen() { same read=10000 "$(io "$1" read file 0 10000 "$2" | cut -d ' ' -f 1)" "node $1 reads, $kind $n"; }
for kind in slab page; do
	for n in $(seq 1 100); do
		written 1 "$n"
		on 1 "\$GLUE_IO worker-arm $kind $n"
		seen 2 "$n"
		written 2 $((n + 1000))
		out=$(on 1 "\$GLUE_IO worker-end $kind")
		seen 1 $((n + 1000))
		[ "$out" = failed=1 ] || break
	done
	say "operation=downconvert kind=$kind points=$((n - 1))"
	[ "$n" -lt 100 ] || fail "more allocations than that"
done
