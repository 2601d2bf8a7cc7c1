#!/usr/bin/env python3
"""Prints time and peak memory of syncline on trees of growing size: no change, and 1 % changed.

usage: tests/bench/scale.py [--files 100000,1000000] [--runs 3] [--bin PROGRAM] [--at DIR]

Time should grow with the number of files, memory not at all. Files have some 20 bytes, since it is their number that
counts. --bin: default build/release/bin/syncline, which must be built. --at: where the trees are made (default /dev/shm).
"""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES_IN_FOLDER = 1000


def path_of(root: pathlib.Path, number: int) -> pathlib.Path:
    folder = number // FILES_IN_FOLDER
    return root / f"d{folder // 100:03}" / f"s{folder % 100:02}" / f"file-{number:07}"


def make_tree(root: pathlib.Path, files: int) -> None:
    for number in range(files):
        path = path_of(root, number)
        if number % FILES_IN_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content of %d\n" % number)


def edit(root: pathlib.Path, files: int, round_: int) -> None:
    for number in random.Random(round_).sample(range(files), files // 100):
        path_of(root, number).write_bytes(b"round %d of %d\n" % (round_, number))


def timed(program: str, work: pathlib.Path) -> tuple[float, float]:
    """Wall seconds and peak MiB."""
    environment = dict(os.environ, XDG_STATE_HOME=str(work / "state"), XDG_CACHE_HOME=str(work / "cache"))
    with tempfile.NamedTemporaryFile("r") as report:
        begin = time.monotonic()
        done = subprocess.run(["/usr/bin/time", "-f", "%M", "-o", report.name, program, "sync", str(work / "a"), str(work / "b")],
                              env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        took = time.monotonic() - begin
        if done.returncode != 0:
            raise SystemExit(f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-400:]}")
        return took, int(report.read().split()[-1]) / 1024


def show(files: int, what: str, results: list[tuple[float, float]]) -> None:
    seconds = statistics.median(one[0] for one in results)
    print(f"{files:>9}  {what:<12} {seconds:8.2f} s  {seconds / files * 1e6:7.2f} s per million   "
          f"peak {max(one[1] for one in results):7.1f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", default="100000,1000000")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin/syncline"))
    parser.add_argument("--at", default="/dev/shm")
    options = parser.parse_args()
    for files in (int(word) for word in options.files.split(",")):
        with tempfile.TemporaryDirectory(dir=options.at, prefix="syncline-scale-") as folder:
            work = pathlib.Path(folder)
            make_tree(work / "a", files)
            (work / "b").mkdir()
            show(files, "first copy", [timed(options.bin, work)])
            show(files, "no change", [timed(options.bin, work) for _ in range(options.runs)])
            changed = []
            for round_ in range(options.runs):
                edit(work / "a", files, round_)
                changed.append(timed(options.bin, work))
            show(files, "1 % changed", changed)


main()
