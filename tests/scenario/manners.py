"""How the program speaks to people: errors in both formats, terminals, hints, logs. Run by cli_test.py."""

import fcntl
import json
import os
import pty
import re
import signal
import stat
import struct
import subprocess
import termios

import trees
from command_line import DEADLINE_S, CommandLine


class Manners(CommandLine):
    def text(self, *arguments, code=0):
        done = self.run_ok(*arguments, code=code)
        return done.stdout.decode() + done.stderr.decode()

    def slow(self, root, query="op=put&probability=1&delay_ms=20"):
        """A side that takes its time."""
        return f"fault+file://{os.fsdecode(root)}?{query}"

    def on_terminal(self, *arguments, columns=80, term="xterm", interrupts=0, code=0):
        """What a terminal of that width is sent; Ctrl-C is pressed so often, once it is at work."""
        screen, line = pty.openpty()
        fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {**self.world.environment, "TERM": term}
        process = subprocess.Popen(
            [self.world.program, *arguments], cwd=self.world.folder, env=environment, stdin=line,
            stdout=line, stderr=line, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(line)
        sent = b""
        pressed = 0
        while True:
            try:
                piece = os.read(screen, 65536)
            except OSError:
                break
            if not piece:
                break
            sent += piece
            at_work = b"syncing" in sent if pressed == 0 else b"Ctrl-C again" in sent
            if pressed < interrupts and at_work:
                os.write(screen, b"\x03")
                pressed += 1
        os.close(screen)
        self.assertEqual(process.wait(DEADLINE_S), code, sent.decode(errors="replace"))
        self.assertEqual(pressed, interrupts)
        return sent.decode()


class JsonErrors(Manners):
    """Every error under -o json is a document with `error` on stdout and a message on stderr."""

    def error(self, code, *arguments):
        done = self.run_ok(*arguments, code=code)
        document = json.loads(done.stdout)
        self.assertEqual(sorted(document["error"]), ["code", "message"])
        self.assertIn(b"syncline: ", done.stderr)
        self.assertEqual(document.get("report", document)["exit_code"], code)
        return document["error"]

    def test_usage(self):
        for words in (["sync", "a", "b", "--mode", "both"], ["sync", "a"], ["sync", "--xyzzy"],
                      ["synk"], ["plugin"], ["plan"], ["help", "frobnicate"]):
            for form in (["-o", "json"], ["--output=json"], ["-ojson"], ["--output", "json"]):
                with self.subTest(words=words, form=form):
                    self.assertEqual(self.error(2, *words, *form)["code"], "invalid-argument")

    def test_configuration(self):
        self.error(3, "sync", "a", "nowhere", "-o", "json")
        self.error(3, "plan", "a", "nowhere", "-o", "json")
        self.error(3, "plan", "a", "b", "--on-conflict", "newest", "-o", "json")
        self.error(3, "plugin", "info", "nothing", "-o", "json")
        self.error(3, "sync", "a", "b", "--log-file", "no/where", "-o", "json")

    def test_held_lock(self):
        self.hold()
        self.error(11, "sync", "a", "b", "-o", "json")

    def test_places_that_are_not_utf8(self):
        os.mkdir(os.path.join(os.fsencode(self.world.folder), b"\xff"))
        report = json.loads(self.run_ok("sync", b"\xff", "b", "-o", "json").stdout)
        self.assertIn("source_b64", report)
        self.assertNotIn("target_b64", report)


class Places(Manners):
    # `sync B A` has a base of its own, so it once ran beside `sync A B` and both wrote both sides.
    def test_the_other_way_round_is_locked_too(self):
        self.hold()
        before = trees.snapshot(self.b)
        for words in (["sync", "b", "a"], ["sync", "b", "a", "--mode", "mirror"]):
            done = self.run_ok(*words, code=11)
            self.assertIn(b"already running: process ", done.stderr)
        self.assertEqual(trees.snapshot(self.b), before)

    def test_one_place_in_two_syncs_is_allowed(self):
        os.mkdir(self.world.folder / "c")
        self.hold()
        self.run_ok("sync", "b", "c")

    def test_no_home_to_keep_plugins_in(self):
        for name in ("XDG_CACHE_HOME", "HOME"):
            self.world.environment[name] = "/proc/nowhere"
        self.world.environment["TMPDIR"] = str(self.world.folder)
        self.world.environment.pop("XDG_RUNTIME_DIR", None)
        self.run_ok("sync", "a", "b")
        (cache,) = self.world.folder.glob("syncline-plugins-*")
        self.assertEqual(stat.S_IMODE(cache.stat().st_mode), 0o700)
        cache.rename(self.world.folder / "elsewhere")
        cache.write_text("in the way")
        text = self.text("sync", "a", "b", code=3)
        self.assertIn("XDG_CACHE_HOME", text)
        self.assertIn("/proc/nowhere", text)

    def test_private_files_stay_private(self):
        for name, mode in (("secret", 0o600), ("shared", 0o640), ("tool", 0o700), ("plain", 0o644),
                           ("large", 0o600)):
            trees.apply(self.a, {name: {"size": 3_000_000 if name == "large" else 10}})
            os.chmod(os.path.join(self.a, name.encode()), mode)
        trees.apply(self.a, {"inside/": {"dir": True}, "inside/f": "x"})
        os.chmod(os.path.join(self.a, b"inside"), 0o700)

        def modes(root):
            return {name: stat.S_IMODE(os.stat(os.path.join(root, name)).st_mode)
                    for name in os.listdir(root)}

        for target in ("b", self.slow(self.b, "probability=0")):  # by the kernel, and as bytes
            for name in os.listdir(self.b):
                trees.apply(self.b, {name.decode(): None})
            self.run_ok("sync", "a", target, "--mode", "mirror", "--force")
            self.assertEqual(modes(self.b), modes(self.a))
        # What is private now does not show in a copy that was made before.
        trees.apply(self.a, {"plain": "hidden"})
        os.chmod(os.path.join(self.a, b"plain"), 0o600)
        self.run_ok("sync", "a", "b", "--mode", "mirror")
        self.assertEqual(modes(self.b)[b"plain"], 0o600)
        self.assertEqual(json.loads(self.run_ok("sync", "a", "b", "-o", "json").stdout)
                         ["outcomes"]["planned"], 0)

    def test_a_change_of_permissions_is_no_change(self):
        trees.apply(self.a, {"f": "1"})
        self.run_ok("sync", "a", "b")
        os.chmod(os.path.join(self.b, b"f"), 0o600)
        report = json.loads(self.run_ok("sync", "a", "b", "-o", "json").stdout)
        self.assertEqual(report["outcomes"]["planned"], 0)

    def test_empty_and_missing_places(self):
        for option in ("--log-file", "--plugin-path"):
            self.assertIn(option, self.text("sync", "a", "b", option, "", code=2))
        self.assertIn("no such directory", self.text("sync", "a", "b", "--plugin-path", "none",
                                                     code=3))
        self.assertIn("no/where", self.text("sync", "a", "b", "--log-file", "no/where", code=3))
        self.assertEqual(os.listdir(self.b), [])


class Terminal(Manners):
    """The progress line, as a terminal gets it."""

    def test_the_line_fits_and_goes(self):
        self.make_files(self.a, 60)
        for columns in (80, 30, 10):
            sent = self.on_terminal("sync", "a", self.slow(self.b), "--workers", "1",
                                    columns=columns)
            before_the_result = sent[:sent.rindex("\r\x1b[K")]
            drawn = re.findall(r"\r\x1b\[K([^\r\n\x1b]*)", before_the_result)
            self.assertTrue(any("syncing" in line for line in drawn), sent)
            for line in drawn:
                self.assertLess(len(line), columns)
                self.assertRegex(line, r"^$|^\w+(  .*[^ ])?$")
            self.assertIn("\r\x1b[K", sent[sent.rindex("syncing"):], "the line stays")
            trees.remove(self.b)
            os.mkdir(self.b)
            trees.remove(os.fsencode(self.world.folder / "state"))

    def test_a_dumb_terminal_gets_plain_lines(self):
        self.make_files(self.a, 30)
        for term in ("dumb", ""):
            sent = self.on_terminal("sync", "a", self.slow(self.b), term=term)
            self.assertNotIn("\x1b", sent)
            self.assertIn("planned = ", sent)

    def test_ctrl_c(self):
        self.make_files(self.a, 200)
        for presses, side in ((1, self.slow(self.b)), (2, self.slow(self.b, "op=put&nth=5&hang"))):
            sent = self.on_terminal("sync", "a", side, "--workers", "1", interrupts=presses,
                                    code=130)
            self.assertIn("interrupted", sent)
        self.run_ok("sync", "a", "b")
        self.assert_equal_sides()
        self.assert_no_temporary_files()

    def test_a_reader_that_saw_enough_is_no_error(self):
        self.make_files(self.a, 20000, size=1)
        process = self.world.start("plan", "a", "b")
        process.stdout.read(100)
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()
        self.assertEqual(process.wait(DEADLINE_S), 128 + signal.SIGPIPE)


class Words(Manners):
    def conflicts(self, count=1):
        trees.apply(self.a, {f"item{i}": {"content": "1", "mtime": 5} for i in range(count)})
        trees.apply(self.b, {f"item{i}": {"content": "2", "mtime": 5} for i in range(count)})

    def test_a_conflict_says_why_the_strategy_declined(self):
        self.conflicts()
        text = self.text("sync", "a", "b", "--on-conflict", "newer-wins", code=6)
        self.assertIn("newer-wins declined: both sides are equally old", text)
        self.assertNotIn("--on-conflict newer-wins", text)
        self.assertIn("--on-conflict newer-wins", self.text("sync", "a", "b", code=6))

    def test_the_hint_names_the_chain_that_was_asked(self):
        self.conflicts()
        text = self.text("sync", "a", "b", "--on-conflict", "item*:newer-wins", "--on-conflict",
                         "older-wins", code=6)
        self.assertIn("decides where newer-wins did not", text)
        text = self.text("sync", "a", "b", "--on-conflict", "older-wins,manual", code=6)
        self.assertIn("name another strategy before manual", text)

    def test_the_hint_after_a_strategy_that_failed_adds_none_behind_it(self):
        chain = ("--on-conflict", "exec?program=sh&arg=-c&arg=exit 9,keep-both")
        trees.apply(self.a, {"f": "1"})
        self.text("sync", "a", "b", *chain)
        trees.apply(self.a, {"f": "2"})
        trees.apply(self.b, {"f": "3"})
        text = self.text("sync", "a", "b", *chain, code=6)
        self.assertIn("name another strategy before exec: after one that leaves a conflict to you "
                      "no other is asked", text)
        self.assertNotIn("add a strategy", text)

    def test_a_plan_tells_a_conflict_once(self):
        self.conflicts()
        self.assertEqual(self.text("plan", "a", "b", code=6).count("item0"), 1)
        self.assertEqual(self.text("sync", "a", "b", code=6).count("item0"), 1)

    def test_what_waits_for_one_reason_is_folded(self):
        self.make_files(self.a, 50)
        side = self.slow(self.b, "op=put&probability=1&status=QUOTA_EXCEEDED")
        text = self.text("sync", "a", side, "--workers", "1", code=7)
        self.assertLess(len(text.splitlines()), 15, text)
        self.assertRegex(text, r"pending  \.\.\. and \d+ more  not tried, because target")

    # The state file became standard output, and the report was written into it.
    def test_closed_streams_write_into_no_file(self):
        self.make_files(self.a, 50)
        for streams in ((0, 1, 2), (1, 2), (2,)):
            process = self.world.start("sync", "a", "b", "-v", stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL,
                                       preexec_fn=lambda s=streams: [os.close(n) for n in s])
            self.assertEqual(process.wait(DEADLINE_S), 1 if 1 in streams else 0)
            for path in self.world.folder.rglob("*"):
                if path.is_file():
                    self.assertNotIn(b"phase listing", path.read_bytes(), path)
            self.run_ok("sync", "a", "b")
        self.assert_equal_sides()

    def test_a_full_disk_says_what_to_do(self):
        self.make_files(self.a, 3)
        side = self.slow(self.b, "op=put&probability=1&status=QUOTA_EXCEEDED")
        self.assertIn("; make room there\n", self.text("sync", "a", side, code=7))

    def test_help_of_a_command(self):
        for command in ("sync", "plan", "plugin"):
            self.assertEqual(self.run_ok("help", command).stdout,
                             self.run_ok(command, "--help").stdout)
        self.assertIn("frobnicate", self.text("help", "frobnicate", code=2))

    def test_a_plugin_is_called_as_commands_take_it(self):
        self.assertRegex(self.text("plugin", "info", "newer-wins"), r"name +newer-wins\n")
        listed = json.loads(self.run_ok("plugin", "list", "-o", "json").stdout)["plugins"]
        self.assertIn("newer-wins", [plugin["name"] for plugin in listed])

    def test_a_wrong_option_of_a_connector_is_named_as_typed(self):
        text = self.text("sync", "a", self.slow(self.b, "probability=2"), code=3)
        self.assertIn("'probability'", text)
        self.assertNotIn("/probability", text)

    def test_every_guard_that_trips_is_told(self):
        trees.apply(self.a, {f"f{i}": "x" for i in range(10)})
        self.run_ok("sync", "a", "b")
        trees.apply(self.a, {f"f{i}": None for i in range(10)})
        text = self.text("sync", "a", "b", code=8)
        for flag in ("--force=emptied", "--force=deletions"):
            self.assertIn(flag, text)
        self.run_ok("sync", "a", "b", "--force=emptied,deletions")

    def test_long_names_are_kept_both_ways(self):
        long = {"n" * 251 + ".txt": 0, "é" * 127: 0}
        trees.apply(self.a, {name: "one" for name in long})
        trees.apply(self.b, {name: {"content": "two", "mtime": 5} for name in long})
        self.run_ok("sync", "a", "b", "--on-conflict", "keep-both")
        self.assert_equal_sides()
        names = os.listdir(self.a)
        self.assertEqual(len(names), 4)
        self.assertIn(b"n" * 240 + b".conflict-1.txt", names)
        for name in names:
            name.decode()

    def test_the_log_tells_what_is_done(self):
        trees.apply(self.a, {"made\n": "1", "c": "1"})
        trees.apply(self.b, {"c": {"content": "2", "mtime": 5}})
        verbose = self.text("sync", "a", "b", "--on-conflict", "newer-wins", "-v", "--log-file",
                            "log")
        for text in (verbose, (self.world.folder / "log").read_text()):
            for part in ("connector syncline.connector.filesystem", "phase listing",
                         "phase planning", "phase syncing", "place guards passed",
                         "deletion guards passed", "newer-wins: ", "create on target made\\n: ok"):
                self.assertIn(part, text)

    def test_the_log_tells_retries(self):
        trees.apply(self.a, {"f": "1"})
        self.run_ok("sync", "a", self.slow(self.b, "op=put&nth=1"), "--log-file", "log")
        self.assertIn("trying again in", (self.world.folder / "log").read_text())
