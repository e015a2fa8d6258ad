#!/usr/bin/env python3
"""
A recording of many files: no frame is lost or there twice at a cut, the numbers and the ledger go on, each file plays alone, and
one behind the other they have the recording's times.
"""

import os
import pathlib
import re
import tempfile
import time

from camd import Camd, check, check_video, equal, ffprobe, main, packet_times_ns, probe, test, until
from mp4 import is_finished

NS = 1_000_000_000


def check_files(files, numbers=True, slack=0):
    """All rows of files that are one recording; slack is the last one's."""
    rows, before = [], None
    for file in files:
        found = check_video(file, numbers, slack=slack if file == files[-1] else 0, before=before)
        rows.append(found)
        before = found[-1]
    return rows


def check_event(event, rows, index):
    equal((event["index"], event["frames"], event["bytes"]), (index, len(rows), os.path.getsize(event["file"])))
    equal(event["from_sensor_timestamp_ns"], rows[0]["sensor_timestamp_ns"])
    equal(event["to_sensor_timestamp_ns"], rows[-1]["sensor_timestamp_ns"])
    check(event["from"] < event["to"] and event["csv"] == event["file"][:-4] + "_frame_timing.csv", event)
    check(is_finished(event["file"]), event["file"])


def duration_ns(video):
    """Of the track, exact."""
    stream, = ffprobe(video, "-select_streams", "v:0", "-show_entries", "stream=duration_ts,time_base")["streams"]
    numerator, denominator = map(int, stream["time_base"].split("/"))
    return stream["duration_ts"] * NS * numerator // denominator


@test
def by_length():
    """Key frames come every 0.7 s by themselves, a file begins every 1.5 s all the same; a sensor that loses frames may lose one there."""
    flags = ["--segment-length", "1.5s", "--intra", "0.7s"]
    with Camd(*flags, cameras=["synthetic:160x120@15", "synthetic:160x120@29.97?lose=13"]) as camd:
        camd.started()
        camd.ask("subscribe", events=["segment_finished"])
        started = camd.ask("start_recording")
        time.sleep(5)
        outputs = [camera["output"] for camera in camd.ask("get_status")["cameras"]]
        stopped = camd.ask("stop_recording")
        for n, camera in enumerate(stopped["cameras"]):
            events = [camd.event("segment_finished", where=lambda data: data["camera_id"] == n) for _ in range(camera["segments"])]
            files = [event["file"] for event in events]
            check(4 <= len(files) <= 5, len(files), "files")
            equal((files[0], files[-1]), (started["files"][n], camera["file"]))
            check(outputs[n] in files[-2:] and all(re.search(r"/cam\d_160x120_(15|30)\.0fps_\d{8}_\d{6}(_\d)?\.mp4$", file) for file in files),
                  files)
            rows = check_files(files)
            equal(sum(map(len, rows)), camera["frames"])
            equal(sum(event["bytes"] for event in events), camera["bytes"])
            equal(camera["captured"], camera["frames"] + sum(camera["lost"].values()))
            first, period = rows[0][0]["sensor_timestamp_ns"], NS / (15, 29.97)[n]
            for k, found in enumerate(rows):
                check_event(events[k], found, k + 1)
                # the frame nearest to the border, or the next one if the sensor lost that
                off = found[0]["sensor_timestamp_ns"] - first - k * 1.5 * NS
                check(-0.6 * period < off < 1.6 * period, f"{files[k]} begins {off / 1e6} ms late")
            for file, found, following in zip(files, rows, rows[1:]):
                lasts = following[0]["sensor_timestamp_ns"] - found[0]["sensor_timestamp_ns"]
                check(abs(duration_ns(file) - lasts) <= 1, f"{file} lasts {duration_ns(file)}, not {lasts}")
        camd.silent()
        camd.quit()


@test
def by_size():
    with Camd("--segment-size", "20k", "--intra", "0.4s", "--bitrate", "1M", "--container", "h264", cameras=["synthetic:160x120@30"]) as camd:
        camd.started()
        camd.ask("subscribe", events=["segment_finished"])
        camd.ask("start_recording", duration=4)
        camd.ask("subscribe", events=["recording_stopped"])
        camera = camd.event("recording_stopped")
        files = [camd.event("segment_finished")["file"] for _ in range(camera["segments"])]
        check(len(files) >= 3, files)
        for file in files[:-1]:
            check(20000 <= os.path.getsize(file) < 60000, file, os.path.getsize(file))
        rows = check_files(files)
        equal((rows[0][0]["frame_number"], sum(map(len, rows))), (1, camera["frames"]))
        camd.quit()


@test
def killed():
    """Each file is recovered by itself; a table whose numbers don't begin at 1 stays as it is."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        with Camd("--segment-length", "1s", output=place, cameras=["synthetic:160x120@30?lose=7"]) as camd:
            camd.started()
            file, = camd.ask("start_recording")["files"]
            until(lambda: len(list(pathlib.Path(file).parent.glob("*.mp4"))) == 3, "three files")
            time.sleep(0.4)
            camd.kill()
        files = sorted(map(str, pathlib.Path(file).parent.glob("*.mp4")), key=os.path.getmtime)
        before = check_files(files, slack=1)
        check(not is_finished(files[-1]), files[-1])
        with Camd(output=place, cameras=[]) as camd:
            camd.ask("subscribe", events=["recovered"])
            equal(camd.event("recovered")["file"], files[-1])
            camd.quit()
        after = check_files(files)
        equal(after[:-1], before[:-1])
        check(before[-1][:-1] == after[-1][:len(before[-1]) - 1] and after[-1][0]["frame_number"] > 60, "the last table")
        equal(len(packet_times_ns(files[-1])), len(after[-1]))
        probe(files[-1], part=True)


main()
