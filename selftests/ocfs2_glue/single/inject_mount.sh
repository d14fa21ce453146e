# SPDX-License-Identifier: GPL-2.0-only
# Memory runs out at each allocation of mount and unmount.
. "$REPO/selftests/lib/inject.sh"
volume_make 32
on 1 'busybox mkdir -p /mnt/vol'
inject / inject-memory mount "$VOLUME_DEVICE"
inject / inject-memory unmount "$VOLUME_DEVICE" 0:5000
inject_end
