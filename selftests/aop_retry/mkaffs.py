#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes an empty Amiga file system with blocks of 512 bytes: no package has one.

    mkaffs.py IMAGE ofs|ffs BLOCKS

The layout is that of struct affs_root_head, affs_root_tail and the bitmap in the
kernel's fs/affs/amigaffs.h and bitmap.c. The driver looks for the root block in
the middle of the device, wherever the file system ends: BLOCKS is how many are
free, and all after them are in use.
"""
import os
import struct
import sys

BLOCK = 512
WORDS = BLOCK // 4
RESERVED = 2
BITS = BLOCK * 8 - 32
BITMAPS = 25
T_SHORT, ST_ROOT = 2, 1
DOS = {"ofs": 0x444F5300, "ffs": 0x444F5301}


def sealed(values, place):
    """The block, with the word at `place` such that the sum of all is 0."""
    values[place] = 0
    values[place] = -sum(values) & 0xFFFFFFFF
    return struct.pack(">%dI" % WORDS, *values)


def bitmaps(total, taken, free):
    """A bit that is set is a free block, from RESERVED on, lowest bit first."""
    count = (total - RESERVED + BITS - 1) // BITS
    maps = [[0] * WORDS for _ in range(count)]
    block = RESERVED
    while block < total and free:
        if block not in taken(count):
            at = block - RESERVED
            maps[at // BITS][1 + at % BITS // 32] |= 1 << at % 32
            free -= 1
        block += 1
    return maps


def main():
    path, kind, free = sys.argv[1], sys.argv[2], int(sys.argv[3])
    total = os.path.getsize(path) // BLOCK
    root = (RESERVED + total - 1) // 2
    # Behind the root block: where to find those bitmaps that it has no room for.
    extension, first = root + 1, root + 2
    maps = bitmaps(total, lambda count: range(root, first + count), free)
    places = list(range(first, first + len(maps)))
    if len(maps) > BITMAPS + WORDS - 1:
        raise SystemExit("the image is too large")
    values = [0] * WORDS
    values[0], values[3], values[WORDS - 1] = T_SHORT, WORDS - 56, ST_ROOT
    values[WORDS - 50] = 0xFFFFFFFF
    values[WORDS - 49:WORDS - 24] = (places[:BITMAPS] + [0] * BITMAPS)[:BITMAPS]
    values[WORDS - 24] = extension if places[BITMAPS:] else 0
    values[WORDS - 20:WORDS - 12] = struct.unpack(">8I", b"\x04aops".ljust(32, b"\0"))
    more = (places[BITMAPS:] + [0] * WORDS)[:WORDS]
    with open(path, "r+b") as image:
        image.write(struct.pack(">I", DOS[kind]).ljust(RESERVED * BLOCK, b"\0"))
        image.seek(root * BLOCK)
        image.write(sealed(values, 5))
        image.write(struct.pack(">%dI" % WORDS, *more))
        for values in maps:
            image.write(sealed(values, 0))


main()
