# SPDX-License-Identifier: GPL-2.0-only
# What is to share blocks is compared first, by read_cache_folio(), on a file system
# that can: the in-tree ocfs2.
#
# Proves: mm/filemap: make the retry in read_cache_folio() killable
. "$REPO/selftests/aop_retry/lib.sh"
fs_make ocfs2 --fs-features=refcount
fs_mount ocfs2
step "retried" <<'END'
fresh file 65536 1
fresh other 65536 1
probe ocfs2_read_folio retry 3
io dedupe file other 65536
-> deduped=65536
took ocfs2_read_folio retry_read_cache
-> ocfs2_read_folio=3 retry_read_cache=3
io read other 0 100000 1
-> read=65536 position=65536
END
step "killed" 60 <<'END'
fresh third 65536 1
fresh fourth 65536 1
probe ocfs2_read_folio retry always
dies ocfs2_read_folio dedupe third fourth 65536
-> ocfs2_read_folio: exit 137
END
fs_check ocfs2
