#!/usr/bin/env python3
"""Ends syncline where it hurts, runs it again, and checks that nothing was lost.

usage: crash_test.py [--bin PROGRAM] [--calls LIBRARY] [--jobs N] [--seed N] [--full] [--keep] [NAME ...]

Three ways to die, in situations where a sync has something of everything to do:

- kill/SITUATION/FAILPOINT:NTH   SIGKILL at a failpoint, that is right before or after a durable step;
- power/SITUATION/FAILPOINT:NTH  the same, and with it any subset of what was not flushed is forgotten
                                 (tests/tools/calls keeps what that is);
- random/SITUATION/NUMBER        SIGKILL at any instant, several times in a row.

Afterwards nothing that should remain is lost and no file is half written; running again ends as a
run without the crash ends, what it overwrote or deleted is in the archive, nothing temporary is
left or was carried over, and the run after that has nothing to do. With --full: every failpoint at each time it is reached, in these situations and
in every scenario of cases/, and a thousand kills at random.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import zlib

import fault_test
import seeded
import trees
from run import CASES, World

SIDES = ("source", "target")
MOST_TIMES = 60  # a failpoint that is reached more often is taken at as many of them


class Situation:
    """Two sides with something to do, the same each time."""

    def __init__(self, name, base, edits, flags, base_flags=()):
        self.name = name
        self.base = base
        self.edits = edits
        self.flags = [*flags, "-o", "json"]
        self.base_flags = base_flags
        self.lock = threading.Lock()
        self.learnt = None

    def prepare(self, settings, label):
        # No ':' in it, since lists of directories are separated by that.
        name = f"{self.name}.{label}".replace("/", "-").replace(":", "-")
        world = World(settings.bin, settings.scratch / name, settings.cache)
        for root in world.roots.values():
            os.mkdir(root)
        before = {side: {} for side in SIDES}
        if self.base is not None:
            for root in world.roots.values():
                trees.apply(root, self.base, trees.BASE_MTIME)
            done = world.sync("sync", *self.base_flags, "-o", "json")
            if done.returncode != 0:
                raise OSError(f"the sync of the base exits {done.returncode}: {text_of(done)}")
            before = world.look()
        for number, side in enumerate(SIDES):
            trees.apply(world.roots[side], self.edits[side], trees.EDIT_MTIME + number)
        return world, before

    def learn(self, settings):
        """What a run without a crash does: once, when it is first asked for."""
        with self.lock:
            if self.learnt is None:
                self.learnt = Learnt(self, settings)
            return self.learnt


class Learnt:
    def __init__(self, situation, settings):
        world, before = situation.prepare(settings, "reference")
        self.agreed = contents(before)
        edited = world.look()
        log = world.folder / "failpoints"
        world.environment["SYNCLINE_FAILPOINT_LOG"] = str(log)
        done = world.sync("sync", *situation.flags)
        self.exit = done.returncode
        self.usable = self.exit in (0, 6)
        self.final = look(world)
        self.there = contents(edited)
        self.files = {one.data for tree in edited.values() for path, one in tree.items()
                      if one.kind == "file" and not is_temporary(path)}
        self.known = self.there | contents(world.look())
        self.reached = {}
        for name in log.read_text(encoding="utf-8").split() if log.exists() else []:
            self.reached[name] = self.reached.get(name, 0) + 1
        if not settings.keep:
            discard(world)


def text_of(done):
    return done.stderr.decode(errors="replace").strip()


def discard(world):
    subprocess.run(["chmod", "-R", "u+rwX", world.folder], check=False)
    shutil.rmtree(world.folder)


def contents(sides):
    return {one.data for tree in sides.values() for one in (tree or {}).values()
            if one.kind in ("file", "link")}


def is_archived(world, data):
    name = hashlib.sha256(data).hexdigest()
    return any(world.folder.glob(f"state/**/archive/{name[:2]}/{name[2:]}"))


def look(world):
    return {side: fault_test.plain(tree) for side, tree in world.look().items()}


def is_temporary(path):
    return path.rsplit(b"/", 1)[-1].startswith((b".syncline-tmp-", b".syncline-aside-"))


class Case:
    def __init__(self, name, situation, settings):
        self.name = name
        self.situation = situation
        self.settings = settings
        self.problems = []

    def run(self):
        world = None
        try:
            learnt = self.situation.learn(self.settings)
            world, _ = self.situation.prepare(self.settings, self.name)
            self.crash(world)
            self.check_remains(world, learnt)
            self.after_crash(world)
            self.check_again(world, learnt)
        except (subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
            self.problems.append(f"{type(error).__name__}: {error}")
        if world is not None and not self.settings.keep:
            discard(world)
        return self

    def crash(self, world):
        raise NotImplementedError

    def after_crash(self, world):
        """What else happens before somebody runs it again."""

    def kill_at(self, world, failpoint, environment=None):
        kept = world.environment
        world.environment = {**kept, **(environment or {}), "SYNCLINE_FAILPOINT": failpoint}
        done = world.sync("sync", *self.situation.flags)
        world.environment = kept
        if done.returncode != -signal.SIGKILL:
            self.problems.append(f"exit {done.returncode} and not killed: {text_of(done)[-500:]}")

    def check_remains(self, world, learnt):
        """What was there before and is there at the end of a whole run is there now, and in whole files."""
        now = world.look()
        for tree in learnt.final.values():
            for path, (kind, data, _) in tree.items():
                if kind in ("file", "link") and data in learnt.there - contents(now):
                    self.problems.append(f"lost {trees.show(path)}: {data[:40]!r}")
        for side, tree in now.items():
            for path, one in tree.items():
                if one.kind == "file" and one.data not in learnt.known and not is_temporary(path):
                    self.problems.append(f"{side}: half a file {trees.show(path)}: {one.data[:40]!r}")

    def check_again(self, world, learnt):
        again = world.sync("sync", *self.situation.flags)
        self.expect_exit("the run after the crash", again, learnt.exit)
        for side, tree in look(world).items():
            for line in fault_test.compare(tree, learnt.final[side]):
                self.problems.append(f"after the crash and a whole run, {side}: {line}")
        if "--no-archive" not in self.situation.flags:
            for data in sorted(learnt.files - contents(world.look())):
                if not is_archived(world, data):
                    self.problems.append(f"overwritten or deleted and not archived: {data[:40]!r}")
        self.check_idle(world, learnt.exit)

    def check_idle(self, world, code):
        idle = world.sync("sync", *self.situation.flags)
        self.expect_exit("the last run", idle, code)
        counts = json.loads(idle.stdout).get("outcomes", {})
        if counts.get("planned") != counts.get("conflicted", 0) + counts.get("skipped", 0):
            self.problems.append(f"the last run still had something to do: {counts}")

    def expect_exit(self, what, done, wanted):
        if done.returncode != wanted:
            self.problems.append(
                f"{what}: exit {done.returncode}, expected {wanted}: {text_of(done)[-1000:]}")


class Kill(Case):
    def __init__(self, situation, failpoint, settings):
        super().__init__(f"kill/{situation.name}/{failpoint}", situation, settings)
        self.failpoint = failpoint

    def crash(self, world):
        self.kill_at(world, self.failpoint)


class Power(Case):
    """A power cut: what the program had not flushed may be there or not, each for itself."""

    def __init__(self, situation, failpoint, settings):
        super().__init__(f"power/{situation.name}/{failpoint}", situation, settings)
        self.failpoint = failpoint
        self.dice = random.Random(f"{settings.seed}/{self.name}")

    def crash(self, world):
        undo = world.folder / "undo"
        undo.mkdir()
        self.kill_at(world, self.failpoint, {
            "LD_PRELOAD": str(self.settings.calls),
            "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""),
            "SYNCLINE_CALLS_BELOW": os.fsdecode(b":".join(world.roots.values())),
            "SYNCLINE_CALLS_UNDO": str(undo),
        })
        forget(undo, self.dice)


class PowerAndEdits(Power):
    """Here what a person had saved just before the run is forgotten, too, unless it was flushed.

    The result cannot be that of a whole run then. But what is left of it, on whatever side, must
    not be lost by the next run, and both sides must come to agree."""

    def __init__(self, situation, failpoint, settings):
        super().__init__(situation, failpoint, settings)
        self.name = f"power-edits/{situation.name}/{failpoint}"

    def run(self):
        world = None
        try:
            self.learnt = self.situation.learn(self.settings)
            world, before = self.situation.prepare(self.settings, self.name)
            undo = world.folder / "undo"
            undo.mkdir()
            remember(undo, world, before)
            self.kill_at(world, self.failpoint, {
                "LD_PRELOAD": str(self.settings.calls),
                "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""),
                "SYNCLINE_CALLS_BELOW": os.fsdecode(b":".join(world.roots.values())),
                "SYNCLINE_CALLS_UNDO": str(undo),
            })
            forget(undo, self.dice)
            left = contents({side: {path: one for path, one in tree.items()
                                    if not is_temporary(path)}
                             for side, tree in world.look().items()})
            again = world.sync("sync", *self.situation.flags)
            self.expect_exit("the run after the crash", again, self.learnt.exit)
            for data in sorted(left - self.learnt.agreed - contents(world.look())):
                self.problems.append(f"survived the power cut and was lost by a run: {data[:40]!r}")
            source, target = look(world).values()
            if self.learnt.exit == 0:
                for line in fault_test.compare(target, source):
                    self.problems.append(f"the sides do not agree: target: {line}")
            self.check_idle(world, self.learnt.exit)
        except (subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
            self.problems.append(f"{type(error).__name__}: {error}")
        if world is not None and not self.settings.keep:
            discard(world)
        return self


class RandomKills(Case):
    """SIGKILL at instants of its own; each next run starts from what the last one left."""

    def __init__(self, situation, number, settings):
        super().__init__(f"random/{situation.name}/{number}", situation, settings)
        self.dice = random.Random(f"{settings.seed}/{self.name}")

    def crash(self, world):
        for _ in range(self.settings.kills_each):
            process = world.start("sync", world.roots["source"], world.roots["target"],
                                  *self.situation.flags)
            try:
                process.communicate(timeout=self.dice.uniform(0, self.settings.longest_s))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def remember(undo, world, before):
    """A person's edits as the journal of what was there before them."""
    with open(undo / "journal", "w", encoding="ascii") as journal:
        number = 10**6
        for side in SIDES:
            now = trees.snapshot(world.roots[side])
            for path in sorted(set(now) | set(before[side])):
                old = before[side].get(path)
                if path in now and old == now[path]:
                    continue
                full = os.path.join(world.roots[side], path.rstrip(b"/"))
                number += 1
                if old is not None and old.kind in ("file", "link"):
                    (undo / str(number)).write_bytes(old.data)
                kind = "none" if old is None else old.kind
                mode, mtime = (0, 0) if old is None else (old.mode & 0o7777, old.mtime_ns)
                journal.write(f"{number} {kind} {mode:o} {mtime} 0 {full.hex()}\n")


def forget(undo, dice):
    """Takes any subset of what was not flushed back."""
    journal = undo / "journal"
    changes = []
    for line in journal.read_text(encoding="ascii").splitlines() if journal.exists() else []:
        words = line.split()
        if words[0] == "flushed":
            root = bytes.fromhex(words[1])
            changes = [one for one in changes if not one["path"].startswith(root + b"/")]
            continue
        number, kind, mode, mtime, torn, path = words
        changes.append({"kept": undo / number, "kind": kind, "mode": int(mode, 8),
                        "mtime": int(mtime), "torn": torn == "1", "path": bytes.fromhex(path),
                        "order": len(changes)})
    by_path = {}
    for change in changes:
        by_path.setdefault(change["path"], []).append(change)
    way = dice.choice(("all", "cut", "each", "names"))
    cut = dice.randint(0, len(changes))
    # Directories before what is in them: what is in a directory that is forgotten goes with it.
    for path, states in sorted(by_path.items(), key=lambda item: (item[0].count(b"/"), item[0])):
        if way == "all":
            chosen = 0
        elif way == "cut":
            later = [i for i, one in enumerate(states) if one["order"] >= cut]
            chosen = later[0] if later else len(states)
        elif way == "names":  # what is new is forgotten, what was replaced or removed is not
            chosen = 0 if states[0]["kind"] == "none" else len(states)
        else:
            chosen = dice.randint(0, len(states))
        was_torn = chosen > 0 and states[chosen - 1]["torn"]
        if chosen < len(states):
            restore(path, states[chosen])
        if was_torn and os.path.isfile(path) and not os.path.islink(path):
            os.truncate(path, dice.randint(0, max(os.path.getsize(path) - 1, 0)))


def restore(path, state):
    parent = os.path.dirname(path)
    if os.path.islink(parent) or not os.path.isdir(parent):
        return
    if state["kind"] == "dir" and os.path.isdir(path) and not os.path.islink(path):
        return
    trees.remove(path)
    if state["kind"] == "dir":
        os.mkdir(path)
    elif state["kind"] == "link":
        os.symlink(state["kept"].read_bytes(), path)
    elif state["kind"] == "file":
        with open(path, "wb") as file:
            file.write(state["kept"].read_bytes())
        os.chmod(path, state["mode"])
        os.utime(path, ns=(state["mtime"], state["mtime"]))


def standard_situations():
    keep_both = ["--on-conflict", "keep-both"]
    edits = {"source": fault_test.side_edits("a"), "target": fault_test.side_edits("b")}
    return [
        Situation("edits", fault_test.BASE, edits, keep_both),
        Situation("first", None,
                  {"source": {"same": "s", "only-a": "1", "differs": "a", "d/x": "1", "e/": {"dir": True}},
                   "target": {"same": "s", "only-b": "2", "differs": "b", "d/y": "2"}}, keep_both),
        Situation("mirror", fault_test.BASE, edits, ["--mode", "mirror", "--force"]),
        Situation("one-way", fault_test.BASE, edits, ["--mode", "one-way", *keep_both]),
        # The target is empty in between, which is no reason to stop for a person.
        Situation("only-item", {"a": "file"}, {"source": {"a": None, "a/b": "new"}, "target": {}}, []),
    ]


def every_scenario():
    """Those of cases/ that consist of one ordinary step."""
    for path in sorted(CASES.rglob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        if {"needs", "sides", "world"} & set(data) or data["expect"]["exit"] not in (0, 6):
            continue
        mode = ["--mode", data.get("mode", "two-way")]
        yield Situation(str(path.relative_to(CASES).with_suffix("")), data.get("base"),
                        {side: data.get(side, {}) for side in SIDES},
                        [*mode, *data.get("flags", [])], [*mode, *data.get("base_flags", [])])


def times(name, count, settings, full):
    """At which of the times that a failpoint is reached the program is ended."""
    if not full:
        pick = zlib.crc32(f"{settings.seed}/{name}".encode()) % count + 1
        return sorted({1, pick})
    return range(1, min(count, MOST_TIMES) + 1)


def cases(settings):
    for situation in settings.situations:
        learnt = situation.learn(settings)
        whole = settings.full or situation.name in ("edits", "first", "only-item")
        for name, count in sorted(learnt.reached.items()):
            for nth in times(name, count, settings, settings.full):
                failpoint = f"{name}:{nth}"
                if whole or zlib.crc32(f"{settings.seed}/{failpoint}".encode()) % 4 == 0:
                    yield Kill(situation, failpoint, settings)
                if situation.name == "edits" or settings.full:
                    yield Power(situation, failpoint, settings)
                if situation.name == "edits" and (settings.full or nth == 1):
                    yield PowerAndEdits(situation, failpoint, settings)
        for number in range(settings.random_each):
            yield RandomKills(situation, number, settings)
    if settings.full:
        for situation in every_scenario():
            learnt = situation.learn(settings)
            for name, count in sorted(learnt.reached.items()) if learnt.usable else ():
                for nth in range(1, min(count, MOST_TIMES) + 1):
                    yield Kill(situation, f"{name}:{nth}", settings)


def main():
    settings = seeded.parse_settings(__doc__, calls=True)
    settings.longest_s = 0.4
    settings.kills_each = 5
    settings.random_each = 50 if settings.full else 3
    settings.situations = standard_situations()
    count = seeded.Count(settings)
    with seeded.scratch(settings):
        count.run(cases(settings))
        if not any(one.learn(settings).reached for one in settings.situations):
            count.failed += 1
            print("FAIL no failpoint was reached; was the program built without them?")
    return count.exit_code()


if __name__ == "__main__":
    sys.exit(main())
