#!/usr/bin/env python3
"""Cameras of libcamera's through the fake module (tests/unit/fake_libcamera.c): what camd records of them, and what goes wrong.

Each picture shows the fake's own count of its time from the first frame on; a video in which every number is its row's
camera_frame is proof that whatever is missing was counted, through restarts, reopenings and unplugging.
"""

import os
import re
import subprocess
import time

from camd import Camd, SMALL, check, check_stopped, equal, main, test, until
from tags import exif

FPS = 50
FLAGS = ("--no-show-frame-number", "--resolution", "320x240", "--target-fps", str(FPS), "--discovery-retry", "0.3")
runs = 0


def fake(faults="", cameras=("libcamera:0",), flags=FLAGS, **options):
    """camd with the fake, in which these faults are."""
    global runs
    runs += 1
    os.environ["FAKE_LIBCAMERA"] = f"run={runs},{faults}"
    return Camd(*flags, cameras=cameras, **options)


def check_grid(rows, period_ns=1_000_000_000 // FPS):
    """The times in the table are the fake's: exactly on its grid."""
    first = rows[0]
    for row in rows:
        elapsed = row["sensor_timestamp_ns"] - first["sensor_timestamp_ns"]
        equal(elapsed, (row["camera_frame"] - first["camera_frame"]) * period_ns, f"time of frame {row['camera_frame']}")


def record(camd, seconds):
    camd.ask("start_recording")
    camd.ask("wait", seconds=seconds)
    return camd.ask("stop_recording")["cameras"]


@test
def two_at_once():
    with fake(cameras=("libcamera:0", "libcamera:1")) as camd:
        cameras = record(camd, 1)
        equal(len(cameras), 2)
        for camera in cameras:
            rows = check_stopped(camera)
            check_grid(rows)
            equal(camera["lost"]["sensor"], 0)
            check(len(rows) >= 5, f"{len(rows)} frames")
        camd.quit()


@test
def found_once_and_described():
    with fake("cameras=3,uvc=1", cameras=()) as camd:
        cameras = [camera for camera in camd.ask("list_cameras")["cameras"] if camera["kind"] == "libcamera"]
        equal([camera["id"] for camera in cameras], ["libcamera:/base/fake/sensor@0", "libcamera:/base/fake/sensor@2"])
        equal([mode["size"] for mode in cameras[0]["modes"]], ["640x480", "1456x1088"])
        controls = {control["name"]: control for control in cameras[0]["controls"]}
        equal(sorted(controls), ["AeEnable", "AnalogueGain", "AwbMode", "Brightness", "ColourGains", "ExposureTime", "ScalerCrop"])
        exposure = controls["ExposureTime"]
        equal((exposure["type"], exposure["min"], exposure["max"], exposure["default"]), ("int", 100, 33000, 10000))
        equal(controls["AwbMode"]["choices"], ["AwbAuto", "AwbIncandescent", "", "", "AwbIndoor"])
        equal(controls["ColourGains"]["count"], 2)
        camd.quit()


def exposures(video):
    """What each row of the table beside a video tells of the exposure, as texts."""
    with open(video.rsplit(".", 1)[0] + "_frame_timing.csv", encoding="utf-8") as file:
        names = file.readline().rstrip("\n").split(",")
        rows = [dict(zip(names, line.rstrip("\n").split(","))) for line in file]
    wanted = ("exposure_us", "analogue_gain", "digital_gain", "lux", "sensor_temperature_c")
    check(all(name in names for name in wanted), f"columns {names}")
    return [[row[name] for name in wanted] for row in rows]


@test
def controls_and_what_came_of_them():
    with fake() as camd:
        camd.started()
        equal(camd.ask("set_controls", camera_id=0, controls={"ExposureTime": 5000, "AwbMode": "AwbIndoor", "ColourGains": [1.5, 2.25],
                                                              "ScalerCrop": [0, 0, 640, 480]})["camera_id"], 0)
        for controls, word in (({"ExposureTime": 50}, "ExposureTime"), ({"Bananas": 1}, "Bananas"), ({"AwbMode": "Awb"}, "AwbMode"),
                               ({"FrameDurationLimits": [1, 1]}, "FrameDurationLimits"), ({"ExposureTime": 700, "ColourGains": 1}, "ColourGains")):
            check(word in camd.fails("set_controls", "bad_argument", camera_id=0, controls=controls)["message"], controls)
        camd.ask("wait", seconds=0.5)       # for the requests that were under way
        camera, = record(camd, 0.5)
        check_stopped(camera)
        shot, = exif(*camd.ask("take_snapshot")["files"])
        equal((shot["ExposureTime"], shot["ISO"]), (0.005, 225), "in the picture")
        check(shot["UserComment"].endswith("analogue_gain=1 digital_gain=2.25"), shot["UserComment"])
        seen = {tuple(row) for row in exposures(camera["file"])}
        equal(seen, {("5000", "1.0000", "2.2500", "480.0000", "4.0000")}, "exposures")
        camd.quit()


def luma(video):
    """Luma in the corners, by rows, and in the middle of the upper edge; not of the first picture, which may be coarse."""
    width, height = 320, 240
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", video, "-vf", "select=eq(n\\,4)", "-frames:v", "1", "-pix_fmt", "gray", "-f", "rawvideo", "-"],
                         stdout=subprocess.PIPE, check=True, timeout=60).stdout
    equal(len(raw), width * height, "a picture")
    return [raw[y * width + x] for x, y in ((6, 6), (width - 7, 6), (6, height - 7), (width - 7, height - 7), (width // 2, 6))]


def is_near(found, wanted):
    return all(abs(a - b) < 12 for a, b in zip(found, wanted))


@test
def picture_settings_are_set_at_the_start():
    """By the pictures and by what the camera says of them; and again after it was away."""
    flags = ("--no-show-frame-number", "--shutter", "7000", "--gain", "3", "--brightness", "-0.5", "--hflip", "--awb", "indoor")
    with fake("mark=1,gone=30,back_ms=300", flags=FLAGS + flags) as camd:
        camd.ask("subscribe", events="*")
        camd.ask("start_recording")
        camd.event("camera_lost")
        camd.event("camera_found")
        camd.ask("wait", seconds=0.4)
        camera, = camd.ask("stop_recording")["cameras"]
        seen = [tuple(row)[:2] for row in exposures(camera["file"])]
        equal(set(seen), {("7000", "3.0000")}, "from the first frame to the last")
        check(is_near(luma(camera["file"]), [96, 255, 96, 96, 96]), luma(camera["file"]))
        check("nothing of the kind" not in camd.log(), camd.log())
        camd.quit()
    for setting, corners in (("vflip", [128, 128, 255, 128, 128]), ("rotation=180", [128, 128, 128, 255, 128])):
        with fake("mark=1", flags=(*FLAGS, "--no-show-frame-number", "--" + setting)) as camd:
            camera, = record(camd, 0.4)
            check(is_near(luma(camera["file"]), corners), f"{setting}: {luma(camera['file'])}")
            camd.quit()


@test
def tuning_file_reaches_libcamera():
    with fake(flags=(*FLAGS, "--tuning-file", "/somewhere/imx296.json")) as camd:
        equal([camera["model"] for camera in camd.ask("list_cameras")["cameras"]], ["fake0/somewhere/imx296.json"])
        camd.quit()


@test
def what_a_camera_lacks():
    """It is named, once, and the camera records all the same."""
    flags = ("--hflip", "--lens-position", "2", "--awb", "cloudy", "--shutter", "2s", "--contrast", "1.5")
    with fake("flips=0,gone=30,back_ms=300", flags=(*FLAGS, *flags, "--greeting"), cameras=("libcamera:0", SMALL)) as camd:
        told, line = [], camd.line
        # whether it is the greeting that says so, or an event, is as chance has it
        camd.line = lambda *timeout: told.append(line(*timeout)) or told[-1]
        camd.ask("subscribe", events="*")
        camd.ask("start_recording")
        camd.event("camera_lost")
        camd.event("camera_found")
        for camera in camd.ask("stop_recording")["cameras"]:
            check_stopped(camera)
        log = camd.log()
        for name in ("hflip", "lens_position", "awb", "contrast", "shutter"):
            for camera in (0, 1):
                equal(len(re.findall(rf"warning .*camera {camera}: {name}: the camera", log)), 1, f"camera {camera}: {name}")
        check("goes from 100 to 33000: 33000 it is" in log, "the nearest shutter")
        camd.quit()
        check(any("camera 0: hflip" in event["data"]["message"] for event in [*filter(None, told), *camd.rest()]
                  if event.get("status", event.get("event")) == "warning"), "the master is told")


@test
def it_stops_working_and_goes_on():
    """Requests cancelled, a first time and again and again: one file, nothing uncounted, and no camera lost."""
    for faults, least in (("cancel=40", 0), ("cancel=40,dead=1,times=3", 2), ("cancel=40,dead=1,times=4", 3), ("silent=40", FPS)):
        with fake(faults) as camd:
            camd.ask("subscribe", events="*")
            camd.ask("start_recording")
            until(lambda: camd.ask("get_status")["cameras"][0]["recorded_frames"] > 70, f"{faults}: more frames")
            camera, = camd.ask("stop_recording")["cameras"]
            rows = check_stopped(camera)
            check_grid(rows)
            check(camera["lost"]["sensor"] >= least, f"{faults}: {camera['lost']}")
            equal([event["event"] for event in camd.events if event["event"] == "camera_lost"], [], faults)
            check("starting it again" in camd.log(), "the log tells of it")
            camd.quit()


@test
def it_cannot_be_opened():
    """Why is told, and the other camera records."""
    for faults, words in (("acquire=19", "is not there"), ("acquire=13", "add yourself to group video"), ("acquire=5", "Input/output error"),
                          ("configure=12", "no memory for its buffers"), ("configure=22", "can't be configured"), ("buffers=12", "can't be mapped"),
                          ("requests=0", "has no buffers"), ("begin=5", "it doesn't start: Input/output error")):
        with fake(faults, cameras=("libcamera:0", SMALL)) as camd:
            camd.started()
            until(lambda: words in camd.ask("get_status")["cameras"][0].get("error", ""), f"{faults}: {words}")
            started = camd.ask("start_recording")
            equal([failed["camera_id"] for failed in started["failed"]], [0], faults)
            camd.ask("wait", seconds=0.2)
            check_stopped(camd.ask("stop_recording")["cameras"][0])
            camd.quit()


@test
def it_comes_back_as_another():
    """It stops, and can't be started again, or has other pictures then: lost, with the reason in the log, and what was recorded is whole."""
    for faults, words in (("cancel=40,again=5", "camera .*: Input/output error"), ("cancel=40,dead=1,times=4,other=1", "came back with other pictures")):
        with fake(faults) as camd:
            camd.ask("subscribe", events="*")
            camd.ask("start_recording")
            camd.event("camera_lost")
            check(re.search(words, camd.log()), faults, camd.log())
            camera, = camd.ask("stop_recording")["cameras"]
            check_grid(check_stopped(camera))
            check(camera["frames"] >= 20, camera)
            camd.quit()


def passed(camera):
    return camera["recorded_frames"] + sum(camera["lost"].values())


@test
def it_fails_and_the_recording_ends():
    """While it has failed; what was recorded up to then is whole, and nobody waits for it."""
    for faults in ("cancel=20,dead=1,times=100000", "silent=20", "gone=20,back_ms=100000"):
        with fake(faults) as camd:
            camd.ask("start_recording")
            until(lambda: passed(camd.ask("get_status")["cameras"][0]) >= 15, f"{faults}: frames")
            camd.ask("wait", seconds=0.5)
            camera, = camd.ask("stop_recording")["cameras"]
            check_grid(check_stopped(camera))
            camd.quit()


@test
def damaged_and_missing():
    with fake("damaged=10,gap=7") as camd:
        camera, = record(camd, 1.5)
        rows = check_stopped(camera)
        check_grid(rows)
        check(camera["lost"]["sensor"] >= 5, camera)
        camd.quit()


@test
def one_fails_the_other_does_not_notice():
    with fake("only=1,cancel=10,times=100000", cameras=("libcamera:0", "libcamera:1")) as camd:
        cameras = record(camd, 2)
        for camera in cameras:
            check_grid(check_stopped(camera))
        equal(cameras[0]["lost"]["sensor"], 0)
        check(cameras[1]["lost"]["sensor"] > 0, cameras)
        camd.quit()


@test
def unplugged_and_back():
    """The same recording goes on in the same file, with the time that is missing in the ledger; the other camera runs on."""
    with fake("only=1,gone=40,back_ms=1000", cameras=("libcamera:0", "libcamera:1")) as camd:
        camd.ask("subscribe", events="*")
        camd.ask("start_recording")
        equal(camd.event("camera_lost")["camera_id"], 1)
        equal(camd.event("camera_found", where=lambda data: data["camera_id"] == 1)["camera_id"], 1)
        before = camd.ask("get_status")["cameras"][1]["recorded_frames"]
        until(lambda: camd.ask("get_status")["cameras"][1]["recorded_frames"] > before + 20, "frames after it is back")
        cameras = camd.ask("stop_recording")["cameras"]
        for camera in cameras:
            check_grid(check_stopped(camera))
        equal(cameras[0]["lost"]["sensor"], 0)
        check(cameras[1]["lost"]["sensor"] >= FPS * 9 // 10, cameras[1])
        camd.quit()


@test
def found_again():
    """Nobody has named it: it goes, is looked for and found again, under its old number, once."""
    with fake("cameras=2,only=1,gone=40,back_ms=1500", cameras=()) as camd:
        camd.ask("subscribe", events="*")
        ids = [camera["id"] for camera in camd.ask("list_cameras")["cameras"]]
        camd.ask("start_recording")
        gone = camd.event("camera_lost")
        back = camd.event("camera_found", where=lambda data: data["id"] == gone["id"])
        equal(back["camera_id"], gone["camera_id"])
        time.sleep(1)       # for a few more looks
        equal([camera["id"] for camera in camd.ask("list_cameras")["cameras"]], ids)
        for camera in camd.ask("stop_recording")["cameras"]:
            check_stopped(camera, numbers=False)
        camd.quit()


@test
def without_the_module():
    """A board without libcamera: that is said once, and the other cameras run."""
    kept = os.environ["CAMD_LIBCAMERA"]
    os.environ["CAMD_LIBCAMERA"] = "/nonexistent/camd_libcamera.so"
    try:
        with fake(cameras=("libcamera:0", SMALL)) as camd:
            cameras = camd.ask("list_cameras")["cameras"]
            equal([camera["state"] for camera in cameras], ["failed", "running"])
            check("libcamera-dev" in camd.ask("get_status")["cameras"][0]["error"], "the remedy is told")
            time.sleep(1)
            equal(camd.log().count("no libcamera cameras"), 1, "lines in the log")
            camera, = record(camd, 0.3)
            check_stopped(camera)
            camd.quit()
    finally:
        os.environ["CAMD_LIBCAMERA"] = kept


if __name__ == "__main__":
    main()
