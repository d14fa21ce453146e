# SPDX-License-Identifier: GPL-2.0-only
# What chattr(1) sets on one node holds on the other at once, for a file that it
# has in memory.
volume_mount 1 ocfs2
volume_mount 2
on 1 'cd /mnt/vol; : >flags'
same 0 "$(io 2 try open-write flags)" "before"
on 1 'chattr +i /mnt/vol/flags'
on 2 'stat /mnt/vol/flags' >/dev/null
same EPERM "$(io 2 try open-write flags)" "an immutable file"
on 1 'chattr -i /mnt/vol/flags'
on 2 'stat /mnt/vol/flags' >/dev/null
same 0 "$(io 2 try open-write flags)" "one that isn't any more"
