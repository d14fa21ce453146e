# SPDX-License-Identifier: GPL-2.0-only
# MADV_COLLAPSE locks the folios that are in the page cache and reads the others ahead.
# Where there is no ->readahead, that would be ->read_folio, with folios locked that it
# may have to wait for.
#
# Proves: mm/khugepaged: don't read ahead by ->read_folio() with folios locked
. "$REPO/selftests/aop_retry/lib.sh"
collapse='/usr/bin/python3 -c "
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
fd = os.open(\"file\", os.O_RDONLY)
at = ctypes.c_void_p(0x700000000000)
libc.mmap(at, ctypes.c_size_t(2 << 20), 1, 0x11, fd, ctypes.c_long(0))
done = libc.madvise(at, ctypes.c_size_t(2 << 20), 25)
print(\"collapsed\" if done == 0 else os.strerror(ctypes.get_errno()))"'
aop_mount noreadahead,large
step "a part is in the page cache" 60 <<END
fresh file 2097152 1
io read file 0 20000 1 >/dev/null
begin
$collapse
-> Invalid argument
took read_folio
-> read_folio=0
END
step "all is in the page cache" 60 <<END
io read file 0 2097152 1
-> read=2097152 position=2097152
begin
$collapse
-> collapsed
took read_folio
-> read_folio=0
io read file 0 2097152 1
-> read=2097152 position=2097152
END
volume_umount 1
aop_mount large
step "with ->readahead" 60 <<END
fresh file 2097152 1
io read file 0 20000 1 >/dev/null
begin
$collapse
-> collapsed
took read_folio
-> read_folio=0
io read file 0 2097152 1
-> read=2097152 position=2097152
END
