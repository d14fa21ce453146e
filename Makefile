# SPDX-License-Identifier: GPL-2.0-only
# Two commands do everything that is needed, tools and kernel included:
#
#   make run     two nodes, one volume: append and tail; then the deadlock
#   make test    every test
#   make model   the lock state machine, explored for three nodes
#   make series  patches/, one by one: what each one's tests say with it and without
#   make cost    what the series and the driver cost, in executed instructions
#
# KDIR=tree   a kernel tree of your own instead of the fetched one
# FS=ocfs2    the in-tree driver instead of ours, for comparison
# TESTS=word  only the tests whose name has this in it
# PATCH=b/0007  for series: only this one
# VARIANT=    for model: naive, spin, queued or no-ticket, each a fault that must be found

.PHONY: help run test model series cost kernel module clean

help:
	@sed -n 's/^#   //p; s/^# \([A-Z]*=\)/\1/p' Makefile

run:
	@bash selftests/run.sh

test:
	@bash selftests/test.sh

model:
	@CARGO_TARGET_DIR=target/cargo cargo run --locked --release --quiet -p ocfs2-lock-model -- $(or $(VARIANT),long)

series:
	@bash selftests/series.sh

cost:
	@bash selftests/cost.sh

# The parts, for who works on them.
kernel module:
	@bash selftests/build.sh $@

# What this checkout built; the kernel and the tools are in the user's cache.
clean:
	rm -rf target
