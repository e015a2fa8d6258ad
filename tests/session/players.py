#!/usr/bin/env python3
"""Whether recordings play, seek and show the right times in ffmpeg, GStreamer, mpv and Chromium, finished or not.

    players.py FILE.mp4|DIRECTORY...            checks recordings that are there, each with its timing CSV beside it
    players.py --make 'COMMAND' DIRECTORY       runs a shell command first; it must leave recordings in DIRECTORY

In directories all .mp4 files are taken. There must be at least one that camd finished and one that it did not (a killed
camd's). Each player must find as many frames as the CSV has rows, each at its row's time, say the right duration, and
after a seek to the middle show the frame whose time that is. A player that is missing is a failure.

GStreamer can't know how long an unfinished file is until it has played it: there its last frame stands for the duration.
"""

import argparse
import csv
import os
import pathlib
import re
import subprocess
import sys

from chromium import Chromium, ChromiumError, SEEK, video_page

TIMEOUT = 300
MICROSECOND = 1000      # in ns: the finest that mpv and Chromium tell
NOMINAL = 1.2           # frames further apart than so many nominal durations have something missing between them

# plays the whole file, fast, and counts what was decoded
PLAY = """async rate => {
    const event = name => new Promise((resolve, reject) => {
        v.addEventListener(name, resolve, { once: true });
        v.addEventListener("error", () => reject(new Error("video: " + v.error.message)), { once: true });
    });
    if (v.readyState < 2)
        await event("loadeddata");
    v.playbackRate = rate;
    const ended = event("ended");
    await v.play();
    await ended;
    const quality = v.getVideoPlaybackQuality();
    return { duration: v.duration, frames: quality.totalVideoFrames, corrupted: quality.corruptedVideoFrames };
}"""


class Failure(Exception):
    pass


def run(*command):
    """What a program prints, on both of its outputs; its failure is ours."""
    try:
        done = subprocess.run(command, check=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not installed; `make check` installs what tests need") from None
    except subprocess.CalledProcessError as error:
        raise Failure(f"{command[0]}: {error.stdout.decode(errors='replace').strip()[-500:]}") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{command[0]} did not end within {TIMEOUT} s") from None
    return done.stdout.decode(errors="replace")


def ns_of(seconds):
    """Decimal seconds as a player prints them, exactly."""
    whole, _, fraction = seconds.partition(".")
    return int(whole) * 10**9 + int(fraction[:9].ljust(9, "0"))


class Recording:
    """What a file must show, by its CSV."""

    def __init__(self, path):
        self.path = str(path)
        with open(path, "rb") as file:
            head = file.read(40)
        self.finished = head[36:40] == b"mdat"
        if head[4:8] != b"ftyp" or head[36:40] not in (b"mdat", b"free"):
            raise Failure("not a recording of camd's")
        table = os.path.splitext(self.path)[0] + "_frame_timing.csv"
        with open(table, newline="", encoding="utf-8") as file:
            sensor = [int(row["sensor_timestamp_ns"]) for row in csv.DictReader(file)]
        if len(sensor) < 5:
            raise Failure(f"{table} has {len(sensor)} rows: too few to tell anything")
        self.times = [time - sensor[0] for time in sensor]
        steps = sorted(later - time for time, later in zip(self.times, self.times[1:]))
        self.nominal = steps[len(steps) // 2]
        self.duration = self.times[-1] + self.nominal
        self.middle = self._find_middle()

    def _find_middle(self):
        """A frame near the middle with nothing missing around it."""
        half = len(self.times) // 2
        for k in sorted(range(1, len(self.times) - 2), key=lambda k: abs(k - half)):
            steps = [self.times[i + 1] - self.times[i] for i in (k - 1, k, k + 1)]
            if max(steps) < NOMINAL * self.nominal:
                return k
        raise Failure("no three frames in a row without one missing: nowhere to seek to")

    def seek_to(self):
        """A time within the middle frame, in seconds."""
        return f"{(self.times[self.middle] + self.times[self.middle + 1]) // 2 / 1e9:.6f}"

    def check_times(self, found, within):
        if len(found) != len(self.times):
            raise Failure(f"{len(found)} frames, the CSV has {len(self.times)} rows")
        for k, (time, expected) in enumerate(zip(found, self.times)):
            if abs(time - expected) > within:
                raise Failure(f"frame {k + 1} is at {time} ns, its row says {expected}")

    def check_duration(self, found):
        """The last frame's own duration is a nominal one, which the CSV doesn't have to the nanosecond."""
        if not self.times[-1] < found <= self.duration + self.nominal:
            raise Failure(f"lasts {found} ns, not about {self.duration}")

    def check_seek(self, found, k, within):
        if abs(found - self.times[k]) > within:
            raise Failure(f"seeking to {self.seek_to()} s shows the frame at {found} ns, not that at {self.times[k]}")


def check_ffmpeg(recording):
    units = 1 if run("ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "stream=time_base",
                     recording.path).strip() == "1/1000000000" else MICROSECOND
    recording.check_duration(ns_of(run("ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration",
                                       recording.path).strip()))

    def decode(*options):
        out = run("ffmpeg", "-nostdin", "-v", "error", *options, "-i", recording.path, "-map", "0:v", "-fps_mode",
                  "passthrough", "-enc_time_base", "-1", "-f", "framehash", "-hash", "crc32", "-")
        rows = [line.split(",") for line in out.splitlines() if not line.startswith("#")]
        return [(int(row[2]) * units, row[5].strip()) for row in rows]

    frames = decode()
    recording.check_times([time for time, _ in frames], within=(units + 1) // 2 if units > 1 else 0)
    # ffmpeg begins with the first frame that is not before the time
    k = recording.middle + 1
    time, content = decode("-copyts", "-ss", recording.seek_to(), "-t", "1")[0]
    recording.check_seek(time, k, MICROSECOND // 2 if units > 1 else 0)
    if content != frames[k][1]:
        raise Failure("after a seek the frame has the right time, but shows something else")


def check_gstreamer(recording):
    def play(*options):
        out = run("gst-play-1.0", "--no-interactive", "-v", "--videosink=fakesink sync=false silent=false",
                  "--audiosink=fakesink", *options, recording.path)
        # it may show a frame or two before it seeks: what counts comes behind the last segment
        out = out[max(out.rfind("GstEventSegment,"), 0):]
        found = re.findall(r"chain .* pts: (\d+):(\d+):(\d+)\.(\d{9}), duration: (\d+):(\d+):(\d+)\.(\d{9})", out)
        if not found:
            raise Failure("no frames: " + out.strip()[-300:])
        return [[(int(h) * 3600 + int(m) * 60 + int(s)) * 10**9 + int(n) for h, m, s, n in (one[:4], one[4:])]
                for one in found]

    frames = play()
    recording.check_times([time for time, _ in frames], within=MICROSECOND)
    recording.check_duration(sum(frames[-1]))
    if recording.finished:
        out = run("gst-discoverer-1.0", recording.path)
        duration = re.search(r"Duration: (\d+):(\d+):(\d+)\.(\d{9})", out)
        if not duration:
            raise Failure("gst-discoverer-1.0 finds no duration")
        h, m, s, n = map(int, duration.groups())
        recording.check_duration((h * 3600 + m * 60 + s) * 10**9 + n)
    # what a seek begins with, GStreamer clips to the time that was asked for; the one behind it is whole. 1.22 always seeks
    # to the frame and knows no option for it, 1.26 seeks to the key frame unless it is asked
    exact = [option for option in ["--accurate-seeks"] if option in run("gst-play-1.0", "--help")]
    frames = play(*exact, "--start-position=" + recording.seek_to())
    recording.check_seek(frames[1][0], recording.middle + 1, MICROSECOND)
    if len(frames) != len(recording.times) - recording.middle:
        raise Failure(f"{len(frames)} frames from {recording.seek_to()} s to the end, "
                      f"not {len(recording.times) - recording.middle}")


def check_mpv(recording):
    def play(*options):
        return run("mpv", "--no-config", "--no-audio", "--hwdec=no", "--vo=null", "--untimed", "--framedrop=no",
                   "--msg-level=ffmpeg=v", "--quiet",
                   "--term-playing-msg=at ${=time-pos} of ${=duration};", *options, recording.path)

    def answer(out):
        found = re.search(r"at ([\d.]+) of ([\d.]+);", out)
        if not found:
            raise Failure("does not play: " + out.strip()[-300:])
        return map(ns_of, found.groups())

    out = play("--vf=lavfi=[showinfo]")
    found = [int(pts) * MICROSECOND for pts in re.findall(r"n: *\d+ pts: *(\d+) pts_time", out)]
    recording.check_times(found, within=MICROSECOND)
    recording.check_duration(list(answer(out))[1])
    # mpv begins with the first frame that is not before the time
    time, _ = answer(play("--hr-seek=yes", "--start=" + recording.seek_to(), "--frames=1"))
    recording.check_seek(time, recording.middle + 1, MICROSECOND)


def check_chromium(recording):
    with Chromium(640, 480, timeout=TIMEOUT) as browser:
        browser.open(video_page(recording.path))
        found = browser.evaluate(PLAY, 4)
        recording.check_duration(round(found["duration"] * 1e9))
        if found["frames"] != len(recording.times) or found["corrupted"]:
            raise Failure(f"{found['frames']} frames decoded, {found['corrupted']} corrupted; "
                          f"the CSV has {len(recording.times)} rows")
        for k, time in ((recording.middle, recording.seek_to()), (len(recording.times) - 1, recording.times[-1] / 1e9 + 0.001)):
            shown = browser.evaluate(SEEK, float(time))
            if abs(round(shown * 1e9) - recording.times[k]) > MICROSECOND:
                raise Failure(f"seeking to {time} s shows the frame at {shown} s, not that at {recording.times[k]} ns")


PLAYERS = (("ffmpeg", check_ffmpeg), ("gstreamer", check_gstreamer), ("mpv", check_mpv), ("chromium", check_chromium))


def find_recordings(paths):
    for path in map(pathlib.Path, paths):
        yield from sorted(path.rglob("*.mp4")) if path.is_dir() else [path]


def check(path):
    """Returns what kind of file it is and how many players failed."""
    try:
        recording = Recording(path)
    except (Failure, OSError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return None, 1
    kind, failures = "finished" if recording.finished else "unfinished", 0
    for name, look in PLAYERS:
        try:
            look(recording)
            print(f"{path} ({kind}): {name}: {len(recording.times)} frames, {recording.duration / 1e9:.3f} s, "
                  f"seek to {recording.seek_to()} s: right")
        except (Failure, ChromiumError) as error:
            print(f"{path} ({kind}): {name}: {error}", file=sys.stderr)
            failures += 1
    return kind, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", metavar="COMMAND", help="shell command that makes the recordings")
    parser.add_argument("--any", action="store_true", help="do not ask for both a finished and an unfinished file")
    parser.add_argument("paths", nargs="+", metavar="FILE|DIRECTORY")
    arguments = parser.parse_args()
    if arguments.make:
        subprocess.run(arguments.make, shell=True, check=True, timeout=TIMEOUT)
    results = [check(path) for path in find_recordings(arguments.paths)]
    kinds = {kind for kind, _ in results}
    failures = sum(failed for _, failed in results)
    if not results or (not arguments.any and not {"finished", "unfinished"} <= kinds):
        print("there must be a finished and an unfinished recording to look at", file=sys.stderr)
        failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
