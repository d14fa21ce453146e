# SPDX-License-Identifier: GPL-2.0-only
# A file system type that can't be registered leaves nothing behind: neither its
# slab cache nor its directory in debugfs. Then the module can be loaded after all.
#
# Proves: nothing that the series changes
. "$REPO/selftests/aop_retry/lib.sh"
guest_ready
step "register_filesystem() fails" <<END
busybox rmmod aop_retry
probe register_filesystem return=-16 1
insmod $AOP_KO 2>/dev/null || echo refused
-> refused
took register_filesystem
-> register_filesystem=1
busybox grep -c '^aop_retry ' /proc/slabinfo
-> 0
busybox ls /sys/kernel/debug/aop_retry 2>/dev/null || echo none
-> none
insmod $AOP_KO
busybox grep -c '^aop_retry ' /proc/slabinfo
-> 1
END
