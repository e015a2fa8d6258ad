#!/usr/bin/env python3
"""Holds the size of functions: none over 60 lines, nine in ten under 45, and prints the median.

usage: functions.py SOURCE_ROOT
"""
import pathlib
import statistics
import sys

MOST, NINE_IN_TEN = 60, 45


def functions(path):
    """(name, lines) of each function: from the line that ends its head to the brace in the first column."""
    head, begin = "", None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line == "{":
            begin = number
        elif line == "}" and begin:
            yield head, number - begin + 1
            begin = None
        elif begin is None and line and not line[0].isspace():
            head = line


root = pathlib.Path(sys.argv[1])
found = [(lines, f"{path.relative_to(root)}: {head}") for room in ("common", "protocol", "camd", "camctl")
         for path in sorted((root / room).rglob("*.c")) for head, lines in functions(path)]
sizes = sorted(lines for lines, _ in found)
print(f"{len(sizes)} functions, median {statistics.median(sizes):.0f} lines, nine in ten up to {sizes[len(sizes) * 9 // 10]}")
long = [f"{lines} lines: {what}" for lines, what in sorted(found, reverse=True) if lines > MOST]
print("\n".join(long), end="\n" if long else "")
sys.exit(bool(long) or sizes[len(sizes) * 9 // 10] >= NINE_IN_TEN)
