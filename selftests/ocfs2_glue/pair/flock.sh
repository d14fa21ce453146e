# SPDX-License-Identifier: GPL-2.0-only
# flock(2) is the cluster's, among open files of either node and either driver; a
# wait for it ends by a signal. With localflocks it is each node's own.
pair_mount
io 1 append locked A 1n
on 1 'mkdir /mnt/vol/dir'

# hold NODE KIND [FILE]: takes the lock, and keeps it until `let_go NODE`.
hold() {
	vm_begin "$1" "cd /mnt/vol && busybox rm -f /run/host/held /run/host/go && exec 5<${3:-locked} &&
		flock $2 5 && : >/run/host/held && until [ -e /run/host/go ]; do busybox sleep 0.1; done"
	HOLDER[$1]=$JOB
}
holds() { until_true 20 test -e "$VM_DIR/$1/share/held"; }
let_go() {
	: >"$VM_DIR/$1/share/go"
	vm_wait "$1" "${HOLDER[$1]}" 20
	rm -f "$VM_DIR/$1/share/go" "$VM_DIR/$1/share/held"
}
declare -A HOLDER
free() { on "$1" "flock -n $2 /mnt/vol/${3:-locked} true" 20; }

alternate() {
	hold 1 -x; holds 1
	! free 2 -x || fail "$1: exclusive twice"
	! free 2 -s || fail "$1: shared beside exclusive"
	! free 1 -x || fail "$1: exclusive twice on one node"
	let_go 1
	free 2 -x || fail "$1: not given back"
	hold 2 -s; holds 2
	free 1 -s || fail "$1: not shared"
	! free 1 -x || fail "$1: exclusive beside shared"
	# One that waits gets it when it is given back.
	hold 1 -x
	on 1 'busybox sleep 1'
	[ ! -e "$VM_DIR/1/share/held" ] || fail "$1: didn't wait"
	let_go 2
	holds 1
	# The end of a process gives it back as well, and a signal ends a wait for it.
	same 1 "$(on 2 'flock -w 2 -x /mnt/vol/locked true; echo $?' 20)" "$1: a wait of two seconds"
	let_go 1
	free 2 -x || fail "$1: not given back at the end"
}
alternate "both ours"
hold 1 -x dir; holds 1
! free 2 -x dir || fail "a directory locked twice"
let_go 1
# Shared to exclusive, with nobody else there; and unlock by hand.
on 1 'cd /mnt/vol; exec 5<locked; flock -s 5; flock -x 5; flock -u 5; flock -s 5; flock -s 5'
free 2 -x || fail "not given back after a change of kind"
if [ "$FS" = ocfs2_glue ]; then
	remount 2 ocfs2
	alternate "ours and the in-tree driver"
	volume_umount 2
	volume_umount 1
	volume_mount 1 "" localflocks
	volume_mount 2 "" localflocks
	hold 1 -x; holds 1
	free 2 -x || fail "localflocks: the other node's"
	! free 1 -x || fail "localflocks: exclusive twice on one node"
	let_go 1
fi
