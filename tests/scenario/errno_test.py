#!/usr/bin/env python3
"""Lets each system call of a command fail in turn and checks what becomes of it.

usage: errno_test.py [--bin PROGRAM] [--calls LIBRARY] [--jobs N] [--seed N] [--full] [--keep] [NAME ...]

A case is SITUATION/PLACE/ERROR/NTH[/on]: the NTH call that changes something in PLACE (source,
target or state; with "reads", also one that only reads) fails with ERROR; with "on" all later ones
fail, too, as on a disk that stays full. tests/tools/calls does that, so the connector, SQLite and
the engine are the real ones. The situations: edits and deletions on both sides, a first copy, renames,
and the commands undo and resolve.

Checked: the program ends by itself with an exit code that is true; what it could not do it says with
the cause and, where it concerns one, the item; nothing is lost and no file is half written; once the
trouble is over the next run ends as if it had never been. The quick suite takes some of the calls
by the seed, the full one takes all with every error.
"""

import errno
import json
import os
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import fault_test
import seeded

from crash_test import (SIDES, Case, Situation, calls_environment, discard, is_picked,
                        is_temporary, look, moves, text_of)
from run import sum_problems

ERRORS = {"ENOSPC": errno.ENOSPC, "EACCES": errno.EACCES, "EIO": errno.EIO, "EROFS": errno.EROFS}
# One of them must be in what the program says.
CAUSES = {
    "ENOSPC": ("no space", "disk full", "disk is full", "has room"),
    "EACCES": ("permission denied", "access denied", "cannot be opened", "cannot be written",
               "may not"),
    "EIO": ("input/output error", "i/o error", "reading or writing failed"),
    "EROFS": ("read-only", "cannot be written"),
}
# SQLite takes a part of its log that cannot be read for a damaged one, and a log that cannot be
# opened for one that may only be read, or reports what it tried next. Why a write failed it knows only
# of a full disk.
SQLITE_SAYS = ("damaged", "cannot be written", "cannot be opened")
SQLITE_SAYS_OF_WRITES = ("reading or writing failed",)
# What a failed look at an item is told as: a listing has no room for the system's own words.
UNREADABLE = ("could not be read", "changed while it was read")
EXIT_CODES = {0, 1, 3, 4, 5, 6, 7}
PLACES = ("source", "target", "state")


def side_tree(side):
    return {f"edit-{side}": f"first {side}", f"delete-{side}": f"doomed {side}",
            f"gone-{side}/x": f"gone {side}", f"large-{side}": {"size": 150_000, "fill": "1\n"}}


def side_edits(side):
    return {f"edit-{side}": f"second {side}", f"delete-{side}": None, f"gone-{side}": None,
            f"large-{side}": {"size": 160_000, "fill": f"2 {side}\n"},
            f"made-{side}/x": f"made {side}", f"link-{side}": {"link": f"edit-{side}"},
            "clash": f"both, as {side} has it"}


BASE = {**side_tree("a"), **side_tree("b"), "clash": "first", "still": "the same"}
ONE_WORKER = ("--workers", "1")  # so that the calls come in the same order each time


def situations():
    """Each with the share of its calls that the quick suite lets fail: one of so many."""
    both = {"source": side_edits("a"), "target": side_edits("b")}
    keep_both = ["--on-conflict", "keep-both", *ONE_WORKER]
    yield Situation("edits", BASE, both, keep_both), 4
    yield Situation("first", None, {"source": {**side_tree("a"), "d/x": "1", "clash": "a", "same": "s"},
                                    "target": {**side_tree("b"), "clash": "b", "same": "s"}},
                    keep_both), 40
    names = {"old/x": "1", "old/deep/y": "2", "name": "3", "swap": "4", "still": "same"}
    moved = moves("source", ("old", "new"), ("name", "swapping"), ("swap", "name"), ("swapping", "swap"))
    yield Situation("renames", names, {"source": {}, "target": {}}, ONE_WORKER, before=[moved]), 40
    gone = {"source": {"gone-a": None, "delete-a": None}, "target": {"gone-b": None, "edit-b": "new"}}
    yield Situation("deletions", BASE, gone, ONE_WORKER), 40
    yield Situation("undo", BASE, both, keep_both, before=[(0, "sync", *SIDES, *keep_both)],
                    command=["undo", *SIDES, "2", "--force", "-o", "json"], settled=(6,)), 40
    resolve = ["conflicts", "resolve", *SIDES, "--all", "--take", "both"]
    clashes = {"source": {"clash": "of source", "edit-a": "1", "delete-a": None},
               "target": {"clash": "of target", "edit-a": "2", "delete-a": "changed"}}
    leave = ["--delete-vs-change", "conflict", *ONE_WORKER]
    yield Situation("resolve", BASE, clashes, leave, before=[(6, "sync", *SIDES, *leave)],
                    command=[*resolve, "-o", "json"],
                    otherwise=[["sync", *SIDES, *leave], resolve]), 40


class Failing(Case):
    def __init__(self, situation, place, reads, error, nth, on, settings):
        parts = [situation.name, place, *(["reads"] if reads else []), error, str(nth),
                 *(["on"] if on else [])]
        super().__init__("/".join(parts), situation, settings)
        self.place, self.reads, self.error, self.nth, self.on = place, reads, error, nth, on

    def crash(self, world):
        log = world.folder / "calls"
        done = run_with_calls(world, self.settings, self.situation, self.place, self.reads, log,
                              f"{self.nth}:{ERRORS[self.error]}" + (":on" if self.on else ""))
        text = text_of(done) + done.stdout.decode(errors="replace")
        struck = [line for line in log.read_text(errors="replace").splitlines()
                  if line.endswith(" failed")]
        if done.returncode not in EXIT_CODES:
            self.problems.append(f"exit {done.returncode}: {text[-1500:]}")
            return
        document = json.loads(done.stdout)
        if document.get("exit_code") != done.returncode:
            self.problems.append(
                f"exit {done.returncode}, reported {document.get('exit_code')}")
        if "error" not in document:
            self.problems += sum_problems(document, "the run")
        if not struck:
            self.problems.append("no call failed; fewer are made than when it was counted")
        elif done.returncode == 0:
            learnt = self.situation.learn(self.settings)
            for side, tree in look(world).items():
                # What could not be removed of its own the next run removes.
                tree = {path: one for path, one in tree.items() if not is_temporary(path)}
                for line in fault_test.compare(tree, learnt.final[side]):
                    self.problems.append(f"exit 0 after '{struck[0]}', but {side}: {line}")
        elif not any(cause in text.lower()
                     for cause in CAUSES[self.error] + (UNREADABLE if self.reads else ()) +
                     (SQLITE_SAYS if self.place == "state" else ()) +
                     (SQLITE_SAYS_OF_WRITES
                      if self.place == "state" and self.error != "ENOSPC" else ())):
            self.problems.append(f"exit {done.returncode} after '{struck[0]}' without the cause: "
                                 f"{text[-1500:]}")


def run_with_calls(world, settings, situation, place, reads, log, fail):
    below = str(world.folder / "state") if place == "state" else os.fsdecode(world.roots[place])
    kept = world.environment
    world.environment = {
        **kept,
        **calls_environment(settings, below),
        "SYNCLINE_CALLS_COUNT": str(log),
        **({"SYNCLINE_CALLS_READS": "1"} if reads else {}),
        **({"SYNCLINE_CALLS_FAIL": fail} if fail else {}),
    }
    try:
        return situation.run(world)
    finally:
        world.environment = kept


def count(settings, situation, place, reads):
    world, _ = situation.prepare(settings, f"count-{place}-{reads}")
    log = world.folder / "calls"
    done = run_with_calls(world, settings, situation, place, reads, log, None)
    if done.returncode != 0:
        sys.exit(f"errno_test.py: a run in which nothing fails exits {done.returncode}: "
                 f"{text_of(done)}")
    calls = len(log.read_text(errors="replace").splitlines())
    discard(world)
    return calls


def cases(settings):
    groups = [(situation, share, place, reads) for situation, share in situations()
              if situation.name == "edits" or is_picked(settings, situation.name, 2)
              for place in PLACES for reads in (False, True)]
    with ThreadPoolExecutor(settings.jobs) as workers:
        counts = workers.map(lambda group: count(settings, group[0], *group[2:]), groups)
    for (situation, share, place, reads), calls in zip(groups, counts):
        print(f"{situation.name}, {place}: {calls} calls "
              f"{'in all' if reads else 'that change something'}", flush=True)
        errors = ("EACCES", "EIO") if reads else tuple(ERRORS)
        for nth in range(1, calls + 1):
            every = [(error, on) for error in errors for on in (False, True)]
            pick = zlib.crc32(f"{settings.seed}/{situation.name}/{place}/{reads}/{nth}".encode())
            if settings.full:
                chosen = every
            elif pick // 7 % (share * 5 if reads else share) == 0:
                chosen = [every[pick % len(every)]]
            else:
                chosen = []
            for error, on in chosen:
                yield Failing(situation, place, reads, error, nth, on, settings)


def main():
    settings = seeded.parse_settings(__doc__, calls=True)
    count = seeded.Count(settings)
    with seeded.scratch(settings):
        count.run(cases(settings))
    return count.exit_code()


if __name__ == "__main__":
    sys.exit(main())
