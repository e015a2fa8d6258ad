#!/usr/bin/env python3
"""
Days of running, in simulated time: two vivid cameras at 5 frames/s with their previews on, a recording that is ended and begun again
every hour, and every ten minutes a camera that is unplugged, for a moment or for half a minute, by turns. Each frame that the cameras
made is in a table or was lost for a reason that the tables, the replies and the events state alike; each gap is one unplugging; memory,
descriptors and threads stay what they were.

    soak.py HOURS CAMD PROBE          on the host: boots the kernel, prints a line an hour, probes the videos of the last hour
    soak.py inside HOURS CAMD DIR     in the kernel: drives camd over its protocol, leaves in DIR what is there at the end
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
FPS = 5
PERIOD_NS = NS // FPS
UNPLUG_EVERY = 600          # s
AWAY = (0, 20)              # s, by turns: 0 comes back at once
LOOKS, LOOK_EVERY = 3, 0.3  # s: at the descriptors, of which one may be open for a moment
REOPENED = 15               # s after it is back a camera is in use again
SAMPLES = 6                 # an hour
SETTLED_HOURS = 6           # memory is measured from there on
SLOPE_KB = 20               # an hour: more is a leak. A day would be half a megabyte
SPREAD_KB = 2000            # within an hour


# ---- in the kernel ----

class Watched(inkernel.Camd):
    """Reads the pictures of the previews, and only counts them."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.pictures = [0, 0]

    def line(self):
        while True:
            line = self.process.stdout.readline()
            assert line, "camd is gone"
            if '"status":"preview_frame"' not in line[:60]:
                break
            picture = json.loads(line)["data"]
            assert picture["frame"].startswith("/9j/"), line[:400]
            self.pictures[picture["camera_id"]] += 1
        with open(os.path.join(self.scratch, "lines"), "a", encoding="utf-8") as file:
            file.write(line)
        return json.loads(line)

    def usage(self):
        """What it has, and the descriptors that stay: now and then one is open for a moment, to look at a directory."""
        fds = []
        for _ in range(LOOKS):
            fds.append(len(os.listdir(f"/proc/{self.process.pid}/fd")))
            self.ask("wait", seconds=LOOK_EVERY)
        return {**inkernel.usage(self.process.pid), "fds": min(fds)}


def unplug(process, node, away):
    """A vivid that is disconnected is back when its last file is closed."""
    held = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    inkernel.vivid_inject(node, inkernel.VIVID_DISCONNECT)
    if away:
        process.ask("wait", seconds=away)
    os.close(held)


def read_table(video):
    with open(video[:-len(".mp4")] + "_frame_timing.csv", newline="", encoding="ascii") as file:
        return [{key: int(row[key]) for key in ("frame_number", "sensor_timestamp_ns", "camera_frame", "dropped_since_last", "lost_sensor")}
                for row in csv.DictReader(file)]


def check_table(camera, unplugged):
    """camera: what stop_recording said; unplugged: for how long each time."""
    rows = read_table(camera["file"])
    lost = camera["lost"]["sensor"]
    assert camera["captured"] == camera["frames"] + sum(camera["lost"].values()) and sum(camera["lost"].values()) == lost, camera
    assert len(rows) == camera["frames"] and rows[0]["frame_number"] == 1 and rows[-1]["frame_number"] == camera["captured"], camera
    assert rows[-1]["lost_sensor"] == lost == sum(row["dropped_since_last"] for row in rows), camera
    assert len({row["camera_frame"] - row["frame_number"] for row in rows}) == 1, camera
    gaps = []
    for before, row in zip(rows, rows[1:]):
        missing = row["dropped_since_last"]
        passed_ns = row["sensor_timestamp_ns"] - before["sensor_timestamp_ns"]
        assert row["frame_number"] == before["frame_number"] + 1 + missing, (before, row)
        assert abs(passed_ns - (1 + missing) * PERIOD_NS) < PERIOD_NS, (before, row)
        if missing:
            gaps.append(passed_ns / NS)
    assert len(gaps) == len(unplugged), (gaps, unplugged)
    for gap, away in zip(gaps, unplugged):
        assert away <= gap <= away + REOPENED, (gaps, unplugged)
    # the sensor's time says how many there were, but for where in a frame's time a camera came back
    expected = (rows[-1]["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"]) / PERIOD_NS + 1
    assert abs(camera["captured"] - expected) <= 1 + len(gaps), (camera, expected)
    return rows


def check_events(process, camera, unplugged):
    """What was told by the way is what the table says."""
    n = camera["camera_id"]
    told = [event["data"] for event in process.events if event.get("event") == "frames_lost" and event["data"]["camera_id"] == n]
    assert sum(data["lost"]["sensor"] for data in told) == camera["lost"]["sensor"], (told, camera)
    for name in ("camera_lost", "camera_found"):
        assert process.seen(name, camera_id=n) == len(unplugged), (name, process.events)


def hour(process, nodes, number):
    process.events.clear()
    process.pictures = [0, 0]
    unplugged = [[], []]
    samples = []
    before = inkernel.usage(process.process.pid)["cpu_s"]
    process.ask("start_recording")
    for k in range(3600 // UNPLUG_EVERY):
        # the first of the hour is looked at before anything happens in it
        process.ask("wait", seconds=UNPLUG_EVERY / 2 - LOOKS * LOOK_EVERY)
        samples.append(process.usage())
        n = k % 2
        away = AWAY[(k // 2 + number) % 2]
        unplug(process, nodes[n], away)
        unplugged[n].append(away)
        process.ask("wait", seconds=UNPLUG_EVERY / 2 - away)
    stopped = process.ask("stop_recording")["cameras"]
    process.ask("ping")                     # what events are on their way come before its answer
    told = {"hour": number, "captured": 0, "recorded": 0, "lost": 0, "unplugged": sum(map(len, unplugged))}
    for camera, times in zip(stopped, unplugged):
        check_table(camera, times)
        check_events(process, camera, times)
        told["captured"] += camera["captured"]
        told["recorded"] += camera["frames"]
        told["lost"] += camera["lost"]["sensor"]
        assert process.pictures[camera["camera_id"]] > 3500, process.pictures
    told["pictures"] = sum(process.pictures)
    told["samples"] = samples
    told["cpu_s"] = inkernel.usage(process.process.pid)["cpu_s"] - before
    return told, stopped


def inside(hours, camd, target):
    nodes = inkernel.vivid_nodes()
    flags = ["--resolution", "320x180", "--target-fps", str(FPS), "--bitrate", "60k", "--preset", "ultrafast", "--threads", "1", "--storage-cap", "150M"]
    for node in nodes:
        flags += ["--camera", f"v4l2:{node}"]
    with Watched(camd, *flags) as process:
        process.ask("wait", seconds=3)
        process.ask("subscribe", events=["frames_lost", "camera_lost", "camera_found", "warning"])
        process.ask("toggle_preview", camera_id=[0, 1], size="160x90", fps=1)
        for number in range(hours):
            told, stopped = hour(process, nodes, number)
            last = told["samples"][-1]
            print(f"hour {number + 1:3}: captured {told['captured']} = recorded {told['recorded']} + lost {told['lost']} by {told['unplugged']} unpluggings; "
                  f"previews {told['pictures']}; RSS {last['rss_kb']} KB, {last['fds']} descriptors, {last['threads']} threads, "
                  f"processor {told['cpu_s']:.1f} s", flush=True)
            with open(target + "/hours", "a", encoding="utf-8") as file:
                file.write(json.dumps(told) + "\n")
    with open(target + "/last", "w", encoding="utf-8") as file:
        json.dump([os.path.relpath(camera["file"], process.output) for camera in stopped], file)
    inkernel.keep(target)


# ---- on the host ----

def check_flat(hours):
    samples = [sample for told in hours for sample in told["samples"]]
    for name in ("fds", "threads"):
        counts = {sample[name] for sample in samples}
        print(f"{name}: {', '.join(map(str, sorted(counts)))} in {len(samples)} looks", flush=True)
        assert len(counts) == 1, (name, [sample[name] for sample in samples])
    memory = [sample["rss_kb"] for sample in samples]
    print("RSS of the first hour, KB:", memory[:SAMPLES], "of the last:", memory[-SAMPLES:], flush=True)
    settled = [told["samples"][-1]["rss_kb"] for told in hours][SETTLED_HOURS:]
    if len(settled) > SETTLED_HOURS:
        grows = inkernel.slope(settled)
        print(f"RSS from hour {SETTLED_HOURS + 1} on: {min(settled)} to {max(settled)} KB, {grows:+.2f} KB an hour", flush=True)
        assert grows < SLOPE_KB, memory
    else:
        assert max(memory[1:]) - min(memory[1:]) < SPREAD_KB, memory


def run(hours, camd, probe):
    with tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), "-t", "-m", "2G", "-T", str(600 + 600 * int(hours)), "-M", "cputime", "-k", "vivid.n_devs=2", "--",
                   "/usr/bin/python3", "-B", os.path.abspath(__file__), "inside", hours, os.path.abspath(camd), target]
        subprocess.run(command, check=True)
        inkernel.check_lines(target)
        with open(target + "/hours", encoding="utf-8") as file:
            told = [json.loads(line) for line in file]
        assert len(told) == int(hours), len(told)
        check_flat(told)
        total = {key: sum(each[key] for each in told) for key in ("captured", "recorded", "lost", "unplugged", "pictures")}
        assert total["captured"] == total["recorded"] + total["lost"], total
        print(f"{hours} hours: captured {total['captured']} = recorded {total['recorded']} + lost {total['lost']}, by {total['unplugged']} unpluggings; "
              f"{total['pictures']} pictures of previews", flush=True)
        with open(target + "/last", encoding="utf-8") as file:
            for video in json.load(file):
                inkernel.probe_video(probe, os.path.join(target, video))


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(int(sys.argv[2]), *sys.argv[3:])
    else:
        run(*sys.argv[1:])
