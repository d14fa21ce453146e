# SPDX-License-Identifier: GPL-2.0-only
# The part of cost.sh that runs in the guest; sourced there by a job. Prints a
# line for each loop: fs=NAME, and what cost-loops says.

FAULT_AROUND=/sys/kernel/debug/fault_around_bytes
# Memory. One volume at a time, so that no other one's pages are in the way.
DEVICE=/dev/ram0

# cost_mount NAME DIRECTORY: the file system NAME, at /mnt/NAME, in a copy of its
# image. The kind of volume, before the dot, names the image.
cost_mount() {
	local name=$1 image=$2/${1%%.*}.img type=${1#*.} options=
	busybox mkdir -p "/mnt/$name"
	if [ "$name" = tmpfs ]; then
		busybox mount -t tmpfs cost /mnt/tmpfs
		return
	fi
	dd if="$image" of=$DEVICE bs=1M conv=fsync status=none || return 1
	busybox blockdev --flushbufs $DEVICE
	case $name in
	o2cb.*)
		cost_cluster && vol_mount "$type" $DEVICE heartbeat=local &&
			busybox mount --bind /mnt/vol "/mnt/$name"
		return
		;;
	local.ocfs2) options=heartbeat=none ;;
	ext4) options=commit=3600 ;;
	esac
	busybox mount -i -t "$type" ${options:+-o "$options"} $DEVICE "/mnt/$name"
}

cost_umount() {
	busybox umount "/mnt/$1" || return 1
	case $1 in
	o2cb.*) vol_umount ;;
	esac
}

# cost_loop PROGRAM NAME LOOP SIZE: a loop in /mnt/NAME. A fault is made to map
# as much as the loop goes on by; 4 KiB is one page, 64 KiB the usual.
cost_loop() {
	local out status
	echo "$4" >$FAULT_AROUND
	out=$("$1" "$3" "$4" "/mnt/$2/$3.$4" "${ROUNDS:-30}" 2>&1)
	status=$?
	printf 'fs=%s %s\n' "$2" "$out"
	# The next one finds nothing that is still to be written.
	busybox sync
	return "$status"
}

# cost_quiet: nothing is written back behind our back.
cost_quiet() {
	echo 0 >/proc/sys/vm/dirty_writeback_centisecs
	echo never >/sys/kernel/mm/transparent_hugepage/enabled
}

# rotated NUMBER WORD...: the words, another one first for each number. What a loop
# finds in the kernel's stores of free memory depends on the loops before it.
rotated() {
	local first=$(($1 % ($# - 1)))
	shift
	printf '%s\n' "${@:first+1}" "${@:1:first}"
}

# cost_series PROGRAM DIRECTORY BOOT: what the series can make dearer.
cost_series() {
	local fs loop size status=0
	cost_quiet
	cost_loop "$1" tmpfs count 4096 || status=1
	for fs in $(rotated "$3" tmpfs ext4); do
		cost_mount "$fs" "$2" || return 1
		for loop in $(rotated "$3" read overwrite append fault read_cold fault_cold); do
			[ "$fs-${loop#*_}" != tmpfs-cold ] || continue
			for size in 4096 65536; do
				cost_loop "$1" "$fs" "$loop" $size || status=1
			done
		done
		cost_umount "$fs" || return 1
	done
	return "$status"
}

# cost_calls PROGRAM NAME: what is counted of a file system.
cost_calls() {
	local loop size status=0
	for loop in read overwrite append fault read_cold fault_cold; do
		[ "$2-${loop#*_}" != tmpfs-cold ] || continue
		for size in 4096 65536; do
			cost_loop "$1" "$2" $loop $size || status=1
		done
	done
	cost_loop "$1" "$2" append 64 || status=1
	cost_loop "$1" "$2" fsync 64 || status=1
	for loop in stat open create; do
		cost_loop "$1" "$2" $loop 4096 || status=1
	done
	return "$status"
}

# cost_cluster: a cluster of one node, this one.
cost_cluster() {
	local config=/sys/kernel/config/cluster/cost
	[ ! -d $config ] || return 0
	busybox ip link set lo up
	busybox mkdir $config $config/node/node1 || return 1
	echo 7777 >$config/node/node1/ipv4_port
	echo 127.0.0.1 >$config/node/node1/ipv4_address
	echo 1 >$config/node/node1/num
	echo 1 >$config/node/node1/local
	echo o2cb >/sys/fs/ocfs2/cluster_stack
	cluster_file cost
}

# cost_driver PROGRAM DIRECTORY KO FS...: each file system by itself.
cost_driver() {
	local program=$1 images=$2 fs status=0
	insmod "$3" || return 1
	shift 3
	cost_quiet
	cost_loop "$program" tmpfs count 4096 || status=1
	for fs; do
		cost_mount "$fs" "$images" || return 1
		cost_calls "$program" "$fs" || status=1
		cost_umount "$fs" || return 1
	done
	return "$status"
}

# cost_profile PROGRAM DIRECTORY KO LOOP SIZE FS: once, for QEMU's plugin.
cost_profile() {
	insmod "$3" || return 1
	cost_quiet
	cat /proc/kallsyms >/run/host/kallsyms
	cost_mount "$6" "$2" || return 1
	ROUNDS=$PROFILE_ROUNDS cost_loop "$1" "$6" "$4" "$5"
}
