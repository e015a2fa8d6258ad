#!/usr/bin/env python3
"""new_session: what was recorded before stays as it is, what comes goes into the new folder, and nothing else may be made of a label."""

import fcntl
import os
import pathlib
import re
import tempfile

from camd import Camd, check, check_stopped, equal, main, test, until


def is_locked(folder):
    """Whether a camd uses the folder."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


@test
def moves():
    with Camd() as camd:
        first = camd.ask("start_recording")
        camd.ask("wait", seconds=0.3)
        stopped = camd.ask("stop_recording")
        new = camd.ask("new_session", label="mouse-12_Übung")
        check(re.fullmatch(r"session_\d{8}_\d{6}_mouse-12_Übung", new["session"]), new)
        path, old = pathlib.Path(new["path"]), pathlib.Path(first["files"][0]).parent
        equal((path.parent, path.name), (camd.output.resolve(), new["session"]))
        check(is_locked(path) and not is_locked(old), "the new folder alone is in use")
        second = camd.ask("start_recording")
        equal((second["session"], camd.ask("get_status")["session"]), (new["session"], new["session"]))
        picture, = camd.ask("take_snapshot")["files"]
        camd.ask("wait", seconds=0.3)
        later = camd.ask("stop_recording")
        for file in (*later["files"], picture):
            equal(pathlib.Path(file).parent, path)
        for camera in (*stopped["cameras"], *later["cameras"]):
            check_stopped(camera)
        camd.send("nonsense_that_is_logged")
        camd.reply()
        before, after = (old / "session.log").read_text(), (path / "session.log").read_text()
        check(stopped["files"][0] in before and stopped["files"][0] not in after, "the old log")
        check("nonsense_that_is_logged" in after and later["files"][0] in after and old.name in after, "the new log")
        camd.quit()
        check("ended" in (path / "session.log").read_text(), "the log to the end")


@test
def libraries_follow():
    """Whatever a library prints on descriptors 1 and 2 is in the new log; the old one is closed."""
    with Camd() as camd:
        camd.started()
        path = camd.ask("new_session")["path"]
        for fd in (1, 2):
            with open(f"/proc/{camd.process.pid}/fd/{fd}", "w") as printed:
                printed.write(f"a library on {fd}\n")
        until(lambda: all(f"a library on {fd}" in open(f"{path}/session.log").read() for fd in (1, 2)), "its words")
        links = [os.readlink(f"/proc/{camd.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{camd.process.pid}/fd")]
        equal({link for link in links if link.endswith("session.log")}, {f"{path}/session.log"})
        camd.quit()


@test
def refused_while_it_records():
    with Camd() as camd:
        session = camd.ask("start_recording")["session"]
        error = camd.fails("new_session", "busy")
        check("stop_recording" in error["message"], error)
        equal((camd.ask("get_status")["session"], len(camd.sessions())), (session, 1))
        camd.ask("stop_recording")
        camd.send("take_snapshot")
        camd.send("new_session", id=1)
        replies = [camd.reply() for _ in range(2)]
        equal(sorted(reply["status"] for reply in replies), ["error", "snapshot_taken"])
        equal(next(r for r in replies if r["status"] == "error")["data"]["code"], "busy")
        camd.ask("new_session")
        camd.quit()


@test
def labels():
    with Camd() as camd:
        for bad in ("", ".", "..", "a.b", "../x", "a/b", "/", "a b", "a\nb", "a\tb", "a\u0085b", "a\u00a0b", "a\u202eb", "a\u2028b", "a\\b",
                    "a:b", "a*", "~", "$HOME", "'", "a\x7fb", "x" * 65, "ü" * 33, 5, None, ["x"]):
            error = camd.fails("new_session", "bad_argument", label=bad)
            equal(error["argument"], "label", f"label {bad!r}")
        equal(len(camd.sessions()), 1)
        for good in ("x", "-", "_", "ä", "鼠12", "x" * 64):
            check(camd.ask("new_session", label=good)["session"].endswith("_" + good), good)
        one, two = (camd.ask("new_session", label="twin")["session"] for _ in range(2))
        check(one != two, "two of one second")
        equal(len(camd.sessions()), 9)
        camd.quit()


@test
def unused_ones_go():
    with Camd("--keep-session", "used") as camd:
        camd.ask("take_snapshot")
        used, = camd.sessions()
        for _ in range(3):
            camd.ask("new_session")
        equal(len(camd.sessions()), 2, "the used one, and the one in use")
        camd.quit()
        equal(camd.sessions(), [used])
    with tempfile.TemporaryDirectory() as scratch, Camd("--keep-session", "used", output=f"{scratch}/made") as camd:
        camd.ask("new_session")
        camd.quit()
        equal(os.listdir(scratch), [], "what is left of a directory that was made for nothing")


@test
def output_directory_is_no_directory():
    """The session stays where it is, and says why."""
    with tempfile.TemporaryDirectory() as scratch, Camd(output=f"{scratch}/out") as camd:
        camd.started()
        session, = camd.sessions()
        camd.output.rename(f"{scratch}/elsewhere")
        camd.output.write_text("a file")
        error = camd.fails("new_session", "not_found")
        check(f"{scratch}/out" in error["message"], error)
        equal(camd.ask("get_status")["session"], session.name)
        camd.output.unlink()
        pathlib.Path(f"{scratch}/elsewhere").rename(camd.output)
        video, = camd.ask("start_recording")["files"]
        equal(pathlib.Path(video).parent, session, "recordings go on in the old folder")
        camd.quit()


if __name__ == "__main__":
    main()
