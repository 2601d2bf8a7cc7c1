"""What the tests that make up many cases share: options, a seed, a scratch folder, and the count.

A case has a `name`, `run()`, which returns it, and `problems`, a line each.
"""

import argparse
import os
import random
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from run import DEFAULT_BIN, scratch_folder

DEFAULT_CALLS = DEFAULT_BIN.parent.parent / "tests" / "syncline_calls.so"


def parse_settings(doc, jobs=os.cpu_count() or 2, calls=False):
    """The options of the command line; `calls`: the test needs the library of tests/tools/calls."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--bin", default=os.environ.get("SYNCLINE_BIN", DEFAULT_BIN))
    if calls:
        parser.add_argument("--calls", default=DEFAULT_CALLS, help="the library of tests/tools/calls")
    parser.add_argument("--jobs", type=int, default=jobs, help="cases at the same time")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--full", action="store_true", help="all of them, which takes long")
    parser.add_argument("--keep", action="store_true", help="leave the directories behind")
    parser.add_argument("names", nargs="*", metavar="NAME")
    settings = parser.parse_args()
    for name in ("bin", "calls") if calls else ("bin",):
        path = Path(getattr(settings, name)).resolve()
        setattr(settings, name, path)
        if not os.access(path, os.R_OK):
            sys.exit(f"{parser.prog}: {path} is not there; build it first")
    print(f"seed {settings.seed}", flush=True)
    return settings


@contextmanager
def scratch(settings):
    """Sets settings.scratch and settings.cache, and removes them unless they are to be kept."""
    settings.scratch = scratch_folder()
    settings.cache = settings.scratch / "cache"
    try:
        yield
    finally:
        if settings.keep:
            print(f"kept in {settings.scratch}")
        else:
            shutil.rmtree(settings.scratch)


class Count:
    def __init__(self, settings):
        self.settings = settings
        self.passed = self.failed = 0

    def add(self, case):
        if case.problems:
            self.failed += 1
        else:
            self.passed += 1
        for line in case.problems:
            print(f"FAIL {case.name} (seed {self.settings.seed}): {line}", flush=True)

    def run(self, cases):
        """Runs those that the command line names, by default all."""
        names = self.settings.names
        chosen = [case for case in cases if not names or any(part in case.name for part in names)]
        with ThreadPoolExecutor(self.settings.jobs) as workers:
            for case in workers.map(lambda one: one.run(), chosen):
                self.add(case)

    def exit_code(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 0 if self.passed > 0 and self.failed == 0 else 1
