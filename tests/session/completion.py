#!/usr/bin/env python3
"""Completion in bash and zsh: what a user gets by Tab, from the very files that are installed."""
import os
import pathlib
import pty
import select
import shutil
import subprocess
import tempfile
import time

from camd import ROOT, Skip, check, equal, main, test

BASH = ROOT / "docs/completion/camctl.bash"
ZSH = ROOT / "docs/completion"


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")


def bash(*words, where="."):
    """What bash would offer for the last word; words as bash takes them apart."""
    script = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _camctl "$1" "${COMP_WORDS[COMP_CWORD]}" x; printf "%s\\n" "${COMPREPLY[@]}"'
    result = subprocess.run(["bash", "--norc", "-c", script, str(BASH), *words], capture_output=True, text=True, cwd=where, timeout=30)
    equal(result.stderr, "")
    return sorted(result.stdout.split())


class Zsh:
    """An interactive one at a terminal, with nothing of the user's."""

    def __init__(self, where):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(where)
            os.environ.update({"TERM": "dumb", "PS1": "", "ZDOTDIR": str(where)})
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.out = pathlib.Path(where) / ".line"
        os.write(self.fd, f"fpath=({ZSH} $fpath); autoload -U compinit; compinit -u -D; LISTMAX=0; "
                 f"show() {{ print -r -- $BUFFER >{self.out}; BUFFER= }}; zle -N show; bindkey '^T' show\n".encode())

    def complete(self, line):
        """The line as Tab leaves it."""
        self.out.unlink(missing_ok=True)
        os.write(self.fd, line.encode() + b"\t\x14")
        end = time.monotonic() + 30
        while not (self.out.exists() and self.out.read_text().endswith("\n")):
            check(time.monotonic() < end, "zsh does not answer")
            if select.select([self.fd], [], [], 0.02)[0]:
                os.read(self.fd, 65536)
        return self.out.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@test
def bash_knows_subcommands_and_flags():
    need("bash")
    equal(bash("camctl", "rec"), ["record"])
    equal(bash("/usr/bin/camctl", "start_"), ["start_recording"])
    equal(bash("camctl", "--camera", "synthetic", "snap"), [])
    equal(bash("camctl", "--camera", "synthetic", "take"), ["take_snapshot"])
    check({"list_cameras", "report", "help", "remux"} <= set(bash("camctl", "")), bash("camctl", ""))
    equal(bash("camctl", "record", "--sec"), ["--seconds"])
    equal(bash("camctl", "--sec"), [])
    equal(bash("camctl", "record", "--targ"), ["--target-fps"])
    equal(bash("camd", "--sl"), ["--slave"])
    equal(bash("camd", "--no-con"), ["--no-config", "--no-console", "--no-console-output"])
    equal(bash("camd", "rec"), [])


@test
def bash_knows_values():
    need("bash")
    equal(bash("camd", "--mode", ""), ["headless", "interactive", "slave"])
    equal(bash("camd", "--encoder", "=", "so"), ["software"])
    equal(bash("camd", "--encoder", "="), ["auto", "m2m", "software"])
    equal(bash("camd", "--camera", "syn"), ["synthetic"])
    equal(bash("camd", "--bitrate", ""), [])
    check("1456x1088" in bash("camctl", "--resolution", ""), "presets")
    equal(bash("camctl", "help", "rem"), ["remux"])
    equal(bash("camctl", "subscribe", "camera_l"), ["camera_lost"])
    equal(bash("camctl", "get_config", "bitr"), ["bitrate"])
    equal(bash("camctl", "set_config", "bitr"), ["bitrate="])
    # a word that is a flag's value is no sub-command
    equal(bash("camctl", "--session-prefix", "record", "--sec"), [])


@test
def bash_knows_files():
    need("bash")
    with tempfile.TemporaryDirectory() as place:
        os.mkdir(f"{place}/a directory")
        open(f"{place}/a.h264", "w").close()
        equal(bash("camctl", "remux", "a.", where=place), ["a.h264"])
        equal(bash("camd", "--config", "a.h", where=place), ["a.h264"])
        equal(bash("camd", "--output-dir", "a", where=place), ["a", "directory"])
        equal(bash("camd", "--camera", "file", ":", "a.", where=place), ["a.h264"])
        equal(bash("camctl", "report", "--svg", "a.", where=place), ["a.h264"])


@test
def zsh_completes():
    need("zsh")
    with tempfile.TemporaryDirectory() as place:
        open(f"{place}/clip.mp4", "w").close()
        with Zsh(place) as zsh:
            for line, wanted in {
                "camctl rec": "camctl record", "camctl record --sec": "camctl record --seconds",
                "camctl --camera synthetic take_": "camctl --camera synthetic take_snapshot",
                "camd --mode sla": "camd --mode slave", "camd --encoder=so": "camd --encoder=software",
                "camctl help rem": "camctl help remux", "camctl subscribe camera_l": "camctl subscribe camera_lost",
                "camctl set_config bitr": "camctl set_config bitrate=", "camctl remux cl": "camctl remux clip.mp4",
                "camd --camera file:cl": "camd --camera file:clip.mp4", "camd --target-f": "camd --target-fps",
                "camd --camera syn": "camd --camera synthetic", "camd rec": "camd rec",
            }.items():
                equal(zsh.complete(line).rstrip(), wanted, line)


@test
def files_are_sound():
    need("bash")
    told = subprocess.run(["bash", "--norc", "-c", 'source "$0"; complete -p camctl camd', str(BASH)], capture_output=True, text=True)
    equal(told.stdout, "complete -F _camctl camctl\ncomplete -F _camctl camd\n")
    for path, shell in ((BASH, "bash"), (ZSH / "_camctl", "zsh")):
        if shutil.which(shell):
            equal(subprocess.run([shell, "-n", str(path)], capture_output=True, text=True).stderr, "")


main()
