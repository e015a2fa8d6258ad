#!/usr/bin/env python3
"""The clock of the wall is set while camd records, in simulated time: no time in a recording is that clock's, so none bends.

    clock.py CASE CAMD PROBE        on the host: boots the kernel for the case, then reads back every frame
    clock.py inside CASE CAMD DIR   in the kernel: drives camd over its protocol, copies what it recorded to DIR

Cases: forward, back (two vivid cameras record in files of two seconds while the clock is set by a day, with a trigger across that moment,
and once more afterwards).
"""
import csv
import glob
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

FPS, SEGMENT_S, DAY_S = 10, 2, 86400


def rows_of(video):
    with open(video[:-len(".mp4")] + "_frame_timing.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check_rows(rows, camera, steps):
    """Its frames come in a tenth of a second, one by one; the wall's time, and that alone, jumps where it was set."""
    times = [int(row["sensor_timestamp_ns"]) for row in rows]
    walls = [float(row["write_time_unix"]) for row in rows]
    off = [b - a - 1_000_000_000 // FPS for a, b in zip(times[1:], times[2:])]      # vivid's first frame is early
    assert max(map(abs, off)) <= 20_000, (camera, max(map(abs, off)))
    jumps = [round((b - a) / DAY_S) for a, b in zip(walls, walls[1:]) if abs(b - a) > 1]
    assert jumps == steps, (camera, jumps, steps)
    assert [int(row["frame_number"]) for row in rows] == list(range(1, len(rows) + 1)), camera


def recorded(process, seconds, step_s, steps):
    """A recording across a step of the clock; its files are gathered again."""
    process.ask("start_recording", duration=seconds)
    process.ask("wait", seconds=seconds / 2 + 0.03)
    process.ask("trigger", before=1, after=1)
    if step_s:
        time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME) + step_s)
    process.ask("wait", seconds=seconds / 2 + 2)
    stopped = [event["data"] for event in process.events if event.get("event") == "recording_stopped"][-2:]
    for camera in stopped:
        assert camera["cause"] == "duration", camera
        assert camera["captured"] == camera["frames"] and abs(camera["frames"] - FPS * seconds) <= 1, camera
        first = camera["camera_id"]
        videos = [event["data"]["file"] for event in process.events if event.get("event") == "segment_finished" and
                  event["data"]["camera_id"] == first]
        parts = [rows_of(video) for video in dict.fromkeys([*videos, camera["file"]])][-camera["segments"]:]
        assert [len(rows) for rows in parts[:-1]] == [SEGMENT_S * FPS] * ((seconds - 1) // SEGMENT_S), (camera, list(map(len, parts)))
        check_rows([row for rows in parts for row in rows], first, steps)


def inside(case, camd, target):
    os.environ["CAMD_LIBCAMERA"] = "/nowhere"
    step_s = DAY_S if case == "forward" else -DAY_S
    with inkernel.Camd(camd, "--resolution", "320x180", "--target-fps", str(FPS), "--bitrate", "300k", "--prebuffer", "2",
                       "--segment-length", str(SEGMENT_S), "--intra", "1", "--overlay-text", "%F %T") as process:
        process.ask("subscribe", events=["recording_stopped", "segment_finished", "trigger_saved", "frames_lost", "camera_lost", "camera_degraded"])
        process.ask("wait", seconds=3)
        recorded(process, 6, step_s, [step_s // DAY_S])
        process.ask("take_snapshot")
        recorded(process, 3, 0, [])
        for name in ("frames_lost", "camera_lost", "camera_degraded"):
            assert not process.seen(name), process.events
        saved = [event["data"] for event in process.events if event.get("event") == "trigger_saved"]
        assert len(saved) == 2, saved
        # two cameras, from a second before to a second after, and what stands before the first of these from its key frame on
        assert all(2 * 20 <= data["frames"] <= 2 * 32 for data in saved), saved
    inkernel.keep(target)


def run(case, camd, probe):
    inkernel.run(__file__, case, camd, probe, ["-t", "-m", "3G", "-T", "300", "-k", "vivid.n_devs=2"], videos="*cam*.mp4", probed=["--part"])


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
