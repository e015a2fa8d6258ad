#!/usr/bin/env python3
"""frame_tap: pictures are whole and the frames that they say, the newest wins, recordings lose nothing, no file stays."""

import glob
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from camd import CAMD, ROOT, SANITIZED, Camd, Handed, check, check_stopped, count_frames, equal, main, read_csv, test, until
from colour import read_number

sys.path.insert(0, str(ROOT / "docs/examples"))
from tap import Tap     # noqa: E402


class Picture:
    """What read_number() looks at."""

    def __init__(self, facts, pixels, bytes_a_pixel=1):
        self.width, self.height, self.stride, self.pixels, self.step = facts["width"], facts["height"], facts["stride"], pixels, bytes_a_pixel

    def pixel(self, x, y):
        at = y * self.stride + x * self.step
        blue_green_red = self.pixels[at:at + 3] if self.step == 3 else self.pixels[at:at + 1] * 3
        return tuple(reversed(blue_green_red))


def collect(tap, n, pause=0.0):
    """The next so many pictures."""
    found = []

    def take():
        picture = tap.newest()
        if picture:
            found.append(picture)
            time.sleep(pause)
        return len(found) >= n

    until(take, f"{n} pictures")
    return found


def files_of(camd):
    return glob.glob(f"/dev/shm/camd-tap-{camd.process.pid}-*")


@test
def numbers():
    """Each picture has the number that it says, in all formats, in order; the recording has all frames."""
    with Camd(cameras=["synthetic:320x240@30"]) as camd:
        camd.ask("start_recording")
        for name, step in (("grey", 1), ("bgr", 3), ("yuv420", 1)):
            reply = camd.ask("frame_tap", format=name, size="320x240")
            equal((reply["camera_id"], reply["stopped"]), (0, False))
            tap = Tap(reply["path"])
            pictures = collect(tap, 12)
            for facts, pixels in pictures:
                equal((facts["width"], facts["height"], facts["stride"]), (320, 240, 320 * step))
                equal(len(pixels), {"grey": 320 * 240, "bgr": 320 * 240 * 3, "yuv420": 320 * 240 * 3 // 2}[name])
                equal(read_number(Picture(facts, pixels, step)), facts["camera_frame"], name)
            for (one, _), (other, _) in zip(pictures, pictures[1:]):
                check(one["number"] < other["number"] and one["sensor_ns"] < other["sensor_ns"], one, other)
                equal(other["camera_frame"] - one["camera_frame"], other["frame_number"] - one["frame_number"])
            equal(files_of(camd), [reply["path"]], "the one before is gone")
        status, = camd.ask("get_status")["taps"]
        check(status["pictures"] >= 12 and status["path"] == reply["path"] and status["format"] == "yuv420" and "rate" not in status, status)
        stopped, = camd.ask("stop_recording")["cameras"]
        check(SANITIZED or stopped["captured"] == stopped["frames"], stopped)
        rows = {row["camera_frame"]: row for row in check_stopped(stopped)}
        for facts, _ in pictures:
            equal((rows[facts["camera_frame"]]["frame_number"], rows[facts["camera_frame"]]["sensor_timestamp_ns"]),
                  (facts["frame_number"], facts["sensor_ns"]), "the CSV's row")
        check(not tap.ended(), "ended")
        equal(camd.ask("frame_tap", stop=True), {"camera_id": 0, "stopped": True})
        check(tap.ended() and not files_of(camd), "the end")
        equal(camd.ask("get_status")["taps"], [])
        camd.quit()


@test
def colours():
    """bgr is blue, green, red: the test card's bars."""
    with Camd("--no-show-frame-number", cameras=["synthetic:320x240@30"]) as camd:
        (facts, pixels), = collect(Tap(camd.ask("frame_tap", format="bgr", size="160x120")["path"]), 1)
        equal((facts["width"], facts["height"]), (160, 120))
        bars = [(255, 255, 255), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]
        for i, bar in enumerate(bars):
            found = Picture(facts, pixels, 3).pixel(20 * i + 10, 20)
            check(all(abs(a - b) < 12 for a, b in zip(found, bar)), f"bar {i}: {found}, not {bar}")
        camd.quit()


@test
def slow_readers():
    """Who is slow finds the newest; rates are held; eight taps and no more; a recording beside them loses nothing."""
    with Handed() as handed, handed.camd(cameras=["synthetic:640x480@30", "synthetic:160x120@30"]) as camd:
        camd.ask("start_recording")
        clients = [handed.client() for _ in range(4)]
        for k, client in enumerate(clients):
            for camera in (0, 1):
                client.ask("frame_tap", camera_id=camera, format=("grey", "bgr", "yuv420", "grey")[k], **({"rate": 5} if k == 3 else {}))
        equal(camd.fails("frame_tap", camera_id=1)["code"], "busy")
        taps = camd.ask("get_status")["taps"]
        equal(len(taps), 8)
        slow = Tap(taps[0]["path"])
        (first, _), = collect(slow, 1)
        time.sleep(1)
        (later, _), = collect(slow, 1)
        check(later["camera_frame"] - first["camera_frame"] >= 10, first, later)
        until(lambda: camd.ask("get_status")["taps"][7]["pictures"] >= 6, "pictures")
        sparse = Tap(taps[7]["path"])
        gaps = [other[0]["sensor_ns"] - one[0]["sensor_ns"] for one, other in (lambda found: zip(found, found[1:]))(collect(sparse, 4))]
        check(all(gap >= 166e6 for gap in gaps) or SANITIZED, gaps)         # after one that was lost the next comes sooner
        clients[0].close()
        until(lambda: len(files_of(camd)) == 6, "the files of a client that left to be gone")
        check(slow.ended(), "told")
        for stopped in camd.ask("stop_recording")["cameras"]:
            check(not stopped["lost"]["storage"] and (SANITIZED or not stopped["lost"]["encoder"]), stopped)
        for client in clients[1:]:
            client.close()
        camd.quit()
        equal(files_of(camd), [])


@test
def hostile():
    """Garbage is refused; what others do to the file harms nobody; what a dead camd left is cleared away."""
    with Camd() as camd:
        camd.started()
        for arguments in ({"camera_id": 7}, {"camera_id": -1}, {"camera_id": 1 << 40}, {"camera_id": "0"}, {"size": "0x0"}, {"size": "x"},
                          {"rate": 0}, {"rate": -1}, {"format": "rgb"}, {"stop": 1}):
            camd.fails("frame_tap", **arguments)
        equal(files_of(camd), [])
        camd.ask("frame_tap", stop=True)
        path = camd.ask("frame_tap")["path"]
        os.truncate(path, 10)
        before = camd.ask("get_status")["taps"][0]["pictures"]
        until(lambda: camd.ask("get_status")["taps"][0]["pictures"] > before + 3, "pictures in a file cut short")
        os.unlink(path)
        camd.ask("set_camera", camera_id=0, enabled=False)
        camd.ask("set_camera", camera_id=0, enabled=True)
        before = camd.ask("get_status")["taps"][0]["pictures"]
        until(lambda: camd.ask("get_status")["taps"][0]["pictures"] > before, "pictures of a camera that came again")
        left = camd.ask("frame_tap")["path"]
        camd.kill()
        check(os.path.exists(left), "a killed one leaves it")
        with Camd() as other:
            mine = other.ask("frame_tap")["path"]
            check(not os.path.exists(left) and os.path.exists(mine), "swept")
            with Camd() as third:
                third.ask("frame_tap")
                check(os.path.exists(mine), "that of a living one is not")
                third.quit()
            other.quit()


@test
def example():
    """docs/examples/tap.py sees a moving picture; its triggers make one clip of it, which has its marks."""
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run([ROOT / "docs/examples/tap.py", "3", "--no-config", "--camera", "synthetic:160x120@15", "--output-dir", directory],
                                stdout=subprocess.PIPE, text=True, env=dict(os.environ, CAMD=CAMD), timeout=60)
        equal(result.returncode, 0)
        check(re.search(r"frame \d+ is another", result.stdout) and re.search(r"^\d+ pictures$", result.stdout, re.M), result.stdout)
        clip, = map(str, pathlib.Path(directory).glob("*/clip_cam0_*_changed.mp4"))
        marks = [row["mark"] for row in read_csv(clip) if row["mark"]]
        found = re.findall(r"frame (\d+) is another", result.stdout)
        # the last one may have had no frame any more
        check(marks and {mark.split()[-1] for mark in marks} <= set(found) and all(mark.startswith("changed by ") for mark in marks), marks, found)
        equal(count_frames(clip), len(read_csv(clip)))


main()
