#!/usr/bin/env python3
"""camctl at a terminal, looked at through tmux: keys, the picture in place, resizing, and a terminal that is as before at the end."""

import os
import pathlib
import re
import signal
import tempfile
import time

from camd import CAMCTL, CAMD, SANITIZED, SMALL, Skip, check, equal, main, test, until
from mp4 import is_finished
from tmux import Terminal

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
        check(all(is_finished(path) for path in terminal.recordings()))


@test
def leaving_before_the_recording_has_ended():
    """It ends as camd does; that its end was not waited for is no failure."""
    if SANITIZED or "HANG" not in os.environ:
        raise Skip("HANG is not set, or a sanitizer must be loaded first")
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        hanging = pathlib.Path(place, "hanging")
        with Terminal(LD_PRELOAD=os.environ["HANG"], HANG_ON=".mp4", HANG_WHEN=hanging) as terminal:
            terminal.camctl()
            terminal.wait_for(PICTURE)
            terminal.keys("r")
            terminal.wait_for(r"^camera 0  REC  00:00:0[1-9] ")
            hanging.touch()
            terminal.keys("r")
            terminal.wait_for("stopping the recording")
            terminal.keys("q")
            terminal.wait_for("finishing the files")
            hanging.unlink()
            terminal.ended()
            check(is_finished(terminal.recordings()[0]))


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
            terminal.wait_for("REC  00:00:0[1-9]")
            terminal.keys(key)
            terminal.ended()
            check(is_finished(terminal.recordings()[0]))


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
        check(is_finished(terminal.recordings()[0]))


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
        terminal.wait_for(r"^camera 0  REC  00:00:0[01] .*\n^recording \[.*\] +\d+ %.*$")
        screen = terminal.ended()
        check(re.search(r"^camera 0  /.*\n(.*\n)? +\d+ frames, 2.0\d\d s, ", screen, re.M), screen)
        check("recording [" not in screen and "REC" not in screen, screen)


main()
