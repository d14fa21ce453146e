# SPDX-License-Identifier: GPL-2.0-only
# A program that runs from the file system: its pages come by kernel_read() and
# by faults of every kind.
#
# Proves: nothing that the series changes
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "retries at random" 60 <<'END'
busybox cp "$GLUE_IO" program
io uncache program
arm readahead short=1 random 500 1
arm read_folio retry random 500 2
arm read_folio drop random 200 3
./program read program 0 10 zero >/tmp/out; echo $?
-> 1
busybox cmp program "$GLUE_IO"
END
