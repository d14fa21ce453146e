# SPDX-License-Identifier: GPL-2.0-only
"""What the plugin (profile.c) counted, by function.

profile.py PROFILE KALLSYMS PROGRAM CALLS: instructions for each of CALLS calls.
KALLSYMS is the guest's, PROGRAM the loops' program. Prints the tree of calls, then
functions by what they execute with all that they call, then without.
"""

import bisect
import collections
import subprocess
import sys

# What is less than this part of the whole isn't shown.
LEAST = 0.01


def symbols(kallsyms, program):
    found = []
    nm = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    for line in [*open(kallsyms), *nm.splitlines()]:
        words = line.split()
        if len(words) >= 3 and words[1] in "tTwW":
            found.append((int(words[0], 16), words[2]))
    found.sort()
    names = "\n".join(name for _, name in found)
    names = subprocess.run(["llvm-cxxfilt-19"], input=names, capture_output=True, text=True, check=True).stdout
    return [address for address, _ in found], names.splitlines()


class Names:
    def __init__(self, kallsyms, program):
        self.addresses, self.names = symbols(kallsyms, program)

    def of(self, address):
        at = bisect.bisect_right(self.addresses, address) - 1
        return self.names[at] if at >= 0 else "?"


class Node:
    def __init__(self, name):
        self.name, self.own, self.children = name, 0, {}

    def total(self):
        return self.own + sum(child.total() for child in self.children.values())


def read(path, names):
    """The root of the tree, functions of one name put together, and each one's own share."""
    nodes, own = {}, collections.Counter()
    for line in open(path):
        words = line.split()
        if words[0] == "at":
            own[names.of(int(words[1], 16))] += int(words[2])
            continue
        number, parent, entry, count = words
        name = names.of(int(entry, 16))
        if parent in nodes:
            node = nodes[parent].children.setdefault(name, Node(name))
        else:
            node = Node("all")
        node.own += int(count)
        nodes[number] = node
    return next(iter(nodes.values())), own


def inclusive(node, sums, above=()):
    """A function that calls itself counts once."""
    total = node.own + sum(inclusive(child, sums, (*above, node.name)) for child in node.children.values())
    if node.name not in above:
        sums[node.name] += total
    return total


def tree(node, calls, least, depth=0):
    total = node.total()
    if total < least:
        return
    print(f"{total / calls:10,.0f} {node.own / calls:10,.0f}  {'  ' * depth}{node.name}")
    for child in sorted(node.children.values(), key=Node.total, reverse=True):
        tree(child, calls, least, depth + 1)


def main():
    sys.setrecursionlimit(10000)
    profile, kallsyms, program, calls = *sys.argv[1:4], int(sys.argv[4])
    root, own = read(profile, Names(kallsyms, program))
    sums = collections.Counter()
    whole = inclusive(root, sums)
    print("with what it calls, by itself, a call:")
    tree(root, calls, whole * LEAST)
    for what, counter in (("with what they call", sums), ("by themselves", own)):
        print(f"\nfunctions, {what}:")
        for name, count in counter.most_common(60):
            if count >= whole * LEAST:
                print(f"{count / calls:10,.0f} {100 * count / whole:5.1f} %  {name}")


main()
