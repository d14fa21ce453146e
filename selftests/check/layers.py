#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints each import that runs upwards between folders: FILE: what it uses.

A folder may use those that stand before it in its list, and itself. So there are
no circles. A folder that isn't listed is a breach as well."""

import re
import subprocess
import sys
from pathlib import Path

# Directory, the path of its module, and its folders from the ground up.
LAYERS = [
    ("ocfs2_glue", [], "ondisk lockres cluster volume meta txn space xattr data inode namei mount"),
    ("ocfs2_glue/ondisk", ["ondisk"], "base extent inode dir alloc dlm volume xattr"),
    ("rust", ["vfs"], "sync fs block jbd2 dlm"),
]


def leaves(tree, prefix=()):
    """Each path of a use tree, as a tuple of names."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        name = tree.split(" as ")[0]
        yield prefix + tuple(part.strip() for part in name.split("::") if part.strip())
        return
    head = tuple(part.strip() for part in tree[:brace].split("::") if part.strip())
    depth, item = 0, ""
    for char in tree[brace + 1 : tree.rindex("}")] + ",":
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            if item.strip():
                yield from leaves(item, prefix + head)
            item = ""
        else:
            item += char


def paths(text):
    """Every path of the code that begins with crate or super."""
    text = re.sub(r"//.*", "", text)
    uses = re.compile(r"\buse\s+((?:crate|super)\b[^;]*);")
    for use in uses.finditer(text):
        yield from leaves(use.group(1))
    for path in re.finditer(r"\b(?:crate|super)(?:::\w+)+", uses.sub("", text)):
        yield tuple(path.group(0).split("::"))


def absolute(path, module):
    """The path from the crate's root, for a file whose module is `module`."""
    if path[0] == "crate":
        return list(path[1:])
    module, path = list(module), list(path)
    while path and path[0] == "super":
        module, path = module[:-1], path[1:]
    return module + path


def breaches(root, prefix, folders):
    order = {name: place for place, name in enumerate(folders.split())}
    names = subprocess.check_output(["git", "ls-files", f"{root}/*.rs"], text=True).split()
    for name in names:
        if not Path(name).exists():
            continue
        parts = Path(name).relative_to(root).parts
        if len(parts) == 1:
            continue
        mine = parts[0]
        if mine not in order:
            yield f"{name}: {root}/{mine} has no place in the order of {sys.argv[0]}"
            continue
        inner = [part.removesuffix(".rs") for part in parts]
        module = prefix + (inner[:-1] if inner[-1] == "mod" else inner)
        for path in paths(Path(name).read_text()):
            target = absolute(path, module)
            if target[: len(prefix)] != prefix or len(target) <= len(prefix):
                continue
            used = target[len(prefix)]
            if order.get(used, -1) > order[mine]:
                yield f"{name}: uses {used}, which stands above {mine}"


found = sorted({line for layer in LAYERS for line in breaches(*layer)})
print("\n".join(found), end="\n" if found else "")
