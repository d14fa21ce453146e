#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# make cost: what the series costs other file systems, and what ours costs
# beside its peers, in instructions executed by the guest. Fails if the series
# makes a loop dearer than LIMIT, or if ours is above its limits (cost/limits).
# See docs/cost.md.
set -u
. "$(dirname "$0")/lib/prepare.sh"

LIMIT=1.001
BOOTS=${BOOTS:-5}
CONTROL=${CONTROL:-}
# only: the table of file systems and nothing else, which takes one kernel;
# ours: of that, only what the limits are about.
DRIVER=${DRIVER:-}
# "LOOP SIZE FS", say "append 4096 local.ocfs2_glue": nothing but where the
# instructions of this loop go.
PROFILE=${PROFILE:-}
LOOPS=$TARGET/guest/cost-loops
VOLUMES=(tmpfs ext4 xfs gfs2 local.ocfs2 local.ocfs2_glue o2cb.ocfs2 o2cb.ocfs2_glue)
PACKAGES+=(xfsprogs gfs2-utils)

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
# mkfs.xfs makes none that is smaller.
XFS_MIB=300
PROFILE_ROUNDS=10
BUILD=cost
[ -z "$CONTROL" ] || BUILD=costly
MODULE=$TARGET/module/$BUILD/ocfs2_glue.ko

finish() {
	stage_stop
	vm_finish
}
trap finish EXIT
trap 'exit 130' INT TERM

# use_kernel plain|series|driver: which one the functions of kernel.sh are about.
# Both of the last have the series; a control makes one of the two dear.
use_kernel() {
	KERNEL_PATCHES=$LOGS/patches-$1
	mkdir -p "$KERNEL_PATCHES"
	[ "$1" = plain ] || cp "$REPO"/patches/0*.patch "$KERNEL_PATCHES/"
	# A series that is dear on purpose, for the proof that this would be noticed.
	[ "$1" != series ] || [ -z "$CONTROL" ] || cp "$REPO/selftests/cost/control.patch" "$KERNEL_PATCHES/0999-control.patch"
	VM_KERNEL=$(kernel_directory)/vmlinux
}

# QEMU's interface for plugins changed in 9.0; what is used here did not.
plugin_build() {
	local qemu version=2
	qemu=$(qemu-system-x86_64 --version | grep -oE '[0-9]+' | head -n 1)
	[ "$qemu" -ge 9 ] || version=1
	gcc -shared -fPIC -O2 -Wall -Wextra -Werror -fvisibility=hidden "-DPLUGIN_VERSION=$version" \
		-o "$TARGET/guest/profile.so" "$REPO/selftests/cost/profile.c"
}

module_of_cost() {
	note "cost-loops"
	program_build cost-loops "$REPO/selftests/cost/loops.c" || return 1
	[ -z "$PROFILE" ] || plugin_build || return 1
	note "ocfs2_glue.ko"
	module_build $BUILD ${CONTROL:+GLUE_NEEDLESS_COPY=y}
}

volumes() {
	rm -f "$VM_DIR"/*.img
	truncate -s 1M "$VM_DIR/disk.img"
	truncate -s "${VOLUME_MIB}M" "$VM_DIR"/{ext4,gfs2,local,o2cb}.img
	truncate -s "${XFS_MIB}M" "$VM_DIR/xfs.img"
	mkfs.ext4 -q -F -b 4096 -E lazy_itable_init=0,lazy_journal_init=0 "$VM_DIR/ext4.img" &&
		mkfs.xfs -q -b size=4096 "$VM_DIR/xfs.img" &&
		mkfs.gfs2 -q -O -b 4096 -p lock_nolock -j 1 -J 16 "$VM_DIR/gfs2.img" &&
		volume_format "$VM_DIR/local.img" $((VOLUME_MIB * 256)) -M local -J size=16M &&
		volume_format "$VM_DIR/o2cb.img" $((VOLUME_MIB * 256)) -N 2 -J size=16M \
			--cluster-stack=o2cb --cluster-name=cost
}

# measure WHAT BOOT JOB: one guest, all loops; lines go to $LOGS/WHAT.BOOT.
measure() {
	local out=$LOGS/$1.$2
	note "booting"
	vm_start 1 1
	vm_ready 1 || return 1
	note "counting"
	on 1 ". $REPO/selftests/cost/guest.sh; $3" 1800 >"$out" || { cat "$out"; return 1; }
	dmesg_bad 1 0 || return 1
	vm_stop 1
}

# profile LOOP SIZE FS: the loop runs in a guest of its own.
profile() {
	local from calls
	from=$(nm "$LOOPS" | sed -n 's/ t instructions$//p')
	VM_ACCEL+=" -plugin file=$TARGET/guest/profile.so,from=$from,out=$LOGS/calls"
	measure profile 1 "PROFILE_ROUNDS=$PROFILE_ROUNDS; cost_profile $LOOPS $VM_DIR $MODULE $*" || return 1
	calls=$(sed -n 's/.* calls=\([0-9]*\) .*/\1/p' "$LOGS/profile.1")
	note "functions"
	python3 "$REPO/selftests/cost/profile.py" "$LOGS/calls" "$VM_DIR/1/share/kallsyms" "$LOOPS" \
		$((calls * PROFILE_ROUNDS)) >"$LOGS/profile" && note "$LOGS/profile"
}

prepare_all() {
	local kernel
	prepare_source "$LOGS" || return 1
	for kernel in "${KERNEL_NAMES[@]}"; do
		use_kernel "$kernel"
		stage "kernel ($kernel)" "$LOGS/kernel-$kernel.log" kernel_stage || return 1
	done
	use_kernel driver
	stage module "$LOGS/module.log" module_of_cost
}

case $DRIVER in
"") MEASURED=(plain series driver) ;;
only) MEASURED=(driver) ;;
ours) MEASURED=(driver) VOLUMES=("${VOLUMES[@]:4}") ;;
*) die "DRIVER=$DRIVER: only or ours" ;;
esac
[ -z "$PROFILE" ] || MEASURED=(driver)
# The driver's kernel is the series', but for the control.
KERNEL_NAMES=("${MEASURED[@]}")
[ -n "$DRIVER$CONTROL$PROFILE" ] || KERNEL_NAMES=(plain series)
LOGS=$(run_directory cost)
STAGE_COUNT=$((3 + ${#KERNEL_NAMES[@]} + ${#MEASURED[@]} * BOOTS))

say "logs: $LOGS"
[ ! -e "${KDIR:-}/vmlinux" ] || die "make cost builds its own kernels; KDIR=$KDIR is one that is built"
prepare_all || exit 1
vm_prepare "$LOGS/vm"
volumes >"$LOGS/volumes.log" 2>&1 || die "no volumes: $(tail -n 3 "$LOGS/volumes.log")"
if [ -n "$PROFILE" ]; then
	# shellcheck disable=SC2086
	stage "profile of $PROFILE" "$LOGS/profile.log" profile $PROFILE || exit 1
	cat "$LOGS/profile"
	exit
fi
for ((boot = 1; boot <= BOOTS; boot++)); do
	for what in "${MEASURED[@]}"; do
		use_kernel "$what"
		job="cost_series $LOOPS $VM_DIR $boot"
		[ "$what" != driver ] || job="cost_driver $LOOPS $VM_DIR $MODULE ${VOLUMES[*]}"
		stage "$what, boot $boot" "$LOGS/measure-$what.$boot.log" measure "$what" "$boot" "$job" || exit 1
	done
done

say
python3 "$REPO/selftests/cost/tables.py" "$LOGS" "$LIMIT" "$REPO/selftests/cost/limits" "${VOLUMES[@]}" | tee "$LOGS/tables.md"
exit "${PIPESTATUS[0]}"
