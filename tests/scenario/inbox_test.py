#!/usr/bin/env python3
"""Conflicts and failures after a run, by the command line: list, show, resolve, retry, drop.

usage: inbox_test.py [--bin PROGRAM] [--seed N] [NAME ...]
A NAME is a part of a test's name; without one every test runs.
"""

import json
import os
import sys
import unittest

import cli_test
import trees

LINES = "1\n2\n3\n4\n5\n"


class Inbox(cli_test.CommandLine):
    """Two directories that agreed on `f.txt`, `c.json` and `bin`, and changed them on both sides."""

    def setUp(self):
        super().setUp()
        self.edit(self.a, {"f.txt": LINES, "c.json": '{"a": 1, "b": 1}', "bin": "0\0", "same": "s"})
        self.run_ok("sync", "a", "b")
        self.edit(self.a, {"f.txt": "1s\n2\n3\n4\n5\n", "c.json": '{"a": 2, "b": 1}', "bin": "1\0"})
        self.edit(self.b, {"f.txt": "1\n2\n3\n4\n5t\n", "c.json": '{"a": 3, "b": 1}', "bin": "22\0"})
        self.run_ok("sync", "a", "b", code=6)

    def edit(self, root, edits, mtime=trees.EDIT_MTIME):
        trees.apply(root, edits, mtime)

    def text(self, *words, code=0):
        return self.run_ok(*words, code=code).stdout.decode()

    def document(self, *words, code=0):
        return json.loads(self.text(*words, "-o", "json", code=code))

    def open_keys(self):
        return [one["key"] for one in self.document("conflicts", "list", "a", "b")["conflicts"]]

    def read(self, root, name):
        with open(os.path.join(root, os.fsencode(name)), encoding="utf-8") as file:
            return file.read()

    def both(self, name):
        self.assertEqual(self.read(self.a, name), self.read(self.b, name))
        return self.read(self.a, name)


class Conflicts(Inbox):
    def test_list(self):
        self.assertEqual(self.open_keys(), ["bin", "c.json", "f.txt"])
        text = self.text("conflicts", "list", "a", "b")
        self.assertIn("f.txt  (both changed)", text)
        self.assertIn("3 conflicts after run 2", text)

    def test_the_sides_can_be_left_out(self):
        self.assertIn("3 conflicts after run 2", self.text("conflicts", "list"))
        self.assertIn("-1s", self.text("conflicts", "show", "f.txt"))
        self.text("conflicts", "resolve", "bin", "--take", "source")
        self.assertEqual(self.both("bin"), "1\0")
        self.text("conflicts", "resolve", "--all", "--take", "target")
        self.assertEqual(self.open_keys(), [])
        self.text("failures", "list")

    def test_show_text_json_and_other(self):
        text = self.text("conflicts", "show", "a", "b", "f.txt")
        for line in ("-1s", "+1", "-5", "+5t"):
            self.assertIn(f"\n{line}\n", text)
        fields = self.document("conflicts", "show", "a", "b", "c.json")["fields"]
        self.assertEqual(fields, [{"path": "/a", "source": "2", "target": "3"}])
        other = self.text("conflicts", "show", "a", "b", "bin")
        self.assertIn("2 bytes", other)
        self.assertIn("3 bytes", other)

    def test_take_a_side(self):
        for key, side, content in (("f.txt", "source", "1s\n2\n3\n4\n5\n"),
                                   ("c.json", "target", '{"a": 3, "b": 1}')):
            self.run_ok("conflicts", "resolve", "a", "b", key, "--take", side)
            self.assertEqual(self.both(key), content)
        self.assertEqual(self.open_keys(), ["bin"])
        self.run_ok("sync", "a", "b", code=6)
        self.assertEqual(self.open_keys(), ["bin"])

    def test_take_both_a_file_and_all(self):
        self.run_ok("conflicts", "resolve", "a", "b", "bin", "--take", "both")
        self.both("bin")
        self.both("bin.conflict-1")
        with open(self.world.folder / "right", "w", encoding="utf-8") as file:
            file.write("right\n")
        self.run_ok("conflicts", "resolve", "a", "b", "f.txt", "--take", "right")
        self.assertEqual(self.both("f.txt"), "right\n")
        self.assertIn("resolve: 1 merged (exit 0)", self.text("history", "--limit", "1"))
        self.run_ok("conflicts", "resolve", "a", "b", "--all", "--take", "source")
        self.assertEqual(self.both("c.json"), '{"a": 2, "b": 1}')
        self.assertEqual(self.open_keys(), [])
        self.run_ok("sync", "a", "b")
        self.run_ok("conflicts", "resolve", "a", "b", "--all", "--take", "source")

    def test_what_changed_since_is_left_alone(self):
        self.edit(self.b, {"f.txt": "later\n"})
        self.run_ok("conflicts", "resolve", "a", "b", "f.txt", "--take", "source", code=6)
        self.assertEqual(self.read(self.b, "f.txt"), "later\n")
        self.assertIn("f.txt", self.open_keys())
        self.assertIn("changed since", self.text("conflicts", "show", "a", "b", "f.txt"))

    def test_a_resolution_can_be_undone(self):
        report = self.document("conflicts", "resolve", "a", "b", "f.txt", "--take", "source")
        self.assertEqual(report["command"], "resolve")
        self.run_ok("undo", "a", "b", str(report["run"]))
        self.assertEqual(self.read(self.b, "f.txt"), "1\n2\n3\n4\n5t\n")

    def test_a_deleted_side(self):
        os.remove(os.path.join(self.b, b"same"))
        self.edit(self.a, {"same": "changed"})
        self.run_ok("sync", "a", "b", "--delete-vs-change", "conflict", code=6)
        self.assertIn("same", self.open_keys())
        self.assertIn("deleted", self.text("conflicts", "show", "a", "b", "same"))
        self.run_ok("conflicts", "resolve", "a", "b", "same", "--take", "target")
        self.assertFalse(os.path.exists(os.path.join(self.a, b"same")))

    def test_what_takes_a_whole_sync_stays_in_the_inbox_and_the_command_that_is_named_settles_it(self):
        self.edit(self.a, {"d/x": "1", "d/y": "2"})
        self.run_ok("sync", "a", "b", code=6)
        self.edit(self.a, {"d": None})
        self.edit(self.b, {"d/x": "changed"})
        conflict = ("--deleted-container", "conflict")
        self.run_ok("sync", "a", "b", *conflict, code=6)
        done = self.run_ok("conflicts", "resolve", "a", "b", "d/", "--take", "source", code=6)
        self.assertIn("--on-conflict '/d/:source-wins'", done.stderr.decode())
        self.assertIn("d/", self.open_keys())
        self.run_ok("sync", "a", "b", *conflict, "--on-conflict", "/d/:source-wins", code=6)
        self.assertEqual(self.open_keys(), ["bin", "c.json", "f.txt"])
        for root in (self.a, self.b):
            self.assertNotIn("d", os.listdir(os.fsdecode(root)))

    def test_two_names_are_settled_as_contents_are(self):
        first, second = "k\n1'", "k2' on target: "
        for take, names in (("source", {first}), ("target", {second}), ("both", {first, second})):
            with self.subTest(take=take):
                for root in (self.a, self.b):
                    self.edit(root, {f"{take}/k": f"for {take}"})
                self.run_ok("sync", "a", "b", code=6)
                for root, name in ((self.a, first), (self.b, second)):
                    folder = os.path.join(root, os.fsencode(take))
                    os.rename(os.path.join(folder, b"k"), os.path.join(folder, os.fsencode(name)))
                self.run_ok("sync", "a", "b", code=6)
                key = f"{take}/k"
                if take == "source":
                    (self.world.folder / "right").write_text("right\n")
                    self.run_ok("conflicts", "resolve", "a", "b", key, "--take", "right", code=6)
                    self.assertIn(key, self.open_keys())
                self.run_ok("conflicts", "resolve", "a", "b", key, "--take", take)
                self.assertNotIn(key, self.open_keys())
                for root in (self.a, self.b):
                    folder = os.path.join(root, os.fsencode(take))
                    self.assertEqual(set(os.listdir(os.fsdecode(folder))), names)
                self.assertEqual(self.both(f"{take}/{min(names)}"), f"for {take}")

    def test_a_file_that_became_a_directory_is_not_called_deleted(self):
        trees.apply(self.a, {"same": None})
        trees.apply(self.a, {"same/x": "x"})
        self.edit(self.b, {"same": "edited"})
        self.run_ok("sync", "a", "b", code=6)
        shown = self.text("conflicts", "show", "a", "b", "same")
        self.assertIn("source  a directory", shown)
        explained = self.text("explain", "a", "b", "same")
        self.assertIn("source    a directory now", explained)
        self.assertIn("agreed on before; source a directory now, target changed", explained)
        for text in (shown, explained):
            self.assertNotIn(" deleted", text)
            self.assertNotIn("changed since", text)

    def test_two_renames_of_one_item_are_told_with_both_new_names(self):
        for root, name in ((self.a, b"k1"), (self.b, b"k2")):
            os.rename(os.path.join(root, b"same"), os.path.join(root, name))
        self.run_ok("sync", "a", "b", code=6)
        shown = self.text("conflicts", "show", "a", "b", "same")
        self.assertIn("source  renamed to 'k1', 1 byte", shown)
        self.assertIn("target  renamed to 'k2', 1 byte", shown)
        self.assertNotIn("changed since", shown)
        document = self.document("conflicts", "show", "a", "b", "same")
        self.assertEqual(document["target"]["renamed_to"], "k2")
        for key in ("same", "k1", "k2"):
            with self.subTest(key=key):
                explained = self.text("explain", "a", "b", key)
                self.assertIn("same  [renamed on both sides]  ('k1' on source, 'k2' on target",
                              explained)
        self.edit(self.b, {"k2": "edited"})
        self.assertIn("changed since", self.text("conflicts", "show", "a", "b", "same"))

    def deleted_against_changed(self, deleting, changing, content="changed"):
        os.remove(os.path.join(deleting, b"same"))
        self.edit(changing, {"same": content})
        self.run_ok("sync", "a", "b", "--delete-vs-change", "conflict", code=6)

    def test_a_file_takes_the_place_of_what_one_side_deleted(self):
        (self.world.folder / "right").write_text("right\n")
        for deleting, changing, content in ((self.a, self.b, "one"), (self.b, self.a, "three")):
            with self.subTest(deleting=deleting):
                self.deleted_against_changed(deleting, changing, content)
                report = self.document("conflicts", "resolve", "a", "b", "same", "--take", "right")
                self.assertEqual(self.both("same"), "right\n")
                self.assertNotIn("same", self.open_keys())
                self.run_ok("undo", "a", "b", str(report["run"]))
                self.assertEqual(self.read(changing, "same"), content)
                self.assertFalse(os.path.exists(os.path.join(deleting, b"same")))
                self.run_ok("sync", "a", "b", code=6)

    def test_a_file_does_not_replace_what_came_back_meanwhile(self):
        (self.world.folder / "right").write_text("right\n")
        self.deleted_against_changed(self.b, self.a)
        self.edit(self.b, {"same": "back"})
        self.run_ok("conflicts", "resolve", "a", "b", "same", "--take", "right", code=6)
        self.assertEqual(self.read(self.b, "same"), "back")

    def test_both_brings_back_what_one_side_deleted(self):
        self.deleted_against_changed(self.b, self.a)
        self.run_ok("conflicts", "resolve", "a", "b", "same", "--take", "both")
        self.assertEqual(self.both("same"), "changed")
        self.assertNotIn("same", self.open_keys())

    def test_mistakes(self):
        for words, hint in (
                (("conflicts",), "list, show, resolve"),
                (("conflicts", "lst", "a", "b"), "did you mean 'list'?"),
                (("conflicts", "list", "a"), "SOURCE and TARGET"),
                (("conflicts", "show", "a", "b"), "needs the KEY"),
                (("conflicts", "show", "a", "b", "f.tx"), "did you mean 'f.txt'?"),
                (("conflicts", "resolve", "a", "b"), "--all"),
                (("conflicts", "resolve", "a", "b", "f.txt"), "--take"),
                (("conflicts", "resolve", "a", "b", "f.txt", "--all", "--take", "source"), "not both"),
                (("conflicts", "resolve", "a", "b", "f.txt", "--take", "nosuch"), "no such file"),
                (("conflicts", "resolve", "a", "b", "f.txt", "--take", "a"), "is a directory"),
                (("conflicts", "resolve", "a", "b", "--all", "--take", "right"), "one file"),
                (("conflicts", "list", "a", "b", "--take", "source"), "belong to 'resolve'"),
                (("failures", "drop", "a", "b"), "--all"),
                (("failures", "list", "a", "b", "key"), "neither KEY")):
            with self.subTest(words=words):
                self.assertIn(hint, self.run_ok(*words, code=2).stderr.decode())
        self.assertIn("check the order of the sides",
                      self.run_ok("conflicts", "list", "b", "a", code=3).stderr.decode())


class Failures(Inbox):
    @unittest.skipIf(os.geteuid() == 0, "permissions do not count for root")
    def test_permissions(self):
        os.chmod(self.b, 0o500)
        self.addCleanup(os.chmod, self.b, 0o700)
        self.edit(self.a, {"new": "n"})
        self.run_ok("sync", "a", "b", code=4)
        self.assertIn("new", self.text("failures", "list", "a", "b"))

    def failing(self):
        self.edit(self.a, {"new": "n", "other": "o"})
        url = "fault+file://" + os.fsdecode(os.path.abspath(self.b))
        url += "?op=put&status=PERMISSION_DENIED&probability=1"
        self.run_ok("sync", "a", url, code=4)

    def failures(self):
        return [one["key"] for one in self.document("failures", "list", "a", "b")["failures"]]

    def test_retry_and_drop(self):
        self.failing()
        self.assertEqual(self.failures(), ["new", "other"])
        self.run_ok("failures", "retry", "a", "b", "new")
        self.assertEqual(self.both("new"), "n")
        self.assertEqual(self.failures(), ["other"])
        self.assertEqual(self.open_keys(), ["bin", "c.json", "f.txt"])
        dropped = self.text("failures", "drop", "a", "b", "other")
        self.assertIn("done: 1 taken off the list", dropped)
        self.assertIn("dropped  other\n", dropped)
        self.assertIn("drop: 1 taken off the list (exit 0)", self.text("history", "--limit", "1"))
        self.assertEqual(self.failures(), [])
        self.assertFalse(os.path.exists(os.path.join(self.b, b"other")))
        self.run_ok("sync", "a", "b", code=6)
        self.assertEqual(self.both("other"), "o")


if __name__ == "__main__":
    sys.exit(cli_test.main(sys.modules[__name__]))
