#!/usr/bin/env python3
"""docs/examples and packaging: the masters and units that users copy do what they say."""

import os
import pathlib
import re
import subprocess
import tempfile

from camd import CAMD, ROOT, SMALL, check, check_video, equal, jpeg_size, main, test

EXAMPLES = ROOT / "docs/examples"


def run(example, *arguments, status=0):
    """(stdout, stderr) of an example that must end with that status; no camd is left of it."""
    result = subprocess.run([EXAMPLES / example, *arguments], capture_output=True, text=True, env=dict(os.environ, CAMD=CAMD), timeout=120,
                            stdin=subprocess.DEVNULL)
    equal(result.returncode, status, f"{example}: {result.stdout[-1000:]} {result.stderr[-1000:]}")
    return result.stdout, result.stderr


def masters():
    return sorted(path.name for path in EXAMPLES.glob("master.*"))


@test
def masters_record():
    equal(masters(), ["master.py", "master.sh"])
    for example in masters():
        with tempfile.TemporaryDirectory() as directory:
            out, err = run(example, "1", "--camera", SMALL, "--camera", SMALL, "--output-dir", directory)
            equal(err, "", example)
            videos, pictures = (sorted(map(str, pathlib.Path(directory).glob(f"*/*.{end}"))) for end in ("mp4", "jpg"))
            equal((len(videos), len(pictures)), (2, 2), example)
            for video in videos:
                check(len(check_video(video)) >= 12, f"{example}: a second of frames")
            for picture in pictures:
                equal(jpeg_size(pathlib.Path(picture).read_bytes()), (160, 120))
            for path in videos + pictures:
                check(re.search(rf"^ *{re.escape(path)}$", out, re.M), f"{example} names {path}: {out}")
            log, = pathlib.Path(directory).glob("*/session.log")
            check("ending: quit" in log.read_text() and log.read_text().endswith("ended\n"), f"{example}: its end")


@test
def masters_fail():
    """What is wrong is said, and nothing hangs."""
    with tempfile.TemporaryDirectory() as directory:
        at = ("--output-dir", directory)
        for example in masters():
            _, err = run(example, status=1 if example.endswith("py") else 2)
            check("SECONDS" in err, err)
            _, err = run(example, "1", "--camera", "file:/nowhere.mp4", "--discovery-timeout", "0.1", *at, status=1)
            check("nowhere" in err or "No cameras" in err, example, err)
            _, err = run(example, "1", "--no-such-flag", status=1)
            check("no_such_flag" in err and "camd ended" in err, example, err)


@test
def units():
    """systemd takes the example units, with a camd that is there."""
    with tempfile.TemporaryDirectory() as directory:
        for unit in (ROOT / "packaging").glob("camd.*"):
            text = unit.read_text()
            check("/usr/bin/camd" in text or unit.suffix == ".socket", unit)
            pathlib.Path(directory, unit.name).write_text(text.replace("/usr/bin/camd", CAMD))
        result = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, pathlib.Path(directory).iterdir())],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        equal((result.returncode, result.stdout), (0, ""))


if __name__ == "__main__":
    main()
