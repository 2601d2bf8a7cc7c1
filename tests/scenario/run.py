#!/usr/bin/env python3
"""Runs the scenarios in cases/ against a syncline program. README.md describes their format.

usage: run.py [--bin PROGRAM] [--jobs N] [--keep] [NAME ...]
A NAME is a scenario file, a folder, or a part of a scenario's name.
"""

import argparse
import base64
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import trees

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
DEFAULT_BIN = HERE.parent.parent / "build" / "dev" / "bin" / "syncline"
TIME_LIMIT_S = 120
FIELDS = {"about", "row", "mode", "flags", "base", "base_flags", "source", "target", "expect",
          "then", "sides", "world", "symmetric", "needs"}
EXPECT_FIELDS = {"exit", "plan_exit", "second_exit", "source", "target", "both", "either",
                 "conflicts", "skipped", "maybe", "actions", "bytes", "stderr", "not_kept", "disk"}
OTHER_SIDE = {"source-wins": "target-wins", "target-wins": "source-wins",
              "source deleted, target changed": "source changed, target deleted",
              "source changed, target deleted": "source deleted, target changed"}


class Failed(Exception):
    """A scenario cannot go on; its message says why."""


def scratch_folder():
    """A fresh directory for everything, in memory where the machine has that."""
    shm = "/dev/shm"
    where = shm if os.path.isdir(shm) and os.access(shm, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="syncline-scenario-", dir=where))


class World:
    """One scenario's own directories and program environment."""

    def __init__(self, program, folder, cache, sides=None):
        self.program = str(program)
        self.folder = folder
        folder.mkdir(parents=True)
        sides = sides or {}
        self.roots = {
            side: os.fsencode(folder / sides.get(side, side)) for side in ("source", "target")
        }
        self.environment = {
            **os.environ,
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(cache),
            "HOME": str(folder),
        }

    def run(self, *arguments, **options):
        options.setdefault("timeout", TIME_LIMIT_S)
        return subprocess.run(
            [self.program, *arguments], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, check=False, **options,
        )

    def start(self, *arguments, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(
            [self.program, *arguments], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, **options,
        )

    def sync(self, command, *flags):
        return self.run(command, self.roots["source"], self.roots["target"], *flags)

    def look(self):
        return {side: trees.snapshot(root) for side, root in self.roots.items()}


def key_of(row):
    if "key_b64" in row:
        return base64.b64decode(row["key_b64"])
    return row["key"].encode("utf-8", "surrogateescape")


def report_of(done, command):
    """The one JSON document on stdout; `plan` wraps the report beside its operations."""
    try:
        document = json.loads(done.stdout)
    except ValueError as error:
        tail = done.stderr.decode(errors="replace").strip()
        raise Failed(f"{command}: stdout is not one JSON document ({error}); "
                     f"exit {done.returncode}; stderr: {tail}") from None
    return document.get("report", document)


def sum_problems(report, command):
    counts = report.get("outcomes")
    if counts is None:
        return [f"{command}: no outcomes in the report"]
    parts = ("ok", "skipped", "conflicted", "failed", "pending")
    if counts["planned"] != sum(counts[part] for part in parts):
        return [f"{command}: outcomes do not add up: {counts}"]
    return []


class Scenario:
    def __init__(self, path, program, scratch, keep=False, swaps=True):
        self.path = path
        self.swaps = swaps  # two-way: play it with source and target swapped, too
        try:
            self.name = str(path.resolve().relative_to(CASES).with_suffix(""))
        except ValueError:
            self.name = path.stem
        self.program = program
        self.scratch = scratch
        self.keep = keep
        self.data = json.loads(path.read_text(encoding="utf-8"))
        self.mode = self.data.get("mode", "two-way")

    def skip_reason(self):
        needs = self.data.get("needs")
        if needs == "attributes" and not trees.has_attributes(self.scratch):
            return "needs a file system with extended attributes"
        if needs == "not-root" and os.geteuid() == 0:
            return "needs a user for whom permissions count"
        return None

    def run(self):
        """The problems found, each one line; empty when all is well."""
        problems = self.check_fields()
        if problems:
            return problems
        problems, final = self.run_once("as-written", swapped=False)
        if (not problems and self.swaps and self.mode == "two-way" and
                self.data.get("symmetric", True)):
            more, mirrored = self.run_once("swapped", swapped=True)
            problems += [f"[source and target swapped] {line}" for line in more]
            if not problems:
                problems += self.compare_swapped(final, mirrored)
        return problems

    def check_fields(self):
        unknown = set(self.data) - FIELDS
        steps = [self.data, *self.data.get("then", [])]
        for step in steps:
            unknown |= set(step.get("expect", {})) - EXPECT_FIELDS
            if "exit" not in step.get("expect", {}):
                return ["the scenario file expects no exit code"]
        return [f"the scenario file has unknown fields: {sorted(unknown)}"] if unknown else []

    def compare_swapped(self, final, mirrored):
        for side, other in (("source", "target"), ("target", "source")):
            if (final[side] is None) != (mirrored[other] is None):
                return ["swapping the sides does not mirror the result"]
            if final[side] is None:
                continue
            here, there = (trees.without_times(tree) for tree in (final[side], mirrored[other]))
            odd = sorted(key for key in set(here) | set(there) if here.get(key) != there.get(key))
            if odd:
                names = ", ".join(trees.show(key) for key in odd)
                return [f"swapping the sides does not mirror the result: {side} differs in {names}"]
        return []

    def run_once(self, label, swapped):
        folder = self.scratch / "worlds" / f"{self.name.replace('/', '.')}.{label}"
        world = World(self.program, folder, self.scratch / "cache", self.data.get("sides"))
        if swapped:
            world.roots = {"source": world.roots["target"], "target": world.roots["source"]}
        try:
            found = self.play(world, swapped)
            return [line.replace(f"{folder}/", "") for line in found], world.look()
        except Failed as error:
            return [str(error)], {"source": None, "target": None}
        except subprocess.TimeoutExpired as error:
            return [f"did not end within {TIME_LIMIT_S} s: {error.cmd}"], world.look()
        finally:
            if not self.keep:
                subprocess.run(["chmod", "-R", "u+rwX", folder], check=False)
                shutil.rmtree(folder)

    def play(self, world, swapped):
        for root in set(world.roots.values()):
            os.makedirs(root, exist_ok=True)
        trees.apply(os.fsencode(world.folder), self.data.get("world", {}))
        base = self.data.get("base")
        if base is not None:
            for root in world.roots.values():
                trees.apply(root, base, trees.BASE_MTIME)
            flags = ["--mode", self.mode, *self.data.get("base_flags", [])]
            done = world.sync("sync", *flags, "-o", "json")
            if done.returncode != 0:
                raise Failed(f"the sync of the base exits {done.returncode}: "
                             f"{done.stderr.decode(errors='replace').strip()}")
        problems = []
        flags = self.data.get("flags", [])
        for number, step in enumerate([self.data, *self.data.get("then", [])], 1):
            flags = step.get("flags", flags)
            found = Step(world, step, self.mode, flags, swapped).check()
            where = f"step {number}: " if self.data.get("then") else ""
            problems += [where + line for line in found]
            if found:
                break
        return problems


class Step:
    """Edits, then a plan, a sync and the same sync once more, each of them checked."""

    def __init__(self, world, data, mode, flags, swapped):
        self.world = world
        self.mode = mode
        self.expect = data["expect"]
        self.edits = {"source": data.get("source", {}), "target": data.get("target", {})}
        self.sides = {"source": "source", "target": "target"}
        self.flags = ["--mode", mode, *flags]
        self.swapped = swapped
        if swapped:
            self.sides = {"source": "target", "target": "source"}
            self.flags = [",".join(OTHER_SIDE.get(word, word) for word in flag.split(","))
                          for flag in self.flags]
        self.problems = []

    def check(self):
        for side in ("source", "target"):
            trees.apply(self.world.roots[self.sides[side]], self.edits[side])
        before = self.world.look()
        self.check_plan(before)
        done = self.world.sync("sync", *self.flags, "-o", "json")
        after = self.world.look()
        self.check_exit("sync", done, self.expect["exit"])
        self.check_trees(before, after)
        self.check_stderr(done)
        report = report_of(done, "sync")
        if done.returncode in (0, 4, 6):
            self.problems += sum_problems(report, "sync")
            self.check_report(report)
        if self.mode != "two-way":
            self.note("source written in mode " + self.mode,
                      trees.changes("source", before["source"], after["source"]))
        if self.expect["exit"] not in (0, 4, 6):
            for side in ("source", "target"):
                self.note("changed although it stopped",
                          trees.changes(side, before[side], after[side]))
        if not self.problems:
            self.check_again(after)
        return self.problems

    def note(self, what, lines):
        self.problems += [f"{what}: {line}" for line in lines]

    def check_exit(self, command, done, wanted):
        if done.returncode != wanted:
            tail = done.stderr.decode(errors="replace").strip().replace("\n", " / ")
            self.problems.append(f"{command} exits {done.returncode}, expected {wanted}"
                                 + (f" ({tail})" if tail else ""))

    def check_plan(self, before):
        done = self.world.sync("plan", *self.flags, "-o", "json")
        after = self.world.look()
        for side in ("source", "target"):
            self.note("plan changed a side", trees.changes(side, before[side], after[side]))
        self.check_exit("plan", done, self.expect.get("plan_exit", self.expect["exit"]))
        report = report_of(done, "plan")
        if done.returncode in (0, 6):
            self.problems += sum_problems(report, "plan")

    def check_trees(self, before, after):
        alternatives = self.expect.get("either")
        if alternatives is None:
            alternatives = [self.expect]
        found = []
        for wanted in alternatives:
            found.append([])
            for side in ("source", "target"):
                tree = wanted.get(side, wanted.get("both"))
                here = self.sides[side]
                if tree is None:
                    continue
                if tree == "as it was":
                    found[-1] += trees.changes(here, before[here], after[here])
                else:
                    found[-1] += trees.differences(here, after[here], tree,
                                                   self.expect.get("maybe", ()))
        if all(found):
            self.problems += min(found, key=len)

    def check_stderr(self, done):
        text = done.stderr.decode(errors="replace")
        for part in self.expect.get("stderr", []):
            if part not in text:
                self.problems.append(f"stderr lacks {part!r}: {text.strip()!r}")

    def check_report(self, report):
        self.check_keys(report, "conflicts", self.expect.get("conflicts", []))
        if "skipped" in self.expect:
            self.check_keys(report, "skipped", self.expect["skipped"])
        wanted = self.expect.get("conflicts", [])
        if isinstance(wanted, dict):
            kinds = {key_of(row): row["conflict"] for row in report["conflicts"]}
            for name, kind in wanted.items():
                if self.swapped:
                    kind = OTHER_SIDE.get(kind, kind)
                got = kinds.get(trees.path_of(name, None))
                if got is not None and got != kind:
                    self.problems.append(f"conflict {name} is '{got}', expected '{kind}'")
        if "bytes" in self.expect and report["bytes"] != self.expect["bytes"]:
            self.problems.append(
                f"{report['bytes']} bytes transferred, expected {self.expect['bytes']}")
        if "not_kept" in self.expect:
            got = {row["what"]: row["items"] for row in report["not_kept"]}
            if got != self.expect["not_kept"]:
                self.problems.append(f"not kept is {got}, expected {self.expect['not_kept']}")
        for name, most in self.expect.get("disk", {}).items():
            for root in self.world.roots.values():
                took = os.stat(os.path.join(root, name.encode())).st_blocks * 512
                if took > most:
                    self.problems.append(f"{name} takes {took} bytes of disk, expected {most}")
        for action, count in self.expect.get("actions", {}).items():
            got = report["done_actions"].get(action)
            if got != count:
                self.problems.append(f"{got} x {action}, expected {count}")

    def check_keys(self, report, field, wanted):
        got = sorted(key_of(row) for row in report[field])
        keys = sorted(base64.b64decode(key["key_b64"]) if isinstance(key, dict)
                      else key.encode("utf-8", "surrogateescape") for key in wanted)
        if got != keys:
            listed = [trees.show(key) for key in got]
            self.problems.append(f"{field} are {listed}, expected {[trees.show(k) for k in keys]}")

    def check_again(self, before):
        done = self.world.sync("sync", *self.flags, "-o", "json")
        after = self.world.look()
        again = "the second run"
        self.check_exit(again, done, self.expect.get("second_exit", self.expect["exit"]))
        for side in ("source", "target"):
            self.note(f"{again} changed a side", trees.changes(side, before[side], after[side]))
        report = report_of(done, again)
        if done.returncode not in (0, 4, 6):
            return
        counts = report["outcomes"]
        left = counts["conflicted"] + counts["skipped"]
        if self.expect["exit"] == 4:
            left += counts["failed"]
        if counts["planned"] != left:
            self.problems.append(f"{again} is not idle: {counts}, {report['planned_actions']}")
        if counts["conflicted"] != len(self.expect.get("conflicts", [])):
            self.problems.append(f"{again} meets {counts['conflicted']} conflicts, "
                                 f"expected {len(self.expect.get('conflicts', []))}")


def chosen(names):
    every = sorted(CASES.rglob("*.json"))
    if not names:
        return every
    picked = []
    for name in names:
        path = Path(name)
        if path.is_file():
            picked.append(path)
        elif path.is_dir():
            picked += sorted(path.rglob("*.json"))
        else:
            matching = [one for one in every if name in str(one.relative_to(CASES))]
            if not matching:
                sys.exit(f"run.py: no scenario is called {name}")
            picked += matching
    return picked


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=os.environ.get("SYNCLINE_BIN", DEFAULT_BIN),
                        help="the program under test")
    parser.add_argument("--jobs", type=int, default=2, help="scenarios at the same time")
    parser.add_argument("--keep", action="store_true", help="leave the directories behind")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6),
                        help="chooses the scenarios that are played with swapped sides, too")
    parser.add_argument("--full", action="store_true", help="all of them, not every other one")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios, default all")
    options = parser.parse_args()
    program = Path(options.bin).resolve()
    if not os.access(program, os.X_OK):
        sys.exit(f"run.py: no program at {program}; build it, or name one with --bin")

    scratch = scratch_folder()
    passed = failed = skipped = 0
    print(f"seed {options.seed}", flush=True)

    def play(path):
        try:
            swaps = (options.full or bool(options.names) or
                     zlib.crc32(f"{options.seed}/{path.name}".encode()) % 2 == 0)
            scenario = Scenario(path, program, scratch, options.keep, swaps)
            reason = scenario.skip_reason()
            return scenario.name, reason, [] if reason else scenario.run()
        except Exception as error:  # one broken scenario must not hide the others
            return str(path), None, [f"{type(error).__name__}: {error}"]

    try:
        with ThreadPoolExecutor(options.jobs) as workers:
            for name, reason, problems in workers.map(play, chosen(options.names)):
                if reason:
                    skipped += 1
                    print(f"SKIP {name}: {reason}")
                elif problems:
                    failed += 1
                    for line in problems:
                        print(f"FAIL {name}: {line}", flush=True)
                else:
                    passed += 1
    finally:
        if options.keep:
            print(f"kept in {scratch}")
        else:
            shutil.rmtree(scratch)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
