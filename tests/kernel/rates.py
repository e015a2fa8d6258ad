#!/usr/bin/env python3
"""Rates and common instants in simulated time, where every time is exact: synthetic cameras and vivid's, in one camd.

    rates.py CASE CAMD PROBE        on the host: boots the kernel for the case, then looks at every frame
    rates.py inside CASE CAMD DIR   in the kernel: drives camd over its protocol, leaves what it recorded in DIR

Cases: slow (a simulated hour of 1 and 7.5 frames/s), fast (ten minutes of 29.97, 30 and 60), thinned (frames are left out by time),
together (snapshots and recordings of cameras at one instant).
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
SIZE = "64x48"
TICK_NS = NS // 100         # of the kernel: vivid's frames come with it
VIVID_NS = 10_000           # reading its clock takes it some simulated nanoseconds
# rates as camd means them: so many frames in so many seconds
EXACT = {1: (1, 1), 7.5: (15, 2), 29.97: (30000, 1001), 30: (30, 1), 60: (60, 1)}


def synthetic(fps):
    return f"synthetic:{SIZE}@{fps}"


# Seconds; the cameras: what is named and the rate at which it is to come, None: as named; "vivid" is the next vivid camera.
CASES = {
    "slow": (3600, [(synthetic(1), None), (synthetic(7.5), None), ("vivid", 2)]),
    "fast": (600, [(synthetic(29.97), None), (synthetic(30), None), (synthetic(60), None), ("vivid", 25)]),
    "thinned": (100, [(synthetic(30), 7.5), (synthetic(60), 7.5), (synthetic(60), 29.97), ("vivid", 7.5)]),
    "together": (None, [("vivid", 10), ("vivid", 25), (synthetic(30), None)]),
}


# ---- in the kernel ----

def flags(case):
    """vivid's first camera at the first rate that is asked of it, and so on."""
    nodes, found = inkernel.vivid_nodes(), ["--resolution", "320x180", "--bitrate", "200k", "--preset", "ultrafast"]
    for n, (name, fps) in enumerate(CASES[case][1]):
        found += ["--camera", f"v4l2:{nodes.pop(0)}" if name == "vivid" else name]
        found += ["--camera%d.target-fps" % n, str(fps)] if fps else []
    return found


def check_status(case, camd):
    """Each rate that is told is that of the times, over a whole number of periods."""
    for camera, (name, fps) in zip(camd.ask("get_status")["cameras"], CASES[case][1]):
        assert camera["captured_frames"] == camera["collated_frames"] and not sum(camera["lost"].values()), camera
        if name == "vivid":
            continue
        own = float(name.split("@")[1])
        assert (camera["hardware_fps"], camera["capture_fps"]) == (own, own), camera
        if fps in (None, 7.5):      # others don't divide the sensor's
            assert camera["collation_fps"] == (fps or own), camera


def inside_rates(case, camd):
    with inkernel.Camd(camd, *flags(case)) as process:
        assert "failed" not in process.ask("start_recording")
        process.ask("wait", seconds=CASES[case][0])
        check_status(case, process)
        for camera in process.ask("stop_recording")["cameras"]:
            assert camera["captured"] == camera["frames"] and not sum(camera["lost"].values()), camera


def inside_together(case, camd, target):
    """The replies go with the recordings, for the tables to be held against them."""
    told = []
    with inkernel.Camd(camd, *flags(case)) as process:
        process.ask("wait", seconds=0.123)
        for _ in range(3):
            started = process.ask("start_recording")
            taken = []
            for n in range(20):
                process.ask("wait", seconds=0.2 + n * 0.007)
                taken.append(process.ask("take_snapshot"))
            process.ask("wait", seconds=1)
            told.append({"started": started, "taken": taken, "stopped": process.ask("stop_recording")})
            process.ask("wait", seconds=0.7654321)
    with open(target + "/told", "w", encoding="utf-8") as file:
        json.dump(told, file)


def inside(case, camd, target):
    os.environ["CAMD_LIBCAMERA"] = "/nowhere"
    if case == "together":
        inside_together(case, camd, target)
    else:
        inside_rates(case, camd)
    inkernel.keep(target)


# ---- on the host ----

def read(table):
    with open(table, encoding="utf-8") as file:
        return [{key: int(row[key]) for key in ("frame_number", "sensor_timestamp_ns", "camera_frame", "dropped_since_last")}
                for row in csv.DictReader(file)]


def time_ns(rate, n):
    """Of frame n, rounded down, as camd has it."""
    frames, seconds = rate
    return n * seconds * NS // frames


def check_exact(rows, rate):
    """Each frame of a synthetic camera is there, at its time to the nanosecond."""
    first = rows[0]
    start = first["sensor_timestamp_ns"] - time_ns(rate, first["camera_frame"] - 1)
    for n, row in enumerate(rows):
        assert row["camera_frame"] == first["camera_frame"] + n and row["frame_number"] == n + 1 and not row["dropped_since_last"], row
        assert row["sensor_timestamp_ns"] == start + time_ns(rate, row["camera_frame"] - 1), row


def check_grid(rows, rate, within_ns):
    """Each is within that of its place on a grid of that rate, wherever it begins."""
    off = [row["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"] - time_ns(rate, n) for n, row in enumerate(rows)]
    spread = (max(off) - min(off)) / 2
    assert spread <= within_ns, f"between frames {off.index(min(off)) + 1} and {off.index(max(off)) + 1} the time is {2 * spread} ns off"
    assert not any(row["dropped_since_last"] for row in rows)
    return spread


def check_rates(case, tables):
    seconds, cameras = CASES[case]
    for (name, fps), rows in zip(cameras, tables):
        wanted = fps or float(name.split("@")[1])
        # the first comes at the beginning, the last before the end; vivid's come before their time
        assert abs(len(rows) - seconds * wanted) <= (2 if name == "vivid" else 1), (name, fps, len(rows))
        rate = EXACT.get(wanted, (wanted, 1))
        if not fps:
            check_exact(rows, rate)
            off = 0
        elif case == "thinned":
            off = check_grid(rows, rate, NS / (10 if name == "vivid" else float(name.split("@")[1])) / 2 + VIVID_NS)
        else:
            off = check_grid(rows[1:], rate, TICK_NS if TICK_NS * wanted % NS else VIVID_NS)     # vivid's first frame is early
        print(f"{name} {fps or ''}: {len(rows)} frames in {seconds} s, none more than {off:.0f} ns off the {wanted}/s grid", flush=True)


def check_skews(times, told):
    """To the microsecond those of the times in the tables."""
    for time, skew in zip(times, told):
        assert abs(skew * 1000 - (time - times[0])) <= 500, (times, told)


def check_near(times, rates):
    """One of them is the instant, and the others are within half of a period of theirs."""
    assert any(all(abs(time - instant) <= NS / rate / 2 + VIVID_NS for time, rate in zip(times, rates)) for instant in times), times


def check_together(tables, told):
    """tables: of one camera after the other, of the recordings in their order. told: the replies, by recording."""
    rates = [fps or 30 for _, fps in CASES["together"][1]]
    for n, recording in enumerate(told):
        mine = [camera[n] for camera in tables]
        firsts = [rows[0]["sensor_timestamp_ns"] for rows in mine]
        assert [camera["first_sensor_timestamp_ns"] for camera in recording["started"]["cameras"]] == firsts
        check_near(firsts, rates)
        check_skews(firsts, [camera["skew_us"] for camera in recording["started"]["cameras"]])
        for camera in recording["stopped"]["cameras"]:
            assert camera["captured"] == camera["frames"] and not sum(camera["lost"].values()), camera
        print("first frames:", [camera["skew_us"] for camera in recording["started"]["cameras"]], "us", flush=True)
        for reply in recording["taken"]:
            check_snapshot(reply["shots"], mine)
        worst = max(abs(shot["skew_us"]) for reply in recording["taken"] for shot in reply["shots"])
        print(f"{len(recording['taken'])} snapshots, none with more than {worst} us between cameras", flush=True)


def check_snapshot(shots, tables):
    """Each frame is a row; one was exposed at the instant, and the others are their cameras' nearest to it."""
    times = [shot["sensor_timestamp_ns"] for shot in shots]
    assert len(shots) == len(tables), shots
    check_skews(times, [shot["skew_us"] for shot in shots])
    for shot, rows in zip(shots, tables):
        assert rows[shot["frame_number"] - 1]["sensor_timestamp_ns"] == shot["sensor_timestamp_ns"], shot
    for instant in times:
        if all(min(abs(row["sensor_timestamp_ns"] - instant) for row in rows) + VIVID_NS >= abs(time - instant)
               for time, rows in zip(times, tables)):
            return
    raise AssertionError(f"nobody's frame is the instant that the others are nearest to: {shots}")


def run(case, camd, probe):
    with tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), "-t", "-m", "3G", "-T", "500", "-k", "vivid.n_devs=2", "--",
                   "/usr/bin/python3", "-B", os.path.abspath(__file__), "inside", case, os.path.abspath(camd), target]
        subprocess.run(command, check=True)
        inkernel.check_lines(target)
        tables = [[read(video[:-len(".mp4")] + "_frame_timing.csv") for video in inkernel.videos(target, n, probe)]
                  for n in range(len(CASES[case][1]))]
        if case == "together":
            with open(target + "/told", encoding="utf-8") as file:
                check_together(tables, json.load(file))
        else:
            check_rates(case, [rows for rows, in tables])


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
