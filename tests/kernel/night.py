#!/usr/bin/env python3
"""Night falls for a vivid camera and ends again, while it is recorded, in simulated time.

    night.py CASE CAMD PROBE        on the host: boots the kernel for the case, then looks at every frame
    night.py inside CASE CAMD DIR   in the kernel: makes the picture dark and bright again, leaves the recording in DIR

Cases: still (gain is set), slow_video (and frames last longer).
"""
import csv
import fcntl
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

VIDIOC_G_CTRL = 0xC008561B
BRIGHTNESS, AUTOGAIN, GAIN = 0x980900, 0x980912, 0x980913
DAY_NS, NIGHT_NS = 100_000_000, 200_000_000


def get(node, control):
    fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        return struct.unpack("Ii", fcntl.ioctl(fd, VIDIOC_G_CTRL, struct.pack("Ii", control, 0)))[1]
    finally:
        os.close(fd)


def status(camd):
    camera, = camd.ask("get_status")["cameras"]
    assert not sum(camera["lost"].values()), camera
    return camera


def inside(case, program, target):
    os.environ["CAMD_LIBCAMERA"] = "/nowhere"
    node = inkernel.vivid_nodes()[0]
    with inkernel.Camd(program, "--camera", f"v4l2:{node}", "--resolution", "320x180", "--target-fps", "10", "--bitrate", "300k", "--night-mode", case,
                       "--night-exposure", "200ms", "--night-gain", "50", "--min-dark-frames", "10", "--dark-threshold", "30", "--bright-threshold", "50",
                       "--degraded-after", "1") as camd:
        camd.ask("subscribe", events=["*"])
        camd.ask("start_recording")
        camd.ask("wait", seconds=5)
        camera = status(camd)
        assert not camera["night"] and camera["dark_score"] > 50 and get(node, AUTOGAIN) == 1, camera
        inkernel.vivid_inject(node, BRIGHTNESS, 0)
        camd.ask("wait", seconds=20)
        camera = status(camd)
        assert camera["night"] and camera["dark_score"] < 30 and camera["capture_fps"] == (5 if case == "slow_video" else 10), camera
        assert (get(node, AUTOGAIN), get(node, GAIN)) == (0, 50)
        inkernel.vivid_inject(node, BRIGHTNESS, 128)
        camd.ask("wait", seconds=20)
        camera = status(camd)
        assert not camera["night"] and camera["capture_fps"] == 10 and get(node, AUTOGAIN) == 1, camera
        stopped, = camd.ask("stop_recording")["cameras"]
        assert stopped["captured"] == stopped["frames"] and not sum(stopped["lost"].values()), stopped
        for name in ("night_started", "night_ended"):
            assert camd.seen(name) == 1, name
        # vivid has no exposure time, and that is said; the slower rate is no loss
        assert not camd.seen("frames_lost") and not camd.seen("camera_degraded", reason="rate")
    inkernel.keep(target)


def check_times(case, table):
    """None is missing, and none is off: the day's period, the night's, the day's."""
    with open(table, encoding="utf-8") as file:
        rows = [{key: int(row[key]) for key in ("frame_number", "sensor_timestamp_ns", "dropped_since_last")} for row in csv.DictReader(file)]
    assert [row["frame_number"] for row in rows] == list(range(1, len(rows) + 1)) and not any(row["dropped_since_last"] for row in rows)
    steps = [after["sensor_timestamp_ns"] - before["sensor_timestamp_ns"] for before, after in zip(rows, rows[1:])][1:]     # vivid's first is early
    runs = []
    for step in steps:
        if runs and runs[-1][0] == step:
            runs[-1][1] += 1
        else:
            runs.append([step, 1])
    print(case, ", ".join(f"{n} of {step / 1e6:.6f} ms" for step, n in runs), flush=True)
    near = [next((whole for whole in (DAY_NS, NIGHT_NS) if abs(step - whole) <= 10_000), 0) for step in steps]
    phases = [phase for n, phase in enumerate(near) if phase and (n == 0 or phase != next((p for p in near[n - 1::-1] if p), 0))]
    assert phases == ([DAY_NS, NIGHT_NS, DAY_NS] if case == "slow_video" else [DAY_NS]), phases
    # while vivid changes its rate two frames have other distances, for it stamps them ahead of time by nine tenths of a period
    assert near.count(0) <= (4 if case == "slow_video" else 0), near.count(0)


def run(case, camd, probe):
    flags = ["-t", "-T", "200", "-k", "vivid.n_devs=1"]
    with inkernel.tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), *flags, "--", "/usr/bin/python3", "-B", os.path.abspath(__file__), "inside", case,
                   os.path.abspath(camd), target]
        inkernel.subprocess.run(command, check=True)
        inkernel.check_lines(target)
        video, = inkernel.videos(target, 0, probe)
        check_times(case, video[:-len(".mp4")] + "_frame_timing.csv")


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
