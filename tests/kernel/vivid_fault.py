#!/usr/bin/env python3
"""What goes wrong with a V4L2 camera while it records, in the test kernel and in simulated time, by vivid's faults on demand.

    vivid_fault.py CASE CAMD PROBE        on the host: boots the kernel for the case, then reads every video back
    vivid_fault.py inside CASE CAMD DIR   in the kernel

Two vivid cameras record; camera 0 suffers, camera 1 must not notice. Whatever happens, camera 0's recording goes on in the
same file, its ledger adds up, and what is missing is missing in the file's times, too. Because time is simulated, what is
expected is exact to some frames. The functions whose names begin with case_ are the cases.
"""
import csv
import glob
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

FPS = 25
PERIOD_NS = 1_000_000_000 // FPS
VIVID = inkernel.VIVID
SEQUENCE_WRAP, TIME_WRAP, DROPPED, DISCONNECT, BUFFER, REQBUFS, QBUF, STREAMON, FATAL = (
    VIVID + n for n in (38, 39, 64, 65, 66, 67, 68, 69, 70))


def total(lost):
    return sum(lost.values())


class Scene:
    """Two cameras, a recording of both, and what came of it."""

    def __init__(self, program):
        self.program = program
        self.nodes = inkernel.vivid_nodes()
        self.camd, self.began = None, 0

    def open(self, before=()):
        flags = ["--resolution", "320x180", "--target-fps", str(FPS), "--bitrate", "300k", "--encoder", "software"]
        for node in self.nodes:
            flags += ["--camera", "v4l2:" + node]
        self.camd = inkernel.Camd(self.program, *flags, before=before)
        self.camd.ask("subscribe", events=["*"])

    def record(self, seconds=4):
        self.began = time.monotonic()
        started = self.camd.ask("start_recording")
        time.sleep(seconds)
        return started

    def inject(self, control, value=1):
        inkernel.vivid_inject(self.nodes[0], control, value)

    def states(self):
        return [(camera["state"], camera["recording"]) for camera in self.camd.ask("get_status")["cameras"]]

    def heard(self, name, camera):
        return [event["data"] for event in self.camd.events
                if event.get("event") == name and event["data"].get("camera_id") == camera]

    def stop(self, recorded=2):
        """Ends the recording, and checks what holds whatever happened. recorded: how many cameras did."""
        cameras = self.camd.ask("stop_recording")["cameras"]
        self.camd.ask("ping")               # what events are on their way come before its answer
        for camera in cameras:
            assert camera["captured"] == camera["frames"] + total(camera["lost"]), camera
            assert "error" not in camera, camera
        assert len({camera["file"] for camera in cameras}) == recorded, cameras
        # what the events said was lost is what the ledger says
        told = self.heard("frames_lost", cameras[0]["camera_id"])
        for cause, lost in cameras[0]["lost"].items():
            assert sum(data["lost"][cause] for data in told) == lost, (told, cameras[0])
        assert not self.heard("camera_lost", 1) and not self.heard("frames_lost", 1), self.camd.events
        return cameras

    def finish(self):
        self.camd.ask("quit")
        assert self.camd.process.wait() == 0

    def end(self, seconds=4, late=0, check=None):
        """After so many seconds. late: how many frames camera 0's recording began later. Returns what camera 0 lost."""
        time.sleep(seconds)
        recorded = time.monotonic() - self.began
        suffering, other = self.stop()
        assert total(other["lost"]) == 0, other
        assert abs(other["captured"] - recorded * FPS) <= 2, (other, recorded)
        assert abs(suffering["captured"] + late - other["captured"]) <= 3, (suffering, other)
        assert not check or check()
        self.finish()
        return suffering["lost"]

    def logged(self, words):
        """How often camd's log has said it of camera 0."""
        return sum(words in line and self.nodes[0] in line for line in self.camd.log().splitlines())

    def went_away(self, times):
        """How often camera 0 was lost, and found again."""
        names = [event["event"] for event in self.camd.events
                 if event.get("event") in ("camera_lost", "camera_found") and event["data"]["camera_id"] == 0]
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
    assert total(scene.end()) == 0
    scene.went_away(0)
    assert scene.camd.log().count("the driver refuses a buffer") == 1


def case_fatal(scene):
    """The queue fails, three times; the source starts it again, and nobody else is to notice."""
    scene.open()
    scene.record()
    for _ in range(3):
        scene.inject(FATAL)
        time.sleep(3)
    assert total(scene.end()) <= 6
    scene.went_away(0)
    assert scene.logged("streaming failed") == 3


def case_fatal_at_restart(scene):
    """The queue fails, and so does the first attempt to start it again."""
    scene.open()
    scene.record()
    scene.inject(STREAMON)
    scene.inject(FATAL)
    assert total(scene.end()) <= 3
    scene.went_away(0)
    assert scene.logged("streaming failed") == 1


def case_silent(scene):
    """Streams, but gives nothing for 3 s: it is started again, and isn't given up yet."""
    scene.open()
    scene.record()
    scene.inject(DROPPED, 100)
    time.sleep(3)
    scene.inject(DROPPED, 0)
    lost = scene.end()
    scene.went_away(0)
    assert abs(lost["sensor"] - 3 * FPS) <= 3 and total(lost) == lost["sensor"], lost
    assert scene.logged("no pictures for") == 1


def case_silent_for_long(scene):
    """Gives nothing for 20 s: it is given up, and opened again until it gives pictures."""
    scene.open()
    scene.record()
    scene.inject(DROPPED, 100)
    time.sleep(20)
    scene.camd.ask("ping")
    assert scene.heard("camera_lost", 0), scene.camd.events
    scene.inject(DROPPED, 0)
    lost = scene.end(60)
    assert lost["sensor"] >= 20 * FPS - 3 and total(lost) == lost["sensor"], lost


# ---- at the start ----

def case_start_streamon(scene):
    """The driver starts at the second attempt only."""
    scene.inject(STREAMON)
    scene.open()
    scene.record(0)
    assert total(scene.end()) == 0
    scene.went_away(0)


def case_start_qbuf(scene):
    """The first buffer is refused."""
    scene.inject(QBUF)
    scene.open()
    scene.record(0)
    assert total(scene.end()) == 0
    scene.went_away(0)


def case_start_damaged(scene):
    """The very first picture has the error flag: the recording begins with the next."""
    scene.inject(BUFFER)
    scene.open()
    scene.record(0)
    assert total(scene.end()) == 0
    scene.went_away(0)


def case_start_reqbufs(scene):
    """No memory for buffers at first: a second try finds some, and the camera can record."""
    scene.inject(REQBUFS)
    scene.open()
    started = scene.record(5)
    assert [camera["camera_id"] for camera in started["cameras"]] == [1], started
    assert [failed["camera_id"] for failed in started["failed"]] == [0], started
    assert [state for state, _ in scene.states()] == ["running", "running"]
    scene.camd.ask("start_recording", camera_id=0)
    assert total(scene.end(late=5 * FPS)) == 0


def case_start_rights(scene):
    """No right to open it: that is said, with the remedy; the other camera's recording begins."""
    rights = os.stat(scene.nodes[0]).st_mode & 0o777
    os.chmod(scene.nodes[0], 0)
    scene.open(before=inkernel.LIKE_OTHERS)
    started = scene.record(5)
    failed, = started["failed"]
    assert [camera["camera_id"] for camera in started["cameras"]] == [1] and failed["camera_id"] == 0, started
    assert failed["code"] == "permission_denied" and "usermod -aG video" in failed["message"], failed
    os.chmod(scene.nodes[0], rights)
    time.sleep(10)
    scene.camd.ask("start_recording", camera_id=0)
    assert total(scene.end(late=15 * FPS)) == 0
    none_may_be_opened(scene, rights)


def none_may_be_opened(scene, rights):
    """Where the first camera is wanted, whichever it is, it is said how many there are no rights to."""
    nodes = glob.glob("/dev/video*")
    for node in nodes:
        os.chmod(node, 0)
    camd = inkernel.Camd(scene.program, "--camera", "v4l2:", before=inkernel.LIKE_OTHERS)
    time.sleep(1)
    reason = camd.ask("get_status")["cameras"][0]["error"]
    assert f"there is no permission to open {len(nodes)} of /dev/video*: add yourself to group video" in reason, reason
    camd.ask("quit")
    for node in nodes:
        os.chmod(node, rights)


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
    assert total(scene.end()) == 0
    scene.went_away(0)


def case_astray(scene):
    """Time stamps of another clock, which wrap on top of that: the times of arrival are taken."""
    for wrap in (1, 2):
        scene.inject(TIME_WRAP, wrap)
        scene.open()
        scene.record(20)
        assert total(scene.end()) == 0
        scene.went_away(0)
        assert scene.logged("its time stamps are astray") == wrap       # in the sessions so far
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
    """Away for a minute, while the other one goes on: a gap longer than nanoseconds in 32 bits."""
    scene.open()
    scene.record()
    keep = os.open(scene.nodes[0], os.O_RDWR)
    scene.inject(DISCONNECT)
    time.sleep(60)
    assert scene.states() == [("lost", True), ("running", True)]
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
    lost = scene.end()
    scene.went_away(5)
    assert 5 * FPS // 2 <= lost["sensor"] <= 5 * 4 * FPS and total(lost) == lost["sensor"], lost


def case_unplug_swapped(scene):
    """While it is away the other camera's node takes its name: it comes back as itself, from another /dev/videoN."""
    scene.open()
    scene.record()
    ids = [camera["id"] for camera in scene.camd.ask("get_status")["cameras"]]
    assert len(set(ids)) == 2 and not any("/dev/" in each for each in ids), ids
    first, second = scene.nodes
    device = os.stat(first).st_rdev
    keep = os.open(first, os.O_RDWR)
    scene.inject(DISCONNECT)
    os.rename(first, "/dev/swapped")
    os.rename(second, first)
    os.rename("/dev/swapped", second)
    os.close(keep)
    opened = f"/proc/{scene.camd.process.pid}/fd/"
    lost = scene.end(10, check=lambda: os.stat(second).st_rdev == device and
              second in [os.readlink(opened + fd) for fd in os.listdir(opened)])
    scene.went_away(1)
    assert scene.heard("camera_found", 0)[-1]["id"] == ids[0], (scene.camd.events, ids)
    assert total(lost) == lost["sensor"] <= 4 * FPS, lost


def case_unplug_rights(scene):
    """What it is back as may not be opened, at first. Taking the rights away changes nothing for who has it open."""
    scene.open(before=inkernel.LIKE_OTHERS)
    scene.record()
    rights = os.stat(scene.nodes[0]).st_mode & 0o777
    os.chmod(scene.nodes[0], 0)
    time.sleep(2)
    assert scene.states() == [("running", True)] * 2 and not scene.heard("frames_lost", 0)
    scene.inject(DISCONNECT)
    time.sleep(15)
    reason = scene.camd.ask("get_status")["cameras"][0]["error"]
    assert f"or is {scene.nodes[0]}, which there is no permission to open" in reason, reason
    assert scene.states() == [("lost", True), ("running", True)]
    os.chmod(scene.nodes[0], rights)
    lost = scene.end(20)
    scene.went_away(1)
    assert 15 * FPS <= lost["sensor"] <= 40 * FPS and total(lost) == lost["sensor"], lost


def case_unplug_at_the_end(scene):
    """The recording ends while the camera is away: the file is complete as far as it goes."""
    scene.open()
    scene.record()
    keep = os.open(scene.nodes[0], os.O_RDWR)
    scene.inject(DISCONNECT)
    time.sleep(5)
    suffering, other = scene.stop()
    assert abs(suffering["frames"] - 4 * FPS) <= 3, suffering
    assert abs(other["frames"] - 9 * FPS) <= 3 and total(other["lost"]) == 0, other
    os.close(keep)
    scene.finish()


# ---- when a recording starts, and when it ends ----

START_TIMEOUT_S = 5
# what is injected; how long the start of a recording takes then, at most: beyond the timeout camera 0's has failed; how many frames
# it costs camera 0 at the end, at least and at most
AT_ONCE = [
    ("damaged", [(BUFFER, 1)], 0.2, 1, 1),
    ("silent", [(DROPPED, 100)], START_TIMEOUT_S + 0.1, 0, 0),
    ("refused", [(QBUF, 1)], 0.2, 0, 0),
    ("fatal", [(FATAL, 1)], 0.2, 0, 2),
    ("fatal, restart refused", [(STREAMON, 1), (FATAL, 1)], 0.2, 0, 2),
    ("unplugged", [(DISCONNECT, 1)], 2, 0, 0),
    ("one in five dropped", [(DROPPED, 20)], 0.4, 0, 4),
    ("unplugged, then no memory", [(REQBUFS, 1), (DISCONNECT, 1)], 4, 0, 0),
]


def start_under(scene, name, faults, most_s):
    """With the fault there, a running camera's recording begins all the same, or is said to have failed, and holds up nobody."""
    fails = most_s > START_TIMEOUT_S
    for control, value in faults:
        scene.inject(control, value)
    began = time.monotonic()
    started = scene.record(0)
    took = time.monotonic() - began
    assert [camera["camera_id"] for camera in started.get("failed", [])] == ([0] if fails else []), (name, started)
    assert took < most_s, (name, took)
    scene.inject(DROPPED, 0)
    time.sleep(1)
    cameras = scene.stop(recorded=1 if fails else 2)
    assert not sum(total(camera["lost"]) for camera in cameras), (name, cameras)


def end_under(scene, name, faults, least, most):
    """It ends at once, with what was recorded up to then."""
    scene.record(1)
    for control, value in faults:
        scene.inject(control, value)
    time.sleep(0.1)
    began = time.monotonic()
    suffering, other = scene.stop()
    assert time.monotonic() - began < 0.1 and not total(other["lost"]), (name, other)
    assert least <= suffering["lost"]["sensor"] == total(suffering["lost"]) <= most, (name, suffering)
    assert 25 <= suffering["frames"] + total(suffering["lost"]) <= other["frames"] + 2, (name, suffering, other)
    scene.inject(DROPPED, 0)


def case_starts_and_ends(scene):
    """Each fault just before a recording starts, and just before it ends; afterwards the camera records as ever."""
    scene.open()
    time.sleep(2)
    for name, faults, most_s, least, most in AT_ONCE:
        for ends in (False, True):
            scene.camd.events.clear()
            if ends:
                end_under(scene, name, faults, least, most)
            else:
                start_under(scene, name, faults, most_s)
            time.sleep(10)
            scene.camd.events.clear()
            scene.record(1)
            assert not sum(total(camera["lost"]) for camera in scene.stop()), name
    scene.finish()


# ----

def check_gaps(table):
    """From row to row, the time fits the number of frames that the row says are missing."""
    with open(table, encoding="utf-8") as file:
        rows = [{key: int(row[key]) for key in ("sensor_timestamp_ns", "dropped_since_last", "frame_number")}
                for row in csv.DictReader(file)]
    worst = 0
    for before, row in zip(rows, rows[1:]):
        missing = row["dropped_since_last"]
        assert row["frame_number"] == before["frame_number"] + 1 + missing, (table, before, row)
        off = abs(row["sensor_timestamp_ns"] - before["sensor_timestamp_ns"] - (1 + missing) * PERIOD_NS)
        assert off < PERIOD_NS, (table, before, row)
        worst = max(worst, off)
    missing = sum(row["dropped_since_last"] for row in rows)
    print(f"{os.path.basename(table)}: {len(rows)} frames, {missing} missing, times at most {worst / 1e6:.3f} ms off the count")


def inside(case, program, target):
    scene = Scene(program)
    try:
        globals()["case_" + case](scene)
    except BaseException:
        print(scene.camd.log()[-6000:] if scene.camd else "", file=sys.stderr)
        raise
    for table in sorted(glob.glob(scene.camd.output + "/*/*.csv")):
        check_gaps(table)
    inkernel.keep(target)


def run(case, camd, probe):
    videos = inkernel.run(__file__, case, camd, probe, ["-t", "-T", "200", "-k", "vivid.n_devs=2"])
    expected = {"astray": 4, "starts_and_ends": 2 * 4 * len(AT_ONCE) - sum(fault[2] > START_TIMEOUT_S for fault in AT_ONCE)}
    assert len(videos) == expected.get(case, 2), videos         # one a camera and session, whatever happened


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    elif sys.argv[1] == "list":
        print("\n".join(sorted(name[len("case_"):] for name in globals() if name.startswith("case_"))))
    else:
        run(*sys.argv[1:])
