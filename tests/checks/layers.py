#!/usr/bin/env python3
"""Does each part of the framework include only what it may? Prints every include that it may not."""

import pathlib
import re
import sys

# The table of docs/design/architecture.md: a part and the parts whose headers it may include.
PARTS = {
    "core": [],
    "lifecycle": ["core"],
    "pool": ["core", "lifecycle"],
    "resilience": ["core"],
    "progress": ["core"],
    "state": ["core"],
    "plugin": ["core"],
    "endpoint": ["core", "plugin", "pool", "progress", "resilience"],
    "reconcile": ["core", "state", "endpoint", "plugin", "pool", "progress"],
    "execute": ["core", "pool", "progress", "state", "endpoint", "plugin", "reconcile"],
    "orchestrate": ["core", "lifecycle", "pool", "resilience", "progress", "state", "plugin", "endpoint", "reconcile", "execute"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"](?:syncline/)?([a-z_]+)/([^">]+)[">]', re.MULTILINE)


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    bad = []
    for base in ("framework/include/syncline", "framework/src"):
        for path in sorted((root / base).rglob("*.[ch]pp")):
            part = path.relative_to(root / base).parts[0]
            if part not in PARTS:
                bad.append(f"{path}: '{part}' is no part of the framework")
                continue
            for included, _ in INCLUDE.findall(path.read_text()):
                if included in ("abi", "sdk"):
                    if part != "plugin":
                        bad.append(f"{path}: names the ABI above the plugin wrapper")
                elif included in PARTS and included != part and included not in PARTS[part]:
                    bad.append(f"{path}: {part} may not use {included}")
    for name in ("sdk", "plugins", "samples"):
        for path in sorted((root / name).rglob("*")):
            if path.suffix not in (".h", ".hpp", ".c", ".cpp"):
                continue
            for included, _ in INCLUDE.findall(path.read_text()):
                if included in PARTS:
                    bad.append(f"{path}: includes the framework's {included}")
    print("\n".join(bad) if bad else "every include is allowed")
    return 1 if bad else 0


sys.exit(main())
