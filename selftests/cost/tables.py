# SPDX-License-Identifier: GPL-2.0-only
"""The tables of docs/cost.md from what cost.sh counted, and its verdict.

tables.py DIRECTORY RATIO LIMITS FS...: DIRECTORY has a file KERNEL.BOOT for each
boot. Exits with 1 if the series makes a call dearer than RATIO times what it was,
if a file system of ours is above one of LIMITS, or if something was not counted.
"""

import pathlib
import statistics
import sys

# In the order of the table.
ROWS = (
    ("overwrite", "4096"),
    ("overwrite", "65536"),
    ("append", "4096"),
    ("append", "65536"),
    ("append", "64"),
    ("fsync", "64"),
    ("read", "4096"),
    ("read", "65536"),
    ("read_cold", "4096"),
    ("read_cold", "65536"),
    ("fault", "4096"),
    ("fault", "65536"),
    ("fault_cold", "4096"),
    ("fault_cold", "65536"),
    ("stat", ""),
    ("open", ""),
    ("create", ""),
)
LOOPS = {
    "read": "read, cached",
    "read_cold": "read, not cached",
    "overwrite": "overwrite",
    "append": "append",
    "fault": "fault, cached",
    "fault_cold": "fault, not cached",
    "stat": "stat, cached",
    "open": "open and close",
    "create": "create and close",
    "fsync": "append and fsync",
}
SIZES = {"": "", "64": "64 B", "4096": "4 KiB", "65536": "64 KiB"}
# What a row of LIMITS says instead of a number: as much as the in-tree driver takes
# in the same run; not measured yet, which fails.
IN_TREE = "in-tree"
UNKNOWN = "?"


class Counted(dict):
    """(fs, loop, size) -> the least round of each boot, in instructions for a call."""

    def __init__(self, directory, kernel):
        super().__init__()
        for path in sorted(directory.glob(kernel + ".[0-9]*")):
            for line in path.read_text().splitlines():
                word = dict(w.split("=", 1) for w in line.split())
                size = word["size"] if (word["loop"], "") not in ROWS else ""
                least = int(word["least"]) / int(word["calls"])
                self.setdefault((word["fs"], word["loop"], size), []).append(least)

    def median(self, *key):
        return statistics.median(self[key])

    def boots(self):
        return max(map(len, self.values()), default=0)

    def missing(self, kernel, keys):
        """What a boot has not counted."""
        for key in keys:
            if len(self.get(key, ())) != self.boots() or not self.boots():
                yield f"{kernel}: {' '.join(key)} was not counted in every boot"

    def noise(self):
        """How far the boots are apart, and where that was."""
        return max((spread(boots), " ".join(key)) for key, boots in self.items())

    def clock(self, kernel):
        """An instruction is a tick: a loop of known length took as many."""
        want = 3 * 4096
        if not all(want <= count < want * 1.001 for count in self["tmpfs", "count", "4096"]):
            yield f"{kernel}: the clock does not count instructions"


def spread(boots):
    return max(boots) / min(boots) - 1


def markdown(heads, texts, rows):
    """The first TEXTS columns are words, the others figures."""
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * texts + " ---: |" * (len(heads) - texts)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def series_table(plain, series, limit):
    """Prints it; returns what is wrong, and the largest ratio with its name."""
    rows, wrong, ratios = [], [], []
    for key in (key for key in plain if key[1] != "count"):
        fs, loop, size = key
        before, after = plain.median(*key), series.median(*key)
        ratio, name = after / before, " ".join(key)
        ratios.append((ratio, name))
        if ratio > limit:
            wrong.append(f"the series, {name}: {ratio:.5f}, {limit} at most")
        mark = " **too much**" if ratio > limit else ""
        rows.append((fs, LOOPS[loop], SIZES[size], f"{before:,.1f}", f"{after:,.1f}", f"{ratio:.5f}{mark}"))
    heads = ("file system", "call", "bytes", "7.3 as it is", "with the series", "ratio")
    print("\n".join(markdown(heads, 3, rows)) + "\n")
    return wrong, max(ratios)


def read_limits(path):
    """(fs, loop, size) -> a number, IN_TREE or UNKNOWN."""
    limits, heads = {}, None
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if heads is None:
            heads = words[2:]
            continue
        size = "" if words[1] == "-" else words[1]
        for fs, limit in zip(heads, words[2:], strict=True):
            limits[fs, words[0], size] = limit if limit in (IN_TREE, UNKNOWN) else int(limit)
    return limits


def driver_table(driver, limits, volumes):
    """Prints it; returns what is wrong."""
    rows, wrong = [], []
    heads = ["call", "bytes"]
    for fs in volumes:
        heads += [fs.replace("local.", "").replace(".", ": ")]
        heads += ["limit"] if any(fs == key[0] for key in limits) else []
    for loop, size in ROWS:
        row, spreads = [LOOPS[loop], SIZES[size]], []
        for fs in volumes:
            key = fs, loop, size
            if key not in driver:
                row.append("")
                continue
            spreads.append(spread(driver[key]))
            figure = driver.median(*key)
            text = f"{figure:,.0f}"
            limit = limits.get(key)
            if limit == IN_TREE:
                limit = driver.median(fs.split(".")[0] + ".ocfs2", loop, size)
            if limit == UNKNOWN:
                wrong.append(f"{' '.join(key).rstrip()}: no limit yet; with 1 % more than now it would be {figure * 1.01:.0f}")
                row += [text, UNKNOWN]
                continue
            if limit is not None and figure > limit:
                text = f"**{text}**"
                wrong.append(f"{' '.join(key).rstrip()}: {figure:,.0f}, {limit:,.0f} at most")
            row += [text] if limit is None else [text, f"{limit:,.0f}"]
        rows.append(row + [f"{100 * max(spreads):.2f} %"])
    print("\n".join(markdown(heads + ["spread"], 2, rows)) + "\n")
    return wrong


def expected(volumes):
    """All that the table of file systems has to have."""
    for fs in volumes:
        yield from ((fs, *row) for row in ROWS if fs != "tmpfs" or not row[0].endswith("_cold"))
    yield "tmpfs", "count", "4096"


def main():
    directory, ratio, volumes = pathlib.Path(sys.argv[1]), float(sys.argv[2]), sys.argv[4:]
    limits = read_limits(pathlib.Path(sys.argv[3]))
    plain, series, driver = (Counted(directory, name) for name in ("plain", "series", "driver"))
    missing = [*driver.missing("driver", expected(volumes))]
    if plain or series:
        missing += [*plain.missing("plain", plain), *series.missing("series", plain)]
    # A limit that nothing is measured against would never fail.
    ours = {fs for fs in volumes if fs.endswith(".ocfs2_glue")}
    missing += [f"limits: {' '.join(key)} has none" for key in expected(ours) if key[0] in ours and key not in limits]
    missing += [f"limits: {' '.join(key)} is not measured" for key in limits if key not in driver]
    for what in missing:
        print("cost: " + what)
    if missing:
        return 1
    wrong, largest = series_table(plain, series, ratio) if plain else ([], None)
    wrong += driver_table(driver, limits, volumes)
    for name, found in (("plain", plain), ("series", series), ("driver", driver)):
        if found:
            wrong += found.clock(name)
            print("cost: {}: {} boots differ by {:.5f} at most ({})".format(name, found.boots(), *found.noise()))
    for what in wrong:
        print("cost: " + what)
    ratios = "the largest ratio of the series {:.5f} ({}), ".format(*largest) if largest else ""
    print(f"cost: {'FAIL' if wrong else 'PASS'}: {ratios}{len(limits)} limits; {len(wrong)} of all that exceeded")
    return 1 if wrong else 0


sys.exit(main())
