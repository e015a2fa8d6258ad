#!/usr/bin/env python3
"""Holds docs/reliability.md's table of faults: each row has an outcome and tests, and each test is there and is run.

usage: faults.py SOURCE_ROOT BUILD_ROOT
"""
import json
import pathlib
import re
import sys

root, build = map(pathlib.Path, sys.argv[1:])


def rows():
    """(line, cells) of each row of the tables under "Faults"."""
    inside = False
    for number, line in enumerate((root / "docs/reliability.md").read_text().splitlines(), 1):
        if line.startswith("## "):
            inside = line == "## Faults"
        elif inside and line.startswith("|") and not re.match(r"\|---|\| what goes wrong ", line):
            yield number, [cell.strip() for cell in line.strip("|").split(" | ")]


def commands():
    """What meson runs."""
    for test in json.loads((build / "meson-info/intro-tests.json").read_text()):
        yield [str(word) for word in test["cmd"]]


RUN = list(commands())


def is_run(script, case=None):
    return any(any(word.endswith(f"tests/{script}") for word in command) and (case is None or case in command) for command in RUN)


def is_there(name, test):
    text = root / "tests/session" / name
    if text.exists() and re.search(rf"^@test\ndef {test}\(", text.read_text(), re.M):
        return is_run(f"session/{name}")
    if (root / "tests/kernel" / name).exists() and is_run(f"kernel/{name}", test):
        return True
    text = root / "tests/unit" / name
    return text.exists() and f"{test}(" in text.read_text()


def problems():
    n_tests = n = 0
    for n, (number, cells) in enumerate(rows(), 1):
        where = f"docs/reliability.md:{number}"
        if len(cells) != 3 or not all(cells):
            yield f"{where}: not three cells with something in each"
            continue
        tests = re.findall(r"`([^`]+)`", cells[2])
        if not tests or re.sub(r"`[^`]+`|, ", "", cells[2]):
            yield f"{where}: the last cell is not a list of `FILE TEST`"
        for each in tests:
            n_tests += 1
            if not re.fullmatch(r"\S+ \w+", each) or not is_there(*each.split()):
                yield f"{where}: there is no such test, or it is not run: {each}"
    print(f"{n} faults, {n_tests} tests")
    if n < 30:
        yield "the table is gone, or this does not find it"


found = list(problems())
print("\n".join(found), end="\n" if found else "")
sys.exit(bool(found))
