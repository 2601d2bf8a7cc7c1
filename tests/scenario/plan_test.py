#!/usr/bin/env python3
"""Plan files, explanations, rules files and markers, as a person uses them.

usage: plan_test.py [--bin PROGRAM] [NAME ...]
A NAME is a part of a test's name; without one every test runs.
"""

import json
import os
import stat
import sys
import unittest

import cli_test
import trees
from cli_test import CommandLine


class PlanFiles(CommandLine):
    def plan(self, *flags, code=0):
        return self.run_ok("plan", "a", "b", "--out", "plan.json", *flags, code=code)

    def lines(self):
        return (self.world.folder / "plan.json").read_text().splitlines()

    def keep(self, lines):
        (self.world.folder / "plan.json").write_text("".join(line + "\n" for line in lines))

    def apply(self, *flags, code=0):
        return self.run_ok("apply", "plan.json", *flags, code=code)

    def test_plan_then_apply(self):
        trees.apply(self.a, {"x": "one", "d/y": "two", "empty/": {"dir": True}})
        planned = self.plan()
        self.assertIn(b"syncline apply plan.json", planned.stderr)
        self.assertEqual(os.listdir(self.b), [])
        mode = os.stat(self.world.folder / "plan.json").st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600, "a plan names every file")
        self.assertEqual(len(self.lines()), 1 + 4)
        self.apply()
        self.assert_equal_sides({b"x": b"one", b"d/y": b"two"})
        again = json.loads(self.apply("-o", "json").stdout)
        self.assertEqual(again["outcomes"]["ok"], 0)
        self.assertEqual(again["outcomes"]["skipped"], 4)
        self.assertIn("both sides agree by now", again["skipped"][0]["message"])
        self.assertEqual(json.loads(self.run_ok("sync", "a", "b", "-o", "json").stdout)
                         ["outcomes"]["planned"], 0)

    def test_what_an_apply_that_was_cut_short_did_is_met_as_done_and_recorded(self):
        base = {"edited": "1", "deleted": "2", "gone/x": "3", "old": "4", "tool": "5", "still": "6"}
        for root in (self.a, self.b):
            trees.apply(root, base)
        self.run_ok("sync", "a", "b")
        edits = {"edited": "2", "deleted": None, "gone": None, "old": {"move": "new"},
                 "tool": {"chmod": "+x"}, "made/x": "new"}
        trees.apply(self.a, edits)
        self.plan()
        trees.apply(self.b, edits)  # as a run does it that is killed before it can record it
        again = json.loads(self.apply("-o", "json").stdout)
        self.assertEqual(again["outcomes"]["ok"] + again["outcomes"]["skipped"],
                         again["outcomes"]["planned"])
        self.run_ok("verify", "a", "b")
        trees.apply(self.b, {"edited": None, "made": None, "new": None})
        self.run_ok("sync", "a", "b")
        self.assert_equal_sides({b"still": b"6", b"tool": b"5"})

    def test_apply_from_elsewhere(self):
        trees.apply(self.a, {"x": "one"})
        self.plan()
        os.mkdir(self.world.folder / "elsewhere")
        self.world.folder, outer = self.world.folder / "elsewhere", self.world.folder
        self.run_ok("apply", str(outer / "plan.json"))
        self.world.folder = outer
        self.assert_equal_sides({b"x": b"one"})

    def test_deleted_lines(self):
        trees.apply(self.a, {"x": "one", "d/y": "two", "d/z": "three"})
        self.plan()
        self.keep([line for line in self.lines() if '"d/y"' not in line])
        self.apply()
        self.assertEqual(sorted(os.listdir(os.path.join(self.b, b"d"))), [b"z"])

    def test_a_conflict_whose_line_was_deleted_stays_in_the_inbox(self):
        trees.apply(self.a, {"x": "one", "y": "two"})
        trees.apply(self.b, {"x": "other", "y": "another"})
        self.run_ok("sync", "a", "b", code=6)
        trees.apply(self.a, {"z": "new"})
        self.plan(code=6)
        self.keep([line for line in self.lines() if '"x"' not in line])
        self.apply(code=6)
        self.assertIn("2 conflicts", self.run_ok("conflicts", "list").stdout.decode())
        self.assertTrue(os.path.exists(os.path.join(self.b, b"z")))
        self.run_ok("conflicts", "resolve", "x", "--take", "source")
        self.assertIn("1 conflict ", self.run_ok("conflicts", "list").stdout.decode())

    def test_a_conflict_of_two_new_names_is_as_the_plan_saw_it(self):
        trees.apply(self.a, {"x": "one"})
        self.run_ok("sync", "a", "b")
        for root, name in ((self.a, b"n\xff1"), (self.b, b"n2")):
            os.rename(os.path.join(root, b"x"), os.path.join(root, name))
        self.plan(code=6)
        self.assertIn("1 conflict", self.apply(code=6).stderr.decode())
        self.run_ok("conflicts", "resolve", "x", "--take", "source")
        self.assert_equal_sides({b"n\xff1": b"one"})

    def test_deleted_line_of_a_directory(self):
        """What is below a directory whose line was deleted has no place; it is told, not lost."""
        trees.apply(self.a, {"d/y": "two", "x": "one"})
        self.plan()
        self.keep([line for line in self.lines() if '"key":"d/"' not in line])
        done = self.world.run("apply", "plan.json", "-o", "json")
        report = json.loads(done.stdout)
        self.assertEqual(sum(report["outcomes"][part] for part in
                             ("ok", "pending", "failed")), 2)
        self.assertIn(done.returncode, (0, 4, 5))
        self.run_ok("sync", "a", "b")
        self.assert_equal_sides({b"d/y": b"two", b"x": b"one"})

    def test_deleted_removal_below_a_removed_directory(self):
        trees.apply(self.a, {"d/y": "two", "d/z": "three", "x": "one", "v": "4", "w": "5"})
        self.run_ok("sync", "a", "b")
        trees.apply(self.a, {"d": None})
        self.plan()
        self.keep([line for line in self.lines() if '"key":"d/y"' not in line])
        done = self.world.run("apply", "plan.json")
        self.assertIn(done.returncode, (4, 5))
        self.assertEqual(os.listdir(os.path.join(self.b, b"d")), [b"y"])

    def test_nothing_but_the_first_line(self):
        trees.apply(self.a, {"x": "one"})
        self.plan()
        self.keep(self.lines()[:1])
        self.apply()
        self.assertEqual(os.listdir(self.b), [])

    def test_moved_meanwhile(self):
        trees.apply(self.a, {"x": "one", "y": "two"})
        self.plan()
        trees.apply(self.b, {"x": "mine"})
        done = self.apply("-o", "json", code=5)
        report = json.loads(done.stdout)
        self.assertEqual([row["key"] for row in report["pending"]], ["x"])
        self.assertIn("make a new plan", report["pending"][0]["message"])
        self.assertIn(b"make a new plan", done.stderr)
        self.assertEqual(trees.snapshot(self.b)[b"x"].data, b"mine")
        self.assertEqual(trees.snapshot(self.b)[b"y"].data, b"two")

    def test_a_name_for_the_copy_that_was_taken_meanwhile_leaves_no_half_done_keep_both(self):
        for taken, side in (("f.conflict-1", self.b), ("f.conflict-1", self.a),
                            ("f.conflict-1/x", self.b)):
            with self.subTest(taken=taken, side=side):
                trees.apply(self.a, {"f": "newer"})
                trees.apply(self.b, {"f": {"content": "older", "mtime": 5}})
                self.plan("--on-conflict", "keep-both")
                trees.apply(side, {taken: "taken"})
                before = [trees.snapshot(root) for root in (self.a, self.b)]
                text = self.apply(code=5).stdout.decode()
                self.assertIn("was taken on", text)
                self.assertEqual([trees.snapshot(root) for root in (self.a, self.b)], before)
                trees.apply(side, {taken.split("/")[0]: None})

    def test_dry_run(self):
        trees.apply(self.a, {"x": "one"})
        self.plan()
        done = self.apply("--dry-run")
        self.assertIn(b"create", done.stdout)
        self.assertEqual(os.listdir(self.b), [])

    def test_changed_line(self):
        trees.apply(self.a, {"x": "one"})
        self.plan()
        self.keep([line.replace('"key":"x"', '"key":"../x"') for line in self.lines()])
        done = self.apply(code=3)
        self.assertIn(b"plan.json:2: ", done.stderr)
        self.assertFalse(os.path.exists(self.world.folder / "x"))

    def test_other_state_directory(self):
        trees.apply(self.a, {"x": "one"})
        self.plan()
        self.assertIn(b"state directory", self.apply("--state", "other", code=3).stderr)

    def test_no_plan(self):
        self.assertIn(b"nowhere", self.run_ok("apply", "nowhere", code=3).stderr)
        self.assertIn(b"no regular file", self.run_ok("apply", "a", code=3).stderr)
        self.assertIn(b"no regular file", self.run_ok("apply", "/dev/zero", code=3).stderr)
        self.assertIn(b"needs a plan", self.run_ok("apply", code=2).stderr)

    def test_plan_inside_a_side(self):
        done = self.run_ok("plan", "a", "b", "--out", "a/plan.json", code=3)
        self.assertIn(b"inside", done.stderr)
        self.assertEqual(os.listdir(self.a), [])

    def test_no_place_for_the_plan(self):
        done = self.run_ok("plan", "a", "b", "--out", "nowhere/plan.json", code=3)
        self.assertIn(b"--out", done.stderr)
        if os.path.exists("/dev/full"):
            self.run_ok("plan", "a", "b", "--out", "/dev/full", code=3)

    def test_guard(self):
        trees.apply(self.a, {f"f{i}": "x" for i in range(10)})
        self.run_ok("sync", "a", "b")
        trees.apply(self.a, {f"f{i}": None for i in range(8)})
        done = self.plan(code=8)
        self.assertIn(b"no plan was written", done.stderr)
        self.assertFalse(os.path.exists(self.world.folder / "plan.json"))

    def test_another_mode(self):
        trees.apply(self.a, {"x": "one"})
        trees.apply(self.b, {"extra": "e"})
        self.plan("--mode", "mirror")
        self.apply()
        self.assert_equal_sides({b"x": b"one"})


class Explanations(CommandLine):
    def explain(self, *words):
        return self.run_ok("explain", "a", "b", *words).stdout.decode()

    def test_what_and_why(self):
        trees.apply(self.a, {"d/x": "one", "same": "s"})
        self.run_ok("sync", "a", "b")
        trees.apply(self.a, {"d/x": "two"})
        text = self.explain("d/x")
        self.assertIn("update       -> target d/x  (changed on source)", text)
        self.assertIn("agreed on before; source changed, target as agreed", text)
        self.assertIn("do nothing", self.explain("same"))
        self.assertEqual(trees.snapshot(self.b)[b"d/x"].data, b"one")

    def test_strategies(self):
        trees.apply(self.a, {"x": {"content": "one", "mtime": 5}})
        trees.apply(self.b, {"x": {"content": "two", "mtime": 5}})
        text = self.explain("x", "--on-conflict", "newer-wins,larger-wins,source-wins")
        self.assertIn("newer-wins did not decide: both sides are equally old", text)
        self.assertIn("source-wins decided", text)
        found = json.loads(self.explain("x", "--on-conflict", "newer-wins", "-o", "json"))
        self.assertEqual(found["operations"][0]["conflict"], "both created")
        self.assertFalse(found["strategies"][0]["decided"])

    def test_rules(self):
        trees.apply(self.a, {"build/x.o": "x"})
        (self.world.folder / "my.rules").write_text("# made\n- /build/\n")
        text = self.explain("build/x.o", "--rules", "my.rules")
        self.assertIn("left out by '- /build/' (my.rules:2), which matches build/", text)

    def test_directory(self):
        trees.apply(self.a, {"d/x": "one", "d/y": "two"})
        self.run_ok("sync", "a", "b")
        trees.apply(self.a, {"d": None})
        for key in ("d", "d/"):
            self.assertIn("remove       -> target d/", self.explain(key))
        trees.apply(self.b, {"d/x": "changed"})
        self.assertIn("create       -> source d/y", self.explain("d/y"))

    def test_explain_agrees_with_the_plan_on_swapped_names_and_a_moved_directory(self):
        trees.apply(self.a, {"A": "1", "B": "22", "d/x": "x"})
        self.run_ok("sync", "a", "b")
        for old, new in (("A", "t"), ("B", "A"), ("t", "B"), ("d", "D2")):
            os.rename(os.path.join(self.a, os.fsencode(old)), os.path.join(self.a, os.fsencode(new)))
        plan = self.run_ok("plan", "a", "b").stdout.decode()
        for key, line in (("A", "target B => A  "), ("B", "target A => B  "),
                          ("d/", "target d/ => D2/  "), ("D2/", "target d/ => D2/  ")):
            with self.subTest(key=key):
                self.assertIn(line, plan)
                would = [said for said in self.explain(key).splitlines()
                         if said.startswith("  would")]
                self.assertTrue(any(line in said for said in would), would)
                self.assertTrue(all(" => " in said for said in would), would)
        self.assertIn("rename       -> target d/x => D2/x", self.explain("D2/x"))

    def test_nowhere(self):
        self.assertIn("nothing of that name", self.explain("nowhere"))

    def test_history(self):
        trees.apply(self.a, {"x": "one"})
        trees.apply(self.b, {"x": "two"})
        self.run_ok("sync", "a", "b", code=6)
        self.assertIn("run 1, ", self.explain("x"))

    def test_no_key(self):
        self.assertIn(b"KEY", self.run_ok("explain", "a", "b", code=2).stderr)
        for key in ("/etc/passwd", "../x", "", "x\\..//y"):
            done = self.world.run("explain", "a", "b", key)
            self.assertIn(done.returncode, (0, 3), done.stderr)


class RulesFiles(CommandLine):
    def test_order_with_the_options(self):
        trees.apply(self.a, {"x.tmp": "1", "keep.tmp": "2", "y": "3"})
        (self.world.folder / "r").write_text("- *.tmp\n+ keep.tmp\n")
        self.run_ok("sync", "a", "b", "--rules", "r")
        self.assertEqual(sorted(os.listdir(self.b)), [b"keep.tmp", b"y"])
        trees.apply(self.a, {"z.tmp": "4"})
        self.run_ok("sync", "a", "b", "--rules", "r", "--include", "z.tmp")
        self.assertIn(b"z.tmp", os.listdir(self.b))
        trees.apply(self.a, {"v.tmp": "5"})
        self.run_ok("sync", "a", "b", "--include", "v.tmp", "--rules", "r")
        self.assertNotIn(b"v.tmp", os.listdir(self.b))

    def test_mistakes(self):
        (self.world.folder / "r").write_text("- x\n*.tmp\n")
        done = self.run_ok("sync", "a", "b", "--rules", "r", code=3)
        self.assertIn(b"r:2: ", done.stderr)
        for name in ("nowhere", "a", ""):
            self.run_ok("sync", "a", "b", "--rules", name, code=3)


class Markers(CommandLine):
    def test_missing_marker(self):
        trees.apply(self.a, {"x": "1", ".here": ""})
        done = self.run_ok("sync", "a", "b", "--marker", ".here", "--force", code=8)
        self.assertIn(b"target", done.stderr)
        self.assertEqual(os.listdir(self.b), [])
        trees.apply(self.b, {".here": ""})
        self.run_ok("sync", "a", "b", "--marker", ".here")
        self.assert_equal_sides()

    def test_apply_checks_it_again(self):
        trees.apply(self.a, {"x": "1", ".here": ""})
        trees.apply(self.b, {".here": ""})
        self.run_ok("plan", "a", "b", "--marker", ".here", "--out", "plan.json")
        trees.apply(self.b, {".here": None})
        self.run_ok("apply", "plan.json", code=8)
        self.assertEqual(os.listdir(self.b), [])

    def test_mistakes(self):
        for marker in ("", "/x", "../x"):
            self.run_ok("sync", "a", "b", "--marker", marker, code=2)


if __name__ == "__main__":
    sys.exit(cli_test.main(sys.modules[__name__]))
