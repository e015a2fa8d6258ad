#!/usr/bin/env python3
"""How camd ends, and what its descriptors may be: signals, dead readers, full pipes, terminals, nothing at all."""

import fcntl
import os
import pathlib
import pty
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import time

from camd import CAMD, SANITIZED, Camd, SMALL, check, check_stopped, check_video, equal, main, read_lines, test, until
from mp4 import is_finished

RECORD = b'{"command":"start_recording"}\n'


def recordings(camd):
    return sorted(camd.output.glob("*/*.mp4"))


def check_complete(camd, n=1, at_least=5, whole=False):
    """There are n videos, finished, as their tables say; whole: and no frame was lost, where the processor is fast enough."""
    videos = recordings(camd)
    equal(len(videos), n, "videos")
    for video in videos:
        check(is_finished(video), f"{video} is not finished")
        rows = check_video(video)
        check(len(rows) >= at_least, f"{video} is too short")
        check(not whole or SANITIZED or rows[-1]["frame_number"] == len(rows), f"{video}: {rows[-1]}")


def frames(camd, n):
    """Waits for so many frames in the file; for those who can't be asked."""
    def there():
        tables = list(camd.output.glob("*/*.csv"))
        return tables and all(table.read_bytes().count(b"\n") > n for table in tables)
    until(there, f"{n} frames")


@test
def sigterm_and_sigint():
    for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")):
        with Camd("--greeting", cameras=[SMALL, SMALL]) as camd:
            while camd.reply()["status"] != "initialized":
                pass
            camd.ask("start_recording")
            camd.send("wait", seconds=3600)
            camd.send("ping")
            frames(camd, 8)
            camd.signal(number)
            camd.wait(timeout=10)
            lines = camd.rest()
            equal([(line["status"], line["data"].get("code")) for line in lines],
                  [("error", "cancelled"), ("error", "cancelled"), ("shutdown", None)])
            equal(lines[-1]["data"]["signal"], name)
            check_complete(camd, 2)


@test
def echo_of_a_signal():
    """A terminal and a wrapper may both pass one Ctrl-C on: the second one hurries nothing."""
    with Camd() as camd:
        camd.ask("start_recording")
        frames(camd, 8)
        camd.signal(signal.SIGTERM)
        camd.signal(signal.SIGINT)
        camd.signal(signal.SIGTERM)
        camd.wait(timeout=5)
        check_complete(camd, 1)


@test
def signal_after_quit():
    with Camd() as camd:
        camd.ask("start_recording")
        frames(camd, 8)
        camd.send("quit")
        equal(camd.reply()["status"], "quitting")
        camd.signal(signal.SIGTERM)
        camd.wait(timeout=5)
        check_complete(camd, 1)


@test
def sighup_is_ignored():
    with Camd() as camd:
        camd.ask("start_recording")
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGTTIN, signal.SIGTTOU, signal.SIGXFSZ):
            camd.signal(number)
            camd.ask("ping")
        equal(camd.ask("get_status")["recording"], True)
        frames(camd, 10)
        camd.quit()
        check_complete(camd, at_least=10, whole=True)


@test
def greeting():
    with Camd("--slave", cameras=[SMALL, SMALL]) as camd:
        first, second = camd.reply(), camd.reply()
        equal((first["status"], first["data"]), ("initializing", {"device": "cameras"}))
        equal((second["status"], second["data"]["cameras"], second["data"]["protocol"]), ("initialized", 2, 1))
        equal(second["data"]["session"], camd.sessions()[0].name)
        check(second["data"]["encoders"], "encoders")
        camd.ask("ping")
        camd.send("quit")
        camd.wait()
        last = camd.rest()
        equal([line["status"] for line in last], ["quitting", "shutdown"])
        equal(last[1]["data"], {"signal": None})


@test
def end_of_input_while_recording():
    with Camd() as camd:
        camd.ask("start_recording")
        frames(camd, 8)
        camd.close_stdin()
        camd.wait(timeout=10)
        check_complete(camd)


@test
def dead_reader():
    """Nobody reads any more, which shows without a word having to be written."""
    for tail in (b"", b'{"command":"wait","seconds":3600}\n', b'{"command":"toggle_preview"}\n'):
        with Camd(reads=False, bufsize=0) as camd:
            camd.send_raw(RECORD + tail)
            frames(camd, 8)
            camd.process.stdout.close()
            camd.wait(timeout=10)
            check_complete(camd)


@test
def dead_reader_at_end_of_input():
    """What is waiting is cut short, too, when nobody wants to know."""
    with Camd(reads=False) as camd:
        camd.send_raw(RECORD + b'{"command":"wait","seconds":3600}\n')
        frames(camd, 8)
        camd.close_stdin()
        time.sleep(0.3)
        check(camd.process.poll() is None, "it waits")
        camd.process.stdout.close()
        camd.wait(timeout=10)
        check_complete(camd)


@test
def full_stdout():
    """A reader that never reads holds up neither the recording nor the end."""
    with Camd(cameras=["synthetic:640x480@30"], reads=False) as camd:
        camd.send_raw(b'{"command":"toggle_preview"}\n' + RECORD + b'{"command":"describe"}\n' * 50)
        frames(camd, 60)
        camd.send_raw(b'{"command":"quit"}\n')
        began = time.monotonic()
        camd.wait(timeout=10)
        check(time.monotonic() - began < 5, "it took its time")
        check_complete(camd, at_least=60, whole=True)
    with Camd(reads=False) as camd:
        camd.send_raw(RECORD + b'{"command":"describe"}\n' * 50)
        frames(camd, 8)
        camd.signal(signal.SIGTERM)
        camd.wait(timeout=10)
        check_complete(camd)


@test
def closed_descriptors():
    directory, seen = tempfile.mkdtemp(prefix="camd-test-"), set()
    try:
        shell = f"exec '{CAMD}' --camera {SMALL} --output-dir '{directory}'"
        lines = b'{"command":"start_recording"}\n{"command":"wait","seconds":0.5}\n'
        for redirection in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-", "</dev/null", "</dev/null >/dev/null 2>/dev/null",
                            ">/dev/null", "<" + directory, ">&- 2>&-"):
            result = subprocess.run(["sh", "-c", f"{shell} {redirection}"], input=lines, stdout=subprocess.PIPE, timeout=20)
            equal(result.returncode, 0, f"exit status with {redirection}")
            reads, writes = "<" not in redirection, ">&-" not in redirection.replace("2>&-", "") and ">/dev" not in redirection
            videos = {str(video) for video in pathlib.Path(directory).glob("*/*.mp4")} - seen
            seen |= videos
            equal(len(videos), int(reads), f"recordings with {redirection}")
            for video in videos:
                check(is_finished(video) and check_video(video), f"a recording with {redirection}")
            if reads and writes:
                equal([line["status"] for line in read_lines(result.stdout)], ["recording_started", "waited"], redirection)
    finally:
        shutil.rmtree(directory)


@test
def stdout_is_a_file():
    with tempfile.TemporaryFile() as requests, tempfile.TemporaryFile() as replies:
        requests.write(RECORD + b'{"command":"wait","seconds":0.5}\n{"command":"stop_recording"}\n' +
                       b'{"command":"describe"}\n' * 20)
        requests.seek(0)
        with Camd(stdin=requests, stdout=replies) as camd:
            camd.wait()
            replies.seek(0)
            lines = read_lines(replies.read())
            equal([line["status"] for line in lines], ["recording_started", "waited", "recording_stopped"] + ["description"] * 20)
            check_stopped(lines[2]["data"]["cameras"][0])


@test
def socketpair():
    ours, theirs = socket.socketpair()
    with Camd(stdin=theirs, stdout=theirs) as camd:
        theirs.close()
        stream = ours.makefile("rb")
        ours.sendall(RECORD + b'{"command":"wait","seconds":0.5}\n' + b'{"command":"describe"}\n' * 30)
        lines = read_lines(b"".join(stream.readline() for _ in range(32)))
        equal([line["status"] for line in lines], ["recording_started", "waited"] + ["description"] * 30)
        ours.shutdown(socket.SHUT_RDWR)
        stream.close()
        ours.close()
        camd.wait(timeout=10)
        check_complete(camd)


@test
def blocking_stays_blocking():
    """Whoever shares a pipe or a terminal with camd never finds it made non-blocking."""
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    master, slave = pty.openpty()
    for stdin, stdout in ((in_read, out_write), (slave, slave)):
        with Camd(stdin=stdin, stdout=stdout) as camd:
            os.write(in_write if stdin == in_read else master, b'{"command":"ping"}\n{"command":"describe"}\n')
            answer = out_read if stdout == out_write else master
            until(lambda: b'"description"' in os.read(answer, 65536), "the reply")
            for fd in (stdin, stdout):
                check(not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK, f"descriptor {fd} became non-blocking")
            camd.signal(signal.SIGTERM)
            camd.wait()
            for fd in (stdin, stdout):
                check(not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK, f"descriptor {fd} is left non-blocking")
    for fd in (in_read, in_write, out_read, out_write, master, slave):
        os.close(fd)


class Terminal:
    """A pseudo terminal that is the controlling one of a process group leader, and camd a job on it."""

    def __init__(self, *flags, foreground):
        self.directory = tempfile.mkdtemp(prefix="camd-test-")
        self.master, slave = pty.openpty()
        settings = termios.tcgetattr(slave)
        settings[1] &= ~termios.OPOST
        settings[3] = settings[3] & ~(termios.ECHO | termios.ICANON) | termios.TOSTOP
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        tell, told = os.pipe()
        self.leader = os.fork()
        if not self.leader:
            self._lead(slave, told, flags, foreground)
        os.close(slave)
        os.close(told)
        self.pid = int(os.read(tell, 20))
        os.close(tell)

    def _lead(self, slave, told, flags, foreground):
        """The child: what a shell does for a job. Leaves with the job's exit status."""
        try:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            go, start = os.pipe()
            job = os.fork()
            if not job:
                os.setpgid(0, 0)
                os.read(go, 1)
                for number in (signal.SIGTTOU, signal.SIGHUP):
                    signal.signal(number, signal.SIG_DFL)
                for fd in (0, 1, 2):
                    os.dup2(slave, fd)
                os.closerange(3, 256)
                os.execv(CAMD, [CAMD, "--camera", SMALL, "--output-dir", self.directory, *flags])
            os.setpgid(job, job)
            if foreground:
                os.tcsetpgrp(slave, job)
            os.close(slave)
            os.close(self.master)
            os.write(start, b".")
            os.write(told, str(job).encode())
            os.close(told)
            status = os.waitpid(job, os.WUNTRACED)[1]
            if os.WIFSTOPPED(status):
                os.kill(job, signal.SIGKILL)
                os._exit(100)
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)
        finally:
            os._exit(101)

    def rows(self):
        return sum(table.read_bytes().count(b"\n") for table in pathlib.Path(self.directory).glob("*/*.csv"))

    def hang_up(self):
        os.close(self.master)
        self.master = None

    def wait(self, timeout=15):
        """Its exit status; 100 if it was stopped by the terminal."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            pid, status = os.waitpid(self.leader, os.WNOHANG)
            if pid:
                self.leader = None
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.leader:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.leader, 0)
        if self.master:
            os.close(self.master)
        shutil.rmtree(self.directory)


@test
def background_of_a_terminal():
    """Reading a terminal from the background doesn't stop camd: it is the end of input. Writing goes through."""
    with Terminal("--greeting", foreground=False) as terminal:
        until(lambda: b'"initialized"' in os.read(terminal.master, 65536), "the greeting")
        os.write(terminal.master, b"for the foreground\n")
        equal(terminal.wait(), 0, "exit status")
    with Terminal("--mode", "headless", "--greeting", foreground=False) as terminal:
        until(lambda: terminal.rows() > 8, "frames")
        os.kill(terminal.pid, signal.SIGTERM)
        equal(terminal.wait(), 0, "exit status")
        said = os.read(terminal.master, 65536)
        check(b'"initialized"' in said and b'"shutdown"' in said, said)


@test
def hang_up_of_a_terminal():
    with Terminal(foreground=True) as terminal:
        os.write(terminal.master, RECORD)
        until(lambda: terminal.rows() > 8, "frames")
        check(b"recording_started" in os.read(terminal.master, 65536), "the reply")
        terminal.hang_up()
        equal(terminal.wait(), 0, "exit status")
        video, = pathlib.Path(terminal.directory).glob("*/*.mp4")
        check(is_finished(video), "the video is finished")


@test
def headless_outlives_its_terminal():
    with Terminal("--mode", "headless", foreground=False) as terminal:
        until(lambda: terminal.rows() > 4, "frames")
        terminal.hang_up()
        rows = terminal.rows()
        until(lambda: terminal.rows() > rows + 15, "frames after the hang-up")
        os.kill(terminal.pid, signal.SIGTERM)
        equal(terminal.wait(), 0, "exit status")


@test
def headless_ignores_stdin():
    with Camd("--mode", "headless", "--greeting") as camd:
        camd.send_raw(b'{"command":"quit"}\n')
        camd.close_stdin()
        frames(camd, 20)
        check(camd.process.poll() is None, "it goes on")
        camd.signal(signal.SIGINT)
        camd.wait()
        equal([line["status"] for line in camd.rest()], ["initializing", "initialized", "shutdown"])
        check_complete(camd, at_least=20)


@test
def bad_flags():
    for flags, words in ((["--nonsense"], "nonsense"), (["--target-fp", "3"], "target_fps"), (["--target-fps", "0"], "target_fps"),
                         (["--resolution", "9"], "resolution"), (["--config", "/nonexistent/file"], "/nonexistent/file"),
                         (["--target-fps"], "target"), (["word"], "word"), (["--container", "avi"], "mp4")):
        with tempfile.TemporaryDirectory() as directory:
            result = subprocess.run([CAMD, "--output-dir", directory + "/x", *flags], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)
            equal(result.returncode, 2, f"exit status with {flags}")
            equal(result.stdout, b"")
            check(words in result.stderr.decode(), f"{flags}: {result.stderr}")
            check(not os.path.exists(directory + "/x"), "nothing was made")
    result = subprocess.run([CAMD, "--help"], stdout=subprocess.PIPE, timeout=10)
    check(result.returncode == 0 and b"--target-fps" in result.stdout, "--help")
    result = subprocess.run([CAMD, "--version"], stdout=subprocess.PIPE, timeout=10)
    check(result.returncode == 0 and result.stdout.startswith(b"camd "), "--version")


if __name__ == "__main__":
    main()
