#!/usr/bin/env python3
"""What lies where after a recording, under which names, and that it says what the replies said."""

import os
import pathlib
import re
import time

from camd import (Camd, COLUMNS, SANITIZED, SMALL, check, check_stopped, check_table, count_frames, equal, ffprobe, jpeg_size, main,
                  packet_times_ns, read_csv, test, until)

STAMP = r"\d{8}_\d{6}"


@test
def names():
    with Camd("--session-prefix", "trial", cameras=["synthetic:320x240@29.97", "synthetic:160x120@15"]) as camd:
        camd.started()
        started = camd.ask("start_recording")
        time.sleep(1)
        shots = camd.ask("take_snapshot")
        stopped = camd.ask("stop_recording")
        camd.quit()
        session, = camd.sessions()
        check(re.fullmatch(f"trial_{STAMP}", session.name), session.name)
        for reply in (started, stopped):
            equal(reply["session"], session.name)
            equal(reply["files"], [camera["file"] for camera in reply["cameras"]])
        wanted = [rf"cam0_320x240_30\.0fps_{STAMP}\.mp4", rf"cam1_160x120_15\.0fps_{STAMP}\.mp4"]
        for file, pattern in zip(started["files"], wanted):
            check(os.path.isabs(file) and pathlib.Path(file).parent == session.resolve(), file)
            check(re.fullmatch(pattern, pathlib.Path(file).name), file)
        for camera in started["cameras"]:
            equal(camera["csv"], camera["file"][:-4] + "_frame_timing.csv")
        for n, file in enumerate(shots["files"]):
            check(re.fullmatch(rf"snapshot_cam{n}_{STAMP}\.jpg", pathlib.Path(file).name), file)
        equal(sorted(path.name for path in session.iterdir()),
              sorted([pathlib.Path(each).name for each in started["files"] + shots["files"]] +
                     [pathlib.Path(each["csv"]).name for each in started["cameras"]] + ["session.log"]))
        for n, camera in enumerate(stopped["cameras"]):
            rows = check_stopped(camera)
            equal(rows[0]["sensor_timestamp_ns"], started["cameras"][n]["first_sensor_timestamp_ns"])
        log = (session / "session.log").read_text()
        check("camera 0" in log and "camera 1" in log and "\x1b" not in log, "session.log")


@test
def table():
    with Camd(cameras=["synthetic:160x120@30?lose=11"]) as camd:
        camd.started()
        before = time.time()
        camd.ask("start_recording")
        time.sleep(1.5)
        camera, = camd.ask("stop_recording")["cameras"]
        camd.quit()
        text = pathlib.Path(camera["file"][:-4] + "_frame_timing.csv").read_text()
        check(text.startswith(",".join(COLUMNS)) and text.endswith("\n"), text[:200])
        rows = check_stopped(camera)
        equal(rows[0]["frame_number"], 1)
        for row in rows:
            check(re.fullmatch(r"\d{10}\.\d{6}", row["write_time_unix"]), row)
            check(before - 1 < float(row["write_time_unix"]) < time.time() + 1, row)
        check(rows[-1]["lost_sensor"] >= 2, "the losses of the sensor are in it")
        equal(camera["lost"], {"sensor": rows[-1]["lost_sensor"], "starved": 0, "encoder": 0, "storage": 0})


def second_of_its_second(files):
    return any(re.search(rf"{STAMP}_2\.(mp4|jpg)$", file) for file in files)


@test
def several_in_one_second():
    with Camd() as camd:
        camd.started()
        files, shots = [], []
        while len(files) < 4 or (len(files) < 20 and not all(second_of_its_second(kind) for kind in (files, shots))):
            started = camd.ask("start_recording")
            shots += camd.ask("take_snapshot")["files"]
            stopped = camd.ask("stop_recording")
            equal(stopped["files"], started["files"])
            check_stopped(stopped["cameras"][0])
            files += stopped["files"]
        camd.quit()
        for kind in (files, shots):
            equal(len(set(kind)), len(kind), "names")
            check(second_of_its_second(kind), kind)


@test
def nothing_is_overwritten():
    """Names that are there already, made by somebody else, are left alone."""
    with Camd("--timezone", "utc") as camd:
        camd.started()
        session, = camd.sessions()
        now = time.time()
        theirs = []
        for second in range(4):
            stamp = time.strftime("%Y%m%d_%H%M%S", time.gmtime(now + second))
            theirs += [session / f"cam0_160x120_15.0fps_{stamp}.mp4", session / f"cam0_160x120_15.0fps_{stamp}_2_frame_timing.csv",
                       session / f"snapshot_cam0_{stamp}.jpg"]
        for path in theirs:
            path.write_text("precious")
        started = camd.ask("start_recording")
        shot, = camd.ask("take_snapshot")["files"]
        check(re.search(rf"{STAMP}_3\.mp4$", started["files"][0]), started["files"])
        check(re.search(rf"{STAMP}_2\.jpg$", shot), shot)
        camd.ask("stop_recording")
        camd.quit()
        check(all(path.read_text() == "precious" for path in theirs), "they are as they were")


@test
def duration_is_exact():
    with Camd(cameras=["synthetic:160x120@30", "synthetic:160x120@15"]) as camd:
        camd.started()
        camd.ask("subscribe", events=["recording_stopped"])
        camd.ask("start_recording", duration=10)
        for _ in range(2):
            event = camd.event("recording_stopped")
            equal(event["cause"], "duration")
            equal(event["captured"], 300 if event["camera_id"] == 0 else 150)
            if not sum(event["lost"].values()):     # whole nanoseconds have no thirds
                equal(round(event["duration_ns"] / 1000), 10000000)
            rows = check_stopped(event)
            equal(rows[-1]["frame_number"], event["captured"])
        camd.fails("stop_recording", "not_recording")
        equal(camd.ask("get_status")["recording"], False)
        camd.quit()


@test
def raw_stream():
    with Camd("--container", "h264", cameras=["synthetic:160x120@30?lose=9"]) as camd:
        camd.started()
        camd.ask("start_recording")
        time.sleep(1)
        camera, = camd.ask("stop_recording")["cameras"]
        check(camera["file"].endswith(".h264"), camera["file"])
        equal(camera["bytes"], os.path.getsize(camera["file"]))
        rows = read_csv(camera["file"])
        check_table(rows)
        equal((len(rows), camera["captured"]), (camera["frames"], camera["frames"] + sum(camera["lost"].values())))
        equal(count_frames(camera["file"]), len(rows))
        camd.ask("set_config", values={"container": "mp4"})
        camd.ask("start_recording")
        time.sleep(0.3)
        check_stopped(camd.ask("stop_recording")["cameras"][0])
        camd.quit()


@test
def without_table():
    with Camd("--no-enable-csv-timing-log") as camd:
        started = camd.ask("start_recording")
        equal(started["cameras"][0]["csv"], None)
        time.sleep(0.5)
        camera, = camd.ask("stop_recording")["cameras"]
        equal(count_frames(camera["file"]), camera["frames"])
        equal(list(camd.output.glob("*/*.csv")), [])
        camd.quit()


@test
def each_camera_by_itself():
    """One stops and starts while the other goes on and loses nothing."""
    with Camd(cameras=[SMALL, SMALL, SMALL]) as camd:
        camd.started()
        camd.ask("start_recording", camera_id=1)
        for again in range(2):
            started = camd.ask("start_recording", camera_id=[0, 2])
            equal([camera["camera_id"] for camera in started["cameras"]], [0, 2])
            camd.fails("start_recording", "already_recording", camera_id=0)
            equal([each["recording"] for each in camd.ask("get_status")["cameras"]], [True, True, True])
            time.sleep(0.4)
            stopped = camd.ask("stop_recording", camera_id=[2, 0])
            equal(stopped["files"], started["files"])
            for camera in stopped["cameras"]:
                check_stopped(camera)
            camd.fails("stop_recording", "not_recording", camera_id=2)
        partly = camd.ask("start_recording")
        equal([camera["camera_id"] for camera in partly["cameras"]], [0, 2])
        equal([(each["camera_id"], each["code"]) for each in partly["failed"]], [(1, "already_recording")])
        time.sleep(0.3)
        stopped = camd.ask("stop_recording")
        equal([camera["camera_id"] for camera in stopped["cameras"]], [0, 1, 2])
        for camera in stopped["cameras"]:
            check_stopped(camera)
        check(SANITIZED or not sum(stopped["cameras"][1]["lost"].values()), stopped)
        camd.quit()


@test
def snapshots():
    """Full size, of the frame that they say, in a recording and without one, from each pixel format."""
    cameras = ["synthetic:640x480@15", "synthetic:320x240@15?pixels=nv12&range=full", "synthetic:320x240@15?pixels=mjpeg",
               "synthetic:1456x1088@5?pixels=yuyv"]
    sizes = [(640, 480), (320, 240), (320, 240), (1456, 1088)]
    with Camd(cameras=cameras) as camd:
        camd.started()
        idle = camd.ask("take_snapshot")
        equal([shot["frame_number"] for shot in idle["shots"]], [0] * 4)
        camd.ask("start_recording", camera_id=[0, 1])
        time.sleep(0.5)
        busy = camd.ask("take_snapshot")
        stopped = camd.ask("stop_recording")
        for reply in (idle, busy):
            equal(reply["files"], [shot["file"] for shot in reply["shots"]])
            equal([jpeg_size(pathlib.Path(file).read_bytes()) for file in reply["files"]], sizes)
            first = reply["shots"][0]["sensor_timestamp_ns"]
            for shot in reply["shots"]:
                check(abs(shot["skew_us"] * 1000 - (shot["sensor_timestamp_ns"] - first)) <= 1000, f"skew: {shot}")
        for camera, shot in zip(stopped["cameras"], busy["shots"]):
            row = next(row for row in read_csv(camera["file"]) if row["frame_number"] == shot["frame_number"])
            equal(row["sensor_timestamp_ns"], shot["sensor_timestamp_ns"], "the frame of the snapshot")
        only = camd.ask("take_snapshot", camera_id=1)
        equal(len(only["files"]), 1)
        camd.quit()


@test
def events_of_a_recording():
    with Camd(cameras=[SMALL, SMALL]) as camd:
        camd.started()
        equal(camd.ask("subscribe", events="recording_started")["events"], ["recording_started"])
        names = camd.ask("subscribe", events=["*"])["events"]
        check({"recording_started", "recording_stopped", "frames_lost", "warning"} <= set(names), names)
        started = camd.ask("start_recording")
        time.sleep(0.3)
        stopped = camd.ask("stop_recording")
        for n in range(2):
            event = camd.event("recording_started", where=lambda data: data["camera_id"] == n)
            del started["cameras"][n]["skew_us"]        # told at once, when the others' first frames are not known yet
            equal({**started["cameras"][n], "session": started["session"]}, event)
            event = camd.event("recording_stopped", where=lambda data: data["camera_id"] == n)
            equal({**stopped["cameras"][n], "session": stopped["session"], "cause": "command"}, event)
        check("recording_stopped" not in camd.ask("unsubscribe", events=["recording_stopped"])["events"], "unsubscribed")
        camd.ask("start_recording")
        camd.event("recording_started")
        camd.ask("stop_recording")
        equal(camd.ask("unsubscribe", events="*")["events"], [])
        camd.ask("start_recording")
        camd.ask("stop_recording")
        camd.silent(0.3)
        check(not any(event["event"] == "recording_stopped" for event in camd.events), "that one was not wanted")
        camd.quit()


@test
def pictures_describe_themselves():
    """Size, rate, title and colour are in the file."""
    with Camd(cameras=["synthetic:320x240@30?range=full&matrix=bt601&id=left"]) as camd:
        camd.started()
        camd.ask("start_recording")
        time.sleep(0.7)
        camera, = camd.ask("stop_recording")["cameras"]
        found = ffprobe(camera["file"], "-show_streams", "-show_format")
        stream, = found["streams"]
        equal((stream["codec_name"], stream["width"], stream["height"], stream["has_b_frames"]), ("h264", 320, 240, 0))
        equal((stream["color_range"], stream["color_space"]), ("pc", "smpte170m"))
        check(abs(float(stream["duration"]) * 1e9 - camera["duration_ns"]) < 1000, "duration")
        # the movie's own is in milliseconds
        check(abs(float(found["format"]["duration"]) * 1e9 - camera["duration_ns"]) < 1001000, "duration of the movie")
        equal(packet_times_ns(camera["file"])[0], 0)
        camd.quit()


@test
def many_short_ones():
    """Thirty recordings leave no descriptor, thread or memory behind."""
    with Camd() as camd:
        camd.started()

        def once():
            camd.ask("start_recording")
            camd.ask("take_snapshot")
            camd.ask("stop_recording")

        def held():
            task = f"/proc/{camd.process.pid}"
            return len(os.listdir(task + "/fd")), len(os.listdir(task + "/task"))

        for _ in range(5):
            once()
        until(lambda: held()[0] < 100, "few descriptors")
        before, memory = held(), camd.rss_kb()
        for _ in range(30):
            once()
        time.sleep(0.3)
        after = held()
        check(after[0] <= before[0] + 1 and after[1] <= before[1] + 1, f"descriptors and threads: {before} became {after}")
        check(SANITIZED or camd.rss_kb() < memory + 8192, f"memory: {memory} KiB became {camd.rss_kb()}")
        camd.quit()


if __name__ == "__main__":
    main()
