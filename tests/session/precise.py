#!/usr/bin/env python3
"""export precise: an exact cut begins with its first frame, and each player shows the right picture of each frame, by the number in it."""

import atexit
import functools
import pathlib
import random
import shutil
import subprocess
import tempfile
import time

from camd import PROBE, Camd, check, equal, ffprobe, main, packet_times_ns, read_csv, test
from chromium import SEEK, Chromium, video_page

WIDTH, HEIGHT, FPS = 320, 240, 30
CAMERA = f"synthetic:{WIDTH}x{HEIGHT}@{FPS}"
FRAME_BYTES = WIDTH * HEIGHT * 3 // 2
# of camd's pattern in pictures of that size: where its cells of 16x16 begin, how many in a row
LEFT, TOP, CELL, COLUMNS, ROWS = 32, 176, 16, 16, 4


@functools.cache
def footage():
    """A second each in two files whose parameter sets differ, a key frame twice a second: the output directory, and the files."""
    directory = tempfile.mkdtemp(prefix="camd-test-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    for profile in ("baseline", "main"):
        with Camd("--profile", profile, "--intra", "0.5", "--no-show-frame-number", cameras=[CAMERA], output=directory) as camd:
            camd.ask("start_recording")
            time.sleep(1.3)
            camd.ask("stop_recording")
            camd.quit()
    return directory, sorted(map(str, pathlib.Path(directory).glob("session_*/cam*.mp4")), key=lambda file: read_csv(file)[0]["sensor_timestamp_ns"])


def export(*cuts):
    """The files of exact cuts, each from a row on up to, not including, another."""
    made = []
    with Camd("--export-keep", "0", cameras=["synthetic:64x48@5"], output=footage()[0]) as camd:
        camd.ask("subscribe", events=["job_done"])
        for begin, end in cuts:
            camd.ask("export", camera_id=0, precise=True, **{"from": begin["write_time_unix"], "to": end["write_time_unix"]})
            done = camd.event("job_done")
            check(done["ok"], done)
            made += done["files"]
        camd.quit()
    return made


def keys(video):
    """The indexes of its key frames."""
    packets = ffprobe(video, "-select_streams", "v:0", "-show_entries", "packet=flags")["packets"]
    return [k for k, packet in enumerate(packets) if packet["flags"].startswith("K")]


def framemd5(video):
    result = subprocess.run(["ffmpeg", "-v", "error", "-i", video, "-fps_mode", "passthrough", "-f", "framemd5", "-"],
                            capture_output=True, text=True, timeout=120, check=True)
    return [line.split(",")[-1].strip() for line in result.stdout.splitlines() if not line.startswith("#")]


# ---- reading numbers ----

def read_number(luma, stride):
    """The number in a picture; None if there is none."""
    cells = [luma[(TOP + row * CELL + CELL // 2) * stride + LEFT + column * CELL + CELL // 2] > 128
             for row in range(ROWS) for column in range(1, COLUMNS - 1)]
    message = functools.reduce(lambda value, cell: value << 1 | cell, cells, 0)
    number, crc = message >> 16, 0xffff
    for bit in range(39, -1, -1):
        crc = (crc << 1 ^ (0x1021 if crc >> 15 ^ number >> bit & 1 else 0)) & 0xffff
    return number if crc == message & 0xffff else None


def read_frames(raw):
    """Of pictures one behind the other, luma first."""
    equal(len(raw) % FRAME_BYTES, 0, "bytes of whole frames left over")
    return [read_number(memoryview(raw)[at:at + FRAME_BYTES], WIDTH) for at in range(0, len(raw), FRAME_BYTES)]


def run(*command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    check(result.returncode == 0, command[0], result.stdout[-300:], result.stderr[-300:])
    return result.stdout


def by_ffmpeg(video):
    return read_frames(run("ffmpeg", "-v", "error", "-i", video, "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"))


def by_mpv(video):
    with tempfile.TemporaryDirectory(prefix="camd-test-") as scratch:
        raw = scratch + "/raw.nut"
        run("mpv", "--no-config", "--no-audio", "--hwdec=no", "--vf=format=yuv420p", "--o=" + raw, "--of=nut", "--ovc=rawvideo", video)
        return by_ffmpeg(raw)


def by_gstreamer(video):
    with tempfile.TemporaryDirectory(prefix="camd-test-") as scratch:
        raw = scratch + "/raw"
        run("gst-launch-1.0", "-q", "filesrc", "location=" + video, "!", "qtdemux", "!", "h264parse", "!", "avdec_h264", "!", "videoconvert", "!",
            "video/x-raw,format=I420", "!", "filesink", "location=" + raw)
        return read_frames(pathlib.Path(raw).read_bytes())


def by_chromium(video, wanted):
    """Those that matter, for each takes a moment: what is not looked at is as wanted."""
    times, numbers = packet_times_ns(video), list(wanted)
    ends = times[1:] + [times[-1] + 10**9 // FPS]
    with Chromium(WIDTH, HEIGHT) as browser:
        browser.open(video_page(video))
        for k in sorted({0, 1, len(times) - 1} | {near for key in keys(video)[1:] for near in (key - 1, key, key + 1)}):
            browser.evaluate(SEEK, (times[k] + ends[k]) / 2e9)
            picture = browser.screenshot("#v")
            numbers[k] = read_number(picture.rgb[1::3], picture.width)
    return numbers


PLAYERS = {"ffmpeg": by_ffmpeg, "mpv": by_mpv, "GStreamer": by_gstreamer}


# ---- tests ----

@test
def in_every_player():
    """From the middle of a group of pictures on, within one file and across two that were encoded in different ways."""
    _, files = footage()
    one, other = map(read_csv, files)
    late = max(key for key in keys(files[0]) if key + 3 < len(one))
    cuts = (one[4], one[-1]), (one[late + 2], other[-1])
    for video, (begin, end) in zip(export(*cuts), cuts):
        rows = [row for row in one + other if begin["sensor_timestamp_ns"] <= row["sensor_timestamp_ns"] < end["sensor_timestamp_ns"]]
        wanted = [row["camera_frame"] for row in rows]
        equal(read_csv(video), rows)
        for name, player in PLAYERS.items():
            equal(player(video), wanted, name)
        equal(by_chromium(video, wanted), wanted, "Chromium")


@test
def no_more_than_needed():
    """Wherever it begins: nothing earlier is in the file, no frame behind the next key frame is encoded anew, and the number in each is right."""
    _, files = footage()
    rows, hashes, begins = read_csv(files[0]), framemd5(files[0]), keys(files[0])
    seed = random.randrange(10**6)
    print(f"# seed {seed}")
    chance = random.Random(seed)
    cuts = [sorted(chance.sample(range(len(rows)), 2)) for _ in range(6)] + [[begins[1], len(rows) - 1], [begins[1] - 1, len(rows) - 1]]
    for video, (begin, end) in zip(export(*[(rows[begin], rows[end]) for begin, end in cuts]), cuts):
        equal(read_csv(video), rows[begin:end])
        equal(len(packet_times_ns(video)), end - begin, "packets")
        result = subprocess.run([PROBE, video, video[:-4] + "_frame_timing.csv", "--number-pattern", "--excerpt"], capture_output=True, timeout=60)
        equal(result.returncode, 0, result.stderr)
        found = framemd5(video)
        key = next((key for key in begins if key >= begin), len(rows))
        equal(found[key - begin:], hashes[key:end], f"rows {begin} to {end}, copied from {key} on")
        # what was encoded anew is not the same to the bit
        check(begin == key or found[0] != hashes[begin], f"rows {begin} to {end}: nothing was encoded anew")


main()
