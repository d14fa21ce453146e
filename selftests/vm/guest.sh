# SPDX-License-Identifier: GPL-2.0-only
# The guests: QEMU microvms that share the host's root (read-only), one disk
# image and a private wire. Sourced.
#
# Guest N lives in $VM_DIR/N: console.log (all of the kernel's messages),
# qemu.log, share/job/ (see guest/agent), own.img, pid. $VM_DIR/disk.img is the
# shared disk. In a guest they are /dev/vda, shared, and /dev/vdb, its own.

declare -A VM_PID=()
VM_DIR=
VM_INITRAMFS=
VM_MEMORY=${VM_MEMORY:-768M}
VM_OWN_MIB=160
VM_CACHE=${VM_CACHE:-none}
VM_BOOT_LIMIT=${VM_BOOT_LIMIT:-90}
VM_ACCEL=${VM_ACCEL:-}
# How fast the guests' time stamp counter runs, where it isn't the host's.
VM_TSC_KHZ=${VM_TSC_KHZ:-}
vm_job=0

initramfs_make() {
	local out=$1 root
	root=$(mktemp -d)
	mkdir -p "$root/bin"
	cp /bin/busybox "$root/bin/busybox"
	cp "$REPO/selftests/guest/init" "$root/init"
	chmod 755 "$root/init"
	(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$out.part"
	mv "$out.part" "$out"
	rm -rf "$root"
}

vm_command_line() {
	printf '%s' "console=ttyS0 reboot=t panic=1 oops=panic ignore_loglevel" \
		" no_timer_check rcupdate.rcu_expedited=1 $*"
	# A guest that measures its clock on a busy host gets it wrong, and falls
	# back to one of 4 ms. Under TCG its counter is the host's.
	case $VM_ACCEL in
	*tcg*) printf ' tsc=reliable tsc_early_khz=%s' "${VM_TSC_KHZ:-$("$TARGET/guest/glue-io" tsc)}" ;;
	esac
}

# KVM only where it boots something: a device file alone says nothing.
vm_probe_kvm() {
	local initramfs=$1 log=$2
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	timeout 6 qemu-system-x86_64 -M microvm,acpi=off -accel kvm -cpu host -m 256M -nodefaults \
		-no-user-config -display none -no-reboot -serial "file:$log" \
		-kernel "$(kernel_directory)/vmlinux" -initrd "$initramfs" \
		-append "$(vm_command_line glue.probe)" >/dev/null 2>&1 </dev/null
	grep -q 'glue: probe alive' "$log"
}

# The answer holds until the machine boots again.
vm_accel() {
	local answer
	answer=$CACHE/accel-$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -s "$answer" ]; then
		rm -f "$CACHE"/accel-*
		if vm_probe_kvm "$1" "$2"; then
			echo "-accel kvm -cpu host" >"$answer"
		else
			echo "-accel tcg,thread=multi -cpu max" >"$answer"
		fi
	fi
	cat "$answer"
}

# vm_prepare DIR: once a run, before the first guest.
vm_prepare() {
	VM_DIR=$1
	mkdir -p "$VM_DIR"
	VM_INITRAMFS=$VM_DIR/initramfs
	initramfs_make "$VM_INITRAMFS"
	VM_ACCEL=${VM_ACCEL:-$(vm_accel "$VM_INITRAMFS" "$VM_DIR/kvm-probe.log")}
}

# vm_start N PEERS: boot guest N of PEERS; vm_ready waits for it.
vm_start() {
	rm -rf "${VM_DIR:?}/$1"
	vm_boot "$@"
}

# vm_boot N PEERS: as vm_start, but what the guest left is kept: its own disk,
# and its log, which goes on where it ended.
vm_boot() {
	local n=$1 peers=$2 dir=$VM_DIR/$1 wire=() port
	mkdir -p "$dir/share/job"
	rm -f "$dir/share/ready" "$dir/port.in" "$dir/port.out"
	cp "$REPO/selftests/guest/agent" "$REPO/selftests/guest/functions" "$dir/share/"
	vm_environment "$n" >"$dir/share/environment"
	truncate -s "${VM_OWN_MIB}M" "$dir/own.img"
	mkfifo "$dir/port.in" "$dir/port.out"
	if [ "$peers" -gt 1 ]; then
		local server=off
		[ "$n" -eq 1 ] && server=on
		wire=(
			-netdev "stream,id=wire,server=$server,addr.type=unix,addr.path=$VM_DIR/wire"
			-device "virtio-net-device,netdev=wire,mac=52:54:00:00:00:0$n"
		)
	fi
	# shellcheck disable=SC2086
	setpriv --pdeathsig KILL qemu-system-x86_64 -name "guest$n" -M microvm,acpi=off,rtc=on $VM_ACCEL \
		-smp 1 -m "$VM_MEMORY" -nodefaults -no-user-config -display none -no-reboot \
		-chardev "file,id=console,path=$dir/console.log,append=on" -serial chardev:console \
		-kernel "$VM_KERNEL" -initrd "$VM_INITRAMFS" \
		-append "$(vm_command_line)" \
		-drive "id=disk,file=$VM_DIR/disk.img,format=raw,if=none,cache=$VM_CACHE,file.locking=off" \
		-drive "id=own,file=$dir/own.img,format=raw,if=none,cache=$VM_CACHE,file.locking=off" \
		-device virtio-blk-device,drive=disk -device virtio-blk-device,drive=own \
		-fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-device,fsdev=host,mount_tag=host \
		-fsdev "local,id=run,path=$dir/share,security_model=none" \
		-device virtio-9p-device,fsdev=run,mount_tag=run \
		-device virtio-serial-device -chardev "pipe,id=port,path=$dir/port" \
		-device virtserialport,chardev=port,name=glue \
		"${wire[@]}" >"$dir/qemu.log" 2>&1 </dev/null &
	VM_PID[$n]=$!
	# Or the shell would have something to say when it is killed.
	disown "$!"
	printf '%s\n' "$!" >"$dir/pid"
	# Held open for the guest's life, or QEMU would see the other end go.
	exec {port}<>"$dir/port.in"
	printf '%s\n' "$port" >"$dir/port.fd"
	exec {port}<>"$dir/port.out"
	# The other end of the wire can only be plugged in once it is there.
	if [ "$peers" -gt 1 ] && [ "$n" -eq 1 ]; then
		local tries=0
		until [ -S "$VM_DIR/wire" ] || [ $((tries += 1)) -gt 100 ]; do sleep 0.05; done
	fi
}

vm_alive() { [ -n "${VM_PID[$1]:-}" ] && kill -0 "${VM_PID[$1]}" 2>/dev/null; }

vm_ready() {
	local n=$1 end=$((SECONDS + VM_BOOT_LIMIT))
	until [ -e "$VM_DIR/$n/share/ready" ]; do
		vm_alive "$n" || { say "guest $n ended while booting: $(tail -n 3 "$VM_DIR/$n/qemu.log" "$VM_DIR/$n/console.log")"; return 1; }
		[ "$SECONDS" -lt "$end" ] || { say "guest $n did not boot in $VM_BOOT_LIMIT s"; return 1; }
		sleep 0.1
	done
}

# What every job of guest N finds in its environment.
vm_environment() {
	printf 'export %s=%q\n' NODE "$1" REPO "$REPO" FS "$FS" GLUE_IO "$TARGET/guest/glue-io"
}

# vm_begin N SCRIPT: start SCRIPT in guest N; sets JOB to wait for.
vm_begin() {
	local n=$1 dir=$VM_DIR/$1
	JOB=
	# Process numbers come round again, and an old job's status would be this one's.
	while [ -z "$JOB" ] || [ -e "$dir/share/job/$JOB.sh" ]; do
		vm_job=$((vm_job + 1))
		JOB=$BASHPID.$vm_job
	done
	printf '%s\n' "$2" >"$dir/share/job/$JOB.sh"
	printf '%s\n' "$JOB" >&"$(cat "$dir/port.fd")"
}

# vm_wait N JOB LIMIT: its output and exit status; 124 if it takes too long,
# 125 if the guest is gone.
vm_wait() {
	local n=$1 job=$VM_DIR/$1/share/job/$2 end=$((SECONDS + ${3:-60})) status
	until [ -e "$job.status" ]; do
		if ! vm_alive "$n"; then
			status=125
			break
		elif [ "$SECONDS" -ge "$end" ]; then
			status=124
			break
		fi
		sleep 0.05
	done
	cat "$job.out" 2>/dev/null
	return "${status:-$(cat "$job.status")}"
}

# on N SCRIPT [LIMIT]: run in guest N and wait.
on() {
	local JOB
	vm_begin "$1" "$2"
	vm_wait "$1" "$JOB" "${3:-60}"
}

# vm_kill N: as a power cut does, at once. Its own last words are in its log.
vm_kill() {
	local tries=0
	kill -KILL "${VM_PID[$1]}" || return
	while vm_alive "$1" && [ $((tries += 1)) -lt 100 ]; do sleep 0.05; done
	unset "VM_PID[$1]"
}

vm_stop() {
	local tries=0
	[ -n "${VM_PID[$1]:-}" ] || return 0
	kill -TERM "${VM_PID[$1]}" 2>/dev/null
	while vm_alive "$1" && [ $((tries += 1)) -lt 40 ]; do sleep 0.05; done
	if vm_alive "$1"; then vm_kill "$1"; fi
	unset "VM_PID[$1]"
}

vm_stop_all() {
	local n
	for n in "${!VM_PID[@]}"; do vm_stop "$n"; done
	rm -f "$VM_DIR/wire"
}

# vm_finish: what is left of the guests is their logs.
vm_finish() {
	[ -n "$VM_DIR" ] || return 0
	vm_stop_all
	rm -f "$VM_DIR"/*.img* "$VM_DIR"/?/own.img* "$VM_DIR/initramfs"
}
