# SPDX-License-Identifier: GPL-2.0-only
# fsstress of xfstests on an ext4 whose reads and writes are retried at random, which its
# checker must find in order afterwards.
#
# Proves: nothing by itself
. "$REPO/selftests/aop_retry/lib.sh"
fsstress=${XFSTESTS:+$XFSTESTS/ltp/fsstress}
[ -x "${fsstress:=$(command -v fsstress)}" ] ||
	skip "no fsstress: no Debian package has it, and XFSTESTS names no built tree with it"
fs_make ext4
fs_mount ext4
step "fsstress" 150 <<END
inject 7 20 -1
busybox mkdir stress
$fsstress -d stress -n 2000 -p 2 -s 1 >/tmp/out 2>&1 || busybox tail -n 20 /tmp/out
echo 0 >\$injection/probability
END
fs_check ext4
