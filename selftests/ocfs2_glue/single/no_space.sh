# SPDX-License-Identifier: GPL-2.0-only
# A file that grows until the volume is full: the error reaches the writer, and
# what was written before is still there, whole.
volume_make 32
volume_mount 1
io 1 append before A 100n
out=$(io 1 write-pattern file 8 0 20000) && fail "no error: $out"
matches 'error=ENOSPC call=(pwrite|fsync)' "$out" "the error"
written=$(value written <<<"$out")
[ "$written" -gt 1000 ] || fail "full after only $written blocks"
whole=$(($(on 1 'stat -c %s /mnt/vol/file') / 4096))
[ "$whole" -ge $((written - 1)) ] || fail "written $written, the file has $whole blocks"
remount 1
same "read=$whole" "$(io 1 read-pattern read file 8 0 "$whole")" "what was written"
matches 'lines=100 rest=0' "$(io 1 check before)" "the file before"
