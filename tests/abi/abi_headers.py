#!/usr/bin/env python3
"""Checks of the SDK headers that a compiler does not make.

    abi_headers.py layout-source <include dir>        print a C++ program that prints the layout table
    abi_headers.py annotations <header>...            each function member has one thread annotation
    abi_headers.py includes <include dir>             SDK headers need the standard library only
    abi_headers.py compile <include dir> <scratch dir> <compiler>...
                                                      each header compiles alone
"""
import pathlib
import re
import subprocess
import sys

LEAVES = {"syncline_bytes", "syncline_str", "syncline_kv", "syncline_kvs"}
ANNOTATION = re.compile(r"\[(?:control|worker|any|in-call|watcher)(?: & !?\w+)*\]")
BRACKETED = re.compile(r"\[[^\]]*\]")
FUNCTION_MEMBER = re.compile(r"\(\s*\*\s*(?:const\s+)?(\w+)\s*\)\s*\(")
STRUCT = re.compile(r"\bstruct\s+(\w+)\s*\{(.*?)\}", re.S)


def abi_headers(include):
    return sorted((include / "syncline/abi").glob("*.h"))


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def structs(text):
    """Name and field names of every struct, in the order of the header."""
    for name, body in STRUCT.findall(without_comments(text)):
        fields = []
        for member in (m.strip() for m in body.split(";")):
            if not member:
                continue
            function = FUNCTION_MEMBER.search(member)
            fields.append(function.group(1) if function else re.search(r"(\w+)$", member).group(1))
        yield name, fields


def constants(text):
    for name in re.findall(r"^#define (SYNCLINE_\w+) +\S", without_comments(text), flags=re.M):
        if not name.endswith("_H") and name != "SYNCLINE_EXPORT":
            yield name


def layout_source(include):
    out = [
        "// Made by tests/abi/abi_headers.py from the ABI headers.",
        "#include <syncline/abi/abi.h>",
        "#include <cstddef>",
        "#include <iostream>",
        "#include <string>",
        "static void put(const char *name, const char *value) {",
        "    std::cout << \"const \" << name << \" \\\"\" << value << \"\\\"\\n\";",
        "}",
        "template <class T> static void put(const char *name, T value) {",
        "    std::cout << \"const \" << name << ' ' << value << '\\n';",
        "}",
        "int main() {",
    ]
    for header in abi_headers(include):
        text = header.read_text()
        for name in constants(text):
            out.append(f'    put("{name}", {name});')
        for name, fields in structs(text):
            out.append(f'    std::cout << "struct {name} " << sizeof({name}) << \'\\n\';')
            for field in fields:
                out.append(
                    f'    std::cout << "    " << offsetof({name}, {field}) << " {field} "'
                    f" << sizeof({name}::{field}) << '\\n';"
                )
    out += ["}", ""]
    print("\n".join(out), end="")
    return 0


def annotations(headers):
    errors, members = [], 0
    for header in headers:
        text = header.read_text()
        for match in FUNCTION_MEMBER.finditer(text):
            if text.rfind("/*", 0, match.start()) > text.rfind("*/", 0, match.start()):
                continue
            members += 1
            name = match.group(1)
            end = text.rfind("*/", 0, match.start())
            between = text[end + 2 : match.start()] if end >= 0 else ";"
            if re.search(r"[;{}#]", between):
                errors.append(f"{header.name}: {name} has no comment of its own")
                continue
            comment = text[text.rfind("/*", 0, end) : end]
            found = BRACKETED.findall(comment)
            valid = [a for a in found if ANNOTATION.fullmatch(a)]
            if len(found) != 1 or len(valid) != 1:
                errors.append(f"{header.name}: {name} has annotations {found}, wanted exactly one")
        for name, fields in structs(text):
            if name not in LEAVES and fields[0] != "struct_size":
                errors.append(f"{header.name}: {name} does not begin with struct_size")
    if members == 0:
        errors.append("no function member found")
    print("\n".join(errors) if errors else f"{members} function members, one annotation each")
    return 1 if errors else 0


def includes(include):
    errors = []
    for header in sorted((include / "syncline").rglob("*.h*")):
        part = header.parent.name
        allowed = r"syncline/abi/\w+\.h|(?:assert|stddef|stdint)\.h"
        if part == "sdk":
            allowed = r"syncline/(?:abi/\w+\.h|sdk/\w+\.hpp)|[a-z_]+"
        for name in re.findall(r'^\s*#\s*include\s+[<"](.*?)[>"]', header.read_text(), flags=re.M):
            if not re.fullmatch(allowed, name):
                errors.append(f"{header.name} includes {name}")
    print("\n".join(errors) if errors else "only the standard library and the SDK itself")
    return 1 if errors else 0


def compile_alone(include, scratch, compilers):
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only"]
    scratch.mkdir(parents=True, exist_ok=True)
    failures = runs = 0
    for header in sorted((include / "syncline").rglob("*.h*")):
        name = header.relative_to(include)
        for compiler in compilers:
            is_cxx = "++" in pathlib.Path(compiler).name
            if header.suffix == ".h":
                standards = ["c++17", "c++20"] if is_cxx else ["c11"]
            elif is_cxx:
                # The wrapper is slow to compile: one standard per compiler, both are covered.
                standards = ["c++20"] if "clang" in compiler else ["c++17"]
            else:
                standards = []
            for standard in standards:
                source = scratch / ("alone.cpp" if is_cxx else "alone.c")
                source.write_text(f"#include <{name}>\n")
                command = [compiler, f"-std={standard}", *warnings, f"-I{include}", str(source)]
                runs += 1
                if subprocess.run(command, check=False).returncode != 0:
                    print("failed:", " ".join(command), f"for {name}")
                    failures += 1
    print(f"{runs} compilations, {failures} failures")
    return 1 if failures or runs == 0 else 0


def main(arguments):
    if len(arguments) >= 2:
        command, paths = arguments[0], [pathlib.Path(a) for a in arguments[1:]]
        if command == "layout-source" and len(paths) == 1:
            return layout_source(paths[0])
        if command == "annotations":
            return annotations(paths)
        if command == "includes" and len(paths) == 1:
            return includes(paths[0])
        if command == "compile" and len(paths) >= 3:
            return compile_alone(paths[0], paths[1], arguments[3:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
