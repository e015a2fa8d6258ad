#!/usr/bin/env python3
"""camctl at a terminal, looked at through tmux: keys, the picture in place, resizing, and a terminal that is as before at the end."""

import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

from camd import CAMCTL, CAMD, Failure, SMALL, Skip, check, equal, is_finalised, main, test, until


class Terminal:
    """A shell in a terminal of its own, which sees what a person would."""

    def __init__(self, columns=100, rows=24, **environment):
        if not shutil.which("tmux"):
            raise Skip("tmux is not installed")
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="camctl-terminal-"))
        self.prompts = 0
        settings = dict(CAMCTL_CAMD=CAMD, PS1="$ ", LC_ALL="C.UTF-8", **environment)
        shell = ["env", *(f"{name}={value}" for name, value in settings.items()), "bash", "--norc", "--noprofile"]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(self.path), shlex.join(shell))
        self.wait_for(r"^\$")
        self.shell("stty -a > before")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", str(self.path / "socket"), *arguments], check=True, capture_output=True, text=True).stdout

    def screen(self, *flags):
        return self.tmux("capture-pane", "-p", *flags).rstrip("\n")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def wait_for(self, pattern, timeout=30):
        """The screen, once it has that."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            screen = self.screen()
            if re.search(pattern, screen, re.M):
                return screen
            time.sleep(0.05)
        raise Failure(f"{pattern!r} never came; the screen shows\n{screen}")

    def gone(self, pattern):
        until(lambda: not re.search(pattern, self.screen(), re.M), f"{pattern!r} to go")

    def shell(self, command):
        """Runs a command in the shell and waits for its end."""
        self.prompts += 1
        mark = f"done{self.prompts}"
        self.keys("-l", f"{command}; echo {mark[:4]}''{mark[4:]}")
        self.keys("Enter")
        self.wait_for(f"^{mark}$")

    def camctl(self, *flags, cameras=(SMALL,)):
        command = [CAMCTL, *flags, *(word for camera in cameras for word in ("--camera", camera))]
        self.keys("-l", "clear; " + shlex.join(command) + "; echo status=$?; stty -a | cmp - before && echo as-before")
        self.keys("Enter")

    def ended(self, status=0):
        """camctl has ended with that status and left the terminal as it was."""
        screen = self.wait_for(r"^(as-before|.* differ: .*)$")
        check("as-before" in screen and f"status={status}\n" in screen, "the end:", screen)
        check("q quit" not in screen, "the picture is still there:", screen)
        return screen

    def pids(self, program):
        """Of that program's processes that run in this terminal's directory."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "cwd") == str(self.path) and os.path.samefile(process / "exe", program):
                    found.append(int(process.name))
            except OSError:
                pass
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", str(self.path / "socket"), "kill-server"], capture_output=True)
        until(lambda: not self.pids(CAMD) and not self.pids(CAMCTL), "camd's end after the terminal's")
        shutil.rmtree(self.path, ignore_errors=True)

    def recordings(self):
        return list(self.path.glob("recordings/*/*.mp4"))


PICTURE = r"^camera 0 .* running .*\n(camera 1 .*\n)?r record or stop   s snapshot   q quit$"


@test
def keys_and_picture():
    with Terminal() as terminal:
        terminal.camctl(cameras=(SMALL, "synthetic:320x240@30"))
        screen = terminal.wait_for(r"camera 1 .* running .* fps .* 320x240.*\n^r record")
        equal(len(re.findall("^camera [01]  ", screen, re.M)), 2, "lines of cameras")
        terminal.keys("r")
        terminal.wait_for(r"^camera 0  REC  00:00:0[1-9] .* frames  lost 0 ")
        terminal.wait_for(r"records to recordings/session_")
        terminal.keys("s")
        terminal.wait_for(r"snapshot: recordings/")
        terminal.keys("r")
        terminal.wait_for(PICTURE)
        terminal.wait_for(r"recorded recordings/")
        terminal.keys("q")
        terminal.ended()
        equal(len(terminal.recordings()), 2)
        check(all(is_finalised(path) for path in terminal.recordings()))


@test
def only_the_keys_are_obeyed():
    with Terminal() as terminal:
        terminal.camctl()
        terminal.wait_for(PICTURE)
        terminal.keys("x", "Up", "F5", "Enter", "M-r")
        time.sleep(1)
        terminal.wait_for(PICTURE)
        check(not terminal.recordings(), "something was recorded")
        terminal.keys("C-d")
        terminal.ended()


@test
def narrow_and_resized():
    with Terminal(columns=120, rows=12) as terminal:
        terminal.camctl(cameras=[SMALL] * 3)
        terminal.wait_for(r"^camera 2 .*160x120")
        for columns, rows in ((40, 12), (20, 6), (100, 2), (120, 12)):
            terminal.tmux("resize-window", "-x", str(columns), "-y", str(rows))
            time.sleep(1)
            screen = terminal.screen()
            check(max(map(len, screen.split("\n"))) <= columns, screen)
            check(len(re.findall("^camera 0  ", screen, re.M)) <= 1, f"remains at {columns}x{rows}:", screen)
        screen = terminal.wait_for(r"^camera 2 .*160x120.*\nr record")
        equal(len(re.findall("^camera [012]  ", screen, re.M)), 3, f"lines of cameras\n{screen}\n")
        terminal.keys("q")
        terminal.ended()


@test
def interrupted():
    for key in ("C-c", "C-\\"):
        with Terminal() as terminal:
            terminal.camctl()
            terminal.wait_for(PICTURE)
            terminal.keys("r")
            terminal.wait_for("REC")
            terminal.keys(key)
            terminal.ended()
            check(is_finalised(terminal.recordings()[0]))


@test
def stopped_and_continued():
    with Terminal() as terminal:
        terminal.camctl()
        terminal.wait_for(PICTURE)
        terminal.keys("r")
        terminal.wait_for("REC  00:00:0[1-9]")
        terminal.keys("C-z")
        terminal.wait_for("Stopped")
        terminal.wait_for("as-before")
        check("q quit" not in terminal.screen(), terminal.screen())
        terminal.shell("clear")
        size = terminal.recordings()[0].stat().st_size
        until(lambda: terminal.recordings()[0].stat().st_size > size, "the recording to go on")
        terminal.keys("fg", "Enter")
        terminal.wait_for("REC  00:00:0[2-9]")
        terminal.keys("q")
        terminal.gone("q quit")
        terminal.shell("echo status=$?; stty -a | cmp - before && echo as-before")
        terminal.ended()


@test
def killed_from_elsewhere():
    for number, status in ((signal.SIGTERM, 0), (signal.SIGABRT, 134), (signal.SIGSEGV, 139)):
        with Terminal() as terminal:
            terminal.camctl()
            terminal.wait_for(PICTURE)
            pid, = terminal.pids(CAMCTL)
            os.kill(pid, number)
            if status == 0:
                terminal.ended()
                continue
            screen = terminal.wait_for("^(as-before|.* differ: .*)$")
            check("as-before" in screen and f"status={status}" in screen, screen)
            until(lambda: not terminal.pids(CAMD), "the end of camd")


@test
def the_terminal_goes_away():
    with Terminal() as terminal:
        terminal.camctl()
        terminal.wait_for(PICTURE)
        terminal.keys("r")
        terminal.wait_for("REC")
        terminal.tmux("kill-server")
        until(lambda: not terminal.pids(CAMD) and not terminal.pids(CAMCTL), "the end of both")
        check(is_finalised(terminal.recordings()[0]))


@test
def camd_dies_or_hangs():
    with Terminal() as terminal:
        terminal.camctl()
        terminal.wait_for(PICTURE)
        camd, = terminal.pids(CAMD)
        os.kill(camd, signal.SIGSTOP)
        terminal.wait_for(r"camd has been silent for \d+ s")
        os.kill(camd, signal.SIGCONT)
        terminal.wait_for(PICTURE)
        os.kill(camd, signal.SIGKILL)
        check("camd was ended by KILL" in terminal.ended(status=3), terminal.screen())


@test
def colours_unless_unwanted():
    for setting, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with Terminal(**setting) as terminal:
            terminal.camctl()
            terminal.wait_for(PICTURE)
            equal("\033[" in terminal.screen("-e"), coloured, f"colours with {setting}")
            terminal.keys("q")
            terminal.ended()
    with Terminal(TERM="dumb") as terminal:
        terminal.camctl()
        terminal.wait_for("ready: 1 camera")
        terminal.keys("q", "Enter")
        terminal.ended()


@test
def record_shows_its_progress():
    with Terminal() as terminal:
        terminal.camctl("record", "--seconds", "2")
        terminal.wait_for(r"^camera 0  REC  00:00:0[01] .*\n^recording for 2.000 s, or until Ctrl-C$")
        screen = terminal.ended()
        check(re.search(r"^camera 0  /.*\n(.*\n)? +\d+ frames, 2.0\d\d s, ", screen, re.M), screen)
        check("recording for" not in screen and "REC" not in screen, screen)


main()
