# SPDX-License-Identifier: GPL-2.0-only
# A task whose reads ask for one retry after the other can be killed, and leaves
# nothing locked behind: read(2), splice, and a fault that may drop the mmap lock.
#
# Proves: nothing that the series changes
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
for how in "read file 0 8192 1" "splice file 0 8192 1" "map touch file 0 8192 1"; do
	read_dies "$how" "$how"
done
