# SPDX-License-Identifier: GPL-2.0-only
# Features that nobody knows are named when they are refused; an unknown
# read-only one still lets the volume be read.
. "$REPO/selftests/lib/bad.sh"
[ "$FS" = ocfs2 ] || SAYS='0x10000000'
bad "unknown incompat" set super s_feature_incompat "$(($(bad_template; corrupt get super s_feature_incompat) | 0x10000000))"
refused 'ls'
bad "unknown ro compat" set super s_feature_ro_compat "$(($(corrupt get super s_feature_ro_compat) | 0x10000000))"
refused 'ls >/dev/null && echo new >new'
SAYS=
volume_mount 1 "$FS" ro
same text "$(on 1 'cat /mnt/vol/inline')" "read-only, with an unknown ro compat feature"
bad_end
