#!/usr/bin/env python3
"""camd in the test kernel, with two vivid cameras at once, through V4L2.

    vivid.py CASE CAMD PROBE        on the host: boots the kernel for the case, then reads back every frame
    vivid.py inside CASE CAMD DIR   in the kernel: drives camd over its protocol, copies what it recorded to DIR

Cases: hour (a simulated hour, 320x180 at 10 fps), large (20 s at 1280x720), busy (two camd on one camera),
off (one of two cameras is switched off, and another program has its device meanwhile), picture (settings of the picture, one camera
otherwise than the other: seen in the driver and in the pixels).
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

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

# seconds, size, frames/s, bit/s, real seconds that it may take
CASES = {"hour": (3600, "320x180", 10, "300k", 600), "large": (20, "1280x720", 10, "4M", 240), "busy": (1, "320x180", 10, "300k", 120),
         "off": (2, "320x180", 10, "300k", 120), "picture": (1, "320x180", 10, "300k", 120)}

VIDIOC_G_CTRL = 0xC008561B
BRIGHTNESS, CONTRAST, SATURATION, HFLIP, VFLIP = 0x980900, 0x980901, 0x980902, 0x980914, 0x980915


def start(camd, out, flags):
    return subprocess.Popen([*inkernel.NO_NETWORK, camd, "--output-dir", out, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def ask(process, **request):
    process.stdin.write(json.dumps(request) + "\n")
    line = process.stdout.readline()
    with open(os.path.join(os.environ["CAMD_SCRATCH"], "lines"), "a", encoding="utf-8") as file:
        file.write(line)
    reply = json.loads(line)
    print(line[:300].rstrip(), flush=True)
    return reply


def finish(process):
    assert ask(process, command="quit")["status"] == "quitting"
    assert process.wait() == 0


def inside_recording(case, camd, out):
    seconds, size, fps, bitrate, _ = CASES[case]
    flags = ["--resolution", size, "--target-fps", str(fps), "--bitrate", bitrate, "--preset", "ultrafast"]
    process = start(camd, out, flags)       # no --camera: all that are found
    started = ask(process, command="start_recording")
    assert started["status"] == "recording_started" and len(started["data"]["files"]) == 2, started
    assert "failed" not in started["data"], started
    assert ask(process, command="wait", seconds=seconds)["status"] == "waited"
    status = ask(process, command="get_status")["data"]
    assert [camera["kind"] for camera in status["cameras"]] == ["v4l2", "v4l2"], status
    stopped = ask(process, command="stop_recording")
    assert stopped["status"] == "recording_stopped", stopped
    for camera in stopped["data"]["cameras"]:
        assert camera["captured"] == camera["frames"] + sum(camera["lost"].values()), camera
        # the first frame comes at once, the last one before the stop: within a frame of what was waited for
        assert abs(camera["captured"] - seconds * fps) <= 2, camera
    finish(process)


def inside_busy(camd, out):
    node = inkernel.vivid_nodes()[0]
    first = start(camd, out, ["--camera", f"v4l2:{node}", "--resolution", "320x180", "--target-fps", "10"])
    assert ask(first, command="start_recording")["status"] == "recording_started"
    second = start(camd, out, ["--camera", f"v4l2:{node}", "--discovery-timeout", "1"])
    refused = ask(second, command="start_recording")
    assert refused["status"] == "error" and refused["data"]["code"] == "camera_busy", refused
    assert str(first.pid) in refused["data"]["message"], (first.pid, refused)
    finish(second)
    assert ask(first, command="wait", seconds=2)["status"] == "waited"
    stopped = ask(first, command="stop_recording")["data"]["cameras"][0]
    assert stopped["frames"] >= 20 and stopped["lost"]["sensor"] == 0, stopped
    finish(first)


def v4l2_ctl_streams(node):
    """Its exit status does not tell."""
    path = os.path.join(os.environ["CAMD_SCRATCH"], "streamed")
    open(path, "wb").close()
    subprocess.run(["v4l2-ctl", "-d", node, "--stream-mmap", "--stream-count=5", f"--stream-to={path}"], capture_output=True)
    return os.path.getsize(path) > 0


def inside_off(camd):
    first, second = inkernel.vivid_nodes()
    with inkernel.Camd(camd, "--resolution", "320x180", "--target-fps", "10", "--bitrate", "300k") as process:
        process.ask("start_recording")
        assert not v4l2_ctl_streams(first), "camd has it"
        process.ask("wait", seconds=1)
        process.ask("set_camera", camera_id=0, enabled=False)
        assert v4l2_ctl_streams(first) and not v4l2_ctl_streams(second)
        process.ask("set_camera", camera_id=0, enabled=True)
        process.ask("wait", seconds=1)
        assert len(process.ask("start_recording", camera_id=0)["files"]) == 1
        process.ask("wait", seconds=1)
        for camera in process.ask("stop_recording")["cameras"]:
            assert camera["captured"] == camera["frames"] >= 10 and not sum(camera["lost"].values()), camera


def controls_of(node, *controls):
    """Their values, as the driver has them."""
    values = []
    with open(node, "rb") as file:
        for control in controls:
            values.append(struct.unpack("Ii", fcntl.ioctl(file, VIDIOC_G_CTRL, struct.pack("Ii", control, 0)))[1])
    return values


def inside_picture(camd):
    first, second = inkernel.vivid_nodes()
    asked = (BRIGHTNESS, CONTRAST, SATURATION, HFLIP, VFLIP)
    before = controls_of(first, *asked)
    flags = ("--resolution", "320x180", "--target-fps", "10", "--camera1.brightness", "-0.5", "--camera1.contrast", "1.0",
             "--camera1.saturation", "0", "--camera1.rotation", "180", "--camera1.vflip", "--camera1.ev", "1")
    with inkernel.Camd(camd, *flags) as process:
        process.ask("start_recording")
        process.ask("wait", seconds=1)
        process.ask("stop_recording")
        assert controls_of(first, *asked) == before, "the other camera's are left alone"
        assert controls_of(second, *asked) == [64, 128, 0, 1, 0], controls_of(second, *asked)
        # what is set at it stays set, and is not what the settings said
        process.ask("set_controls", camera_id=1, controls={"brightness": 200})
        process.ask("set_camera", camera_id=1, enabled=False)
        inkernel.vivid_inject(second, BRIGHTNESS, 7)
        inkernel.vivid_inject(second, SATURATION, 7)
        process.ask("set_camera", camera_id=1, enabled=True)
        process.ask("wait", seconds=1)
        assert controls_of(second, BRIGHTNESS, SATURATION) == [200, 0], controls_of(second, BRIGHTNESS, SATURATION)
        log, = glob.glob(process.output + "/*/session.log")
        with open(log, encoding="utf-8") as file:
            complaints = [line for line in file if "nothing of the kind" in line]
        assert len(complaints) == 1 and "camera 1: ev: " in complaints[0], complaints


def inside(case, camd, target):
    out = os.path.join(os.environ["CAMD_SCRATCH"], "recordings")
    os.environ["CAMD_LIBCAMERA"] = "/nowhere"       # a board without libcamera runs its V4L2 cameras: the kernel has one for it, too
    try:
        if case == "busy":
            inside_busy(camd, out)
        elif case == "off":
            inside_off(camd)
        elif case == "picture":
            inside_picture(camd)
        else:
            inside_recording(case, camd, out)
    except AssertionError:
        for log in glob.glob(out + "/*/session.log"):
            with open(log, encoding="utf-8") as file:
                print(file.read()[-4000:], file=sys.stderr)
        raise
    shutil.copytree(out, target, dirs_exist_ok=True)
    shutil.copy(os.path.join(os.environ["CAMD_SCRATCH"], "lines"), target)


def check_intervals(path, fps):
    """vivid's times lie on its grid within 10 us (reading a clock takes some simulated nanoseconds); the first frame is early."""
    with open(path, encoding="utf-8") as file:
        times = [int(row["sensor_timestamp_ns"]) for row in csv.DictReader(file)]
    period = 1_000_000_000 // fps
    off = [abs(time - times[1] - k * period) for k, time in enumerate(times[1:])]
    assert max(off) <= 10_000, f"{path}: frame {off.index(max(off)) + 2} is {max(off)} ns off its time"
    return len(times), max(off)


def bars(video):
    """Mean luma of the leftmost and the rightmost of the colour bars, white and black, in a row below what is written over them."""
    command = ["ffmpeg", "-v", "error", "-i", video, "-vf", "select=eq(n\\,5),format=gray,crop=320:1:0:170", "-frames:v", "1", "-f", "rawvideo", "-"]
    row = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    assert len(row) == 320
    return sum(row[8:32]) / 24, sum(row[-32:-8]) / 24


def check_picture(videos):
    (left, right), (left_turned, right_turned) = map(bars, videos)
    print(f"bars: {left:.0f} {right:.0f}, turned and darker: {left_turned:.0f} {right_turned:.0f}")
    assert left > right + 100 and right_turned > left_turned + 100, "mirrored"
    assert left > right_turned + 30, "darker"


def run(case, camd, probe):
    with tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), "-t", "-m", "3G", "-T", str(CASES[case][4]), "-k", "vivid.n_devs=2", "--",
                   "/usr/bin/python3", os.path.abspath(__file__), "inside", case, os.path.abspath(camd), target]
        subprocess.run(command, check=True)
        if "CAMD_CHECK_LINES" in os.environ:
            with open(target + "/lines", "rb") as file:
                subprocess.run([os.environ["CAMD_CHECK_LINES"], "check-lines"], stdin=file, check=True)
        videos = sorted(glob.glob(target + "/session_*/cam*.mp4"))
        assert len(videos) == {"busy": 1, "off": 3}.get(case, 2), videos
        for video in videos:
            table = video[:-len(".mp4")] + "_frame_timing.csv"
            subprocess.run([probe, video, table], check=True)
            frames, off = check_intervals(table, CASES[case][2])
            print(f"{os.path.basename(video)}: {frames} frames, none more than {off} ns off the camera's grid")
        if case == "picture":
            check_picture(videos)


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
