# SPDX-License-Identifier: GPL-2.0-only
# The disk fails at one request of an operation, or from one on. What fsync has
# acknowledged is there at the next mount, and fsck.ocfs2 finds nothing then.
. "$REPO/selftests/lib/inject.sh"
# jbd2 says why it aborts a journal.
expect_dmesg 'JBD2: '
SIZE=12
SHARE=$VM_DIR/1/share
volume_soil "$SIZE"
volume_make "$SIZE"
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; : >probe
	$GLUE_IO write plain 0 8192 1 && $GLUE_IO write inline 0 100 1'
volume_umount 1
head -c "${SIZE}M" "$VOLUME_IMAGE" >"$SHARE/template"
mkdir -p "$SHARE/kept"

# All points take minutes.
STEP=4
[ "$INJECT" != all ] || STEP=1
for operation in ${OPERATIONS:-mount create write inline expand extend fsync unmount}; do
	for mode in ${MODES:-one all}; do
		inject / inject-disk "$operation" "$mode" /run/host/template /run/host/kept 1 "$STEP"
	done
done

checked=0
for kept in "$SHARE"/kept/*; do
	"$TARGET/guest/glue-io" inject-image "$SHARE/template" "$kept" "$TEST_LOG.image"
	VOLUME_IMAGE=$TEST_LOG.image volume_check ||
		{ say "that was $(basename "$kept")"; INJECT_COMPLAINTS=$((INJECT_COMPLAINTS + 1)); }
	checked=$((checked + 1))
done
rm -rf "$TEST_LOG.image" "$SHARE/kept" "$SHARE/template"
say "$checked volumes checked"
inject_end
