#!/usr/bin/env python3
"""
Triggers: each clip holds the frames that it promises, read from the pictures: from a key frame at or before T - before, as far as the
prebuffer reaches, to the last one at or before T + after, none missing, whatever is recorded meanwhile. Marks are in the table and,
whatever happens to that, in the video.

    triggers.py [--triggers N] [TEST...]     N random triggers, 50 if absent
"""

import collections
import csv
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

from camd import Camd, SMALL, check, check_stopped, check_video, equal, jpeg_size, main, packet_times_ns, probe, read_csv, test, until
from mp4 import is_finished

NS = 1_000_000_000
FPS, INTRA = 15, 0.5
N_TRIGGERS = 50
if "--triggers" in sys.argv:
    at = sys.argv.index("--triggers")
    N_TRIGGERS = int(sys.argv[at + 1])
    del sys.argv[at:at + 2]


def check_whole(file):
    """Whatever is missing is accounted for; a frame that begins a new numbering follows the one before. Returns the rows."""
    rows = read_csv(file)
    for before, row in zip(rows, rows[1:]):
        equal(row["camera_frame"] - before["camera_frame"], row["dropped_since_last"] + 1, f"{file} frame {row['camera_frame']}")
    check(is_finished(file), file)
    times = packet_times_ns(file)
    equal(times, [row["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"] for row in rows])
    probe(file, part=True)      # that each picture shows its row's camera_frame, and that the first is a key frame
    return rows


class Trigger:
    def __init__(self, camd, before, after, **more):
        self.before_ns, self.after_ns = int(before * NS), int(after * NS)
        reply = camd.ask("trigger", before=before, after=after, **more)
        self.id, self.moment_ns, self.available_ns = reply["trigger_id"], reply["sensor_timestamp_ns"], int(reply["available"] * NS)

    def saved(self, camd):
        event = camd.event("trigger_saved", where=lambda data: data["trigger_id"] == self.id)
        check("message" not in event, event)
        self.clip, = event["clips"]
        equal((event["files"], event["frames"], event["from"], event["to"]),
              ([self.clip["file"]], self.clip["frames"], self.clip["from"], self.clip["to"]))
        return self.clip["file"]


def check_end(file, last, end, known):
    """The last frame is the last one before the end, but for those that were lost, which other files know of."""
    check(last <= end, f"{file} ends {(last - end) / NS} s too late")
    if last <= end - 1.5 * NS / FPS:
        next_ns = min((row["sensor_timestamp_ns"] for row in known if row["sensor_timestamp_ns"] > last), default=0)
        lost = max((row["dropped_since_last"] for row in known if row["sensor_timestamp_ns"] == next_ns), default=0)
        check(next_ns > end and lost, f"{file} ends {(end - last) / NS} s too early, {lost} lost until {(next_ns - last) / NS} s later")


def check_promise(file, triggers, known):
    """A clip is that of its first trigger, but ends with the last."""
    rows, period = check_whole(file), NS / FPS
    first, last = rows[0]["sensor_timestamp_ns"], rows[-1]["sensor_timestamp_ns"]
    head, clip = triggers[0], triggers[0].clip
    equal((clip["frames"], clip["from_sensor_timestamp_ns"], clip["to_sensor_timestamp_ns"]), (len(rows), first, last))
    wanted = head.moment_ns - min(head.before_ns, head.available_ns)
    check(wanted - INTRA * NS - 2 * period < first <= wanted + NS / 1000, f"{file} begins {(first - wanted) / NS} s after {head.before_ns / NS}")
    end = max(trigger.moment_ns + trigger.after_ns for trigger in triggers)
    check_end(file, last, end, known)
    for trigger in triggers[1:]:
        check(first <= max(trigger.moment_ns - trigger.before_ns, wanted + NS / 1000), f"{file} lacks the begin of trigger {trigger.id}")


@test
def at_random():
    """While recordings come and go."""
    dice = random.Random(7)
    with Camd("--prebuffer", "3s", "--intra", f"{INTRA}s", cameras=[f"synthetic:160x120@{FPS}"]) as camd:
        camd.started()
        camd.ask("subscribe", events=["trigger_saved"])
        triggers, stopped, recording = [], [], False
        while len(triggers) < N_TRIGGERS:
            time.sleep(dice.uniform(0, 0.3))
            if dice.random() < 0.15:
                recording = not recording
                reply = camd.ask("start_recording" if recording else "stop_recording")
                stopped += [] if recording else reply["cameras"]
            triggers.append(Trigger(camd, dice.choice([0, dice.uniform(0, 3.5)]), dice.choice([0, dice.uniform(0, 2)]),
                                    overlap=dice.choice(["own", "own", "extend"])))
        files = collections.defaultdict(list)
        for trigger in triggers:
            files[trigger.saved(camd)].append(trigger)
        if recording:
            stopped += camd.ask("stop_recording")["cameras"]
        camd.quit()
        check(len(stopped) > 1 and len(files) < N_TRIGGERS, len(stopped), "recordings,", len(files), "clips")
        known = [row for file in [*files, *(camera["file"] for camera in stopped)] for row in read_csv(file)]
        for file, of_it in files.items():
            check_promise(file, of_it, known)
        for camera in stopped:
            rows = check_stopped(camera)
            equal(rows[0]["frame_number"], 1)
        equal(len(list(pathlib.Path(stopped[0]["file"]).parent.glob("clip_*.mp4"))), len(files))


@test
def between_two_numberings():
    """What is lost behind a recording's last frame and before the next one's first is in neither: the clip's table says it, repaired or not."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        with Camd("--prebuffer", "2s", cameras=["synthetic:160x120@15?lose=2"], output=place) as camd:
            camd.started()
            camd.ask("trigger", before=0, after=60)
            for command in ["start_recording", "stop_recording"] * 3:
                time.sleep(0.4)
                camd.ask(command)
            time.sleep(0.4)
            camd.kill()
        file, = map(str, pathlib.Path(place).glob("*/clip_*.mp4"))
        table = pathlib.Path(file[:-4] + "_frame_timing.csv")
        written = table.read_bytes()
        table.write_bytes(written[:300])
        with Camd(output=place, cameras=[]) as camd:
            camd.ask("subscribe", events=["recovered"])
            until(lambda: camd.event("recovered")["file"] == file, "the clip's repair")
            camd.quit()
        rows = check_whole(file)
        anew = [row for before, row in zip(rows, rows[1:]) if row["frame_number"] <= before["frame_number"]]
        equal(len(anew), 6, "numberings that begin in it")
        check(all(row["dropped_since_last"] for row in anew), anew)
        whole = written[:written.rindex(b"\n") + 1]
        equal(table.read_bytes()[:len(whole)], whole, "the repaired table")


@test
def own_or_extended():
    """Two cameras, a label, what can't be."""
    with Camd("--prebuffer", "2s", "--camera1.prebuffer", "0", cameras=[SMALL, SMALL]) as camd:
        camd.started()
        camd.ask("subscribe", events=["trigger_saved"])
        equal(camd.fails("trigger", camera_id=1)["code"], "unsupported")
        for label in ("../up", "a b", "", "x" * 65):
            equal(camd.fails("trigger", label=label)["argument"], "label")
        camd.ask("set_config", values={"camera1.prebuffer": "2s"})
        until(lambda: camd.ask("trigger", before=0, after=0)["available"] > 0.5, "a prebuffer")
        camd.event("trigger_saved")
        reply = camd.ask("trigger", before=0.5, after=0.6, label="door-1")
        equal(reply["camera_id"], [0, 1])
        more = camd.ask("trigger", before=0.2, after=0.8)["trigger_id"]
        own = camd.ask("trigger", before=0.5, after=0.1, overlap="own")["trigger_id"]
        events = {}
        while not {reply["trigger_id"], more, own} <= set(events):
            event = camd.event("trigger_saved")
            events[event["trigger_id"]] = event
        saved = events[reply["trigger_id"]]
        equal((saved["label"], saved["files"]), ("door-1", events[more]["files"]))
        check(not set(events[own]["files"]) & set(saved["files"]), "a clip of its own")
        for n, file in enumerate(saved["files"]):
            check(re.fullmatch(rf"clip_cam{n}_160x120_15\.0fps_\d{{8}}_\d{{6}}_door-1(_\d+)?\.mp4", os.path.basename(file)), file)
            check_whole(file)
        camd.ask("trigger", before=0, after=30)
        equal(camd.fails("new_session")["code"], "busy")
        camd.quit()     # which ends that clip
        equal(len(list(camd.sessions()[0].glob("clip_*.mp4"))), len(list(camd.sessions()[0].glob("clip_*.csv"))))


@test
def cut_short():
    """A clip that ends before its time says why."""
    with Camd("--prebuffer", "2s", cameras=[SMALL, SMALL]) as camd:
        camd.started()
        camd.ask("subscribe", events=["trigger_saved"])
        time.sleep(1)
        for camera, after, way, why in ((0, 2, lambda: camd.ask("set_camera", camera_id=0, enabled=False), "no frame has come since"),
                                        (1, 30, lambda: camd.send("quit"), "camd has closed the camera")):
            camd.ask("trigger", camera_id=camera, before=0.5, after=after)
            time.sleep(0.5)
            way()
            event = camd.event("trigger_saved")
            equal(event["message"], f"camera {camera}: the clip ends before the time that was asked for: {why}")
            equal(event["clips"][0]["frames"], len(check_whole(event["files"][0])))


@test
def bounded():
    """By bytes: what is there is less than was wanted, and the reply says so."""
    with Camd("--prebuffer", "60s", "--prebuffer-size", "100k", "--intra", "0.4s", "--bitrate", "2M", cameras=["synthetic:320x240@30"]) as camd:
        camd.started()
        camd.ask("subscribe", events=["trigger_saved"])
        until(lambda: camd.ask("get_status")["cameras"][0]["camera_frames"] > 240, "8 s")
        trigger = Trigger(camd, 60, 0)
        file = trigger.saved(camd)
        check(0 < trigger.available_ns < 7 * NS and os.path.getsize(file) < 300000, trigger.available_ns, os.path.getsize(file))
        rows = check_whole(file)
        check(rows[0]["camera_frame"] > 1, "the ring has let go of the first frames")
        camd.quit()


@test
def stills():
    """Every third frame as a picture: those of the clip, to the bit where the format can do that."""
    with Camd("--prebuffer", "2s", "--jpeg-quality", "95", cameras=["synthetic:320x240@15"]) as camd:
        camd.started()
        camd.ask("subscribe", events=["trigger_saved", "job_done"])
        time.sleep(1)
        for kind in ("jpg", "npy"):
            camd.ask("trigger", before=1, after=0.5, stills=kind, stills_every=3, overlap="own")
            clip, = camd.event("trigger_saved")["clips"]
            done = camd.event("job_done", where=lambda data: data["job"] == clip["stills_job"])
            check(done["ok"], done)
            table, = done["files"]
            rows, pictures = read_csv(clip["file"])[::3], list(csv.DictReader(open(table, encoding="ascii")))
            equal(os.path.dirname(table), clip["file"][:-4] + "_stills")
            equal([int(row["camera_frame"]) for row in pictures], [row["camera_frame"] for row in rows])
            equal([int(row["sensor_timestamp_ns"]) for row in pictures], [row["sensor_timestamp_ns"] for row in rows])
            equal([row["write_time_unix"] for row in pictures], [row["write_time_unix"] for row in rows])
            equal({(row["night"], row["frames"]) for row in pictures}, {("", "1")}, "nobody looks for night, and nothing is stacked")
            equal(sorted(os.listdir(os.path.dirname(table))), sorted([row["file"] for row in pictures] + ["stills.csv"]))
            raw = subprocess.run(["ffmpeg", "-v", "error", "-i", clip["file"], "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"], check=True,
                                 stdout=subprocess.PIPE).stdout
            for k, row in enumerate(pictures):
                data, luma = (pathlib.Path(table).parent / row["file"]).read_bytes(), raw[3 * k * 320 * 240 * 3 // 2:][:320 * 240]
                if kind == "jpg":
                    equal(jpeg_size(data), (320, 240))
                else:
                    check(b"(240, 320)" in data[:128] and data[-320 * 240:] == luma, row["file"], "is another picture")
        camd.quit()


MARKS = ["a door", 'quoted, "so"', "Größe", "x" * 120]


@test
def marks():
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        with Camd(output=place) as camd:
            camd.started()
            camd.ask("subscribe", events=["mark"])
            equal(camd.fails("mark", label="x")["code"], "not_recording")
            file, = camd.ask("start_recording")["files"]
            equal(camd.fails("mark", label="two\nlines")["argument"], "label")
            for mark in MARKS:
                equal(camd.ask("mark", label=mark)["camera_id"], [0])
            events = [camd.event("mark") for _ in MARKS]
            equal([event["label"] for event in events], MARKS)
            check(all(event["file"] == file for event in events), events)
            time.sleep(0.3)
            camd.kill()
        wanted = {event["frame_number"]: event["label"] for event in events}
        equal(len(wanted), len(MARKS))

        def found():
            return {row["frame_number"]: row["mark"] for row in read_csv(file) if row["mark"]}
        equal(found(), wanted)
        table = pathlib.Path(file[:-4] + "_frame_timing.csv")
        before = table.read_bytes()
        table.write_bytes(before[:300])
        with Camd(output=place, cameras=[]) as camd:
            camd.ask("subscribe", events=["recovered"])
            equal(camd.event("recovered")["file"], file)
            camd.quit()
        equal(found(), wanted)
        check_video(file)


@test
def marks_without_a_frame():
    """One that is asked for right before a recording ends is told to have no frame, and is not the next recording's; the ring's next one has it."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        with Camd(output=place, cameras=["synthetic:64x48@2"]) as camd:
            camd.started()
            camd.ask("subscribe", events=["mark", "warning"])

            def is_of(label, data):
                return data["code"] == "not_recording" and f'the mark "{label}"' in data["message"]

            def record_at_once(label):
                camd.ask("mark", label=label)
                file, = camd.ask("start_recording")["files"]
                camd.ask("wait", seconds=1.2)
                camd.ask("stop_recording")
                return file

            def record(label):
                file, = camd.ask("start_recording")["files"]
                camd.ask("wait", seconds=0.6)
                camd.send("mark", label=label)
                camd.send("stop_recording")
                for status in ("marked", "recording_stopped"):
                    equal(camd.reply()["status"], status)
                return file
            files = [record("first"), record("second")]
            for label in ("first", "second"):
                camd.event("warning", where=lambda data, label=label: is_of(label, data))
            camd.ask("set_config", values={"prebuffer": "1s"})
            files.append(record("third"))
            told = camd.event("mark")
            check(told["label"] == "third" and "file" not in told, told)
            files.append(record_at_once("fourth"))
            check(camd.event("mark")["label"] == "fourth")
            for label, end in (("fifth", lambda: camd.ask("set_config", values={"prebuffer": "0s"})), ("sixth", camd.quit)):
                camd.ask("set_config", values={"prebuffer": "1s"})
                camd.ask("wait", seconds=1.2)
                camd.ask("mark", label=label)
                end()
                camd.event("warning", where=lambda data, label=label: is_of(label, data))
        for file in files[:-1]:
            equal([row["mark"] for row in read_csv(file) if row["mark"]], [])


@test
def killed():
    """A clip is as safe as a recording."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        with Camd("--prebuffer", "2s", output=place) as camd:
            camd.started()
            time.sleep(1)
            camd.ask("trigger", before=1, after=20)
            time.sleep(1.5)
            camd.kill()
        file, = map(str, pathlib.Path(place).glob("*/clip_*.mp4"))
        before = read_csv(file)
        with Camd(output=place, cameras=[]) as camd:
            camd.ask("subscribe", events=["recovered"])
            equal(camd.event("recovered")["file"], file)
            camd.quit()
        rows = check_whole(file)
        check(rows[:len(before) - 1] == before[:-1] and len(rows) >= 15, len(rows), "rows")


main()
