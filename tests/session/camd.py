"""Drives camd as a master does, for the tests of this directory; Python's standard library only.

    with Camd("--target-fps", "30", cameras=["synthetic:320x240"]) as camd:
        reply = camd.ask("start_recording")         # the reply to it, whatever comes between; error replies raise
        error = camd.fails("wait", seconds=-1)      # the data of the error that must come
        event = camd.event("frames_lost")           # the next such event: one kept from before, or awaited
        camd.send("ping", id=1); camd.send_raw(b"..."); line = camd.line()
        camd.quit()                                 # quits, waits, and asks for exit status 0

Each runs in an output directory of its own, camd.output, that is removed at the end, as is the process. Every line that is
received is checked for its form here and, at the end of the program, by `camctl check-lines` against the message table.

The environment names the programs: CAMD, CAMCTL, PROBE; without it, those of the build directory beside the sources. No
settings are read but those of a test. If CAMD_SEEN is set, camctl appends to that file which commands and messages occurred.

A test is a function under @test, a program ends with main(): one line for each test, exit status 1 if one failed. Names
of tests as arguments run only those.
"""

import collections
import csv
import datetime
import fcntl
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/tools"))
from mp4 import is_finished     # noqa: E402
CAMD = os.environ.get("CAMD", str(ROOT / "build/camd/camd"))
CAMCTL = os.environ.get("CAMCTL", str(ROOT / "build/camctl/camctl"))
PROBE = os.environ.get("CAMD_PROBE") or os.environ.get("PROBE", str(ROOT / "build/tests/tools/probe"))
NO_NETWORK = [os.environ["CAMD_NO_NETWORK"]] if "CAMD_NO_NETWORK" in os.environ else []     # see tests/tools/no_network.c
SANITIZED = os.environ.get("CAMD_SANITIZED", "")         # by what; slow, and with memory of its own
SMALL = "synthetic:160x120@15"      # costs next to nothing, and has time to spare on a busy machine
# the user's settings are found first, so these, which say nothing, keep the machine's away; ./config.txt is up to each test
os.environ["XDG_CONFIG_HOME"] = str(ROOT / "tests/session/nobody")
PATIENCE = 90 if SANITIZED else 30  # seconds until something counts as not coming
COLUMNS = ["frame_number", "write_time_unix", "sensor_timestamp_ns", "dropped_since_last", "total_hardware_drops",
           "camera_frame", "lost_sensor", "lost_starved", "lost_encoder", "lost_storage",
           "exposure_us", "analogue_gain", "digital_gain", "lux", "sensor_temperature_c", "mark"]
EXPOSURE = COLUMNS[10:15]
LOST = ["sensor", "starved", "encoder", "storage"]


class Failure(Exception):
    pass


class Skip(Exception):
    """The test can't be run here."""


def check(truth, *what):
    if not truth:
        raise Failure(" ".join(str(part) for part in what) or "not so")


def equal(found, wanted, what=""):
    check(found == wanted, f"{what}{': ' if what else ''}{found!r:.500}, not {wanted!r:.500}")


def until(condition, what, timeout=PATIENCE):
    """Waits for something that can only be looked at."""
    end = time.monotonic() + timeout
    while not condition():
        check(time.monotonic() < end, f"in {timeout} s did not come: {what}")
        time.sleep(0.02)


# ---- lines ----

_transcript = tempfile.TemporaryFile()


def note(line):
    """Keeps a line for check-lines, apart from the many pictures."""
    if len(line) < 200000:
        _transcript.write(line.rstrip(b"\n") + b"\n")


def check_form(line):
    """What holds for each line of camd, whatever it says."""
    message = json.loads(line)
    kind = message.get("type")
    check(kind in ("status", "event"), "type of", line)
    check(isinstance(message.get(kind), str), "name of", line)
    check(isinstance(message.get("data"), dict), "data of", line)
    moment = datetime.datetime.fromisoformat(message["timestamp"])
    check(moment.tzinfo and len(message["timestamp"]) == len("2026-11-20T14:03:07.123456+01:00"), "timestamp of", line)
    check(set(message) <= {"type", kind, "timestamp", "data", "id"}, "members of", line)
    check(kind == "status" or "id" not in message, "an event has no id:", line)
    return message


def check_transcript():
    """True if camctl finds no fault with the lines, or is not there."""
    if not os.path.exists(CAMCTL):
        print("# camctl is not there: lines are not checked against the table")
        return True
    _transcript.flush()
    _transcript.seek(0)
    result = subprocess.run([CAMCTL, "check-lines"], stdin=_transcript, stderr=subprocess.PIPE, timeout=120)
    if result.returncode:
        sys.stderr.write(result.stderr.decode(errors="replace")[:20000])
    return result.returncode == 0


# ---- camd ----

class Camd:
    """One camd. stdin, stdout: as of subprocess.Popen; reads: whether its lines are collected."""

    def __init__(self, *flags, cameras=(SMALL,), output=None, stdin=subprocess.PIPE, stdout=subprocess.PIPE, reads=True,
                 wrapper=(), program=CAMD, no_config=True, **popen):
        self.directory = tempfile.mkdtemp(prefix="camd-test-")
        os.chmod(self.directory, 0o755)
        self.output = pathlib.Path(output or self.directory)
        self.messages = queue.Queue()
        self.events = collections.deque()
        self.lines = 0
        self.broken = None
        command = [*NO_NETWORK, *wrapper, program, "--output-dir", str(self.output), *(["--no-config"] if no_config else [])]
        for camera in cameras:
            command += ["--camera", camera]
        popen.setdefault("stderr", open(os.path.join(self.directory, "stderr"), "wb"))
        self.process = subprocess.Popen([*command, *flags], stdin=stdin, stdout=stdout, **popen)
        self.reader = None
        if stdout == subprocess.PIPE and reads:
            self.reader = threading.Thread(target=self._read, daemon=True)
            self.reader.start()

    def _read(self):
        self._take_lines(self.process.stdout)

    def _take_lines(self, stream):
        for line in stream:
            try:
                check(line.endswith(b"\n"), "a line without end:", line[-100:])
                self.messages.put(check_form(line))
            except Exception as error:
                self.broken = self.broken or f"{error}: {line[:300]}"
            self.lines += 1
            note(line)
        self.messages.put(None)

    # -- what is said --

    def send_raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, command, **arguments):
        line = json.dumps({"command": command, **arguments}).encode()
        note(line)
        self.send_raw(line + b"\n")

    def line(self, timeout=PATIENCE):
        """The next line of any kind; None at the end of the output."""
        try:
            return self.messages.get(timeout=timeout)
        except queue.Empty:
            raise Failure(f"camd said nothing in {timeout} s") from None

    def reply(self, timeout=PATIENCE):
        """The next reply; events are kept, pictures dropped."""
        end = time.monotonic() + timeout
        while True:
            message = self.line(max(0.01, end - time.monotonic()))
            check(message is not None, "camd's output ended")
            if message["type"] == "event":
                self.events.append(message)
            elif message["status"] != "preview_frame":
                return message

    def ask(self, command, timeout=PATIENCE, **arguments):
        """The data of the reply, which must not be an error."""
        self.send(command, **arguments)
        reply = self.reply(timeout)
        check(reply["status"] != "error", f"{command}: {reply['data']}")
        return reply["data"]

    def fails(self, command, code=None, timeout=PATIENCE, **arguments):
        """The data of the error that must come."""
        self.send(command, **arguments)
        reply = self.reply(timeout)
        equal(reply["status"], "error", f"{command} {arguments}")
        if code:
            equal(reply["data"]["code"], code, f"code for {command} {arguments} ({reply['data']['message']})")
        return reply["data"]

    def event(self, name, timeout=PATIENCE, where=lambda data: True):
        """The data of the oldest event of that name that was not taken yet."""
        end = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event["event"] == name and where(event["data"]):
                    self.events.remove(event)
                    return event["data"]
            message = self.line(max(0.01, end - time.monotonic()))
            check(message is not None, f"camd's output ended without {name}")
            if message["type"] == "event":
                self.events.append(message)

    def silent(self, seconds=0.3):
        """Nothing comes for so long."""
        try:
            message = self.messages.get(timeout=seconds)
        except queue.Empty:
            return
        raise Failure(f"unasked: {message}")

    def started(self):
        """Waits until all cameras are open, or known not to be."""
        self.ask("list_cameras")

    # -- the process --

    def close_stdin(self):
        self.process.stdin.close()

    def wait(self, status=0, timeout=PATIENCE):
        """Waits for its end; lines that are left stay readable."""
        try:
            found = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"camd did not end in {timeout} s") from None
        if self.reader:
            self.reader.join(PATIENCE)
        if status is not None:
            equal(found, status, "exit status")
        check(not self.broken, self.broken)
        return found

    def rest(self):
        """The lines that are left after its end."""
        lines = []
        while not self.messages.empty():
            lines.append(self.messages.get())
        return [line for line in lines if line]

    def quit(self, timeout=PATIENCE):
        self.send("quit")
        while self.reply(timeout)["status"] != "quitting":
            pass
        self.wait(timeout=timeout)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.wait(status=-signal.SIGKILL)

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    # -- what it left --

    def sessions(self):
        return sorted(path for path in self.output.iterdir() if path.is_dir() and (path / "session.log").exists())

    def log(self):
        return "".join((path / "session.log").read_text(errors="replace") for path in self.sessions())

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        ended = self.process.poll()
        if ended is None:
            self.process.kill()
            self.process.wait()
        if self.reader:
            self.reader.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            try:
                if stream:
                    stream.close()
            except OSError:
                pass
        broken = self.broken or self.unbalanced()
        if (kind and kind is not Skip) or broken:
            self.explain(ended)
        # what the test itself made there may be in use by a camd that follows: only this one's directory goes
        shutil.rmtree(self.directory, ignore_errors=True)
        if broken and not kind:
            raise Failure(broken)

    def unbalanced(self):
        """camd's own word that its ledger is wrong."""
        logs = (path.read_text(errors="replace") for path in self.output.glob("*/session.log")) if self.output.is_dir() else ()
        return next((line for log in logs for line in log.splitlines() if "the ledger does not add up" in line), None)

    def explain(self, ended):
        print(f"# camd {self.process.args}: {'ran' if ended is None else f'exit status {ended}'}", file=sys.stderr)
        for path in [pathlib.Path(self.directory) / "stderr", *sorted(self.output.glob("*/session.log"))[-2:]]:
            try:
                for line in path.read_text(errors="replace").splitlines()[-15:]:
                    print(f"#   {line[:300]}", file=sys.stderr)
            except OSError:
                pass


class Client(Camd):
    """A client of a camd that has a socket: its path, or a connected one, which is taken over."""

    def __init__(self, where):
        self.socket = where if isinstance(where, socket.socket) else socket.socket(socket.AF_UNIX)
        if self.socket is not where:
            self.socket.connect(where)
        self.messages, self.events = queue.Queue(), collections.deque()
        self.lines, self.broken = 0, None
        self.stream = self.socket.makefile("rb")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        try:
            self._take_lines(self.stream)
        except OSError:     # a camd that closes what it has not read resets the connection
            self.messages.put(None)

    def send_raw(self, data):
        self.socket.sendall(data)

    def ended(self):
        """camd has closed the connection, once all that comes before was taken or is an event."""
        while (message := self.line()) is not None:
            check(message["type"] == "event" or message["status"] == "preview_frame", "behind the end:", message)
        check(not self.broken, self.broken)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def __exit__(self, kind, value, trace):
        self.close()
        self.reader.join(PATIENCE)
        self.stream.close()
        if self.broken and not kind:
            raise Failure(self.broken)


class Handed:
    """A directory with a listening socket in it, and what hands the socket to camd: systemd's protocol, spelled out."""

    def __init__(self, **environment):
        self.environment = environment

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="camd-test-")
        os.chmod(self.directory.name, 0o755)
        self.path = f"{self.directory.name}/camd.sock"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.listen(64)
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.directory.cleanup()

    def camd(self, *flags, sockets=None, listen_pid="$$", listen_fds=None, **how):
        """A camd that is handed these sockets, by default the listening one."""
        fds = [each.fileno() for each in sockets or [self.socket]]
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 50) for fd in fds]
        words = [f"export LISTEN_PID={listen_pid} LISTEN_FDS={len(fds) if listen_fds is None else listen_fds}", 'exec "$@"']
        words[1] += "".join(f" {3 + k}<&{fd} {fd}<&-" for k, fd in enumerate(high))
        try:
            return Camd(*flags, wrapper=("bash", "-c", "; ".join(words), "bash"), pass_fds=high, **how)
        finally:
            for fd in high:
                os.close(fd)

    def client(self):
        return Client(self.path)


def piped(*requests, cameras=(SMALL,), timeout=PATIENCE):
    """All that camd answers to requests that are piped at once, up to its end."""
    data = "".join(json.dumps(request) + "\n" for request in requests).encode()
    for line in data.splitlines():
        note(line)
    with tempfile.TemporaryDirectory(prefix="camd-test-") as directory:
        command = [CAMD, "--output-dir", directory]
        for camera in cameras:
            command += ["--camera", camera]
        result = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=timeout)
        equal(result.returncode, 0, "exit status")
        return read_lines(result.stdout)


def read_lines(output):
    """Checks and parses a whole output."""
    check(output.endswith(b"\n") or not output, "the output ends in mid-line:", output[-100:])
    for line in output.splitlines():
        note(line)
    return [check_form(line) for line in output.splitlines()]


# ---- recordings ----

def read_value(key, text):
    """Counts and times are integers; what cameras say of an exposure is a number, or empty where it is unknown."""
    if key in ("write_time_unix", "mark"):
        return text
    if key in EXPOSURE:
        return float(text) if text else None
    return int(text)


def read_csv(video):
    """The complete rows of the timing table beside a video, as dicts of integers; write_time_unix as text."""
    path = pathlib.Path(str(video).rsplit(".", 1)[0] + "_frame_timing.csv")
    text = path.read_text()
    rows = list(csv.DictReader(text[:text.rfind("\n") + 1].splitlines()))
    equal(text.split("\n", 1)[0].split(",")[:len(COLUMNS)], COLUMNS, f"header of {path.name}")
    return [{key: read_value(key, value) for key, value in row.items()} for row in rows]


def of_all_threads(pid, name):
    """What /proc says in the file of that name of each thread of a process; nothing while one ends."""
    try:
        return [path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob(f"*/{name}")]
    except (FileNotFoundError, ProcessLookupError):
        return []


def ffprobe(video, *arguments):
    result = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *arguments, str(video)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=300)
    check(result.returncode == 0, f"ffprobe {video}: {result.stderr.decode(errors='replace')[:500]}")
    return json.loads(result.stdout)


def packet_times_ns(video):
    """Presentation times, in the order of the file; exact where the track's unit is."""
    found = ffprobe(video, "-select_streams", "v:0", "-show_entries", "packet=pts:stream=time_base")
    numerator, denominator = map(int, found["streams"][0]["time_base"].split("/"))
    return [packet["pts"] * 1000000000 * numerator // denominator for packet in found["packets"]]


def count_frames(video):
    """How many frames decode."""
    found = ffprobe(video, "-select_streams", "v:0", "-count_frames", "-show_entries", "stream=nb_read_frames")
    return int(found["streams"][0]["nb_read_frames"])


def check_table(rows, name="", before=None, steps=True):
    """The ledger adds up at every row. before: the last row of the recording's file before this one; steps: its camera was not opened anew."""
    told = before["frame_number"] - sum(before["lost_" + cause] for cause in LOST) if before else 0
    for k, row in enumerate(rows, told + 1):
        lost = sum(row["lost_" + cause] for cause in LOST)
        equal(row["frame_number"], k + lost, f"{name} row {k}: frame number against rows and losses")
        equal(row["total_hardware_drops"], row["lost_sensor"], f"{name} row {k}: total_hardware_drops")
        previous = before["frame_number"] if before else 0
        equal(row["dropped_since_last"], row["frame_number"] - previous - 1, f"{name} row {k}: dropped_since_last")
        if before:
            check(row["sensor_timestamp_ns"] > before["sensor_timestamp_ns"], f"{name} row {k}: sensor time")
            check(row["camera_frame"] > before["camera_frame"], f"{name} row {k}: camera_frame")
            equal(steps and row["camera_frame"] - before["camera_frame"], steps and row["frame_number"] - before["frame_number"],
                  f"{name} row {k}: camera_frame")
        before = row


def check_video(video, numbers=True, slack=0, before=None):
    """
    The k-th frame of a video is that of the k-th row, at its time, with its number (numbers: it is a synthetic camera's).
    slack: how many rows the video may lack at its end, or have too many (a raw or killed one). Returns the rows.
    """
    rows = read_csv(video)
    check_table(rows, pathlib.Path(video).name, before, steps=numbers)
    if str(video).endswith(".h264"):
        frames = count_frames(video)
    else:
        times = packet_times_ns(video)
        frames = len(times)
        wanted = [row["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"] for row in rows]
        worst = max((abs(a - b) for a, b in zip(times, wanted)), default=0)
        check(worst <= 500, f"{video}: a frame is {worst} ns off its row's time")
    check(abs(frames - len(rows)) <= slack, f"{video}: {frames} frames, {len(rows)} rows")
    if slack == 0:
        probe(video, numbers, part=bool(before))
    return rows


def probe(video, numbers=True, part=False):
    """Decodes every frame and, with numbers, reads its number. part: the file is not a recording's first, or a clip."""
    if not os.path.exists(PROBE):
        equal(count_frames(video), len(read_csv(video)), f"decoded frames of {video}")
        return
    table = str(video).rsplit(".", 1)[0] + "_frame_timing.csv"
    result = subprocess.run([PROBE, str(video), table, *(["--number-pattern"] if numbers else []), *(["--part"] if part else [])], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=300)
    check(result.returncode == 0, "probe:", result.stdout.decode(errors="replace")[-600:])


def check_stopped(camera, numbers=True):
    """One camera of recording_stopped: what it says is what is in the files, and adds up. Returns the rows."""
    lost = sum(camera["lost"].values())
    equal(camera["captured"], camera["frames"] + lost, f"camera {camera['camera_id']}: captured")
    equal(camera["bytes"], os.path.getsize(camera["file"]), f"camera {camera['camera_id']}: bytes")
    rows = check_video(camera["file"], numbers)
    equal(len(rows), camera["frames"], f"camera {camera['camera_id']}: frames")
    if camera["file"].endswith(".mp4"):
        check(is_finished(camera["file"]), f"{camera['file']} is not an ordinary MP4")
    return rows


# ---- pictures ----

def jpeg_size(data):
    """(width, height) by the picture's own header, once all of it has been decoded without complaint."""
    result = subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-f", "mjpeg", "-i", "-", "-f", "null", "-"], input=data,
                            stderr=subprocess.PIPE, timeout=60)
    check(result.returncode == 0 and not result.stderr, result.stderr[:300])
    check(data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9", "a JPEG's first and last bytes")
    at = 2
    while data[at + 1] not in (0xc0, 0xc1, 0xc2):
        at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return int.from_bytes(data[at + 7:at + 9], "big"), int.from_bytes(data[at + 5:at + 7], "big")


# ---- tests ----

_tests = []


def test(function):
    if function.__module__ == "__main__":       # one program may use what another has
        _tests.append(function)
    return function


def run_test(function):
    began = time.monotonic()
    try:
        function()
    except Skip as why:
        forbidden = "CAMD_NO_SKIPS" in os.environ and not SANITIZED
        print(f"{'FAIL' if forbidden else 'skip'} {function.__name__}: {'skipped: ' if forbidden else ''}{why}", flush=True)
        return not forbidden
    except Failure as why:
        sys.stdout.flush()
        print(f"FAIL {function.__name__}: {why}", flush=True)
        return False
    except Exception as why:
        traceback.print_exc()
        print(f"FAIL {function.__name__}: {type(why).__name__}: {why}", flush=True)
        return False
    print(f"ok {function.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


def main():
    # who runs out of patience with a test still gets it cleaned up
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("interrupted"))
    names = sys.argv[1:]
    chosen = [function for function in _tests if not names or function.__name__ in names]
    good = [run_test(function) for function in chosen]
    good.append(check_transcript())
    if not good[-1]:
        print("FAIL lines: not as the message table says")
    sys.exit(0 if chosen and all(good) else 1)
