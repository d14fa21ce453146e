# SPDX-License-Identifier: GPL-2.0-only
# A volume that belongs to another stack, or to ours but is mounted without saying
# so, is refused; so is a local one with a heartbeat. (The cluster's name is
# user space's to compare: the stack glue doesn't tell it.)
. "$REPO/selftests/lib/bad.sh"
not_ours() {
	local out offset
	BAD_CASE=$1
	BAD_CASES=$((BAD_CASES + 1))
	offset=$(dmesg_size 1)
	out=$(on 1 "busybox mount -i -t $FS ${2:+-o $2} $VOLUME_DEVICE /mnt/vol" 60 2>&1) && {
		complain "mounted"
		volume_umount 1
	}
	printf '%s: %s\n' "$BAD_CASE" "$out"
	dmesg_since 1 "$offset" | grep -qa . || complain "no line in dmesg"
}
on 1 'busybox mkdir -p /mnt/vol'
volume_format "$VOLUME_IMAGE" 20000 -N 2 -J size=4M --cluster-stack=pcmk --cluster-name=glue
not_ours "another stack" heartbeat=none
not_ours "another stack, with a heartbeat" heartbeat=local
volume_format "$VOLUME_IMAGE" 20000 -N 2 -J size=4M --cluster-stack=o2cb "--cluster-name=$CLUSTER"
not_ours "no heartbeat said" ""
not_ours "heartbeat denied" heartbeat=none
volume_format "$VOLUME_IMAGE" 20000 -M local -J size=4M
not_ours "a local volume with a heartbeat" heartbeat=local
bad_end
