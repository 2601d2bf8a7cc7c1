#!/usr/bin/env python3
"""Real two-way syncs through the fault connector: every status code at every operation, and chance.

usage: fault_test.py [--bin PROGRAM] [--jobs N] [--seed N] [--full] [--keep] [NAME ...]
A NAME is a part of a case's name; without one all run. Each case syncs two directories, edits both,
runs once with faults and once without, and checks what must hold whatever the faults were:

- the exit code is a documented one, and not 0 unless both sides are as they should be;
- the outcomes of the report add up, and the report names the same exit code;
- no content that should survive is lost: each is still on at least one side;
- nothing half written and nothing temporary is visible at the end;
- the run without faults exits 0 and leaves both sides as if there had never been a fault.
"""

import contextlib
import fcntl
import json
import os
import pty
import random
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import zlib
from pathlib import Path

import seeded
import trees
from run import TIME_LIMIT_S, World, sum_problems

HEADER = (Path(__file__).resolve().parents[2] / "sdk" / "include" / "syncline" / "abi" / "types.h")
EXIT_CODES = {0, 1, 2, 3, 4, 5, 6, 7, 8, 11}
# What a connector may answer at any time, and the engine then does another way.
HARMLESS = ("open_body/NOT_SUPPORTED", "put_fd/NOT_SUPPORTED", "set_meta/NOT_SUPPORTED")
# An operation of the engine and how the connector's settings name it.
OPERATIONS = {
    "info": "op=info", "check": "op=check", "list": "op=list", "stat": "op=stat", "get": "op=get",
    "open_body": "op=open_body", "put": "op=put", "put_fd": "op=put_fd", "mkdir": "op=put&key=*/",
    "remove": "op=remove", "rename": "op=rename", "set_meta": "op=set_meta", "flush": "op=flush",
}
PATTERNS = {"once": "nth=1", "always": "probability=1", "each-once": "nth=1&per_key"}
FLAGS = ("--on-conflict", "keep-both", "--workers", "2", "-o", "json")


def side_tree(side):
    """What one side has in the base: to be edited there, deleted there, and so on."""
    return {
        f"edit-{side}": f"first {side}",
        f"delete-{side}": f"doomed {side}",
        f"mode-{side}": f"mode {side}",
        f"dir-{side}/old": f"old {side}",
        f"gone-{side}/x": f"gone {side}",
        f"kind-{side}": f"a file {side}",
        f"large-{side}": {"size": 300_000, "fill": f"first {side}\n"},
    }


def side_edits(side):
    return {
        f"edit-{side}": f"second {side}",
        f"delete-{side}": None,
        f"mode-{side}": {"chmod": "+x"},
        f"dir-{side}/new": f"new {side}",
        f"gone-{side}": None,
        f"kind-{side}/inside": f"now a directory {side}",
        f"large-{side}": {"size": 310_000, "fill": f"second {side}\n"},
        f"made-{side}/deep/x": f"made {side}",
        f"empty-{side}/": {"dir": True},
        f"link-{side}": {"link": f"edit-{side}"},
        "clash": f"both, as {side} has it",
    }


BASE = {**side_tree("a"), **side_tree("b"), "clash": "first", "still": "the same"}


def plain(tree):
    """What a person would miss: kinds, contents and the executable bit."""
    return {key: (one.kind, one.data, one.executable) for key, one in tree.items()}


def contents(tree):
    return {one.data for one in tree.values() if one.kind in ("file", "link")}


class Case:
    def __init__(self, name, a="", b="", settings=None):
        self.name = name
        self.queries = {"a": a, "b": b}  # of the fault connector on that side; "" is no wrapper
        self.settings = settings
        self.problems = []

    def location(self, world, side):
        folder = world.folder / side
        query = self.queries[side]
        return f"fault+file://{folder}?{query}" if query else str(folder)

    def run(self):
        world = World(self.settings.bin, self.settings.scratch / self.name.replace("/", "-"),
                      self.settings.cache, {"source": "a", "target": "b"})
        command = None
        try:
            prepare(world)
            command = ["sync", self.location(world, "a"), self.location(world, "b"), *FLAGS]
            done = world.run(*command)
            self.check_faulty(world, done)
            again = world.run("sync", "a", "b", *FLAGS)
            self.check_clean(world, again)
        except (subprocess.TimeoutExpired, OSError, ValueError) as error:
            self.problems.append(f"{type(error).__name__}: {error}")
        if self.problems and command:
            self.problems.append("  command: " + shlex.join([str(world.program), *command]))
        if not self.settings.keep:
            shutil.rmtree(world.folder)
        return self

    def check_process(self, what, done):
        text = done.stderr.decode(errors="replace")
        if done.returncode not in EXIT_CODES:
            self.problems.append(f"{what}: exit {done.returncode}: {text[-2000:]}")
        if "Sanitizer" in text or "runtime error:" in text:
            self.problems.append(f"{what}: a sanitizer complains: {text[-3000:]}")
        document = json.loads(done.stdout)
        if document.get("exit_code") != done.returncode:
            self.problems.append(
                f"{what}: exit {done.returncode}, reported {document.get('exit_code')}")
        if "error" in document:
            if done.returncode == 0:
                self.problems.append(f"{what}: an error and exit 0: {document}")
            return None
        self.problems += sum_problems(document, what)
        counts = document["outcomes"]
        if done.returncode == 0 and counts["failed"] + counts["pending"] + counts["conflicted"] > 0:
            self.problems.append(f"{what}: exit 0 with {counts}")
        listed = len(document["failures"])
        if listed != counts["failed"]:
            self.problems.append(f"{what}: {counts['failed']} failed, {listed} are listed")
        return document

    def check_faulty(self, world, done):
        wanted = self.settings.expected
        self.check_process("faulty run", done)
        if self.name.startswith(HARMLESS) and done.returncode != 0:
            self.problems.append(f"faulty run: exit {done.returncode}, but there is another way")
        now = {side: trees.snapshot(root) for side, root in world.roots.items()}
        if done.returncode == 0:
            for side, tree in now.items():
                for line in compare(plain(tree), plain(wanted)):
                    self.problems.append(f"faulty run: exit 0, but {side}: {line}")
        left = contents(now["source"]) | contents(now["target"])
        for data in sorted(contents(wanted) - left):
            self.problems.append(f"faulty run: lost {data[:40]!r}")
        whole = self.settings.known | contents(wanted)
        for side, tree in now.items():
            for key, one in tree.items():
                if one.kind == "file" and one.data not in whole:
                    self.problems.append(f"faulty run: {side}: half a body in {trees.show(key)}")

    def check_clean(self, world, done):
        self.check_process("clean run", done)
        if done.returncode != 0:
            text = done.stderr.decode(errors="replace").strip()
            self.problems.append(f"clean run: exit {done.returncode}: {text[-1000:]}")
        for side, root in world.roots.items():
            for line in compare(plain(trees.snapshot(root)), plain(self.settings.expected)):
                self.problems.append(f"clean run: {side}: {line}")


def compare(actual, wanted):
    lines = []
    for key in sorted(set(actual) | set(wanted)):
        if actual.get(key) != wanted.get(key):
            short = [None if one is None else (one[0], one[1][:30], one[2])
                     for one in (actual.get(key), wanted.get(key))]
            lines.append(f"{trees.show(key)} is {short[0]}, expected {short[1]}")
    return lines


def prepare(world):
    """Both sides agreed on BASE and were edited since."""
    for root in world.roots.values():
        os.mkdir(root)
    trees.apply(world.roots["source"], BASE, trees.BASE_MTIME)
    done = world.run("sync", "a", "b", *FLAGS)
    if done.returncode != 0:
        raise OSError(f"the first sync exits {done.returncode}: {done.stderr.decode()}")
    for side, root in (("a", world.roots["source"]), ("b", world.roots["target"])):
        trees.apply(root, side_edits(side), trees.EDIT_MTIME + ord(side))


def status_codes():
    return re.findall(r"#define SYNCLINE_E_(\w+) \(-\d+\)", HEADER.read_text(encoding="utf-8"))


def matrix(full, seed):
    """Every status code at every operation. The quick suite takes every other one, on one side in
    one pattern, by the seed; the full one takes all."""
    for operation, query in OPERATIONS.items():
        for code in status_codes():
            every = [(side, pattern) for side in "ab" for pattern in PATTERNS]
            drawn = zlib.crc32(f"{seed}/{operation}/{code}".encode())
            few = [every[drawn // 2 % len(every)]] if drawn % 2 == 0 else []
            for side, pattern in every if full else few:
                yield (f"{operation}/{code}/{pattern}/{side}",
                       {side: f"{query}&{PATTERNS[pattern]}&status={code.lower()}&seed={seed}"})


def effects(seed):
    for side in "ab":
        for pattern, numbers in PATTERNS.items():
            for operation in ("put", "put_fd", "mkdir", "remove", "set_meta"):
                yield (f"lost-ack/{operation}/{pattern}/{side}",
                       {side: f"{OPERATIONS[operation]}&lost_ack&{numbers}&seed={seed}"})
            for operation in ("get", "put", "list"):
                yield (f"short-body/{operation}/{pattern}/{side}",
                       {side: f"op={operation}&short_body&{numbers}&seed={seed}"})
        yield f"delay/{side}", {side: f"delay_ms=1&probability=0.5&seed={seed}"}


def chance(count, seed):
    codes = status_codes()
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        queries = {}
        for side in rng.choice(("a", "b", "ab")):
            # Reaching the endpoint at all is left to the matrix.
            chosen = rng.sample(codes, rng.randint(1, 6))
            statuses = "".join(f"&status={code}" for code in chosen)
            # A store that says twice that an item is not there is believed.
            calls = "".join(f"&op={op}" for op in
                            ("list", "stat", "get", "put", "remove", "set_meta", "flush")
                            if op != "stat" or "NOT_FOUND" not in chosen)
            effect = rng.choice(("", "", "&lost_ack&op=put&op=remove", "&short_body&op=get&op=put"))
            queries[side] = (f"probability={rng.choice((0.02, 0.1, 0.3, 0.6))}"
                             f"&seed={rng.randrange(10**6)}{statuses}{effect or calls}")
        yield f"chance/{number}", queries


def learn(settings):
    """What both sides hold after the same edits without a fault, and all contents on the way."""
    world = World(settings.bin, settings.scratch / "reference", settings.cache,
                  {"source": "a", "target": "b"})
    prepare(world)
    edited = [trees.snapshot(root) for root in world.roots.values()]
    done = world.run("sync", "a", "b", *FLAGS)
    if done.returncode != 0:
        sys.exit(f"fault_test.py: a sync without faults exits {done.returncode}: "
                 f"{done.stderr.decode()}")
    settings.expected, other = (trees.snapshot(root) for root in world.roots.values())
    if plain(settings.expected) != plain(other):
        sys.exit("fault_test.py: a sync without faults leaves the sides different")
    settings.known = set().union(*(contents(tree) for tree in edited))
    shutil.rmtree(world.folder)


def hang_case(settings):
    """A call that hangs ends when the person interrupts twice."""
    case = Case("hang", settings=settings)
    world = World(settings.bin, settings.scratch / "hang", settings.cache,
                  {"source": "a", "target": "b"})
    prepare(world)
    process = world.start("sync", "a", f"fault+file://{world.folder}/b?op=put&hang&nth=1", *FLAGS)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
    process.communicate()
    if process.returncode not in (130, -signal.SIGINT):
        case.problems.append(f"exit {process.returncode}, expected 130")
    case.check_clean(world, world.run("sync", "a", "b", *FLAGS))
    return case


def vanished_case(settings):
    """A root that is gone is the same to a wrapped directory as to a plain one."""
    case = Case("vanished", settings=settings)
    world = World(settings.bin, settings.scratch / "vanished", settings.cache,
                  {"source": "a", "target": "b"})
    wrapped = f"fault+file://{world.folder}/b?probability=0"
    for root in world.roots.values():
        os.mkdir(root)
    never = world.run("sync", "a", f"fault+file://{world.folder}/nowhere?probability=0")
    if never.returncode != 3:
        case.problems.append(f"a root that never was: exit {never.returncode}, expected 3")
    trees.apply(world.roots["source"], {"x": "1"})
    first = world.run("sync", "a", wrapped)
    plain_again = world.run("sync", "a", "b", "-o", "json")
    if first.returncode != 0 or json.loads(plain_again.stdout)["outcomes"]["planned"] != 0:
        case.problems.append("a wrapped directory and the plain one have no common base")
    trees.remove(world.roots["target"])
    gone = world.run("sync", "a", wrapped)
    if gone.returncode != 7:
        case.problems.append(f"a root that vanished: exit {gone.returncode}, expected 7")
    return case


def run_on_terminal(world, *arguments):
    """A run whose messages and progress go to a terminal: its exit code, stdout and all it showed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = world.start(*arguments, stderr=theirs)
    os.close(theirs)
    shown = bytearray()
    with contextlib.suppress(OSError):  # what a terminal answers when the other end is closed
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    stdout, _ = process.communicate(timeout=TIME_LIMIT_S)
    return process.returncode, json.loads(stdout), shown.decode(errors="replace")


def recovery_case(settings):
    """Rate limited, then down: seen live and in the report. Then it comes back, and all is well."""
    case = Case("recovery", settings=settings)
    world = World(settings.bin, settings.scratch / "recovery", settings.cache,
                  {"source": "a", "target": "b"})
    for root in world.roots.values():
        os.mkdir(root)
    trees.apply(world.roots["source"], {f"file{i:02}": f"text {i}" for i in range(60)})

    def expect(what, holds):
        if not holds:
            case.problems.append(what)

    def sync(*rules):
        query = "&".join("rules=" + json.dumps(rule, separators=(",", ":")) for rule in rules)
        code, report, shown = run_on_terminal(
            world, "sync", "a", f"fault+file://{world.folder}/b?seed={settings.seed}&{query}",
            "--workers", "2", "-o", "json")
        case.problems += sum_problems(report, f"exit {code}")
        expect(f"exit {code}, reported {report['exit_code']}", code == report["exit_code"])
        breakers = {breaker["side"]: breaker for breaker in report["breakers"]}
        return code, report, breakers, shown

    limited = {"op": ["put"], "until_call": 3, "status": ["rate-limited"], "retry_after_ms": 500}
    code, report, breakers, shown = sync(limited, {"op": ["put"], "from_call": 12})
    outcomes = report["outcomes"]
    expect(f"down: exit {code}, expected 5", code == 5)
    expect(f"down: {outcomes}", outcomes["ok"] > 0 and outcomes["pending"] > 0)
    expect(f"down: waited {report['quota_wait_ms']} ms for quota", report["quota_wait_ms"] >= 500)
    expect(f"down: {report['retries']} retries", report["retries"] > 0)
    expect(f"down: {breakers}", breakers["source"]["state"] == "closed"
           and breakers["target"]["times_opened"] == 1 and breakers["target"]["state"] == "open")
    expect(f"down: stopped by {report.get('stopped')}",
           report.get("stopped", {}).get("code") == "circuit-open")
    expect("down: no depth of the queue", report["queue_depth_max"] > 0)
    for sign in ("waiting for quota", "retries", " queued", "circuit breaker open"):
        expect(f"down: '{sign}' was not shown live: {shown[-2000:]!r}", sign in shown)

    code, report, breakers, shown = sync(limited, {"op": ["put"], "nth": [5, 9]})
    expect(f"recovered: exit {code}: {shown[-2000:]!r}", code == 0)
    expect(f"recovered: {report['retries']} retries", report["retries"] == 2)
    expect(f"recovered: {breakers}", all(one["state"] == "closed" for one in breakers.values()))
    left, right = (plain(trees.snapshot(root)) for root in world.roots.values())
    case.problems += [f"recovered: {line}" for line in compare(right, left)]

    code, report, _, _ = sync({"op": ["put"], "nth": [1]})
    expect(f"afterwards: exit {code}, {report['outcomes']}",
           code == 0 and report["outcomes"]["planned"] == 0)
    return case


def main():
    settings = seeded.parse_settings(__doc__, jobs=8)  # they mostly wait to try again
    planned = [*matrix(settings.full, settings.seed), *effects(settings.seed),
               *chance(300 if settings.full else 30, settings.seed)]
    count = seeded.Count(settings)
    with seeded.scratch(settings):
        learn(settings)
        if not settings.names:
            count.add(hang_case(settings))
            count.add(vanished_case(settings))
        if not settings.names or "recovery" in settings.names:
            count.add(recovery_case(settings))
        count.run(Case(name, settings=settings, **queries) for name, queries in planned)
    return count.exit_code()


if __name__ == "__main__":
    sys.exit(main())
