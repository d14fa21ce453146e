# SPDX-License-Identifier: GPL-2.0-only
# The part of cost.sh that runs in the guest; sourced there by a job. Prints a
# line for each loop: fs=NAME, and what cost-loops says.

FAULT_AROUND=/sys/kernel/debug/fault_around_bytes

# cost_mount NAME TYPE IMAGE DEVICE [OPTIONS]: a copy of IMAGE in memory, at /mnt/NAME.
cost_mount() {
	local name=$1 type=$2 image=$3 device=$4 options=${5:-}
	dd if="$image" of="$device" bs=1M conv=fsync status=none || return 1
	busybox blockdev --flushbufs "$device"
	busybox mkdir -p "/mnt/$name"
	busybox mount -i -t "$type" ${options:+-o "$options"} "$device" "/mnt/$name"
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

# cost_series PROGRAM EXT4_IMAGE BOOT: what the series can make dearer.
cost_series() {
	local fs loop size status=0
	cost_quiet
	busybox mkdir -p /mnt/tmpfs
	busybox mount -t tmpfs cost /mnt/tmpfs || return 1
	cost_mount ext4 ext4 "$2" /dev/ram0 commit=3600 || return 1
	cost_loop "$1" tmpfs count 4096 || status=1
	for fs in $(rotated "$3" tmpfs ext4); do
		for loop in $(rotated "$3" read overwrite append fault read_cold fault_cold); do
			[ "$fs-${loop#*_}" != tmpfs-cold ] || continue
			for size in 4096 65536; do
				cost_loop "$1" $fs $loop $size || status=1
			done
		done
	done
	busybox umount /mnt/tmpfs
	busybox umount /mnt/ext4
	return "$status"
}

# cost_calls PROGRAM NAME: what is counted of a driver.
cost_calls() {
	local loop size status=0
	for loop in read overwrite append fault read_cold fault_cold; do
		for size in 4096 65536; do
			cost_loop "$1" "$2" $loop $size || status=1
		done
	done
	cost_loop "$1" "$2" append 64 || status=1
	cost_loop "$1" "$2" stat 4096 || status=1
	cost_loop "$1" "$2" open 4096 || status=1
	return "$status"
}

# cost_cluster: a cluster of one node, this one.
cost_cluster() {
	local config=/sys/kernel/config/cluster/cost
	busybox ip link set lo up
	busybox mkdir $config $config/node/node1 || return 1
	echo 7777 >$config/node/node1/ipv4_port
	echo 127.0.0.1 >$config/node/node1/ipv4_address
	echo 1 >$config/node/node1/num
	echo 1 >$config/node/node1/local
	echo o2cb >/sys/fs/ocfs2/cluster_stack
	cluster_file cost
}

# cost_driver PROGRAM KO LOCAL_IMAGE CLUSTER_IMAGE: what ours costs, and the
# in-tree one, without a cluster and as the only node of one. One volume at a
# time: copies of the same can't be mounted side by side.
cost_driver() {
	local type status=0
	insmod "$2" || return 1
	for type in ocfs2 ocfs2_glue; do
		local options=
		[ $type = ocfs2_glue ] || options=heartbeat=none
		cost_mount local.$type $type "$3" /dev/ram1 $options || return 1
		cost_calls "$1" local.$type || status=1
		busybox umount /mnt/local.$type || return 1
	done
	cost_cluster || return 1
	for type in ocfs2 ocfs2_glue; do
		dd if="$4" of=/dev/ram2 bs=1M conv=fsync status=none
		vol_mount $type /dev/ram2 heartbeat=local || return 1
		busybox mkdir -p /mnt/o2cb.$type
		busybox mount --bind /mnt/vol /mnt/o2cb.$type
		cost_calls "$1" o2cb.$type || status=1
		busybox umount /mnt/o2cb.$type
		vol_umount || return 1
	done
	return "$status"
}
