#!/usr/bin/env python3
"""Behaviour of the command line: mistakes, exit codes, output, locks, interruption, kill -9.

usage: cli_test.py [--bin PROGRAM] [--seed N] [--kills N] [NAME ...]
A NAME is a part of a test's name; without one every test runs.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unittest
from pathlib import Path

import manners
import trees
from command_line import DEADLINE_S, SETTINGS, CommandLine
from run import DEFAULT_BIN, report_of, scratch_folder, sum_problems

class Mistakes(CommandLine):
    """A usage mistake: exit 2, nothing on stdout, one line on stderr that says what to do."""

    def mistake(self, *arguments, hint, code=2):
        done = self.world.run(*arguments)
        text = done.stderr.decode()
        self.assert_exit(done, code)
        self.assertEqual(done.stdout, b"", "stdout is for data")
        self.assertEqual(text.count("\n"), 1, f"not one line: {text!r}")
        self.assertTrue(text.startswith("syncline: "), text)
        self.assertIn(hint, text)
        self.assertEqual(os.listdir(self.b), [])
        return text

    def test_no_command(self):
        self.mistake(hint="help")

    def test_unknown_command(self):
        self.mistake("synk", "a", "b", hint="did you mean 'sync'?")

    def test_unknown_command_like_nothing(self):
        self.mistake("frobnicate", hint="help")

    def test_no_sides(self):
        self.mistake("sync", hint="SOURCE and TARGET")

    def test_one_side(self):
        self.mistake("sync", "a", hint="SOURCE and TARGET")
        self.mistake("plan", "a", hint="SOURCE and TARGET")

    def test_three_sides(self):
        self.mistake("sync", "a", "b", "c", hint="--help")

    def test_unknown_option(self):
        self.mistake("sync", "a", "b", "--dryrun", hint="did you mean '--dry-run'?")
        self.mistake("sync", "a", "b", "--on-conflikt", "manual", hint="'--on-conflict'?")
        self.mistake("plan", "a", "b", "--exclud", "x", hint="'--exclude'?")

    def test_abbreviated_option(self):
        self.mistake("sync", "a", "b", "--mod", "mirror", hint="did you mean '--mode'?")

    def test_unknown_option_like_nothing(self):
        self.mistake("sync", "a", "b", "--xyzzy", hint="--help")
        self.mistake("sync", "a", "b", "-Q", hint="--help")

    def test_missing_value(self):
        for option in ("--mode", "--on-conflict", "--max-delete", "--exclude", "--state", "-o"):
            with self.subTest(option=option):
                self.mistake("sync", "a", "b", option, hint="--help")

    def test_wrong_values(self):
        for option, value, hint in (
            ("--mode", "miror", "did you mean 'mirror'?"),
            ("--mode", "", "two-way"),
            ("--mode", "both", "one-way"),
            ("--delete-vs-change", "delete-win", "'delete-wins'?"),
            ("--delete-vs-change", "maybe", "keep-change"),
            ("--deleted-container", "restore-al", "'restore-all'?"),
            ("--max-delete", "many", "20%"),
            ("--max-delete", "-1", "20%"),
            ("--max-delete", "101%", "20%"),
            ("--max-delete", "1.5", "20%"),
            ("--max-delete", "", "20%"),
            ("--max-delete", "99999999999999999999999", "20%"),
            ("--bwlimit", "fast", "10M"),
            ("--bwlimit", "0", "10M"),
            ("--bwlimit", "-5K", "10M"),
            ("--bwlimit", "10X", "10M"),
            ("--bwlimit", "10MB", "10M"),
            ("--bwlimit", "nan", "10M"),
            ("--bwlimit", "1e999", "10M"),
            ("--bwlimit", "", "10M"),
            ("-o", "xml", "json"),
        ):
            with self.subTest(option=option, value=value):
                self.mistake("sync", "a", "b", option, value, hint=hint)

    def test_wrong_force(self):
        self.mistake("sync", "a", "b", "--force=deletion", hint="did you mean 'deletions'?")
        self.mistake("sync", "a", "b", "--force=emptied,all", hint="identity")

    def test_flag_with_value(self):
        self.mistake("sync", "a", "b", "--dry-run=yes", hint="--dry-run")

    def test_plugin_command(self):
        self.mistake("plugin", hint="plugin list")
        self.mistake("plugin", "lst", hint="plugin list")
        self.mistake("plugin", "info", hint="plugin info NAME")

    def test_too_many_words(self):
        self.mistake("version", "now", hint="help")
        self.mistake("plugin", "list", "everything", hint="plugin list")

    def test_mistake_comes_before_missing_directory(self):
        self.mistake("sync", "a", "nowhere", "--mode", "miror", hint="'mirror'?")

    def test_unknown_strategy(self):
        for chain in ("newer-win", "manual,newer-win"):
            with self.subTest(chain=chain):
                text = self.mistake("sync", "a", "b", "--on-conflict", chain, hint="", code=3)
                self.assertIn("did you mean 'newer-wins'?", text)

    def test_unknown_option_of_a_strategy(self):
        for name in ("source-wins", "newer-wins", "manual", "keep-both"):
            for chain in (f"{name}?bogus=1", f"*.txt:{name}?bogus=1"):
                with self.subTest(chain=chain):
                    self.mistake("sync", "a", "b", "--on-conflict", chain, hint="'bogus'", code=3)

    def test_empty_strategy(self):
        for chain in ("", "newer-wins,", ",newer-wins"):
            with self.subTest(chain=chain):
                done = self.world.run("sync", "a", "b", "--on-conflict", chain)
                self.assertIn(done.returncode, (2, 3), "an empty strategy name is a mistake")

    def test_unknown_plugin(self):
        self.mistake("plugin", "info", "newer-win", hint="did you mean 'newer-wins'?", code=3)

    def test_unknown_scheme(self):
        self.mistake("sync", "a", "nosuch://place", hint="nosuch", code=3)

    def test_missing_directory(self):
        self.mistake("sync", "a", "nowhere", hint="nowhere", code=3)
        self.mistake("sync", "nowhere", "b", hint="nowhere", code=3)
        self.mistake("plan", "nowhere", "b", hint="nowhere", code=3)
        self.assertFalse(os.path.exists(self.world.folder / "nowhere"))

    def test_empty_side(self):
        self.mistake("sync", "", "b", hint="source", code=3)


class Help(CommandLine):
    def test_help_everywhere(self):
        for words in ([], ["sync"], ["plan"], ["apply"], ["explain"], ["plugin"],
                      ["plugin", "list"], ["plugin", "info"], ["version"], ["help"]):
            for option in ("--help", "-h"):
                with self.subTest(words=words, option=option):
                    done = self.run_ok(*words, option)
                    self.assertNotEqual(done.stdout, b"")
                    self.assertEqual(done.stderr, b"")

    def test_help_command(self):
        self.assertIn(b"sync", self.run_ok("help").stdout)
        self.assertEqual(self.run_ok("help").stdout, self.run_ok("--help").stdout)

    def test_help_wins_over_sides(self):
        self.run_ok("sync", "a", "b", "--help")
        self.assertFalse(os.path.exists(self.world.folder / "state"), "help needs no state")

    def test_help_names_every_option(self):
        text = self.run_ok("sync", "--help").stdout
        for option in (b"--mode", b"--on-conflict", b"--delete-vs-change", b"--deleted-container",
                       b"--max-delete", b"--force", b"--bwlimit", b"--include", b"--exclude", b"--state",
                       b"--dry-run", b"--output"):
            self.assertIn(option, text)

    def test_version(self):
        done = self.run_ok("version")
        self.assertRegex(done.stdout.decode(), r"^syncline \d+\.\d+\.\d+")

    def test_plugins(self):
        listed = self.run_ok("plugin", "list").stdout.decode()
        for name in ("filesystem", "source-wins", "target-wins", "newer-wins", "older-wins",
                     "larger-wins", "smaller-wins", "keep-both", "manual"):
            self.assertIn(name, listed)
            self.assertIn(name, self.run_ok("plugin", "info", name).stdout.decode())
        json.loads(self.run_ok("plugin", "list", "-o", "json").stdout)


class Output(CommandLine):
    """stdout is data, stderr is messages, and `-o json` is one document whatever happens."""

    def document(self, code, *arguments, **options):
        done = self.world.run(*arguments, "-o", "json", **options)
        self.assert_exit(done, code)
        return self.parse(done, code)

    def parse(self, done, code):
        try:
            document = json.loads(done.stdout)
        except ValueError as error:
            self.fail(f"stdout is not one JSON document ({error}): {done.stdout[:200]!r}")
        self.assertEqual(document.get("report", document)["exit_code"], code)
        if code not in (0, 6):
            self.assertNotEqual(done.stderr, b"", "nothing says why")
        return document

    def test_success(self):
        trees.apply(self.a, {"f": "1"})
        document = self.document(0, "sync", "a", "b")
        self.assertEqual(document["outcomes"]["ok"], 1)
        self.assertEqual(self.document(0, "sync", "a", "b")["outcomes"]["planned"], 0)

    def test_plan(self):
        trees.apply(self.a, {"f": "1"})
        document = self.document(0, "plan", "a", "b")
        self.assertEqual([row["key"] for row in document["operations"]], ["f"])
        self.assertEqual(os.listdir(self.b), [])

    def test_conflict(self):
        trees.apply(self.a, {"f": "1"})
        trees.apply(self.b, {"f": "2"})
        for command in ("plan", "sync"):
            document = self.document(6, command, "a", "b")
            report = document.get("report", document)
            self.assertEqual([row["key"] for row in report["conflicts"]], ["f"])

    def test_guards(self):
        trees.apply(self.a, {f"f{i}": "x" for i in range(10)})
        self.run_ok("sync", "a", "b")
        trees.apply(self.a, {f"f{i}": None for i in range(9)})
        self.document(8, "sync", "a", "b")
        self.document(8, "plan", "a", "b")
        self.document(8, "sync", "a", "a")

    def test_guard_message(self):
        trees.apply(self.a, {f"f{i}": "x" for i in range(10)})
        self.run_ok("sync", "a", "b")
        trees.apply(self.a, {f"f{i}": None for i in range(9)})
        text = self.run_ok("sync", "a", "b", code=8).stderr.decode()
        for part in ("9", "10", "50", "--force=deletions"):
            self.assertIn(part, text)

    def test_missing_root(self):
        self.document(3, "sync", "a", "nowhere")

    def test_unknown_strategy(self):
        self.document(3, "sync", "a", "b", "--on-conflict", "newest")

    def test_held_lock(self):
        self.hold()
        self.document(11, "sync", "a", "b")

    def test_corrupt_state(self):
        self.run_ok("sync", "a", "b")
        databases = [path for path in (self.world.folder / "state").rglob("*")
                     if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]
        self.assertEqual(len(databases), 1, "one SQLite file per state directory")
        for path in databases[0].parent.glob(databases[0].name + "-*"):
            path.unlink()
        garbage = b"this was a database" * 1000
        databases[0].write_bytes(garbage)
        trees.apply(self.a, {"f": "1"})
        self.document(7, "sync", "a", "b")
        self.assertEqual(databases[0].read_bytes(), garbage, "a corrupt state was touched")
        self.assertEqual(os.listdir(self.b), [])

    def test_newer_state(self):
        self.run_ok("sync", "a", "b")
        (database,) = [path for path in (self.world.folder / "state").rglob("*.db")]
        connection = sqlite3.connect(database)
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            self.skipTest("the schema's number is kept elsewhere")
        connection.execute("PRAGMA user_version = 9999")
        connection.commit()
        connection.close()
        self.document(7, "sync", "a", "b")

    def test_text_is_on_stdout_and_complaints_on_stderr(self):
        trees.apply(self.a, {"f": "1", "g": "1"})
        trees.apply(self.b, {"f": "2"})
        done = self.run_ok("sync", "a", "b", code=6)
        self.assertIn(b"f", done.stdout)
        self.assertNotEqual(done.stderr, b"")

    def test_no_control_characters_in_a_pipe(self):
        odd = {"esc\x1b[31mred": "1", "bell\x07": "1", "cr\rover": "1", "line\nfeigned": "1",
               "tab\there": "1", "del\x7f": "1"}
        trees.apply(self.a, odd)
        trees.apply(self.b, {name: "2" for name in odd})
        trees.apply(self.a, {"only\x1b[0m here": "1"})
        for words in (["plan", "a", "b"], ["sync", "a", "b", "-v"], ["sync", "a", "b", "--dry-run"],
                      ["sync", "a", "b", "-o", "json"], ["plugin", "list"], ["sync", "--help"]):
            done = self.world.run(*words)
            for name, text in (("stdout", done.stdout), ("stderr", done.stderr)):
                bad = sorted({byte for byte in text if byte < 32 and byte != 10})
                self.assertEqual(bad, [], f"control characters on {name} of {words}")
                feigned = [line for line in text.split(b"\n") if line.startswith(b"feigned")]
                self.assertEqual(feigned, [], f"a name broke a line of {name} of {words}")

    def test_full_stdout(self):
        trees.apply(self.a, {"f": "1"})
        for words in (["sync", "a", "b"], ["sync", "a", "b", "-o", "json"], ["plan", "a", "b"],
                      ["plugin", "list"], ["version"], ["--help"]):
            with self.subTest(words=words), open("/dev/full", "wb") as full:
                process = self.world.start(*words, stdout=full)
                _, errors = process.communicate(timeout=DEADLINE_S)
                self.assertEqual(process.returncode, 1, "exit code when stdout is full")
                self.assertNotEqual(errors, b"")

    def test_closed_stdout(self):
        trees.apply(self.a, {"f": "1"})
        process = self.world.start("sync", "a", "b", stdout=None,
                                   preexec_fn=lambda: os.close(1))
        _, errors = process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 1, "exit code when stdout is closed")
        self.assertNotEqual(errors, b"")
        self.run_ok("sync", "a", "b")
        self.assert_equal_sides({b"f": b"1"})

    def test_reader_went_away(self):
        self.make_files(self.a, 200)
        reading, writing = os.pipe()
        os.close(reading)
        process = self.world.start("sync", "a", "b", stdout=writing)
        os.close(writing)
        process.communicate(timeout=DEADLINE_S)
        self.assertNotEqual(process.returncode, 0)
        self.run_ok("sync", "a", "b")
        self.assert_equal_sides()
        self.assert_no_temporary_files()


class Sides(CommandLine):
    def first_run(self, *arguments):
        return json.loads(self.run_ok(*arguments, "-o", "json").stdout)["first_run"]

    def test_a_sync_is_known_by_its_places(self):
        self.assertTrue(self.first_run("sync", "a", "b"))
        os.symlink("b", self.world.folder / "alias")
        for left, right in (("a/", "./b"), (self.a, self.b), ("b/../a", "alias")):
            self.assertFalse(self.first_run("sync", left, right), f"{left} {right}")

    def test_side_with_a_leading_dash(self):
        os.mkdir(self.world.folder / "-a")
        trees.apply(os.fsencode(self.world.folder / "-a"), {"f": "1"})
        self.run_ok("sync", "--", "-a", "b")
        self.assertEqual(os.listdir(self.b), [b"f"])
        self.assertFalse(self.first_run("sync", "./-a", "b"))

    def test_options_before_sides(self):
        trees.apply(self.a, {"f": "1"})
        self.run_ok("sync", "--mode=mirror", "-o", "text", "a", "b", "--exclude=x")
        self.assertEqual(os.listdir(self.b), [b"f"])

    def test_odd_directory_names(self):
        for name in ("with space", "line\nbreak", "é", b"\xff\xfe", "%41", "a:b"):
            with self.subTest(name=name):
                folder = os.path.join(os.fsencode(self.world.folder), os.fsencode(name))
                os.mkdir(folder)
                trees.apply(folder, {"f": "1"})
                trees.apply(self.b, {"f": None})
                self.run_ok("sync", name, "b")
                self.assertEqual(os.listdir(self.b), [b"f"])

    def test_state_directory(self):
        self.assertTrue(self.first_run("sync", "a", "b", "--state", "elsewhere/deep"))
        self.assertFalse(self.first_run("sync", "a", "b", "--state", "elsewhere/deep"))
        self.assertTrue(self.first_run("sync", "a", "b"))
        self.assertTrue((self.world.folder / "elsewhere" / "deep").is_dir())

    def test_default_state_directory(self):
        del self.world.environment["XDG_STATE_HOME"]
        self.run_ok("sync", "a", "b")
        self.assertTrue((self.world.folder / ".local" / "state" / "syncline").is_dir())

    def test_lost_state_deletes_nothing(self):
        trees.apply(self.a, {"f": "1", "g": "2"})
        self.run_ok("sync", "a", "b")
        shutil.rmtree(self.world.folder / "state")
        trees.apply(self.a, {"f": None})
        self.assertTrue(self.first_run("sync", "a", "b"))
        self.assert_equal_sides({b"f": b"1", b"g": b"2"})

    def test_dry_run_is_a_plan(self):
        trees.apply(self.a, {"f": "1", "c": "1"})
        trees.apply(self.b, {"c": "2", "d/": {"dir": True}})
        before = self.world.look()
        self.run_ok("sync", "a", "b", "--dry-run", code=6)
        self.run_ok("plan", "a", "b", code=6)
        self.assertEqual(self.world.look(), before)
        self.assertTrue(json.loads(self.world.run("sync", "a", "b", "-o", "json").stdout)
                        ["first_run"], "a plan is not a run")


class Interruption(CommandLine):
    def test_second_run_meets_the_lock(self):
        first = self.hold()
        before = trees.snapshot(self.b)
        done = self.run_ok("sync", "a", "b", code=11)
        self.assertNotEqual(done.stderr, b"")
        self.assertEqual(trees.snapshot(self.b), before)
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=DEADLINE_S)
        self.assertEqual(first.returncode, 0)
        self.assert_equal_sides()
        self.run_ok("sync", "a", "b")

    def test_lock_holds_for_other_spellings(self):
        self.hold()
        os.symlink("b", self.world.folder / "alias")
        self.run_ok("sync", "./a/", "alias", code=11)

    def test_lock_of_a_killed_process(self):
        first = self.hold()
        self.run_ok("sync", "a", "b", code=11)
        first.kill()
        first.communicate(timeout=DEADLINE_S)
        self.run_ok("sync", "a", "b")
        self.assert_equal_sides()
        self.assert_no_temporary_files()

    def interrupt(self, signal_number, code):
        process = self.start_and_catch("-o", "json")
        process.send_signal(signal_number)
        output, errors = process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, code, errors.decode())
        done = subprocess.CompletedProcess([], code, output, errors)
        report = report_of(done, "sync")
        self.assertEqual(sum_problems(report, "sync"), [])
        self.assertTrue(report["interrupted"])
        self.assertGreater(report["outcomes"]["pending"], 0)
        self.assert_no_temporary_files()
        wanted = {key: one.data for key, one in trees.snapshot(self.a).items()
                  if one.kind == "file"}
        for key, one in trees.snapshot(self.b).items():
            if one.kind == "file":
                self.assertEqual(one.data, wanted[key], f"partial content in {key}")
        again = json.loads(self.run_ok("sync", "a", "b", "-o", "json").stdout)
        self.assertLessEqual(again["done_actions"]["create"],
                             report["outcomes"]["planned"] - report["outcomes"]["ok"])
        self.assert_equal_sides(wanted)

    def test_interrupt(self):
        self.interrupt(signal.SIGINT, 130)

    def test_terminate(self):
        self.interrupt(signal.SIGTERM, 143)


class Killed(CommandLine):
    """kill -9 at random moments; the model knows what both sides must hold in the end."""

    def test_kill_at_random_moments(self):
        dice = random.Random(SETTINGS["seed"])
        model = {}
        spread_s = None
        kills = attempts = 0
        while kills < SETTINGS["kills"]:
            old = dict(model)
            self.edit(dice, model)
            for _ in range(dice.randint(1, 3) if spread_s else 0):
                attempts += 1
                kills += self.kill_after(dice.uniform(0, spread_s))
                self.assert_nothing_is_lost(old, model)
            begin = time.monotonic()
            done = self.world.run("sync", "a", "b", "--force=deletions", "-o", "json")
            spread_s = spread_s or time.monotonic() - begin
            self.assert_exit(done, 0)
            self.assert_equal_sides(model)
            self.assert_no_temporary_files()
            again = json.loads(self.run_ok("sync", "a", "b", "-o", "json").stdout)
            self.assertEqual(again["outcomes"]["planned"], 0)
            self.assertLess(attempts, 20 * SETTINGS["kills"], "the sync always ends too early")

    def kill_after(self, seconds):
        """1 when the process was still at work, 0 when it had ended by itself."""
        process = self.world.start("sync", "a", "b", "--force=deletions")
        try:
            process.communicate(timeout=seconds)
            return 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return 1

    def edit(self, dice, model):
        """The source edits what is called s..., the target t..., so that nothing conflicts."""
        for root, prefix in ((self.a, "s"), (self.b, "t")):
            for number in range(40):
                name = f"{prefix}{dice.randrange(60)}"
                action = dice.random()
                if action < 0.55:
                    self.forget_below(model, name)
                    self.put(root, name, dice, model)
                elif action < 0.75:
                    model.pop(name.encode(), None)
                    self.put(root, f"{name}/x{number}", dice, model)
                else:
                    self.forget_below(model, name)
                    trees.apply(root, {name: None})

    def forget_below(self, model, name):
        path = name.encode()
        for key in [k for k in model if k == path or k.startswith(path + b"/")]:
            del model[key]

    def put(self, root, name, dice, model):
        data = {"size": dice.choice((0, 10, 5000, 200000)), "fill": f"{dice.random()}\n"}
        data["mtime"] = dice.randrange(10**7)
        trees.apply(root, {name: data})
        model[name.encode()] = trees.content_of(data)

    def assert_nothing_is_lost(self, old, model):
        """A side's own edits stand, and the other side has each file as it was or as it will be."""
        for root, own in ((self.a, b"s"), (self.b, b"t")):
            found = {key: one.data for key, one in trees.snapshot(root).items()
                     if one.kind == "file" and b".syncline-tmp-" not in key}
            mine = {key: data for key, data in found.items() if key.startswith(own)}
            wanted = {key: data for key, data in model.items() if key.startswith(own)}
            odd = [trees.show(k) for k in set(mine) | set(wanted) if mine.get(k) != wanted.get(k)]
            self.assertEqual(odd, [], "an edit was lost")
            for key in set(found) - set(mine):
                self.assertIn(found[key], (old.get(key), model.get(key)),
                              f"{key} is neither old nor new")


class Report(unittest.TestResult):
    """One line per failure; sub-tests count with their test."""

    def __init__(self):
        super().__init__()
        self.broken = {}
        self.skipped_count = 0
        self.total = 0

    def startTest(self, test):
        self.total += 1
        super().startTest(test)

    def note(self, test, error):
        parent = getattr(test, "test_case", test)
        name = parent.id().split(".", 1)[-1]
        detail = ""
        if parent is not test:
            detail = " " + str(test).split(") ", 1)[-1] if ") " in str(test) else ""
        lines = " ".join(f"{error[0].__name__}: {error[1]}".split())
        print(f"FAIL {name}{detail}: {lines[:600]}", flush=True)
        self.broken[name] = True

    def addFailure(self, test, err):
        self.note(test, err)

    def addError(self, test, err):
        self.note(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note(subtest, err)

    def addSkip(self, test, reason):
        self.skipped_count += 1
        print(f"SKIP {test.id().split('.', 1)[-1]}: {reason}")


def main(module=None):
    """Runs the tests of `module`, by default of this one."""
    parser = argparse.ArgumentParser(description=(module or sys.modules[__name__]).__doc__.splitlines()[0])
    parser.add_argument("--bin", default=os.environ.get("SYNCLINE_BIN", DEFAULT_BIN))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kills", type=int, default=50, help="how often kill -9 strikes")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    program = Path(options.bin).resolve()
    if not os.access(program, os.X_OK):
        sys.exit(f"cli_test.py: no program at {program}; build it, or name one with --bin")
    SETTINGS.update(bin=program, seed=options.seed, kills=options.kills, scratch=scratch_folder())
    print(f"seed {options.seed}")

    def every(suite):
        for one in suite:
            yield from every(one) if isinstance(one, unittest.TestSuite) else (one,)

    load = unittest.defaultTestLoader.loadTestsFromModule
    tests = every([load(module)] if module else [load(sys.modules[__name__]), load(manners)])
    names = options.names
    chosen = [one for one in tests if not names or any(name in one.id() for name in names)]
    report = Report()
    try:
        unittest.TestSuite(chosen).run(report)
    finally:
        shutil.rmtree(SETTINGS["scratch"], ignore_errors=True)
    failed = len(report.broken)
    passed = report.total - failed - report.skipped_count
    skipped = f", {report.skipped_count} skipped" if report.skipped_count else ""
    print(f"{passed} passed, {failed} failed{skipped}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
