#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Gives an inode of an OCFS2 volume in an image file extended attributes.

    xattr.py IMAGE PATH NAME=VALUE...      VALUE in hex, or @N for N bytes outside

All of an inode's attributes are replaced; they go into the dinode, as the in-tree
driver puts small ones, but for directories that are in the dinode themselves. The kernel's own setfattr on the in-tree driver isn't used
for this: lockdep finds a circle in it and is off from then on. NAME may be
acl=ENTRY,... or default=ENTRY,... with entries like u::rw-, u:1000:---, m::r--.

`@N` makes an entry whose value is said to be in clusters of its own, without any.
`indexed BLOCK` in place of attributes makes BLOCK, which must be a free one, the
root of an index without buckets. fsck.ocfs2 objects to both.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from corrupt import DINODE, Image, INLINE_DATA  # noqa: E402

PREFIXES = [("user.", 1), ("system.posix_acl_access", 2), ("system.posix_acl_default", 3),
            ("trusted.", 4), ("security.", 5)]
HAS_XATTR, INLINE_XATTR = 0x2, 0x4
ROOM = 256
I_XATTR_LOC = 0x78
TAGS = {"u": (0x01, 0x02), "g": (0x04, 0x08), "m": (0x10, 0x10), "o": (0x20, 0x20)}
S_UUID_HASH = 0xC0 + 0x44


def acl(text):
    """The value of an ACL: struct ocfs2_acl_entry for each entry."""
    out = b""
    for entry in text.split(","):
        kind, who, bits = entry.split(":")
        perm = sum(1 << (2 - at) for at in range(3) if bits[at] != "-")
        out += struct.pack("<HHI", TAGS[kind][bool(who)], perm, int(who) if who else 0xFFFFFFFF)
    return out


def name_hash(seed, name):
    value = seed
    for byte in name:
        value = ((value << 5) ^ (value >> 27) ^ byte) & 0xFFFFFFFF
    return value


def region(seed, attributes):
    """The header, the entries, and the names with values from the end downwards."""
    data, free = bytearray(ROOM), ROOM
    for index, (kind, name, value, outside) in enumerate(attributes):
        room = (len(name) + 3) & ~3
        body = b"\0" * 48 if outside else value
        free -= room + ((len(body) + 3) & ~3)
        data[free:free + len(name)] = name
        data[free + room:free + room + len(body)] = body
        struct.pack_into("<IHBBQ", data, 16 + 16 * index, name_hash(seed, name), free, len(name),
                         kind | (0 if outside else 0x80), outside or len(value))
    used = sum(((len(n) + 3) & ~3) + ((len(v) + 3) & ~3) for _, n, v, _ in attributes)
    struct.pack_into("<HHH", data, 0, len(attributes), free, used)
    return data


def parse(text):
    name, _, value = text.partition("=")
    if name in ("acl", "default"):
        name = "system.posix_acl_" + {"acl": "access"}.get(name, name)
        value = acl(value).hex()
    for prefix, kind in PREFIXES:
        if name.startswith(prefix):
            rest = name[len(prefix):].encode()
            if value.startswith("@"):
                return kind, rest, b"", int(value[1:])
            return kind, rest, bytes.fromhex(value), 0
    raise SystemExit(f"no such attribute: {name}")


def main(argv):
    image = Image(argv[1])
    block = image.resolve(argv[2])
    data = image.read(block)
    features, = struct.unpack_from("<H", data, DINODE["i_dyn_features"][0])
    features |= HAS_XATTR
    if argv[3] == "indexed":
        index, root = int(argv[4], 0), bytearray(1 << image.bits)
        root[:8] = b"XATTR01\0"
        root[0x0C:0x10] = data[0x60:0x64]  # the generation
        struct.pack_into("<Q", root, 0x10, index)
        struct.pack_into("<H", root, 0x20, 1)
        image.write(index, root)
        struct.pack_into("<Q", data, I_XATTR_LOC, index)
    else:
        if not features & INLINE_XATTR:
            features |= INLINE_XATTR
            struct.pack_into("<H", data, DINODE["i_xattr_inline_size"][0], ROOM)
            # What the dinode has room for ends where the attributes begin.
            at = DINODE["id_count"][0] if features & INLINE_DATA else DINODE["l_count"][0]
            less = ROOM if features & INLINE_DATA else ROOM // 16
            struct.pack_into("<H", data, at, struct.unpack_from("<H", data, at)[0] - less)
        seed, = struct.unpack_from("<I", image.read(2), S_UUID_HASH)
        data[-ROOM:] = region(seed, [parse(text) for text in argv[3:]])
    struct.pack_into("<H", data, DINODE["i_dyn_features"][0], features)
    image.write(block, data)


if __name__ == "__main__":
    main(sys.argv)
