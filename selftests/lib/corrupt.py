#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Changes single fields of an OCFS2 volume in an image file.

    corrupt.py IMAGE get WHAT FIELD
    corrupt.py IMAGE set WHAT FIELD VALUE [FIELD VALUE]...
    corrupt.py IMAGE fill WHAT BYTE        (the whole block)
    corrupt.py IMAGE extent WHAT INDEX FIELD VALUE [...]
    corrupt.py IMAGE dirent WHAT NAME FIELD VALUE [...]
    corrupt.py IMAGE journaled WHAT FIELD VALUE [...]  (the copies of an inode's block
                                                       in the journal of slot 0)
    corrupt.py IMAGE slot INDEX [FIELD VALUE]...      (of an extended slot map; without
                                                       a field: its node, or `free`)

WHAT is `super`, `block:N`, or a path: `/dir/file` from the root directory,
`//journal:0000` from the system directory; with `@leaf` after it, the block
that its extent list's first record points to; with `@group`, the first group
of its first chain; with `@data`, its first data block.

Numbers, offsets and names are those of struct ocfs2_dinode and its relatives
in the kernel's fs/ocfs2/ocfs2_fs.h. Volumes without metadata checksums only.
"""
import struct
import sys

WIDTH = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}

DINODE = {
    "i_signature": (0x00, 8), "i_generation": (0x08, 4), "i_suballoc_slot": (0x0C, 2),
    "i_suballoc_bit": (0x0E, 2), "i_xattr_inline_size": (0x12, 2), "i_clusters": (0x14, 4), "i_size": (0x20, 8),
    "i_mode": (0x28, 2), "i_links_count": (0x2A, 2), "i_flags": (0x2C, 4),
    "i_blkno": (0x50, 8), "i_last_eb_blk": (0x58, 8), "i_fs_generation": (0x60, 4),
    "i_dyn_features": (0x76, 2),
    # i_id1.bitmap1 and what is at id2: a chain list, a local alloc, inline data.
    "i_used": (0xB8, 4), "i_total": (0xBC, 4),
    # i_id1.journal1
    "ij_flags": (0xB8, 4), "ij_recovery_generation": (0xBC, 4),
    "cl_cpg": (0xC0, 2), "cl_bpc": (0xC2, 2), "cl_count": (0xC4, 2), "cl_next_free_rec": (0xC6, 2),
    "c_free": (0xD0, 4), "c_total": (0xD4, 4), "c_blkno": (0xD8, 8),
    "l_tree_depth": (0xC0, 2), "l_count": (0xC2, 2), "l_next_free_rec": (0xC4, 2),
    "id_count": (0xC0, 2),
    "la_bm_off": (0xC0, 4), "la_size": (0xC4, 2), "la_bitmap": (0xD0, 8),
    "tl_count": (0xC0, 2), "tl_used": (0xC2, 2), "t_start": (0xC8, 4), "t_clusters": (0xCC, 4),
}
SUPER = {
    "s_major_rev_level": (0x00, 2), "s_minor_rev_level": (0x02, 2), "s_state": (0x08, 2),
    "s_feature_compat": (0x1C, 4), "s_feature_incompat": (0x20, 4),
    "s_feature_ro_compat": (0x24, 4), "s_root_blkno": (0x28, 8), "s_system_dir_blkno": (0x30, 8),
    "s_blocksize_bits": (0x38, 4), "s_clustersize_bits": (0x3C, 4), "s_max_slots": (0x40, 2),
    "s_first_cluster_group": (0x48, 8), "s_label": (0x50, 8),
}
SUPER = {name: (0xC0 + offset, width) for name, (offset, width) in SUPER.items()}
EXTENT_BLOCK = {
    "h_signature": (0x00, 8), "h_fs_generation": (0x14, 4), "h_blkno": (0x18, 8),
    "h_next_leaf_blk": (0x28, 8),
    "l_tree_depth": (0x30, 2), "l_count": (0x32, 2), "l_next_free_rec": (0x34, 2),
}
GROUP = {
    "bg_signature": (0x00, 8), "bg_size": (0x08, 2), "bg_bits": (0x0A, 2),
    "bg_free_bits_count": (0x0C, 2), "bg_chain": (0x0E, 2), "bg_generation": (0x10, 4),
    "bg_next_group": (0x18, 8), "bg_parent_dinode": (0x20, 8), "bg_blkno": (0x28, 8),
    "bg_bitmap": (0x40, 8),
    # bg_list of a group in pieces
    "l_count": (0x142, 2), "l_next_free_rec": (0x144, 2),
}
EXTENT = {"e_cpos": (0, 4), "e_int_clusters": (4, 4), "e_leaf_clusters": (4, 2),
          "e_flags": (7, 1), "e_blkno": (8, 8)}
DIRENT = {"inode": (0, 8), "rec_len": (8, 2), "name_len": (10, 1), "file_type": (11, 1),
          "name": (12, 8)}
SLOT = {"es_valid": (0, 1), "es_node_num": (4, 4)}
INLINE_DATA = 0x0001
SIGNATURES = {b"INODE01\0": DINODE, b"OCFSV2\0\0": {**DINODE, **SUPER},
              b"EXBLK01\0": EXTENT_BLOCK, b"GROUP01\0": GROUP}


class Image:
    def __init__(self, path):
        self.file = open(path, "r+b")
        self.bits = 12
        for bits in (9, 10, 11, 12):
            self.bits = bits
            if self.read(2)[:6] == b"OCFSV2":
                break
        else:
            raise SystemExit("not an OCFS2 volume")

    def read(self, block):
        self.file.seek(block << self.bits)
        return bytearray(self.file.read(1 << self.bits))

    def write(self, block, data):
        self.file.seek(block << self.bits)
        self.file.write(data)
        self.file.flush()

    def field(self, block, fields, name):
        offset, width = fields[name]
        return struct.unpack_from(WIDTH[width], self.read(block), offset)[0]

    def records(self, block):
        """The offset of a block's first extent record, and how many are used."""
        data = self.read(block)
        offset = 0x30 if data[:7] == b"EXBLK01" else 0xC0
        return offset + 16, struct.unpack_from("<H", data, offset + 4)[0]

    def copies(self, block):
        """Blocks of the first journal that hold a copy of an inode's block."""
        first, count = self.records(self.resolve("//journal:0000"))
        data = self.read(self.resolve("//journal:0000"))
        per_cluster = 1 << (self.field(2, DINODE | SUPER, "s_clustersize_bits") - self.bits)
        for index in range(count):
            clusters, start = struct.unpack_from("<4xH2xQ", data, first + 16 * index)
            for at in range(start, start + clusters * per_cluster):
                copy = self.read(at)
                if copy[:8] == b"INODE01\0" and struct.unpack_from("<Q", copy, 0x50)[0] == block:
                    yield at

    def first_leaf(self, block):
        return struct.unpack_from("<Q", self.read(block), self.records(block)[0] + 8)[0]

    def data_block(self, block):
        """The first block of data: down the left edge of the tree."""
        while self.field(block, fields_of(self.read(block)), "l_tree_depth"):
            block = self.first_leaf(block)
        return self.first_leaf(block)

    def entries(self, inode):
        """Yields (block, offset, inode number, name) of a directory's entries."""
        if self.field(inode, DINODE, "i_dyn_features") & INLINE_DATA:
            area, start, end = inode, 0xC8, 0xC8 + self.field(inode, DINODE, "id_count")
        else:
            # Enough for directories of one block, and of one extent.
            area, start, end = self.data_block(inode), 0, 1 << self.bits
        data = self.read(area)
        while start + 12 <= end:
            number, length, name_len = struct.unpack_from("<QHB", data, start)
            if not length:
                return
            if number:
                yield area, start, number, bytes(data[start + 12:start + 12 + name_len]).decode()
            start += length

    def lookup(self, directory, name):
        for area, offset, number, found in self.entries(directory):
            if found == name:
                return area, offset, number
        raise SystemExit(f"no {name} in the directory at block {directory}")

    def resolve(self, what):
        """The block that WHAT names."""
        if what == "super":
            return 2
        if what.startswith("block:"):
            return int(what[6:], 0)
        path, _, part = what.partition("@")
        root = "s_system_dir_blkno" if path.startswith("//") else "s_root_blkno"
        block = self.field(2, SUPER, root)
        for name in filter(None, path.split("/")):
            block = self.lookup(block, name)[2]
        if part == "leaf":
            return self.first_leaf(block)
        if part == "group":
            return self.field(block, DINODE, "c_blkno")
        if part == "data":
            return self.data_block(block)
        return block


def fields_of(data):
    return SIGNATURES.get(bytes(data[:8]), DINODE)


def put(data, base, fields, pairs):
    for name, value in zip(pairs[::2], pairs[1::2]):
        offset, width = fields[name]
        if width == 8 and not value[:1].isdigit() and value[:1] != "-":
            raw = value.encode().ljust(8, b"\0")[:8]
        else:
            raw = struct.pack(WIDTH[width], int(value, 0) % (1 << 8 * width))
        data[base + offset:base + offset + width] = raw


def main(argv):
    image, verb, what, rest = Image(argv[1]), argv[2], argv[3], argv[4:]
    block = image.resolve("//slot_map@data" if verb == "slot" else what)
    if verb == "slot":
        base, fields, pairs = 8 * int(what), SLOT, rest
        if not rest:
            valid, node = struct.unpack_from("<B3xI", image.read(block), base)
            print(node if valid else "free")
            return
    elif verb == "dirent":
        block, base, _ = image.lookup(block, rest[0])
        fields, pairs = DIRENT, rest[1:]
    elif verb == "extent":
        base, fields, pairs = image.records(block)[0] + 16 * int(rest[0]), EXTENT, rest[1:]
    else:
        base, fields, pairs = 0, fields_of(image.read(block)), rest
    if verb == "journaled":
        places = list(image.copies(block))
        if not places:
            raise SystemExit(f"the journal has no copy of {what}")
        for place in places:
            data = image.read(place)
            put(data, 0, DINODE, rest)
            image.write(place, data)
        return
    data = image.read(block)
    if verb == "get":
        print(block if rest[0] == "block" else image.field(block, fields, rest[0]))
        return
    if verb == "fill":
        data[:] = bytes([int(rest[0], 0)]) * len(data)
    else:
        put(data, base, fields, pairs)
    image.write(block, data)


if __name__ == "__main__":
    main(sys.argv)
