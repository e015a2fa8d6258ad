#!/usr/bin/env python3
"""Fails if a command, reply, notice or event of the tables was never seen by any test of the run.

usage: seen.py CAMD SEEN_FILE        lines of SEEN_FILE: `command NAME`, `message NAME`, `event NAME`
"""
import json
import subprocess
import sys
import tempfile

camd, seen_file = sys.argv[1:]
with tempfile.TemporaryDirectory() as scratch:
    out = subprocess.run([camd, "--camera", "synthetic:64x48", "--output-dir", scratch], input='{"command":"describe"}\n',
                         capture_output=True, text=True, check=True).stdout
tables = json.loads(out)["data"]
wanted = {f"command {command['name']}" for command in tables["commands"]}
wanted |= {f"{'event' if m['kind'] == 'event' else 'message'} {m['name']}" for m in tables["messages"]}
with open(seen_file, encoding="utf-8") as file:
    seen = {line.strip() for line in file}
missing = sorted(wanted - seen)
print(f"{len(wanted) - len(missing)} of {len(wanted)} commands and messages were seen")
for name in missing:
    print(f"never seen: {name}")
sys.exit(bool(missing))
