#!/usr/bin/env python3
"""Makes a destination with a year of daily runs of a tree that grows, and looks through it.

    benches/year.py [EFS-SCAN] [DIR] [DAYS] [GEN-TREE DIRS]

Every day the tree changes a little and is scanned and published by the program itself, with its table of
directories, under the clock of that day (faketime, a package of Debian). The tree is small and the same each
time; with the program gen-tree it stands beside that many directories of the benchmark tree, which grow as well. Prints what all of it takes, what `efs-scan changes` says of the last day, week and month, what the page
(DIR/all.html) says of the last day, what `efs-scan history` says of the year, and, if duckdb (PyPI) is there, what
grew in a month by SQL.
"""

import datetime
import html.parser
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

program = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/efs-scan")
place = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "/tmp/efs-scan-year")
days = int(sys.argv[3]) if len(sys.argv) > 3 else 365
gen_tree, dirs = (sys.argv[4:6] + [None, None])[:2]
tree, to, state = place / "efs", place / "published", place / "state"
shutil.rmtree(place, ignore_errors=True)
tree.mkdir(parents=True)
chance = random.Random(20)
people = ["alice", "bob", "carol", "dave", "erin", "frank"]
rows = [f"{200001 + at},{name},{['research', 'platform'][at % 2]}" for at, name in enumerate(people)]
(place / "names.csv").write_text("\n".join(["uid,name,group", *rows]) + "\n")
now = datetime.datetime.now(datetime.timezone.utc)


# What may have changed today, with the directories above.
touched = set()


def touch(path):
    touched.update([path, *path.parents][: len(path.parts) - len(place.parts)])


def put(path, kib):
    """Makes a file whose blocks are there although nothing was written to them."""
    touch(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, kib << 10)


def change(day):
    for at in range(len(people)):
        home = tree / str(200001 + at)
        if day == 0:
            put(home / "notebooks/start.ipynb", 200)
            put(home / "data/raw/part-0", 4000)
        if chance.random() < 0.4:
            put(home / f"data/daily/{day:03}.parquet", chance.randrange(50, 900))
        if chance.random() < 0.05:
            for step in range(4):
                put(home / f"work/run{day:03}/checkpoints/step{step}.pt", chance.randrange(500, 4000))
            put(home / f"work/run{day:03}/logs/train.log", 100)
        if chance.random() < 0.1:
            put(home / f".cache/pip/http/{day:03}", chance.randrange(300, 2500))
        runs = sorted((home / "work").glob("run*")) if (home / "work").exists() else []
        if len(runs) > 6 and chance.random() < 0.2:
            shutil.rmtree(runs[0])
            touch(home / "work")
        elif len(runs) > 4 and chance.random() < 0.02:
            (home / "archive").mkdir(exist_ok=True)
            runs[0].rename(home / "archive" / runs[0].name)
            touch(home / "work")
            touch(home / "archive" / runs[0].name)
    for at in chance.sample(range(len(places)), min(5, len(places))):
        put(places[at] / f"more-{day:03}", chance.randrange(20, 3000))


def run(*args, begin=()):
    clock = {"TZ": "UTC", "NO_FAKE_STAT": "1", "DONT_FAKE_MONOTONIC": "1"}
    command = [*begin, program, *map(str, args)]
    out = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **clock})
    if out.returncode != 0:
        sys.exit(f"{args}: {out.returncode}\n{out.stderr}")
    return out.stdout


def scan(day):
    at = now - datetime.timedelta(days=days - 1 - day)
    # What changed today changed on the run's day. Otherwise it would be from the future.
    for path in touched:
        if path.exists() and path.stat().st_mtime > at.timestamp():
            os.utime(path, (at.timestamp(), at.timestamp()))
    touched.clear()
    begin = ["faketime", at.strftime("%Y-%m-%d %H:%M:%S")]
    run(tree, "--name", "prod", "--names", f"csv:{place / 'names.csv'}", "--state-dir", state, "--publish", to,
        "--quiet", begin=begin)


def benchmark_tree():
    """Makes a part of the benchmark tree as if it were a year old. Returns some of its directories."""
    if not gen_tree:
        return []
    shutil.rmtree(tree)
    made = [gen_tree, tree, "--dirs", dirs, "--files", str(int(dirs) * 19 // 2)]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    old = (now - datetime.timedelta(days=days + 400)).timestamp()
    found = []
    for above, below, files in os.walk(tree):
        for name in files:
            os.utime(os.path.join(above, name), (old, old), follow_symlinks=False)
        os.utime(above, (old, old))
        found.append(pathlib.Path(above))
    return sorted(found[1:])[:: max(1, len(found) // 500)]


places = benchmark_tree()
began = time.monotonic()
for day in range(days):
    change(day)
    scan(day)
print(f"{days} runs in {time.monotonic() - began:.0f} s", flush=True)
for kind in ["dirs", "homes", "findings", "runs"]:
    files = [path for path in (to / kind).rglob("*") if path.is_file()]
    print(f"{kind}: {len(files)} files, {sum(path.stat().st_size for path in files) / 1024:.0f} KiB")
for since in ["yesterday", "7d", "30d"]:
    print(f"\n$ efs-scan changes --since {since}")
    print(run("changes", "--from", to, "--since", since), end="", flush=True)
run("report", "--from", to, "--html", place / "all.html", "--users", place / "users")


class Table(html.parser.HTMLParser):
    """The cells of the table of what grew."""

    def __init__(self):
        super().__init__()
        self.rows, self.depth, self.cell = [], 0, None

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.inside = ("class", "grew") in attributes
        if tag == "tr" and self.inside:
            self.depth = int(dict(attributes).get("data-depth") or 0)
            self.rows.append([])
        if tag in ("td", "th") and self.inside:
            self.cell = "  " * self.depth if tag == "th" else ""

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.cell is not None:
            self.rows[-1].append(self.cell)
            self.cell = None


page = Table()
page.inside = False
page.feed((place / "all.html").read_text())
print(f"\nWhat grew, on the page ({(place / 'all.html').stat().st_size / 1024:.0f} KiB)")
widths = [max(len(row[at]) for row in page.rows) for at in range(len(page.rows[0]))]
for row in page.rows:
    print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip())
print("\n$ efs-scan history --days 365")
print(run("history", "--from", to, "--days", 365), end="", flush=True)
try:
    import duckdb
except ImportError:
    sys.exit(0)
print("\nDirectories that grew most in 30 days, by DuckDB")
print(duckdb.sql(f"""
    with days as (
        select * from read_parquet('{to}/dirs/*/*/*.parquet', hive_partitioning = true, hive_types = {{'dt': date}})
    ), newest as (select max(dt) as dt from days)
    select a.home, a.path,
        a.allocated_bytes - coalesce(b.allocated_bytes, 0) as grew
    from days a left join days b
        on (b.home, b.path) = (a.home, a.path) and b.dt = (select dt - interval 30 day from newest)
    where a.dt = (select dt from newest) order by grew desc, a.home, a.path limit 8
"""))
