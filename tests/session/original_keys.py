#!/usr/bin/env python3
"""
The config.txt of the Python program that camd replaces, read whole, from where it lies; then each of its keys with another
value: by what comes of it, the files, the pictures, the log, not by what camd says that it understood.
"""

import base64
import collections
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import subprocess
import tempfile

from camd import CAMD, Skip, check, equal, ffprobe, jpeg_size, main, note, read_csv, read_lines, test

FILE = pathlib.Path(__file__).with_name("original-config.txt").read_text()
GREY = 160
SYNTHETIC, GREY_CLIP, LIBCAMERA = "synthetic", "grey", "libcamera:0"
KEYS = re.findall(r"^(\w+) = ", FILE, re.M)
REQUESTS = [{"command": "list_cameras"}, {"command": "toggle_preview"}, {"command": "wait", "seconds": 0.4}, {"command": "take_snapshot"},
            {"command": "start_recording"}, {"command": "wait", "seconds": 0.7}, {"command": "stop_recording"}, {"command": "quit"}]


class Run:
    """What camd made of the file with these changes, started where it lies and without a flag that says any of it."""

    def __init__(self, *cameras, **changes):
        self.place = tempfile.TemporaryDirectory(prefix="camd-test-")
        text = FILE
        for key, value in changes.items():
            text, found = re.subn(rf"^{key} = \S+", f"{key} = {value}", text, flags=re.M)
            equal(found, 1, key)
        self.path = pathlib.Path(self.place.name)
        (self.path / "config.txt").write_text(text)
        requests = "".join(json.dumps(request) + "\n" for request in REQUESTS).encode()
        for line in requests.splitlines():
            note(line)
        result = subprocess.run([CAMD, *(f"--camera={camera}" for camera in cameras or (SYNTHETIC,))], cwd=self.path, input=requests,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=90)
        equal(result.returncode, 0, f"camd with {changes}: {result.stderr.decode(errors='replace')[-500:]}")
        self.stderr = result.stderr.decode()
        self.lines = read_lines(result.stdout)

    def reply(self, name):
        return next(line["data"] for line in self.lines if line.get("status") == name)

    def said(self, name):
        return any(line.get("status") == name for line in self.lines)

    @property
    def log(self):
        path, = self.path.glob("*/*/session.log")
        return path.read_text()

    @property
    def video(self):
        path, = [path for path in self.path.glob("*/*/cam0_*") if path.suffix in (".mp4", ".h264")]
        return path

    @property
    def snapshot(self):
        path, = self.path.glob("*/*/snapshot_cam0_*.jpg")
        return path

    @property
    def preview(self):
        return base64.b64decode([line for line in self.lines if line.get("status") == "preview_frame"][-1]["data"]["frame"])


def video_size(run):
    stream, = ffprobe(run.video, "-show_entries", "stream=width,height")["streams"]
    return stream["width"], stream["height"]


def frames_a_second(run):
    rows = read_csv(run.video)
    check(len(rows) > 1, f"{len(rows)} frames")
    steps, first, last = rows[-1]["frame_number"] - rows[0]["frame_number"], rows[0]["sensor_timestamp_ns"], rows[-1]["sensor_timestamp_ns"]
    return round(1e9 * steps / (last - first), 3)


def grey_clip(directory):
    """A video without anything in it: what differs from it is what was drawn into it."""
    path = os.path.join(directory, "grey.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color=0x{GREY:02x}{GREY:02x}{GREY:02x}:s=640x480:r=25:d=1", path], check=True, timeout=60)
    return f"file:{path}?loop"


class Drawn:
    """What differs from the grey of a run's snapshot: its box and its colour."""

    def __init__(self, run):
        raw = subprocess.run(["ffmpeg", "-v", "error", "-i", run.snapshot, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"], stdout=subprocess.PIPE,
                             check=True, timeout=60).stdout
        equal(len(raw), 640 * 480 * 3, "a picture")
        places = [at for at in range(0, len(raw), 3) if max(abs(value - GREY) for value in raw[at:at + 3]) > 80]
        rows, columns = [at // 1920 for at in places], [at // 3 % 640 for at in places]
        self.n = len(places)
        self.left, self.top, self.right, self.bottom = (min(columns), min(rows), max(columns), max(rows)) if places else (0, 0, 0, 0)
        colours = collections.Counter(tuple(value > 127 for value in raw[at:at + 3]) for at in places)
        self.colour = "+".join(name for name, on in zip("rgb", colours.most_common(1)[0][0]) if on) if colours else "none"


drawn = functools.cache(Drawn)


def says_libcamera(run):
    """Whether its informative lines are there; a libcamera that is not says nothing either way."""
    if "no libcamera cameras" in run.log:
        raise Skip("there is no libcamera")
    return bool(re.search(r" info +libcamera ", run.log))


# key: the camera, another value, what to look at, what it is with the file as it stands, and with the other value
CASES = {
    "resolution_preset": (SYNTHETIC, "7", video_size, (640, 480), (320, 240)),
    "target_fps": (SYNTHETIC, "12.5", frames_a_second, 25, 12.5),
    "auto_start_recording": (SYNTHETIC, "yes", lambda run: run.said("recording_started"), True, False),      # it records already
    "disable_mp4_conversion": (SYNTHETIC, "False", lambda run: run.video.suffix, ".h264", ".mp4"),
    "output_dir": (SYNTHETIC, "elsewhere", lambda run: run.video.parent.parent.name, "recordings", "elsewhere"),
    "session_prefix": (SYNTHETIC, "trial", lambda run: run.video.parent.name.split("_")[0], "session", "trial"),
    "preview_preset": (SYNTHETIC, "6", lambda run: jpeg_size(run.preview), (320, 240), (480, 360)),
    "show_frame_number": (GREY_CLIP, "no", lambda run: drawn(run).n > 0, True, False),
    "font_scale_base": (GREY_CLIP, "2.4", lambda run: drawn(run).right - drawn(run).left > 250, False, True),
    "thickness_base": (GREY_CLIP, "6", lambda run: drawn(run).n > 2600, False, True),
    "text_color_b": (GREY_CLIP, "255", lambda run: drawn(run).colour, "g", "g+b"),
    "text_color_g": (GREY_CLIP, "0", lambda run: drawn(run).colour, "g", ""),
    "text_color_r": (GREY_CLIP, "255", lambda run: drawn(run).colour, "g", "r+g"),
    "margin_left": (GREY_CLIP, "200", lambda run: drawn(run).left > 150, False, True),
    "line_start_y": (GREY_CLIP, "300", lambda run: drawn(run).bottom > 250, False, True),
    "enable_csv_timing_log": (SYNTHETIC, "0", lambda run: len(list(run.path.glob("*/*/*.csv"))), 1, 0),
    "log_level": (SYNTHETIC, "CRITICAL", lambda run: " info " in run.log, True, False),
    "console_output": (SYNTHETIC, "on", lambda run: "camera 0:" in run.stderr, False, True),
    "libcamera_log_level": (LIBCAMERA, "INFO", says_libcamera, False, True),
}
ELSEWHERE = {"show_preview"}    # what camctl shows, in previews.py, none_unless_wanted


@test
def whole_file():
    run = Run()
    check(f"settings: {run.path / 'config.txt'}" in run.log, run.log)
    equal(re.findall(r"config.txt line \d+: (.*)", run.log), [], "lines that can't be used")
    equal(sorted(KEYS), sorted(CASES.keys() | ELSEWHERE), "a case for each")


def check_keys(keys, *cameras):
    """Each against the file as it stands, several camds at once: they wait most of the time."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        base = pool.submit(Run, *cameras)
        changed = {key: pool.submit(Run, *cameras, **{key: CASES[key][1]}) for key in keys}
    for key in keys:
        _, value, look, before, after = CASES[key]
        equal(look(base.result()), before, f"{key}, as it was")
        equal(look(changed[key].result()), after, f"{key} = {value}")


def keys_of(camera):
    return [key for key, case in CASES.items() if case[0] == camera]


@test
def keys_of_recording_and_log():
    check_keys(keys_of(SYNTHETIC), SYNTHETIC)


@test
def keys_of_the_text_in_the_picture():
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        check_keys(keys_of(GREY_CLIP), grey_clip(place))


@test
def keys_of_libcamera():
    check_keys(keys_of(LIBCAMERA), SYNTHETIC, LIBCAMERA)      # the other one is there at once


if __name__ == "__main__":
    main()
