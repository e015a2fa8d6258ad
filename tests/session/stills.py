#!/usr/bin/env python3
"""Pictures in other formats than JPEG: what other programs read in them is what the camera gave."""

import csv
import os
import pathlib
import re
import struct
import subprocess
import tempfile

from camd import SMALL, Camd, check, check_stopped, equal, jpeg_size, main, read_csv, test
from tags import exif

QUIET = ("--no-show-frame-number",)    # no text in the pictures
BARS = [(255, 255, 255), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]


def png(path, pixels="rgb24"):
    """(width, height, bits, rows) as ffmpeg decodes it; rows of tuples of samples. A JPEG will do."""
    data = pathlib.Path(path).read_bytes()
    width, height, bits = (*jpeg_size(data), 8) if path.endswith(".jpg") else struct.unpack(">IIB", data[16:25])
    raw = subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "rawvideo", "-pix_fmt", pixels, "-"], check=True,
                         stdout=subprocess.PIPE, timeout=60).stdout
    samples = raw if pixels == "rgb24" else struct.unpack(f"<{len(raw) // 2}H", raw)
    equal(len(samples), 3 * width * height, path)
    colours = list(zip(samples[0::3], samples[1::3], samples[2::3]))
    return width, height, bits, [colours[y * width:(y + 1) * width] for y in range(height)]


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
def a_stack_is_the_sum_of_its_frames():
    """Of a picture that stands still, to the last bit; with the overlay on, of which there is nothing in it."""
    cameras = ["synthetic:160x120@60?freeze_after=1", "synthetic:128x96@60?freeze_after=1&pixels=nv12&matrix=bt709&range=full",
               "synthetic:160x120@60?freeze_after=1&pixels=mjpeg"]
    with Camd(cameras=cameras) as camd:
        camd.started()
        camd.ask("start_recording")     # which has the overlay
        ones = [npy(file) for file in camd.ask("take_snapshot", format="npy")["files"]]
        reply = camd.ask("take_snapshot", format="npy", stack=7, stacking="sum")
        for shot, (shape, kind, one) in zip(reply["shots"], ones):
            equal((kind, shot["stack"]), ("|u1", 7))
            check("gain" not in shot, "of plain sums")
            equal(round((shot["last_sensor_timestamp_ns"] - shot["sensor_timestamp_ns"]) * 60 / 1e9), 6, "frames to the last")
            equal(npy(shot["file"]), (shape, "<u2", tuple(7 * value for value in one)), shot["file"])
        for shot, (shape, kind, one) in zip(camd.ask("take_snapshot", format="npy", stack=64)["shots"], ones):
            equal(npy(shot["file"]), (shape, kind, one), "the mean")
        means = [png(file) for file in camd.ask("take_snapshot", format="png", stack=5)["files"]]
        alone = [png(file) for file in camd.ask("take_snapshot", format="png", stack=1)["files"]]
        equal(means, alone, "means")
        for i, (_, _, bits, rows) in enumerate(means):
            equal(bits, 8)
            for y in range(0, 40):
                check_bars(rows[y], most=4 if i == 2 else 2)
        drawn = png(camd.ask("take_snapshot", format="png", camera_id=0)["files"][0])[3]
        check(any(drawn[y] != alone[0][3][y] for y in range(40)), "there is an overlay in other pictures")
        # nothing is brighter than its white already
        bright, = camd.ask("take_snapshot", format="png", stack=3, stacking="sum", camera_id=0)["shots"]
        equal(bright["gain"], 1)
        _, _, bits, rows = png(bright["file"], "rgb48le")
        equal(bits, 16)
        check_bars(rows[10], scale=257)
        for shot in camd.ask("take_snapshot", stack=2)["shots"]:
            jpeg_size(pathlib.Path(shot["file"]).read_bytes())
        tags, = exif(camd.ask("take_snapshot", stack=2, camera_id=1)["files"][0])
        equal(tags["Validate"], "0 0 0", "what exiftool finds amiss")
        check(re.search(r" stack=2 last_sensor_timestamp_ns=\d+ gain=1$", tags["UserComment"]), tags["UserComment"])
        camd.quit()


def dark_clip(path):
    """Luma 20 of 16 to 235, a bar of 24 in it, without loss."""
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:size=160x120:rate=50,geq=lum='if(lt(X,16),24,20)':cb=128:cr=128",
                    "-frames:v", "50", "-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p", str(path)], check=True, timeout=60)


@test
def a_dark_scene_becomes_visible():
    with tempfile.TemporaryDirectory() as directory:
        clip = pathlib.Path(directory) / "dark.mp4"
        dark_clip(clip)
        with Camd(cameras=[f"file:{clip}?loop"]) as camd:
            camd.started()
            shot, = camd.ask("take_snapshot", stack=16, stacking="sum", format="npy")["shots"]
            _, _, values = npy(shot["file"])
            equal(set(values[:16]) | set(values[16:160]), {16 * 24, 16 * 20}, "plain sums")
            for form, most in (("png", 2), ("jpg", 3)):
                shot, = camd.ask("take_snapshot", stack=16, stacking="sum", format=form)["shots"]
                equal(shot["gain"], 16, "8 levels above black are far from white")
                _, _, bits, rows = png(shot["file"])
                for x, luma in ((3, 8 * 16), (100, 4 * 16)):
                    check(far(rows[60][x], (luma * 255 / 219,) * 3) <= most, f"{form}: {rows[60][x]} at {x}")
            shot, = camd.ask("take_snapshot", stack=64, stacking="sum")["shots"]
            equal(round(shot["gain"], 3), 27.375, "the brightest is white")
            check(far(png(shot["file"])[3][60][3], (255, 255, 255)) <= 2, "white")
            camd.quit()


@test
def stacks_in_a_recording():
    """They are of consecutive frames of it, from one instant on, and cost it none."""
    cameras = ["synthetic:160x120@15", "synthetic:160x120@10", "synthetic:160x120@7.5?pixels=mjpeg"]
    with Camd(cameras=cameras) as camd:
        camd.started()
        camd.ask("start_recording")
        taken = [camd.ask("take_snapshot", stack=n, format=form)["shots"] for n, form in ((2, "jpg"), (9, "png"), (4, "npy"))]
        camd.ask("wait", seconds=0.4)
        copied = [camera["copied_bytes"] for camera in camd.ask("get_status")["cameras"]]
        stopped = camd.ask("stop_recording")["cameras"]
        equal(copied[:2], [0, 0], "nothing is copied for a stack")
        tables = [check_stopped(camera) for camera in stopped]
        # a machine that has other things to do may lose some, to the encoder: these have no row
        lost = [sum(camera["lost"].values()) for camera in stopped]
        check(max(lost) <= 3, f"lost: {lost}")
        for shots, n in zip(taken, (2, 9, 4)):
            for shot, rows, missing in zip(shots, tables, lost):
                inside = [row["frame_number"] for row in rows
                          if shot["sensor_timestamp_ns"] <= row["sensor_timestamp_ns"] <= shot["last_sensor_timestamp_ns"]]
                wanted = range(shot["frame_number"], shot["frame_number"] + n + missing)
                check(set(inside) <= set(wanted) and n - missing <= len(inside) <= n, f"frames {inside} of {wanted}")
            check(all(abs(shot["skew_us"]) <= 1e6 / 7.5 for shot in shots), f"at one instant: {shots}")
        camd.quit()


@test
def a_stack_waits_for_its_frames_and_no_longer():
    with Camd("--start-timeout", "0.5", cameras=["synthetic:160x120@8", SMALL + "?stall_after=4"]) as camd:
        camd.started()
        reply = camd.ask("take_snapshot", stack=10)     # 1.25 s
        equal([shot["camera_id"] for shot in reply["shots"]], [0])
        equal([(each["camera_id"], each["code"]) for each in reply["failed"]], [(1, "timeout")])
        camd.send("take_snapshot", stack=64, camera_id=0)
        camd.ask("ping", id=1)
        camd.send("quit", id=2)
        equal([camd.reply()["data"].get("code") for _ in range(2)], ["cancelled", None])
        camd.wait()


@test
def what_cannot_be_stacked():
    with Camd() as camd:
        camd.started()
        for stack in (0, -1, 65, 1e9, 2.5, "many", [2], {}, True):
            equal(camd.fails("take_snapshot", "bad_argument", stack=stack)["argument"], "stack", repr(stack))
        equal(camd.fails("take_snapshot", "bad_argument", stack=2, stacking="product")["argument"], "stacking")
        equal(camd.fails("take_snapshot", "bad_argument", stacking="sum")["argument"], "stacking", "of what?")
        camd.quit()


def drawn_number(values, width, height):
    """The number that the synthetic camera draws into pictures of 160x120, from their luma."""
    equal((width, height), (160, 120))
    bits = 0
    for cell in range(64):
        if 0 < cell % 16 < 15:
            bits = bits << 1 | (values[(88 + cell // 16 * 8 + 4) * width + 16 + cell % 16 * 8 + 4] > 128)
    return bits >> 16


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@test
def the_last_frames():
    """Those that were there at the request, one after the other, without the overlay, each as its row says."""
    cameras = ["synthetic:160x120@15", "synthetic:160x120@10?pixels=mjpeg", "synthetic:160x120@10"]
    with Camd("--frame-ring", "8", cameras=cameras) as camd:
        camd.started()
        camd.ask("wait", seconds=0.3)
        idle = camd.ask("take_snapshot", ring=1, camera_id=2)["shots"]
        equal([shot["frame_number"] for shot in idle], [0])
        equal(table(idle[0]["csv"])[0]["frame_number"], "", "outside of a recording")
        camd.ask("start_recording")
        camd.ask("wait", seconds=1.1)
        asked_ns = camd.ask("ping")["monotonic_ns"]
        reply = camd.ask("take_snapshot", ring=5, format="npy")
        more = camd.ask("take_snapshot", ring=1000, format="png")
        plain = camd.ask("take_snapshot", ring=2)
        camd.ask("wait", seconds=0.3)
        check(all(camera["copied_bytes"] for camera in camd.ask("get_status")["cameras"]), "copies are counted")
        stopped = camd.ask("stop_recording")["cameras"]
        tables = [check_stopped(camera) for camera in stopped]
        equal([shot["camera_id"] for shot in reply["shots"]], [0] * 5 + [1] * 5 + [2] * 5)
        equal(reply["files"], [shot["file"] for shot in reply["shots"]])
        offsets = set()
        for i, shot in enumerate(reply["shots"]):
            rows = table(shot["csv"])
            equal(len(rows), 5, shot["csv"])
            row = rows[i % 5]
            equal(row["file"], pathlib.Path(shot["file"]).name)
            check(shot["file"] == shot["csv"].replace("_frames.csv", f"_{i % 5 + 1:04}.npy"), shot)
            recorded = next(each for each in tables[shot["camera_id"]] if each["frame_number"] == shot["frame_number"])
            for name in ("frame_number", "camera_frame", "sensor_timestamp_ns"):
                equal(int(row[name]), recorded[name], name)
            equal(shot["sensor_timestamp_ns"], recorded["sensor_timestamp_ns"])
            check(shot["sensor_timestamp_ns"] >= asked_ns - 1e9, "these are the last ones")
            shape, _, values = npy(shot["file"])
            offsets.add((shot["camera_id"], drawn_number(values, *shape[::-1]) - recorded["camera_frame"]))
        equal(len(offsets), 3, f"each picture is that of its row: {offsets}")
        equal([[shot["camera_id"] for shot in more["shots"]].count(i) for i in range(3)], [8, 8, 8], "all there are")
        for shot in more["shots"][::8]:
            for row in png(shot["file"])[3][:40]:
                check_bars(row, most=4 if shot["camera_id"] == 1 else 2)
        equal([jpeg_size(pathlib.Path(file).read_bytes()) for file in plain["files"][::2]], [(160, 120)] * 3)
        camd.quit()


def pictures_of(camd, trigger_id):
    """The rows of the pictures of a trigger of one camera, each with its file, and what the job said."""
    saved = camd.event("trigger_saved", where=lambda data: data["trigger_id"] == trigger_id)
    clip, = saved["clips"]
    if "stills_job" not in clip:
        return saved, None, []
    done = camd.event("job_done", where=lambda data: data["job"] == clip["stills_job"])
    check(done["ok"], done)
    path, = done["files"]
    rows = table(path)
    equal(sorted(os.listdir(os.path.dirname(path))), sorted([row["file"] for row in rows] + ["stills.csv"]))
    return saved, done, [{**row, "file": os.path.join(os.path.dirname(path), row["file"])} for row in rows]


@test
def of_a_trigger_from_the_ring():
    """All raw frames of its time, before and after it; of a ring that is too small the nearest ones, and it says so."""
    with Camd("--prebuffer", "2s", "--frame-ring", "45", "--camera1.frame-ring", "4", "--camera2.frame-ring", "0", "--intra", "0.2",
              cameras=[SMALL, SMALL, SMALL]) as camd:
        camd.started()
        camd.ask("subscribe", events=["trigger_saved", "job_done"])
        camd.ask("wait", seconds=1.5)
        asked = {"before": 0.8, "after": 0.6, "stills": "npy", "stills_from": "ring"}
        reply = camd.ask("trigger", camera_id=0, **asked)
        more = camd.ask("trigger", camera_id=0, **{**asked, "before": 0.2, "after": 0, "stills": "png"}, stills_every=2)
        saved, done, rows = pictures_of(camd, reply["trigger_id"])
        numbers = [int(row["camera_frame"]) for row in rows]
        equal(numbers, list(range(numbers[0], numbers[-1] + 1)), "one after the other")
        check("message" not in done, done)
        times = [int(row["sensor_timestamp_ns"]) - reply["sensor_timestamp_ns"] for row in rows]
        check(-0.8e9 <= times[0] < -0.7e9 and 0.5e9 < times[-1] <= 0.6e9, times)
        offsets, tops = set(), set()
        for row in rows:
            shape, _, values = npy(row["file"])
            offsets.add(drawn_number(values, *shape[::-1]) - int(row["camera_frame"]))
            tops.add(values[:40 * 160])
        equal((len(offsets), len(tops)), (1, 1), "each is the picture of its row, without the overlay")
        _, _, others = pictures_of(camd, more["trigger_id"])
        numbers = [int(row["camera_frame"]) for row in others]
        equal(numbers, list(range(numbers[0], numbers[-1] + 1, 2)), "each second one")
        check(os.path.dirname(others[0]["file"]) == os.path.dirname(rows[0]["file"]) + "_2", others, "the clip is the same")
        for _ in range(2):
            reply = camd.ask("trigger", camera_id=1, **asked)
            _, done, rows = pictures_of(camd, reply["trigger_id"])
            equal(len(rows), 4)
            check(0 <= reply["sensor_timestamp_ns"] - int(rows[-1]["sensor_timestamp_ns"]) < 0.2e9, "the last ones before it")
            check("frame_ring may be too small" in done["message"], done)
        equal(camd.fails("trigger", "unsupported", camera_id=2, **asked)["message"],
              "camera 2 keeps no frames, for pictures of a trigger: set frame_ring")
        camd.ask("set_config", values={"stills": "jpg", "stills_from": "ring", "trigger_before": 0.2, "trigger_after": "100ms"})
        saved, done, _ = pictures_of(camd, camd.ask("trigger", camera_id=2)["trigger_id"])
        check("camera 2 keeps no frames" in saved["message"] and done is None, saved)
        _, _, rows = pictures_of(camd, camd.ask("trigger", camera_id=0)["trigger_id"])
        check(3 <= len(rows) <= 6 and jpeg_size(pathlib.Path(rows[0]["file"]).read_bytes()) == (160, 120), rows)
        _, done, _ = pictures_of(camd, camd.ask("trigger", camera_id=0, stills="none")["trigger_id"])
        equal(done, None)
        ending = camd.ask("trigger", camera_id=0, after=20)["trigger_id"]
        camd.send("quit")
        saved, done, _ = pictures_of(camd, ending)
        check("camd ends" in saved["message"] and done is None, saved)
        camd.wait()


@test
def dark_frames_of_a_trigger():
    """Become one picture, some at a time, from the ring or the clip; bright ones don't. The score is what it ought to be."""
    with tempfile.TemporaryDirectory() as directory:
        dark, both = pathlib.Path(directory) / "dark.mp4", pathlib.Path(directory) / "both.mp4"
        dark_clip(dark)
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(dark), "-vf", "lutyuv=y='val+200':enable='gte(n,20)'", "-c:v", "libx264", "-qp", "0", str(both)],
                       check=True, timeout=60)
        with Camd("--no-show-frame-number", "--prebuffer", "2s", "--frame-ring", "200", "--stills", "npy", "--stills-from", "ring", "--stack-dark-frames",
                  "true", "--stack-count", "4", "--intra", "0.2", cameras=[f"file:{dark}?loop", f"file:{both}?loop"]) as camd:
            camd.started()
            camd.ask("subscribe", events=["trigger_saved", "job_done"])
            camd.ask("wait", seconds=2)
            trigger = {"before": 1, "after": 0.3, "overlap": "own"}
            _, _, rows = pictures_of(camd, camd.ask("trigger", camera_id=0, **trigger)["trigger_id"])
            equal({row["frames"] for row in rows[:-1]} | {row["dark_score"] for row in rows} | {row["night"] for row in rows}, {"4", "5.4", ""})
            for row in rows[:-1]:
                _, kind, values = npy(row["file"])
                equal((kind, set(values[:16]), set(values[16:160])), ("<u2", {4 * 24}, {4 * 20}), "a sum")
            equal({b - a for a, b in zip(*[[int(row["camera_frame"]) for row in part] for part in (rows, rows[1:])])}, {4})
            equal(table(camd.ask("take_snapshot", ring=1, camera_id=0)["shots"][0]["csv"])[0]["dark_score"], "5.4")
            camd.ask("set_config", values={"stack_dark_frames": "mean", "stills": "png", "stills_from": "clip"})
            saved, _, rows = pictures_of(camd, camd.ask("trigger", camera_id=1, **trigger)["trigger_id"])
            check({row["frames"] for row in rows} >= {"1", "4"}, rows)
            places = {row["camera_frame"]: k for k, row in enumerate(read_csv(saved["files"][0]))}
            for row, after in zip(rows, rows[1:]):
                equal(int(row["frames"]) > 1 or float(row["dark_score"]) > 40, True, row)
                step = places[int(after["camera_frame"])] - places[int(row["camera_frame"])]
                equal(step, int(row["frames"]), "each frame is in one picture")
            for row in rows[::6]:
                level = png(row["file"])[3][60][100][0]
                check(abs(level - (5 if float(row["dark_score"]) < 40 else 238)) <= 3, row, level)
            tags, = exif(next(row["file"] for row in rows if row["frames"] == "4"))
            check(" stack=4 " in tags["UserComment"], tags["UserComment"])
            camd.quit()


@test
def a_ring_that_is_not_there():
    with Camd("--camera1.frame-ring", "1000", "--camera2.frame-ring", "4",
              cameras=[SMALL, "synthetic:4000x3000@1", SMALL + "?stall_after=6&id=stalls"]) as camd:
        camd.ask("subscribe", events="warning")
        text = "camera 1: frame_ring = 1000 is too much, no frames are kept: 18000000 bytes each make 18.0 GB, of which memory allows "
        camd.started()
        check(text in camd.log(), "the log says that it is too much")
        camd.ask("wait", seconds=0.6)
        reply = camd.ask("take_snapshot", ring=3)
        equal([shot["camera_id"] for shot in reply["shots"]], [2] * 3)
        equal([(each["camera_id"], each["code"]) for each in reply["failed"]], [(0, "unsupported"), (1, "unsupported")])
        equal(camd.fails("take_snapshot", "unsupported", ring=1, camera_id=0)["message"], "camera 0 keeps no frames: set frame_ring")
        for ring in (0, -1, 1001, "all", [1], 0.5):
            equal(camd.fails("take_snapshot", "bad_argument", ring=ring)["argument"], "ring", repr(ring))
        equal(camd.fails("take_snapshot", "bad_argument", ring=2, stack=2)["argument"], "ring")
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
