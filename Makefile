# SPDX-License-Identifier: GPL-2.0-only
# Two commands do everything that is needed, tools and kernel included:
#
#   make run     two nodes, one volume: append and tail; then the deadlock
#   make test    every test
#
# KDIR=tree   a kernel tree of your own instead of the fetched one
# FS=ocfs2    the in-tree driver instead of ours, for comparison
# TESTS=word  only the tests whose name has this in it

.PHONY: help run test kernel module clean

help:
	@sed -n 's/^#   //p; s/^# \([A-Z]*=\)/\1/p' Makefile

run:
	@bash selftests/run.sh

test:
	@bash selftests/test.sh

# The parts, for who works on them.
kernel module:
	@bash selftests/build.sh $@

# What this checkout built; the kernel and the tools are in the user's cache.
clean:
	rm -rf target
