#!/usr/bin/env python3
"""
Rolling storage and what masters ask of the footage that is there: the cap, the reserve and the age are held by deleting the oldest,
never what is protected, being written or somebody else's; list_recordings, protect, unprotect and delete_recording touch nothing but
camd's own videos below the output directory, whatever they are given.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import tempfile
import threading
import time

from camd import Camd, SMALL, check, check_video, equal, main, read_csv, test, until
from mp4 import is_finished
from disks import Disk, with_own_mounts

LARGE = "synthetic:640x480@30"


def footage(output):
    """What the videos and tables there take."""
    total = 0
    for path in pathlib.Path(output).glob("*/*cam*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


class Watch:
    """Looks at the usage all the time; highest: what it was at most."""

    def __init__(self, output):
        self.output, self.highest, self.looks = output, 0, 0
        self.end = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.end.wait(0.01):
            self.highest = max(self.highest, footage(self.output))
            self.looks += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()


def record(camd, seconds):
    camd.ask("start_recording")
    time.sleep(seconds)
    return camd.ask("stop_recording")["files"]


def finished(camd):
    """The files that were finished since the last time, in their order."""
    camd.ask("ping")
    return [camd.event("segment_finished")["file"] for event in list(camd.events) if event["event"] == "segment_finished"]


def make(output, sessions, each=1, seconds=0.3):
    """Sessions that have ended; returns their videos, oldest first."""
    files = []
    for _ in range(sessions):
        with Camd(output=output) as camd:
            for _ in range(each):
                files += record(camd, seconds)
            camd.quit()
    return files


@contextlib.contextmanager
def directory():
    with tempfile.TemporaryDirectory(prefix="camd-test-") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(os.path.realpath(path))


@test
def cap_is_held():
    """By recordings that begin and end, and by one that goes on and on in segments."""
    cap = 400000
    flags = ["--storage-cap", str(cap), "--intra", "0", "--bitrate", "4M", "--segment-length", "0.6"]
    with directory() as output, Camd(*flags, output=output, cameras=[LARGE]) as camd:
        camd.ask("subscribe", events="*")
        record(camd, 0.3)
        precious = finished(camd)
        equal(camd.ask("protect", file=precious)["files"], precious)
        with Watch(output) as watch:
            record(camd, 0.3)
            record(camd, 0.3)
            files = finished(camd)
            camd.ask("start_recording")
            until(lambda: camd.ask("get_status")["cameras"][0]["bytes"] > 1.5 * cap, "enough", timeout=120)
            camd.ask("stop_recording")
            files += finished(camd)
        check(cap / 2 < watch.highest <= cap, f"up to {watch.highest} bytes of {cap}, seen {watch.looks} times")
        deleted = camd.event("recording_deleted")
        equal((deleted["file"], deleted["cause"]), (files[0], "cap"))
        until(lambda: camd.ask("get_status")["storage"]["recordings"] == len(list(output.glob("*/*.mp4"))), "as many as there are")
        storage = camd.ask("get_status")["storage"]
        equal(storage["cap_bytes"], cap)
        check(footage(output) <= storage["used_bytes"] <= cap, storage)
        check(storage["protected_bytes"] >= sum(os.stat(file).st_size for file in precious), storage)
        for file in precious:
            check_video(file)
        # the oldest went, with their tables: what is there is the latest in a row
        left = sorted(str(path) for path in output.glob("*/*.mp4"))
        check(len(left) > 2, left)
        equal(left, sorted([*precious, *files[len(files) - len(left) + len(precious):]]))
        equal(sorted(path.name for path in output.glob("*/*.csv")),
              sorted(pathlib.Path(file).name.replace(".mp4", "_frame_timing.csv") for file in left))
        camd.quit()


@test
def clips_that_are_written():
    """They count from their beginning, and stay until they are complete."""
    flags = ["--storage-cap", "100M", "--prebuffer", "1s", "--intra", "0", "--bitrate", "4M"]
    with directory() as output, Camd(*flags, output=output, cameras=[LARGE]) as camd:
        camd.ask("subscribe", events="*")
        camd.event("camera_found")
        time.sleep(1)
        camd.ask("trigger", before=1, after=6)
        until(lambda: list(output.glob("*/clip_*.mp4")), "a clip that is begun")
        clip, = map(str, output.glob("*/clip_*.mp4"))
        # as soon as there is a name, not only when it was heard of
        camd.fails("delete_recording", "busy", file=clip)
        until(lambda: os.stat(clip).st_size > 300000, "some of it")
        before = os.stat(clip).st_size
        until(lambda: camd.ask("get_status")["storage"]["used_bytes"] >= before, "counted while it is written")
        camd.ask("set_config", values={"storage_cap": 1})
        camd.event("storage_full")
        entry, = camd.ask("list_recordings")["recordings"]
        equal((entry["file"], entry["finished"]), (clip, False))
        camd.fails("delete_recording", "busy", file=clip)
        saved = camd.event("trigger_saved")
        equal(saved["files"], [clip])
        equal(camd.event("recording_deleted")["file"], clip)
        equal(camd.ask("get_status")["storage"]["used_bytes"], 0)
        camd.quit()


@test
def deleted_as_they_begin():
    """Whoever names a file the moment that it is there: it stays until it is complete."""
    with directory() as output, Camd("--segment-length", "0.4", "--intra", "0.2s", output=output, cameras=[SMALL]) as camd:
        camd.ask("subscribe", events="segment_finished")
        camd.ask("start_recording")
        seen, refused, deleted = set(), 0, 0
        began = time.monotonic()
        while time.monotonic() - began < 6:
            for path in sorted(set(output.glob("*/cam*.mp4")) - seen):
                with open(path, "rb") as file:
                    camd.send("delete_recording", file=str(path))
                    reply = camd.reply()
                    if reply["status"] == "error":
                        equal(reply["data"]["code"], "busy")
                        refused += 1
                    else:
                        check(is_finished(f"/proc/self/fd/{file.fileno()}"), f"{path} was deleted before it was complete")
                        deleted += 1
                seen.add(path)
        camera, = camd.ask("stop_recording")["cameras"]
        check("error" not in camera, camera)
        check(refused > 5, f"{refused} refused, {deleted} deleted")
        equal(len(list(output.glob("*/cam*.mp4"))), camera["segments"] - deleted)
        camd.quit()


@test
def cap_without_anything_to_delete():
    """Recording goes on, and says what to do about it."""
    with Camd("--storage-cap", "200k", "--intra", "0", cameras=[LARGE]) as camd:
        camd.ask("subscribe", events=["storage_full", "warning", "recording_stopped"])
        camd.ask("start_recording")
        full = camd.event("storage_full")
        check("storage_cap" in full["message"] and "unprotect" in full["message"] and "camera_id" not in full, full)
        equal(camd.event("warning")["code"], "storage_full")
        equal(camd.ask("get_status")["recording"], True)
        camd.ask("set_config", values={"storage_cap": 10**12})
        camera, = camd.ask("stop_recording")["cameras"]
        check("error" not in camera, camera)
        camd.quit()


@test
def reserve_is_kept():
    reserve = 2000000
    with Disk("6m") as disk:
        flags = ["--storage-reserve", str(reserve), "--intra", "0", "--bitrate", "4M", "--prebuffer", "0.2s"]
        with Camd(*flags, output=disk.path, cameras=[LARGE]) as camd:
            camd.ask("subscribe", events=["recording_deleted", "recording_stopped", "storage_full"])
            record(camd, 1)
            disk.fill(leave=reserve + 300000)
            file, = camd.ask("start_recording")["files"]
            camd.ask("protect", file=file)
            equal(camd.event("recording_deleted")["cause"], "reserve")
            # that was all that may go
            stopped = camd.event("recording_stopped", where=lambda data: data["cause"] == "error")
            check("storage_reserve" in stopped["error"], stopped)
            check_video(stopped["file"])
            free = os.statvfs(disk.path)
            check(free.f_bavail * free.f_frsize > reserve / 2, "more than half of the reserve is left")
            check(os.path.exists(file), "the protected one")
            camd.fails("start_recording", "storage_full")
            camd.fails("trigger", "storage_full")
            camd.ask("set_config", values={"storage_reserve": 0})
            record(camd, 0.3)
            camd.quit()


@test
def age():
    with directory() as output:
        old, kept = make(output, 2)
        os.utime(old, (time.time() - 86400 * 3,) * 2)
        os.utime(kept, (time.time() - 86400 * 1,) * 2)
        with Camd("--keep-for", "2", output=output) as camd:
            camd.ask("subscribe", events="recording_deleted")
            until(lambda: not os.path.exists(old), "deleted for its age")
            camd.ask("set_config", values={"keep_for": "2s"})
            new, = record(camd, 0.3)
            until(lambda: not os.path.exists(kept) and not os.path.exists(new), "deleted for its age")
            deleted = [camd.event("recording_deleted") for _ in range(3)]
            equal([event["file"] for event in deleted], [old, kept, new])
            equal({event["cause"] for event in deleted}, {"age"})
            # sessions that have ended go when nothing is left in them but their log
            equal(camd.sessions(), [pathlib.Path(new).parent])
            camd.quit()


@test
def sessions_of_others():
    """All sessions count, the oldest go first, but not those of a camd that runs, nor folders with more in them."""
    with directory() as output:
        first, second, third = make(output, 3)
        note = pathlib.Path(first).parent / "note.txt"
        note.write_text("mine")
        export = output / "exports" / pathlib.Path(first).name
        export.parent.mkdir()
        export.write_bytes(pathlib.Path(first).read_bytes())
        with Camd(output=output) as other, Camd("--storage-cap", "80%", output=output) as camd:
            theirs, = record(other, 0.3)
            other.ask("start_recording")
            equal(camd.ask("list_recordings")["recordings"][0]["file"], first)
            camd.ask("protect", file=second)
            camd.ask("set_config", values={"storage_cap": 1})
            until(lambda: not os.path.exists(third), "deleted for the cap")
            until(lambda: not pathlib.Path(third).parent.exists(), "the empty session")
            equal((os.path.exists(first), os.path.exists(second), export.exists(), note.read_text()), (False, True, True, "mine"))
            equal(sorted(path.name for path in note.parent.iterdir()), ["note.txt", "session.log"])
            camd.fails("delete_recording", "busy", file=theirs)
            camd.fails("delete_recording", "permission_denied", file=second)
            camera, = other.ask("stop_recording")["cameras"]
            check_video(theirs)
            check_video(camera["file"])
            other.quit()
            # now they are as any others
            until(lambda: not os.path.exists(theirs), "those of the other one", timeout=60)
            camd.quit()


@test
def what_others_do():
    """Files that vanish, that are being read, or that are protected by hand."""
    with directory() as output:
        gone, held, marked, free = make(output, 1, each=4)
        os.unlink(gone)
        pathlib.Path(marked + ".protected").touch()
        reader = os.open(held, os.O_RDONLY)
        fcntl.flock(reader, fcntl.LOCK_SH)
        with Camd("--storage-cap", "1", output=output) as camd:
            camd.ask("subscribe", events="recording_deleted")
            equal(camd.event("recording_deleted")["file"], free)
            camd.fails("delete_recording", "busy", file=held)
            os.close(reader)
            equal(camd.ask("delete_recording", file=held)["files"], [held])
            equal(camd.event("recording_deleted")["cause"], "command")
            page = camd.ask("list_recordings", protected=True)
            equal([entry["file"] for entry in page["recordings"]], [marked])
            equal(camd.ask("unprotect", file=marked)["files"], [marked])
            equal(camd.event("recording_deleted")["file"], marked)
            camd.quit()


def held_ffmpeg(directory):
    """An environment in which the ffmpeg program says that it runs, by a file `begun`, and begins once there is a file `go`."""
    program = directory / "ffmpeg"
    program.write_text(f"#!/bin/sh\n: >'{directory}/begun'\nuntil [ -e '{directory}/go' ]; do sleep 0.05; done\nexec {shutil.which('ffmpeg')} \"$@\"\n")
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"}


@test
def what_an_export_reads():
    """It stays until that is done, whatever the cap says, and others go in its place; then it goes."""
    with directory() as output, directory() as scratch:
        first, *held, last = make(output, 2, each=4)
        rows = [row for file in held for row in read_csv(file)]
        with Camd("--storage-cap", "80%", output=output, env=held_ffmpeg(scratch)) as camd:
            camd.ask("subscribe", events=["recording_deleted", "job_done"])
            # not from a key frame on, so that the program runs in the middle of it
            job = camd.ask("export", camera_id=0, precise=True, **{"from": rows[1]["write_time_unix"],
                                                                   "to": read_csv(last)[0]["write_time_unix"]})["job"]
            until(lambda: (scratch / "begun").exists(), "the export in the middle")
            camd.ask("set_config", values={"storage_cap": 1})
            # all were tried at once
            equal([camd.event("recording_deleted")["file"] for _ in range(2)], [first, last])
            equal([file for file in held if not os.path.exists(file)], [], "held ones that are gone")
            error = camd.fails("delete_recording", "busy", file=held[3])
            check(held[3] in error["message"] and "again" in error["message"], error)
            (scratch / "go").touch()
            done = camd.event("job_done", where=lambda data: data["job"] == job)
            check(done["ok"], done)
            equal(read_csv(done["files"][0]), rows[1:])
            until(lambda: not any(os.path.exists(file) for file in held), "deleted, once it is done", timeout=60)
            check(os.path.exists(done["files"][0]), "the export")
            camd.quit()


@test
def listing():
    with directory() as output:
        old = make(output, 2, each=2)
        with Camd(output=output, cameras=[SMALL, SMALL]) as camd:
            new = record(camd, 0.5)
            camd.ask("start_recording", camera_id=1)
            every = camd.ask("list_recordings")
            equal((every["total"], len(every["recordings"])), (7, 7))
            equal([entry["file"] for entry in every["recordings"][:4]], old)
            equal(sorted(entry["file"] for entry in every["recordings"][4:6]), new)
            writing = every["recordings"][6]
            equal((writing["finished"], writing["camera_id"]), (False, 1))
            check("frames" not in writing, writing)
            for entry in every["recordings"][:6]:
                frames = check_video(entry["file"])
                frames = frames if isinstance(frames, int) else len(frames)
                equal((entry["frames"], entry["finished"], entry["protected"]), (frames, True, False))
                equal(entry["bytes"], os.stat(entry["file"]).st_size)
                check(os.path.exists(entry["csv"]) and entry["from"] < entry["to"], entry)
                check(frames / 15 - 0.001 < entry["duration_ns"] / 1e9 < frames / 15 + 5, entry)
            equal(camd.ask("list_recordings", offset=1, limit=2)["recordings"], every["recordings"][1:3])
            equal(camd.ask("list_recordings", camera_id=1)["total"], 2)
            equal(camd.ask("list_recordings", session=every["recordings"][0]["session"])["recordings"], every["recordings"][:2])
            later = camd.ask("list_recordings", **{"from": every["recordings"][4]["from"]})["recordings"]
            equal({entry["file"] for entry in later} >= set(new), True)
            equal(camd.ask("list_recordings", to=0)["total"], 0)
            camd.fails("list_recordings", "bad_argument", **{"from": "yesterday"})
            camd.fails("list_recordings", "bad_argument", limit=0)
            camd.fails("delete_recording", "busy", file=writing["file"])
            # paths may be relative to the output directory; what can be done is done, the rest is told
            reply = camd.ask("delete_recording", file=[os.path.relpath(old[0], output), "nothing.mp4", old[1]])
            equal(reply["files"], old[:2])
            equal([(file["file"], file["code"]) for file in reply["failed"]], [("nothing.mp4", "path_not_allowed")])
            check(not pathlib.Path(old[0]).parent.exists(), "the empty session")
            # protection outlives camd
            camd.ask("protect", file=[old[2], writing["file"]])
            camd.ask("stop_recording")
            camd.quit()
        with Camd(output=output) as camd:
            entries = camd.ask("list_recordings", protected=True)["recordings"]
            equal([entry["file"] for entry in entries], [old[2], writing["file"]])
            check(all(entry["finished"] for entry in entries), entries)
            camd.fails("delete_recording", "permission_denied", file=old[2])
            camd.quit()


@test
def raw_and_its_mp4_share_a_table():
    with Camd("--container", "h264") as camd:
        camd.ask("subscribe", events="job_done")
        raw, = record(camd, 0.5)
        table = raw.replace(".h264", "_frame_timing.csv")
        camd.ask("remux", file=raw)
        made, = camd.event("job_done")["files"]
        until(lambda: camd.ask("list_recordings")["total"] == 2, "the MP4 in the list")
        frames = {entry["frames"] for entry in camd.ask("list_recordings")["recordings"]}
        equal(len(frames), 1, "frames of both")
        camd.ask("delete_recording", file=raw)
        check(os.path.exists(table) and os.path.exists(made), "the table of the other one")
        camd.ask("delete_recording", file=made)
        check(not os.path.exists(table), "the table")
        camd.quit()


def snapshot_of(path):
    """All that is there, and what is in it."""
    return {str(file.relative_to(path)): file.read_bytes() if file.is_file() and not file.is_symlink() else file.is_symlink()
            for file in sorted(path.rglob("*")) if not file.is_fifo()}


@test
def hostile_names():
    with directory() as outside, directory() as output:
        name = "cam0_160x120_15.0fps_20261120_140307.mp4"
        (outside / name).write_text("precious")
        (outside / "session").mkdir()
        (outside / "session" / name).write_text("precious")
        video, = make(output, 1)
        session = pathlib.Path(video).parent
        (output / "linked").symlink_to(outside / "session")
        (session / ("cam1" + name[4:])).symlink_to(outside / name)
        (session / ("cam2" + name[4:])).mkdir()
        os.mkfifo(session / ("cam3" + name[4:]))
        os.link(outside / name, session / ("cam4" + name[4:]))
        (session / ("cam5" + name[4:])).write_text("")
        # a table and a marker that lead elsewhere
        (session / ("cam5" + name[4:-4] + "_frame_timing.csv")).symlink_to(outside / name)
        (session / ("cam6" + name[4:])).write_text("")
        (session / ("cam6" + name[4:] + ".protected")).symlink_to(outside / name)
        (session / "cam7_\"quoted\"\n_name.mp4").write_text("")
        (session / "notes.mp4").write_text("")
        odd = os.fsencode(output) + b"/\xff\xfe"
        os.mkdir(odd)
        pathlib.Path(os.fsdecode(odd + b"/" + name.encode())).write_text("")
        before = snapshot_of(outside)
        with Camd(output=output) as camd:
            camd.started()
            hostile = {
                str(outside / name): "path_not_allowed", f"../{outside.name}/{name}": "path_not_allowed",
                f"{output}/../{outside.name}/{name}": "path_not_allowed", f"{session}/../../{outside.name}/{name}": "path_not_allowed",
                f"linked/{name}": "path_not_allowed", str(output / "linked" / name): "path_not_allowed",
                str(session / ("cam1" + name[4:])): "path_not_allowed", str(session / ("cam2" + name[4:])): "unsupported",
                str(session / ("cam3" + name[4:])): "unsupported", str(session / "notes.mp4"): "path_not_allowed",
                str(session / "session.log"): "path_not_allowed", str(session): "path_not_allowed", str(output): "path_not_allowed",
                "/etc/passwd": "path_not_allowed", "/proc/self/mem": "path_not_allowed", "/dev/zero": "path_not_allowed",
                "": "bad_argument", ".": "bad_argument", "..": "bad_argument", "/": "bad_argument", f"{session}/": "bad_argument",
                f"{session.name}/cam9{name[4:]}": "not_found", "no/such/" + name: "not_found", video + "/" + name: None,
                "cam0_" + "x" * 300 + ".mp4": None, "a/" * 3000 + name: "bad_argument", "cam0_\n.mp4": "not_found",
                video.replace(".mp4", "_frame_timing.csv"): "path_not_allowed", f"{name}.protected": "path_not_allowed",
            }
            inside = snapshot_of(output)
            for command in ("protect", "unprotect", "delete_recording"):
                for path, code in hostile.items():
                    camd.fails(command, code, file=path)
                camd.fails(command, "bad_argument", file=[])
                camd.fails(command, "bad_argument", file=5)
                camd.fails(command, "missing_argument")
                camd.send_raw(b'{"command":"%s","file":"\xff.mp4"}\n' % command.encode())
                equal(camd.reply()["data"]["code"], "bad_utf8")
            after = snapshot_of(output)
            equal([key for key in {*inside, *after} if inside.get(key) != after.get(key) and not key.endswith("session.log")], [])
            # names that JSON can say, however odd
            camd.ask("protect", file=str(session / "cam7_\"quoted\"\n_name.mp4"))
            camd.ask("unprotect", file=str(session / "cam7_\"quoted\"\n_name.mp4"))
            camd.ask("delete_recording", file=str(session / "cam7_\"quoted\"\n_name.mp4"))
            # links beside a video: they go, what they lead to stays
            camd.ask("delete_recording", file=str(session / ("cam5" + name[4:])))
            camd.fails("delete_recording", "permission_denied", file=str(session / ("cam6" + name[4:])))
            camd.ask("unprotect", file=str(session / ("cam6" + name[4:])))
            camd.ask("delete_recording", file=[str(session / ("cam6" + name[4:])), str(session / ("cam4" + name[4:]))])
            equal(camd.ask("list_recordings")["total"], 1)
            # and by itself
            camd.ask("set_config", values={"storage_cap": 1})
            until(lambda: not os.path.exists(video), "deleted for the cap")
            equal(snapshot_of(outside), before)
            check(os.path.exists(odd + b"/" + name.encode()), "a folder that is none of camd's")
            camd.quit()
        equal(snapshot_of(outside), before)


@test
def read_only_disk():
    with Disk("8m") as disk:
        video, = make(disk.path, 1)
        disk.read_only(True)
        with Camd("--storage-cap", "1", output=disk.path, cameras=[]) as camd:
            camd.ask("subscribe", events="warning")
            for command in ("protect", "delete_recording"):
                camd.fails(command, "storage_readonly", file=video)
            equal(camd.event("warning")["code"], "storage_readonly")
            disk.read_only(False)
            until(lambda: not os.path.exists(video), "deleted for the cap", timeout=60)
            camd.quit()


if __name__ == "__main__":
    with_own_mounts()
    main()
