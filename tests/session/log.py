#!/usr/bin/env python3
"""session.log: camd's lines and those of libraries in one form and in their order, a crash's last words, and its rotation."""
import ctypes
import os
import re
import resource
import signal
import struct
import subprocess
from pathlib import Path

from camd import SANITIZED, SMALL, Camd, Skip, check, equal, main, of_all_threads, test, until

FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d (error|warning|info|debug) +(\S+) +(\S.*)")


class Library:
    """What a library does that prints: it writes to camd's fd 2."""

    def __init__(self, camd):
        camd.started()      # by then fd 2 is what it is to be
        self.fd = os.open(f"/proc/{camd.process.pid}/fd/2", os.O_WRONLY)

    def say(self, text):
        os.write(self.fd, text.encode())

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        os.close(self.fd)


class Watch:
    """Names that leave a directory, by inotify."""
    MOVED_FROM, DELETE, NONBLOCK = 0x40, 0x200, os.O_NONBLOCK

    def __init__(self, directory):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(self.NONBLOCK)
        check(libc.inotify_add_watch(self.fd, os.fsencode(directory), self.MOVED_FROM | self.DELETE) >= 0, os.strerror(ctypes.get_errno()))

    def gone(self):
        names = []
        try:
            while data := os.read(self.fd, 65536):
                while data:
                    length, = struct.unpack_from("I", data, 12)
                    names.append(data[16:16 + length].rstrip(b"\0").decode())
                    data = data[16 + length:]
        except BlockingIOError:
            pass
        os.close(self.fd)
        check(names, "nothing was watched")
        return names


def parsed(text):
    """(level, thread, text) of each line, all of which must have the form."""
    check(text.endswith("\n") and "\x1b" not in text, "the log ends in mid-line or holds colours:", text[-200:])
    found = [FORM.fullmatch(line) for line in text.splitlines()]
    check(all(found), [line for line, match in zip(text.splitlines(), found) if not match])
    return [match.groups() for match in found]


def log_of(camd):
    return parsed(camd.log())


def own_line(camd):
    """Makes camd say something; what was printed before stands before it."""
    camd.ask("set_config", values={"log_level": "debug"})
    camd.send_raw(b"no json\n")
    equal(camd.reply()["status"], "error")


def files(camd):
    """session.log and the older ones, the oldest first."""
    session, = camd.sessions()
    paths = sorted(session.glob("session.log*"), key=lambda path: -int(path.suffix[1:]) if path.suffix != ".log" else 0)
    return paths


@test
def libraries():
    with Camd() as camd, Library(camd) as library:
        library.say("\x1b[1;31m[0:12:13.123456789] [4242] \x1b[1;31mERROR \x1b[37mV4L2 \x1b[34mdevice.cpp:12 \x1b[0mit hurts\n")
        library.say("a plain line\nin two ")
        library.say("pieces\n")
        library.say("[0:12:13.2] [4242]  INFO Camera manager.cpp:1 hello\n")
        camd.signal(signal.SIGTERM)
        camd.wait()
        lines = log_of(camd)
        at = lines.index(("error", "libcamera", "V4L2 device.cpp:12 it hurts"))
        equal(lines[at + 1:at + 4], [("warning", "stderr", "a plain line"), ("warning", "stderr", "in two pieces"),
                                     ("info", "libcamera", "Camera manager.cpp:1 hello")])
        check(any("ending" in text for _, _, text in lines[at + 4:]), "camd's line behind it:", lines)


@test
def ffmpeg_and_x264():
    with Camd("--log-level", "debug") as camd:
        camd.ask("start_recording")
        camd.ask("stop_recording")
        camd.quit()
        lines = log_of(camd)
        check(any("libx264" in text for _, _, text in lines), lines)
        check({"enc0", "out0", "camd"} <= {thread for _, thread, _ in lines}, {thread for _, thread, _ in lines})


@test
def libcamera_says_as_much_as_it_is_asked_to():
    if SANITIZED:
        raise Skip("libcamera is left out here")
    found = {}
    for flags in ([], ["--libcamera-log-level", "debug"], ["--libcamera-log-level=FATAL"]):
        with Camd(*flags, cameras=[]) as camd:
            camd.ask("wait", seconds=1)
            camd.quit()
            lines = log_of(camd)
            if any("no libcamera cameras" in text for _, _, text in lines):
                raise Skip("there is no libcamera")
            found[" ".join(flags)] = {level for level, thread, _ in lines if thread == "libcamera" and "cpp:" in _}
    check("debug" in found["--libcamera-log-level debug"], found)
    check(not found[""] & {"debug", "info"} and not found["--libcamera-log-level=FATAL"], found)


@test
def console_has_own_lines_only():
    with Camd("--console", "--libcamera-log-level", "DEBUG", stderr=subprocess.PIPE) as camd, Library(camd) as library:
        library.say("printed by a library\n")
        camd.ask("start_recording")
        camd.ask("stop_recording")
        camd.quit()
        console = parsed(camd.process.stderr.read().decode())
        camd.process.stderr.close()
        lines = log_of(camd)
        check(("warning", "stderr", "printed by a library") in lines, lines)
        check(console and all(line in lines for line in console), console)
        check(all(thread not in ("stderr",) and "cpp:" not in text for _, thread, text in console), console)
        check(any("recorded " in text for _, _, text in console), console)


def stopped(pid):
    stats = of_all_threads(pid, "stat")
    return stats and all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


@test
def last_words():
    """Of a library that takes camd with it: nobody has read them when it stops, and they lack an end."""
    for number in (signal.SIGABRT,) if SANITIZED else (signal.SIGABRT, signal.SIGSEGV):
        with Camd() as camd, Library(camd) as library:
            camd.started()
            camd.signal(signal.SIGSTOP)
            until(lambda: stopped(camd.process.pid), "all threads stopped")
            library.say("free(): invalid pointer\nlast \x1b[31mwords")
            camd.signal(number)
            camd.signal(signal.SIGCONT)
            camd.wait(status=-number)
            lines = log_of(camd)
            equal(lines[-3:-1], [("warning", "stderr", "free(): invalid pointer"), ("warning", "stderr", "last words")])
            equal(lines[-1], ("error", "camd", f"camd dies of signal {number} ({number.name})"))


def numbered(lines, what):
    return [int(match[1]) for match in (re.search(rf"\b{what} (\d+)\b", text) for _, _, text in lines) if match]


@test
def rotation_loses_nothing():
    with Camd("--log-max-size", "8k", "--log-keep", "1000", "--log-level", "debug") as camd, Library(camd) as library:
        session, = camd.sessions()
        watch = Watch(session)
        for n in range(1500):
            library.say(f"number {n} of a library that says it at some length\n")
            if n % 100 == 0:
                # a camera that has not been there: camd has something to say of its own
                camd.ask("set_camera", camera_id=0, enabled=n % 200 != 0)
        camd.quit()
        # it was never renamed away: there was a session.log at every moment
        check("session.log" not in watch.gone(), "moments without a session.log")
        paths = files(camd)
        check(len(paths) > 10, paths)
        check(all(path.stat().st_size <= 8000 for path in paths), [path.stat().st_size for path in paths])
        lines = [line for path in paths for line in parsed(path.read_text())]
        equal(numbered(lines, "number"), list(range(1500)), "lines of the library")
        check(any("ended" in text for _, _, text in lines[-3:]), lines[-3:])


@test
def a_flood_at_the_end():
    """What a library has said when camd is told to end is in the log, though it is more than is read at once."""
    with Camd() as camd, Library(camd) as library:
        camd.signal(signal.SIGSTOP)
        os.set_blocking(library.fd, False)
        said = 0
        while said < 5000:
            try:
                library.say(f"flood {said} of words, and more words\n")
            except BlockingIOError:
                break       # the pipe is smaller where few may be large
            said += 1
        camd.signal(signal.SIGTERM)
        camd.signal(signal.SIGCONT)
        camd.wait()
        check(said > 1000, said)
        equal(numbered(log_of(camd), "flood"), list(range(said)))


@test
def old_logs_go():
    with Camd() as camd, Library(camd) as library:
        for keep in (3, 1, 0):
            camd.ask("set_config", values={"log_max_size": 5000, "log_keep": keep})
            for n in range(400):
                library.say(f"line {n} that is there to fill the file\n")
            camd.ask("set_camera", camera_id=0, enabled=keep == 1)
            session, = camd.sessions()
            until(lambda: "line 399" in camd.log(), "the last line")
            equal(sorted(path.name for path in session.iterdir()),
                  ["session.log"] + [f"session.log.{n}" for n in range(1, keep + 1)], f"with log_keep {keep}")
        camd.ask("set_config", values={"log_max_size": 0})
        for n in range(400):
            library.say(f"more {n} than the limit was\n")
        camd.quit()
        session, = camd.sessions()
        equal(numbered(log_of(camd), "more"), list(range(400)))
        equal([path.name for path in session.iterdir()], ["session.log"])


@test
def unused_sessions_go_with_all_their_logs():
    with Camd("--log-max-size", "500", "--keep-session", "used") as camd, Library(camd) as library:
        for n in range(50):
            library.say(f"line {n} that is there to fill the file\n")
        camd.quit()
        equal(camd.sessions(), [])


@test
def a_disk_that_is_full():
    """What it doesn't take is counted, and nothing else comes of it."""
    with Camd() as camd, Library(camd) as library:
        session, = camd.sessions()
        path = session / "session.log"
        own = resource.prlimit(camd.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(camd.process.pid, resource.RLIMIT_FSIZE, (path.stat().st_size + 30, own[1]))
        for n in range(10):
            library.say(f"lost {n}\n")
        camd.ask("ping")
        until(lambda: not path.read_text().endswith("\n"), "half a line")
        camd.ask("set_camera", camera_id=0, enabled=False)
        resource.prlimit(camd.process.pid, resource.RLIMIT_FSIZE, own)
        library.say("it is well again\n")
        camd.quit()
        whole = [FORM.fullmatch(line) for line in path.read_text().splitlines()]
        texts = [match[3] for match in whole if match]
        equal(sum(not match for match in whole), 1, "one line of which a part got in")
        told, = [text for text in texts if "the disk did not take" in text]
        check(int(re.search(r"take (\d+) lines", told)[1]) >= 10, told)
        check("it is well again" in texts[texts.index(told):], texts)


main()
