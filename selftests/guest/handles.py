#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""File handles of the file system at the current directory.

    handles.py make FILE NAME...      writes the handles of the names
    handles.py open FILE [NAME...]    opens them (or those) by handle alone
    handles.py number INODE GENERATION    opens a handle that is made up
"""
import ctypes
import errno
import os
import stat
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, ROOM = -100, 128


def check(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def make(name):
    buffer = ctypes.create_string_buffer(struct.pack("<Ii", ROOM, 0), 8 + ROOM)
    mount = ctypes.c_int()
    check(LIBC.name_to_handle_at(AT_FDCWD, name.encode(), buffer, ctypes.byref(mount), 0))
    size, kind = struct.unpack_from("<Ii", buffer)
    return kind, buffer.raw[8:8 + size]


def show(kind, handle):
    """What is opened: its type, or the first line of a file."""
    buffer = ctypes.create_string_buffer(struct.pack("<Ii", len(handle), kind) + handle)
    try:
        mount = os.open(".", os.O_RDONLY)
        fd = check(LIBC.open_by_handle_at(mount, buffer, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error:
        return errno.errorcode[error.errno]
    mode = os.fstat(fd).st_mode
    if stat.S_ISDIR(mode):
        os.listdir(fd)
        return "directory"
    return os.read(fd, 100).decode().strip() if stat.S_ISREG(mode) else "device"


def main(argv):
    if argv[1] == "make":
        with open(argv[2], "w", encoding="ascii") as out:
            for name in argv[3:]:
                kind, handle = make(name)
                print(name, kind, handle.hex(), file=out)
    elif argv[1] == "open":
        with open(argv[2], encoding="ascii") as handles:
            for line in handles:
                name, kind, handle = line.split()
                if not argv[3:] or name in argv[3:]:
                    print(name, show(int(kind), bytes.fromhex(handle)))
    else:
        number = int(argv[2])
        print(show(1, struct.pack("<III", number >> 32, number & 0xFFFFFFFF, int(argv[3]))))


if __name__ == "__main__":
    main(sys.argv)
