# SPDX-License-Identifier: GPL-2.0-only
# The in-tree ocfs2: write(2) of a whole page, and its source is a mapping of that
# same page, which isn't in memory. The file stays as it is.
#
# Proves: ocfs2: don't commit a page that nothing was copied to
. "$REPO/selftests/aop_retry/lib.sh"
fs_make ocfs2
fs_mount ocfs2
step "a page onto itself" <<'END'
fresh file 12288 1
/usr/bin/python3 -c '
import mmap, os
fd = os.open("file", os.O_RDWR)
source = mmap.mmap(fd, 4096, offset=4096)
print("wrote=%d" % os.pwrite(fd, source, 4096))'
-> wrote=4096
io read file 0 12288 1
-> read=12288 position=12288
busybox sync
io uncache file
io read file 0 12288 1
-> read=12288 position=12288
END
step "a page that can't be copied" <<'END'
fresh other 12288 1
: >empty
/usr/bin/python3 -c '
import ctypes, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
empty = os.open("empty", os.O_RDWR)
os.ftruncate(empty, 4096)
source = mmap.mmap(empty, 4096)
address = ctypes.addressof(ctypes.c_char.from_buffer(source))
os.ftruncate(empty, 0)
fd = os.open("other", os.O_RDWR)
done = libc.pwrite(fd, ctypes.c_void_p(address), 4096, ctypes.c_long(4096))
print("wrote=%d %s" % (done, os.strerror(ctypes.get_errno())))'
-> wrote=-1 Bad address
io read other 0 12288 1
-> read=12288 position=12288
END
fs_check ocfs2
