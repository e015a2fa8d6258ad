#!/usr/bin/env python3
"""The overlay, as it is seen in what is recorded, in snapshots and in previews: the number that is drawn is read back from the
decoded pictures, by digits that ffmpeg draws with the same font; what settings and set_overlay change is looked for there, too."""

import base64
import subprocess
import tempfile

from camd import *

FONTS = ["/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"]
FONT = next((path for path in FONTS if os.path.exists(path)), None)
WIDTH, HEIGHT = 640, 1088       # of which the usual size of the letters, in frame and preview alike, is the next
CAPITAL, EM = 32, 44            # DejaVu's capitals are 0.729 of its em
CROP = (360, 64)                # of the left upper corner; holds the number
BRIGHT, DARK = 150, 90


# ---- pictures ----

def grey(*source, crop=None, data=None):
    """Decodes with ffmpeg: the luma of every picture, or of its left upper corner."""
    filters = (f"crop={crop[0]}:{crop[1]}:0:0," if crop else "") + "format=gray"
    result = subprocess.run(["ffmpeg", "-v", "error", *source, "-vf", filters, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"],
                            input=data, stdout=subprocess.PIPE, timeout=120, check=True)
    return result.stdout


def split(data, size):
    step = size[0] * size[1]
    check(data and len(data) % step == 0, f"{len(data)} bytes are no pictures of {size}")
    return [data[at:at + step] for at in range(0, len(data), step)]


def rgb(path):
    """The samples of a picture, three bytes a pixel."""
    return subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], stdout=subprocess.PIPE,
                          timeout=60, check=True).stdout


class Change:
    """What differs between two pictures: a box, its pixels, and the colour that has most of them."""

    def __init__(self, before, after, width):
        equal(len(before), len(after), "bytes of pictures")
        changed = [i for i in range(0, len(after), 3) if max(abs(a - b) for a, b in zip(after[i:i + 3], before[i:i + 3])) > 60]
        self.n = len(changed)
        columns, rows = [i // 3 % width for i in changed], [i // 3 // width for i in changed]
        self.left, self.right = min(columns, default=0), max(columns, default=0)
        self.top, self.bottom = min(rows, default=0), max(rows, default=0)
        self.height = self.bottom - self.top + 1
        common = collections.Counter(tuple((after[i + c] + 16) // 32 * 32 for c in range(3)) for i in changed).most_common(4)
        self.colours = [colour for colour, _ in common]


# ---- reading numbers ----

class Reader:
    """Matches digits. What a digit covers is bright, what lies right beside it is dark."""

    def __init__(self):
        self.digits = {digit: self._draw(digit) for digit in "0123456789"}
        self.origin = self.advance = None

    @staticmethod
    def _draw(digit):
        size = (EM, EM)
        text = f"drawtext=fontfile={FONT}:fontsize={EM}:fontcolor=white:text={digit}:x=8:y=4"
        picture = grey("-f", "lavfi", "-i", f"color=black:s={size[0]}x{size[1]},format=gray,{text}", "-frames:v", "1")
        check(max(picture) > 200, f"ffmpeg draws no {digit}")
        at = {(i % size[0], i // size[0]): level for i, level in enumerate(picture)}
        bright = [place for place, level in at.items() if level > 170]
        ring = {(x + i, y + j) for x, y in bright for i in (-1, 0, 1) for j in (-1, 0, 1)}
        dark = [place for place in ring if at.get(place, 0) < 20]
        return [y * CROP[0] + x for x, y in bright], [y * CROP[0] + x for x, y in dark]

    def _score(self, picture, digit, x, y):
        """How much of the digit is there, from 0 to 1."""
        bright, dark = self.digits[digit]
        at = y * CROP[0] + x
        good = len([1 for offset in bright if picture[at + offset] > BRIGHT]) + len([1 for offset in dark if picture[at + offset] < DARK])
        return good / (len(bright) + len(dark))

    def _best(self, picture, x, y):
        return max((self._score(picture, digit, x, y), digit) for digit in self.digits)

    def learn_place(self, picture, number):
        """Where numbers begin, by a picture whose number is known, and how far their digits are apart."""
        text = str(number)
        places = [(x, y) for y in range(CROP[1] - EM) for x in range(3 * EM, 5 * EM)]
        likely = sorted(places, key=lambda place: -self._score(picture, text[0], *place))[:20]
        score, (x, y), advance = max((sum(self._score(picture, digit, place[0] + k * step, place[1]) for k, digit in enumerate(text)),
                                      place, step) for place in likely for step in range(EM // 2, EM))
        check(score > 0.8 * len(text), f"there is no {number} in its picture: {score}")
        self.origin, self.advance = (x, y), advance

    def read(self, picture):
        number = ""
        for k in range(5):
            score, digit = self._best(picture, self.origin[0] + k * self.advance, self.origin[1])
            if score < 0.6:
                break
            number += digit
        return int(number or -1)

    def check(self, pictures, numbers, what):
        equal(len(pictures), len(numbers), f"{what}: pictures")
        # the longest number tells best how far digits are apart
        self.learn_place(pictures[-1], numbers[-1])
        for k, (picture, number) in enumerate(zip(pictures, numbers)):
            equal(self.read(picture), number, f"{what}, picture {k}: the number that is drawn")


def watch(camd, frames):
    """The previews that come until so many frames are recorded, and the snapshots that are taken meanwhile, one each half second."""
    previews, shots, recorded, pending, due, end = [], [], 0, False, 0, time.monotonic() + 120
    while recorded < frames:
        if not pending and time.monotonic() > due:
            due = time.monotonic() + 0.5
            pending = True
            camd.send("take_snapshot")
            camd.send("get_status")
        check(time.monotonic() < end, f"only {recorded} frames in 120 s")
        message = camd.line()
        data = message["data"]
        if message.get("status") == "preview_frame":
            previews.append(data)
        elif message.get("status") == "snapshot_taken":
            shots += data["shots"]
        elif message.get("status") == "status_report":
            recorded = data["cameras"][0]["recorded_frames"]
            pending = False
    return previews, shots


@test
def a_thousand_numbers():
    """The number that FreeType drew is the CSV's, in a recording, its previews and its snapshots."""
    if not FONT:
        raise Skip("the fonts of fonts-dejavu-core are not there")
    flags = ["--overlay-font", FONT, "--preview-size", f"{WIDTH}x{HEIGHT}", "--preview-fps", "60", "--preset", "ultrafast"]
    with Camd(*flags, cameras=[f"synthetic:{WIDTH}x{HEIGHT}@60"]) as camd:
        video, = camd.ask("start_recording")["files"]
        camd.ask("toggle_preview")
        previews, shots = watch(camd, 1000)
        camd.ask("toggle_preview", enabled=False)
        camd.ask("stop_recording")
        rows = [row["frame_number"] for row in read_csv(video)]
        check(len(rows) >= 1000, f"{len(rows)} frames")
        Reader().check(split(grey("-i", video, crop=CROP), CROP), rows, "recording")
        check(len(shots) >= 10, f"{len(shots)} snapshots")
        Reader().check([grey("-i", shot["file"], crop=CROP) for shot in shots], [shot["frame_number"] for shot in shots], "snapshots")
        previews = [preview for preview in previews if preview["frame_number"]]
        check(len(previews) >= (20 if SANITIZED else 100), f"{len(previews)} previews")
        stream = b"".join(base64.b64decode(preview["frame"]) for preview in previews)
        Reader().check(split(grey("-f", "mjpeg", "-i", "-", crop=CROP, data=stream), CROP),
                       [preview["frame_number"] for preview in previews], "previews")
        print(f"# numbers read: {len(rows)} recorded, {len(previews)} previews, {len(shots)} snapshots")
        camd.quit()


# ---- settings and set_overlay ----

class Studio:
    """Takes snapshots of a picture that stays the same but for the overlay, and tells what the overlay changed."""

    def __init__(self, camd, size=(WIDTH, HEIGHT)):
        self.camd, self.size = camd, size
        self.bare = None
        self.set(show_frame_number=False)
        self.bare = self.shoot()
        self.set(show_frame_number=True)

    def set(self, **values):
        equal(self.camd.ask("set_config", values=values)["restart_needed"], [], "restart needed")

    def shoot(self):
        """The upper third: below, the test picture moves."""
        shot, = self.camd.ask("take_snapshot", camera_id=0)["files"]
        return rgb(shot)[:self.size[0] * self.size[1]]

    def look(self, **values):
        if values:
            self.set(**values)
        return Change(self.bare, self.shoot(), self.size[0])


@test
def each_setting_changes_what_it_says():
    with tempfile.TemporaryDirectory() as directory:
        config = pathlib.Path(directory) / "config.txt"
        config.write_text("show_frame_number = true    # the seed's\nfont_scale_base = 1.5\nthickness_base = 3\ntext_color_b = 0\n"
                          "text_color_g = 0   # green\ntext_color_r = 255\nmargin_left = 200\nline_start_y = 150\n")
        with Camd("--config", str(config), cameras=[f"synthetic:{WIDTH}x{HEIGHT}@15"]) as camd:
            studio = Studio(camd)
            seed = studio.look()
            check(abs(seed.left - 200) <= 4 and abs(seed.bottom - 150) <= 4, "place:", seed.left, seed.bottom)
            check(abs(seed.height - 33) <= 8, "height:", seed.height)
            check((255 + 1, 0, 0) in seed.colours, "red:", seed.colours)
            check(studio.look(font_scale_base=3).height > 60, "font_scale_base")
            check(studio.look(font_scale_base=1.5, thickness_base=1).n < seed.n, "thickness_base")
            check((0, 0, 256) in studio.look(text_color_r=0, text_color_b=255).colours, "text_color_b")
            check((0, 256, 0) in studio.look(text_color_b=0, text_color_g=255).colours, "text_color_g")
            check((0, 256, 256) in studio.look(overlay_color="cyan").colours, "overlay_color goes first")
            check((256, 0, 256) in studio.look(**{"camera0.overlay_color": "magenta"}).colours, "camera0.overlay_color")
            check(studio.look(overlay_size=50).height >= 50, "overlay_size goes before font_scale_base")
            usual = studio.look(overlay_size=0, font_scale_base=None, margin_left=None, line_start_y=None)
            check(usual.left <= CAPITAL and usual.top <= CAPITAL and abs(usual.height - CAPITAL) <= 8, "as the size suggests")
            check(studio.look(overlay_position="top_right").right > WIDTH - 2 * CAPITAL, "overlay_position")
            check(studio.look(overlay_text="%Y-%m-%d %H:%M:%S.%f\n%camera").height > 2 * CAPITAL, "overlay_text")
            check(studio.look(overlay_background="blue").n > 4000, "overlay_background")
            equal(studio.look(show_frame_number=False).n, 0, "show_frame_number = false")
            camd.fails("set_config", "bad_argument", values={"overlay_color": "no such colour"})
            camd.fails("set_config", "bad_argument", values={"overlay_position": "left"})
            camd.quit()


@test
def set_overlay_while_recording():
    camera = f"synthetic:{WIDTH}x{HEIGHT}@15"
    with Camd(cameras=[camera, camera]) as camd:
        studio = Studio(camd)
        started = camd.ask("start_recording")
        reply = camd.ask("set_overlay", camera_id=1, text="elsewhere", color="red", background="00000080", size=40, position="top_right")
        equal(reply, {"camera_id": 1, "enabled": True, "text": "elsewhere", "size": 40, "position": "top_right", "color": "ff0000",
                      "background": "00000080"})
        check(studio.look().height < CAPITAL + 10, "the other camera's is changed, too")
        equal(camd.ask("set_overlay", camera_id=0, size=60)["text"], "Frame: %frame")
        check(60 <= studio.look().height < 80, "size")
        check(studio.look(overlay_text="Q", bitrate=2000000).height >= 60, "what set_overlay has set stays set")
        check((256, 160, 0) in studio.look(overlay_color="ffa500").colours, "what it has not is still the settings'")
        off = camd.ask("set_overlay", enabled=False)
        equal((off["enabled"], off["camera_id"]), (False, [0, 1]))
        equal(studio.look().n, 0, "off")
        equal(camd.ask("set_overlay")["enabled"], True)
        check(studio.look().n, "on again")
        for argument, value in ("position", "left"), ("color", "reddish"), ("size", 201), ("background", "#12345"), ("text", "x" * 512):
            equal(camd.fails("set_overlay", "bad_argument", **{argument: value})["argument"], argument)
        camd.fails("set_overlay", "unknown_camera", camera_id=2)
        stopped = camd.ask("stop_recording")
        equal(len(started["files"]), 2)
        for camera in stopped["cameras"]:
            check_stopped(camera)
        camd.quit()


@test
def pictures_of_every_kind():
    """Those that are drawn into as they lie, those that are converted first, and those that belong to a decoder."""
    with tempfile.TemporaryDirectory() as directory:
        clip = directory + "/clip.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=gray:s=320x240:r=15", "-t", "2", "-bf", "2", clip], check=True)
        kinds = [f"synthetic:320x240@15?pixels={pixels}" for pixels in ("i420", "nv12", "i422", "yuyv", "mjpeg")]
        with Camd("--overlay-color", "ff0080", "--overlay-size", "30", "--thickness-base", "5", cameras=[*kinds, f"file:{clip}?loop"]) as camd:
            camd.ask("start_recording")
            camd.ask("wait", seconds=1)
            shots = camd.ask("take_snapshot")["files"]
            cameras = camd.ask("get_status")["cameras"]
            files = [camera["file"] for camera in camd.ask("stop_recording")["cameras"]]
            for path in shots + files:
                pixels = rgb(path)[:320 * 50 * 3]
                n = sum(pixels[i] > 190 and pixels[i + 1] < 80 and 80 < pixels[i + 2] < 180 for i in range(0, len(pixels), 3))
                check(n > 300, f"{path}: {n} pixels are pink")
            check(cameras[0]["copied_bytes"] == 0 < cameras[5]["copied_bytes"], "copied:", [camera["copied_bytes"] for camera in cameras])
            camd.quit()


@test
def nothing_is_left_of_the_frame_before():
    """The same number is drawn the same, whatever was drawn into that memory before."""
    with Camd("--overlay-text", "%frame", cameras=["synthetic:320x240@60"]) as camd:
        camd.ask("start_recording", duration=1.5)
        until(lambda: not camd.ask("get_status")["recording"], "the recording's end")
        video = next(camd.output.glob("*/*.mp4"))
        pictures = split(grey("-i", str(video), crop=(40, 24)), (40, 24))
        first = {}
        # where numbers end alike, and their first digits are not, pictures look alike
        for row, picture in zip(read_csv(video), pictures):
            number = row["frame_number"]
            if number < 10:
                continue
            other, like = first.setdefault(number % 10, (number, picture))
            worst = max(abs(picture[y * 40 + x] - like[y * 40 + x]) for y in range(24) for x in range(16, 40))
            check(worst < 40, f"frames {other} and {number} differ by {worst}")
        equal(len(first), 10)
        camd.quit()


@test
def without_a_font():
    """Recording goes on without the overlay, and a warning says what to install."""
    hide = ["unshare", "--mount", "--map-root-user", "sh", "-c", 'mount -t tmpfs none /usr/share/fonts && exec "$0" "$@"']
    if subprocess.run([*hide, "true"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("fonts can't be hidden here")
    with Camd("--greeting", wrapper=hide) as camd:
        warnings = []
        while (message := camd.line())["status"] != "initialized":
            warnings.append(message["data"].get("message", ""))
        check(any("fonts-dejavu-core" in text and "show_frame_number" in text for text in warnings), warnings)
        camd.ask("start_recording", duration=0.5)
        until(lambda: not camd.ask("get_status")["recording"], "the recording's end")
        equal(camd.fails("set_overlay", "not_found")["message"].count("fonts-dejavu-core"), 1)
        camd.quit()
    with Camd("--overlay-font", "/nowhere.ttf", "--greeting") as camd:
        while (message := camd.line())["status"] != "initialized":
            check(message["status"] != "error", message)
            if message["status"] == "warning":
                check("/nowhere.ttf" in message["data"]["message"], message)
                warnings = message
        check(isinstance(warnings, dict), "no warning")
        camd.quit()


if __name__ == "__main__":
    main()
