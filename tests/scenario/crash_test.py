#!/usr/bin/env python3
"""Ends syncline where it hurts, runs it again, and checks that nothing was lost.

usage: crash_test.py [--bin PROGRAM] [--calls LIBRARY] [--jobs N] [--seed N] [--full] [--keep] [NAME ...]

Three ways to die, in situations where a command has something of everything to do:

- kill/SITUATION/FAILPOINT:NTH   SIGKILL at a failpoint, that is right before or after a durable step;
- power/SITUATION/FAILPOINT:NTH  the same, and with it any subset of what was not flushed is forgotten,
                                 on the sides and in the archive (tests/tools/calls keeps what that is);
- random/SITUATION/NUMBER        SIGKILL at any instant, several times in a row.

Afterwards nothing that should remain is lost and no file is half written; running the command again
ends as without the crash, what it overwrote or deleted is in the archive, nothing temporary is left or
was carried over, and the next sync does what it would have done. The situations of sync, then of
undo, apply, resolve, restore and retry, and of the first command after an upgrade, whose state an
older version wrote. With --full: every failpoint at each time it is reached, in these situations and
in every scenario of cases/, and a thousand kills at random.
"""

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fault_test
import seeded
import trees
from run import CASES, World, key_of

SIDES = ("source", "target")
STATE = Path("state", "syncline")  # below the folder of a world
MIGRATIONS = Path(__file__).resolve().parents[2] / "framework" / "src" / "state" / "migrations.cpp"
MOST_TIMES = 60  # a failpoint that is reached more often is taken at as many of them


class Situation:
    """Two sides with something to do, the same each time, and the command that does it.

    `before`: what else happens before it, in this order: functions of the world, or an exit code and
    the words of a command. `settled`: how the command may exit, too, when it is run again and a crash
    left little or nothing of it to do. `otherwise`: commands by which a person then gets there whom
    running it again did not satisfy."""

    def __init__(self, name, base, edits, flags, base_flags=(), before=(), command=(), settled=(),
                 otherwise=()):
        self.name = name
        self.base = base
        self.edits = edits
        self.flags = [*flags, "-o", "json"]
        self.base_flags = base_flags
        self.before = before
        self.is_sync = not command
        self.command = command or ["sync", *SIDES, *self.flags]
        self.settled = settled
        self.otherwise = otherwise
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
            expect(world, 0, "sync", *SIDES, *self.base_flags, "-o", "json")
            before = world.look()
        for number, side in enumerate(SIDES):
            trees.apply(world.roots[side], self.edits[side], trees.EDIT_MTIME + number)
        for step in self.before:
            if callable(step):
                step(world)
            else:
                expect(world, *step)
        return world, before

    def run(self, world):
        return world.run(*self.command)

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
        kept = world.environment
        world.environment = {**kept, "SYNCLINE_FAILPOINT_LOG": str(log)}
        done = situation.run(world)
        world.environment = kept
        self.exit = done.returncode
        self.text = text_of(done)
        self.usable = self.exit in (0, 6)
        self.final = look(world)
        self.there = contents(edited)
        self.files = {one.data for tree in edited.values() for path, one in tree.items()
                      if one.kind == "file" and not is_temporary(path)}
        self.known = self.there | contents(world.look())
        self.reached = {}
        for name in log.read_text(encoding="utf-8").split() if log.exists() else []:
            self.reached[name] = self.reached.get(name, 0) + 1
        self.next_sync = None if situation.is_sync else next_sync(world, situation.flags)
        if not settings.keep:
            discard(world)


def expect(world, code, *words):
    done = world.run(*words)
    if done.returncode != code:
        raise OSError(f"{' '.join(map(str, words))} exits {done.returncode}, not {code}: {text_of(done)}")
    return done


def next_sync(world, flags):
    """What the next sync makes of what a command left, and what is known then."""
    done = world.run("sync", *SIDES, *flags)
    counts = json.loads(done.stdout).get("outcomes", {})
    return {"exit": done.returncode, "planned": counts.get("planned"), "sides": look(world),
            "verify": world.run("verify", *SIDES).returncode, "conflicts": open_conflicts(world)}


def open_conflicts(world):
    listed = json.loads(world.run("conflicts", "list", *SIDES, "-o", "json").stdout)
    return sorted((key_of(one), one["conflict"]) for one in listed["conflicts"])


def text_of(done):
    return done.stderr.decode(errors="replace").strip()


def discard(world):
    subprocess.run(["chmod", "-R", "u+rwX", world.folder], check=False)
    shutil.rmtree(world.folder)


def contents(sides):
    return {one.data for tree in sides.values() for one in (tree or {}).values()
            if one.kind in ("file", "link")}


def is_archived(world, data):
    """Whether the archive has it: in its place, or on its way there and entered."""
    name = hashlib.sha256(data).hexdigest()
    archive = world.folder / STATE / "archive"
    kept = archive / name[:2] / name[2:]
    if kept.is_file():
        return kept.read_bytes() == data
    with contextlib.closing(sqlite3.connect(world.folder / STATE / "state.db")) as database:
        rows = database.execute("SELECT 1 FROM archived WHERE digest = ?", (bytes.fromhex(name),))
        return rows.fetchone() is not None and any(
            path.read_bytes() == data for path in archive.glob(f"incoming/{name}-*"))


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
        done = self.situation.run(world)
        world.environment = kept
        # How many contents become durable at once depends on how the workers share the work, so what
        # was reached often in one run may be reached less often in another.
        is_first = failpoint.endswith(":1")
        whole = done.returncode == self.situation.learn(self.settings).exit
        if done.returncode != -signal.SIGKILL and (is_first or not whole):
            self.problems.append(f"exit {done.returncode} and not killed: {text_of(done)[-500:]}")

    def check_remains(self, world, learnt):
        """What was there before and is there at the end of a whole run is there now, and in whole files.

        An undo removes before it writes, so with it the archive may be where that is."""
        now = world.look()
        gone = learnt.there - contents(now)
        for tree in learnt.final.values():
            for path, (kind, data, _) in tree.items():
                if kind in ("file", "link") and data in gone and (
                        self.situation.is_sync or not is_archived(world, data)):
                    self.problems.append(f"lost {trees.show(path)}: {data[:40]!r}")
        for side, tree in now.items():
            for path, one in tree.items():
                if one.kind == "file" and one.data not in learnt.known and not is_temporary(path):
                    self.problems.append(f"{side}: half a file {trees.show(path)}: {one.data[:40]!r}")

    def check_again(self, world, learnt):
        again = self.situation.run(world)
        if again.returncode not in (learnt.exit, *self.situation.settled):
            self.expect_exit("the run after the crash", again, learnt.exit)
        if self.look_after(world) != learnt.final:
            for words in self.situation.otherwise:
                again = world.run(*words)
        for side, tree in self.look_after(world).items():
            for line in fault_test.compare(tree, learnt.final[side]):
                self.problems.append(f"after the crash and a whole run, {side}: {line}")
        self.check_archive(world, learnt)
        if self.situation.is_sync:
            self.check_idle(world, learnt.exit)
        else:
            self.check_next_sync(world, learnt)
        if self.problems:
            self.problems.append(f"  the run after the crash exits {again.returncode}: "
                                 f"{text_of(again)[-800:]}")

    def check_archive(self, world, learnt):
        if "--no-archive" not in self.situation.flags:
            for data in sorted(learnt.files - contents(world.look())):
                if not is_archived(world, data):
                    self.problems.append(f"overwritten or deleted and not archived: {data[:40]!r}")

    def look_after(self, world):
        """Only a sync looks everywhere, and so removes what is temporary."""
        return {side: {path: one for path, one in tree.items()
                       if self.situation.is_sync or not is_temporary(path)}
                for side, tree in look(world).items()}

    def check_next_sync(self, world, learnt):
        found = next_sync(world, self.situation.flags)
        for name, wanted in learnt.next_sync.items():
            if name == "sides":
                for side in SIDES:
                    for line in fault_test.compare(found["sides"][side], wanted[side]):
                        self.problems.append(f"after the next sync, {side}: {line}")
            elif found[name] != wanted:
                self.problems.append(f"the next sync: {name} is {found[name]}, not {wanted}")
        self.check_idle(world, learnt.next_sync["exit"])

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


class Upgrade(Case):
    """A run on a state of an older version does what it does on one of this version."""

    def __init__(self, today, situation, settings):
        super().__init__(f"upgrade/{situation.name}", situation, settings)
        self.today = today

    def crash(self, world):
        self.check_listed(world)

    def check_listed(self, world):
        wanted, _ = self.today.prepare(self.settings, f"{self.name}.today")
        if open_conflicts(world) != open_conflicts(wanted):
            self.problems.append(f"the conflicts are {open_conflicts(world)}, "
                                 f"not {open_conflicts(wanted)}")
        if not self.settings.keep:
            discard(wanted)

    def check_again(self, world, learnt):
        super().check_again(world, self.today.learn(self.settings))


class KillUpgrade(Upgrade):
    def __init__(self, today, situation, failpoint, settings):
        super().__init__(today, situation, settings)
        self.name = f"kill/{situation.name}/{failpoint}"
        self.failpoint = failpoint

    def crash(self, world):
        self.kill_at(world, self.failpoint)

    def after_crash(self, world):
        self.check_listed(world)


class Power(Case):
    """A power cut: what the program had not flushed may be there or not, each for itself."""

    def __init__(self, situation, failpoint, settings):
        super().__init__(f"power/{situation.name}/{failpoint}", situation, settings)
        self.failpoint = failpoint
        self.dice = random.Random(f"{settings.seed}/{self.name}")

    def crash(self, world):
        self.cut_power(world, lambda undo: None)

    def check_again(self, world, learnt):
        if self.situation.is_sync:
            super().check_again(world, learnt)
            return
        # What is taken back here gets a new version, unlike after a real power cut. The other
        # commands know by it what somebody changed, so they may leave it alone, but lose nothing.
        self.situation.run(world)
        self.check_archive(world, learnt)
        world.run("sync", *SIDES, *self.situation.flags)
        self.check_archive(world, learnt)

    def cut_power(self, world, begin):
        undo = world.folder / "undo"
        undo.mkdir()
        begin(undo)
        below = [*map(os.fsdecode, world.roots.values()), str(world.folder / STATE / "archive")]
        self.kill_at(world, self.failpoint, {**calls_environment(self.settings, ":".join(below)),
                                             "SYNCLINE_CALLS_UNDO": str(undo)})
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
            self.cut_power(world, lambda undo: remember(undo, world, before))
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
            process = world.start(*self.situation.command)
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
                journal.write(f"{number} {kind} {mode:o} {mtime} 0 0 - {full.hex()}\n")


def calls_environment(settings, below):
    return {"LD_PRELOAD": str(settings.calls),
            "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""),
            "SYNCLINE_CALLS_BELOW": below}


class Account:
    """What was changed, and how much of it was made durable; tests/tools/calls wrote it down."""

    def __init__(self, undo):
        self.changes = {}
        self.by_path = {}  # in their order
        journal = undo / "journal"
        for line in journal.read_text(encoding="ascii").splitlines() if journal.exists() else []:
            self.enter(undo, line.split())

    def enter(self, undo, words):
        if words[0] == "flushed":
            root = bytes.fromhex(words[1])
            for one in self.changes.values():
                if one["path"] == root or one["path"].startswith(root + b"/"):
                    one.update(durable=True, torn=False)
        elif words[0] == "entries":
            folder = bytes.fromhex(words[1])
            for one in self.changes.values():
                if os.path.dirname(one["path"]) == folder:
                    one["durable"] = True
                    self.settle(self.changes.get(one["with"]), folder)
        elif words[0] == "named":
            self.changes[words[1]].update(inode=words[2], torn=True)
        elif words[0] == "durable":
            for one in self.changes.values():
                one["torn"] = one["torn"] and one["inode"] != words[1]
        else:
            number, kind, mode, mtime, torn, inode, other, path = words
            one = {"kept": undo / number, "kind": kind, "mode": int(mode, 8), "mtime": int(mtime),
                   "torn": torn == "1", "inode": inode, "path": bytes.fromhex(path), "with": other,
                   "durable": False, "order": len(self.changes)}
            self.changes[number] = one
            self.by_path.setdefault(one["path"], []).append(one)
            if other in self.changes:
                self.changes[other]["with"] = number

    def settle(self, one, folder):
        """Where one end of a rename is durable, so is the other, with the directories it is in."""
        while one is not None and os.path.dirname(one["path"]) != folder:
            one["durable"] = True
            above = self.by_path.get(os.path.dirname(one["path"]), [])
            one = next((state for state in above if not state["durable"]), None)

    def choose(self, dice):
        """How many of the changes of each path stay: any subset that a file system may leave."""
        way = dice.choice(("all", "cut", "each", "names"))
        cut = dice.randint(0, len(self.changes))
        stay = {}
        for path, states in sorted(self.by_path.items()):
            least = max((i + 1 for i, one in enumerate(states) if one["durable"]), default=0)
            if way == "all":
                chosen = 0
            elif way == "cut":
                chosen = sum(one["order"] < cut for one in states)
            elif way == "names":  # what is new is forgotten, what was replaced or removed is not
                chosen = 0 if states[least:] and states[least]["kind"] == "none" else len(states)
            else:
                chosen = dice.randint(least, len(states))
            stay[path] = max(chosen, least)
        while self.shorten(stay):
            pass
        return stay

    def shorten(self, stay):
        """A rename is forgotten at both ends, and where the directory that it goes to is."""
        def forgotten(one):
            return self.by_path[one["path"]].index(one) >= stay[one["path"]]

        found = False
        for one in self.changes.values():
            other = self.changes.get(one["with"])
            if other is None or forgotten(one):
                continue
            above = self.by_path.get(os.path.dirname(one["path"]), [])
            if forgotten(other) or any(state["kind"] == "none" and state["order"] < one["order"] and
                                       forgotten(state) for state in above):
                stay[one["path"]] = self.by_path[one["path"]].index(one)
                found = True
        return found


def forget(undo, dice):
    """Takes any subset of what was not flushed back."""
    account = Account(undo)
    stay = account.choose(dice)
    # Directories before what is in them: what is in a directory that is forgotten goes with it.
    for path, states in sorted(account.by_path.items(),
                               key=lambda item: (item[0].count(b"/"), item[0])):
        chosen = stay[path]
        if chosen < len(states):
            restore(path, states[chosen])
        if chosen > 0 and states[chosen - 1]["torn"] and os.path.isfile(path) and \
                not os.path.islink(path):
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


def moves(side, *renames):
    """A step: a person renames items on a side."""
    def move(world):
        trees.apply(world.roots[side], {old: {"move": new} for old, new in renames})
    return move


def command_situations():
    """The other commands that write, each after runs that left it something to do."""
    sync = ("sync", *SIDES)
    json_out = ("-o", "json")
    keep_both = ("--on-conflict", "keep-both")
    everything = {"source": fault_test.side_edits("a"), "target": fault_test.side_edits("b")}
    few = {"edited": "first", "deleted": "doomed", "gone/x": "1", "gone/deep/y": "2", "still": "same",
           "old/x": "3", "old/y": {"content": "4", "exec": True}, "name": "5", "k1": "6", "k2": "7"}
    few_edits = {"source": {"edited": "second", "deleted": None, "gone": None, "made/x": "new"},
                 "target": {}}
    renames = moves("source", ("name", "new-name"), ("old", "new"))
    yield Situation("undo", fault_test.BASE, everything, keep_both,
                    before=[(0, *sync, *keep_both)],
                    command=["undo", *SIDES, "2", "--force", *json_out])
    yield Situation("undo-renames", few, few_edits, (), before=[renames, (0, *sync)],
                    command=["undo", *SIDES, "2", "--force", *json_out])
    yield Situation("plan-file", few, few_edits, (),
                    command=["plan", *SIDES, "--out", "plan", *json_out])
    yield Situation("apply", fault_test.BASE, everything, keep_both,
                    before=[(0, "plan", *SIDES, *keep_both, "--out", "plan")],
                    command=["apply", "plan", *json_out])
    yield Situation("apply-renames", few, few_edits, (),
                    before=[renames, (0, "plan", *SIDES, "--out", "plan")],
                    command=["apply", "plan", *json_out])
    yield Situation("restore", few, few_edits, (), before=[(0, *sync)],
                    command=["restore", *SIDES, "edited", *json_out],
                    otherwise=[["restore", *SIDES, "edited", "--run", "2"]])
    yield Situation("restore-directory", few, few_edits, (), before=[(0, *sync)],
                    command=["restore", *SIDES, "gone/", *json_out],
                    otherwise=[["restore", *SIDES, "gone/", "--run", "2"]])

    clashes = {"source": {"text": "of source", "other": "other source", "lost": None, "free": "new"},
               "target": {"text": "of target, longer", "other": "other target", "lost": "changed"}}
    agreed = {"text": "first", "other": "first", "lost": "first", "name": "5", "still": "same"}
    leave = ("--delete-vs-change", "conflict")
    both_rename = [moves("source", ("name", "name-s")), moves("target", ("name", "name-t"))]
    right = [lambda world: (world.folder / "right").write_text("what a person wrote")]
    for take in ("source", "both", "right"):
        resolve = ["conflicts", "resolve", *SIDES, "text", "--take", take]
        yield Situation(f"resolve-{take}", agreed, clashes, leave,
                        before=[*right, (6, *sync, *leave)],
                        # 2: it is no conflict any more; 6: a side is not as it was then
                        command=[*resolve, *json_out], settled=(2, 6),
                        otherwise=[["sync", *SIDES, *leave], resolve])
    for take in ("source", "target", "both"):
        yield Situation(f"resolve-all-{take}", agreed, clashes, leave,
                        before=[*both_rename, (6, *sync, *leave)],
                        command=["conflicts", "resolve", *SIDES, "--all", "--take", take, *json_out],
                        settled=(6,), otherwise=[[*sync, *leave]])
    def age_archive(world):
        with contextlib.closing(sqlite3.connect(world.folder / STATE / "state.db")) as database:
            database.execute("UPDATE archived SET used_wall_ns = 1")
            database.commit()
        trees.apply(world.roots["source"], {"edited": "third", "still": None})

    # A sync that also drops what the archive kept too long.
    yield Situation("prune", few, few_edits, (), before=[(0, *sync), age_archive])

    def fail(world):
        refusing = f"fault+file://{world.folder}/target?op=put&status=PERMISSION_DENIED&probability=1"
        expect(world, 4, "sync", SIDES[0], refusing)

    yield Situation("retry", few, few_edits, (), before=[fail],
                    command=["failures", "retry", *SIDES, *json_out])


def upgrades():
    """The first sync, with something to do and conflicts that are open, of a state that an older
    version wrote; and the same of one that this version wrote."""
    agreed = {"text": "first", "edited": "first", "deleted": "first", "still": "same", "name": "5"}
    clashes = {"source": {"text": "of source"}, "target": {"text": "of target"}}

    def edits(world):
        trees.apply(world.roots["source"], {"edited": "second", "deleted": None})

    before = [moves("source", ("name", "name-s")), moves("target", ("name", "name-t")),
              (6, "sync", *SIDES), edits]
    today = Situation("upgrade", agreed, clashes, (), before=before)
    for schema in range(1, len(migrations())):
        yield today, Situation(f"upgrade-{schema}", agreed, clashes, (),
                               before=[*before, as_written_with(schema)])


def migrations():
    """The SQL of each migration, from the program's source."""
    source = MIGRATIONS.read_text(encoding="utf-8")
    texts = dict(re.findall(r'constexpr const char\* (\w+) = R"sql\((.*?)\)sql";', source, re.DOTALL))
    names = re.search(r"kMigrations\{(.*?)\}", source, re.DOTALL).group(1)
    return [texts[name.strip()] for name in names.split(",")]


def as_written_with(schema):
    """A step: the state becomes what a version that knew only so many migrations would have left."""
    def age(world):
        new, old = world.folder / STATE / "state.db", world.folder / STATE / "state.old"
        with contextlib.closing(sqlite3.connect(old)) as database:
            for text in migrations()[:schema]:
                database.executescript(text)
            database.execute("ATTACH ? AS new", (str(new),))
            for (table,) in database.execute(
                    "SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
                if table.startswith("sqlite_"):
                    continue
                columns = ", ".join(row[1] for row in database.execute(f"PRAGMA table_info({table})"))
                database.execute(f"INSERT INTO main.{table} ({columns}) "
                                 f"SELECT {columns} FROM new.{table}")
            (application,) = database.execute("PRAGMA new.application_id").fetchone()
            database.commit()
            database.execute("DETACH new")
            database.execute(f"PRAGMA application_id = {application}")
            database.execute(f"PRAGMA user_version = {schema}")
            database.execute("PRAGMA journal_mode = WAL")
        for log in ("-wal", "-shm"):
            new.with_name(new.name + log).unlink(missing_ok=True)
        os.chmod(old, 0o600)
        os.replace(old, new)
        if "archived" not in "".join(migrations()[:schema]):
            shutil.rmtree(new.parent / "archive", ignore_errors=True)
    return age


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


def is_picked(settings, name, share):
    """Whether the quick suite takes it, which takes one of `share`."""
    return settings.full or zlib.crc32(f"{settings.seed}/{name}".encode()) % share == 0


def failpoints(situation, settings):
    for name, count in sorted(situation.learn(settings).reached.items()):
        for nth in times(name, count, settings, settings.full):
            yield f"{name}:{nth}", nth


def cases(settings):
    for situation in settings.situations:
        whole = situation.name in ("edits", "first", "only-item")
        for failpoint, nth in failpoints(situation, settings):
            if whole or is_picked(settings, failpoint, 4):
                yield Kill(situation, failpoint, settings)
            if settings.full or (situation.name == "edits" and
                                 is_picked(settings, f"power/{failpoint}", 2)):
                yield Power(situation, failpoint, settings)
            if situation.name == "edits" and (settings.full or nth == 1) and \
                    is_picked(settings, f"power-edits/{failpoint}", 2):
                yield PowerAndEdits(situation, failpoint, settings)
        for number in range(settings.random_each):
            yield RandomKills(situation, number, settings)
    yield from command_cases(settings)
    if settings.full:
        for situation in every_scenario():
            learnt = situation.learn(settings)
            for failpoint, _ in failpoints(situation, settings) if learnt.usable else ():
                yield Kill(situation, failpoint, settings)


def command_cases(settings):
    for situation in settings.commands:
        for failpoint, _ in failpoints(situation, settings):
            name = f"{situation.name}/{failpoint}"
            if is_picked(settings, f"kill/{name}", 16):
                yield Kill(situation, failpoint, settings)
            if is_picked(settings, f"power/{name}", 60):
                yield Power(situation, failpoint, settings)
        for number in range(10 if settings.full else 1):
            if is_picked(settings, f"random/{situation.name}/{number}", 6):
                yield RandomKills(situation, number, settings)
    for today, situation in settings.upgrades:
        yield Upgrade(today, situation, settings)
        for failpoint, _ in failpoints(situation, settings):
            if "migration" in failpoint:
                yield KillUpgrade(today, situation, failpoint, settings)


def main():
    settings = seeded.parse_settings(__doc__, calls=True)
    settings.longest_s = 0.4
    settings.kills_each = 5
    settings.random_each = 50 if settings.full else 3
    settings.situations = standard_situations()
    settings.commands = [one for one in command_situations() if is_picked(settings, one.name, 2)]
    settings.upgrades = list(upgrades())
    count = seeded.Count(settings)
    with seeded.scratch(settings):
        with ThreadPoolExecutor(settings.jobs) as workers:
            list(workers.map(lambda one: one.learn(settings), [
                *settings.situations, *settings.commands, *sum(settings.upgrades, ())]))
        count.run(cases(settings))
        if not any(one.learn(settings).reached for one in settings.situations):
            count.failed += 1
            print("FAIL no failpoint was reached; was the program built without them?")
    return count.exit_code()


if __name__ == "__main__":
    sys.exit(main())
