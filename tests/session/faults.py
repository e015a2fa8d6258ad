#!/usr/bin/env python3
"""
What happens to camd and around it that should not, as far as no other test has it: docs/reliability.md has the table of them all. Each time
what was recorded is whole, or plays and is finished by the next start, and camd says what is wrong.
"""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from camd import (CAMCTL, SANITIZED, SMALL, Camd, Handed, Skip, check, check_stopped, check_video, count_frames, equal, main, read_csv, test,
                  until)
from mp4 import is_finished
from storage import Ordinary


def rows(path):
    return sum(table.read_bytes().count(b"\n") for table in pathlib.Path(path).glob("**/*_frame_timing.csv"))


def check_whole(output, n=1, at_least=5):
    """There are n videos, finished, as their tables say."""
    videos = sorted(pathlib.Path(output).glob("**/*.mp4"))
    equal(len(videos), n, "videos")
    for video in videos:
        check(is_finished(video), f"{video} is not finished")
        check(len(check_video(video)) >= at_least, f"{video} is short")


# ---- killed ----

@test
def attached_camctl_is_killed():
    """It only looked: camd and its recording go on. (One whose child camd is: camctl.py.)"""
    if not os.path.exists(CAMCTL):
        raise Skip("camctl is not there")
    with Handed() as socket, socket.camd("--mode", "headless") as camd:
        until(lambda: rows(camd.output) > 5, "frames")
        camctl = subprocess.Popen([CAMCTL, "--socket", socket.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        until(lambda: "client 1 connected" in camd.log(), "camctl")
        camctl.kill()
        camctl.communicate()
        until(lambda: "client 1 left" in camd.log(), "the end of camctl")
        before = rows(camd.output)
        until(lambda: rows(camd.output) > before + 10, "frames after that")
        camd.signal(signal.SIGTERM)
        camd.wait()
        check_whole(camd.output)


# ---- too much ----

@test
def hundred_thousand_commands():
    """Piped at once, while it records: each is answered in its turn, none is read before there is room, and the recording goes on."""
    n = 10000 if SANITIZED else 100000
    with Camd(reads=False) as camd:
        said = camd.process.stdout
        camd.send("start_recording")
        equal(json.loads(said.readline())["status"], "recording_started")
        feeder = threading.Thread(target=camd.send_raw, args=(b"".join(
            b'{"command":"ping","id":%d}\n' % k for k in range(n)) + b'{"command":"stop_recording"}\n{"command":"quit"}\n',))
        feeder.start()
        for k in range(n):
            line = said.readline()
            check(b'"pong"' in line and line.endswith(b'"id":%d}\n' % k), f"reply {k}: {line}")
            if k == n // 10:
                before_kb = camd.rss_kb()
        grown_kb = camd.rss_kb() - before_kb
        check(SANITIZED or grown_kb < 4096, f"memory grew by {grown_kb} KB")
        feeder.join()
        stopped = json.loads(said.readline())
        equal((stopped["status"], json.loads(said.readline())["status"]), ("recording_stopped", "quitting"))
        camera, = stopped["data"]["cameras"]
        check_stopped(camera)
        check(SANITIZED or not sum(camera["lost"].values()), camera)
        check(camera["frames"] >= (2 if SANITIZED else 5), "frames")
        camd.wait()


# ---- limits ----

def limit(camd, kind, soft):
    hard = resource.prlimit(camd.process.pid, kind)[1]
    resource.prlimit(camd.process.pid, kind, (hard if soft is None else soft, hard))


def descriptors(camd):
    return len(os.listdir(f"/proc/{camd.process.pid}/fd"))


@test
def no_descriptors_left():
    """What needs one is refused, and says why; what records goes on; with some again, all is well."""
    with Camd(cameras=[SMALL, SMALL]) as camd:
        first = camd.ask("start_recording", camera_id=0)["files"]
        camd.ask("ping")
        limit(camd, resource.RLIMIT_NOFILE, descriptors(camd))
        for command in ("start_recording", "take_snapshot"):
            error = camd.fails(command, **({"camera_id": 1} if command == "start_recording" else {}))
            check("Too many open files" in error["message"], error)
        camd.ask("get_status")
        camd.ask("wait", seconds=0.5)
        limit(camd, resource.RLIMIT_NOFILE, None)
        camd.ask("start_recording", camera_id=1)
        camd.ask("take_snapshot")
        camd.ask("wait", seconds=0.5)
        stopped = camd.ask("stop_recording")
        equal(stopped["files"][:1], first, "the first recording is the same")
        for camera in stopped["cameras"]:
            check_stopped(camera)
            equal(camera["lost"]["storage"], 0)
        camd.quit()


@test
def few_descriptors_from_the_start():
    """Cameras that it has none for are said so; it does not fall over."""
    for n in (12, 20, 30):
        with Camd(wrapper=["sh", "-c", f'ulimit -n {n}; exec "$@"', "sh"], cameras=3 * [SMALL]) as camd:
            camd.send("start_recording")
            reply = camd.reply()
            check(reply["status"] in ("recording_started", "error"), reply)
            camd.ask("ping")
            camd.send("quit")
            camd.wait(status=None)
            equal(camd.process.returncode, 0)
            for video in camd.output.glob("*/*.mp4"):
                check(is_finished(video), f"{video} is not finished, with {n} descriptors")
                check_video(video)


@test
def no_memory_left():
    """It can't go on then, and does not try: what is recorded plays, and the next start finishes it."""
    if SANITIZED:
        raise Skip("a sanitizer needs all the addresses there are")
    with Camd() as camd:
        video, = camd.ask("start_recording")["files"]
        until(lambda: rows(camd.output) > 10, "frames")
        size_kb = int(pathlib.Path(f"/proc/{camd.process.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        limit(camd, resource.RLIMIT_AS, size_kb)
        camd.send_raw(b'{"command":"describe"}\n{"command":"take_snapshot","format":"png"}\n{"command":"set_config","values":{"overlay_text":"%a"}}\n' * 100)
        camd.wait(status=-signal.SIGABRT, timeout=20)
        check(not is_finished(video), "it can't be finished")
        frames, table = count_frames(video), len(read_csv(video))
        check(frames >= 10 and abs(frames - table) <= 1, f"{frames} frames play, {table} rows")
        with Camd(output=camd.output, cameras=[]) as after:
            after.ask("subscribe", events=["recovered"])
            equal(after.event("recovered")["file"], video)
            after.quit()
        check_video(video)


# ---- rights that go ----

def own_directory(user):
    """Where the ordinary user may write, until somebody else takes that from him."""
    if not user.wrapper:
        raise Skip("rights are no matter to the only user, or are his own")
    return user.directory("mine", 0o755)


@test
def rights_are_lost_while_it_records():
    """What is open goes on; what must be made anew is refused and says why, and is there again once it may be."""
    with Ordinary() as user:
        output = own_directory(user)
        with user.run_camd(output) as camd:
            video, = camd.ask("start_recording")["files"]
            session = pathlib.Path(video).parent
            os.chmod(session, 0o555)
            os.chown(session, 0, 0)
            os.chmod(video, 0)
            camd.fails("take_snapshot", "permission_denied")
            camd.ask("wait", seconds=0.7)
            camera, = camd.ask("stop_recording")["cameras"]
            os.chmod(video, 0o644)
            check_stopped(camera)
            camd.fails("start_recording", "permission_denied")
            os.chown(session, os.stat(output).st_uid, -1)
            os.chmod(session, 0o755)
            camd.ask("start_recording")
            camd.ask("take_snapshot")
            camd.ask("wait", seconds=0.5)
            check_stopped(camd.ask("stop_recording")["cameras"][0])
            camd.quit()


@test
def rights_are_lost_between_two_files():
    """A recording that can't go on in another file ends, with everything before it whole."""
    with Ordinary() as user:
        output = own_directory(user)
        with user.run_camd(output, "--segment-length", "1", "--intra", "0.2") as camd:
            camd.ask("subscribe", events="*")
            video, = camd.ask("start_recording")["files"]
            session = pathlib.Path(video).parent
            camd.event("segment_finished")
            until(lambda: len(list(session.glob("*.csv"))) == 2, "another file")
            os.chmod(session, 0o555)
            ended = camd.event("recording_stopped")
            equal(ended["cause"], "error")
            check("Permission denied" in ended["error"] and str(session) in ended["error"], ended)
            equal(ended["captured"], ended["frames"] + sum(ended["lost"].values()), "ledger")
            videos = sorted(session.glob("*.mp4"))
            check(all(map(is_finished, videos)), "all files are finished")
            equal([sum(map(len, map(read_csv, videos))), sum(map(count_frames, videos))], 2 * [ended["frames"]], "frames of all files")
            camd.fails("start_recording", "permission_denied")
            os.chmod(session, 0o755)
            camd.ask("start_recording")
            camd.ask("wait", seconds=0.5)
            camera, = camd.ask("stop_recording")["cameras"]
            check_stopped(camera)
            camd.quit()


# ---- names ----

AWKWARD = ["it's \"quoted\" with space", "new\nline\tback\\slash\n", "-rf $(reboot)`reboot`; %s%n &*?", "#ümläut=夜,[0-9].mp4"]


@test
def awkward_names():
    """Of directories and prefixes: camd, its files, their replies, remux and camctl take them as they are."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as directory:
        for name in AWKWARD:
            output = pathlib.Path(directory) / name
            with Camd("--container", "h264", f"--session-prefix={name.strip('-')}", output=output) as camd:
                camd.ask("subscribe", events="*")
                raw, = camd.ask("start_recording")["files"]
                camd.ask("wait", seconds=1.2)
                camd.ask("stop_recording")
                shot, = camd.ask("take_snapshot")["files"]
                check(pathlib.Path(raw).parent.parent == output.resolve(), raw)
                check(os.path.getsize(shot) > 500, shot)
                camd.ask("remux", file=raw)
                done = camd.event("job_done")
                check(done["ok"], done)
                check_video(done["files"][0])
                camd.quit()
            awkward_and_killed(output)


def awkward_and_killed(output):
    """In a directory of such a name: recovered after a crash, exported, verified."""
    with Camd(output=output) as camd:
        video, = camd.ask("start_recording")["files"]
        camd.ask("wait", seconds=1)
        camd.kill()
    with Camd(output=output) as camd:
        camd.ask("subscribe", events="*")
        equal(camd.event("recovered")["file"], video)
        camd.ask("export", session=pathlib.Path(video).parent.name)
        done = camd.event("job_done")
        check(done["ok"] and done["files"], done)
        camd.quit()
    check_video(video)
    if CAMCTL:
        said = subprocess.run([CAMCTL, "verify", video], capture_output=True, text=True, timeout=60)
        equal(said.returncode, 0, said.stdout + said.stderr)


if __name__ == "__main__":
    main()
