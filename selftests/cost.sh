#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# make cost: what the series costs other file systems, and what ours costs
# beside the in-tree driver, in instructions executed by the guest. Fails if the
# series makes a loop dearer than LIMIT. See docs/cost.md.
set -u
. "$(dirname "$0")/lib/prepare.sh"

LIMIT=1.001
BOOTS=${BOOTS:-5}
CONTROL=${CONTROL:-}
LOOPS=$TARGET/guest/cost-loops
COST_KO=$TARGET/module/cost/ocfs2_glue.ko

# Kernels of their own, so that make test's aren't pushed out.
KERNELS=$CACHE/cost
KERNEL_FRAGMENTS=("$REPO/selftests/cost/kernel.config")

# A nanosecond of the guest is an instruction. Without "rep movsb is fast" a copy
# is a loop of 64 bytes: otherwise each byte counts, and little else does.
VM_ACCEL="-accel tcg -icount shift=0,sleep=off -cpu max,-erms,-fsrm"
VM_TSC_KHZ=1000000
VM_MEMORY=2G
VM_BOOT_LIMIT=300
VOLUME_MIB=200

LOGS=$(run_directory cost)
STAGE_COUNT=$((5 + 2 * BOOTS))

finish() {
	stage_stop
	vm_finish
}
trap finish EXIT
trap 'exit 130' INT TERM

# use_kernel plain|series: which one the functions of kernel.sh are about.
use_kernel() {
	KERNEL_PATCHES=$LOGS/patches-$1
	mkdir -p "$KERNEL_PATCHES"
	[ "$1" = plain ] || cp -r "$REPO/patches/." "$KERNEL_PATCHES/"
	# A series that is dear on purpose, for the proof that this would be noticed.
	if [ "$1" != plain ] && [ -n "$CONTROL" ]; then
		cp "$REPO/selftests/cost/control.patch" "$KERNEL_PATCHES/"
		echo control.patch >>"$KERNEL_PATCHES/series"
	fi
	VM_KERNEL=$(kernel_directory)/vmlinux
}

module_of_cost() {
	note "cost-loops"
	program_build cost-loops "$REPO/selftests/cost/loops.c" || return 1
	note "ocfs2_glue.ko"
	module_build cost
}

volumes() {
	rm -f "$VM_DIR"/*.img
	truncate -s 1M "$VM_DIR/disk.img"
	truncate -s "${VOLUME_MIB}M" "$VM_DIR"/{ext4,local,cluster}.img
	mkfs.ext4 -q -F -b 4096 -E lazy_itable_init=0,lazy_journal_init=0 "$VM_DIR/ext4.img" &&
		volume_format "$VM_DIR/local.img" $((VOLUME_MIB * 256)) -M local -J size=16M &&
		volume_format "$VM_DIR/cluster.img" $((VOLUME_MIB * 256)) -N 2 -J size=16M \
			--cluster-stack=o2cb --cluster-name=cost
}

# measure KERNEL BOOT: one guest, all loops; lines go to $LOGS/KERNEL.BOOT.
measure() {
	local out=$LOGS/$1.$2 job=". $REPO/selftests/cost/guest.sh; cost_series $LOOPS $VM_DIR/ext4.img $2"
	[ "$1" = plain ] || job+=" && cost_driver $LOOPS $COST_KO $VM_DIR/local.img $VM_DIR/cluster.img"
	note "booting"
	vm_start 1 1
	vm_ready 1 || return 1
	note "counting"
	on 1 "$job" 1800 >"$out" || { cat "$out"; return 1; }
	dmesg_bad 1 0 || return 1
	vm_stop 1
}

prepare_all() {
	prepare_source "$LOGS" || return 1
	use_kernel plain
	stage "kernel, 7.3 as it is" "$LOGS/3-kernel-plain.log" kernel_stage || return 1
	use_kernel series
	stage "kernel, with the series" "$LOGS/4-kernel-series.log" kernel_stage &&
		stage module "$LOGS/5-module.log" module_of_cost
}

say "logs: $LOGS"
[ ! -e "${KDIR:-}/vmlinux" ] || die "make cost builds two kernels; KDIR=$KDIR is one that is built"
prepare_all || exit 1
vm_prepare "$LOGS/vm"
volumes || die "no volumes"
for ((boot = 1; boot <= BOOTS; boot++)); do
	for kernel in plain series; do
		use_kernel $kernel
		stage "$kernel, boot $boot" "$LOGS/measure-$kernel.$boot.log" measure $kernel "$boot" || exit 1
	done
done

say
python3 "$REPO/selftests/cost/tables.py" "$LOGS" "$LIMIT" | tee "$LOGS/tables.md"
exit "${PIPESTATUS[0]}"
