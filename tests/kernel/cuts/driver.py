"""In the kernel: a camd that is driven through all that it does to a disk, and that may be stopped before any call of it."""
import hashlib
import json
import os
import select
import signal
import subprocess
import time

CAMERAS = ["synthetic:160x120@10?id=left", "synthetic:128x96@15?id=right"]
FLAGS = ["--segment-length", "2s", "--prebuffer", "1s", "--intra", "0.5s", "--bitrate", "400k", "--preset", "ultrafast", "--threads", "1",
         "--no-show-frame-number"]
POLL_S = 0.05


class Stopped(Exception):
    """It stands before the call where the cut is to be."""


class Refused(Exception):
    """Something could not be done, where all can."""


def table_of(video):
    return video.rsplit(".", 1)[0] + "_frame_timing.csv"


def files_named(data):
    """The videos, with their tables, and the pictures that a message says are on the disk."""
    named = [data["file"]] if "file" in data else []
    named += data.get("files", [])
    named += [each["file"] for key in ("cameras", "clips", "shots") for each in data.get(key, []) if isinstance(each, dict) and "file" in each]
    return sorted(set(named) | {table_of(name) for name in named if name.endswith(".mp4")})


def hashes(paths):
    """Of files that must be there; an export has a table of its own only if its source had."""
    found = {}
    for path in paths:
        if "/exports/" in path and path.endswith(".csv") and not os.path.exists(path):
            continue
        with open(path, "rb") as file:
            found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


DONE = ("recording_stopped", "segment_finished", "trigger_saved", "snapshot_taken", "job_done")


class Driver:
    """
    note: called with each record of what was said and when: {"t": ns, "sent" or "got": MESSAGE, "hashes": {PATH: SHA256}}, the last for
    files that the message says are done. shim: the library that stops it, at: where, sync_ms: how long its syncs take.
    """

    def __init__(self, camd, output, note, shim=None, at=None, sync_ms=0, cameras=CAMERAS, flags=FLAGS):
        self.note, self.replies, self.got = note, 0, []
        self.notes = os.path.join(os.environ["CAMD_SCRATCH"], "notes")
        if os.path.exists(self.notes):
            os.remove(self.notes)
        environment = dict(os.environ)
        if shim:
            environment.update(LD_PRELOAD=shim, CAMD_STOP_NOTES=self.notes, CAMD_STOP_SYNC_MS=str(sync_ms))
        if at:
            environment["CAMD_STOP_AT"] = at
        command = [camd, "--no-config", "--output-dir", output, *flags]
        for camera in cameras:
            command += ["--camera", camera]
        self.rest = b""
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def watch(self):
        """From here on Stopped may come."""
        signal.signal(signal.SIGCHLD, self._on_child)
        self._on_child()

    def _on_child(self, *_):
        """Only a stop is of interest; nobody is reaped here."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            stopped = file.read().rsplit(")", 1)[1].split()[0] == "T"
        if stopped:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            raise Stopped()

    def stop_line(self):
        with open(self.notes, encoding="utf-8") as file:
            return file.read().splitlines()[-1]

    def counts(self):
        """How many calls of each kind there were."""
        found = {}
        with open(self.notes, encoding="utf-8") as file:
            for line in file:
                found[line.split()[0]] = int(line.split()[1])
        return found

    def send(self, command, **arguments):
        self.note({"t": time.monotonic_ns(), "sent": {"command": command, **arguments}})
        self.process.stdin.write((json.dumps({"command": command, **arguments}) + "\n").encode())
        self.process.stdin.flush()

    def _take(self, line):
        message = json.loads(line)
        record = {"t": time.monotonic_ns(), "got": message}
        kind = message.get("status") or message.get("event")
        if kind == "error" or message["data"].get("ok") is False:
            raise Refused(f"{message}")
        if kind in DONE:
            record["hashes"] = hashes(files_named(message["data"]))
        self.note(record)
        self.got.append(message)
        self.replies += message["type"] == "status"

    def _read(self, until):
        """Takes what comes until a moment, or until something has come. False: that moment is past."""
        left = until - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            raise EOFError("camd is gone")
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        return True

    def ask(self, command, patience=60, **arguments):
        wanted, until = self.replies + 1, time.monotonic() + patience
        self.send(command, **arguments)
        while self.replies < wanted:
            if not self._read(until):
                raise TimeoutError(command)
        return next(message for message in reversed(self.got) if message["type"] == "status")

    def pass_time(self, seconds):
        """With a question for the status now and then."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            next_look = min(until, time.monotonic() + POLL_S)
            while self._read(next_look):
                pass
            self.ask("get_status")

    def pass_until(self, event, patience=20):
        until = time.monotonic() + patience
        while not any(message.get("event") == event for message in self.got):
            if time.monotonic() > until:
                raise TimeoutError(event)
            self.pass_time(POLL_S)

    def quit(self):
        self.ask("quit")
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.process.stdin.close()
        if self.process.wait():
            raise Refused(f"camd ended with {self.process.returncode}")
        self.process.stdout.close()

    def kill(self):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def record(driver, rng):
    """All that camd does to a disk, in about 14 seconds."""
    driver.ask("subscribe", events=["*"])
    driver.pass_time(rng.uniform(0.2, 0.6))
    driver.ask("start_recording")
    driver.pass_time(rng.uniform(1, 1.6))
    driver.ask("take_snapshot")
    driver.ask("trigger", before=1, after=1, label="gate")
    driver.pass_time(rng.uniform(2.5, 3.5))
    driver.ask("mark", label="here")
    driver.pass_time(rng.uniform(0.3, 0.7))
    driver.ask("stop_recording")
    driver.ask("export")
    driver.pass_until("job_done")
    driver.pass_until("trigger_saved")
    driver.ask("new_session", label="second")
    driver.ask("start_recording", camera_id=1)
    driver.pass_time(rng.uniform(0.5, 1))
    driver.ask("start_recording", camera_id=0)
    driver.pass_time(rng.uniform(2, 3))
    driver.ask("sync")
    driver.ask("take_snapshot", format="png")
    driver.ask("stop_recording")
    driver.pass_time(0.3)
    driver.quit()


def choose_call(counts, rng):
    """Where to stop it: each kind of call is as likely, the rare ones too."""
    kind = rng.choice(sorted(counts))
    return f"{kind}:{rng.randint(1, counts[kind])}"
