#!/usr/bin/env python3
"""camd in the test kernel with the camera that libcamera makes of vimc: sensor, debayer and scaler are the kernel's.

    vimc.py CASE CAMD PROBE DEQUEUED        on the host: boots the kernel for the case, then reads back every frame
    vimc.py inside CASE CAMD DIR DEQUEUED   in the kernel: drives camd over its protocol, copies what it recorded to DIR

DEQUEUED is tests/kernel/dequeued.c: it writes down what the driver itself said of each buffer, so that libcamera, the module
and camd can be compared with what none of them has touched.

Cases: record (20 s, beside a vivid camera through V4L2), controls (brightness), again (started twice, and two camd at once),
plugged (after camd has started), unplugged (while it records; in real time, for libcamera's thread then turns in a circle).
libcamera notices that USB cameras are unplugged, of others it does not: so that one can't come back to the same process.
"""
import csv
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

# of each bar, as they are at three quarters of full brightness
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]
ASKED = "640x480"       # what libcamera makes of it differs: until 0.3 a multiple of six


class Camd:
    def __init__(self, camd, out, *flags):
        self.process = subprocess.Popen([*inkernel.NO_NETWORK, camd, "--output-dir", out, "--log-level", "debug", *flags], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, command, **arguments):
        self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        line = self.process.stdout.readline()
        with open(os.path.join(os.environ["CAMD_SCRATCH"], "lines"), "a", encoding="utf-8") as file:
            file.write(line)
        print(line[:300].rstrip(), flush=True)
        return json.loads(line)

    def good(self, command, **arguments):
        reply = self.ask(command, **arguments)
        assert reply["status"] != "error", reply
        return reply["data"]

    def stop_recording(self):
        """Notes which files are vimc's."""
        numbers = [camera["camera_id"] for camera in self.good("list_cameras")["cameras"] if camera["kind"] == "libcamera"]
        stopped = self.good("stop_recording")
        with open(os.path.join(os.environ["CAMD_SCRATCH"], "videos"), "a", encoding="utf-8") as file:
            for camera in stopped["cameras"]:
                if camera["camera_id"] in numbers:
                    file.write("/".join(camera["file"].split("/")[-2:]) + "\n")
        return stopped

    def quit(self):
        assert self.ask("quit")["status"] == "quitting"
        assert self.process.wait() == 0


def check_ledger(stopped):
    for camera in stopped["cameras"]:
        assert camera["captured"] == camera["frames"] + sum(camera["lost"].values()), camera
        assert camera["lost"] == {"sensor": 0, "starved": 0, "encoder": 0, "storage": 0}, camera


def inside_record(camd, out):
    # no --camera: all that are found, each once
    daemon = Camd(camd, out, "--resolution", ASKED, "--target-fps", "1000")
    cameras = daemon.good("list_cameras")["cameras"]
    assert sorted(camera["kind"] for camera in cameras) == ["libcamera", "v4l2"], cameras
    vimc = next(camera for camera in cameras if camera["kind"] == "libcamera")
    assert vimc["id"].startswith("libcamera:platform/vimc"), vimc
    assert "Brightness" in [control["name"] for control in vimc["controls"]], vimc
    daemon.good("start_recording")
    daemon.good("wait", seconds=20)
    stopped = daemon.stop_recording()
    assert len(stopped["cameras"]) == 2, stopped
    check_ledger(stopped)
    daemon.quit()


def check_complaints(out):
    """vimc's sensor has a Brightness, and can neither be turned nor cropped: libcamera's own answer to being asked."""
    log, = glob.glob(out + "/session_*/session.log")
    with open(log, encoding="utf-8") as file:
        complaints = [line.split("camera 0: ")[1].split(":")[0] for line in file if "nothing of the kind" in line]
    assert complaints == ["roi", "hflip", "vflip"], complaints


def inside_controls(camd, out):
    daemon = Camd(camd, out, "--camera", "libcamera", "--resolution", ASKED, "--target-fps", "1000", "--rotation", "180",
                  "--roi", "0,0,0.5,0.5")
    daemon.good("list_cameras")
    check_complaints(out)
    daemon.good("start_recording")
    daemon.good("wait", seconds=2)
    refused = daemon.ask("set_controls", controls={"Brightness": 7})["data"]
    assert refused["code"] == "bad_argument" and "Brightness" in refused["message"], refused
    daemon.good("set_controls", controls={"Brightness": 0.25})
    daemon.good("wait", seconds=2)
    check_ledger(daemon.stop_recording())
    daemon.quit()


def inside_again(camd, out):
    flags = ["--camera", "libcamera:0", "--resolution", ASKED, "--target-fps", "1000"]
    for _ in range(2):
        daemon = Camd(camd, out, *flags)
        daemon.good("start_recording")
        second = Camd(camd, out, *flags, "--discovery-timeout", "1")
        # libcamera can't even look at a vimc that is streaming, so to the second there is none
        assert second.ask("start_recording")["status"] == "error"
        camera, = second.good("get_status")["cameras"]
        assert camera["state"] == "failed" and "another process" in camera["error"], camera
        second.quit()
        daemon.good("wait", seconds=1)
        check_ledger(daemon.stop_recording())
        daemon.quit()


def plug(how):
    with open(f"/sys/bus/platform/drivers/vimc/{how}", "w", encoding="utf-8") as file:
        file.write("vimc.0")


def inside_plugged(camd, out):
    plug("unbind")
    daemon = Camd(camd, out, "--camera", "libcamera", "--resolution", ASKED, "--target-fps", "1000", "--discovery-timeout", "0")
    assert daemon.ask("start_recording")["status"] == "error"
    plug("bind")
    daemon.good("wait", seconds=10)
    daemon.good("start_recording")
    daemon.good("wait", seconds=1)
    check_ledger(daemon.stop_recording())
    daemon.quit()


def inside_unplugged(camd, out):
    daemon = Camd(camd, out, "--resolution", ASKED, "--target-fps", "1000")
    numbers = {camera["kind"]: camera["camera_id"] for camera in daemon.good("list_cameras")["cameras"]}
    daemon.good("start_recording")
    daemon.good("wait", seconds=2)
    plug("unbind")
    for _ in range(60):
        daemon.good("wait", seconds=0.5)
        cameras = daemon.good("get_status")["cameras"]
        if cameras[numbers["libcamera"]]["state"] == "lost":
            break
    assert "unplugged" in cameras[numbers["libcamera"]]["error"], cameras
    assert cameras[numbers["v4l2"]]["state"] == "running", cameras
    stopped = daemon.stop_recording()
    for camera in stopped["cameras"]:
        assert camera["captured"] == camera["frames"] + sum(camera["lost"].values()), camera
    assert len(stopped["cameras"]) == 2 and all(camera["frames"] > 5 for camera in stopped["cameras"]), stopped
    daemon.quit()


def inside(case, camd, target, dequeued):
    out = os.path.join(os.environ["CAMD_SCRATCH"], "recordings")
    os.environ["CAMD_DEQUEUED"] = os.path.join(os.environ["CAMD_SCRATCH"], "dequeued")
    os.environ["LD_PRELOAD"] = dequeued
    try:
        globals()["inside_" + case](camd, out)
    except AssertionError:
        for log in glob.glob(out + "/*/session.log"):
            with open(log, encoding="utf-8") as file:
                print(file.read()[-4000:], file=sys.stderr)
        raise
    shutil.copytree(out, target, dirs_exist_ok=True)
    for name in ("lines", "dequeued", "videos"):
        shutil.copy(os.path.join(os.environ["CAMD_SCRATCH"], name), target)


# ---- what came of it ----

def driver_times(target):
    """What the driver said, in its order: a list of dicts by sequence, one for each time that it was started."""
    runs = {}
    with open(target + "/dequeued", encoding="utf-8") as file:
        for line in file:
            device, sequence, time = map(int, line.split())
            kept = runs.setdefault(device, [])
            if sequence == 0 or not kept:
                kept.append({})
            kept[-1][sequence] = time
    return [run for kept in runs.values() for run in kept]


def logged_times(log):
    """What the requests' metadata said, by sequence, as camd logged it."""
    with open(log, encoding="utf-8") as file:
        found = re.findall(r"libcamera:\S+ .*sequence (\d+), SensorTimestamp (\d+),", file.read())
    return {int(sequence): int(time) for sequence, time in found}


def check_times(video, runs):
    """Each row's time is to the nanosecond that of the driver's buffer, and of libcamera's metadata, with its sequence."""
    with open(video[:-len(".mp4")] + "_frame_timing.csv", encoding="utf-8") as file:
        times = {int(row["camera_frame"]) - 1: int(row["sensor_timestamp_ns"]) for row in csv.DictReader(file)}
    metadata = logged_times(os.path.dirname(video) + "/session.log")
    wrong = [sequence for sequence, time in times.items() if metadata.get(sequence) != time]
    assert not wrong, f"{video}: other times than the metadata's: {wrong[:5]}"
    fits = [run for run in runs if all(run.get(sequence) == time for sequence, time in times.items())]
    assert len(fits) == 1, f"{video}: {len(fits)} of {len(runs)} runs of a driver have these times"
    return len(times)


def bars(video, which):
    """The colours in the middle of the bars, below the text, of the first or the last frame."""
    width, height = map(int, re.search(r"_(\d+)x(\d+)_", video).groups())
    seek = [] if which == "first" else ["-sseof", "-0.1"]
    raw = subprocess.run(["ffmpeg", "-v", "error", *seek, "-i", video, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         check=True, stdout=subprocess.PIPE).stdout
    assert len(raw) == width * height * 3, f"{video}: {len(raw)} bytes in a picture"
    places = [((height - 60) * width + round((k + 0.5) * width / len(BARS))) * 3 for k in range(len(BARS))]
    return [tuple(raw[at:at + 3]) for at in places]


def check_colours(video, brighter):
    far = max(abs(a - b) for found, bar in zip(bars(video, "first"), BARS) for a, b in zip(found, bar))
    assert far <= 8, f"{video}: {bars(video, 'first')}, not {BARS}"
    if brighter:
        black, white = bars(video, "last")[-1], bars(video, "last")[0]
        # a quarter of libcamera's brightness is 32 of the sensor's 255
        off = max(abs(value - wanted - 32) for found, wanted in ((black, 0), (white, 191)) for value in found)
        assert off <= 8, f"{video}: brightness was set: black {black}, white {white}"


def run(case, camd, probe, dequeued):
    with tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), *(["-t"] if case != "unplugged" else []), "-m", "2G", "-T", "240", "--", "/usr/bin/python3", os.path.abspath(__file__), "inside",
                   case, os.path.abspath(camd), target, os.path.abspath(dequeued)]
        subprocess.run(command, check=True)
        if "CAMD_CHECK_LINES" in os.environ:
            with open(target + "/lines", "rb") as file:
                subprocess.run([os.environ["CAMD_CHECK_LINES"], "check-lines"], stdin=file, check=True)
        runs = driver_times(target)
        with open(target + "/videos", encoding="utf-8") as file:
            videos = [f"{target}/{line.strip()}" for line in file]
        assert len(videos) == (2 if case == "again" else 1), videos
        for video in videos:
            subprocess.run([probe, video, video[:-len(".mp4")] + "_frame_timing.csv"], check=True)
            frames = check_times(video, runs)
            check_colours(video, case == "controls")
            print(f"{os.path.basename(video)}: {frames} frames, their times the driver's and the metadata's, its colours vimc's")


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
