# SPDX-License-Identifier: GPL-2.0-only
# A disk that holds no OCFS2 volume: nothing at all, noise, another file system.
. "$REPO/selftests/lib/bad.sh"
length=$(stat -c %s "$VOLUME_IMAGE")
blank() {
	BAD_CASE=$1
	truncate -s 0 "$VOLUME_IMAGE"
	truncate -s "$length" "$VOLUME_IMAGE"
}
blank zeroes
refused 'ls'
blank noise
dd if=/dev/urandom of="$VOLUME_IMAGE" bs=64K count=16 conv=notrunc status=none
refused 'ls'
blank text
yes OCFSV2 | dd of="$VOLUME_IMAGE" bs=64K count=16 conv=notrunc iflag=fullblock status=none
refused 'ls'
blank ext4
mke2fs -q -F -t ext4 "$VOLUME_IMAGE" 32m
refused 'ls'
bad_end
