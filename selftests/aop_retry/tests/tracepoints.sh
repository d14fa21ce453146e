# SPDX-License-Identifier: GPL-2.0-only
# Each retry is traced, with the caller and the place in the file. (The other tests
# count them; here is what they say.)
#
# Proves: mm/filemap: add a tracepoint for retried reads
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "read(2)" <<'END'
fresh file 20000 1
arm readahead short=0 always
arm read_folio retry 2 after=2
io read file 0 20000 1
-> read=20000 position=20000
busybox sed -n 's/.* mm_filemap_retry: .*\(ofs=.*\)/\1/p' $tracing/trace
-> ofs=8192 op=read
-> ofs=8192 op=read
END
step "a fault" <<'END'
fresh file 20000 1
arm readahead short=0 always
arm read_folio retry 1
io map procmem file 4096 4096 1
-> mapped=4096
busybox sed -n 's/.* mm_filemap_retry: .*\(ofs=.*\)/\1/p' $tracing/trace
-> ofs=4096 op=fault
END
step "readlink" <<'END'
ln -s where/it/leads link
echo 1 >/proc/sys/vm/drop_caches
arm read_folio retry 1
io readlink link
-> length=14 target=where/it/leads
busybox sed -n 's/.* mm_filemap_retry: .*\(ofs=.*\)/\1/p' $tracing/trace
-> ofs=0 op=read_cache
END
