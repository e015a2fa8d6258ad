#!/usr/bin/env python3
"""Several cameras at one instant: snapshots and the beginning of recordings, and what a picture says about itself."""

import datetime
import pathlib
import subprocess
import tempfile
import time

from camd import Camd, Handed, SMALL, check, check_stopped, equal, jpeg_size, main, test
from tags import exif

RATES = (15, 10, 12, 7.5)     # slow enough for a machine that has other things to do
CAMERAS = [f"synthetic:160x120@{fps}?id=at{int(fps)}" for fps in RATES]


def skew_us(time_ns, first_ns):
    skew_ns = time_ns - first_ns
    return (skew_ns + 500) // 1000 if skew_ns >= 0 else -((-skew_ns + 500) // 1000)


def nearest(rows, instant_ns):
    return min(abs(row["sensor_timestamp_ns"] - instant_ns) for row in rows)


def check_shot(shots, tables):
    """Each is a row of its camera's table, and they are those that are nearest to the instant, at which one of them was exposed."""
    for shot, rows in zip(shots, tables):
        row = next((row for row in rows if row["frame_number"] == shot["frame_number"]), None)
        check(row, f"no row for {shot}")
        equal(row["sensor_timestamp_ns"], shot["sensor_timestamp_ns"], "sensor time")
        equal(shot["skew_us"], skew_us(shot["sensor_timestamp_ns"], shots[0]["sensor_timestamp_ns"]), "skew")
    times = [shot["sensor_timestamp_ns"] for shot in shots]
    # rounded down to a nanosecond, times may be off by that
    check(any(all(abs(time - instant) <= nearest(rows, instant) + 1 for time, rows in zip(times, tables)) for instant in times),
          f"none of {times} is the instant to which the others are nearest")


@test
def snapshots_in_a_recording():
    """Twenty, and no frame is lost for them; all cameras at one instant, after the request."""
    with Camd(cameras=CAMERAS) as camd:
        camd.started()
        camd.ask("start_recording")
        time.sleep(0.3)
        taken = []
        for _ in range(20):
            asked_ns = camd.ask("ping")["monotonic_ns"]
            shots = camd.ask("take_snapshot")["shots"]
            equal([shot["camera_id"] for shot in shots], [0, 1, 2, 3])
            check(max(shot["sensor_timestamp_ns"] for shot in shots) >= asked_ns, "of a time before the request")
            taken.append(shots)
        time.sleep(0.3)     # for the frames after the last instant, which its frames were nearer to
        stopped = camd.ask("stop_recording")["cameras"]
        tables = [check_stopped(camera) for camera in stopped]
        for camera in stopped:
            equal(camera["lost"], {"sensor": 0, "starved": 0, "encoder": 0, "storage": 0}, f"camera {camera['camera_id']}")
        for shots in taken:
            check_shot(shots, tables)
        equal(jpeg_size(pathlib.Path(taken[0][0]["file"]).read_bytes()), (160, 120))
        camd.quit()


@test
def several_clients_at_once():
    """Each gets its snapshots, whoever else waits for one, of cameras of which one takes its time."""
    cameras = [CAMERAS[0], CAMERAS[1], "synthetic:160x120@2"]
    with Handed() as place, place.camd(cameras=cameras) as camd, place.client() as one, place.client() as two:
        camd.started()
        camd.ask("start_recording")
        taken = []
        for _ in range(3):
            for each, number in ((camd, 3), (one, 2), (two, 3)):
                each.send("take_snapshot", camera_id=list(range(number)))
            for each, number in ((camd, 3), (one, 2), (two, 3)):
                taken.append(each.reply()["data"]["shots"])
                equal(len(taken[-1]), number)
        time.sleep(0.6)
        stopped = camd.ask("stop_recording")["cameras"]
        tables = [check_stopped(camera) for camera in stopped]
        equal([sum(camera["lost"].values()) for camera in stopped], [0, 0, 0], "lost")
        for shots in taken:
            check_shot(shots, tables[:len(shots)])
        equal(len({shot["file"] for shots in taken for shot in shots}), 24, "pictures of their own")
        camd.quit()


@test
def recordings_begin_together():
    """The skew that is told is that of the first rows; the first frames lie as near to each other as the rates let them."""
    with Camd(cameras=CAMERAS) as camd:
        camd.started()
        time.sleep(0.5)
        for _ in range(2):
            started = camd.ask("start_recording")["cameras"]
            time.sleep(0.2)
            tables = [check_stopped(camera) for camera in camd.ask("stop_recording")["cameras"]]
            firsts = [rows[0]["sensor_timestamp_ns"] for rows in tables]
            equal([camera["first_sensor_timestamp_ns"] for camera in started], firsts)
            equal([camera["skew_us"] for camera in started], [skew_us(first, firsts[0]) for first in firsts])
            print("#   skews:", [camera["skew_us"] for camera in started], "us")
        alone = camd.ask("start_recording", camera_id=2)["cameras"]
        equal([(camera["camera_id"], camera["skew_us"]) for camera in alone], [(2, 0)])
        camd.ask("stop_recording")
        camd.quit()


@test
def a_silent_camera_holds_nobody():
    with Camd("--start-timeout", "1", cameras=[CAMERAS[0], SMALL + "?stall_after=2", CAMERAS[1]]) as camd:
        camd.started()
        time.sleep(0.5)
        for command, told in (("take_snapshot", "shots"), ("start_recording", "cameras")):
            reply = camd.ask(command)
            equal([each["camera_id"] for each in reply[told]], [0, 2], command)
            equal([(each["camera_id"], each["code"]) for each in reply["failed"]], [(1, "timeout")], command)
        for camera in camd.ask("stop_recording")["cameras"]:
            check_stopped(camera)
        camd.quit()


@test
def the_last_picture_of_a_file_will_do():
    """A file that ends before the instant gives the frame that was nearest to it."""
    with tempfile.TemporaryDirectory() as directory:
        clip = pathlib.Path(directory) / "clip.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=20", "-frames:v", "2", str(clip)], check=True,
                       timeout=60)
        with Camd("--start-timeout", "2", cameras=[f"file:{clip}", "synthetic:160x120@1"]) as camd:
            camd.started()
            time.sleep(0.5)
            shots = camd.ask("take_snapshot")["shots"]
            equal([shot["camera_id"] for shot in shots], [0, 1])
            started = camd.ask("start_recording")["cameras"]
            equal(len(started), 2)
            camera = camd.ask("stop_recording")["cameras"][0]
            equal(camera["frames"], 2, "the file is recorded from its first picture")
            camd.quit()


@test
def quitting_waits_for_no_instant():
    with Camd(cameras=["synthetic:160x120@30", "synthetic:160x120@1"]) as camd:
        camd.started()
        camd.ask("wait", seconds=1.2)
        camd.send("take_snapshot")
        camd.ask("ping", id=1)          # overtakes it
        time.sleep(0.2)                 # in which frames are kept for it
        camd.send("quit", id=2)
        equal([camd.reply()["data"].get("code") for _ in range(2)], ["cancelled", None])
        camd.wait()


@test
def pictures_say_what_they_are():
    with Camd("--timezone", "utc", cameras=["synthetic:320x240@15?id=left", "synthetic:640x480@15?pixels=mjpeg"]) as camd:
        camd.started()
        camd.ask("start_recording")
        time.sleep(0.3)
        before = datetime.datetime.now(datetime.timezone.utc)
        shots = camd.ask("take_snapshot")["shots"]
        after = datetime.datetime.now(datetime.timezone.utc)
        stopped = camd.ask("stop_recording")["cameras"]
        version = camd.ask("describe")["version"]
        for shot, camera, tags, size, name in zip(shots, stopped, exif(*(shot["file"] for shot in shots)), ((320, 240), (640, 480)),
                                                  ("synthetic:left", "synthetic")):
            row = next(row for row in check_stopped(camera) if row["frame_number"] == shot["frame_number"])
            equal(tags["Validate"], "0 0 0", "what exiftool finds amiss")
            equal((tags["ImageWidth"], tags["ImageHeight"]), size)
            equal((tags["ExifImageWidth"], tags["ExifImageHeight"]), size)
            moment = datetime.datetime.strptime(f"{tags['DateTimeOriginal']}.{tags['SubSecTimeOriginal']:06}{tags['OffsetTimeOriginal']}",
                                                "%Y:%m:%d %H:%M:%S.%f%z")
            equal(moment.utcoffset(), datetime.timedelta(0))
            check(before - datetime.timedelta(seconds=1) <= moment <= after, f"{moment} is not between {before} and {after}")
            equal(tags["Software"], f"camd {version}")
            equal((tags["Model"], tags["SerialNumber"]), ("synthetic camera", name))
            equal(tags["ImageDescription"], f"camera {shot['camera_id']}: {name} (synthetic camera)")
            equal(tags["UserComment"], f"sensor_timestamp_ns={shot['sensor_timestamp_ns']} frame_number={shot['frame_number']} "
                  f"camera_frame={row['camera_frame']}")
            check("ExposureTime" not in tags and "ISO" not in tags, "nobody knows them")
        camd.quit()


main()
