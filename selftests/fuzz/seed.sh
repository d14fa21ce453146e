#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Writes blocks of fresh volumes to seeds/, and copies them to each target's working corpus.
set -eu
cd "$(dirname "$0")"
mkdir -p seeds
OCFS2_FUZZ_SEEDS=$PWD/seeds cargo test -q --manifest-path ../host/ondisk/Cargo.toml \
	--test format_total blocks_of_real_volumes
for target in superblocks dinodes directories indexes xattrs plain; do
	mkdir -p "corpus/$target"
	cp seeds/* "corpus/$target/"
done
