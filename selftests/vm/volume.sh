# SPDX-License-Identifier: GPL-2.0-only
# The volume under test: made, mounted, checked. Sourced, after guest.sh.

CLUSTER=glue
MOUNT_LIMIT=90

# volume_format IMAGE BLOCKS ARGUMENT...: quiet unless it fails.
volume_format() {
	local image=$1 blocks=$2 out
	shift 2
	out=$(mkfs.ocfs2 -F -x -q -b 4K -C 4K "$@" "$image" "$blocks" 2>&1 </dev/null) || {
		say "mkfs.ocfs2 $* $blocks: $out"
		return 1
	}
}

# volume_make local|cluster SIZE [ARGUMENT...]: a new volume on the shared disk.
# The disk keeps its length: guests that run have read it.
volume_make() {
	local kind=$1 size=$2 stack
	shift 2
	case $kind in
	local) stack=(-M local -J size=4M) ;;
	cluster) stack=(-N 4 -J size=4M --cluster-stack=o2cb "--cluster-name=$CLUSTER") ;;
	esac
	volume_format "$VM_DIR/disk.img" $((size * 256)) "${stack[@]}" "$@" && sync "$VM_DIR/disk.img"
}

# volume_mount N [TYPE [OPTIONS]]: at /mnt/vol of guest N.
volume_mount() {
	local n=$1 type=${2:-$FS} options=${3:-}
	on "$n" "bash $REPO/selftests/guest/mount $type \$DISK /mnt/vol $options" "$MOUNT_LIMIT"
}

volume_umount() {
	on "$1" "bash $REPO/selftests/guest/umount /mnt/vol" "$MOUNT_LIMIT"
}

# volume_check: fsck.ocfs2 must find nothing to say about what was written.
volume_check() {
	local out status
	out=$(fsck.ocfs2 -fn "${1:-$VM_DIR/disk.img}" 2>&1 </dev/null)
	status=$?
	if [ "$status" -ne 0 ] || grep -qE '^\[[A-Z0-9_]+\]' <<<"$out"; then
		say "fsck.ocfs2 -fn: exit $status"
		printf '%s\n' "$out"
		return 1
	fi
}

# volume_dump PATH FILE: the bytes of a file on the unmounted volume.
volume_dump() { debugfs.ocfs2 -R "dump $1 $2" "$VM_DIR/disk.img" 2>&1 | grep -v '^debugfs.ocfs2 '; [ -e "$2" ]; }

# Loads what the guest needs of ours; the in-tree drivers are built in.
volume_driver() {
	[ "$FS" = ocfs2 ] || on "$1" "insmod ${2:-$GLUE_KO}"
}

# cluster_up: both guests join, at the same time, with the volume on the disk.
cluster_up() {
	local JOB first
	vm_begin 1 "bash $REPO/selftests/guest/cluster $CLUSTER \$DISK"
	first=$JOB
	vm_begin 2 "bash $REPO/selftests/guest/cluster $CLUSTER \$DISK"
	vm_wait 1 "$first" 60 && vm_wait 2 "$JOB" 60
}
