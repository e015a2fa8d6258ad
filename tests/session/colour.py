#!/usr/bin/env python3
"""Whether the colour bars of camd's synthetic camera come out right where people look at them: ffmpeg, mpv, Chromium.

    colour.py --camd PROGRAM        records the synthetic camera in BT.709 and BT.601, limited and full range
    colour.py FILE.mp4...           checks recordings that are there (with the timing CSV beside them, if there is one)

Of each file a frame near its start, its middle and its end is looked at. In each player's picture all pixels of the
middle half of a bar must be within 3 of 255 of the RGB that camd/testcard.h states, and the number that is read from
the pattern of blocks (camd/pattern.h) must be the camera_frame of the CSV's row for that frame, the same in all three.

BT.601 here is its matrix alone: with its primaries, too, mpv and Chromium rightly show other RGB than was put in.
"""

import argparse
import csv
import glob
import json
import os
import subprocess
import sys
import tempfile

from chromium import Chromium, Picture, SEEK, decode_png, video_page

BARS = ((255, 255, 255), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0))
TOLERANCE = 3
TIMEOUT = 120
COLUMNS, ROWS = 16, 4

# what to record, and what the file must say of itself
CAMERAS = (
    ("640x480?matrix=bt709&range=limited", ("bt709", "tv")),
    ("640x480?matrix=bt709&range=full", ("bt709", "pc")),
    ("640x480?matrix=bt601&range=limited", ("smpte170m", "tv")),
    ("640x480?matrix=bt601&range=full", ("smpte170m", "pc")),
)


class Failure(Exception):
    pass


def run(*command, **options):
    """A program's output; its failure is ours."""
    try:
        return subprocess.run(command, check=True, timeout=TIMEOUT, capture_output=True, **options).stdout
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        raise Failure(f"{command[0]}: {error.stderr.decode(errors='replace').strip()[-500:]}") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{command[0]} did not end within {TIMEOUT} s") from None


class Recording:
    """What ffprobe and the CSV say of a file."""

    def __init__(self, path):
        self.path = path
        probed = json.loads(run("ffprobe", "-v", "error", "-of", "json", "-select_streams", "v:0", "-show_entries",
                                "stream=width,height,color_space,color_range:packet=pts_time", path))
        stream = probed["streams"][0]
        self.width, self.height = stream["width"], stream["height"]
        self.colour = (stream.get("color_space"), stream.get("color_range"))
        self.times = sorted(float(packet["pts_time"]) for packet in probed["packets"])
        self.numbers = self._read_csv(os.path.splitext(path)[0] + "_frame_timing.csv")

    @staticmethod
    def _read_csv(path):
        if not os.path.exists(path):
            return None
        with open(path, newline="", encoding="utf-8") as file:
            return [int(row["camera_frame"]) for row in csv.DictReader(file)]

    def middle_of(self, k):
        """A time at which frame k is what there is to see."""
        later = self.times[k + 1] if k + 1 < len(self.times) else self.times[k] + 0.02
        return (self.times[k] + later) / 2


def show_ffmpeg(recording, k):
    rgb = run("ffmpeg", "-v", "error", "-nostdin", "-i", recording.path, "-vf", rf"select=eq(n\,{k})", "-frames:v", "1",
              "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return Picture(recording.width, recording.height, rgb)


def show_mpv(recording, k):
    # mpv begins with the first frame that is not before --start
    start = recording.times[k] - (recording.times[k] - recording.times[k - 1]) / 2 if k else 0
    with tempfile.TemporaryDirectory() as directory:
        run("mpv", "--no-config", "--really-quiet", "--hwdec=no", "--no-audio", "--vo=image", "--vo-image-format=png",
            f"--vo-image-outdir={directory}", "--frames=1", "--hr-seek=yes", f"--start={start:.6f}", recording.path,
            stdin=subprocess.DEVNULL)
        pictures = glob.glob(os.path.join(directory, "*.png"))
        if len(pictures) != 1:
            raise Failure(f"mpv shows {len(pictures)} pictures at {start:.3f} s")
        with open(pictures[0], "rb") as file:
            return decode_png(file.read())


class ChromiumPlayer:
    """One browser for all files."""

    def __init__(self, width, height):
        self.browser = Chromium(width, height, gl=True)
        self.path = None

    def show(self, recording, k):
        if self.path != recording.path:
            self.browser.open(video_page(recording.path))
            self.path = recording.path
        self.browser.evaluate(SEEK, recording.middle_of(k))
        return self.browser.screenshot("#v")


def check_bars(picture, pattern_top):
    """The largest difference of any pixel of the bars' middle halves; at their edges the encoder leaves its traces."""
    worst = 0
    for i, wanted in enumerate(BARS):
        left, right = picture.width * (4 * i + 1) // 32, picture.width * (4 * i + 3) // 32
        for y in range(4, max(pattern_top // 2, 5), max(pattern_top // 20, 1)):
            row = picture.rgb[(y * picture.width + left) * 3:(y * picture.width + right) * 3]
            for c in range(3):
                values = row[c::3]
                difference = max(max(values) - wanted[c], wanted[c] - min(values))
                if difference > TOLERANCE:
                    raise Failure(f"bar {i} at row {y}: {'RGB'[c]} is {min(values)} to {max(values)}, not {wanted[c]}")
                worst = max(worst, difference)
    return worst


def pattern_layout(width, height):
    """Place of the first cell and the size of one, as camd/pattern.h has it."""
    def cell_size(room):
        return min(room, 64) & ~15 if room >= 16 else next((size for size in (8, 4, 2) if room >= size), 0)
    cell_width, cell_height = cell_size(width // COLUMNS), cell_size(height * 3 // 8 // ROWS)
    if not cell_width or not cell_height:
        raise Failure(f"{width}x{height} is too small for a pattern")
    return ((width - COLUMNS * cell_width) // 2 & ~(min(cell_width, 16) - 1),
            height - ROWS * cell_height & ~(min(cell_height, 16) - 1), cell_width, cell_height)


def crc16(number):
    crc = 0xffff
    for bit in range(39, -1, -1):
        carry = crc >> 15 ^ number >> bit & 1
        crc = crc << 1 & 0xffff ^ (0x1021 if carry else 0)
    return crc


def read_number(picture):
    left, top, cell_width, cell_height = pattern_layout(picture.width, picture.height)
    message = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            red, green, blue = picture.pixel(left + column * cell_width + cell_width // 2,
                                             top + row * cell_height + cell_height // 2)
            white = red + green + blue > 3 * 128
            if column not in (0, COLUMNS - 1):
                message = message << 1 | white
            elif white != ((column == 0) == (row % 2 == 1)):
                raise Failure("no pattern: its border is not what it should be")
    number, crc = message >> 16, message & 0xffff
    if crc16(number) != crc:
        raise Failure(f"the pattern is damaged: its number reads as {number}")
    return number


def check_file(path, players, colour=None):
    recording = Recording(path)
    if colour and recording.colour != colour:
        raise Failure(f"{path}: matrix and range are {recording.colour} instead of {colour}")
    if recording.numbers is not None and len(recording.numbers) != len(recording.times):
        raise Failure(f"{path}: {len(recording.times)} frames, but {len(recording.numbers)} rows in the CSV")
    pattern_top = pattern_layout(recording.width, recording.height)[1]
    count = len(recording.times)
    print(f"{path}: {count} frames of {recording.width}x{recording.height}, matrix and range {recording.colour}")
    for k in sorted({0, count // 2, count - 2} & set(range(count))):
        wanted = recording.numbers[k] if recording.numbers else None
        for name, show in players:
            try:
                picture = show(recording, k)
                if (picture.width, picture.height) != (recording.width, recording.height):
                    raise Failure(f"the picture is {picture.width}x{picture.height}")
                worst = check_bars(picture, pattern_top)
                number = read_number(picture)
                if wanted is not None and number != wanted:
                    raise Failure(f"it is camera frame {number} instead of {wanted}")
            except Failure as failure:
                raise Failure(f"{path}: {name}, frame {k}: {failure}") from None
            wanted = number
            print(f"    {name}, frame {k}: bars within {worst}, camera frame {number}", flush=True)


def record(program, camera, directory):
    """One second of a camera, as camd records it."""
    commands = [{"command": "start_recording"}, {"command": "wait", "seconds": 1}, {"command": "stop_recording"}]
    output = run(program, "--no-show-frame-number", "--camera", "synthetic:" + camera, "--output-dir", directory,
                 input="".join(json.dumps(command) + "\n" for command in commands).encode())
    replies = [json.loads(line) for line in output.splitlines()]
    stopped = [reply for reply in replies if reply["status"] == "recording_stopped"]
    if not stopped:
        raise Failure(f"{camera}: camd did not record: {replies}")
    return stopped[0]["data"]["files"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camd", metavar="PROGRAM", help="record with this camd")
    parser.add_argument("--width", type=int, default=1920, help="of the browser's window (default: %(default)s)")
    parser.add_argument("--height", type=int, default=1200)
    parser.add_argument("files", metavar="FILE.mp4", nargs="*")
    arguments = parser.parse_args()
    if bool(arguments.camd) == bool(arguments.files):
        parser.error("give either --camd PROGRAM or files")
    chromium = ChromiumPlayer(arguments.width, arguments.height)
    players = (("ffmpeg", show_ffmpeg), ("mpv", show_mpv), ("chromium", chromium.show))
    try:
        for path in arguments.files:
            check_file(path, players)
        for camera, colour in CAMERAS if arguments.camd else ():
            with tempfile.TemporaryDirectory() as directory:
                check_file(record(arguments.camd, camera, directory), players, colour)
    except Failure as failure:
        sys.exit(f"colour.py: {failure}")
    finally:
        chromium.browser.close()


if __name__ == "__main__":
    main()
