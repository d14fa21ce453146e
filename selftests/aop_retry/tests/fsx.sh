# SPDX-License-Identifier: GPL-2.0-only
# fsx of xfstests for a while, with the same troubles as exercise. Without
# mappings: it wants shared ones of files that it can write.
#
# Proves: nothing by itself
. "$REPO/selftests/aop_retry/lib.sh"
fsx=${XFSTESTS:+$XFSTESTS/ltp/fsx}
[ -x "${fsx:=$(command -v fsx)}" ] ||
	skip "no fsx: no Debian package has it, and XFSTESTS names no built tree with it"
aop_mount
step "fsx" 120 <<END
$PATIENCE
$fsx -q -R -W -N 10000 -S 1 -l 262144 file >/tmp/out 2>&1 || busybox tail -n 20 /tmp/out
END
