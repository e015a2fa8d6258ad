#!/usr/bin/env python3
"""camctl doctor: what it says of this machine, and the report of its measurements over synthetic cameras."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from camd import CAMCTL, CAMD, check, equal, main, test, until

OK, PROBLEM, USAGE, CAMD_FAILED = 0, 1, 2, 3
LOSE = 5
LOSING = f"synthetic:160x120@15?lose={LOSE}"
SOUND = "synthetic:176x144@15"

# records, as far as it says; then it is gone
FAKE_CAMD = """#!%s
import json, os, signal, sys
def say(name, data, id=None):
    line = {"type": "status", "status": name, "timestamp": "2026-11-20T14:03:07.123456+01:00", "data": data}
    if id is not None:
        line["id"] = id
    print(json.dumps(line), flush=True)
camera = {"camera_id": 0, "id": "synthetic", "kind": "synthetic", "model": "fake", "modes": [], "controls": [], "state": "running"}
say("initializing", {"device": "cameras"})
say("initialized", {"cameras": 1, "session": None, "protocol": 1, "version": "0", "encoders": ["software"], "config": None})
for line in sys.stdin:
    request = json.loads(line)
    name, id = request["command"], request.get("id")
    if name == "quit":
        say("quitting", {}, id)
        break
    elif name == "subscribe":
        say("subscribed", {"events": []}, id)
    elif name == "get_config":
        say("config", {"values": {"output_dir": os.getcwd(), "bitrate": 10000000}}, id)
    elif name == "list_cameras":
        say("cameras", {"cameras": [camera]}, id)
    elif name == "start_recording":
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        say("error", {"message": "no", "code": "unsupported"}, id)
""" % sys.executable


class Place:
    """A directory for one test, and camctl doctor run in it."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="doctor-test-"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def start(self, *arguments, camd=CAMD, **popen):
        environment = dict(os.environ, CAMCTL_CAMD=str(camd), LC_ALL="C.UTF-8")
        return subprocess.Popen([CAMCTL, "doctor", *arguments], cwd=self.path, env=environment, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)

    def run(self, *arguments, **how):
        """(exit status, stdout, stderr)"""
        process = self.start(*arguments, **how)
        try:
            out, err = process.communicate(timeout=150)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode, out, err

    def fake(self):
        program = self.path / "fake_camd"
        program.write_text(FAKE_CAMD)
        program.chmod(0o755)
        return program

    def left(self):
        """What is in the directory and in the recordings'."""
        return sorted(str(path.relative_to(self.path)) for path in self.path.rglob("*"))


def rows_of(report):
    """The report's rows by section: {section: [(verdict, what, measured, look for)]}."""
    sections, rows = {}, None
    for line in report.splitlines():
        if line.startswith("## "):
            rows = sections.setdefault(line[3:], [])
        elif rows is not None and re.match(r"\| (OK|NOTE|PROBLEM) \|", line):
            rows.append(tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]))
    return sections


def row(rows, what):
    found = [row for row in rows if row[1] == what]
    equal(len(found), 1, f"rows called {what} among {[row[1] for row in rows]}")
    return found[0]


def recordings_of(report):
    """The table of all recordings: a dictionary each."""
    lines = [line for line in report.split("## All recordings\n")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
    names = [cell.strip() for cell in lines[0].split("|")[1:-1]]
    equal(len(set(names)), len(names) - 1, "names of columns, of which only `encoder` comes twice")
    names[names.index("storage") - 1] = "lost by encoder"
    return [dict(zip(names, (cell.strip() for cell in line.split("|")[1:-1]))) for line in lines[2:]]


def check_counts(report, status, out):
    """Heads, summary, terminal and exit status say the same."""
    rows = [row for rows in rows_of(report).values() for row in rows]
    count = {verdict: sum(row[0] == verdict for row in rows) for verdict in ("PROBLEM", "NOTE", "OK")}
    check(f"PROBLEM: {count['PROBLEM']}, NOTE: {count['NOTE']}, OK: {count['OK']}; complete." in report, report[:300])
    summary = report.split("\n## ")[0]
    equal(len(re.findall(r"^\| (?:PROBLEM|NOTE) ", summary, re.M)), count["PROBLEM"] + count["NOTE"], "rows of the summary")
    for verdict in count:
        equal(len(re.findall(rf"^{verdict} ", out, re.M)), count[verdict], f"{verdict} on the terminal")
    equal(status, PROBLEM if count["PROBLEM"] else OK, f"exit status with {count}")


@test
def the_machine_without_measuring():
    with Place() as place:
        status, out, err = place.run("--camera", SOUND)
        equal(status, PROBLEM if re.search(r"^PROBLEM", out, re.M) else OK, out)
        for what in ("system", "processor", "memory", "video devices", "group video", "libcamera", "encoder", "disk"):
            check(re.search(rf"^(OK|NOTE|PROBLEM) +{what} ", out, re.M), what, "in", out)
        check(re.search(r"^OK +camera 0 +synthetic camera \(synthetic\), 176x144 at 15 frames/s.*: running", out, re.M), out)
        check(re.search(rf"^\w+ +system .*{re.escape(os.uname().release)}", out, re.M), out)
        equal(err, "")
        equal(place.left(), [], "what it leaves")


@test
def a_camera_that_is_not_there():
    with Place() as place:
        status, out, _ = place.run("--board", "--report", "r.md", "--camera", "v4l2:/dev/video250", "--discovery-timeout", "0.5")
        equal(status, PROBLEM, out)
        check(re.search(r"^PROBLEM +camera 0 .*v4l2:/dev/video250", out, re.M), out)
        check(re.search(r"^PROBLEM +board +no camera runs: nothing was measured", out, re.M), out)
        check("no camera runs" in (place.path / "r.md").read_text(), "the report says so")
        equal([name for name in place.left() if not name.startswith("recordings")], ["r.md"])


def measure(camera, results):
    with Place() as place:
        status, out, err = place.run("--board", "--seconds", "2", "--report", "r.md", "--camera", camera, "--encoder", "software")
        results[camera] = status, out, err, (place.path / "r.md").read_text(), place.left()


@test
def measurements_of_two_cameras():
    """Both at once, for most of the time is waiting: one that loses each fifth frame, and one that loses none."""
    results = {}
    threads = [threading.Thread(target=measure, args=(camera, results)) for camera in (LOSING, SOUND)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(sorted(results), sorted([LOSING, SOUND]))
    for camera, (status, out, err, report, left) in results.items():
        equal(err, "", camera)
        equal(left, ["r.md"], "what it leaves")
        check_counts(report, status, out)
        check_recordings(recordings_of(report), LOSE if camera == LOSING else 0)
    check_losing(*results[LOSING][:4])
    check_sound(*results[SOUND][:4])


def check_recordings(recordings, lose):
    """What holds for each, however busy the machine: the sums, and what the sensor, which loses by count, lost."""
    titles = [recording["recording"] for recording in recordings]
    equal(titles.count("restart"), 10)
    for title in ("alone", "0.25 Mb/s", "20 Mb/s", "1, then 8 Mb/s", "with pictures", "after off and on", "software, ultrafast", "5/s"):
        check(title in titles, title, "among", titles)
    for recording in recordings:
        captured, recorded, sensor, starved, encoder, storage = (int(recording[name]) for name in (
            "captured", "recorded", "lost: sensor", "starved", "lost by encoder", "storage"))
        equal(captured, recorded + sensor + starved + encoder + storage, recording)
        equal(int(recording["decoded"]), recorded, recording)
        check(recorded and int(recording["key frames"]), recording)
        least, most = (captured // lose - 1, captured // lose + 1) if lose else (0, 0)
        # from the first recorded frame on, so that the one before it may be missing, but not many; what was starved was not lost before
        check(max(least - starved, 0) <= sensor <= most, f"lost by the sensor: {sensor} of {captured}", recording)
        fps = 5 if recording["recording"] == "5/s" else 15
        check(recorded < 3 or abs(float(recording["measured /s"]) - fps) < 0.01, recording)
        check("libx264" in recording["encoder"], recording)


def check_losing(status, out, _, report):
    equal(status, PROBLEM, "exit status of a camera that loses frames")
    rows = rows_of(report)["Camera 0 alone: synthetic"]
    verdict, _, measured, advice = row(rows, "frames, camera 0")
    equal(verdict, "PROBLEM", measured)
    found = re.match(r"(\d+) of (\d+) recorded, .*; lost: sensor (\d+)", measured)
    check(found and int(found[3]) >= (int(found[2]) - 1) // LOSE - 1 > 0, measured)
    check(advice.startswith("sensor: ") or "starved" in measured or "encoder" in measured, advice)
    check(f"frames, camera 0 | {measured.replace('|', chr(92) + '|')}" in report.split("\n## ")[0], "it is in the summary")
    gaps = int(re.search(r"(\d+) gaps with losses", row(rows, "intervals")[2])[1])
    check(gaps >= int(found[3]) - 1, f"{gaps} gaps, {measured}")
    check(re.search(r"^PROBLEM +frames, camera 0 .*lost: sensor ", out, re.M), out)


def check_sound(status, out, _, report):
    sections = rows_of(report)
    rows = sections["Camera 0 alone: synthetic"]
    found = re.match(r"(\d+) of (\d+) recorded", row(rows, "frames, camera 0")[2])
    check(abs(int(found[2]) - 31) <= 2, f"{found[0]} in two seconds at 15/s")
    decoded = row(rows, "decoded")
    equal(decoded[0], "OK", decoded)
    check(re.search(rf"h264 .* 176x144: {found[1]} packets, {found[1]} decoded, {found[1]} rows; .*the first frame is one", decoded[2]), decoded)
    check(re.match(r"15\.0000/s by the slope of its times, 0 ppm|15\.0000/s .*\+0 ppm", row(rows, "rate")[2]), row(rows, "rate"))
    check(re.match(r"mean 66\.667 ms, spread 0\.000", row(rows, "intervals")[2]), row(rows, "intervals"))
    check(re.match(r"libx264 \w+ \(software\), 176x144; 0 bytes", row(rows, "encoder")[2]), row(rows, "encoder"))
    check(re.match(r"10 times, 10 whole, ", row(rows, "start and stop")[2]), row(rows, "start and stop"))
    previews = re.match(r"while recording: ([\d.]+) previews a second, snapshot after [\d.]+ ms", row(rows, "pictures")[2])
    check(previews and 3 < float(previews[1]) <= 16, row(rows, "pictures"))
    check(re.match(r"off after [\d.]+ ms, on after [\d.]+ ms, then \d+ frames", row(rows, "off and on")[2]), row(rows, "off and on"))
    equal(len([r for r in rows if r[1].startswith("bitrate ") and "Mb/s" in r[1]]), 7)
    check(re.search(r"[1-9]\d*\.\d MB, peak", row(rows, "memory")[2]), row(rows, "memory"))
    check(re.match(r"\d+\.\d+ ms a frame, \d+\.\d % of one core, \d+ threads", row(rows, "processor")[2]), row(rows, "processor"))
    check("camera 0: libx264 superfast (software) encodes 176x144" in report.split("## camd's log")[1], "camd's log")
    equal(row(sections["camd"], "flags")[2], f"--camera {SOUND} --encoder software")


@test
def camd_dies_in_the_middle():
    with Place() as place:
        status, out, _ = place.run("--board", "--seconds", "1", "--report", "r.md", camd=place.fake())
        equal(status, PROBLEM, out)
        check(re.search(r"^PROBLEM +recording +start_recording: camd is gone", out, re.M), out)
        check(re.search(r"^PROBLEM +camd +it ended in the middle of the trials", out, re.M), out)
        check("it ended in the middle" in (place.path / "r.md").read_text(), "the report says so")
        equal(place.left(), ["fake_camd", "r.md"])


@test
def what_can_not_begin():
    with Place() as place:
        status, out, _ = place.run(camd="/nowhere/camd")
        equal(status, CAMD_FAILED, out)
        check(re.search(r"^PROBLEM +camd .*/nowhere/camd", out, re.M), out)
        status, out, _ = place.run("--no-such-flag")
        equal(status, USAGE, out)
        check("no_such_flag" in out.replace("-", "_"), out)
        status, _, err = place.run("--board", "--report", "nowhere/r.md")
        equal(status, USAGE, err)
        check("nowhere/r.md" in err, err)
        equal(place.left(), [])


@test
def interrupted():
    with Place() as place:
        process = place.start("--board", "--report", "r.md", "--seconds", "30", "--camera", SOUND)
        until(lambda: list(place.path.glob("recordings/doctor-*/*/*.mp4")), "a recording")
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        equal(process.returncode, PROBLEM, out)
        report = (place.path / "r.md").read_text()
        check("; interrupted." in report, "the report says so")
        # a long recording was not made in vain
        recording, = recordings_of(report)
        check(5 < int(recording["recorded"]) < 100 and recording["decoded"] == recording["recorded"], recording)
        check("## camd's log" in report, report)
        equal(place.left(), ["r.md"], "what it leaves")


@test
def a_closed_terminal_ends_nothing():
    with Place() as place:
        process = place.start("--board", "--report", "r.md", "--seconds", "30", "--camera", SOUND)
        until(lambda: list(place.path.glob("recordings/doctor-*/*/*.mp4")), "a recording")
        process.stdout.close()
        process.send_signal(signal.SIGHUP)
        size = lambda: sum(path.stat().st_size for path in place.path.glob("recordings/doctor-*/*/*.mp4"))
        before = size()
        until(lambda: size() > before + 2000, "more of the recording")
        equal(process.poll(), None, "it goes on")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        process.stderr.close()


@test
def help_tells_the_options():
    with Place() as place:
        status, out, _ = place.run("--help")
        equal(status, OK)
        for flag in ("--board", "--seconds TIME", "--report FILE"):
            check(flag in out, flag, "in", out)


main()
