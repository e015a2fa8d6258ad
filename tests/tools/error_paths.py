#!/usr/bin/env python3
"""The places where errors are made: each error_set(), error_set_errno() and error_set_argument() of the product.

    error_paths.py list              prints them all, FILE:FUNCTION: TEXT
    error_paths.py check             holds unreached.txt against the sources: what it lists must be there, once, with a reason
    error_paths.py report JSON DIR   reads what `llvm-cov export` says of a run (paths in it are of DIR), prints lines covered by
                                     directory and the errors that no test made; exit status 1 if one is not in unreached.txt

unreached.txt names errors that no test makes: a reason on a line of its own, from "= " on, then the errors that it holds for.
"""
import collections
import json
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROOMS = ("common", "protocol", "camd", "camctl")
LIST = ROOT / "tests/tools/unreached.txt"
CALL = re.compile(r"\berror_set(?:_errno|_argument)?\(")
HEAD = re.compile(r"(\w+)\(")
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
Place = collections.namedtuple("Place", "file line column name")


def sources():
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in (".c", ".cpp") and str(path.relative_to(ROOT)) != "common/error.c":
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def argument(source, at, wanted):
    """The text of a call's argument, the first being 0, if the call's arguments begin there."""
    depth, number, found = 0, 0, ""
    while depth >= 0:
        literal = TEXT.match(source, at)
        token = literal[0] if literal else source[at]
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == "," and not depth:
            number += 1
        elif number == wanted and depth >= 0:
            found += token
        at += len(token)
    return found


def text_of(source, at):
    """The format of the call: its literals put together, or the expression, if there is none."""
    found = argument(source, at, 2)
    return "".join(TEXT.findall(found)) or " ".join(found.split())


def function_at(source, at):
    """The name of the function that holds it: the last line before it that begins in the first column with a name and a parenthesis."""
    for line in reversed(source[:at].splitlines()):
        if line and (line[0].isalpha() or line[0] == "_") and HEAD.search(line):
            return HEAD.search(line)[1]
    return "?"


def places():
    """All of them; of those that are alike in a function the second has (2) behind its name."""
    seen = collections.Counter()
    for file, source in sources():
        for call in CALL.finditer(source):
            line = source.count("\n", 0, call.start()) + 1
            column = call.start() - source.rfind("\n", 0, call.start())
            name = f"{file}:{function_at(source, call.start())}: {text_of(source, call.end())}".rstrip()
            seen[name] += 1
            yield Place(file, line, column, name if seen[name] == 1 else f"{name} ({seen[name]})")


def listed():
    """(name: reason) of unreached.txt, and what is wrong with it."""
    reasons, problems, reason = {}, [], None
    known = {place.name for place in places()}
    for number, line in enumerate(LIST.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("= "):
            reason = line[2:]
        elif not reason:
            problems.append(f"line {number}: no reason stands above it")
        elif line in reasons:
            problems.append(f"line {number}: it is there twice: {line}")
        elif line not in known:
            problems.append(f"line {number}: the sources have no such error any more: {line}")
        else:
            reasons[line] = reason
    return reasons, problems


def count_at(segments, line, column):
    """How often it was run, by the segment that holds it; None where nothing is counted: it was not compiled."""
    found = None
    for segment in segments:
        if (segment[0], segment[1]) > (line, column):
            break
        found = segment[2] if segment[3] else None
    return found


def lines_by_directory(files):
    sums = collections.defaultdict(lambda: [0, 0])
    for name, file in files.items():
        lines = file["summary"]["lines"]
        for directory in (os.path.dirname(name), "all"):
            sums[directory][0] += lines["covered"]
            sums[directory][1] += lines["count"]
    for directory in [*sorted(set(sums) - {"all"}), "all"]:
        covered, count = sums[directory]
        print(f"{directory:<20} {covered:6} of {count:6} lines  {100 * covered / count:5.1f} %")


def report(export, build):
    with open(export, encoding="utf-8") as file:
        data = json.load(file)["data"][0]
    files = {os.path.relpath(os.path.join(build, file["filename"]), ROOT): file for file in data["files"]}
    files = {name: file for name, file in files.items() if name.split("/")[0] in ROOMS}
    reasons, problems = listed()
    all_places = list(places())
    missed = [place for place in all_places if not count_at(files.get(place.file, {}).get("segments", ()), place.line, place.column)]
    lines_by_directory(files)
    print(f"\nerrors: {len(all_places)} places where they are made, {len(all_places) - len(missed)} reached, "
          f"{sum(place.name in reasons for place in missed)} listed as unreached")
    names = {place.name for place in missed}
    for name in reasons:
        if name not in names:
            print(f"listed, and reached all the same: {name}")
    unknown = [place for place in missed if place.name not in reasons]
    for place in unknown:
        print(f"NOT REACHED, line {place.line}: {place.name}")
    print("\n".join(problems), end="\n" if problems else "")
    return bool(unknown or problems)


def main():
    if sys.argv[1:] == ["list"]:
        print("\n".join(place.name for place in places()))
    elif sys.argv[1:] == ["check"]:
        reasons, problems = listed()
        print(f"{len(list(places()))} places where errors are made, {len(reasons)} listed as unreached")
        print("\n".join(problems), end="\n" if problems else "")
        sys.exit(bool(problems))
    elif sys.argv[1:2] == ["report"] and len(sys.argv) == 4:
        sys.exit(report(*sys.argv[2:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
