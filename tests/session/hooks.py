#!/usr/bin/env python3
"""on_event: programs that are run at events. Looked at through what they write down."""

import json
import os
import pathlib
import subprocess
import tempfile

from camd import CAMD, Camd, check, equal, main, test, until


class Place:
    """A directory in which scripts are and write."""

    def __enter__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="camd-test-")
        self.path = pathlib.Path(self.holder.name)
        return self

    def __exit__(self, *_):
        self.holder.cleanup()

    def script(self, name, text):
        path = self.path / name
        path.write_text("#!/bin/sh\n" + text.replace("HERE", str(self.path)))
        path.chmod(0o755)
        return str(path)

    def text(self, name):
        path = self.path / name
        return path.read_text() if path.exists() else ""

    def lines(self, name):
        return self.text(name).splitlines()


def is_gone(pid):
    """Neither there nor a zombie."""
    return not os.path.exists(f"/proc/{pid}")


def churn(camd, n):
    """So many events at least: a camera that is switched off and on."""
    for _ in range(n // 2 + 1):
        camd.ask("set_camera", camera_id=0, enabled=False)
        camd.ask("set_camera", camera_id=0, enabled=True)


@test
def what_it_gets():
    """The event as subscribers get it, alone; arguments; a clean environment; no descriptors of camd's."""
    with Place() as place:
        note = place.script("note", 'cat > "HERE/$CAMD_EVENT"; printf "%s|" "$@" > HERE/arguments; env > HERE/environment; '
                                    'ls -l /proc/self/fd > HERE/descriptors; cat /proc/self/stat > HERE/stat; echo "said <$1>"; echo complained >&2')
        with Camd("--on-event", f"recording_started , recording_stopped: {note} 'a b' \"c'd\" e\\ f '' $HOME;*", env={**os.environ, "CAMD_CAMERA": "wrong"}) as camd:
            camd.ask("subscribe", events=["*"])
            camd.ask("start_recording")
            camd.ask("wait", seconds=0.3)
            started = camd.event("recording_started")
            until(lambda: "complained" in camd.log(), "the program's words in the log")
            equal(json.loads(place.text("recording_started"))["data"], started, "the event")
            equal(place.text("recording_started").count("\n"), 1, "lines")
            equal(place.text("arguments"), "a b|c'd|e f||$HOME;*|")
            environment = place.lines("environment")
            check("CAMD_EVENT=recording_started" in environment and "CAMD_CAMERA=0" in environment, environment)
            check(f"CAMD_SESSION={camd.sessions()[0].resolve()}" in environment and "CAMD_CAMERA=wrong" not in environment, environment)
            # 0, 1, 2 and what ls itself has open
            equal(len(place.lines("descriptors")), 1 + 4, place.text("descriptors"))
            equal(place.text("stat").rsplit(")", 1)[1].split()[16], "10", "nice")
            check("said <a b>" in camd.log(), "stdout in the log")
            camd.ask("stop_recording")
            stopped = camd.event("recording_stopped")
            until(lambda: place.text("recording_stopped").endswith("\n"), "the second event")
            equal(json.loads(place.text("recording_stopped"))["data"], stopped)
            camd.quit()


@test
def at_the_end():
    """What the end itself brings has its programs; a camd without a master's subscription, too."""
    with Place() as place:
        note = place.script("note", 'sleep 0.3; cat >> HERE/events')
        with Camd("--on-event", f"recording_stopped: {note}") as camd:
            camd.started()
            camd.ask("start_recording")
            camd.quit()
        event = json.loads(place.text("events"))
        equal((event["event"], event["data"]["cause"]), ("recording_stopped", "shutdown"))


@test
def order_and_limit():
    """Runs begin in the order of events, one at a time with a limit of 1, three with one of 3."""
    with Place() as place:
        note = place.script("note", 'echo "begin $$" >> HERE/log; cat >> HERE/events; sleep 0.2; echo "end $$" >> HERE/log')
        with Camd("--on-event", f"camera_found,camera_lost: {note}", "--hook-limit", "1") as camd:
            camd.started()
            churn(camd, 5)
            until(lambda: len(place.lines("log")) >= 8, "four runs")
            lines = place.lines("log")[:8]
            for begin, end in zip(lines[::2], lines[1::2]):
                equal((begin.split()[0], end.split()[0], begin.split()[1]), ("begin", "end", end.split()[1]))
            told = [json.loads(line)["timestamp"] for line in place.lines("events")]
            equal(told, sorted(told), "order")
            camd.ask("set_config", values={"hook_limit": 3})
            churn(camd, 60)
            until(lambda: len(place.lines("log")) >= 50, "more runs")
            at_once = most = 0
            for line in place.lines("log"):
                at_once += 1 if line.startswith("begin") else -1
                most = max(most, at_once)
            check(1 < most <= 3, f"{most} at once")
            camd.quit()


@test
def too_long():
    """A program that does not end gets SIGTERM, then SIGKILL, with what it has started; recordings and others go on."""
    with Place() as place:
        deaf = place.script("deaf", 'trap "echo asked >> HERE/words" TERM; echo $$ >> HERE/pids; sleep 1000 & echo $! >> HERE/pids; '
                                    'while :; do wait; done')
        with Camd("--on-event", f"recording_started: {deaf}", "--hook-timeout", "0.5") as camd:
            camd.ask("start_recording")
            until(lambda: len(place.lines("pids")) == 2, "its processes")
            pids = place.lines("pids")
            until(lambda: all(map(is_gone, pids)), "their end")
            equal(place.lines("words")[:1], ["asked"])
            until(lambda: "was ended by signal 9" in camd.log(), "the log")
            check("has not ended within hook_timeout" in camd.log(), camd.log())
            camd.ask("ping")
            camd.ask("stop_recording")
            camd.quit()


@test
def hanging_at_the_end():
    """It holds up the end for a bounded time, and is gone then."""
    with Place() as place:
        deaf = place.script("deaf", 'trap "" TERM; echo $$ > HERE/pid; sleep 1000 & while :; do wait; done')
        with Camd("--on-event", f"recording_started: {deaf}", "--hook-timeout", "1h") as camd:
            camd.ask("start_recording")
            until(lambda: place.text("pid"), "it runs")
            camd.quit()
            check(is_gone(place.text("pid").strip()), "the program is left")
            check("ended by signal 9" in camd.log(), camd.log())


@test
def failures():
    """Missing programs are told at the start, once; what fails or is killed stands in the log; nothing else changes."""
    with Place() as place:
        plain = place.path / "plain"
        plain.write_text("no program")
        broken = place.script("broken", "")
        pathlib.Path(broken).write_text("#!/nowhere/interpreter\n")
        fails = place.script("fails", "exit 7")
        dies = place.script("dies", "kill -9 $$")
        late = place.path / "late"
        hooks = []
        for program in (plain, "/nowhere/program", "no-such-program-in-path", place.path, broken, fails, dies, late):
            hooks += ["--on-event", f"camera_found,camera_lost:{program}"]
        with Camd("--greeting", *hooks) as camd:
            camd.started()
            warned = []
            while (message := camd.line())["status"] != "initialized":
                warned += [message["data"]["message"]] if message["status"] == "warning" else []
            equal([text for text in warned if "on_event" not in text], [])
            equal(len(warned), 5, warned)
            for name in (plain, "/nowhere/program", "no-such-program-in-path", place.path, late):
                check(any(str(name) in text for text in warned), name, "in", warned)
            late.write_text(f"#!/bin/sh\ntouch {place.path}/came\n")
            late.chmod(0o755)
            churn(camd, 2)
            until(lambda: "failed with status 7" in camd.log() and "dies was ended by signal 9" in camd.log(), "failures in the log")
            until(lambda: (place.path / "came").exists(), "the program that came later")
            until(lambda: "cannot run " + broken in camd.log(), "the one without interpreter")
            camd.quit()
            equal(camd.log().count("cannot run /nowhere/program"), 1, "complaints")


@test
def thousands():
    """More events than programs keep up with: bounded, counted, every run reaped; each event has its run or was dropped."""
    with Place() as place:
        slow = place.script("slow", 'echo x >> HERE/runs; exec sleep 0.05')
        with Camd("--on-event", f"camera_found,camera_lost: {slow}", "--on-event", f"camera_found,camera_lost: {slow} again") as camd:
            camd.started()
            camd.ask("subscribe", events=["*"])
            for k in range(1000):
                camd.send("set_camera", camera_id=0, enabled=k % 2 == 1)
            for k in range(1000):
                camd.reply()
            until(lambda: "runs of programs were dropped" in camd.log(), "the drops")
            camd.ask("ping")
            counted = lambda: sum(int(line.split("on_event: ")[1].split()[0]) for line in camd.log().splitlines() if "dropped, for" in line)
            warning = camd.event("warning")
            check("were dropped" in warning["message"], warning)
            events = lambda: sum(event["event"] in ("camera_found", "camera_lost") for event in camd.events)
            until(lambda: 2 * events() <= len(place.lines("runs")) + counted(), "a run or a drop for each event")
            children = ["ps", "--ppid", str(camd.process.pid), "-o", "stat="]
            until(lambda: "Z" not in subprocess.run(children, stdout=subprocess.PIPE, text=True, check=False).stdout, "all runs to be reaped")
            camd.quit()


@test
def much():
    """A large event to one that does not read, one that talks without end."""
    with Place() as place:
        chatter = place.script("chatter", 'yes talk | head -n 100000; printf no-newline; echo > HERE/chatted')
        size = place.script("size", 'wc -c > HERE/size')
        long = "x" * 3000
        with Camd("--on-event", f"camera_lost: {chatter}", "--on-event", f"camera_lost: {size}", "--on-event", "camera_lost: /bin/true",
                  "--on-event", "camera_lost: /bin/echo " + long) as camd:
            camd.started()
            camd.ask("set_camera", camera_id=0, enabled=False)
            until(lambda: place.text("chatted") and place.text("size"), "both")
            until(lambda: "says more, which is not logged" in camd.log(), "the bound")
            equal(camd.log().count("chatter: talk"), 100)
            check(int(place.text("size")) > 100, place.text("size"))
            camd.quit()


@test
def garbage():
    """What is no setting is refused with its name, and what would be right."""
    for text in ("", ":", "x", "warning", "warning:", "warning: ", "nonsense: /bin/true", "warning,: /bin/true", ",warning: /bin/true",
                 "warning nonsense: /bin/true", "warning: 'open", 'warning: /bin/true "open', "warning: ''", "pong: /bin/true",
                 "w" * 100 + ": /bin/true"):
        result = subprocess.run([CAMD, "--no-config", "--on-event", text], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, timeout=60)
        equal(result.returncode, 2, text)
        check("on_event" in result.stderr and len(result.stderr) < 1000, result.stderr)
    with Camd() as camd:
        equal(camd.fails("set_config", values={"on_event": ["warning"]})["argument"], "on_event")
        # who may change settings is not asked to run programs
        equal(camd.ask("set_config", values={"on_event": ["*: /bin/true"]})["restart_needed"], ["on_event"])
        camd.quit()


@test
def wires():
    """GPIO lines that can't be: refused where they are no lines, told once where they are not there (more: tests/kernel/presence.py)."""
    for text in ("", ":", "gpiochip0", "gpiochip0:", ":17", "x" * 300 + ":1"):
        result = subprocess.run([CAMD, "--no-config", "--gpio-trigger", text], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, timeout=60)
        equal(result.returncode, 2, text)
        check("gpio_trigger" in result.stderr and len(result.stderr) < 1000, result.stderr)
    with Camd("--gpio-trigger", "nowhere:17") as camd:
        camd.ask("wait", seconds=1.5)
        equal(camd.log().count("nowhere"), 1, camd.log())
        camd.quit()


main()
