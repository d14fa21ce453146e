# SPDX-License-Identifier: GPL-2.0-only
# An image that ends too early, anywhere from the superblock to the last group.
. "$REPO/selftests/lib/bad.sh"
bad_template
VOLUME_DEVICE=/dev/loop7
for length in 1K 9K 16K 64K 1M 5M 39M; do
	BAD_CASE="cut at $length"
	head -c "$length" "$VOLUME_IMAGE" >"$VM_DIR/1/share/cut.img"
	on 1 "cp /run/host/cut.img /tmp/cut.img && busybox losetup $VOLUME_DEVICE /tmp/cut.img" || fail "no loop device"
	# What is beyond the end must be met: everything there is, is read.
	refused 'busybox find . -type f -exec busybox cat {} + >/dev/null && $GLUE_IO write-pattern new 1 0 5000'
	on 1 "busybox losetup -d $VOLUME_DEVICE; rm /tmp/cut.img"
done
rm "$VM_DIR/1/share/cut.img"
bad_end
