"""What the tests in the test kernel share: booting it for a test, and driving camd over its protocol inside."""
import fcntl
import glob
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tools"))
from mp4 import is_finished     # noqa: E402

NO_NETWORK = [os.environ["CAMD_NO_NETWORK"]] if "CAMD_NO_NETWORK" in os.environ else []     # what to start camd with


# ---- in the kernel ----

def vivid_nodes():
    """The vivid cameras' nodes, in the order of their numbers."""
    found = []
    for path in glob.glob("/sys/class/video4linux/video*"):
        with open(path + "/name", encoding="utf-8") as file:
            name = file.read()
        if name.startswith("vivid") and "vid-cap" in name:
            found.append("/dev/" + os.path.basename(path))
    return sorted(found, key=lambda node: int(node[len("/dev/video"):]))


LIKE_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]      # starts a program for which rights of files hold, root or not
VIDIOC_S_CTRL = 0xC008561C
VIVID = 0x00F0F000      # where vivid's own controls begin
VIVID_DISCONNECT = VIVID + 65


def vivid_inject(node, control, value=1):
    """The file is closed again: a vivid that was disconnected returns when its last one is."""
    fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, VIDIOC_S_CTRL, struct.pack("Ii", control, value))
    finally:
        os.close(fd)


def is_over(pid):
    """Its program has ended; a thread of it that is in a driver's call may keep the process from going."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] in "ZX"


class Camd:
    """One camd that draws nothing into the pictures, unless the flags say so; its lines are kept in $CAMD_SCRATCH/lines, its
    recordings in $CAMD_SCRATCH/recordings."""

    def __init__(self, program, *flags, before=()):
        """before: a command that starts camd."""
        self.scratch = os.environ["CAMD_SCRATCH"]
        self.output = os.path.join(self.scratch, "recordings")
        self.events, self.finishes = [], True       # finishes: whether all files are whole when it has ended
        self.process = subprocess.Popen([*before, *NO_NETWORK, program, "--output-dir", self.output, "--no-show-frame-number", *flags],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def line(self):
        line = self.process.stdout.readline()
        assert line, "camd is gone"
        with open(os.path.join(self.scratch, "lines"), "a", encoding="utf-8") as file:
            file.write(line)
        print(line[:400].rstrip(), flush=True)
        return json.loads(line)

    def reply(self):
        """The next reply; events are kept."""
        while True:
            message = self.line()
            if message["type"] == "status" and message["status"] not in ("initializing", "initialized", "warning", "shutdown"):
                return message
            self.events.append(message)

    def try_to(self, command, **arguments):
        self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        return self.reply()

    def ask(self, command, **arguments):
        """The data of the reply, which must be no error."""
        reply = self.try_to(command, **arguments)
        assert reply["status"] != "error", reply
        return reply["data"]

    def seen(self, name, kind="event", **members):
        """How many events (or notices: kind status) of that name there were so far, with those members."""
        return sum(1 for event in self.events if event.get(kind) == name and
                   all(event["data"].get(key) == value for key, value in members.items()))

    def log(self):
        return "".join(open(path, encoding="utf-8", errors="replace").read() for path in glob.glob(self.output + "/*/session.log"))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print(self.log()[-6000:], file=sys.stderr)
            self.process.kill()
            return
        began = time.monotonic()
        assert self.ask("quit") == {}
        while not is_over(self.process.pid):
            time.sleep(0.01)
        self.ended_s = time.monotonic() - began
        if self.finishes:
            unfinished = [path for path in glob.glob(self.output + "/*/*.mp4") if not is_finished(path)]
            assert not unfinished, unfinished
        assert self.process.wait() == 0
        assert "the ledger does not add up" not in self.log(), self.log()[-6000:]


def usage(pid):
    """What a process has: memory, threads, and its processor time, which is exact with `run -M cputime`."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        ticks = sum(int(value) for value in file.read().rsplit(")", 1)[1].split()[11:13])
    return {"rss_kb": int(status["VmRSS"].split()[0]), "threads": int(status["Threads"]), "cpu_s": ticks / os.sysconf("SC_CLK_TCK")}


# ---- on the host ----

def slope(values):
    """How much they grow from one to the next, by the straight line that fits best."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    return sum((i - middle) * (value - mean) for i, value in enumerate(values)) / sum((i - middle) ** 2 for i in range(len(values)))


def check_lines(target):
    """What camd said, as far as it was kept in DIR, against its table of messages."""
    lines = target + "/lines"
    if "CAMD_CHECK_LINES" in os.environ and os.path.exists(lines):
        with open(lines, "rb") as file:
            subprocess.run([os.environ["CAMD_CHECK_LINES"], "check-lines"], stdin=file, check=True)


def probe_video(probe, video, *flags):
    """It is finished; every frame decodes and is its row's."""
    assert is_finished(video), video
    subprocess.run([probe, video, video[:-len(".mp4")] + "_frame_timing.csv", *flags], check=True)


def videos(target, camera, probe):
    """Those of one camera in DIR, in the order of their beginnings, each probed."""
    found = sorted(glob.glob(f"{target}/session_*/cam{camera}_*.mp4"), key=os.path.getmtime)
    for video in found:
        probe_video(probe, video)
    return found


def run(script, case, camd, probe, flags, videos="cam*.mp4", probed=(), more=()):
    """
    Boots the kernel for `SCRIPT inside CASE CAMD DIR MORE…`, checks the lines that camd said, and probes the videos left in DIR, with
    these flags. There must be some, unless videos is None.
    """
    with tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), *flags, "--", "/usr/bin/python3", "-B", os.path.abspath(script), "inside", case,
                   os.path.abspath(camd), target, *more]
        subprocess.run(command, check=True)
        check_lines(target)
        found = sorted(glob.glob(f"{target}/session_*/{videos}")) if videos else []
        assert found or not videos, "nothing was recorded"
        for video in found:
            probe_video(probe, video, *probed)
        return found


def keep(target):
    """In the kernel: leaves lines and recordings in DIR for run() to look at."""
    scratch = os.environ["CAMD_SCRATCH"]
    shutil.copytree(os.path.join(scratch, "recordings"), target, dirs_exist_ok=True)
    shutil.copy(os.path.join(scratch, "lines"), target)
