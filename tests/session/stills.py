#!/usr/bin/env python3
"""Pictures in other formats than JPEG: what other programs read in them is what the camera gave."""

import pathlib
import re
import struct
import subprocess

from camd import Camd, check, check_stopped, equal, exif, main, test

QUIET = ("--no-show-frame-number",)    # no text in the pictures
BARS = [(255, 255, 255), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]


def png(path, pixels="rgb24"):
    """(width, height, bits, rows) as ffmpeg decodes it; rows of tuples of samples."""
    data = pathlib.Path(path).read_bytes()
    width, height, bits = struct.unpack(">IIB", data[16:25])
    raw = subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "rawvideo", "-pix_fmt", pixels, "-"], check=True,
                         stdout=subprocess.PIPE, timeout=60).stdout
    samples = raw if pixels == "rgb24" else struct.unpack(f"<{len(raw) // 2}H", raw)
    equal(len(samples), 3 * width * height, path)
    return width, height, bits, [[tuple(samples[3 * (y * width + x):][:3]) for x in range(width)] for y in range(height)]


def npy(path):
    """(shape, type, values in C order)"""
    data = pathlib.Path(path).read_bytes()
    equal(data[:8], b"\x93NUMPY\x01\x00", f"{path} begins")
    length, = struct.unpack("<H", data[8:10])
    equal((10 + length) % 64, 0, "alignment")
    head = data[10:10 + length].decode("ascii")
    kind, shape = re.fullmatch(r"\{'descr': '(..u.|.u.)', 'fortran_order': False, 'shape': \((.*)\), \} *\n", head).groups()
    shape = tuple(map(int, shape.split(", ")))
    count = 1
    for side in shape:
        count *= side
    values = struct.unpack(f"<{count}{ {'|u1': 'B', '<u2': 'H'}[kind] }", data[10 + length:])
    return shape, kind, values


def far(a, b):
    return max(abs(x - y) for x, y in zip(a, b))


def check_bars(row, scale=1, most=2):
    """The colours of the synthetic camera's bars, in a row of pixels."""
    for i, bar in enumerate(BARS):
        pixel = row[(2 * i + 1) * len(row) // 16]
        check(far(pixel, tuple(c * scale for c in bar)) <= most * scale, f"bar {i} is {pixel}")


@test
def every_format():
    cameras = ["synthetic:160x120@15", "synthetic:320x240@15?pixels=nv12&matrix=bt709", "synthetic:160x120@15?pixels=i422&range=full",
               "synthetic:160x120@15?pixels=mjpeg"]
    sizes = [(160, 120), (320, 240), (160, 120), (160, 120)]
    with Camd(*QUIET, cameras=cameras) as camd:
        camd.started()
        camd.ask("start_recording")
        taken = {form: camd.ask("take_snapshot", format=form) for form in ("jpg", "png", "npy", "npy_bgr")}
        tables = [check_stopped(camera) for camera in camd.ask("stop_recording")["cameras"]]
        for form, reply in taken.items():
            equal([shot["format"] for shot in reply["shots"]], [form] * 4)
            equal([pathlib.Path(file).suffix for file in reply["files"]], ["." + form[:3]] * 4)
            for shot, rows in zip(reply["shots"], tables):
                row = next(row for row in rows if row["frame_number"] == shot["frame_number"])
                equal(row["sensor_timestamp_ns"], shot["sensor_timestamp_ns"], form)
        for i, file in enumerate(taken["png"]["files"]):
            width, height, bits, rows = png(file)
            equal((width, height, bits), (*sizes[i], 8))
            check_bars(rows[8], most=4 if i == 3 else 2)
        for i, file in enumerate(taken["npy"]["files"]):
            shape, kind, values = npy(file)
            equal((shape, kind), (sizes[i][::-1], "|u1"))
            limited = i < 2
            black, white = (16, 235) if limited else (0, 255)
            width = shape[1]
            check(abs(values[8 * width + 3] - white) <= 1 and abs(values[8 * width + width - 4] - black) <= 1, "the first bar, the last bar")
        for i, file in enumerate(taken["npy_bgr"]["files"]):
            shape, kind, values = npy(file)
            equal((shape, kind), (sizes[i][::-1] + (3,), "|u1"))
            row = values[8 * 3 * shape[1]:9 * 3 * shape[1]]
            check_bars([row[3 * x:3 * x + 3][::-1] for x in range(shape[1])], most=4 if i == 3 else 2)
        camd.quit()


@test
def a_png_says_what_it_is():
    with Camd(*QUIET, "--timezone", "utc", cameras=["synthetic:160x120@15?id=left"]) as camd:
        camd.started()
        shot, = camd.ask("take_snapshot", format="png")["shots"]
        tags, = exif(shot["file"])
        equal(tags["Validate"], "0 0 0", "what exiftool finds amiss")
        comment = f"sensor_timestamp_ns={shot['sensor_timestamp_ns']} frame_number=0 camera_frame="
        check(tags["UserComment"].startswith(comment) and tags["Comment"] == tags["UserComment"], tags)
        equal(tags["SerialNumber"], "synthetic:left")
        equal((tags["Description"], tags["ImageDescription"]), ("camera 0: synthetic:left (synthetic camera)",) * 2)
        check(tags["DateTimeOriginal"] + "+00:00" == tags["CreationTime"], f"{tags['DateTimeOriginal']}, {tags['CreationTime']}")
        camd.quit()


@test
def what_is_no_format():
    with Camd() as camd:
        camd.started()
        for form in ("gif", "jpeg", "", 4, ["jpg"]):
            equal(camd.fails("take_snapshot", "bad_argument", format=form)["argument"], "format", repr(form))
        equal(len(camd.ask("take_snapshot", camera_id=0)["files"]), 1)
        camd.quit()


main()
