# SPDX-License-Identifier: GPL-2.0-only
# An Amiga file system with data blocks of the old kind counts what it was given, not
# what it was asked for; and a full one says so.
#
# Proves: affs: return the number of bytes written from write_end for OFS
. "$REPO/selftests/aop_retry/lib.sh"
fs_make affs ofs 200
fs_mount affs
step "a buffer that can't be read to its end" <<'END'
io write file 0 10000 4 gap
-> wrote=10000 position=10000
stat -c %s file
-> 10000
io read file 0 20000 4
-> read=10000 position=10000
END
# Three blocks of 488 bytes each.
step "a file that ends with a block" <<'END'
io write whole 0 1464 1
-> wrote=1464 position=1464
END
remount 1 affs
# The folio is in the page cache, so ->write_begin needs no block; ->write_end
# does, and there was one before it, whose address must not be taken for a result.
step "no block left for the next one" 60 <<'END'
io read whole 0 1464 1
-> read=1464 position=1464
io write filler 0 200000 2 >/dev/null
io write filler 200000 1 2 | busybox cut -d ' ' -f 1
-> wrote=ENOSPC
io write whole 1464 1000 1
-> wrote=ENOSPC position=1464
stat -c %s whole
-> 1464
END
