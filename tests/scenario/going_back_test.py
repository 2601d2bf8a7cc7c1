#!/usr/bin/env python3
"""Going back by the command line: history, undo, restore, verify, and the archive below them.

usage: going_back_test.py [--bin PROGRAM] [--seed N] [NAME ...]
A NAME is a part of a test's name; without one every test runs.
"""

import json
import os
import signal
import sqlite3
import sys

import cli_test
import trees


class GoingBack(cli_test.CommandLine):
    """Two directories that agreed once; see cli_test.CommandLine."""

    def both(self):
        return tuple(trees.without_times(trees.snapshot(root)) for root in (self.a, self.b))

    def edit(self, root, edits, mtime=trees.EDIT_MTIME):
        trees.apply(root, edits, mtime)

    def agree(self, tree):
        self.edit(self.a, tree, trees.BASE_MTIME)
        self.run_ok("sync", "a", "b")

    def sync(self, *flags, code=0):
        return json.loads(self.run_ok("sync", "a", "b", "-o", "json", *flags, code=code).stdout)

    def undo(self, run, *flags, code=0):
        done = self.run_ok("undo", "a", "b", str(run), "-o", "json", *flags, code=code)
        document = json.loads(done.stdout)
        return document.get("report", document)

    def items(self, run):
        done = self.run_ok("history", "a", "b", "--run", str(run), "-o", "json")
        return json.loads(done.stdout)["items"]

    def archived_files(self):
        archive = self.world.folder / "state" / "syncline" / "archive"
        return [path for path in archive.rglob("*") if path.is_file() and path.name != "lock"]

    def message(self, done):
        return done.stderr.decode()


class Undo(GoingBack):
    def check_undo(self, before, edits_a, edits_b, *flags, undo_flags=()):
        """What the run wrote is undone exactly; then what was undone is undone."""
        self.agree(before)
        self.edit(self.a, edits_a)
        self.edit(self.b, edits_b)
        sides = self.both()
        report = self.sync(*flags)
        after = self.both()
        self.assertNotEqual(sides, after)
        undone = self.undo(report["run"], *undo_flags)
        self.assertEqual(undone["command"], "undo")
        self.assertEqual(undone["of_run"], report["run"])
        self.assertEqual(undone["outcomes"]["ok"], undone["outcomes"]["planned"])
        self.assertEqual(self.both(), sides)
        self.undo(undone["run"], *undo_flags)
        self.assertEqual(self.both(), after)
        self.assert_no_temporary_files()
        return report

    def test_edits_and_creations(self):
        self.check_undo({"a": "1", "d/b": "2", "big": {"size": 700_000}},
                        {"a": "edited", "new/x": "new", "new/empty/": {}},
                        {"d/b": {"content": "edited there", "exec": True},
                         "big": {"size": 600_001, "fill": "other\n"}})

    def test_renames(self):
        self.agree({"a": "1", "b": "2", "dir/x": "3", "dir/sub/y": "4", **{f"k{i}": "" for i in range(9)}})
        for old, new in (("a", "swap"), ("b", "a"), ("swap", "b"), ("dir", "moved")):
            os.rename(os.path.join(self.a, os.fsencode(old)), os.path.join(self.a, os.fsencode(new)))
        before = self.both()
        report = self.sync()
        self.assertEqual(report["done_actions"]["rename"], 3)
        undone = self.undo(report["run"])
        self.assertEqual(undone["outcomes"]["ok"], undone["outcomes"]["planned"])
        self.assertEqual(self.both(), before)

    def test_the_sides_can_be_left_out(self):
        self.agree({"a": "1"})
        self.edit(self.a, {"a": "2"})
        report = self.sync()
        self.assertIn(f"{report['run']}  ", self.run_ok("history").stdout.decode())
        self.run_ok("verify")
        self.run_ok("undo", str(report["run"]))
        self.assertEqual(trees.snapshot(self.b)[b"a"].data, b"1")
        self.run_ok("restore", "a", "--run", str(report["run"]), "--to", "old")
        self.assertEqual((self.world.folder / "old").read_text(), "1")
        missing = self.run_ok("undo", "99", code=3)
        self.assertIn("no run 99", self.message(missing))
        os.mkdir(self.world.folder / "c")
        self.run_ok("sync", "a", "c")
        several = self.run_ok("history", code=2)
        self.assertIn("2 syncs could be meant", self.message(several))
        self.assertIn("/a <-> ", self.message(several))
        self.assertNotIn("\\n", self.message(several), "a line break became visible")
        self.run_ok("history", "--run", str(report["run"]))

    def test_deletions(self):
        self.check_undo({**{f"keep{i}": "1" for i in range(7)}, "gone": "4", "dir/x": "5",
                         "dir/sub/y": {"content": "6", "exec": True}, "l": {"link": "keep1"}},
                        {"gone": None, "dir": None, "l": None}, {}, undo_flags=["--force"])

    def test_kind_changes(self):
        self.check_undo({"file": "1", "dir/x": "2", "dir/y": "3", "link": {"link": "file"},
                         "k1": "", "k2": "", "k3": "", "k4": ""},
                        {"file": None, "file/inside": "now a directory", "dir": "now a file",
                         "link": "now a file"}, {})

    def test_conflict_copies(self):
        self.check_undo({"same": "1"}, {"same": {"content": "of a", "mtime": 2000}},
                        {"same": {"content": "of b", "mtime": 3000}},
                        "--on-conflict", "keep-both")

    def test_metadata(self):
        self.check_undo({"tool": "1", "old": "2"},
                        {"tool": {"chmod": "+x"}, "old": {"touch": 5000}}, {})

    def test_odd_names(self):
        names = {"n1": {"path_b64": "LWRhc2g=", "content": "1"},
                 "n2": {"path_b64": "/w==", "content": "2"},
                 "n3": {"path_b64": "YQpi", "content": "3"}}
        edited = {name: {**entry, "content": "edited"} for name, entry in names.items()}
        self.check_undo(names, edited, {})

    def test_what_an_undo_that_was_cut_short_brought_back_is_not_called_changed(self):
        self.agree({"a": "1", "b": {"content": "2", "exec": True}, "gone": "3", "old": "4", "tool": "5"})
        before = self.both()
        self.edit(self.a, {"a": "edited", "b": "edited, too", "gone": None, "old": {"move": "new"},
                           "tool": {"chmod": "+x"}})
        run = self.sync()["run"]
        self.undo(run)
        self.edit(self.b, {"a": "1, by a person"})
        again = self.undo(run, code=6)
        self.assertEqual([one["key"] for one in again["conflicts"]], ["a"])
        self.assertEqual(again["outcomes"]["planned"], 1)
        self.edit(self.b, {"a": "1"}, trees.BASE_MTIME)
        self.assertEqual(self.undo(run)["outcomes"]["planned"], 0)
        self.assertEqual(self.both()[1], before[1])

    def test_the_next_sync_carries_it_over(self):
        self.agree({"a": "1", "b": "2"})
        self.edit(self.a, {"a": "edited", "new": "3"})
        run = self.sync()["run"]
        self.undo(run)
        self.run_ok("sync", "a", "b")
        self.assert_equal_sides({b"a": b"1", b"b": b"2"})

    def test_what_somebody_edited_since_is_left_alone(self):
        self.agree({name: "old" for name in ("p", "q", "r", "s", "t")})
        self.edit(self.a, {"p": "new p", "q": "new q", "r": None, "s": None, "x": "created"})
        run = self.sync()["run"]
        self.edit(self.b, {"p": "a person's", "r": "a person's, too", "x": "and this"})
        done = self.run_ok("undo", "a", "b", str(run), code=6)
        self.assertIn("it was changed after the run", done.stdout.decode())
        self.assertIn("something was put there after the run", done.stdout.decode())
        self.assertIn("3 items left alone", self.message(done))
        files = {key: one.data for key, one in trees.snapshot(self.b).items()}
        self.assertEqual(files, {b"p": b"a person's", b"q": b"old", b"r": b"a person's, too",
                                 b"s": b"old", b"t": b"old", b"x": b"and this"})

    def test_a_file_put_into_a_directory_keeps_the_directory(self):
        self.agree({"a": "1"})
        self.edit(self.a, {"dir/x": "1"})
        run = self.sync()["run"]
        self.edit(self.b, {"dir/mine": "a person's"})
        done = self.run_ok("undo", "a", "b", str(run), code=6)
        self.assertIn("put there or changed after the run", done.stdout.decode())
        self.assertEqual(set(trees.snapshot(self.b)), {b"a", b"dir/", b"dir/mine"})

    def test_a_new_directory_with_an_edited_file_stays_and_is_no_unfinished_business(self):
        self.agree({"a": "1"})
        self.edit(self.a, {"dir/x": "1"})
        run = self.sync()["run"]
        self.edit(self.b, {"dir/x": "a person's"})
        report = self.undo(run, code=6)
        self.assertEqual((report["outcomes"]["conflicted"], report["outcomes"]["pending"]), (2, 0))

    def test_twice(self):
        self.agree({"a": "1"})
        self.edit(self.a, {"a": "2", "b": "new"})
        run = self.sync()["run"]
        self.undo(run)
        sides = self.both()
        self.assertEqual(self.undo(run)["outcomes"]["planned"], 0)
        self.assertEqual(self.both(), sides)

    def test_a_dry_run_shows_and_changes_nothing(self):
        self.agree({"a": "1"})
        self.edit(self.a, {"a": "2"})
        run = self.sync()["run"]
        sides = self.both()
        done = self.run_ok("undo", "a", "b", str(run), "--dry-run")
        self.assertIn("update       -> target a  (as before run", done.stdout.decode())
        document = json.loads(
            self.run_ok("undo", "a", "b", str(run), "--dry-run", "-o", "json").stdout)
        self.assertEqual([one["key"] for one in document["operations"]], ["a"])
        self.assertEqual(self.both(), sides)
        self.assertEqual(len(json.loads(
            self.run_ok("history", "a", "b", "-o", "json").stdout)["runs"]), 2)

    def test_many_deletions_need_force(self):
        self.make_files(self.a, 10, 4)
        run = self.sync()["run"]
        done = self.run_ok("undo", "a", "b", str(run), code=8)
        self.assertIn("--force=deletions", self.message(done))
        self.assert_equal_sides()
        self.undo(run, "--force=deletions")
        self.assertEqual(trees.snapshot(self.b), {})

    def test_without_an_archive(self):
        self.agree({"a": "1", "b": "2"})
        self.edit(self.a, {"a": "edited", "b": {"chmod": "+x"}, "new": "3"})
        run = self.sync("--no-archive")["run"]
        self.assertEqual(self.archived_files(), [])
        done = self.run_ok("undo", "a", "b", str(run), code=4)
        self.assertIn("not archived: the archive was switched off", done.stdout.decode())
        files = {key: (one.data, one.executable) for key, one in trees.snapshot(self.b).items()}
        self.assertEqual(files, {b"a": (b"edited", False), b"b": (b"2", False)})

    def test_a_side_that_is_gone(self):
        self.agree({"a": "1"})
        os.rename(self.b, self.b + b"-moved")
        done = self.run_ok("undo", "a", "b", "1", code=7)
        self.assertIn("mounted", self.message(done))

    def test_a_damaged_archive_changes_nothing(self):
        self.agree({"a": "1", "b": "2"})
        self.edit(self.a, {"a": "edited"})
        run = self.sync()["run"]
        (file,) = self.archived_files()
        file.write_bytes(b"X")
        done = self.run_ok("undo", "a", "b", str(run), code=4)
        self.assertIn("damaged", done.stdout.decode())
        self.assertEqual(trees.snapshot(self.b)[b"a"].data, b"edited")

    def test_mistakes(self):
        self.agree({"a": "1"})
        for run, code, hint in (("99", 3, "history"), ("x", 2, "'x' is no number of a run"),
                                ("-1", 2, "--help"), ("", 2, "no number")):
            done = self.run_ok("undo", "a", "b", run, code=code)
            self.assertIn(hint, self.message(done))
        self.assertIn("RUN", self.message(self.run_ok("undo", "a", "b", code=2)))
        done = self.run_ok("undo", "b", "a", "1", code=3)
        self.assertIn("check the order of the sides", self.message(done))
        self.run_ok("undo", "a", "b", "1", "--force=emptied", code=2)

    def test_no_state_is_made_by_looking(self):
        for command in (("history",), ("undo", "1"), ("restore", "k")):
            self.run_ok(command[0], "a", "b", *command[1:], code=3)
        self.assertFalse((self.world.folder / "state").exists())

    def test_while_a_run_holds_the_lock(self):
        process = self.hold()
        for command in (("undo", "a", "b", "1"), ("verify", "a", "b")):
            done = self.run_ok(*command, code=11)
            self.assertIn(str(process.pid), self.message(done))


class Restore(GoingBack):
    def setUp(self):
        super().setUp()
        self.agree({"f": "first", "d/x": "x", "d/e/y": {"content": "y", "exec": True},
                    "l": {"link": "f"}, **{f"keep{i}": "" for i in range(7)}})
        self.edit(self.a, {"f": "second"})
        self.second = self.sync()["run"]
        self.edit(self.a, {"f": None, "d": None, "l": None})
        self.third = self.sync()["run"]

    def data(self, root, key):
        return trees.snapshot(root)[key].data

    def test_the_last_content_by_default(self):
        self.run_ok("restore", "a", "b", "f")
        self.assertEqual(self.data(self.b, b"f"), b"second")
        self.assertNotIn(b"f", trees.snapshot(self.a))
        self.run_ok("sync", "a", "b")
        self.assertEqual(self.data(self.a, b"f"), b"second")

    def test_before_a_run(self):
        done = self.run_ok("restore", "a", "b", "f", "--run", str(self.second))
        self.assertIn(f"restore of run {self.second}", done.stdout.decode())
        self.assertEqual(self.data(self.b, b"f"), b"first")
        self.assertEqual(trees.snapshot(self.b)[b"f"].mtime_ns // 10**9, trees.EPOCH)

    def test_over_something_newer_which_is_archived(self):
        self.edit(self.b, {"f": "a person's"})
        run = json.loads(self.run_ok("restore", "a", "b", "f", "-o", "json").stdout)["run"]
        self.assertEqual(self.data(self.b, b"f"), b"second")
        self.undo(run)
        self.assertEqual(self.data(self.b, b"f"), b"a person's")

    def test_a_directory_with_what_is_below(self):
        self.run_ok("restore", "a", "b", "d/")
        found = trees.snapshot(self.b)
        self.assertEqual(found[b"d/x"].data, b"x")
        self.assertTrue(found[b"d/e/y"].executable)
        self.assertNotIn(b"f", found)

    def test_a_file_in_a_directory_that_is_gone(self):
        self.run_ok("restore", "a", "b", "d/e/y")
        self.assertEqual(set(trees.snapshot(self.b)) & {b"d/", b"d/e/", b"d/e/y", b"d/x"},
                         {b"d/", b"d/e/", b"d/e/y"})

    def test_not_in_the_place_of_another_kind(self):
        self.edit(self.b, {"f": None, "d": "a file"})
        self.edit(self.b, {"f/inner": "a directory"})
        for key, obstacle in (("f", "the directory 'f/'"), ("d/e/y", "the file 'd'")):
            done = self.run_ok("restore", "a", "b", key, code=6)
            self.assertIn(obstacle + " is in the way", done.stdout.decode())
        self.assertEqual(self.data(self.b, b"f/inner"), b"a directory")
        self.assertEqual(self.data(self.b, b"d"), b"a file")

    def test_a_link(self):
        self.run_ok("restore", "a", "b", "l")
        self.assertEqual(self.data(self.b, b"l"), b"f")
        self.run_ok("restore", "a", "b", "l", "--to", "l2")
        self.assertEqual(os.readlink(self.world.folder / "l2"), "f")

    def test_to_a_new_file(self):
        out = self.world.folder / "out"
        sides = self.both()
        self.run_ok("restore", "a", "b", "f", "--run", str(self.second), "--to", "out")
        self.assertEqual(out.read_bytes(), b"first")
        self.assertEqual(out.stat().st_mtime_ns // 10**9, trees.EPOCH)
        done = self.run_ok("restore", "a", "b", "f", "--to", "out", code=3)
        self.assertIn("exists", self.message(done))
        self.assertEqual(out.read_bytes(), b"first")
        self.assertEqual(self.both(), sides)

    def test_a_kill_leaves_no_half_file_in_the_way(self):
        self.world.environment["SYNCLINE_FAILPOINT"] = "restore.before-name:1"
        self.run_ok("restore", "a", "b", "f", "--to", "out", code=-signal.SIGKILL)
        del self.world.environment["SYNCLINE_FAILPOINT"]
        self.assertFalse((self.world.folder / "out").exists())
        self.run_ok("restore", "a", "b", "f", "--to", "out")
        self.assertEqual((self.world.folder / "out").read_bytes(), b"second")

    def test_a_new_file_is_as_executable_as_the_old_one(self):
        for key, is_executable in (("d/e/y", True), ("d/x", False)):
            out = self.world.folder / key.replace("/", "-")
            self.run_ok("restore", "a", "b", key, "--to", out.name)
            self.assertEqual(os.access(out, os.X_OK), is_executable, key)
            self.assertEqual(out.stat().st_mtime_ns // 10**9, trees.EPOCH)

    def test_to_a_file_although_a_side_is_gone(self):
        os.rename(self.b, self.b + b"-moved")
        self.run_ok("restore", "a", "b", "f", "--to", "out")
        self.assertEqual((self.world.folder / "out").read_bytes(), b"second")

    def test_a_damaged_content_is_not_written(self):
        for file in self.archived_files():
            file.write_bytes(b"?" * file.stat().st_size)
        done = self.run_ok("restore", "a", "b", "f", "--to", "out", code=1)
        self.assertIn("damaged", self.message(done))
        self.assertFalse((self.world.folder / "out").exists())

    def test_mistakes(self):
        for words, code, hint in ((("nothing",), 3, "no run overwrote or deleted 'nothing'"),
                                  (("f", "--run", "77"), 3, "there is no run 77"),
                                  (("f", "--run", "1"), 3,
                                   "run 1 did not overwrite or delete 'f'"),
                                  (("f", "--side", "left"), 2, "source or target"),
                                  (("f", "--side", "source"), 3, "on source"),
                                  (("d/", "--to", "x"), 2, "is a directory"), ((), 2, "KEY")):
            done = self.run_ok("restore", "a", "b", *words, code=code)
            self.assertIn(hint, self.message(done))


class Looking(GoingBack):
    def test_history(self):
        self.agree({"a": "1", "b": "2"})
        self.edit(self.a, {"a": "edited", "b": None})
        run = self.sync()["run"]
        self.sync()
        self.undo(run)
        text = self.run_ok("history", "a", "b").stdout.decode().splitlines()
        self.assertEqual(len(text), 4)
        self.assertIn(f"undo of run {run}: 1 created, 1 updated (exit 0)", text[0])
        self.assertIn("two-way: nothing done (exit 0)", text[1])
        self.assertIn("two-way: 1 updated, 1 deleted (exit 0)", text[2])
        self.assertEqual(len(self.run_ok("history", "a", "b", "--limit", "1")
                             .stdout.decode().splitlines()), 1)
        text = self.run_ok("history", "a", "b", "--run", str(run)).stdout.decode()
        self.assertIn("updated  target a  (was 1 B, kept)", text)
        self.assertIn("deleted  target b  (was 1 B, kept)", text)
        by_key = {one["key"]: one for one in self.items(run)}
        self.assertEqual(by_key["a"]["action"], "update")
        self.assertEqual(by_key["a"]["before"]["size"], 1)
        self.assertTrue(by_key["b"]["before"]["kept"])
        self.run_ok("history", "a", "b", "--run", "99", code=3)
        self.run_ok("history", "a", "b", "--run", "0", code=2)

    def test_a_run_with_nothing_to_do_costs_no_archive(self):
        self.agree({"a": "1"})
        self.sync()
        self.assertFalse((self.world.folder / "state" / "syncline" / "archive").exists())
        database = sqlite3.connect(self.world.folder / "state" / "syncline" / "state.db")
        self.assertEqual(database.execute("SELECT count(*) FROM journal_run").fetchall(),
                         [(1,)])

    def test_equal_contents_are_archived_once(self):
        self.agree({f"f{i}": "the same" for i in range(9)})
        self.edit(self.a, {f"f{i}": f"edited {i}" for i in range(9)})
        self.sync()
        self.assertEqual(len(self.archived_files()), 1)

    def test_an_archive_that_cannot_be_written_holds_up_what_would_be_lost_and_nothing_else(self):
        self.agree({"a": "1", "b": "2"})
        (self.world.folder / "state" / "syncline" / "archive").write_text("in the way")
        self.edit(self.a, {"a": "edited", "b": None, "new": "3"})
        report = self.sync(code=4)
        self.assertEqual(report["outcomes"]["failed"], 2)
        self.assertIn("--no-archive", report["failures"][0]["message"])
        found = {key: one.data for key, one in trees.snapshot(self.b).items()}
        self.assertEqual(found, {b"a": b"1", b"b": b"2", b"new": b"3"})
        self.sync("--no-archive")
        self.assert_equal_sides({b"a": b"edited", b"new": b"3"})

    def test_archive_options_exclude_each_other(self):
        done = self.run_ok("sync", "a", "b", "--no-archive", "--archive-remote", code=2)
        self.assertIn("use one of them", self.message(done))

    def test_verify(self):
        self.agree({"a": "1", "d/b": "2", "c": "3", "l": {"link": "a"}, "e": "5", "x": "6"})
        done = self.run_ok("verify", "a", "b")
        self.assertIn("7 items compared", done.stdout.decode())
        self.assertIn("no difference", done.stdout.decode())
        before = [trees.snapshot(root) for root in (self.a, self.b)]
        self.assertEqual([trees.snapshot(root) for root in (self.a, self.b)], before)
        self.edit(self.a, {"new": "n", "d/b": "edited", "e": None, "x": {"chmod": "+x"}})
        self.edit(self.b, {"e": None, "l": {"link": "c"}, "c": None})
        document = json.loads(self.run_ok("verify", "a", "b", "-o", "json", code=9).stdout)
        kinds = {one["key"]: one["difference"] for one in document["differences"]}
        self.assertEqual(kinds, {"new": "only-source", "d/b": "content", "e": "base",
                                 "x": "metadata", "l": "content", "c": "only-source"})
        self.assertEqual(document["report"]["differences"], 6)
        done = self.run_ok("verify", "a", "b", "--exclude", "*", "--include", "/a")
        self.assertIn("1 item compared", done.stdout.decode())

    def test_verify_does_not_mind_permissions_that_no_sync_carries_over(self):
        self.agree({"f": "1"})
        os.chmod(os.path.join(self.a, b"f"), 0o600)
        self.assertEqual(self.sync()["outcomes"]["planned"], 0)
        self.run_ok("verify", "a", "b")

    def test_verify_says_which_side_moved_away_from_what_was_agreed_on(self):
        self.agree({"a": {"size": 100_000}})
        self.edit(self.b, {"a": {"size": 100_000, "fill": "rotten bits\n", "mtime": 0}})
        document = json.loads(self.run_ok("verify", "a", "b", "-o", "json", code=9).stdout)
        self.assertIn("target changed since the last run",
                      document["differences"][0]["message"])

    def test_verify_of_what_never_ran(self):
        self.edit(self.a, {"a": "1"})
        self.edit(self.b, {"a": "1", "b": "2"})
        done = self.run_ok("verify", "a", "b", code=9)
        self.assertIn("never synchronised", done.stdout.decode())
        self.assertFalse((self.world.folder / "state").exists())
        self.run_ok("verify", "a", "b", "--mode", "one-way")

    def test_verify_of_swapped_sides_says_that_it_knows_no_run_of_them(self):
        self.agree({"a": "1"})
        self.assertNotIn("no run of a sync", self.message(self.run_ok("verify", "a", "b")))
        swapped = self.message(self.run_ok("verify", "b", "a"))
        self.assertIn("check the order of the sides", swapped)
        self.assertIn("compared with each other only", swapped)

    def test_verify_says_what_it_could_not_read(self):
        self.agree({"a": "1"})
        self.edit(self.b, {"s": {"fifo": True}})
        document = json.loads(self.run_ok("verify", "a", "b", "-o", "json", code=4).stdout)
        self.assertEqual(document["differences"][0]["difference"], "unread")
        self.run_ok("verify", "a", "nowhere", code=3)

    def test_what_waited_aside_when_a_run_was_killed_can_be_found_although_its_new_name_is_gone(self):
        self.agree({"x": "one", "y": "two", **{f"k{i}": "" for i in range(9)}})
        for old, new in (("x", "t"), ("y", "x"), ("t", "y")):
            os.rename(os.path.join(self.a, os.fsencode(old)), os.path.join(self.a, os.fsencode(new)))
        self.world.environment["SYNCLINE_FAILPOINT"] = "execute.after-op.rename:1"
        self.run_ok("sync", "a", "b", code=-9)
        del self.world.environment["SYNCLINE_FAILPOINT"]
        os.mkdir(self.world.folder / "c")
        self.run_ok("sync", "c", "b")
        self.assertFalse([key for key in trees.snapshot(os.fsencode(self.world.folder / "c")) if b"aside" in key])
        os.remove(os.path.join(self.a, b"y"))
        self.run_ok("sync", "a", "b")
        self.assert_no_temporary_files()
        self.assertIn(b"one", [path.read_bytes() for path in self.archived_files()])

    def test_a_killed_run_leaves_every_old_content_to_be_found(self):
        self.make_files(self.a, 2000, 10)
        self.run_ok("sync", "a", "b")
        originals = {key: one.data for key, one in trees.snapshot(self.b).items()}
        trees.apply(self.a, {f"d{i % 20}/f{i}": f"edited {i}" for i in range(2000)})
        process = self.world.start("sync", "a", "b")
        archive = self.world.folder / "state" / "syncline" / "archive"
        while process.poll() is None and not archive.exists():
            os.sched_yield()
        process.kill()
        process.communicate()
        run = json.loads(self.run_ok("history", "a", "b", "-o", "json").stdout)["runs"][0]["run"]
        wanted = {key: one.data for key, one in trees.snapshot(self.b).items()
                  if one.kind == "file" and one.data.startswith(b"edited")}
        items = self.items(run) if run > 1 else []
        kept = {one["key"] for one in items if one["before"]["kept"]}
        self.assertEqual([key for key in wanted if key.decode() not in kept], [])
        for key in sorted(wanted)[:3]:
            out = self.world.folder / "out"
            self.run_ok("restore", "a", "b", key.decode(), "--to", "out")
            self.assertEqual(out.read_bytes(), originals[key])
            out.unlink()
        self.run_ok("sync", "a", "b")
        self.assert_equal_sides()


if __name__ == "__main__":
    sys.exit(cli_test.main(sys.modules[__name__]))
