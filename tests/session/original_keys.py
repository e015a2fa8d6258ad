#!/usr/bin/env python3
"""
The config.txt of the Python program that camd replaces, read whole, from where it lies; then each of its keys with another
value: by what comes of it, the files, the pictures, the log, not by what camd says that it understood.
"""

import base64
import concurrent.futures
import json
import pathlib
import re
import subprocess
import tempfile

from camd import CAMD, check, equal, ffprobe, jpeg_size, main, note, read_csv, read_lines, test

FILE = pathlib.Path(__file__).with_name("original-config.txt").read_text()
KEYS = re.findall(r"^(\w+) = ", FILE, re.M)
REQUESTS = [{"command": "list_cameras"}, {"command": "toggle_preview"}, {"command": "wait", "seconds": 0.4}, {"command": "take_snapshot"},
            {"command": "start_recording"}, {"command": "wait", "seconds": 0.7}, {"command": "stop_recording"}, {"command": "quit"}]


class Run:
    """What camd made of the file with these changes, started where it lies and without a flag that says any of it."""

    def __init__(self, **changes):
        self.changes = changes
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
        result = subprocess.run([CAMD, "--camera", "synthetic"], cwd=self.path, input=requests, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=90)
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
    times = [row["sensor_timestamp_ns"] for row in read_csv(run.video)]
    check(len(times) > 5, f"{len(times)} frames")
    return round(1e9 * (len(times) - 1) / (times[-1] - times[0]), 3)


class Overlay:
    """The text in a snapshot: what is not as the bars of the test picture below it."""

    def __init__(self, run):
        width, height, reference, self.pixels = 640, 150, 200, {}
        data = subprocess.run(["ffmpeg", "-v", "error", "-i", str(run.snapshot), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                              stdout=subprocess.PIPE, timeout=60, check=True).stdout
        for at in range(0, width * height * 3, 3):
            x, y = at // 3 % width, at // 3 // width
            bar = (reference * width + x) * 3
            if max(abs(a - b) for a, b in zip(data[at:at + 3], data[bar:bar + 3])) > 60:
                self.pixels[x, y] = data[at:at + 3]

    @property
    def width(self):
        columns = [x for x, _ in self.pixels]
        return max(columns) - min(columns) + 1

    def has(self, *colour):
        return sum(max(abs(a - b) for a, b in zip(pixel, colour)) < 50 for pixel in self.pixels.values()) > 30


# key: another value, what to look at, what it is with the file as it stands, and with the other value
CASES = {
    "resolution_preset": ("7", video_size, (640, 480), (320, 240)),
    "target_fps": ("12.5", frames_a_second, 25, 12.5),
    "auto_start_recording": ("yes", lambda run: run.said("recording_started"), True, False),      # it records already
    "disable_mp4_conversion": ("False", lambda run: run.video.suffix, ".h264", ".mp4"),
    "output_dir": ("elsewhere", lambda run: run.video.parent.parent.name, "recordings", "elsewhere"),
    "session_prefix": ("trial", lambda run: run.video.parent.name.split("_")[0], "session", "trial"),
    "preview_preset": ("6", lambda run: jpeg_size(run.preview), (320, 240), (480, 360)),
    "show_frame_number": ("off", lambda run: bool(Overlay(run).pixels), True, False),
    "font_scale_base": ("2.4", lambda run: Overlay(run).width > 200, False, True),
    "thickness_base": ("9", lambda run: len(Overlay(run).pixels) > 3500, False, True),
    "text_color_b": ("255", lambda run: Overlay(run).has(0, 255, 255), False, True),
    "text_color_g": ("0", lambda run: Overlay(run).has(0, 255, 0), True, False),
    "text_color_r": ("255", lambda run: Overlay(run).has(255, 255, 0), False, True),
    "margin_left": ("200", lambda run: min(x for x, _ in Overlay(run).pixels) > 150, False, True),
    "line_start_y": ("120", lambda run: max(y for _, y in Overlay(run).pixels) > 100, False, True),
    "enable_csv_timing_log": ("0", lambda run: len(list(run.path.glob("*/*/*.csv"))), 1, 0),
    "log_level": ("CRITICAL", lambda run: " info " in run.log, True, False),
    "console_output": ("on", lambda run: "camera 0:" in run.stderr, False, True),
}

LATER = {"libcamera_log_level", "show_preview"}


@test
def whole_file():
    run = Run()
    check(f"settings: {run.path / 'config.txt'}" in run.log, run.log)
    complaints = re.findall(r"config.txt line \d+: (.*)", run.log)
    equal([line for line in complaints if line.split("'")[1] not in LATER], [], "lines that can't be used")


@test
def each_key():
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        base = pool.submit(Run)
        changed = {key: pool.submit(Run, **{key: case[0]}) for key, case in CASES.items()}
    for key, (value, look, before, after) in CASES.items():
        equal(look(base.result()), before, f"{key}, as it was")
        equal(look(changed[key].result()), after, f"{key} = {value}")


@test
def no_key_is_forgotten():
    equal(sorted(set(KEYS) - set(CASES) - LATER), [])


if __name__ == "__main__":
    main()
