#!/usr/bin/env python3
"""Holds docs/reliability.md's table of faults: each row has an outcome and tests, and each test is there and is run.

usage: faults.py SOURCE_ROOT BUILD_ROOT
"""
import json
import pathlib
import re
import sys

root, build = map(pathlib.Path, sys.argv[1:])


def rows(section):
    """(line, cells) of each row of the tables in a section."""
    inside = False
    for number, line in enumerate((root / "docs/reliability.md").read_text().splitlines(), 1):
        if line.startswith("## "):
            inside = line == f"## {section}"
        elif inside and line.startswith("|") and not re.match(r"\|---|\| what goes wrong |\| fault ", line):
            yield number, [cell.strip() for cell in line.strip("|").split(" | ")]


TESTS = json.loads((build / "meson-info/intro-tests.json").read_text())       # what meson runs
RUN = [[str(word) for word in test["cmd"]] for test in TESTS]
NAMES = {test["name"] for test in TESTS}


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
    for n, (number, cells) in enumerate(rows("Faults"), 1):
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


def problems_of_devices():
    """The tables of cameras and encoders name tests of meson's, or functions of libcamera.py."""
    functions = set(re.findall(r"^@test\ndef (\w+)\(", (root / "tests/session/libcamera.py").read_text(), re.M))
    n = 0
    for n, (number, cells) in enumerate(rows("Cameras and encoders"), 1):
        where, last = f"docs/reliability.md:{number}", re.sub(r"\([^)]*\)", "", cells[-1])
        quoted, plain = re.findall(r"`(\S+)`", last), re.sub(r"`\S+`", "", last).replace(",", " ").split()
        if len(cells) != 4 or not quoted + plain:
            yield f"{where}: not four cells, with tests in the last"
        for name in quoted:
            if name not in NAMES:
                yield f"{where}: meson has no such test: {name}"
        for name in plain:
            if name not in functions:
                yield f"{where}: libcamera.py has no such test: {name}"
    print(f"{n} faults of cameras and encoders")
    if n < 40:
        yield "the tables of cameras and encoders are gone, or this does not find them"


found = [*problems(), *problems_of_devices()]
print("\n".join(found), end="\n" if found else "")
sys.exit(bool(found))
