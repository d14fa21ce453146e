# SPDX-License-Identifier: GPL-2.0-only
# Features that mkfs.ocfs2 can add or leave out: the volume is mounted and right,
# or mounted read-only and right, or refused; in the last two cases the kernel's
# log names the feature.
for set in noinline-data nosparse,nounwritten noxattr norefcount nodiscontig-bg \
	noappend-dio metaecc usrquota,grpquota nobackup-super; do
	volume_make 64 "--fs-features=$set"
	volume_baseline
	volume_mount 1 ocfs2
	io 1 write-pattern file 3 0 64
	volume_umount 1
	offset=$(dmesg_size 1)
	# What a volume lacks is known by the name of what it lacks.
	word=${set%%,*}
	word=${word#no}
	if out=$(volume_mount 1 2>&1); then
		same read=64 "$(io 1 read-pattern mmap file 3 0 64)" "$set"
		case $(on 1 'grep /mnt/vol /proc/mounts') in
		*" ro,"* | *" ro "*)
			printf '%s: read-only\n' "$set"
			dmesg_since 1 "$offset" | grep -a "$word" || fail "$set: read-only, and the log doesn't say $word"
			;;
		*)
			printf '%s: read and write\n' "$set"
			io 1 append log A 50n
			;;
		esac
		volume_umount 1
		volume_check
	else
		printf '%s: refused\n' "$set"
		dmesg_since 1 "$offset" | grep -a "$word" || fail "$set: refused, and the log doesn't say $word: $out"
	fi
done
