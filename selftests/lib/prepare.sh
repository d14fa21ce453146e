# SPDX-License-Identifier: GPL-2.0-only
# The stages that `make run` and `make test` share, from bare machine to built
# module. Sourced; sources everything else.

FS=${FS:-ocfs2_glue}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for part in lib/cache lib/say vm/packages vm/source vm/kernel vm/module vm/guest vm/dmesg vm/volume; do
	# shellcheck disable=SC1090
	. "$here/$part.sh"
done

# prepare_source LOGS: stages 1 and 2. What they put there is found by its place.
prepare_source() {
	tools_use
	stage tools "$1/1-tools.log" packages_stage &&
		stage source "$1/2-source.log" source_stage || return 1
	tools_use
}

# prepare LOGS: stages 1 to 4, or the reason why not.
prepare() {
	local logs=$1
	prepare_source "$logs" &&
		stage kernel "$logs/3-kernel.log" kernel_stage &&
		stage module "$logs/4-module.log" module_stage || return 1
	VM_KERNEL=$(kernel_directory)/vmlinux
}
