# SPDX-License-Identifier: GPL-2.0-only
# Reads, writes, mappings, splices and truncations at random, with every trigger
# that only asks for patience: nobody notices, and no byte is wrong.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
for options in "" noreadahead; do
	aop_mount "$options"
	for seed in 1 2; do
		step "seed $seed, $options" 120 <<-END
		$PATIENCE
		io exercise file $seed 150 | busybox cut -d ' ' -f 1,2
		-> operations=150 shorts=0
		END
	done
	volume_umount 1
done
