#!/usr/bin/env python3
"""Swaps directories for links while syncline is at work, lets a connector name what is outside, and
sets the clock wrong.

usage: hostile_test.py [--bin PROGRAM] [--calls LIBRARY] [--hostile DIR] [NAME ...]

The program is held at a failpoint between its check and the step itself, so each race is lost on
purpose and the same each time. Whatever happens, nothing outside the roots may change.
"""

import argparse
import json
import os
import select
import shutil
import sys
from pathlib import Path

import trees
from crash_test import is_temporary, look, text_of
from run import DEFAULT_BIN, World, scratch_folder
from seeded import DEFAULT_CALLS

DEFAULT_HOSTILE = DEFAULT_BIN.parent.parent / "tests" / "plugins_hostile"
OUTSIDE = {"x": "outside", "sub/x": "outside", "sub/keep": "outside"}
BASE = {"d/x": "first", "d/sub/x": "first", "d/sub/keep": "first", "still": "same"}
# failpoint of the step on side b, the edit on side a that leads to it
RACES = {
    "create": ("filesystem.before-publish", {"d/new": "new"}),
    "create-deep": ("filesystem.before-publish", {"d/sub/new": "new"}),
    "write": ("filesystem.before-write", {"d/new": "new"}),
    "replace": ("filesystem.before-replace", {"d/x": "second"}),
    "link": ("filesystem.after-link-made", {"d/link": {"link": "x"}}),
    "remove": ("filesystem.before-remove", {"d/x": None}),
    "remove-deep": ("filesystem.before-remove", {"d/sub/x": None}),
    "make-directory": ("filesystem.before-make-directory", {"d/made/": {"dir": True}}),
    "remove-directory": ("filesystem.before-remove-directory", {"d/sub": None}),
    "metadata": ("filesystem.before-set-metadata", {"d/x": {"chmod": "+x"}}),
    "operation": ("execute.before-op.create", {"d/new": "new"}),
    "operation-update": ("execute.before-op.update", {"d/x": "second"}),
    "operation-remove": ("execute.before-op.remove", {"d/sub/x": None}),
    "flush": ("filesystem.before-flush", {"d/new": "new"}),
}


class Failed(Exception):
    """What went wrong, in one line."""


def require(condition, what):
    if not condition:
        raise Failed(what)


def hold(world, failpoint, flags, meanwhile):
    """Runs the sync, and `meanwhile` once it has come to the failpoint."""
    fifo = str(world.folder / "hold")
    for end in (".reached", ".go"):
        os.mkfifo(fifo + end)
    kept = world.environment
    world.environment = {**kept, "SYNCLINE_FAILPOINT": failpoint, "SYNCLINE_FAILPOINT_HOLD": fifo}
    process = world.start("sync", "source", "target", *flags)
    world.environment = kept
    try:
        reached = os.open(fifo + ".reached", os.O_RDWR)
        ended = os.pidfd_open(process.pid)
        ready, _, _ = select.select([reached, ended], [], [], 60)
        os.close(ended)
        if reached not in ready:
            out, errors = process.communicate(timeout=60)
            raise Failed(f"{failpoint} was not reached; exit {process.returncode}: "
                         f"{errors.decode(errors='replace')[-500:]}")
        os.close(reached)
        meanwhile()
        with open(fifo + ".go", "wb") as go:
            go.write(b".")
        out, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return process.returncode, out, errors.decode(errors="replace")


def race(settings, name, swap):
    failpoint, edit = RACES[name]
    world = World(settings.bin, settings.scratch / f"{name}-{swap}", settings.cache)
    outside = os.fsencode(world.folder / "outside")
    os.mkdir(outside)
    trees.apply(outside, OUTSIDE)
    before = trees.snapshot(outside)
    for root in world.roots.values():
        os.mkdir(root)
        trees.apply(root, BASE, trees.BASE_MTIME)
    require(world.sync("sync").returncode == 0, "the sync of the base fails")
    trees.apply(world.roots["source"], edit)
    target = world.roots["target"]
    victim = os.path.join(target, b"d/sub" if "deep" in name or "sub" in str(edit) else b"d")
    if swap == "sub":
        victim = os.path.join(target, b"d")

    def swap_it():
        os.rename(victim, os.path.join(target, b"moved-away"))
        os.symlink(outside if victim.endswith(b"/d") else os.path.join(outside, b"sub"), victim)

    code, _, errors = hold(world, failpoint, ["-o", "json"], swap_it)
    require(code in (0, 4, 5, 6), f"exit {code}: {errors[-500:]}")
    check_outside(before, outside)
    # Whatever the swap makes of the trees is a person's edit; again nothing outside may change.
    for _ in range(2):
        done = world.sync("sync", "-o", "json", "--force")
        require(done.returncode in (0, 4, 6), f"again: exit {done.returncode}: {text_of(done)}")
        check_outside(before, outside)
    for side, tree in world.look().items():
        left = [path for path in tree if is_temporary(path)]
        require(not left, f"{side}: left behind {left}")


def check_outside(before, outside):
    lines = trees.changes("outside", before, trees.snapshot(outside))
    require(not lines, "; ".join(lines))


def climbing(settings):
    """Keys such as ../x from a connector: names that no directory can hold, so they are skipped one
    by one, said so, and the others go on."""
    world = World(settings.bin, settings.scratch / "climbing", settings.cache)
    inner = world.folder / "outer" / "inner"
    inner.mkdir(parents=True)
    before = trees.snapshot(os.fsencode(world.folder / "outer"))
    done = world.run("sync", "climbing://server", str(inner), "--mode", "one-way", "-o", "json",
                     "--plugin-path", str(settings.hostile))
    document = json.loads(done.stdout)
    require("error" not in document, f"the run ends: {document}")
    require(done.returncode == 0, f"exit {done.returncode}: {text_of(done)}")
    found = {path: one.data for path, one in trees.snapshot(os.fsencode(inner)).items()}
    require(found == {b"a/": b"", b"a/fine": b"climbed", b"fine": b"climbed"}, f"found {found}")
    after = {path for path in trees.snapshot(os.fsencode(world.folder / "outer"))
             if not path.startswith(b"inner/")}
    require(after == {path for path in before if path != b"inner/"}, f"outside: {after}")
    require(not os.path.lexists("/climbed"), "/climbed was made")
    told = [one["key"] for one in document["skipped"]]
    for key in ("../climbed", "a/../../climbed", "/climbed", "a//b"):
        require(key in told, f"{key} is not among the skipped: {told}")


def clock(settings, seconds):
    """The time of day jumps between runs: edits travel, nothing else does, nothing conflicts."""
    world = World(settings.bin, settings.scratch / f"clock{seconds}", settings.cache)
    for root in world.roots.values():
        os.mkdir(root)
    trees.apply(world.roots["source"], BASE)
    require(world.sync("sync").returncode == 0, "the first sync fails")
    kept = world.environment
    wrong = {**kept, "LD_PRELOAD": str(settings.calls), "SYNCLINE_CALLS_CLOCK": str(seconds),
             "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
    for number, environment in enumerate((kept, wrong, kept, wrong)):
        world.environment = environment
        trees.apply(world.roots["source"], {"d/x": f"source, round {number}"})
        trees.apply(world.roots["target"], {"still": f"target, round {number}"})
        done = world.sync("sync", "-o", "json")
        require(done.returncode == 0, f"round {number}: exit {done.returncode}: {text_of(done)}")
        trees_now = look(world)
        require(trees_now["source"] == trees_now["target"], f"round {number}: the sides differ")
        require(trees_now["source"][b"d/x"][1] == b"source, round %d" % number, "an edit is lost")
        require(trees_now["source"][b"still"][1] == b"target, round %d" % number, "an edit is lost")
        idle = json.loads(world.sync("sync", "-o", "json").stdout)
        require(idle["outcomes"]["planned"] == 0, f"round {number}: not idle: {idle['outcomes']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=os.environ.get("SYNCLINE_BIN", DEFAULT_BIN))
    parser.add_argument("--calls", default=DEFAULT_CALLS, help="the library of tests/tools/calls")
    parser.add_argument("--hostile", default=DEFAULT_HOSTILE, help="plugins of tests/plugins_hostile")
    parser.add_argument("names", nargs="*", metavar="NAME")
    settings = parser.parse_args()
    settings.bin = Path(settings.bin).resolve()
    settings.hostile = Path(settings.hostile).resolve()
    settings.calls = Path(settings.calls).resolve()
    if not os.access(settings.bin, os.X_OK):
        sys.exit(f"hostile_test.py: no program at {settings.bin}; build it, or name one with --bin")
    settings.scratch = scratch_folder()
    settings.cache = settings.scratch / "cache"
    tests = {f"swap/{name}": (race, name, "own") for name in RACES}
    tests.update({f"swap-above/{name}": (race, name, "sub")
                  for name in ("create-deep", "remove-deep", "remove-directory")})
    tests["climbing"] = (climbing,)
    ten_years = 10 * 365 * 24 * 3600
    tests.update({"clock/ahead": (clock, ten_years), "clock/behind": (clock, -ten_years)})
    passed = failed = 0
    try:
        for name, (test, *arguments) in tests.items():
            if settings.names and not any(part in name for part in settings.names):
                continue
            try:
                test(settings, *arguments)
                passed += 1
            except (Failed, OSError, ValueError) as error:
                failed += 1
                print(f"FAIL {name}: {error}", flush=True)
    finally:
        shutil.rmtree(settings.scratch)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
