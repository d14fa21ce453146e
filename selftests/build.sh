#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# make kernel, make module: the stages up to there, and where the result is.
set -u
. "$(dirname "$0")/lib/prepare.sh"
trap stage_stop EXIT
trap 'exit 130' INT TERM
LOGS=$(run_directory build)
STAGE_COUNT=4
[ "$1" = kernel ] && STAGE_COUNT=3
tools_use
stage tools "$LOGS/1-tools.log" packages_stage &&
	stage source "$LOGS/2-source.log" source_stage &&
	stage kernel "$LOGS/3-kernel.log" kernel_stage || exit 1
say "kernel: $(kernel_directory)"
[ "$1" = kernel ] && exit 0
stage module "$LOGS/4-module.log" module_stage || exit 1
say "module: $GLUE_KO"
