# SPDX-License-Identifier: GPL-2.0-only
# The steps for fs-verity, whatever the file system. Sourced with the names of its
# ->write_begin and ->write_end. There is one block of hashes, then the
# descriptor, then its size: three writes.
begin=$1 end=$2
step "write_begin is retried" <<END
fresh begin 20000 1
probe $begin return=524289 3 1
io verity begin
-> verity=0
took $begin retry_write_begin
-> $begin=3 retry_write_begin=3
io uncache begin
io read begin 0 30000 1
-> read=20000 position=20000
END
step "write_end accepts nothing" <<END
fresh end 20000 1
probe $end copied=0 3
io verity end
-> verity=0
took $end retry_write_end
-> $end=3 retry_write_end=3
io uncache end
io read end 0 30000 1
-> read=20000 position=20000
END
# What isn't up to date and isn't written whole isn't accepted at all.
step "write_end accepts less" <<END
fresh less 20000 1
probe $end copied=100 3
io verity less
-> verity=0
took $end
-> $end=3
io uncache less
io read less 0 30000 1
-> read=20000 position=20000
END
step "an error after retries" <<END
fresh error 20000 1
probe $begin return=524289,-5 2
io verity error
-> verity=EIO
took $begin
-> $begin=2
io uncache error
io read error 0 30000 1
-> read=20000 position=20000
END
