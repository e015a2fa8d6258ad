#!/usr/bin/env python3
"""
Two vivid cameras at 5 frames/s in simulated time, recorded into files of a minute each, with triggers on the way: all frames are in
exactly one file, in order; the clips have the same ones; memory stays what it was.

    segments.py SECONDS CAMD PROBE          on the host: boots the kernel, then looks at every table and some videos
    segments.py inside SECONDS CAMD DIR     in the kernel: drives camd over its protocol, leaves what it recorded in DIR
"""
import csv
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

NS = 1_000_000_000
FPS, LENGTH, TRIGGER_EVERY, BEFORE, AFTER = 5, 60, 300, 10, 5
VIVID_NS = 10_000           # reading its clock takes it some simulated nanoseconds


# ---- in the kernel ----

def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def inside(seconds, camd, target):
    flags = ["--resolution", "320x180", "--target-fps", str(FPS), "--bitrate", "60k", "--preset", "ultrafast", "--threads", "1", "--segment-length", f"{LENGTH}s", "--prebuffer", f"{BEFORE}s",
             "--intra", "1.7s"]
    for node in inkernel.vivid_nodes():
        flags += ["--camera", f"v4l2:{node}"]
    told = {"moments": [], "rss_kb": []}
    with inkernel.Camd(camd, *flags) as process:
        process.ask("subscribe", events=["segment_finished", "trigger_saved"])
        process.ask("wait", seconds=3)
        process.ask("start_recording")
        for _ in range(seconds // TRIGGER_EVERY):
            process.ask("wait", seconds=TRIGGER_EVERY - AFTER - 1)
            told["moments"].append(process.ask("trigger", before=BEFORE, after=AFTER)["sensor_timestamp_ns"])
            process.ask("wait", seconds=AFTER + 1)
            told["rss_kb"].append(rss_kb(process.process.pid))
        told["stopped"] = process.ask("stop_recording")["cameras"]
        process.ask("ping")
    for name in ("segment_finished", "trigger_saved"):
        told[name] = [event["data"] for event in process.events if event.get("event") == name]
    inkernel.keep(target)
    with open(target + "/told", "w", encoding="utf-8") as file:
        json.dump(told, file)


# ---- on the host ----

def read(target, video):
    name = os.path.join(target, os.path.relpath(video, os.path.dirname(os.path.dirname(video))))
    with open(name[:-len(".mp4")] + "_frame_timing.csv", newline="", encoding="ascii") as file:
        return [{key: int(row[key]) for key in ("frame_number", "sensor_timestamp_ns", "camera_frame", "dropped_since_last")}
                for row in csv.DictReader(file)]


def check_camera(target, n, told, seconds):
    stopped = told["stopped"][n]
    segments = [event for event in told["segment_finished"] if event["camera_id"] == n]
    tables = [read(target, event["file"]) for event in segments]
    rows = [row for table in tables for row in table]
    assert stopped["captured"] == stopped["frames"] == len(rows) and not sum(stopped["lost"].values()), stopped
    assert [event["index"] for event in segments] == list(range(1, stopped["segments"] + 1)), segments
    assert len(segments) in (seconds // LENGTH, seconds // LENGTH + 1), len(segments)
    assert [row["frame_number"] for row in rows] == list(range(1, len(rows) + 1))
    assert not any(row["dropped_since_last"] for row in rows)
    first = rows[0]["sensor_timestamp_ns"]
    for k, table in enumerate(tables):
        assert abs(table[0]["sensor_timestamp_ns"] - first - k * LENGTH * NS) <= NS // FPS // 2 + VIVID_NS, (k, table[0], first)
    print(f"camera {n}: {len(rows)} frames in {len(tables)} files, each in one of them", flush=True)
    return rows


def check_clips(target, n, told, rows):
    """A clip's frames are the recording's; vivid has no number in its pictures, but a table that agrees in each time and number."""
    by_frame = {row["camera_frame"]: row for row in rows}
    clips = [clip for event in told["trigger_saved"] for clip in event["clips"] if clip["camera_id"] == n]
    assert len(clips) == len(told["moments"]), (clips, told["moments"])
    for clip, moment in zip(clips, told["moments"]):
        found = read(target, clip["file"])
        inside_it = [row["camera_frame"] for row in rows if moment - BEFORE * NS <= row["sensor_timestamp_ns"] <= moment + AFTER * NS]
        assert all(by_frame[row["camera_frame"]] == row for row in found), clip
        frames = [row["camera_frame"] for row in found]
        assert frames == list(range(frames[0], frames[-1] + 1)) and frames[-1] == inside_it[-1], (frames, inside_it)
        assert frames[0] <= inside_it[0] and len(frames) - len(inside_it) <= 1.7 * FPS + 1, (frames, inside_it)


def run(seconds, camd, probe):
    with tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), "-t", "-m", "3G", "-T", str(max(900, int(seconds) // 15)), "-k", "vivid.n_devs=2", "--",
                   "/usr/bin/python3", "-B", os.path.abspath(__file__), "inside", seconds, os.path.abspath(camd), target]
        subprocess.run(command, check=True)
        inkernel.check_lines(target)
        with open(target + "/told", encoding="utf-8") as file:
            told = json.load(file)
        for n in range(2):
            check_clips(target, n, told, check_camera(target, n, told, int(seconds)))
        for event in told["segment_finished"][:2] + told["segment_finished"][-2:]:
            name = os.path.join(target, os.path.relpath(event["file"], os.path.dirname(os.path.dirname(event["file"]))))
            subprocess.run([probe, name, name[:-len(".mp4")] + "_frame_timing.csv", "--part"], check=True)
        settled = told["rss_kb"][len(told["rss_kb"]) // 3:]
        print("memory:", told["rss_kb"], "KB", flush=True)
        assert max(settled) - min(settled) < 2000, told["rss_kb"]


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(int(sys.argv[2]), *sys.argv[3:])
    else:
        run(*sys.argv[1:])
