#!/usr/bin/env python3
"""
Two vivid cameras at 5 frames/s in simulated time, recorded into files of a minute each, with triggers on the way and a cap on what all
that may take: all frames are in exactly one file, in order; the clips have the same ones; the oldest files go, but none that is
protected, and never is more there than the cap allows; memory stays what it was.

    segments.py SECONDS KEPT CAMD PROBE         on the host: boots the kernel, then looks at every table and some videos
    segments.py inside SECONDS KEPT CAMD DIR    in the kernel: drives camd over its protocol, leaves what it recorded in DIR

KEPT: so many seconds of footage are below the cap.
"""
import collections
import csv
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

NS = 1_000_000_000
FPS, LENGTH, TRIGGER_EVERY, BEFORE, AFTER = 5, 60, 300, 10, 5
VIVID_NS = 10_000           # reading its clock takes it some simulated nanoseconds
KEPT_BPS = 22_000           # bytes/s of both cameras, with tables and clips
LOOK_EVERY = 10             # s: at what there is on the disk, besides whenever a file is finished
AN_HOUR = 3600 // TRIGGER_EVERY      # of cycles
SPREAD_KB = 2000            # of memory, once it has settled
SLOPE_KB = 20               # an hour, of days: half a megabyte a day

Row = collections.namedtuple("Row", ("frame_number", "sensor_timestamp_ns", "camera_frame", "dropped_since_last"))


# ---- in the kernel ----

class Watched(inkernel.Camd):
    """Looks at what there is on the disk each time that a file is finished, and keeps the tables."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.highest, self.looks = 0, 0
        self.tables = os.path.join(self.scratch, "tables")
        os.mkdir(self.tables)

    def look(self):
        used = 0
        for path in glob.glob(self.output + "/*/*cam*"):
            try:
                status = os.stat(path)
            except FileNotFoundError:
                continue
            used += max(status.st_size, status.st_blocks * 512)
        self.highest = max(self.highest, used)
        self.looks += 1

    def line(self):
        message = super().line()
        if message.get("event") in ("segment_finished", "trigger_saved"):
            self.look()
            for file in message["data"].get("files") or [message["data"]["file"]]:
                shutil.copy(file[:-len(".mp4")] + "_frame_timing.csv", self.tables)
        return message

    def wait(self, seconds):
        for at in range(0, seconds, LOOK_EVERY):
            self.ask("wait", seconds=min(LOOK_EVERY, seconds - at))
            self.look()

    def say(self, usage, seconds):
        """How it stands, for who looks on."""
        print(f"after {seconds / 3600:.2f} h: {len(self.told('segment_finished'))} files and {sum(len(data['files']) for data in self.told('trigger_saved'))} clips, "
              f"{len(self.told('recording_deleted'))} of them deleted, at most {self.highest} bytes used; RSS {usage['rss_kb']} KB, {usage['threads']} threads, "
              f"processor {usage['cpu_s']:.1f} s", flush=True)

    def told(self, name):
        return [event["data"] for event in self.events if event.get("event") == name]

    def latest(self):
        """The last file of each camera, and its last clip."""
        return [data["file"] for data in self.told("segment_finished")[-2:]] + self.told("trigger_saved")[-1]["files"]

    def list_all(self):
        found = []
        while True:
            page = self.ask("list_recordings", offset=len(found), limit=100)
            found += page["recordings"]
            if len(found) >= page["total"]:
                return {entry["file"]: entry["protected"] for entry in found}


def inside(seconds, kept, camd, target):
    flags = ["--resolution", "320x180", "--target-fps", str(FPS), "--bitrate", "60k", "--preset", "ultrafast", "--threads", "1", "--segment-length", f"{LENGTH}s", "--prebuffer", f"{BEFORE}s",
             "--intra", "1.7s", "--storage-cap", str(kept * KEPT_BPS)]
    for node in inkernel.vivid_nodes():
        flags += ["--camera", f"v4l2:{node}"]
    told = {"moments": [], "usage": [], "protected": []}
    cycles = seconds // TRIGGER_EVERY
    with Watched(camd, *flags) as process:
        process.ask("subscribe", events=["segment_finished", "trigger_saved", "recording_deleted", "storage_full", "warning"])
        process.ask("wait", seconds=3)
        process.ask("start_recording")
        for cycle in range(cycles):
            process.wait(TRIGGER_EVERY - AFTER - 1)
            told["moments"].append(process.ask("trigger", before=BEFORE, after=AFTER)["sensor_timestamp_ns"])
            process.ask("wait", seconds=AFTER + 1)
            if cycle in (1, cycles // 2):
                told["protected"] += process.ask("protect", file=process.latest())["files"]
            told["usage"].append(inkernel.usage(process.process.pid))
            if (cycle + 1) % (AN_HOUR if cycles > AN_HOUR else 2) == 0:
                process.say(told["usage"][-1], (cycle + 1) * TRIGGER_EVERY)
        told["stopped"] = process.ask("stop_recording")["cameras"]
        process.wait(5)
        told["storage"] = process.ask("get_status")["storage"]
        told["listed"] = process.list_all()
        assert not process.told("storage_full") and not process.told("warning"), process.events
        for name in ("segment_finished", "trigger_saved", "recording_deleted"):
            told[name] = process.told(name)
        told["highest"], told["looks"] = process.highest, process.looks
        process.look()
    inkernel.keep(target)
    shutil.copytree(process.tables, target + "/tables")
    with open(target + "/told", "w", encoding="utf-8") as file:
        json.dump(told, file)


# ---- on the host ----

def read(target, video):
    name = os.path.join(target, "tables", os.path.basename(video)[:-len(".mp4")] + "_frame_timing.csv")
    with open(name, newline="", encoding="ascii") as file:
        return [Row(*(int(row[key]) for key in Row._fields)) for row in csv.DictReader(file)]


def check_camera(target, n, told, seconds):
    stopped = told["stopped"][n]
    segments = [event for event in told["segment_finished"] if event["camera_id"] == n]
    tables = [read(target, event["file"]) for event in segments]
    rows = [row for table in tables for row in table]
    assert stopped["captured"] == stopped["frames"] == len(rows) and not sum(stopped["lost"].values()), stopped
    assert [event["index"] for event in segments] == list(range(1, stopped["segments"] + 1)), segments
    assert len(segments) in (seconds // LENGTH, seconds // LENGTH + 1), len(segments)
    assert [row.frame_number for row in rows] == list(range(1, len(rows) + 1))
    assert not any(row.dropped_since_last for row in rows)
    first = rows[0].sensor_timestamp_ns
    for k, table in enumerate(tables):
        assert abs(table[0].sensor_timestamp_ns - first - k * LENGTH * NS) <= NS // FPS // 2 + VIVID_NS, (k, table[0], first)
    print(f"camera {n}: {len(rows)} frames in {len(tables)} files, each in one of them", flush=True)
    return rows


def check_clips(target, n, told, rows):
    """A clip's frames are the recording's; vivid has no number in its pictures, but a table that agrees in each time and number."""
    by_frame = {row.camera_frame: row for row in rows}
    clips = [clip for event in told["trigger_saved"] for clip in event["clips"] if clip["camera_id"] == n]
    assert len(clips) == len(told["moments"]), (clips, told["moments"])
    for clip, moment in zip(clips, told["moments"]):
        found = read(target, clip["file"])
        # by the period a row is near its place
        at = max(0, int((moment - rows[0].sensor_timestamp_ns) / NS * FPS) - 2 * BEFORE * FPS)
        inside_it = [row.camera_frame for row in rows[at:at + 4 * (BEFORE + AFTER) * FPS]
                     if moment - BEFORE * NS <= row.sensor_timestamp_ns <= moment + AFTER * NS]
        assert all(by_frame[row.camera_frame] == row for row in found), clip
        frames = [row.camera_frame for row in found]
        assert frames == list(range(frames[0], frames[-1] + 1)) and frames[-1] == inside_it[-1], (frames, inside_it)
        assert frames[0] <= inside_it[0] and len(frames) - len(inside_it) <= 1.7 * FPS + 1, (frames, inside_it)


def check_kept(target, told, kept):
    """The oldest went, nothing that is protected, never too late; what is listed is what is there."""
    cap, protected = kept * KEPT_BPS, set(told["protected"])
    deleted = [event["file"] for event in told["recording_deleted"]]
    gone = set(deleted)
    assert {event["cause"] for event in told["recording_deleted"]} == {"cap"} and len(gone) == len(deleted), told["recording_deleted"]
    assert len(protected) == 8 and not protected & gone, protected
    for n in range(2):
        segments = [event["file"] for event in told["segment_finished"] if event["camera_id"] == n]
        clips = [clip["file"] for event in told["trigger_saved"] for clip in event["clips"] if clip["camera_id"] == n]
        for files in (segments, clips):
            may_go = [file for file in files if file not in protected]
            went = [file for file in deleted if file in set(files)]
            assert went == may_go[:len(went)] and 0 < len(went) < len(may_go), (went, may_go)
        print(f"camera {n}: {len(segments)} files and {len(clips)} clips, {sum(file in gone for file in segments)} and "
              f"{sum(file in gone for file in clips)} of them deleted", flush=True)
    finished = {event["file"] for event in told["segment_finished"]} | {file for event in told["trigger_saved"] for file in event["files"]}
    there = {os.path.basename(path) for path in glob.glob(target + "/session_*/*.mp4")}
    assert there == {os.path.basename(file) for file in finished - gone}, there
    assert told["listed"] == {file: file in protected for file in finished - gone}, told["listed"]
    print(f"cap {cap} bytes; seen {told['looks']} times, at most {told['highest']} were used; at the end camd counts {told['storage']}", flush=True)
    assert cap * 3 // 4 < told["highest"] <= cap, (told["highest"], cap)
    assert told["storage"]["used_bytes"] <= cap == told["storage"]["cap_bytes"], told["storage"]


def check_flat(told):
    memory = [usage["rss_kb"] for usage in told["usage"]]
    cpu = [usage["cpu_s"] for usage in told["usage"]]
    step = AN_HOUR if len(memory) > 2 * AN_HOUR else 2
    print("memory, KB:", memory[step - 1::step], flush=True)
    print(f"processor time, s each {step * TRIGGER_EVERY} s:", [round(now - before, 1) for before, now in zip(cpu[step - 1::step], cpu[2 * step - 1::step])],
          flush=True)
    assert len({usage["threads"] for usage in told["usage"]}) == 1, told["usage"]
    settled = memory[len(memory) // 3:]
    assert max(settled) - min(settled) < SPREAD_KB, memory
    if step == AN_HOUR:
        grows = inkernel.slope(settled) * AN_HOUR
        print(f"memory grows by {grows:.2f} KB an hour", flush=True)
        assert grows < SLOPE_KB, memory


def run(seconds, kept, camd, probe):
    with tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), "-t", "-m", "3G", "-T", str(max(900, int(seconds) // 6)), "-M", "cputime", "-k", "vivid.n_devs=2", "--",
                   "/usr/bin/python3", "-B", os.path.abspath(__file__), "inside", seconds, kept, os.path.abspath(camd), target]
        subprocess.run(command, check=True)
        inkernel.check_lines(target)
        with open(target + "/told", encoding="utf-8") as file:
            told = json.load(file)
        check_kept(target, told, int(kept))
        for n in range(2):
            check_clips(target, n, told, check_camera(target, n, told, int(seconds)))
        shown = told["protected"] + [event["file"] for event in told["segment_finished"][-2:]]
        for video in shown:
            name = os.path.join(target, os.path.relpath(video, os.path.dirname(os.path.dirname(video))))
            subprocess.run([probe, name, name[:-len(".mp4")] + "_frame_timing.csv", "--part"], check=True)
        check_flat(told)


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
    else:
        run(*sys.argv[1:])
