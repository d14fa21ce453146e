# SPDX-License-Identifier: GPL-2.0-only
# The volume under test: made, mounted, checked. Sourced, after guest.sh.

CLUSTER=glue
MOUNT_LIMIT=90

# Which volume the functions below are about: the shared disk, or a guest's own.
VOLUME_KIND=cluster
VOLUME_IMAGE=
VOLUME_DEVICE=/dev/vda
VOLUME_OPTIONS=heartbeat=local

volume_shared() {
	VOLUME_KIND=cluster
	VOLUME_IMAGE=$VM_DIR/disk.img
	VOLUME_DEVICE=/dev/vda
	VOLUME_OPTIONS=heartbeat=local
}

# volume_own N: guest N's own disk, for volumes without a cluster.
volume_own() {
	VOLUME_KIND=local
	VOLUME_IMAGE=$VM_DIR/$1/own.img
	VOLUME_DEVICE=/dev/vdb
	VOLUME_OPTIONS=
}

# volume_format IMAGE BLOCKS ARGUMENT...: quiet unless it fails.
volume_format() {
	local image=$1 blocks=$2 out
	shift 2
	out=$(mkfs.ocfs2 -F -x -q -b 4K -C 4K "$@" "$image" "$blocks" 2>&1 </dev/null) || {
		say "mkfs.ocfs2 $* $blocks: $out"
		return 1
	}
}

# volume_make SIZE [ARGUMENT...]: a new volume of SIZE MiB. The disk keeps its
# length: guests that run have read it.
volume_make() {
	local size=$1 stack
	shift
	case $VOLUME_KIND in
	local) stack=(-M local -J size=4M) ;;
	cluster) stack=(-N 4 -J size=4M --cluster-stack=o2cb "--cluster-name=$CLUSTER") ;;
	esac
	rm -f "$VOLUME_IMAGE.baseline"
	volume_format "$VOLUME_IMAGE" $((size * 256)) "${stack[@]}" "$@" && sync "$VOLUME_IMAGE"
}

# volume_soil SIZE: SIZE MiB of the disk get a content that must not be seen once
# there is a volume on it.
volume_soil() {
	head -c "${1}M" /dev/zero | tr '\0' S |
		dd of="$VOLUME_IMAGE" bs=1M iflag=fullblock conv=notrunc status=none
}

# volume_crash N: the disk as a power cut would leave it now. What guest N still
# writes to it is lost; the volume is mounted again, and its journal replayed.
volume_crash() {
	cp --sparse=always "$VOLUME_IMAGE" "$TEST_LOG.crash"
	volume_umount "$1"
	cp --sparse=always "$TEST_LOG.crash" "$VOLUME_IMAGE"
	rm "$TEST_LOG.crash"
	sync "$VOLUME_IMAGE"
	volume_mount "$1"
}

# volume_mount N [TYPE [OPTIONS]]: at /mnt/vol of guest N.
volume_mount() {
	local n=$1 type=${2:-$FS} options=$VOLUME_OPTIONS${3:+${VOLUME_OPTIONS:+,}$3}
	on "$n" "vol_mount $type $VOLUME_DEVICE $options" "$MOUNT_LIMIT"
}

volume_umount() { on "$1" vol_umount "$MOUNT_LIMIT"; }

# volume_baseline: mkfs.ocfs2 makes some volumes that fsck.ocfs2 has something to
# say about (no index for lost+found, on small blocks); not to be held against us.
volume_baseline() {
	fsck.ocfs2 -fn "$VOLUME_IMAGE" 2>&1 </dev/null | grep -E '^\[[A-Z0-9_]+\]' >"$VOLUME_IMAGE.baseline" || :
}

# volume_check: fsck.ocfs2 must find nothing that was not there before.
volume_check() {
	local out status found
	out=$(fsck.ocfs2 -fn "$VOLUME_IMAGE" 2>&1 </dev/null) && status=0 || status=$?
	[ -e "$VOLUME_IMAGE.baseline" ] || : >"$VOLUME_IMAGE.baseline"
	found=$(grep -E '^\[[A-Z0-9_]+\]' <<<"$out" | grep -vxFf "$VOLUME_IMAGE.baseline") || :
	if [ "$status" -ne 0 ] || [ -n "$found" ]; then
		say "fsck.ocfs2 -fn: exit $status"
		printf '%s\n' "$out"
		return 1
	fi
}

# volume_dump PATH FILE: the bytes of a file on the unmounted volume.
volume_dump() {
	rm -f "$2"
	debugfs.ocfs2 -R "dump $1 $2" "$VOLUME_IMAGE" >/dev/null
	[ -e "$2" ]
}

# Loads what the guest needs of ours; the in-tree drivers are built in.
# volume_driver N KO [PARAMETER...]
volume_driver() {
	local n=$1
	shift
	[ "$FS" = ocfs2 ] || on "$n" "insmod $*"
}

# guest_returns N: a guest by itself, which was killed, boots again.
guest_returns() {
	vm_boot "$1" 1
	vm_ready "$1"
	volume_driver "$1" "$GLUE_KO"
}

# cluster_up: both guests join, at the same time, with the volume on the disk.
cluster_up() {
	local JOB first
	vm_begin 1 "cluster_join $CLUSTER /dev/vda"
	first=$JOB
	vm_begin 2 "cluster_join $CLUSTER /dev/vda"
	vm_wait 1 "$first" 60 && vm_wait 2 "$JOB" 60
}
