# SPDX-License-Identifier: GPL-2.0-only
# A file grown far by one node is whole for the other, data and extent tree, and
# again when the second has grown it further.
pair_mount
io 1 write-pattern grown 5 0 400 2
same read=400 "$(io 2 read-pattern read grown 5 0 400 2)" "data, from node 2"
same read=399 "$(io 2 read-pattern read grown zero 1 399 2)" "holes, from node 2"
io 2 write-pattern grown 6 801 400 2
same read=400 "$(io 1 read-pattern read grown 6 801 400 2)" "data, from node 1"
same read=400 "$(io 1 read-pattern read grown 5 0 400 2)" "the first data again"
