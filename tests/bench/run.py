#!/usr/bin/env python3
"""Times syncline beside cp, rsync, Unison and rclone bisync on reproducible trees and prints ratios.

usage: tests/bench/run.py [--files 25000,100000] [--runs 5] [--at DIR] [--peers cp,rsync,unison,rclone]

Builds the release preset first. Runs are paired: us, peer, us, peer; the ratio is taken pair by pair and its median,
minimum and maximum are printed. Peak memory is that of the largest process. --at: where the trees are made
(default /dev/shm).
"""

import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYNCLINE = ROOT / "build/release/bin/syncline"


def make_tree(root: pathlib.Path, files: int) -> None:
    """`files` files of mean 2 KiB in 1,010 directories; the same bytes every time."""
    rng = random.Random(files)
    folders = []
    for outer in range(10):
        for inner in range(100):
            folder = root / f"d{outer:02}" / f"s{inner:03}"
            folder.mkdir(parents=True)
            folders.append(folder)
    for number in range(files):
        (folders[number % len(folders)] / f"file-{number:06}.dat").write_bytes(rng.randbytes(rng.randint(0, 4096)))


def edit(root: pathlib.Path, files: int, round_: int) -> None:
    """Changes 1 % of the files."""
    rng = random.Random(round_)
    paths = sorted(root.rglob("*.dat"))
    for path in rng.sample(paths, max(1, files // 100)):
        path.write_bytes(rng.randbytes(2048))


def timed(command: list[str], env: dict[str, str]) -> tuple[float, int]:
    """Wall seconds, and peak memory in KiB of the largest process."""
    with tempfile.NamedTemporaryFile("r") as report:
        # A process inherits the peak of the one that started it, so not this interpreter but time(1) starts it.
        measured = ["/usr/bin/time", "-f", "%M", "-o", report.name, *command]
        start = time.monotonic()
        done = subprocess.run(measured, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        took = time.monotonic() - start
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.decode(errors='replace')[-400:]}\n"
                             "a command failed; its time would mean nothing")
        return took, int(report.read().split()[-1])


class Tool:
    """How one tool makes `target` like `source`; each has a target and a state of its own."""

    def __init__(self, name: str, work: pathlib.Path):
        self.name = name
        self.target = work / f"target-{name}"
        self.state = work / f"state-{name}"
        self.env = dict(os.environ, XDG_STATE_HOME=str(self.state), XDG_CACHE_HOME=str(work / "cache"),
                        HOME=str(self.state), UNISON=str(self.state / "unison"), RCLONE_CONFIG="/dev/null")

    def fresh(self) -> None:
        shutil.rmtree(self.target, ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir(parents=True)
        if self.name not in ("cp",):
            self.target.mkdir()

    def command(self, source: pathlib.Path, first: bool) -> list[str]:
        s, t = str(source), str(self.target)
        return {
            "syncline": [str(SYNCLINE), "sync", s, t],
            "cp": ["cp", "-a", s, t],
            "rsync": ["rsync", "-a", s + "/", t + "/"],
            "unison": ["unison-2.52", s, t, "-batch", "-silent", "-times", "-perms", "0"],
            "rclone": ["rclone", "bisync", s, t, "--workdir", str(self.state)] + (["--resync"] if first else []),
        }[self.name]

    def run(self, source: pathlib.Path, first: bool) -> tuple[float, int]:
        return timed(self.command(source, first), self.env)


def show(work: str, files: int, peer: str, ours: list, theirs: list) -> None:
    ratios = [a[0] / b[0] for a, b in zip(ours, theirs)]
    print(f"{work:<12} {files:>7}  {peer:<7} {statistics.median(x[0] for x in ours):8.3f} s "
          f"{statistics.median(x[0] for x in theirs):8.3f} s   ratio {statistics.median(ratios):6.3f} "
          f"({min(ratios):.3f} to {max(ratios):.3f})   peak {max(x[1] for x in ours) / 1024:6.1f} MiB "
          f"{max(x[1] for x in theirs) / 1024:6.1f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", default="25000,100000")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--at", default="/dev/shm")
    parser.add_argument("--peers", default="cp,rsync,unison,rclone")
    options = parser.parse_args()
    subprocess.run([str(ROOT / ".ci/install"), "build", "bench"], check=True)
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "release", "--", "--quiet"], cwd=ROOT, check=True)
    print("work           files  peer        ours      peer   ours / peer, median (min to max)   peak memory, ours and peer")
    with tempfile.TemporaryDirectory(dir=options.at, prefix="syncline-bench-") as folder:
        work = pathlib.Path(folder)
        for files in (int(n) for n in options.files.split(",")):
            source = work / f"source-{files}"
            make_tree(source, files)
            for peer in options.peers.split(","):
                us, them = Tool("syncline", work), Tool(peer, work)
                runs = options.runs if peer in ("cp", "rsync") else min(options.runs, 2)

                def paired(prepare, first: bool):
                    ours, theirs = [], []
                    for number in range(-1, runs):  # one round to warm up
                        prepare(number)
                        pair = [tool.run(source, first) for tool in (us, them)]
                        if number >= 0:
                            ours.append(pair[0])
                            theirs.append(pair[1])
                    return ours, theirs

                def start_anew(_number):
                    us.fresh()
                    them.fresh()

                show("first copy", files, peer, *paired(start_anew, True))
                if peer == "cp":
                    continue  # cp knows no second run
                show("no change", files, peer, *paired(lambda _number: None, False))
                show("1 % changed", files, peer, *paired(lambda number: edit(source, files, number), False))
            shutil.rmtree(source)


main()
