# SPDX-License-Identifier: GPL-2.0-only
# Reads, writes, mappings, splices and truncations at random, with every trigger
# that only asks for patience: nobody notices, and no byte is wrong.
. "$REPO/selftests/aop_retry/lib.sh"
patience='
arm readahead short=1 random 300 1
arm read_folio retry random 300 2
arm read_folio drop random 200 3
arm write_begin retry random 300 4
arm write_begin drop random 100 5
arm write_end retry random 200 6
arm write_end drop random 100 7
arm write_end short=1000 random 200 8'
for options in "" noreadahead; do
	aop_mount "$options"
	for seed in 1 2; do
		step "seed $seed, $options" 120 <<-END
		$patience
		io exercise file $seed 150 | busybox cut -d ' ' -f 1,2
		-> operations=150 shorts=0
		END
	done
	volume_umount 1
done
