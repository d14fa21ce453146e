# SPDX-License-Identifier: GPL-2.0-only
# Who asks for readahead doesn't wait for a retry: it ends there, and the reader that
# comes does the waiting.
#
# Proves: mm/readahead: call ->read_folio() with no other folio locked
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount noreadahead
for how in readahead fadvise madvise; do
	step "$how" <<-END
	fresh file 40960 1
	arm read_folio retry 1 after=2
	io ahead $how file 0 40960
	-> ahead=0
	took read_folio read_folio.retry retry_readahead
	-> read_folio=3 read_folio.retry=1 retry_readahead=1
	io read file 0 40960 1
	-> read=40960 position=40960
	END
done
# The kernel asks for 2 MiB at a time.
step "more than one chunk" <<'END'
echo 4096 >"$(echo /sys/class/bdi/aop_retry-*/read_ahead_kb)"
fresh file 3145728 1
arm read_folio retry 1 after=2
io ahead readahead file 0 3145728
-> ahead=0
took read_folio read_folio.retry retry_readahead
-> read_folio=3 read_folio.retry=1 retry_readahead=1
END
volume_umount 1
aop_mount
for how in readahead fadvise madvise; do
	step "$how, with ->readahead" <<-END
	fresh file 40960 1
	arm readahead short=2 always
	arm read_folio retry always
	io ahead $how file 0 40960
	-> ahead=0
	took read_folio
	-> read_folio=0
	arm off
	io read file 0 40960 1
	-> read=40960 position=40960
	END
done
