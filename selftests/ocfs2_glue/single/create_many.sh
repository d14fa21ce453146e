# SPDX-License-Identifier: GPL-2.0-only
# Files by the hundred in one linear directory: all there, none twice, after a
# remount and for the in-tree driver.
volume_make 64 --fs-features=noindexed-dirs
volume_mount 1
on 1 'cd /mnt/vol; i=0; while [ $i -lt 300 ]; do echo content $i >created-file-number-$i || exit 1; i=$((i + 1)); done'
same EEXIST "$(io 1 try create created-file-number-7)" "a name that is taken"
list='cd /mnt/vol; i=0; while [ $i -lt 300 ]; do read -r line <created-file-number-$i; [ "$line" = "content $i" ] || exit 1; i=$((i + 1)); done; ls | grep -c ^created'
remount 1
same 300 "$(on 1 "$list")" "after a remount"
volume_umount 1
volume_mount 1 ocfs2
same 300 "$(on 1 "$list")" "by the in-tree driver"
