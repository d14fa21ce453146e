# SPDX-License-Identifier: GPL-2.0-only
"""What cost.sh counted, as the two tables of docs/cost.md, and its verdict.

tables.py DIRECTORY LIMIT: DIRECTORY has a file KERNEL.BOOT for each boot. Exits
with 1 if a ratio of the first table is above LIMIT, or if something is missing.
"""

import pathlib
import statistics
import sys

LOOPS = {
    "read": "read(2), cached",
    "read_cold": "read(2), not cached",
    "overwrite": "write(2), overwriting",
    "append": "write(2), appending",
    "fault": "page fault, cached",
    "fault_cold": "page fault, not cached",
    "stat": "stat(2)",
    "open": "open(2) and close(2)",
}
DRIVERS = ("local.ocfs2", "local.ocfs2_glue", "o2cb.ocfs2", "o2cb.ocfs2_glue")
SIZES = {"64": "64 B", "4096": "4 KiB", "65536": "64 KiB"}


def counted(directory, kernel):
    """(fs, loop, size) -> the least round of each boot, in instructions for a call."""
    found = {}
    for path in sorted(directory.glob(kernel + ".[0-9]*")):
        for line in path.read_text().splitlines():
            word = dict(w.split("=", 1) for w in line.split())
            least = int(word["least"]) / int(word["calls"])
            found.setdefault((word["fs"], word["loop"], word["size"]), []).append(least)
    return found


def incomplete(plain, series):
    """What a boot has not counted."""
    expected = {
        "plain": set(plain),
        "series": set(plain) | {(fs, *call) for _, *call in series for fs in DRIVERS} - {
            (fs, "count", "4096") for fs in DRIVERS},
    }
    boots = max(map(len, [*plain.values(), *series.values()]), default=0)
    for name, found in (("plain", plain), ("series", series)):
        for key in expected[name] or [("anything",)]:
            if len(found.get(key, ())) != boots or not boots:
                yield f"{name}: {' '.join(key)} was not counted in every boot"


def noise(boots):
    return max(boots) / min(boots) - 1


def table(heads, texts, rows):
    """Markdown; the first TEXTS columns are words, the others figures."""
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * texts + " ---: |" * (len(heads) - texts)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def series_table(plain, series, limit):
    """The lines, and (ratio, name) of each of them."""
    rows, ratios = [], []
    for key, boots in plain.items():
        fs, loop, size = key
        if loop == "count":
            continue
        before, after = statistics.median(boots), statistics.median(series[key])
        ratio = after / before
        ratios.append((ratio, f"{fs} {loop} {size}"))
        mark = " **too much**" if ratio > limit else ""
        rows.append((fs, LOOPS[loop], SIZES[size], f"{before:,.1f}", f"{after:,.1f}", f"{ratio:.5f}{mark}"))
    heads = ("file system", "call", "bytes", "7.3 as it is", "with the series", "ratio")
    return table(heads, 3, rows), ratios


def driver_table(series):
    """Both drivers, without a cluster and as the only node of one."""
    rows = []
    for (fs, loop, size), boots in series.items():
        if fs != "local.ocfs2":
            continue
        row = [LOOPS[loop], "" if loop in ("stat", "open") else SIZES[size]]
        for volume in ("local", "o2cb"):
            theirs, ours = (statistics.median(series[f"{volume}.{driver}", loop, size]) for driver in ("ocfs2", "ocfs2_glue"))
            row += [f"{theirs:,.0f}", f"{ours:,.0f}", f"{ours / theirs:.3f}"]
        rows.append(row)
    heads = ("call", "bytes", "local: ocfs2", "ocfs2_glue", "ratio", "o2cb: ocfs2", "ocfs2_glue", "ratio")
    return table(heads, 2, rows)


def clock(counts):
    """An instruction is a tick: a loop of known length took as many."""
    want = 3 * 4096
    return all(want <= count < want * 1.001 for count in counts)


def main():
    directory, limit = pathlib.Path(sys.argv[1]), float(sys.argv[2])
    plain, series = counted(directory, "plain"), counted(directory, "series")
    missing = sorted(incomplete(plain, series))
    if missing:
        print("\n".join("cost: " + what for what in missing))
        return 1
    lines, ratios = series_table(plain, series, limit)
    print("\n".join(lines))
    print()
    print("\n".join(driver_table(series)))
    print()
    noises = [(noise(found[key]), f"{key[0]} {key[1]} {key[2]}") for found in (plain, series) for key in plain]
    worst, loudest = max(ratios), max(noises)
    wrong = []
    if not clock(plain["tmpfs", "count", "4096"] + series["tmpfs", "count", "4096"]):
        wrong.append("the clock does not count instructions")
    wrong += [f"{name}: {ratio:.5f}, {limit} at most" for ratio, name in ratios if ratio > limit]
    for what in wrong:
        print("cost: " + what)
    boots = len(plain["tmpfs", "count", "4096"])
    drivers = max((noise(found), f"{fs} {loop} {size}") for (fs, loop, size), found in series.items())
    print(f"cost: boots of the second table differ by {drivers[0]:.5f} at most ({drivers[1]})")
    print(f"cost: {'FAIL' if wrong else 'PASS'} {len(ratios)} ratios, the largest {worst[0]:.5f} ({worst[1]}); "
          f"{boots} boots of each kernel differ by {loudest[0]:.5f} at most ({loudest[1]})")
    return 1 if wrong else 0


sys.exit(main())
