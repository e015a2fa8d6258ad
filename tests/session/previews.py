#!/usr/bin/env python3
"""camctl's previews, looked at: characters through tmux, kitty's graphics and sixels at a pseudo-terminal, windows under Xvfb."""

import base64
import ctypes
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

from camd import CAMCTL, CAMD, SANITIZED, Skip, check, check_table, equal, main, read_csv, test, until
from mp4 import is_finished
from tmux import Terminal

CARD = "synthetic:320x240@15"
BARS = [(255, 255, 255), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]
STATUS = r"^camera 0 .* running .*\n(camera 1 .*\n)?r record or stop   s snapshot   q quit$"
DISPLAYED = "▀▄█▌▐▖▗▘▙▚▛▜▝▞▟▁▂▃▅▆▇▉▊▋▍▎▏▔▕"


def needs(*modules):
    """They are built only where their libraries are."""
    for module in modules:
        if not pathlib.Path(CAMCTL).with_name(module).exists():
            raise Skip(f"{module} was not built")


def is_like(colour, wanted, tolerance=48):
    return all(abs(a - b) <= tolerance for a, b in zip(colour, wanted))


def check_bars(pixel, where):
    """pixel(x, y), both from 0 to 1, is the colour at a place of the picture: the test card's bars are where they belong."""
    for i, bar in enumerate(BARS):
        for y in (0.1, 0.4):
            colour = pixel((i + 0.5) / len(BARS), y)
            check(is_like(colour, bar), f"{where}: bar {i} at {y} is {colour} instead of {bar}")


# ---- characters ----

def palette(index):
    """The colour of a number from 16 on, as all terminals have it."""
    if index >= 232:
        return (8 + 10 * (index - 232),) * 3
    steps = (0, 95, 135, 175, 215, 255)
    index -= 16
    return steps[index // 36], steps[index // 6 % 6], steps[index % 6]


def take_style(style, numbers):
    """Applies an SGR sequence to [foreground, background, reverse]."""
    numbers = [int(number or 0) for number in numbers]
    while numbers:
        number = numbers.pop(0)
        if number in (38, 48):
            kind = numbers.pop(0)
            style[number == 48] = palette(numbers.pop(0)) if kind == 5 else tuple(numbers.pop(0) for _ in range(3))
        elif number == 0:
            style[:] = [None, None, False]
        elif number == 7:
            style[2] = True
        elif number in (39, 49):
            style[number == 49] = None


def cells(screen):
    """Rows of colours, of what `capture-pane -e` shows; None where a cell has none of its own."""
    rows, style = [], [None, None, False]
    for line in screen.split("\n"):
        rows.append([])
        for sequence, character in re.findall(r"\033\[([\d;]*)m|([^\033\n])", line):
            if not character:
                take_style(style, sequence.split(";"))
                continue
            front, back = (style[1], style[0]) if style[2] else (style[0], style[1])
            known = [colour for colour in ((back,) if character == " " else (front,) if character == "█" else (front, back)) if colour]
            rows[-1].append(tuple(sum(channel) // len(known) for channel in zip(*known)) if known else None)
    return rows


def tiles(terminal):
    """The pictures that are on the screen, from left to right, as lists of rows of colours."""
    rows = cells(terminal.screen("-e"))
    text = terminal.screen().split("\n")
    last = next((i for i, line in enumerate(text) if line.startswith("camera 0 ")), 0)
    painted = [row for row in rows[:last] if len(row) > 10 and sum(colour is not None for colour in row) > len(row) / 2]
    if not painted:
        return []
    width = max(map(len, painted))
    painted = [row + [None] * (width - len(row)) for row in painted]
    gaps = [-1] + [x for x in range(width) if all(row[x] is None for row in painted)] + [width]
    return [[row[a + 1:b] for row in painted] for a, b in zip(gaps, gaps[1:]) if b - a > 1]


def check_tile(tile, where):
    check_bars(lambda x, y: tile[int(y * len(tile))][int(x * len(tile[0]))] or (0, 0, 0), where)


def wait_for_tiles(terminal, number, where):
    until(lambda: len(tiles(terminal)) == number, f"{number} pictures, {where}")
    for tile in tiles(terminal):
        check_tile(tile, where)


@test
def characters():
    """The test card shows, a camera beside the other, over lines that stay as they are; the keys work all the while."""
    needs("camctl_chafa.so")
    with Terminal(columns=110, rows=36) as terminal:
        terminal.camctl(cameras=(CARD, CARD))
        terminal.wait_for(STATUS)
        wait_for_tiles(terminal, 2, "beside each other")
        seen = terminal.screen()
        until(lambda: terminal.screen() != seen, "the picture to move")
        terminal.keys("r")
        terminal.wait_for(r"^camera 0  REC  .* \d+\.\d recorded .* frames  lost 0 .*\n^camera 1  REC ")
        wait_for_tiles(terminal, 2, "recording")
        terminal.wait_for("q quit$")            # without a word of what camctl is doing: until then it hears no other key
        terminal.keys("s")
        terminal.wait_for("snapshot: ")
        terminal.wait_for("q quit$")
        terminal.keys("r")
        terminal.wait_for(STATUS)
        terminal.keys("q")
        screen = terminal.ended()
        check(not set(screen) & set(DISPLAYED), "remains of the picture:", screen)
        check(all(colour is None for row in cells(terminal.screen("-e")) for colour in row), "remains of colours", screen)
        equal(len(terminal.recordings()), 2)


@test
def places_are_named():
    said = subprocess.run([CAMCTL, "--help"], capture_output=True, text=True, timeout=30).stdout
    check("--picture auto|window|kitty|sixel|characters|none\n" in said, said)
    wrong = subprocess.run([CAMCTL, "--picture", "wall"], capture_output=True, text=True, timeout=30)
    equal((wrong.returncode, "characters" in wrong.stderr), (2, True), wrong.stderr)


@test
def none_unless_wanted():
    for flags in (["--no-preview"], ["--picture", "none"], ["--config", "quiet.txt"]):
        with Terminal() as terminal:
            (terminal.path / "quiet.txt").write_text("show_preview = false\n")
            terminal.camctl(*flags, cameras=(CARD,))
            terminal.wait_for(STATUS)
            time.sleep(0.7)
            equal(tiles(terminal), [], f"pictures with {flags}")
            terminal.keys("q")
            terminal.ended()


@test
def without_colours():
    needs("camctl_chafa.so")
    with Terminal(rows=30, NO_COLOR="1") as terminal:
        terminal.camctl(cameras=(CARD,))
        until(lambda: len(set(terminal.screen()) & set(DISPLAYED)) > 3, "a picture of characters")
        check("\033[" not in terminal.screen("-e"), "colours with NO_COLOR")
        terminal.keys("q")
        terminal.ended()


@test
def pictures_in_a_terminal_that_changes():
    """Its size, down to where no picture fits; stopped and continued."""
    needs("camctl_chafa.so")
    with Terminal(columns=90, rows=30) as terminal:
        terminal.camctl(cameras=(CARD, CARD))
        wait_for_tiles(terminal, 2, "at first")
        for columns, rows, number in ((70, 30, 2), (60, 20, 2), (30, 40, None), (20, 6, 0), (9, 3, 0), (90, 30, 2)):
            terminal.tmux("resize-window", "-x", str(columns), "-y", str(rows))
            time.sleep(0.8)
            screen = terminal.screen()
            check(max(map(len, screen.split("\n"))) <= columns, screen)
            check(len(re.findall("^camera 0 ", screen, re.M)) <= 1, f"remains at {columns}x{rows}:", screen)
            if number is not None:
                wait_for_tiles(terminal, number, f"at {columns}x{rows}")
        wait_for_tiles(terminal, 2, "after all that")
        terminal.wait_for(STATUS)
        terminal.keys("C-z")
        terminal.wait_for("Stopped")
        terminal.wait_for("as-before")
        check(not set(terminal.screen()) & set(DISPLAYED), "remains of the picture:", terminal.screen())
        terminal.shell("clear")
        terminal.keys("fg", "Enter")
        wait_for_tiles(terminal, 2, "continued")
        terminal.keys("q")
        terminal.gone("q quit")


@test
def a_display_that_is_not_there():
    """One line says so, and the terminal has the picture."""
    needs("camctl_sdl.so", "camctl_chafa.so")
    with Terminal(rows=30, DISPLAY=":4242") as terminal:
        terminal.camctl(cameras=(CARD,))
        terminal.wait_for("^no preview windows: .+")
        wait_for_tiles(terminal, 1, "without a display")
        terminal.keys("q")
        terminal.ended()


@test
def without_the_modules():
    with Terminal(rows=30, DISPLAY=":4242") as terminal:
        alone = shutil.copy(CAMCTL, terminal.path / "alone")
        terminal.keys("-l", f"clear; {alone} --camera {CARD}; echo status=$?")
        terminal.keys("Enter")
        terminal.wait_for("^no preview windows: ")
        terminal.wait_for(STATUS)
        check(tiles(terminal) or "no pictures in the terminal: " in terminal.screen(), terminal.screen())
        terminal.keys("q")
        terminal.wait_for("^status=0$")
        until(lambda: not terminal.pids(alone), "its end")


@test
def record_shows_pictures_if_told_where():
    needs("camctl_chafa.so")
    with Terminal(rows=30) as terminal:
        terminal.camctl("record", "--seconds", "1.5", cameras=(CARD,))
        terminal.wait_for("^camera 0  REC  00:00:01 ")
        equal(tiles(terminal), [], "pictures unasked")
        terminal.ended()
        terminal.camctl("--picture", "characters", "record", "--seconds", "2", cameras=(CARD,))
        terminal.wait_for("^camera 0  REC  ")
        wait_for_tiles(terminal, 1, "while camctl records")
        screen = terminal.ended()
        check("frames, 2.0" in screen and not set(screen) & set(DISPLAYED), screen)


# ---- what the terminal draws itself ----

class Line:
    """camctl at a pseudo-terminal whose other end is read only when that is asked for."""

    def __init__(self, *flags, cell=(8, 16), columns=60, rows=22):
        needs("camctl_chafa.so")
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="camctl-line-"))
        self.got = b""
        environment = {**os.environ, "TERM": "xterm-256color", "CAMCTL_CAMD": CAMD, "DISPLAY": "", "WAYLAND_DISPLAY": ""}
        self.fd, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, columns * cell[0], rows * cell[1]))
        self.process = subprocess.Popen([CAMCTL, "--no-show-frame-number", *flags], stdin=slave, stdout=slave, stderr=slave, cwd=self.path, env=environment,
                                        start_new_session=True)
        os.close(slave)

    def read(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and select.select([self.fd], [], [], 0.1)[0]:
            try:
                self.got += os.read(self.fd, 65536)
            except OSError:     # nobody is at the other end any more
                return

    def read_until(self, pattern, timeout=30):
        end = time.monotonic() + timeout
        while not re.search(pattern, self.got, re.S):
            check(time.monotonic() < end, f"{pattern} never came behind {self.got[-300:]}")
            self.read(0.1)

    def keys(self, keys):
        os.write(self.fd, keys)

    def wait(self):
        until(lambda: self.read(0.1) or self.process.poll() is not None, "camctl's end")
        self.read(0.5)
        said = re.sub(rb"\033_G[^\033]*\033\\\\", b"", self.got)[-2000:]
        check(self.process.returncode == 0, "exit status", self.process.returncode, "behind", said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.path, ignore_errors=True)


def unsixel(data):
    """Width, height and a function (x, y) -> colour of a sixel picture."""
    colours, pixels, x, y, current = {}, {}, 0, 0, 0
    for number, values, repeat, sixel, move in re.findall(r"#(\d+)((?:;\d+)*)|(?:!(\d+))?([?-~])|([$-])", data):
        if number:
            current = int(number)
            if values:
                colours[current] = tuple(int(value) * 255 // 100 for value in values.split(";")[2:])
        elif move:
            x, y = 0, y + 6 * (move == "-")
        else:
            for _ in range(int(repeat or 1)):
                for bit in range(6):
                    if ord(sixel) - 63 >> bit & 1:
                        pixels[x, y + bit] = colours[current]
                x += 1
    width, height = (1 + max(place[i] for place in pixels) for i in (0, 1))
    return width, height, lambda x, y: pixels[int(x * width), int(y * height)]


@test
def kitty():
    with Line("--picture", "kitty", "--camera", CARD) as line:
        line.read_until(rb"\033_Ga=T[^\033]*\033\\.*\033_Gm=0\033\\.*q quit.*\033_Ga=T[^\033]*\033\\.*\033_Gm=0\033\\")
        head, data = re.findall(rb"\033_Ga=T,([^\033]*)\033\\(.*?)\033_Gm=0\033\\", line.got, re.S)[-1]
        keys = dict(pair.split("=") for pair in head.decode().split(","))
        pixels = b"".join(map(base64.b64decode, re.findall(rb"\033_Gm=1;([^\033]*)\033\\", data)))
        width, height, bytes_each = int(keys["s"]), int(keys["v"]), int(keys["f"]) // 8
        equal(len(pixels), width * height * bytes_each, "bytes of the picture")
        check_bars(lambda x, y: tuple(pixels[(int(y * height) * width + int(x * width)) * bytes_each:][:3]), "kitty")
        check(int(keys["c"]) < 60 and int(keys["r"]) <= 18, "the picture is kept off the status lines", keys)
        line.keys(b"q")
        line.wait()
        end = line.got[line.got.rindex(b"a=T"):].decode(errors="replace")
        check(f"d=I,i={keys['i']}\033" in end, "the picture stays in the terminal")


@test
def sixels():
    """As large as their cells at most, of whatever size these are. Where their size is not told, characters."""
    for cell in ((8, 16), (9, 17)):
        with Line("--picture", "sixel", "--camera", CARD, cell=cell) as line:
            line.read_until(rb"\033P[\d;]*q[^\033]*\033\\.*q quit.*\033P[\d;]*q[^\033]*\033\\")
            up, data = re.findall(rb"\0337\033\[(\d+)A\r\033P[\d;]*q([^\033]*)\033\\\0338", line.got)[-1]
            width, height, pixel = unsixel(data.decode())
            check_bars(pixel, f"sixels with cells of {cell}")
            check(abs(width * 3 - height * 4) < 5 * max(cell), f"proportions: {width}x{height}")
            check(height <= (int(up) - 1) * cell[1], f"a picture {height} high, {up} rows above the last one")
            line.keys(b"q")
            line.wait()
    with Line("--picture", "sixel", "--camera", CARD, cell=(0, 0)) as line:
        line.read_until("▀|█|▌|48;5;".encode())
        check(b"\033P" not in line.got, "sixels of unknown size")
        line.keys(b"q")
        line.wait()


@test
def a_terminal_that_stands_still():
    """It is never waited for: keys are obeyed, nothing is lost, and what piles up for it is no more than a picture or two."""
    with Line("--picture", "kitty", "--camera", CARD) as line:
        line.read_until(rb"\033_Ga=T")
        time.sleep(0.5)         # it reads no more
        line.keys(b"r")
        until(lambda: list(line.path.glob("recordings/*/*.mp4")), "a recording")
        time.sleep(2)
        line.keys(b"r")
        video, = line.path.glob("recordings/*/*.mp4")
        until(lambda: is_finished(video), "the end of the recording")
        rows = read_csv(video)
        check_table(rows)
        check(rows[-1]["frame_number"] > 20 and len(rows) > 10, f"{len(rows)} rows, up to frame {rows[-1]['frame_number']}")
        before = len(line.got)
        line.keys(b"q")
        line.wait()
        check(len(line.got) - before < 2_000_000, f"{len(line.got) - before} bytes had piled up")


# ---- windows ----

class Display:
    """An X server without a screen that anybody sees, and camctl in it."""

    def __init__(self):
        needs("camctl_sdl.so")
        for program in ("Xvfb", "xdotool"):
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="camctl-display-"))
        self.camctl = None
        number, told = os.pipe()
        self.server = subprocess.Popen(["Xvfb", "-displayfd", str(told), "-screen", "0", "1024x768x24", "-nolisten", "tcp", "-noreset"],
                                       pass_fds=[told], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(told)
        with os.fdopen(number) as line:
            self.name = ":" + line.readline().strip()

    def start(self, *flags):
        environment = {**os.environ, "CAMCTL_CAMD": CAMD, "DISPLAY": self.name, "WAYLAND_DISPLAY": ""}
        self.camctl = subprocess.Popen([CAMCTL, *flags, "--no-show-frame-number"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       cwd=self.path, env=environment, text=True)

    def do(self, *words):
        return subprocess.run(["xdotool", *words], env={**os.environ, "DISPLAY": self.name}, capture_output=True, text=True, timeout=30)

    def windows(self):
        """Number by title."""
        found = self.do("search", "--class", "camctl").stdout.split()
        return {self.do("getwindowname", number).stdout.strip(): number for number in found}

    def window(self, pattern):
        """The window with such a title, once it is there."""
        until(lambda: any(re.search(pattern, title) for title in self.windows()), f"a window {pattern!r}, not {list(self.windows())}")
        return next(number for title, number in self.windows().items() if re.search(pattern, title))

    def press(self, window, key):
        self.do("windowraise", window)
        self.do("windowfocus", "--sync", window)
        time.sleep(1 if SANITIZED else 0.3)       # SDL drops keys until it has taken note of the focus, late in a slow program
        self.do("key", key)

    def close(self, window):
        """As a window manager does it."""
        x = ctypes.CDLL("libX11.so.6")
        x.XOpenDisplay.restype, x.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
        server = ctypes.c_void_p(x.XOpenDisplay(self.name.encode()))
        protocols, delete = (x.XInternAtom(server, name, False) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        event = struct.pack("@iLiPLLi5l", 33, 0, 1, server.value, int(window), protocols, 32, delete, 0, 0, 0, 0)     # ClientMessage
        x.XSendEvent(server, ctypes.c_ulong(int(window)), False, 0, event.ljust(192, b"\0"))
        x.XCloseDisplay(server)

    def picture(self, window):
        """A function (x, y) -> colour of what the screen shows there."""
        self.do("windowraise", window)
        where = dict(re.findall(r"(\w+)=(-?\d+)", self.do("getwindowgeometry", "--shell", window).stdout))
        width, height = int(where["WIDTH"]), int(where["HEIGHT"])
        grab = subprocess.run(["ffmpeg", "-v", "error", "-f", "x11grab", "-video_size", f"{width}x{height}", "-i",
                               f"{self.name}+{where['X']},{where['Y']}", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                              capture_output=True, timeout=60)
        equal(len(grab.stdout), width * height * 3, f"a screenshot; {grab.stderr[:300]}")
        return lambda x, y: tuple(grab.stdout[(int(y * height) * width + int(x * width)) * 3:][:3])

    def ended(self, status=0):
        self.camctl.wait(timeout=30)    # with stdin open: its end would be one more reason to quit
        out = self.camctl.stdout.read()
        equal(self.camctl.returncode, status, f"exit status\n{out}\n")
        return out

    def files(self, pattern):
        return list(self.path.glob("recordings/*/" + pattern))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in (self.camctl, self.server):
            if process and process.poll() is None:
                process.terminate()
                process.wait()
        shutil.rmtree(self.path, ignore_errors=True)


@test
def windows():
    """One a camera, with its picture, its name and how it is doing; the keys in any of them; closing one is quitting."""
    with Display() as display:
        display.start("--camera", "synthetic:640x480@30", "--camera", CARD, "--preview-size", "400x300")
        first, second = display.window("^camera 0  running"), display.window("^camera 1  running .* fps ")
        display.do("windowmove", "--sync", first, "20", "30")
        display.do("windowmove", "--sync", second, "500", "30")
        for window in (first, second):
            until(lambda: is_like(display.picture(window)(0.3125, 0.2), BARS[2]), "the picture")
            check_bars(display.picture(window), f"window {window}")
        display.press(second, "r")
        display.window(r"^camera 0  REC  00:00:0\d .* fps  \d+\.\d recorded .* frames  lost 0 ")
        display.press(first, "s")
        until(lambda: len(display.files("*.jpg")) == 2, "snapshots")
        display.do("windowsize", "--sync", first, "480", "600")
        until(lambda: is_like(display.picture(first)(0.5, 0.02), BARS[7]), "black above the picture")
        pixel = display.picture(first)
        check_bars(lambda x, y: pixel(x, 0.2 + y * 0.6), "a window of another shape")
        display.close(second)
        out = display.ended()
        check("recorded recordings/" in out and "a picture of" not in out, out)
        equal(len(display.files("*.mp4")), 2)
        check(all(is_finished(video) for video in display.files("*.mp4")), "a file that was not finished")
        equal(display.windows(), {})


@test
def windows_by_stdin_and_flags():
    with Display() as display:
        display.start("--camera", CARD)
        display.window("^camera 0  running")
        display.camctl.stdin.write("q\n")
        display.camctl.stdin.flush()
        display.ended()
        display.start("--camera", CARD, "--no-preview")
        until(lambda: "ready" in display.camctl.stdout.readline(), "the start")
        time.sleep(1)
        equal(display.windows(), {}, "windows with --no-preview")
        display.camctl.stdin.write("q\n")
        display.camctl.stdin.flush()
        display.ended()
        display.start("--camera", CARD)
        display.press(display.window("^camera 0  running"), "q")
        display.ended()


def onlookers(display):
    """The processes that show windows beside a camd of the test."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().decode(errors="replace").split("\0")
        except OSError:     # it has just ended
            continue
        if words[:2] == [CAMCTL, "slave"] and str(display.path / "recordings") in words:
            found.append(process.parent.name)
    return found


@test
def slave_with_windows():
    """A master's camd with windows beside it: they show, its lines are as without, they close alone, and end with camd."""
    with Display() as display:
        out = ("--output-dir", str(display.path / "recordings"))

        def ask(command):
            display.camctl.stdin.write('{"command":"%s"}\n' % command)
            display.camctl.stdin.flush()
            return json.loads(display.camctl.stdout.readline())["status"]

        for end in ("input", "close", "kill"):
            display.start("slave", "--camera", "synthetic:640x480@30", "--preview-size", "400x300", "--auto-start-recording", *out)
            window = display.window("^camera 0  REC")
            equal(len(onlookers(display)), 1)
            until(lambda: is_like(display.picture(window)(0.3125, 0.2), BARS[2]), "the picture")
            check_bars(display.picture(window), "the window")
            display.press(window, "r")
            display.press(window, "q")
            equal([ask(command) for command in ("ping", "stop_recording", "nonsense")], ["pong", "recording_stopped", "error"])
            if end == "close":
                display.close(window)
                until(lambda: not display.windows(), "the end of the windows")
                equal(ask("start_recording"), "recording_started")
                equal(ask("quit"), "quitting")
            if end == "kill":
                display.camctl.kill()
            else:
                display.camctl.stdin.close()
            equal(display.camctl.stdout.read(), "", "what comes unasked")
            equal(display.camctl.wait(timeout=30), -signal.SIGKILL if end == "kill" else 0)
            until(lambda: not display.windows() and not onlookers(display), "the end of the windows")
        check(all(is_finished(video) for video in display.files("*.mp4")), "files that are not finished")
        # not wanted: no process stays for it
        display.start("slave", "--camera", CARD, "--no-preview", *out)
        equal(ask("list_cameras"), "cameras")
        until(lambda: not onlookers(display), "the end of who has nothing to show")
        equal((ask("ping"), display.windows()), ("pong", {}))
        display.camctl.stdin.close()
        display.camctl.wait(timeout=30)


@test
def the_display_goes_away():
    """Whatever becomes of camctl then, the files are finished."""
    with Display() as display:
        display.start("--camera", CARD, "--auto-start-recording")
        display.window("^camera 0  REC")
        until(lambda: display.files("*.mp4"), "a recording")
        display.server.send_signal(signal.SIGKILL)
        display.camctl.communicate(timeout=30)
        video, = display.files("*.mp4")
        until(lambda: is_finished(video), "the end of the recording")


if __name__ == "__main__":
    main()
