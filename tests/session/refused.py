#!/usr/bin/env python3
"""The kernel says no: system calls of a running camd fail, by strace's injection, one after the other, and what is asked of it
meanwhile is refused with the reason, by an event where it is a job's. Afterwards it does as ever.

Not under sanitizers, whose search for leaks needs to trace the process itself; but under valgrind.
"""

import contextlib
import fcntl
import glob
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from camd import CAMCTL, CAMD, Camd, Handed, SMALL, check, check_stopped, equal, main, probe, read_csv, test, until
from tracing import strace, traced


def failing(*injections, paths=()):
    """The beginning of a command line in which these calls fail: CALL:error=NAME[:when=N] each, on those files only, if there are some."""
    calls = ",".join(sorted({each.split(":")[0] for each in injections}))
    words = ["-o", "/dev/null", "-e", "trace=" + calls]
    for injection in injections:
        words += ["-e", "inject=" + injection]
    for path in paths:
        words += ["-P", path]
    return strace(*words)


def refusing(camd, *injections, paths=()):
    """A context in which calls of a camd that runs fail."""
    return traced(camd, failing(*injections, paths=paths))


def job_fails(camd, code, words, command, **arguments):
    """What is asked begins as a job, which ends with this error."""
    number = camd.ask(command, **arguments)["job"]
    done = camd.event("job_done", where=lambda data: data["job"] == number)
    check(not done["ok"], done)
    equal(done["code"], code, done)
    check(re.search(words, done["message"]), done)


def reply_fails(camd, code, words, command, **arguments):
    message = camd.fails(command, code, **arguments)["message"]
    check(re.search(words, message), message)


def shot_fails(camd, code, words, **arguments):
    """A snapshot of the one camera."""
    camd.send("take_snapshot", **arguments)
    reply = camd.reply()
    failed = reply["data"] if reply["status"] == "error" else reply["data"]["failed"][0]
    equal(failed["code"], code, failed)
    check(re.search(words, failed["message"]), failed)


@test
def snapshots():
    with Camd() as camd:
        camd.started()
        for injection, code, words in [("openat:error=EACCES", "permission_denied", "cannot write .*Permission denied"),
                                       ("fsync:error=EIO:when=1", "io_error", "cannot write .*Input/output error"),
                                       ("fsync:error=ENOSPC:when=2", "storage_full", "snapshots in .*No space")]:
            with refusing(camd, injection):
                shot_fails(camd, code, words)
            equal(glob.glob(f"{camd.output}/*/snapshot*"), [], "nothing half is left")
        files = camd.ask("take_snapshot")["files"]
        check(os.path.getsize(files[0]) > 500, files)
        camd.quit()
    with Camd("--frame-ring", "3") as camd:
        camd.ask("start_recording")
        camd.ask("wait", seconds=0.4)
        with refusing(camd, "openat:error=EROFS:when=2+"):
            shot_fails(camd, "storage_readonly", "cannot write .*Read-only", ring=3)
        camd.quit()


@test
def pictures_are_on_the_disk():
    """Those of a trigger too, when its job is done: each was synced, and their names."""
    with tempfile.TemporaryDirectory() as directory:
        notes = pathlib.Path(directory) / "notes"
        with Camd("--frame-ring", "6", "--prebuffer", "1s", wrapper=[*failing("fsync")[:-2], "-y", "-o", str(notes)]) as camd:
            camd.started()
            camd.ask("subscribe", events=["job_done"])
            camd.ask("wait", seconds=0.5)
            camd.ask("trigger", before=0.3, after=0.1, stills="npy", stills_from="ring")
            done = camd.event("job_done")
            check(done["ok"], done)
            folder = os.path.dirname(done["files"][0])
            synced = re.findall(r"fsync\(\d+<(.*?)>\) *= 0", notes.read_text())
            wanted = [os.path.dirname(folder), folder, *(os.path.join(folder, name) for name in os.listdir(folder))]
            check(len(wanted) > 5, wanted)
            equal(sorted(set(wanted) - set(synced)), [], "not on the disk")
            camd.quit()


@test
def raw_recordings_made_playable():
    """remux, and what all jobs share."""
    with Camd("--container", "h264") as camd:
        camd.ask("subscribe", events=["job_done"])
        camd.ask("start_recording")
        camd.ask("wait", seconds=0.5)
        video, = camd.ask("stop_recording")["files"]
        table = video.replace(".h264", "_frame_timing.csv")
        folder, name = os.path.split(video)
        part = "." + name.replace(".h264", ".mp4.part")
        for injection, paths, how, code, words in [
                ("openat2:error=ENOSYS", (), reply_fails, "unsupported", "Linux 5.6"),
                ("openat2:error=EIO", (), reply_fails, "io_error", "Input/output error"),
                ("newfstatat:error=EIO", (video,), reply_fails, "io_error", "Input/output error"),
                ("eventfd2:error=EMFILE", (), reply_fails, "io_error", "cannot begin a job: Too many open files"),
                ("clone3:error=EAGAIN", (), job_fails, "io_error", "thread for the job"),
                ("read:error=EIO", (table,), job_fails, "io_error", "cannot read the timing table"),
                ("openat:error=EROFS", (part,), job_fails, "storage_readonly", "cannot make .*Read-only"),
                ("ftruncate:error=EIO", (), job_fails, "io_error", "cannot write"),
                ("read:error=EIO", (video,), job_fails, "io_error", "cannot read"),
                ("fsync:error=ENOSPC", (), job_fails, "storage_full", "cannot write .*No space"),
                ("fsync:error=EIO:when=2", (), job_fails, "io_error", "cannot push it to the disk"),
                ("renameat2:error=EIO", (), job_fails, "io_error", "cannot rename")]:
            with refusing(camd, injection, paths=paths):
                how(camd, code, words, "remux", file=video)
            equal(sorted(os.listdir(folder)), sorted([name, os.path.basename(table), "session.log"]), f"{injection}: nothing half is left")
        with open(os.path.join(folder, part), "w", encoding="utf-8") as others:
            fcntl.flock(others, fcntl.LOCK_EX)
            job_fails(camd, "busy", "another camd makes an MP4 of it", "remux", file=video)
        with open(video, "rb") as file:
            kept = file.read()
        with refusing(camd, "read:delay_enter=700000", paths=[table]):
            number = camd.ask("remux", file=video)["job"]
            camd.ask("cancel", job=number)
            equal(camd.event("job_done", where=lambda data: data["job"] == number)["code"], "cancelled")
        equal(pathlib.Path(video).read_bytes(), kept, "the raw recording")
        os.rename(camd.output, f"{camd.output}-away")
        reply_fails(camd, "not_found", "output directory", "remux", file=video)
        os.rename(f"{camd.output}-away", camd.output)
        number = camd.ask("remux", file=video)["job"]
        done = camd.event("job_done", where=lambda data: data["job"] == number)
        check(done["ok"], done)
        camd.quit()


@test
def a_program_that_cannot_be_run():
    """ffmpeg is there, and is no program."""
    with tempfile.TemporaryDirectory() as directory:
        fake = pathlib.Path(directory) / "ffmpeg"
        fake.write_text("")
        fake.chmod(0o644)
        with Camd("--container", "h264", env=dict(os.environ, PATH=directory), program=CAMD) as camd:
            camd.ask("subscribe", events=["job_done"])
            camd.ask("start_recording")
            camd.ask("wait", seconds=0.3)
            video, = camd.ask("stop_recording")["files"]
            job_fails(camd, "permission_denied", "cannot run ffmpeg", "remux", file=video)
            camd.quit()


@test
def exports():
    with Camd() as camd:
        camd.ask("subscribe", events=["job_done"])
        camd.ask("start_recording")
        camd.ask("wait", seconds=1.2)
        video, = camd.ask("stop_recording")["files"]
        whole = {"camera_id": 0, "from": "20200101_000000", "to": "20380101_000000"}
        for injection, paths, code, words in [
                ("mkdirat:error=EROFS", (), "storage_readonly", "exports: Read-only"),
                ("fcntl:error=EMFILE", (), "io_error", "Too many open files"),
                ("flock:error=ENOLCK:when=1", (), "io_error", "exports/|No locks"),
                ("fsync:error=EIO", (), "io_error", "cannot write the export"),
                ("fsync:error=EIO:when=3", (), "io_error", "cannot write the export"),
                ("fsync:error=EIO:when=5", (), "io_error", "cannot write the export"),
                ("renameat2:error=EIO", (), "io_error", "cannot name the export"),
                ("pread64:error=EIO", (video,), "not_found", "no footage of that time.* some of its files"),
                ("copy_file_range:error=EIO", (), "io_error", "cannot copy"),
                ("copy_file_range:retval=0", (), "io_error", "has become shorter")]:
            with refusing(camd, injection, paths=paths):
                job_fails(camd, code, words, "export", **whole)
            equal([each for each in glob.glob(f"{camd.output}/exports/*") + glob.glob(f"{camd.output}/exports/.*") if not each.endswith(".")], [], injection)
        for injection, paths in [("getdents64:delay_enter=500000", ()), ("openat:delay_enter=700000", [os.path.basename(video)]),
                                 ("pread64:delay_enter=700000:when=1", [video])]:
            with refusing(camd, injection, paths=paths):
                number = camd.ask("export", **whole)["job"]
                time.sleep(0.2)
                camd.ask("cancel", job=number)
                equal(camd.event("job_done", where=lambda data: data["job"] == number)["code"], "cancelled", injection)
        os.rename(camd.output, f"{camd.output}-away")
        job_fails(camd, "not_found", "output directory", "export", **whole)
        os.rename(f"{camd.output}-away", camd.output)
        number = camd.ask("export", **whole)["job"]
        check(camd.event("job_done", where=lambda data: data["job"] == number)["ok"], "the export")
        camd.quit()


@test
def deleting():
    with Camd() as camd:
        camd.ask("start_recording")
        camd.ask("wait", seconds=0.4)
        video, = camd.ask("stop_recording")["files"]
        with refusing(camd, "unlinkat:error=EPERM", paths=(os.path.basename(video),)):
            reply_fails(camd, "permission_denied", "cannot delete", "delete_recording", file=video)
        check(os.path.exists(video), "it is still there")
        camd.ask("delete_recording", file=video)
        camd.quit()


@test
def programs_at_events():
    """Of each it is told once why it does not run, and recordings go on."""
    with Camd("--on-event", "recording_started: /bin/true", "--on-event", "recording_stopped: /bin/echo") as camd:
        camd.started()
        for injection, command, words in [("memfd_create:error=EMFILE", "start_recording", "cannot run /bin/true: Too many open files"),
                                          ("pidfd_open:error=ENOSYS", "stop_recording", "cannot watch /bin/echo")]:
            with refusing(camd, injection):
                camd.ask(command)
                until(lambda: re.search(words, camd.log()), words)
        camd.quit()


@test
def tables_without_room():
    """The disk has no room for the rows of a recording's table: it does not begin."""
    with Camd() as camd:
        camd.started()
        with refusing(camd, "fallocate:error=ENOSPC"):
            reply_fails(camd, "storage_full", "timing.csv: cannot keep room .*No space", "start_recording")
        camd.ask("start_recording")
        camd.ask("wait", seconds=0.3)
        check_stopped(camd.ask("stop_recording")["cameras"][0], numbers=False)
        camd.quit()


def crashed(directory):
    """A recording of a camd that was killed."""
    with Camd(output=directory) as camd:
        camd.ask("start_recording")
        camd.ask("wait", seconds=0.7)
        video, = (str(path) for path in pathlib.Path(directory).glob("*/*.mp4"))
        camd.kill()
    return video


@test
def recovery():
    """What a crash left can't be read, or its table can't be made: that is said, the file stays, and the next start finishes it."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        video = crashed(directory)
        table = video.replace(".mp4", "_frame_timing.csv")
        size = os.path.getsize(video)
        for injection, paths, words in [("pread64:error=EIO", [video], "cannot read"),
                                        ("pread64:error=EIO:when=2+", [video], "cannot read the file; it is left as it is"),
                                        ("openat:error=EACCES", [os.path.basename(table)], "cannot open the timing table")]:
            with Camd(output=directory, wrapper=failing(injection, paths=paths)) as camd:
                camd.started()
                until(lambda: re.search(words, camd.log()), words)
                camd.quit()
            check("pread" not in injection or os.path.getsize(video) == size, "it is as it was")
        os.unlink(table)
        with Camd(output=directory, wrapper=failing("openat:error=EROFS", paths=[os.path.basename(table)])) as camd:
            camd.started()
            until(lambda: re.search("cannot (make|open) the timing table", camd.log()), "the table's reason")
            camd.quit()


@contextlib.contextmanager
def film():
    """A video of two seconds."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        path = os.path.join(directory, "film.mp4")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10", "-t", "2", path], check=True, timeout=60)
        yield path


@test
def cameras_without_threads():
    """A camera whose thread can't be made is opened again until it can."""
    with film() as path, Camd("--discovery-retry", "0.3", cameras=[SMALL, f"file:{path}"]) as camd:
        camd.started()
        with refusing(camd, "clone3:error=EAGAIN"):
            camd.ask("set_camera", enabled=False)
            camd.send("set_camera", enabled=True)
            camd.reply()
            until(lambda: all(re.search("no thread|Resource temporarily", camera.get("error", "")) for camera in camd.ask("get_status")["cameras"]), "the reason")
        until(lambda: all(camera["state"] == "running" for camera in camd.ask("get_status")["cameras"]), "the cameras")
        camd.ask("start_recording")
        camd.ask("wait", seconds=0.3)
        for camera in camd.ask("stop_recording")["cameras"]:
            check_stopped(camera, numbers=False)
        camd.quit()


@test
def films_that_cannot_be_read():
    with film() as path:
        for injection, words in [("?access,?faccessat,?faccessat2:error=EACCES", "film.mp4: Permission denied"), ("read:error=EIO", "film.mp4: .*Input/output")]:
            with Camd(cameras=[SMALL, f"file:{path}"], wrapper=failing(injection, paths=[path])) as camd:
                camd.started()
                until(lambda: re.search(words, camd.ask("get_status")["cameras"][1].get("error", "")), words)
                camd.quit()


@test
def a_first_frame_that_cannot_be_synced():
    """The file that it was to begin goes, and another one begins with it: nothing is lost, and nothing empty is told of. Nor is it if
    the table, which comes first, can't be made at once."""
    for which in (1, 2, 3, 4):     # the table, its name, the video, its name
        with Camd() as camd:
            camd.started()
            camd.ask("subscribe", events="*")
            with refusing(camd, f"fsync:error=EIO:when={which}"):
                started = camd.ask("start_recording")
                camd.ask("wait", seconds=0.4)
            stopped, = camd.ask("stop_recording")["cameras"]
            check_stopped(stopped)
            equal((started["files"], sum(stopped["lost"].values()), stopped["segments"]), ([stopped["file"]], 0, 1), stopped)
            equal(sorted(glob.glob(os.path.dirname(stopped["file"]) + "/cam0*")), sorted([stopped["file"], started["cameras"][0]["csv"]]))
            if which > 2:
                check("written again" in camd.event("warning")["message"])
            camd.quit()


@test
def a_clip_that_cannot_be_synced():
    """At its first frame, or its end: it is written again."""
    for which in (1, 2, 3, 4):     # the table, its name, the video, its name
        with Camd("--prebuffer", "1s") as camd:
            camd.started()
            camd.ask("subscribe", events=["trigger_saved"])
            camd.ask("wait", seconds=1)
            with refusing(camd, f"fsync:error=EIO:when={which}"):
                camd.ask("trigger", before=1, after=0.5)
                camd.ask("wait", seconds=1.5)
            saved = camd.event("trigger_saved")
            clip, = saved["clips"]
            probe(clip["file"], part=True)
            equal(len(read_csv(clip["file"])), clip["frames"])
            check(clip["frames"] >= 20, saved)
            check(which < 3 or "written again" in saved["message"], saved)
            equal(sorted(glob.glob(os.path.dirname(clip["file"]) + "/clip_*")), sorted([clip["file"], clip["csv"]]))
            camd.quit()


@test
def a_camera_that_takes_its_time():
    """It is not open yet: what is asked of all is done by the others, and what is asked of it is refused."""
    with film() as path, Camd("--discovery-timeout", "0.2", cameras=[SMALL, f"file:{path}"],
                              wrapper=failing("openat:delay_enter=4000000", paths=[path])) as camd:
        until(lambda: camd.ask("get_status")["cameras"][0]["state"] == "running", "the first")
        started = camd.ask("start_recording")
        equal([(failed["camera_id"], failed["message"]) for failed in started["failed"]], [(1, "camera 1 is not open yet")])
        shot, = camd.ask("take_snapshot")["failed"]
        equal(shot["message"], "camera 1 is not open yet")
        reply_fails(camd, "camera_lost", "camera 1 is not open yet", "set_controls", camera_id=1, controls={"Gain": 1})
        camd.ask("stop_recording")
        camd.quit()


@contextlib.contextmanager
def opening():
    """A camd and another client of it; its first camera runs, and its second is being opened, which takes four seconds."""
    with film() as path, Handed() as place, place.camd("--start-timeout", "2", cameras=[SMALL, f"file:{path}"]) as camd, place.client() as other:
        camd.started()
        camd.ask("set_camera", camera_id=1, enabled=False)
        with refusing(camd, "openat:delay_enter=4000000", paths=[path]):
            camd.ask("set_camera", camera_id=1, enabled=True)
            yield camd, other


@test
def a_camera_that_takes_its_time_again():
    """The others wait for it for a second, who means nothing else for start_timeout."""
    with opening() as (camd, _):
        started = camd.ask("start_recording")
        equal([(failed["camera_id"], failed["code"], failed["message"]) for failed in started["failed"]], [(1, "timeout", "camera 1 is not open yet")])
        reply_fails(camd, "timeout", "camera 1 is not open yet", "start_recording", camera_id=1)
        camd.ask("stop_recording")
        camd.quit()


@test
def stopped_before_a_camera_is_open():
    """By another client, each camera by itself; and what still waits when camd is told to end."""
    with opening() as (camd, other):
        camd.send("start_recording", id=1, camera_id=1)
        other.fails("stop_recording", "not_recording", camera_id=0)
        other.fails("stop_recording", camera_id=[])
        other.send("stop_recording", camera_id=1)
        equal(camd.reply()["data"]["code"], "cancelled")
        equal(other.reply()["data"]["code"], "not_recording")
        camd.send("take_snapshot", id=2, camera_id=1)
        camd.send("quit", id=3)
        replies = [camd.reply() for _ in range(2)]
        equal((replies[0]["data"]["code"], replies[1]["status"]), ("cancelled", "quitting"))
        camd.wait()


@test
def taps():
    with Camd() as camd:
        camd.started()
        with refusing(camd, "ftruncate:error=ENOSPC", "fallocate:error=ENOSPC"):
            reply_fails(camd, "storage_full", "No space", "frame_tap", camera_id=0)
        camd.ask("frame_tap", camera_id=0)
        camd.quit()


@test
def clients():
    """One that can't be served is told, and gets in later."""
    with Handed() as handed, handed.camd("--mode", "headless") as camd:
        with handed.client() as client:
            client.started()
        for injection, code, words in [("getsockopt:error=ENOPROTOOPT", "permission_denied", "can't be found out"),
                                       ("fcntl:error=EMFILE", "busy", "no descriptor is left")]:
            with refusing(camd, injection), handed.client() as client:
                line = client.line()
                equal((line["status"], line["data"]["code"]), ("error", code), line)
                check(re.search(words, line["data"]["message"]), line)
        with handed.client() as client:
            client.ask("ping")
            client.send("quit")
            camd.wait()


@test
def new_folders():
    """A session that can't be begun leaves camd in the old one."""
    with Camd() as camd:
        session = camd.ask("get_status")["session"]
        for injection, code, words in [("mkdir:error=EEXIST", "io_error", "too many of this second"),
                                       ("flock:error=ENOLCK", "io_error", "session folder"),
                                       ("openat:error=EROFS", "storage_readonly", "Read-only")]:
            with refusing(camd, injection):
                reply_fails(camd, code, words, "new_session")
            equal(camd.ask("get_status")["session"], session, injection)
        check(camd.ask("new_session")["session"] != session, "a new one")
        camd.quit()


def begin(*flags, wrapper=()):
    """What a camd says whose input ends at once, and its status."""
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run([*wrapper, CAMD, "--no-config", "--output-dir", directory, "--camera", SMALL, *flags], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=60)
        return result.stdout + result.stderr + "".join(path.read_text() for path in pathlib.Path(directory).glob("*/session.log")), result.returncode


def client(words, *arguments, wrapper=(), program=None, status=None, **environment):
    """camctl says this, and ends."""
    result = subprocess.run([*wrapper, program or CAMCTL, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                            env=dict(os.environ, **environment))
    check(re.search(words, result.stdout + result.stderr), words, result)
    check(result.returncode in ([status] if status is not None else [1, 2, 3]), result)


@test
def clients_that_cannot():
    """camctl, where the system says no."""
    with tempfile.TemporaryDirectory() as directory:
        camd, script = ("--no-config", "--output-dir", directory, "--camera", SMALL), os.path.join(directory, "x.cam")
        pathlib.Path(script).write_text("camd\n>ping\n< pong\n")
        client(r"0\.\d+ s|frames", *camd, "record", "--seconds", "0.4", status=0)
        session, = pathlib.Path(directory).glob("session_*")
        video, = session.glob("*.mp4")
        alone = shutil.copy(CAMCTL, directory)
        client("camd was found neither", *camd, "record", "--seconds", "1", program=alone, PATH="/nowhere", CAMCTL_CAMD="")
        client("cannot make /proc/nowhere", "script", script, TMPDIR="/proc/nowhere")
        client("Permission denied", "report", str(session), wrapper=failing("openat:error=EACCES", paths=[session]))
        client("recorded, lost: none", "report", str(session), wrapper=failing("openat:error=EACCES", paths=[video]), status=0)
        said = [subprocess.run([*failing(f"socketpair:error=EMFILE:when={n}", f"pipe2:error=EMFILE:when={n}"), CAMCTL, *camd, "record", "--seconds", "1"],
                               stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60) for n in range(1, 6)]
        check(any("cannot make a pipe" in result.stderr and result.returncode for result in said), said)


@test
def beginnings():
    """What can't begin is said; how many such calls libraries make before camd's own is up to them."""
    check("must not hold a slash" in begin("--session-prefix", "a/b")[0])
    check("Read-only" in begin(wrapper=failing("openat:error=EROFS", paths=["session.log"]))[0])
    for injection, words in [("flock:error=ENOLCK", "session folder.*No locks"), ("pipe2:error=EMFILE", "a pipe for the log"),
                             ("eventfd2:error=EMFILE", "camera 0: eventfd")]:
        said = [begin(wrapper=failing(f"{injection}:when={n}")) for n in range(1, 6)]
        check(any(re.search(words, text) for text, _ in said), injection, said)
    for program in (CAMD, CAMCTL):
        loopless = subprocess.run([*failing("eventfd2:error=EMFILE:when=1"), program, "--no-config"], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60)
        check(loopless.returncode == 1 and "no event loop: too many open files; the limits" in loopless.stderr, loopless)


if __name__ == "__main__":
    main()
