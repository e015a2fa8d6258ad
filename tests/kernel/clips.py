#!/usr/bin/env python3
"""
Clips in simulated time, where each moment is exact: two vivid cameras, triggers before, across and behind recordings that come and go.
Each clip begins with a key frame at or before T - before, ends with the last frame at or before T + after, and lacks none between.

    clips.py CASE CAMD PROBE        on the host: boots the kernel, then looks at every clip
    clips.py inside CASE CAMD DIR   in the kernel: drives camd over its protocol, leaves what it recorded in DIR

Cases: hardware (the M2M encoder, which stays open all the time), software.
"""
import csv
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

NS = 1_000_000_000
FPS, INTRA, PREBUFFER, ROUNDS = 10, 1, 4, 30


# ---- in the kernel ----

def inside(case, camd, target):
    dice, told = random.Random(5), []
    flags = ["--resolution", "320x180", "--target-fps", str(FPS), "--bitrate", "1M", "--prebuffer", f"{PREBUFFER}s", "--prebuffer-size", "1G"]
    for node in inkernel.vivid_nodes():
        flags += ["--camera", f"v4l2:{node}?pixels=nv12"]
    with inkernel.Camd(camd, *flags) as process:
        process.ask("subscribe", events=["trigger_saved"])
        process.ask("wait", seconds=PREBUFFER + 2)
        recording = False
        for _ in range(ROUNDS):
            process.ask("wait", seconds=round(dice.uniform(0, 1.5), 3))
            before, after = round(dice.uniform(0, PREBUFFER), 3), round(dice.uniform(0, 2), 3)
            told.append((before, after, process.ask("trigger", before=before, after=after, overlap="own")))
            if dice.random() < 0.5:
                recording = not recording
                reply = process.ask("start_recording" if recording else "stop_recording")
                for camera in [] if recording else reply["cameras"]:
                    assert camera["captured"] == camera["frames"] > 0 and sum(camera["lost"].values()) == 0, camera
        process.ask("wait", seconds=3)
        if recording:
            process.ask("stop_recording")
        if case == "hardware":
            assert all("(hardware)" in camera["encoder"] for camera in process.ask("get_status")["cameras"])
            assert process.log().count(" encodes ") == 2, "one encoder a camera for all"
    saved = {event["data"]["trigger_id"]: event["data"] for event in process.events if event.get("event") == "trigger_saved"}
    inkernel.keep(target)
    with open(target + "/told", "w", encoding="utf-8") as file:
        json.dump([(*trigger, saved[trigger[2]["trigger_id"]]) for trigger in told], file)


# ---- on the host ----

def check_clip(target, clip, probe, moment, before, after):
    path = os.path.join(target, os.path.relpath(clip["file"], os.path.dirname(os.path.dirname(clip["file"]))))
    table = path[:-len(".mp4")] + "_frame_timing.csv"
    subprocess.run([probe, path, table, "--part"], check=True, stdout=subprocess.DEVNULL)
    with open(table, newline="", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    frames = [int(row["camera_frame"]) for row in rows]
    times = [int(row["sensor_timestamp_ns"]) for row in rows]
    assert frames == list(range(frames[0], frames[-1] + 1)), (path, frames)
    assert len(frames) == clip["frames"] and (times[0], times[-1]) == (clip["from_sensor_timestamp_ns"], clip["to_sensor_timestamp_ns"])
    assert moment - before - (INTRA + 1 / FPS) * NS < times[0] <= moment - before, (path, (times[0] - moment + before) / NS)
    assert moment + after - 1.01 / FPS * NS < times[-1] <= moment + after, (path, (times[-1] - moment - after) / NS)
    numbers = [int(row["frame_number"]) for row in rows]
    return sum(a >= b for a, b in zip(numbers, numbers[1:]))


def run(case, camd, probe):
    with tempfile.TemporaryDirectory() as target:
        flags = ["-M", "h264enc"] if case == "hardware" else []
        subprocess.run([os.path.join(HERE, "run"), "-t", "-m", "3G", "-T", "400", *flags, "-k", "vivid.n_devs=2", "--", "/usr/bin/python3",
                        "-B", os.path.abspath(__file__), "inside", case, os.path.abspath(camd), target], check=True)
        inkernel.check_lines(target)
        with open(target + "/told", encoding="utf-8") as file:
            told = json.load(file)
        changes = 0
        for before, after, triggered, saved in told:
            assert "message" not in saved and [clip["camera_id"] for clip in saved["clips"]] == [0, 1], saved
            for clip in saved["clips"]:
                changes += check_clip(target, clip, probe, triggered["sensor_timestamp_ns"], int(before * NS), int(after * NS))
        assert changes > 10, changes
        print(f"{case}: {2 * len(told)} clips hold what they promise; {changes} times the numbers begin anew in one", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
