#!/usr/bin/env python3
"""What goes wrong with a V4L2 camera while it records: camd in the test kernel, against vivid's faults on demand.

    fault.py CASE CAMD PROBE        on the host: boots the kernel for the case, then reads back every frame
    fault.py inside CASE CAMD DIR   in the kernel: drives camd over its protocol, copies what it recorded to DIR

Two vivid cameras record; camera 0 suffers, camera 1 must not notice. Whatever happens, camera 0's recording goes on in the
same file, its ledger adds up, and what is missing is missing in the file's times, too. Time is simulated, so that what is
expected is exact.

The functions whose names begin with case_ are the cases.
"""
import csv
import fcntl
import glob
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from vivid import nodes

HERE = os.path.dirname(os.path.abspath(__file__))
FPS = 25
PERIOD_NS = 1_000_000_000 // FPS
VIDIOC_S_CTRL = 0xC008561C
VIVID = 0x00F0F000
SEQUENCE_WRAP, TIME_WRAP, DROPPED, DISCONNECT, BUFFER, REQBUFS, QBUF, STREAMON, FATAL = (
    VIVID + n for n in (38, 39, 64, 65, 66, 67, 68, 69, 70))


def inject(node, control, value=1):
    """The file is closed again: a vivid that was disconnected returns when its last one is."""
    fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, VIDIOC_S_CTRL, struct.pack("Ii", control, value))
    finally:
        os.close(fd)


class Camd:
    """The real program, spoken to over its pipes; what it tells unasked is kept in events."""

    def __init__(self, program, out, cameras):
        flags = [flag for camera in cameras for flag in ("--camera", camera)]
        self.process = subprocess.Popen(
            [program, "--output-dir", out, "--resolution", "320x180", "--target-fps", str(FPS), "--bitrate", "300k", *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.events = []
        self.ask(command="subscribe", events=["*"])

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        while True:
            line = self.process.stdout.readline()
            with open(os.path.join(os.environ["CAMD_SCRATCH"], "lines"), "a", encoding="utf-8") as file:
                file.write(line)
            reply = json.loads(line)
            print(line[:400].rstrip(), flush=True)
            if reply["type"] != "event":
                return reply
            self.events.append(reply)

    def start(self, **arguments):
        started = self.ask(command="start_recording", **arguments)
        assert started["status"] == "recording_started", started
        return started["data"]

    def stop(self):
        stopped = self.ask(command="stop_recording")
        assert stopped["status"] == "recording_stopped", stopped
        return stopped["data"]["cameras"]

    def finish(self):
        assert self.ask(command="quit")["status"] == "quitting"
        assert self.process.wait() == 0

    def heard(self, name, camera):
        return [event["data"] for event in self.events if event["event"] == name and event["data"].get("camera_id") == camera]


def total(lost):
    return sum(lost.values())


class Scene:
    """Two cameras, a recording of both, and what came of it."""

    def __init__(self, program, out):
        self.nodes = nodes()
        self.program, self.out = program, out
        self.camd = None
        self.cameras = []
        self.check_before_quit = None

    def opened(self):
        """The files that camd has open."""
        folder = f"/proc/{self.camd.process.pid}/fd/"
        return [os.readlink(folder + fd) for fd in os.listdir(folder)]

    def open(self):
        self.camd = Camd(self.program, self.out, [f"v4l2:{node}" for node in self.nodes])

    def record(self, seconds_before=4):
        self.began = time.monotonic()
        started = self.camd.start()
        time.sleep(seconds_before)
        return started

    def inject(self, control, value=1):
        inject(self.nodes[0], control, value)

    def end(self, seconds_after=4, late=0):
        """Ends the recording and checks what holds whatever happened. late: how many frames camera 0's began later."""
        time.sleep(seconds_after)
        seconds = time.monotonic() - self.began
        self.cameras = self.camd.stop()
        self.camd.ask(command="ping")       # whatever events are on their way come before its answer
        for camera in self.cameras:
            assert camera["captured"] == camera["frames"] + total(camera["lost"]), camera
        suffering, other = self.cameras
        assert len({suffering["file"], other["file"]}) == 2
        assert other["lost"] == {"sensor": 0, "starved": 0, "encoder": 0, "storage": 0}, other
        assert abs(other["captured"] - seconds * FPS) <= 2, (other, seconds)
        assert abs(suffering["captured"] + late - other["captured"]) <= 3, (suffering, other)
        assert not self.camd.heard("camera_lost", 1) and not self.camd.heard("frames_lost", 1), self.camd.events
        # what events said was lost is what the ledger says
        told = self.camd.heard("frames_lost", 0)
        for cause in suffering["lost"]:
            assert sum(data["lost"][cause] for data in told) == suffering["lost"][cause], (told, suffering)
        assert not self.check_before_quit or self.check_before_quit()
        self.camd.finish()
        return suffering["lost"]

    def went_away(self, times):
        """How often camera 0 was lost and found again."""
        names = [event["event"] for event in self.camd.events
                 if event["event"] in ("camera_lost", "camera_found") and event["data"]["camera_id"] == 0]
        while names and names[0] == "camera_found":
            names.pop(0)                    # at the opening
        assert names == ["camera_lost", "camera_found"] * times, names


# ---- while it records ----

def case_dropped(scene):
    """A fifth of the pictures never arrive."""
    scene.open()
    scene.record()
    scene.inject(DROPPED, 20)
    time.sleep(6)
    scene.inject(DROPPED, 0)
    lost = scene.end()
    scene.went_away(0)
    assert 5 <= lost["sensor"] <= 80 and total(lost) == lost["sensor"], lost


def case_damaged(scene):
    """Three pictures arrive with the error flag."""
    scene.open()
    scene.record()
    for _ in range(3):
        scene.inject(BUFFER)
        time.sleep(1)
    lost = scene.end()
    scene.went_away(0)
    assert lost == {"sensor": 3, "starved": 0, "encoder": 0, "storage": 0}, lost


def case_refused_buffers(scene):
    """The driver refuses a buffer now and then."""
    scene.open()
    scene.record()
    for _ in range(20):
        scene.inject(QBUF)
        time.sleep(0.3)
    lost = scene.end()
    scene.went_away(0)
    assert total(lost) == 0, lost


def case_fatal(scene):
    """The queue fails, three times; the source starts it again, and nobody else is to notice."""
    scene.open()
    scene.record()
    for _ in range(3):
        scene.inject(FATAL)
        time.sleep(3)
    lost = scene.end()
    scene.went_away(0)
    assert total(lost) <= 6, lost


def case_fatal_at_restart(scene):
    """The queue fails, and the first attempt to start it again, too."""
    scene.open()
    scene.record()
    scene.inject(STREAMON)
    scene.inject(FATAL)
    lost = scene.end()
    scene.went_away(0)
    assert total(lost) <= 3, lost


def case_silent(scene):
    """Streams, but gives nothing for 3 s: a new start is tried, and the camera isn't given up."""
    scene.open()
    scene.record()
    scene.inject(DROPPED, 100)
    time.sleep(3)
    scene.inject(DROPPED, 0)
    lost = scene.end()
    scene.went_away(0)
    assert abs(lost["sensor"] - 3 * FPS) <= 3 and total(lost) == lost["sensor"], lost


def case_silent_for_long(scene):
    """Gives nothing for 20 s: it is given up and opened again until it gives pictures."""
    scene.open()
    scene.record()
    scene.inject(DROPPED, 100)
    time.sleep(20)
    scene.inject(DROPPED, 0)
    lost = scene.end(30)
    assert len(scene.camd.heard("camera_lost", 0)) >= 1
    assert lost["sensor"] >= 20 * FPS - 3 and total(lost) == lost["sensor"], lost


# ---- at the start ----

def case_start_streamon(scene):
    scene.inject(STREAMON)
    scene.open()
    scene.record(0)
    assert total(scene.end()) == 0
    scene.went_away(0)


def case_start_qbuf(scene):
    scene.inject(QBUF)
    scene.open()
    scene.record(0)
    assert total(scene.end()) == 0
    scene.went_away(0)


def case_start_damaged(scene):
    """The very first picture has the error flag: it is none, so the recording begins with the next."""
    scene.inject(BUFFER)
    scene.open()
    scene.record(0)
    assert total(scene.end()) == 0
    scene.went_away(0)


def case_start_reqbufs(scene):
    """No memory for buffers at first: a second try, a second later, finds some."""
    scene.inject(REQBUFS)
    scene.open()
    started = scene.record(5)
    assert [camera["camera_id"] for camera in started["cameras"]] == [1], started
    assert [failed["camera_id"] for failed in started["failed"]] == [0], started
    status = scene.camd.ask(command="get_status")["data"]["cameras"]
    assert [camera["state"] for camera in status] == ["running", "running"], status
    scene.camd.start(camera_id=0)
    assert total(scene.end(late=5 * FPS)) == 0


def case_start_silent(scene):
    """No picture in the first second: that is slow, not lost. The recording begins when they come."""
    scene.inject(DROPPED, 100)
    scene.open()
    time.sleep(1)
    scene.inject(DROPPED, 0)
    scene.record()
    assert total(scene.end()) == 0
    scene.went_away(0)


def case_wraps(scene):
    """The sequence numbers wrap after 128 pictures."""
    scene.inject(SEQUENCE_WRAP, 1)
    scene.open()
    scene.record(10)
    lost = scene.end()
    scene.went_away(0)
    assert total(lost) == 0, lost


def case_astray(scene):
    """Time stamps of another clock, which wrap on top of that: the times of arrival are taken."""
    for node_time_wrap in (1, 2):
        scene.inject(TIME_WRAP, node_time_wrap)
        scene.open()
        scene.record(20)
        lost = scene.end()
        scene.went_away(0)
        assert total(lost) == 0, lost
    scene.inject(TIME_WRAP, 0)


# ---- unplugged ----

def case_unplug(scene):
    """Pulled out and plugged in again at once."""
    scene.open()
    scene.record()
    scene.inject(DISCONNECT)
    lost = scene.end(10)
    scene.went_away(1)
    assert FPS // 2 <= lost["sensor"] <= 4 * FPS and total(lost) == lost["sensor"], lost


def case_unplug_for_long(scene):
    """Away for 60 s, while the other one goes on: a gap longer than 32-bit nanoseconds."""
    scene.open()
    scene.record()
    keep = os.open(scene.nodes[0], os.O_RDWR)
    scene.inject(DISCONNECT)
    time.sleep(60)
    status = scene.camd.ask(command="get_status")["data"]["cameras"]
    assert status[0]["state"] == "lost" and status[0]["recording"], status
    assert status[1]["state"] == "running", status
    os.close(keep)
    lost = scene.end(40)
    scene.went_away(1)
    assert 60 * FPS <= lost["sensor"] <= 95 * FPS and total(lost) == lost["sensor"], lost


def case_unplug_often(scene):
    """Five times, with pauses in which it works."""
    scene.open()
    scene.record()
    for _ in range(5):
        scene.inject(DISCONNECT)
        time.sleep(30)
    scene.end()
    scene.went_away(5)


def case_unplug_swapped(scene):
    """While it is away the other camera's node takes its name: it comes back as itself, from another /dev/videoN."""
    scene.open()
    scene.record()
    ids = [camera["id"] for camera in scene.camd.ask(command="get_status")["data"]["cameras"]]
    assert len(set(ids)) == 2 and not any("/dev/" in each for each in ids), ids
    first, second = scene.nodes
    device = os.stat(first).st_rdev
    keep = os.open(first, os.O_RDWR)
    scene.inject(DISCONNECT)
    os.rename(first, "/dev/swapped")
    os.rename(second, first)
    os.rename("/dev/swapped", second)
    os.close(keep)
    scene.check_before_quit = lambda: os.stat(second).st_rdev == device and second in scene.opened()
    scene.end(10)
    scene.went_away(1)
    found = scene.camd.heard("camera_found", 0)
    assert found[-1]["id"] == ids[0], (found, ids)


def case_unplug_at_the_end(scene):
    """The recording ends while the camera is away: the file is complete, and what is missing at its end is no loss."""
    scene.open()
    scene.record()
    keep = os.open(scene.nodes[0], os.O_RDWR)
    scene.inject(DISCONNECT)
    time.sleep(5)
    suffering, other = scene.camd.stop()
    assert suffering["captured"] == suffering["frames"] + total(suffering["lost"]), suffering
    assert abs(suffering["frames"] - 4 * FPS) <= 3, suffering
    assert abs(other["frames"] - 9 * FPS) <= 3 and total(other["lost"]) == 0, other
    os.close(keep)
    scene.camd.finish()


CASES = sorted(name[len("case_"):] for name in globals() if name.startswith("case_"))


def inside(case, camd, target):
    out = os.path.join(os.environ["CAMD_SCRATCH"], "recordings")
    try:
        globals()["case_" + case](Scene(camd, out))
    except BaseException:
        for log in sorted(glob.glob(out + "/*/session.log")):
            with open(log, encoding="utf-8") as file:
                print(file.read()[-6000:], file=sys.stderr)
        raise
    shutil.copytree(out, target, dirs_exist_ok=True)
    shutil.copy(os.path.join(os.environ["CAMD_SCRATCH"], "lines"), target)


def check_gaps(table):
    """From row to row, the time fits the number of frames that the row says are missing."""
    with open(table, encoding="utf-8") as file:
        rows = [{key: int(float(row[key])) for key in ("sensor_timestamp_ns", "dropped_since_last", "frame_number")}
                for row in csv.DictReader(file)]
    worst = 0
    for before, row in zip(rows, rows[1:]):
        missing = row["dropped_since_last"]
        assert row["frame_number"] == before["frame_number"] + 1 + missing, (table, before, row)
        off = abs(row["sensor_timestamp_ns"] - before["sensor_timestamp_ns"] - (1 + missing) * PERIOD_NS)
        assert off < PERIOD_NS, (table, before, row)
        worst = max(worst, off)
    return len(rows), sum(row["dropped_since_last"] for row in rows), worst


def run(case, camd, probe):
    with tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), "-t", "-T", "200", "-k", "vivid.n_devs=2", "--", "/usr/bin/python3",
                   os.path.abspath(__file__), "inside", case, os.path.abspath(camd), target]
        subprocess.run(command, check=True)
        if "CAMD_CHECK_LINES" in os.environ:
            with open(target + "/lines", "rb") as file:
                subprocess.run([os.environ["CAMD_CHECK_LINES"], "check-lines"], stdin=file, check=True)
        videos = sorted(glob.glob(target + "/session_*/cam*.mp4"))
        sessions = len(glob.glob(target + "/session_*"))
        assert len(videos) == 2 * sessions, videos      # one a camera, whatever happened
        for video in videos:
            table = video[:-len(".mp4")] + "_frame_timing.csv"
            subprocess.run([probe, video, table], check=True)
            frames, missing, worst = check_gaps(table)
            print(f"{os.path.basename(video)}: {frames} frames, {missing} missing, times at most {worst / 1e6:.3f} ms off the count")


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    elif sys.argv[1] == "list":
        print("\n".join(CASES))
    else:
        run(*sys.argv[1:])
