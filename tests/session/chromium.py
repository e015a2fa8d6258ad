"""Headless Chromium for tests, by nothing but Python's standard library.

    with Chromium(width=1280, height=720) as browser:
        browser.open(video_page("/tmp/recording.mp4"))      # HTML text, or an address
        browser.evaluate(SEEK, 0.5)                         # what the JavaScript returns; promises are awaited
        picture = browser.screenshot()                      # Picture: .width .height .rgb, .pixel(x, y) -> (r, g, b)

    Chromium(width, height, timeout=60, gl=False)
                                starts one with an empty profile; ChromiumError if there is none or it will not.
                                gl: draws by OpenGL as on a desktop (in software): slower, and exact in colour, where
                                the other way leaves BT.709 blue up to 12 of 255 short
    .open(html_or_address)      loads it and waits for its load event; HTML may use file:// addresses
    .evaluate(javascript, *arguments)
                                an expression, or with arguments a function that is called with them; the value must be
                                JSON; a thrown error or a rejected promise is a ChromiumError
    .screenshot(selector=None)  what the window shows, or only the first element of a CSS selector
    .console                    list of lines that pages wrote to the console
    .close()                    ends it and removes the profile
    decode_png(data)            8-bit RGB, RGBA, grey and palette, not interlaced, as a Picture
    video_page(path)            a page with nothing but a <video id=v>, at the video's own size, paused, muted
    SEEK                        a function for evaluate() on such a page: shows the video at so many seconds, waits till
                                that frame is on the screen, returns the frame's own time

It talks over a pipe (--remote-debugging-pipe): no port, no chromedriver. One thread; the browser dies with close().
"""

import base64
import collections
import html as html_module
import json
import os
import pathlib
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import zlib

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
    "--disable-default-apps", "--no-default-browser-check", "--mute-audio", "--hide-scrollbars",
    "--autoplay-policy=no-user-gesture-required", "--allow-file-access-from-files", "--force-color-profile=srgb",
    "--force-device-scale-factor=1", "--remote-debugging-pipe",
)

WITHOUT_GL = ("--disable-gpu",)
WITH_GL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")

NOTE_SHOWN = """
    const note = (now, metadata) => { v.shown = metadata.mediaTime; v.fresh = true; v.requestVideoFrameCallback(note) };
    v.requestVideoFrameCallback(note);
"""

# a seek within the frame that is on the screen brings no new one: then a quarter of a second without any is the sign
SEEK = """async seconds => {
    const event = name => new Promise((resolve, reject) => {
        v.addEventListener(name, resolve, { once: true });
        v.addEventListener("error", () => reject(new Error("video: " + v.error.message)), { once: true });
    });
    const painted = () => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    if (v.error)
        throw new Error("video: " + v.error.message);
    if (v.readyState < 2)
        await event("loadeddata");
    v.fresh = false;
    v.currentTime = seconds;
    await event("seeked");
    for (const end = performance.now() + 250; !v.fresh && performance.now() < end;)
        await painted();
    await painted();
    return v.shown;
}"""


class ChromiumError(Exception):
    pass


class Picture(collections.namedtuple("Picture", "width height rgb")):
    """A picture as bytes, three a pixel, row by row."""

    def pixel(self, x, y):
        at = (y * self.width + x) * 3
        return tuple(self.rgb[at:at + 3])


def video_page(path):
    """HTML that shows one video file, paused at its first frame."""
    address = html_module.escape(pathlib.Path(path).resolve().as_uri(), quote=True)
    return ("<!doctype html><style>body { margin: 0; background: #000 } video { display: block }</style>"
            f'<video id="v" src="{address}" muted preload="auto"></video><script>{NOTE_SHOWN}</script>')


def _unfilter(kind, row, above, step):
    """Undoes one PNG row filter in place."""
    if kind == 1:
        for i in range(step, len(row)):
            row[i] = (row[i] + row[i - step]) & 255
    elif kind == 2:
        for i, up in enumerate(above):
            row[i] = (row[i] + up) & 255
    elif kind == 3:
        for i, up in enumerate(above):
            left = row[i - step] if i >= step else 0
            row[i] = (row[i] + (left + up) // 2) & 255
    elif kind == 4:
        for i, up in enumerate(above):
            left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
            to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
            best = left if to_left <= to_up and to_left <= to_corner else up if to_up <= to_corner else corner
            row[i] = (row[i] + best) & 255
    elif kind:
        raise ValueError(f"PNG row filter {kind}")


def _chunks(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG")
    at = 8
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8:at + 8 + size]
        at += 12 + size


def _to_rgb(row, kind, palette):
    if kind == 2:
        return bytes(row)
    out = bytearray(len(row) // {0: 1, 3: 1, 4: 2, 6: 4}[kind] * 3)
    for c in range(3):
        if kind == 6:
            out[c::3] = row[c::4]
        elif kind == 3:
            out[c::3] = bytes(palette[3 * index + c] for index in row)
        else:
            out[c::3] = row[::2] if kind == 4 else row
    return bytes(out)


def decode_png(data):
    """A PNG file's bytes as a Picture; transparency is dropped."""
    header = palette = None
    packed = b""
    for kind, body in _chunks(data):
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"PLTE":
            palette = body
        elif kind == b"IDAT":
            packed += body
    width, height, depth, colour, _, _, interlaced = header
    if depth != 8 or interlaced:
        raise ValueError(f"PNG of {depth} bits, interlace {interlaced}: only 8 bits without interlace are read")
    step = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    raw = zlib.decompress(packed)
    above, rows, pitch = bytes(width * step), [], width * step + 1
    for y in range(height):
        row = bytearray(raw[y * pitch + 1:(y + 1) * pitch])
        _unfilter(raw[y * pitch], row, above, step)
        rows.append(_to_rgb(row, colour, palette))
        above = row
    return Picture(width, height, b"".join(rows))


class Chromium:
    def __init__(self, width=1280, height=720, timeout=60, gl=False):
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if not program:
            raise ChromiumError(f"none of {', '.join(PROGRAMS)} is installed: apt-get install chromium")
        self.timeout = timeout
        self.console = []
        self._last_id = 0
        self._received = b""
        self._events = []
        self._session = None
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        try:
            self._spawn([program, *FLAGS, *(WITH_GL if gl else WITHOUT_GL)], width, height)
            self._attach(width, height)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open(self, page):
        if "<" in page:
            path = pathlib.Path(self._profile, "page.html")
            path.write_text(page, encoding="utf-8")
            page = path.as_uri()
        self._events.clear()
        result = self._call("Page.navigate", url=page)
        if result.get("errorText"):
            raise ChromiumError(f"{page}: {result['errorText']}")
        deadline = time.monotonic() + self.timeout
        while "Page.loadEventFired" not in self._events:
            self._receive(deadline, "load event")

    def evaluate(self, javascript, *arguments):
        if arguments:
            javascript = f"({javascript})({', '.join(map(json.dumps, arguments))})"
        result = self._call("Runtime.evaluate", expression=javascript, awaitPromise=True, returnByValue=True)
        thrown = result.get("exceptionDetails")
        if thrown:
            raise ChromiumError(thrown.get("exception", {}).get("description") or thrown["text"])
        return result["result"].get("value")

    def screenshot(self, selector=None):
        options = {}
        if selector:
            box = self.evaluate("s => { const b = document.querySelector(s).getBoundingClientRect();"
                                " return { x: b.x, y: b.y, width: b.width, height: b.height } }", selector)
            options["clip"] = dict(box, scale=1)
        result = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=bool(selector), **options)
        return decode_png(base64.b64decode(result["data"]))

    def close(self):
        if getattr(self, "_process", None):
            for pipe in (self._to, self._from):
                os.close(pipe)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
            self._process = None
        shutil.rmtree(self._profile, ignore_errors=True)

    def _spawn(self, program, width, height):
        """Chromium reads commands from its descriptor 3 and writes answers to 4, each ended by a NUL."""
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        command = 'exec "$@" 3<&0 4>&1 0</dev/null 1>&2'
        with open(os.path.join(self._profile, "stderr"), "wb") as stderr:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", command, "sh", *program, f"--user-data-dir={self._profile}/data",
                 f"--window-size={width},{height}", "about:blank"],
                stdin=commands, stdout=answers, stderr=stderr, start_new_session=True,
                env=dict(os.environ, XDG_CONFIG_HOME=self._profile))      # it writes there whatever its user-data-dir is
        os.close(commands)
        os.close(answers)

    def _attach(self, width, height):
        pages = [target for target in self._call("Target.getTargets")["targetInfos"] if target["type"] == "page"]
        target = pages[0]["targetId"] if pages else self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(domain + ".enable")
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def _call(self, method, **parameters):
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        deadline = time.monotonic() + self.timeout
        try:
            self._send(json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise ChromiumError("chromium ended: " + self._stderr()) from None
        while True:
            answer = self._receive(deadline, "answer to " + method)
            if answer.get("id") == self._last_id:
                break
        if "error" in answer:
            raise ChromiumError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _send(self, data):
        while data:
            data = data[os.write(self._to, data):]

    def _receive(self, deadline, what):
        """One message, an answer or an event; events are kept."""
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._from], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise ChromiumError(f"chromium: no {what} within {self.timeout} s: " + self._stderr())
            data = os.read(self._from, 1 << 20)
            if not data:
                raise ChromiumError("chromium ended: " + self._stderr())
            self._received += data
        line, self._received = self._received.split(b"\0", 1)
        message = json.loads(line)
        if "method" in message:
            self._on_event(message["method"], message.get("params", {}))
        return message

    def _on_event(self, method, parameters):
        self._events.append(method)
        if method == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(a.get("value", a.get("description"))) for a in parameters["args"]))
        elif method == "Log.entryAdded":
            self.console.append(parameters["entry"]["text"])

    def _stderr(self):
        try:
            return pathlib.Path(self._profile, "stderr").read_text(errors="replace")[-2000:]
        except OSError:
            return ""
