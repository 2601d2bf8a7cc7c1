"""Directory trees as data: build them, edit them, look at them, compare them.

A tree maps path -> entry, an edit maps path -> entry or null. README.md describes both.
Paths are bytes everywhere inside; directories end in b"/", as keys do in Syncline.
"""

import base64
import json
import os
import shutil
import socket
import stat
from dataclasses import dataclass

EPOCH = 1704067200  # 2024-01-01T00:00:00Z: "mtime" and "touch" count seconds from here
BASE_MTIME = 0
EDIT_MTIME = 1000


@dataclass(frozen=True)
class Entry:
    """What is at one path. `data` is a file's content or a link's target."""

    kind: str
    data: bytes = b""
    executable: bool = False
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    mode: int = 0


def path_of(name, entry):
    if isinstance(entry, dict) and "path_b64" in entry:
        return base64.b64decode(entry["path_b64"])
    return name.encode("utf-8", "surrogateescape")


def show(path):
    """A path as a person can read it, on one line."""
    return json.dumps(path.decode("utf-8", "backslashreplace"), ensure_ascii=False)[1:-1]


def content_of(entry, whole=False):
    """The bytes of a file's entry; with `whole`, those of the hole before them too."""
    if isinstance(entry, str):
        return entry.encode()
    if whole and "hole" in entry:
        return bytes(entry["hole"]) + content_of(entry)
    if "size" in entry:
        pattern = (entry.get("fill", "0123456789abcde\n")).encode()
        return (pattern * (entry["size"] // len(pattern) + 1))[: entry["size"]]
    return entry.get("content", "").encode()


def remove(path):
    if os.path.islink(path) or not os.path.isdir(path):
        if os.path.lexists(path):
            os.unlink(path)
    else:
        shutil.rmtree(path)


def _make_parents(root, relative):
    """Every step above `relative` becomes a directory; what stood in the way is replaced."""
    at = root
    for step in relative.rstrip(b"/").split(b"/")[:-1]:
        at = os.path.join(at, step)
        if os.path.islink(at) or (os.path.lexists(at) and not os.path.isdir(at)):
            os.unlink(at)
        if not os.path.isdir(at):
            os.mkdir(at)


def has_attributes(folder):
    """Whether files there can have extended attributes."""
    probe = os.path.join(folder, "attributes-probe")
    try:
        with open(probe, "wb"):
            os.setxattr(probe, "user.syncline-probe", b"1")
        return True
    except OSError:
        return False
    finally:
        remove(probe)


def _set_mtime(path, seconds):
    ns = (EPOCH + seconds) * 1_000_000_000
    os.utime(path, ns=(ns, ns), follow_symlinks=False)


def _bind_socket(path):
    """Socket addresses are short, so bind by way of the directory's descriptor."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(b"/proc/self/fd/%d/%s" % (folder, os.path.basename(path)))
    finally:
        os.close(folder)


def apply(root, edits, default_mtime=EDIT_MTIME):
    """Carries the edits out below `root`, in the order they are written."""
    for name, entry in edits.items():
        relative = path_of(name, entry)
        if relative == b".":
            remove(root)
            if entry is not None:
                os.mkdir(root)
            continue
        path = os.path.join(root, relative.rstrip(b"/"))
        if entry is None:
            remove(path)
            continue
        if isinstance(entry, dict) and "touch" in entry:
            _set_mtime(path, entry["touch"])
            continue
        if isinstance(entry, dict) and "chmod" in entry:
            mode = {"+x": 0o755, "-x": 0o644}.get(entry["chmod"])
            os.chmod(path, int(entry["chmod"], 8) if mode is None else mode)
            continue
        if isinstance(entry, dict) and "move" in entry:
            to = entry["move"].encode("utf-8", "surrogateescape")
            _make_parents(root, to)
            os.rename(path, os.path.join(root, to.rstrip(b"/")))
            continue
        _make_parents(root, relative)
        if isinstance(entry, dict) and "hardlink" in entry:
            remove(path)
            os.link(os.path.join(root, entry["hardlink"].encode()), path)
            continue
        if relative.endswith(b"/"):
            if os.path.islink(path) or not os.path.isdir(path):
                remove(path)
                os.mkdir(path)
            continue
        if isinstance(entry, dict) and "link" in entry:
            remove(path)
            os.symlink(entry["link"].encode("utf-8", "surrogateescape"), path)
        elif isinstance(entry, dict) and "fifo" in entry:
            remove(path)
            os.mkfifo(path)
            continue
        elif isinstance(entry, dict) and "socket" in entry:
            remove(path)
            _bind_socket(path)
            continue
        else:
            if os.path.islink(path) or not os.path.isfile(path):
                remove(path)
            with open(path, "wb") as file:
                if isinstance(entry, dict) and "hole" in entry:
                    file.seek(entry["hole"])
                file.write(content_of(entry))
            executable = isinstance(entry, dict) and entry.get("exec", False)
            os.chmod(path, 0o755 if executable else 0o644)
            if isinstance(entry, dict):
                for attribute, value in entry.get("xattr", {}).items():
                    os.setxattr(path, attribute, value.encode())
        mtime = entry.get("mtime", default_mtime) if isinstance(entry, dict) else default_mtime
        _set_mtime(path, mtime)


def snapshot(root):
    """Everything below `root`, or None when there is no such directory."""
    if not os.path.isdir(root):
        return None
    found = {}

    def visit(folder, prefix):
        for item in os.scandir(folder):
            status = item.stat(follow_symlinks=False)
            key = prefix + item.name
            kind, data = "other", b""
            if stat.S_ISDIR(status.st_mode):
                kind, key = "dir", key + b"/"
            elif stat.S_ISLNK(status.st_mode):
                kind, data = "link", os.readlink(item.path)
            elif stat.S_ISFIFO(status.st_mode):
                kind = "fifo"
            elif stat.S_ISSOCK(status.st_mode):
                kind = "socket"
            elif stat.S_ISREG(status.st_mode):
                kind = "file"
                if os.access(item.path, os.R_OK):
                    with open(item.path, "rb") as file:
                        data = file.read()
            executable = kind == "file" and bool(status.st_mode & 0o100)
            found[key] = Entry(
                kind, data, executable, status.st_mtime_ns, status.st_ctime_ns, status.st_ino,
                status.st_mode,
            )
            if kind == "dir" and os.access(item.path, os.R_OK | os.X_OK):
                visit(item.path, key)

    visit(root, b"")
    return found


def without_times(tree):
    """What a person sees: kinds, contents, executable bits; mtimes of files only."""
    return {
        key: (one.kind, one.data, one.executable, one.mtime_ns if one.kind == "file" else 0)
        for key, one in tree.items()
    }


def _wanted(tree):
    """The expected tree as path -> (kind, data, executable, mtime or None), parents included."""
    wanted = {}
    for name, entry in tree.items():
        path = path_of(name, entry)
        steps = path.rstrip(b"/").split(b"/")
        for depth in range(1, len(steps)):
            wanted[b"/".join(steps[:depth]) + b"/"] = ("dir", b"", False, None)
        fields = entry if isinstance(entry, dict) else {}
        mtime = fields.get("mtime")
        if path.endswith(b"/"):
            wanted[path] = ("dir", b"", False, None)
        elif "link" in fields:
            wanted[path] = ("link", fields["link"].encode("utf-8", "surrogateescape"), False, None)
        elif "fifo" in fields or "socket" in fields:
            wanted[path] = ("fifo" if "fifo" in fields else "socket", b"", False, None)
        else:
            wanted[path] = ("file", content_of(entry, True), bool(fields.get("exec")), mtime)
    return wanted


def _short(data):
    text = data.decode("utf-8", "backslashreplace")
    return json.dumps(text if len(text) <= 40 else text[:37] + "...", ensure_ascii=False)


def differences(side, actual, tree, maybe=()):
    """Lines that tell how `actual` differs from the expected `tree`; empty when it does not."""
    if actual is None:
        return [f"{side}: the directory is gone"]
    wanted = _wanted(tree)
    optional = {name.encode("utf-8", "surrogateescape") for name in maybe}
    lines = []
    for path in sorted(set(actual) | set(wanted)):
        if path in optional:
            continue
        if path not in wanted:
            lines.append(f"{side}: unexpected {actual[path].kind} {show(path)}")
            continue
        kind, data, executable, mtime = wanted[path]
        if path not in actual:
            lines.append(f"{side}: missing {kind} {show(path)}")
            continue
        got = actual[path]
        if got.kind != kind:
            lines.append(f"{side}: {show(path)} is a {got.kind}, expected a {kind}")
        elif got.data != data:
            lines.append(f"{side}: {show(path)} is {_short(got.data)}, expected {_short(data)}")
        elif got.executable != executable:
            word = "executable" if got.executable else "not executable"
            lines.append(f"{side}: {show(path)} is {word}")
        elif mtime is not None and got.mtime_ns != (EPOCH + mtime) * 1_000_000_000:
            offset = got.mtime_ns / 1e9 - EPOCH
            lines.append(f"{side}: {show(path)} has mtime {offset:g}, expected {mtime}")
    return lines


def changes(side, before, after):
    """Lines that tell what was touched between two snapshots, down to inodes and times."""
    if before is None or after is None:
        return [] if before is after else [f"{side}: the directory itself came or went"]
    lines = []
    for path in sorted(set(before) | set(after)):
        if path not in after:
            lines.append(f"{side}: {show(path)} vanished")
        elif path not in before:
            lines.append(f"{side}: {show(path)} appeared")
        elif before[path] != after[path]:
            old, new = before[path], after[path]
            fields = [f for f in vars(old) if getattr(old, f) != getattr(new, f)]
            lines.append(f"{side}: {show(path)} was touched ({', '.join(fields)})")
    return lines
