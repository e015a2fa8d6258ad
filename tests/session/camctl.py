#!/usr/bin/env python3
"""camctl as people and programs use it: one-shot commands, record, letters on stdin, exit statuses, scripts that must fail."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

from camd import CAMCTL, CAMD, SMALL, check, equal, main, note, test, until
from mp4 import is_finished

OK, PROBLEM, USAGE, CAMD_FAILED, TIMEOUT, SKIPPED = 0, 1, 2, 3, 4, 77

# speaks as much of the protocol as a test needs; $FAKE says what goes wrong
FAKE_CAMD = """#!%s
import json, os, signal, sys, time
fault = os.environ["FAKE"]
def say(kind, name, data, id=None):
    line = {"type": kind, kind: name, "timestamp": "2026-11-20T14:03:07.123456+01:00", "data": data}
    if id is not None:
        line["id"] = id
    print(json.dumps(line), flush=True)
say("status", "initializing", {"device": "cameras"})
if fault == "dies early":
    sys.exit(5)
say("status", "initialized", {"cameras": 1, "session": None, "protocol": 1, "version": "0", "encoders": [], "config": None})
if fault == "chatters":
    print("this is no message", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    name, id = request["command"], request.get("id")
    if name == "quit":
        say("status", "quitting", {}, id)
        break
    if name == "subscribe":
        say("status", "subscribed", {"events": []}, id)
    elif name == "remux":
        say("status", "job_started", {"job": 1}, id)
        for part in (0.25, 0.5, 0.75):
            say("event", "job_progress", {"job": 1, "progress": part})
            time.sleep(0.7)
        say("event", "job_done", {"job": 1, "ok": True, "files": ["/made.mp4"]})
    elif fault == "is silent":
        pass
    elif fault == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == "is newer":
        say("event", "moon_rose", {"phase": 0.5})
        say("status", "pong", {"monotonic_ns": 5, "mood": "fine"}, id)
    else:
        say("status", "pong", {"monotonic_ns": 5}, id)
""" % sys.executable


class Place:
    """A directory for one test, and camctl run in it."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="camctl-test-"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def environment(self, fake=None, **more):
        environment = dict(os.environ, CAMCTL_CAMD=CAMD, TMPDIR=str(self.path), **more)
        if fake:
            program = self.path / "fake_camd"
            program.write_text(FAKE_CAMD)
            program.chmod(0o755)
            environment.update(CAMCTL_CAMD=str(program), FAKE=fake)
        return environment

    def start(self, *arguments, camera=SMALL, fake=None, **popen):
        flags = [] if camera is None else ["--camera", camera]
        return subprocess.Popen([CAMCTL, *flags, *arguments], cwd=self.path, env=self.environment(fake), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **{"stdin": subprocess.DEVNULL, **popen})

    def run(self, *arguments, status=OK, input=None, **how):
        """(stdout, stderr) of a camctl that must end with that status."""
        process = self.start(*arguments, **how, **({} if input is None else {"stdin": subprocess.PIPE}))
        try:
            out, err = process.communicate(input, timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        equal(process.returncode, status, f"camctl {arguments}: {out[-500:]} {err[-500:]}")
        return out, err

    def script(self, text, status=OK, **environment):
        (self.path / "it.cam").write_text(text)
        result = subprocess.run([CAMCTL, "script", "it.cam"], cwd=self.path, env=self.environment(**environment), text=True,
                                capture_output=True, timeout=60)
        equal(result.returncode, status, f"script: {result.stdout} {result.stderr}")
        return result.stderr

    def sessions(self):
        return list(self.path.glob("recordings/session_*"))


def messages(lines):
    for line in lines.splitlines():
        note(line.encode())
    return [json.loads(line) for line in lines.splitlines()]


@test
def one_command_and_its_answer():
    with Place() as place:
        out, err = place.run("ping")
        check(re.fullmatch(r"pong\n  monotonic_ns  \d+\n", out), out)
        equal(err, "")
        out, _ = place.run("list_cameras")
        check(re.search(r"camera_id +id +kind", out) and "160x120" in out, out)
        out, _ = place.run("get_status")
        check(re.search(r"state +running", out), out)
        equal(place.sessions(), [], "session folders left by questions")


@test
def raw_lines():
    with Place() as place:
        out, _ = place.run("--json", "get_config", "bitrate", "container")
        reply, = messages(out)
        equal(sorted(reply["data"]["values"]), ["bitrate", "container"])
        out, _ = place.run("record", "--json", "--seconds", "0.4")
        names = [m.get("event") or m["status"] for m in messages(out)]
        for name in ("initialized", "recording_started", "recording_stopped", "shutdown"):
            check(name in names, name, "among", names)


@test
def a_trigger_and_its_clip():
    """It waits for the clip and prints its path; a camd that was there before, and goes on, is not waited for."""
    with Place() as place:
        out, _ = place.run("--prebuffer", "1s", "trigger", "--after", "0.5", "--label", "gate")
        clip = out.splitlines()[-1]
        check(clip.endswith("_gate.mp4") and os.path.getsize(clip) > 1000, out)


@test
def one_word_too_many():
    with Place() as place:
        _, err = place.run("report", "one", "another", status=2)
        check("session: one only: 'another' is too many" in err, err)


@test
def arguments_reach_camd():
    with Place() as place:
        out, _ = place.run("set_config", "bitrate=4M", "preview_fps=5")
        check("4M" in out and "preview_fps" in out, out)
        out, _ = place.run("--json", "set_config", "--values", '{"bitrate":4000000}')
        equal(messages(out)[0]["data"]["values"]["bitrate"], 4000000)
        _, err = place.run("start_recording", "--camera-id", "7", status=PROBLEM)
        check("Invalid camera_id: 7" in err, err)
        out, _ = place.run("start_recording", "0", "--duration", "300ms")
        check(re.search(r"camera 0: recorded .*\.mp4: \d+ frames", out), out)


@test
def record_reports():
    with Place() as place:
        out, _ = place.run("--camera", "synthetic:320x240@30", "record", "--seconds", "1")
        for camera, frames in ((0, 15), (1, 30)):
            found = re.search(rf"camera {camera}  (/\S+\.mp4)\n +(\d+) frames, .* encoder lib.*\n +(\d+) of (\d+) frames lost", out)
            check(found, out)
            check(is_finished(found[1]), found[1])
            equal(int(found[2]) + int(found[3]), int(found[4]), "frames and lost")
            check(abs(int(found[4]) - frames) <= 2, out)


@test
def record_until_interrupted():
    for number in (signal.SIGINT, signal.SIGTERM):
        with Place() as place:
            process = place.start("record")
            until(lambda: list(place.path.glob("recordings/*/*.mp4")), "a recording")
            time.sleep(0.5)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
            equal(process.returncode, OK, err)
            check(re.search(r"camera 0  /\S+\.mp4\n +\d+ frames", out), out)
            check(is_finished(next(place.path.glob("recordings/*/*.mp4"))), "the file was finished")


@test
def camd_outlives_nobody():
    """camctl is killed: camd sees the end of its input, finishes, ends."""
    with Place() as place:
        process = place.start("record")
        until(lambda: list(place.path.glob("recordings/*/*.mp4")), "a recording")
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.communicate(timeout=60)
        until(lambda: not any(os.path.exists(f"/proc/{child}/exe") for child in children), "the end of camd")
        check(is_finished(next(place.path.glob("recordings/*/*.mp4"))), "the file was finished")


@test
def problems_show_in_the_status():
    with Place() as place:
        _, err = place.run("record", "--seconds", "1", "--discovery-timeout", "0.5", camera="v4l2:/dev/video250", status=PROBLEM)
        check("camctl: " in err, err)
        _, err = place.run("--no-such-flag", "ping", status=USAGE)
        check("no_such_flag" in err.replace("-", "_"), err)
        for words in (["recrod"], ["wait"], ["ping", "x"], ["record", "--seconds", "never"]):
            _, err = place.run(*words, status=USAGE)
            check(err.startswith("camctl: "), err)
        _, err = place.run("--timeout", "0.3", "wait", "20", status=TIMEOUT)
        check("no answer in time" in err, err)


@test
def camd_can_fail():
    with Place() as place:
        place.run("ping", fake="nothing", camera=None)
        place.run("ping", fake="is newer", camera=None)
        _, err = place.run("ping", fake="chatters", camera=None)
        check("what is no message" in err, err)
        _, err = place.run("list_cameras", fake="dies early", camera=None, status=CAMD_FAILED)
        check("status 5" in err, err)
        _, err = place.run("ping", fake="dies", camera=None, status=CAMD_FAILED)
        check("KILL" in err, err)
        place.run("--timeout", "0.3", "ping", fake="is silent", camera=None, status=TIMEOUT)
        os.environ["CAMCTL_CAMD"] = "/nowhere/camd"
        result = subprocess.run([CAMCTL, "ping"], capture_output=True, text=True, cwd=place.path)
        equal(result.returncode, CAMD_FAILED)
        check("/nowhere/camd" in result.stderr, result.stderr)
        del os.environ["CAMCTL_CAMD"]


@test
def a_second_interrupt_kills():
    with Place() as place:
        process = place.start("ping", fake="is silent", camera=None)
        time.sleep(0.5)
        child, = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)      # at once: still the first
        time.sleep(0.7)
        equal(process.poll(), None, "it waits for camd")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        check(process.returncode in (PROBLEM, CAMD_FAILED), process.returncode)


@test
def letters_on_stdin():
    with Place() as place:
        out, err = place.run(input="r\ns\nx\nr\nq\n")
        check("no such key: x" in err, err)
        for what in ("ready: 1 camera", "records to", "snapshot: ", "recorded "):
            check(what in out, what, "in", out)
        equal(len(list(place.path.glob("recordings/*/*.mp4"))), 1)
        out, _ = place.run(input="r\n")      # the end of stdin is q, when all is done
        check("recorded " in out, out)
        place.run()                         # /dev/null
        out, _ = place.run("--camera", SMALL, input="s\nq\n")
        check(re.search(r"snapshot: \S+\.jpg, \S+\.jpg \([+-]\d+\.\d ms\)\n", out), out)


@test
def letters_in_a_file_and_no_stdin():
    with Place() as place:
        (place.path / "keys").write_text("s\nq\n")
        with open(place.path / "keys") as keys:
            out, _ = place.run(stdin=keys)
        check("snapshot: " in out, out)
        result = subprocess.run(["sh", "-c", '"$0" --camera "$1" <&-', CAMCTL, SMALL], cwd=place.path, capture_output=True, timeout=60,
                                env=place.environment())
        equal(result.returncode, OK, result.stderr)


@test
def a_reader_that_goes_away_ends_it():
    with Place() as place:
        process = place.start("subscribe", "*")
        process.stdout.readline()
        process.stdout.close()
        equal(process.wait(timeout=30), OK)
        process.stderr.close()


@test
def help_is_there():
    with Place() as place:
        out, _ = place.run("--help")
        for command in ("record", "start_recording", "remux", "script"):
            check(command in out, command, "in", out)
        for words in (["help", "remux"], ["remux", "--help"], ["help", "record"], ["script", "--help"], ["--version"]):
            out, _ = place.run(*words)
            check(out, words)


@test
def progress_of_a_job():
    """A bar that is drawn over and taken away at a terminal; nothing elsewhere of what takes no time, and stdout is clean."""
    with Place() as place:
        out, err = place.run("remux", "x.h264", fake="nothing", camera=None)
        equal((out, err), ("/made.mp4\n", ""))
        ours, its = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        process = subprocess.Popen([CAMCTL, "remux", "x.h264"], cwd=place.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=its,
                                   env=place.environment("nothing") | {"TERM": "xterm", "LC_ALL": "C.UTF-8"}, text=True)
        os.close(its)
        drawn = b""
        with contextlib.suppress(OSError):      # what a terminal whose last user is gone gives
            while data := os.read(ours, 4096):
                drawn += data
        os.close(ours)
        equal((process.communicate()[0], process.wait()), ("/made.mp4\n", OK))
        drawn = drawn.decode()
        bars = re.findall(r"remux \[(█*)(░*)\] +(\d+) %(?:, (00:00:0\d) left)?", drawn)
        equal([int(bar[2]) for bar in bars], [25, 50, 75])
        equal([len(full) * 100 // len(full + empty) // 5 * 5 for full, empty, _, _ in bars], [25, 50, 75])
        check(drawn.endswith("\r\033[J"), "the line is taken away:", repr(drawn))


# ---- scripts that must fail, and say why ----

@test
def failures_are_explained():
    start = f"camd --camera {SMALL}\n"
    cases = [
        (start + ">ping\n< pong data.monotonic_ns=1\n", "it.cam:3: < pong data.monotonic_ns=1\n    data.monotonic_ns is "),
        (start + ">ping\n< waited\n", "it is pong"),
        (start + "limit 0.2s\n< pong\n", "it did not come within 0.2 s"),
        (start + ">ping\nwait 0.3s\n", "camd sent what nothing in the script expects"),
        (start + ">ping\nsilence 1s\n", "it was not silent"),
        (start + "<event no_such\n", "no event is called 'no_such'"),
        (start + "> {\"command\":\"describe\"}\n< description\nset X = data.nothing\n", "data.nothing is absent"),
        (start + ">ping\n< pong id=$NO_SUCH\n", "NO_SUCH is not set"),
        (start + "run echo spoken; exit 3\n", "it ended with status 3\nspoken"),
        (start + "frobnicate\n", "no such statement"),
        (start + "eof\nexit 3\n", "ended with status 0"),
        (start + "signal KILL\n< pong\n", "camd was ended by SIGKILL"),
        (start + "expect-file nothing*\n", "0 files match"),
        (">ping\n", "no camd runs"),
        ("camd --no-such-flag\n", "ended with status 2"),
    ]
    with Place() as place:
        for text, reason in cases:
            err = place.script(text, status=PROBLEM)
            check(reason in err, repr(text), "gave", err)
        equal(list(place.path.glob("camctl-script-*")), [], "folders of scripts")


@test
def a_broken_camd_fails_a_script():
    with Place() as place:
        for fake, reason in (("is newer", "moon_rose"), ("chatters", "this is no message")):
            err = place.script("camd\n< initializing\n< initialized\n>ping\n< pong\n", status=PROBLEM, fake=fake)
            check("message table does not have" in err and reason in err, err)


@test
def scripts_can_be_skipped():
    with Place() as place:
        place.script("needs false\nfrobnicate\n", status=SKIPPED)
        place.script("needs true\n")
        place.run("script", "nowhere.cam", status=USAGE, camera=None)
        place.run("script", status=USAGE, camera=None)


@test
def what_was_seen_is_noted():
    with Place() as place:
        seen = place.path / "seen"
        place.script(f"camd --camera {SMALL}\n>ping\n< pong\n>ping\n< pong\n> nonsense\n< error\n", CAMD_SEEN=str(seen))
        equal(sorted(seen.read_text().splitlines()), ["command ping", "message error", "message pong"])
        lines = '{"command":"wait","seconds":1}\n' + \
            '{"type":"status","status":"waited","timestamp":"2026-11-20T14:03:07.123456+01:00","data":{"seconds":1}}\n'
        for text, status in ((lines, OK), (lines.replace("seconds", "minutes"), PROBLEM), ("x\n", PROBLEM), ("", OK)):
            result = subprocess.run([CAMCTL, "check-lines"], input=text, text=True, capture_output=True, timeout=60,
                                    env=dict(os.environ, CAMD_SEEN=str(seen)))
            equal(result.returncode, status, text)
        equal(sorted(seen.read_text().splitlines())[1:2], ["command wait"])


main()
