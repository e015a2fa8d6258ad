"""A shell in a terminal of its own, through tmux, for tests of what camctl looks like in one."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import time

from camd import CAMCTL, CAMD, Failure, SMALL, Skip, check, until


class Terminal:
    """A shell in a terminal of its own, which sees what a person would."""

    def __init__(self, columns=100, rows=24, **environment):
        if not shutil.which("tmux"):
            raise Skip("tmux is not installed")
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="camctl-terminal-"))
        self.prompts = 0
        settings = {"CAMCTL_CAMD": CAMD, "PS1": "$ ", "LC_ALL": "C.UTF-8", "DISPLAY": "", "WAYLAND_DISPLAY": "", **environment}
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
        command = [CAMCTL, "--no-show-frame-number", *flags, *(word for camera in cameras for word in ("--camera", camera))]
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
