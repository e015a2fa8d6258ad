#!/usr/bin/env python3
"""
Disks that are full, read-only or not camd's to write: each says so, ends what can't go on, keeps what is in the file, and
camd goes on and answers. As root it makes file systems of its own, seen by nobody else, and runs camd as an ordinary user
where rights are what is tested.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from camd import (CAMCTL, CAMD, Camd, SMALL, Skip, check, check_stopped, check_table, check_video, count_frames, equal, main, read_csv, test,
                  until)
from mp4 import is_finished
from disks import OWN_MOUNTS, Disk, with_own_mounts

NOBODY = 65534


class Ordinary:
    """camd and camctl as an ordinary user, who may need copies of them where it can read; home: what it may write to."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="camd-test-"))
        self.wrapper = []
        self.camd, self.camctl = CAMD, CAMCTL
        if os.getuid() != 0:
            return
        if not shutil.which("setpriv") or os.environ.get(OWN_MOUNTS) and not self._is_real_root():
            raise Skip("there is only one user")
        os.chmod(self.home, 0o755)
        self.camd = self._copy(CAMD)
        self.camctl = self._copy(CAMCTL) if os.path.exists(CAMCTL) else CAMCTL
        self.wrapper = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def _is_real_root(self):
        return pathlib.Path("/proc/self/uid_map").read_text().split()[:3] == ["0", "0", "4294967295"]

    def _copy(self, program):
        return shutil.copy(program, self.home)

    def directory(self, name, mode):
        path = self.home / name
        path.mkdir()
        if self.wrapper:
            os.chown(path, NOBODY, NOBODY)
        os.chmod(path, mode)
        return path

    def run_camd(self, output, *flags, **settings):
        return Camd(*flags, output=output, wrapper=self.wrapper, program=self.camd, **settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for path in self.home.iterdir():
            if path.is_dir():
                os.chmod(path, 0o700)
        shutil.rmtree(self.home)


def check_answers(camd):
    """It is alive and says how things are."""
    camd.ask("ping")
    camd.ask("get_status")
    camd.ask("list_cameras")


def check_kept(video):
    """A recording that ended for want of space: what is in it plays and is what the table says."""
    rows = read_csv(video)
    check_table(rows)
    frames = count_frames(video)
    equal(frames, len(rows), f"frames and rows of {video}")
    return rows


@test
def as_an_ordinary_user():
    with Ordinary() as user:
        output = user.directory("mine", 0o700)
        with user.run_camd(output, cameras=[SMALL, SMALL]) as camd:
            camd.ask("start_recording")
            camd.ask("take_snapshot")
            time.sleep(0.5)
            for camera in camd.ask("stop_recording")["cameras"]:
                check_stopped(camera)
                if user.wrapper:
                    equal(os.stat(camera["file"]).st_uid, NOBODY, "owner")
            camd.quit()
        if not os.path.exists(user.camctl):
            return
        result = subprocess.run([*user.wrapper, user.camctl, "record", "--seconds", "1", "--camera", SMALL,
                                 "--output-dir", str(output / "by-camctl")],
                                env={**os.environ, "CAMCTL_CAMD": user.camd}, cwd=output, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        check(result.returncode == 0, f"camctl record: exit status {result.returncode}: {result.stdout[-500:]}")
        video, = (output / "by-camctl").glob("*/*.mp4")
        check_video(video)


@test
def output_not_writable():
    with Ordinary() as user:
        locked = user.directory("locked", 0o555)
        for output in (locked, locked / "below"):
            with user.run_camd(output, "--greeting") as camd:
                replies = [camd.reply() for _ in range(3)]
                equal([reply["status"] for reply in replies], ["initializing", "warning", "initialized"])
                equal(replies[1]["data"]["code"], "permission_denied")
                equal(replies[2]["data"]["session"], None)
                for command in ("start_recording", "take_snapshot"):
                    error = camd.fails(command, "permission_denied")
                    check(str(locked) in error["message"], error)
                equal(camd.ask("get_status")["session"], None)
                check_answers(camd)
                # and when the fault is mended, it records
                os.chmod(locked, 0o755)
                camd.ask("start_recording")
                time.sleep(0.3)
                check_stopped(camd.ask("stop_recording")["cameras"][0])
                camd.quit()
                os.chmod(locked, 0o555)


@test
def session_folder_taken_away():
    with Ordinary() as user:
        output = user.directory("mine", 0o755)
        with user.run_camd(output) as camd:
            camd.ask("list_cameras")
            session, = camd.sessions()
            os.chmod(session, 0o555)
            if user.wrapper or os.getuid():
                camd.fails("start_recording", "permission_denied")
                camd.fails("take_snapshot", "permission_denied")
            os.chmod(session, 0o755)
            records(camd)
            check_answers(camd)
            shutil.rmtree(session)
            # a folder that is gone is made anew
            records(camd)
            shot, = camd.ask("take_snapshot")["files"]
            check(os.path.getsize(shot) > 500, shot)
            check(camd.sessions()[0] != session or camd.sessions()[0].is_dir(), camd.sessions())
            camd.quit()


@test
def output_is_a_file():
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "file"
        file.write_text("precious")
        for output in (file, file / "below", pathlib.Path("/dev/null")):
            with Camd(cameras=[SMALL]) as camd:
                camd.quit()
            process = subprocess.run([CAMD, "--camera", SMALL, "--output-dir", str(output)], stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, timeout=20,
                                     input=b'{"command":"start_recording"}\n{"command":"ping"}\n')
            equal(process.returncode, 0)
            check(process.stdout.count(b'"error"') == 1 and str(output).encode() in process.stdout, process.stdout)
            check(process.stdout.count(b'"pong"') == 1, process.stdout)
        equal(file.read_text(), "precious")


def records(camd):
    """A moment of it, which is whole."""
    camd.ask("start_recording")
    camd.ask("wait", seconds=0.5)
    camera, = camd.ask("stop_recording")["cameras"]
    check(len(check_stopped(camera)) >= 3, camera)


@test
def read_only_disk():
    with Disk("8m") as disk:
        disk.read_only(True)
        with Camd(output=disk.path) as camd:
            camd.fails("start_recording", "storage_readonly")
            camd.fails("take_snapshot", "storage_readonly")
            check_answers(camd)
            disk.read_only(False)
            records(camd)
            camd.quit()


@test
def full_from_the_start():
    with Disk("1m") as disk:
        disk.fill()
        with Camd(output=disk.path) as camd:
            error = camd.fails("start_recording", "storage_full")
            check(error["message"], error)
            camd.fails("take_snapshot", "storage_full")
            equal(camd.ask("get_status")["recording"], False)
            equal(camd.ask("get_status")["free_bytes"], 0)
            check_answers(camd)
            left = [path for path in disk.path.glob("*/*") if path.name != "session.log"]
            equal(left, [], "files without anything in them")
            disk.empty()
            camd.ask("start_recording")
            time.sleep(0.3)
            check_stopped(camd.ask("stop_recording")["cameras"][0])
            camd.ask("take_snapshot")
            camd.quit()


def fills_up(disk, *flags, suffix):
    """Two recordings until the disk is full; returns what camd told of each."""
    cameras = ["synthetic:640x480@30", "synthetic:320x240@30"]
    with Camd("--intra", "0.2", *flags, output=disk.path, cameras=cameras) as camd:
        camd.ask("subscribe", events="*")
        camd.ask("start_recording")
        time.sleep(0.7)
        disk.fill(leave=100000)
        stopped = {}
        full = camd.event("storage_full")
        check(full["path"] and full["message"], full)
        disk.fill()
        while len(stopped) < 2:
            event = camd.event("recording_stopped")
            equal(event["cause"], "error")
            stopped[event["camera_id"]] = event
        camd.fails("stop_recording", "not_recording")
        equal(camd.ask("get_status")["recording"], False)
        for event in stopped.values():
            equal(event["captured"], event["frames"] + sum(event["lost"].values()), f"ledger of {event}")
            check(event["file"].endswith(suffix) and event["error"], event)
            rows = check_kept(event["file"])
            equal(len(rows), event["frames"], "rows and frames")
            check(suffix != ".mp4" or is_finished(event["file"]), f"{event['file']} is not whole")
            check(len(rows) >= 15, f"{len(rows)} rows")
        disk.fill()     # what the tables had kept in reserve is free again
        camd.fails("take_snapshot", "storage_full")
        check_answers(camd)
        for _ in range(2000):
            camd.send_raw(b"session.log can't take this\n")
        for _ in range(2000):
            equal(camd.reply()["data"]["code"], "bad_json")
        disk.empty()
        camd.ask("start_recording")
        time.sleep(0.3)
        for camera in camd.ask("stop_recording")["cameras"]:
            rows = read_csv(camera["file"])
            equal((len(rows), count_frames(camera["file"])), (camera["frames"], camera["frames"]))
        camd.quit()
        return stopped


@test
def fills_up_mp4():
    """The room that it takes to make the files whole was kept."""
    with Disk("4m") as disk:
        for event in fills_up(disk, suffix=".mp4").values():
            check_video(event["file"])


@test
def fills_up_raw():
    with Disk("4m") as disk:
        fills_up(disk, "--container", "h264", suffix=".h264")


def fill_until_it_ends(disk, camd):
    disk.fill()
    equal(camd.event("recording_stopped")["cause"], "error")
    equal(camd.event("storage_full")["camera_id"], 0)
    camera, = camd.ask("get_status")["cameras"]
    equal((camera["recording"], camera["resuming"]), (False, True))


@test
def goes_on_when_there_is_room_again():
    with Disk("8m") as disk, Camd("--bitrate", "1M", "--intra", "0", output=disk.path, cameras=["synthetic:640x480@30"]) as camd:
        camd.ask("subscribe", events="*")
        first, = camd.ask("start_recording", duration=3600)["files"]
        camd.event("recording_started")
        fill_until_it_ends(disk, camd)
        # there is no use in beginning again for a moment
        time.sleep(1.5)
        equal(camd.ask("get_status")["cameras"][0]["resuming"], True)
        disk.empty()
        second = camd.event("recording_started")["file"]
        camera, = camd.ask("get_status")["cameras"]
        equal((camera["recording"], camera["resuming"], camera["output"]), (True, False, second))
        # who stops it meanwhile is asked no more
        fill_until_it_ends(disk, camd)
        camd.fails("stop_recording", "not_recording")
        equal(camd.ask("get_status")["cameras"][0]["resuming"], False)
        disk.empty()
        time.sleep(3)
        equal(camd.ask("get_status")["recording"], False)
        camd.ask("start_recording")
        camera, = camd.ask("stop_recording")["cameras"]
        for video in (first, second, camera["file"]):
            check_video(video)
        camd.quit()


@test
def does_not_go_on_behind_its_end():
    with Disk("8m") as disk, Camd("--bitrate", "1M", "--intra", "0", output=disk.path, cameras=["synthetic:640x480@30"]) as camd:
        camd.ask("subscribe", events="*")
        camd.ask("start_recording", duration=4)
        began = time.monotonic()
        fill_until_it_ends(disk, camd)
        time.sleep(max(0, 4.5 - (time.monotonic() - began)))
        disk.empty()
        until(lambda: not camd.ask("get_status")["cameras"][0]["resuming"], "the end of the wish")
        equal(camd.ask("get_status")["recording"], False)
        camd.quit()


@test
def end_on_a_full_disk():
    """quit, end of input and SIGTERM end camd, too, when nothing can be finished."""
    for how in ("quit", "end", "signal"):
        with Disk("3m") as disk, Camd(output=disk.path) as camd:
            camd.ask("start_recording")
            time.sleep(0.4)
            disk.fill()
            if how == "quit":
                camd.send("quit")
            elif how == "end":
                camd.close_stdin()
            else:
                camd.signal(15)
            camd.wait(timeout=10)
            video, = disk.path.glob("*/*.mp4")
            check(len(check_kept(video)) >= 3, "what was recorded is there")


@test
def file_size_limit():
    """A limit of the shell's on the size of files is a full disk for the recording, and no reason to die."""
    with Camd("--intra", "0", wrapper=["sh", "-c", 'ulimit -f 400; exec "$@"', "sh"], cameras=["synthetic:640x480@30"]) as camd:
        camd.ask("subscribe", events="*")
        camd.ask("start_recording")
        event = camd.event("recording_stopped", timeout=60)
        equal(event["cause"], "error")
        equal(event["captured"], event["frames"] + sum(event["lost"].values()))
        check(event["frames"] > 20, event)
        check_kept(event["file"])
        check_answers(camd)
        camd.quit()


def killed_on(disk):
    """A recording with an index of more than a page, left by a crash."""
    with Camd(output=disk.path, cameras=["synthetic:160x120@60"]) as camd:
        camd.started()
        video, = camd.ask("start_recording")["files"]
        time.sleep(4)
        camd.kill()
    return video


@test
def room_kept_for_the_index():
    """What a crash has left on a disk that is full since is finished all the same: the room is the file's already."""
    with Disk("16M") as disk:
        video = killed_on(disk)
        disk.fill()
        with Camd(output=disk.path, cameras=[]) as camd:
            camd.ask("subscribe", events=["recovered"])
            check("message" not in camd.event("recovered"), "it is finished")
            check(is_finished(video), "it is finished")
            check_video(video)
            camd.quit()


@test
def no_room_to_recover():
    """What a crash has left, copied, so that no room is kept for it, is told of and stays as it is while there is none; with room it is finished."""
    with Disk("16M") as disk:
        video = killed_on(disk)
        shutil.copyfile(video, video + ".copy")
        os.replace(video + ".copy", video)
        disk.fill()
        left, frames = open(video, "rb").read(), count_frames(video)
        with Camd(output=disk.path, cameras=[]) as camd:
            camd.ask("subscribe", events=["recovered"])
            event = camd.event("recovered")
            equal(event["file"], video)
            check("No space left" in event["message"], event)
            check(open(video, "rb").read() == left, "the video is as it was")
            camd.silent(11)
            disk.empty()
            event = camd.event("recovered")
            check("message" not in event and abs(event["frames"] - frames) <= 1, event, frames)
            check(is_finished(video), "it is finished")
            check_video(video)
            camd.quit()


if __name__ == "__main__":
    with_own_mounts()
    main()
