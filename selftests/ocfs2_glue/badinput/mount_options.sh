# SPDX-License-Identifier: GPL-2.0-only
# Options that nobody knows, or that are malformed, are refused by name.
. "$REPO/selftests/lib/bad.sh"
option() {
	BAD_CASE="option $1"
	MOUNT_WITH=$1
	[ "$FS" = ocfs2 ] || SAYS=${1%%=*}
	bad_template
	refused 'ls'
}
option nosuchoption
option nosuchoption=7
option data=sometimes
option commit=often
option heartbeat=maybe
bad_end
