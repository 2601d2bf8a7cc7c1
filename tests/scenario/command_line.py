"""What the tests of the command line share: a world of two directories, and a program at work."""

import os
import shutil
import signal
import time
import unittest

import trees
from run import World

DEADLINE_S = 60
SETTINGS = {}


class CommandLine(unittest.TestCase):
    """A fresh world for each test: two empty directories `a` and `b`, own state, shared cache."""

    def setUp(self):
        scratch = SETTINGS["scratch"]
        self.world = World(SETTINGS["bin"], scratch / self.id().replace(".", "-"),
                           scratch / "cache", {"source": "a", "target": "b"})
        self.a, self.b = self.world.roots["source"], self.world.roots["target"]
        os.mkdir(self.a)
        os.mkdir(self.b)
        self.addCleanup(shutil.rmtree, self.world.folder)

    def run_ok(self, *arguments, code=0):
        done = self.world.run(*arguments)
        self.assert_exit(done, code)
        return done

    def assert_exit(self, done, code):
        self.assertEqual(done.returncode, code, f"exit code; stderr: {done.stderr.decode()!r}")

    def assert_equal_sides(self, wanted=None):
        left, right = (trees.without_times(trees.snapshot(root)) for root in (self.a, self.b))
        odd = sorted(key for key in set(left) | set(right) if left.get(key) != right.get(key))
        self.assertEqual([trees.show(key) for key in odd], [], "the sides differ")
        if wanted is not None:
            files = {key: data for key, (kind, data, _, _) in left.items() if kind == "file"}
            wrong = sorted(k for k in set(files) | set(wanted) if files.get(k) != wanted.get(k))
            self.assertEqual([trees.show(key) for key in wrong], [], "not the expected contents")

    def assert_no_temporary_files(self):
        for root in (self.a, self.b):
            left = [trees.show(key) for key in trees.snapshot(root) if b".syncline-" in key]
            self.assertEqual(left, [], "temporary files were left")

    def make_files(self, root, count, size=4096):
        trees.apply(root, {f"d{i % 20}/f{i}": {"size": size, "fill": f"{i}\n"}
                           for i in range(count)})

    def start_and_catch(self, *flags):
        """A sync that is certainly at work: it has begun to write and has not ended."""
        for count in (1500, 6000, 24000):
            self.make_files(self.a, count)
            process = self.world.start("sync", "a", "b", *flags)
            end = time.monotonic() + DEADLINE_S
            while process.poll() is None and time.monotonic() < end:
                if os.listdir(self.b):
                    return process
                os.sched_yield()
            process.communicate()
            trees.remove(self.b)
            os.mkdir(self.b)
            shutil.rmtree(self.world.folder / "state")
        return self.fail("the sync always ended before it could be caught at work")

    def hold(self, *flags):
        """A sync that is stopped in the middle of its work."""
        process = self.start_and_catch(*flags)
        process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status), "the sync ended before it could be stopped")

        def end():
            process.kill()
            process.communicate()

        self.addCleanup(end)
        return process
