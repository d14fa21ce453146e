#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes system calls as given users, in the current directory, and compares.

    calls.py <SCRIPT

Each line of the script is

    UID CALL ARGUMENT... -> WANT

and is run in a process of its own, with that user, group UID and no other groups.
WANT is what the call gives, or the name of its error. Lines that differ are
printed, and the exit status is 1 then.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import signal
import struct
import sys

FS_IOC_FIEMAP = 0xC020660B
LIBC = ctypes.CDLL(None, use_errno=True)


def libc(name, *arguments):
    result = getattr(LIBC, name)(*arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def opened(path, flags):
    return os.open(path, flags)


def read(path):
    return os.read(opened(path, os.O_RDONLY), 4096).decode().partition("\n")[0] or "empty"


def write(path):
    return os.write(opened(path, os.O_WRONLY | os.O_APPEND), b"more\n")


def create(path):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return oct(os.stat(path).st_mode & 0o7777)


def access(path, how):
    bits = sum({"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}[letter] for letter in how)
    return "yes" if os.access(path, bits) else "no"


def chmod(mode, path):
    os.chmod(path, int(mode, 8))
    return oct(os.stat(path).st_mode & 0o7777)


def mode(path):
    return oct(os.stat(path).st_mode & 0o7777)


def chown(uid, path):
    os.chown(path, int(uid), -1)
    return 0


def truncate(size, path):
    os.truncate(path, int(size))
    return 0


def getxattr(name, path):
    return os.getxattr(path, name).hex() or "empty"


def listxattr(path):
    return ",".join(sorted(os.listxattr(path))) or "none"


def setxattr(name, path):
    os.setxattr(path, name, b"x")
    return 0


def removexattr(name, path):
    os.removexattr(path, name)
    return 0


def seek(whence, offset, path):
    how = {"data": os.SEEK_DATA, "hole": os.SEEK_HOLE, "end": os.SEEK_END}[whence]
    return os.lseek(opened(path, os.O_RDONLY), int(offset), how)


def mapped(path, flags, prot):
    """What a mapping shows first; `then write` makes it writable and writes."""
    fd = opened(path, {"rw": os.O_RDWR, "r": os.O_RDONLY}[flags])
    bits = sum({"r": mmap.PROT_READ, "w": mmap.PROT_WRITE}[letter] for letter in prot)
    with mmap.mmap(fd, 4096, mmap.MAP_SHARED, bits) as area:
        return area[:4].decode()


def protect(path):
    """mprotect(PROT_READ | PROT_WRITE) of a shared mapping for reading."""
    fd = opened(path, os.O_RDWR)
    LIBC.mmap.restype = ctypes.c_void_p
    address = LIBC.mmap(None, ctypes.c_size_t(4096), 1, mmap.MAP_SHARED, fd, ctypes.c_long(0))
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    return libc("mprotect", ctypes.c_void_p(address), ctypes.c_size_t(4096), 3)


def flock(kind, path):
    how = {"ex": fcntl.LOCK_EX, "sh": fcntl.LOCK_SH, "un": fcntl.LOCK_UN}[kind[:2]]
    if not kind.endswith("wait"):
        how |= fcntl.LOCK_NB
    fcntl.flock(opened(path, os.O_RDONLY), how)
    return 0


def fiemap_into_itself(path):
    """The number of extents, with the list of them in a private mapping of the file."""
    fd = opened(path, os.O_RDONLY)
    room = 64
    area = mmap.mmap(fd, 8192, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    # The head ends where a page does: the list is in one that wasn't touched yet.
    area[4064:4096] = struct.pack("<QQIIII", 0, (1 << 64) - 1, 0, 0, room, 0)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area)) + 4064
    libc("ioctl", fd, ctypes.c_ulong(FS_IOC_FIEMAP), ctypes.c_void_p(address))
    return struct.unpack_from("<I", ctypes.string_at(address, 32), 20)[0]


def run(path):
    return os.waitstatus_to_exitcode(os.spawnv(os.P_WAIT, path, [path]) << 8)


CALLS = {f.__name__: f for f in (
    read, write, create, access, chmod, mode, chown, truncate, getxattr, listxattr, setxattr,
    removexattr, fiemap_into_itself, seek, mapped, protect, flock, run)}


def attempt(uid, words):
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        signal.alarm(30)
        if uid:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        try:
            result = str(CALLS[words[0]](*words[1:]))
        except OSError as error:
            result = errno.errorcode.get(error.errno, str(error.errno))
        os.write(into, result.encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as pipe:
        result = pipe.read()
    _, status = os.waitpid(child, 0)
    return result or f"status {status}"


def main():
    different = 0
    for line in sys.stdin:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        call, _, want = line.partition(" -> ")
        uid, *words = call.split()
        got = attempt(int(uid), words)
        if got != want.strip():
            different = 1
            print(f"{call} -> {got}, wanted {want.strip()}")
    sys.exit(different)


if __name__ == "__main__":
    main()
