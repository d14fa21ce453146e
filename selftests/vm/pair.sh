# SPDX-License-Identifier: GPL-2.0-only
# Two guests in one cluster: booted, and the workload of the thread between
# them, `echo >>` on one and `tail -f` on the other. Sourced.

PAIR_DISK_MIB=300
FOLLOW_NAP_US=${FOLLOW_NAP_US:-500}
COUNTERS='/sys/kernel/debug/ocfs2_glue/*/counters'

# pair_boot KO [PARAMETER...]: both guests, one cluster volume, our module if FS needs it.
pair_boot() {
	local n
	note "making the volume"
	volume_shared
	rm -f "$VM_DIR/disk.img"
	truncate -s "${PAIR_DISK_MIB}M" "$VM_DIR/disk.img"
	volume_make "$PAIR_DISK_MIB" || return 1
	for n in 1 2; do vm_start "$n" 2; done
	note "booting two guests (${VM_ACCEL%% -cpu*})"
	for n in 1 2; do vm_ready "$n" || return 1; done
	for n in 1 2; do
		volume_driver "$n" "$@" || return 1
	done
	note "forming the cluster, waiting for its heartbeat"
	cluster_up
}

# pair_mount [TYPE1 [TYPE2]]: both nodes, at the same time.
pair_mount() {
	local first
	volume_mount 1 "${1:-$FS}" &
	first=$!
	volume_mount 2 "${2:-${1:-$FS}}" && wait "$first"
}

pair_umount() {
	local first
	volume_umount 1 &
	first=$!
	volume_umount 2
	local second=$?
	wait "$first" && return "$second"
}

# node_returns N: guest N, which was killed, boots and joins the cluster again.
# The other nodes learn from its heartbeat's new generation, at the latest, that
# it was dead. Lives no longer than the shell that called this.
node_returns() {
	vm_boot "$1" 2
	vm_ready "$1"
	volume_driver "$1" "$GLUE_KO"
	on "$1" "cluster_join $CLUSTER $VOLUME_DEVICE" 60
}

# tail_begin FILE SECONDS LIMIT: starts the follower on node 2, then the
# appender on node 1; sets APPEND_JOB, FOLLOW_JOB, APPEND_OUT, FOLLOW_OUT.
tail_begin() {
	local file=$1 seconds=$2 limit=$3 JOB
	rm -f "$VM_DIR/2/share/stop"
	vm_begin 2 "exec \$GLUE_IO follow /mnt/vol/$file $limit /run/host/stop $FOLLOW_NAP_US $COUNTERS"
	FOLLOW_JOB=$JOB
	vm_begin 1 "exec \$GLUE_IO append /mnt/vol/$file A $seconds $COUNTERS"
	APPEND_JOB=$JOB
	APPEND_OUT=$VM_DIR/1/share/job/$APPEND_JOB.out
	FOLLOW_OUT=$VM_DIR/2/share/job/$FOLLOW_JOB.out
}

# tail_end LIMIT: waits for the appender, then lets the follower catch up.
tail_end() {
	local lines
	vm_wait 1 "$APPEND_JOB" "$1" >/dev/null || return 1
	lines=$(value lines <"$APPEND_OUT")
	printf '%s\n' "$lines" >"$VM_DIR/2/share/stop.part"
	mv "$VM_DIR/2/share/stop.part" "$VM_DIR/2/share/stop"
	vm_wait 2 "$FOLLOW_JOB" "$1" >/dev/null
}

# value NAME: of the last `NAME=number` in the input; 0 if there is none.
value() {
	local found
	found=$(grep -ao "\b$1=[0-9]*" | tail -n 1)
	printf '%s\n' "${found#*=}" | grep . || echo 0
}

# total PATTERN FILE...: the sum of the last values of all names that match.
total() {
	local pattern=$1 file sum=0 number
	shift
	for file in "$@"; do
		while IFS= read -r number; do
			sum=$((sum + number))
		done < <(tail -n 1 "$file" | grep -aoE "\b$pattern=[0-9]+" | sed 's/.*=//')
	done
	echo "$sum"
}
