"""In the kernel: a camd that is driven through all that it does to a disk, and that may be stopped before any call of it."""
import json
import os
import select
import signal
import subprocess
import time

import answers
from answers import Refused
from files import sha256

CAMERAS = ["synthetic:160x120@10?id=left", "synthetic:128x96@15?id=right"]
BOTH = [0, 1]
FLAGS = ["--segment-length", "2s", "--prebuffer", "1s", "--intra", "0.5s", "--bitrate", "400k", "--preset", "ultrafast", "--threads", "1",
         "--no-show-frame-number"]
POLL_S = 0.05
CALLS = ("write", "sync", "name", "size")       # the kinds that cuts/stop.c counts
SYNCER, ROUND_GAP_NS = "sync", 20_000_000      # the name of that thread; its rounds are further apart, or go over the same files


class Stopped(Exception):
    """It stands before the call where the cut is to be."""


def hashes(paths):
    """Of files that must be there."""
    return {path: sha256(path) for path in paths}


class Driver:
    """
    note: called with each record of what was said and when: {"t": ns, "sent" or "got": MESSAGE, "hashes": {PATH: SHA256}}, the last for
    files that the message says are done. shim: the library that stops it, at: where, sync_ms: how long its syncs take, no_sync: of which
    files they do nothing.
    """

    def __init__(self, camd, output, note, shim=None, at=None, sync_ms=0, no_sync=None, cameras=CAMERAS, flags=FLAGS):
        self.note, self.replies, self.got = note, 0, []
        self.notes = os.path.join(os.environ["CAMD_SCRATCH"], "notes")
        if os.path.exists(self.notes):
            os.remove(self.notes)
        environment = dict(os.environ)
        if shim:
            environment.update(LD_PRELOAD=shim, CAMD_STOP_NOTES=self.notes, CAMD_STOP_SYNC_MS=str(sync_ms))
        if at:
            environment["CAMD_STOP_AT"] = at
        if no_sync:
            environment["CAMD_STOP_NO_SYNC"] = no_sync
        command = [camd, "--no-config", "--output-dir", output, *flags]
        for camera in cameras:
            command += ["--camera", camera]
        self.rest, (self.wakes, self.wake) = b"", os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    # ---- being stopped ----

    def watch(self):
        """From here on Stopped may come, out of whatever waits for camd."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        os.write(self.wake, b"!")       # it may stand already

    def _unwatch(self):
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def _look_whether_it_stands(self):
        """What it had said by then counts as said."""
        os.read(self.wakes, 4096)
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            if file.read().rsplit(")", 1)[1].split()[0] != "T":
                return
        self._unwatch()
        while select.select([self.process.stdout], [], [], 0)[0]:
            self._take_what_is_there()
        raise Stopped()

    def _notes(self):
        if not os.path.exists(self.notes):      # there was no call
            return []
        with open(self.notes, encoding="utf-8") as file:
            return file.read().splitlines()

    def stop_line(self):
        """The call before which it stands; None: it does not."""
        return next((line for line in self._notes() if line.endswith(" stop")), None)

    def counts(self):
        """How many calls of each kind there were."""
        return {line.split()[0]: int(line.split()[1]) for line in self._notes() if line.split()[0] in CALLS}

    def sync_rounds(self):
        """[began, ended] of each round of syncs that its thread for that makes, of one file behind the other; one may be under way."""
        rounds, names = [], set()
        for line in self._notes():
            if not line.startswith((f"syncing {SYNCER} ", f"synced {SYNCER} ")):
                continue
            what, _, now_ns, name = line.split(" ", 3)
            if what == "syncing" and (name in names or not rounds or int(now_ns) - rounds[-1][1] >= ROUND_GAP_NS):
                rounds.append([int(now_ns), time.monotonic_ns()])
                names = set()
            names.add(name)
            rounds[-1][1] = int(now_ns) if what == "synced" else time.monotonic_ns()
        return rounds

    # ---- talking to it ----

    def send(self, command, **arguments):
        self.note({"t": time.monotonic_ns(), "sent": {"command": command, **arguments}})
        self.process.stdin.write((json.dumps({"command": command, **arguments}) + "\n").encode())
        self.process.stdin.flush()

    def _take(self, line):
        message = json.loads(line)
        record = {"t": time.monotonic_ns(), "got": message}
        answers.check(message)
        if answers.name_of(message) in answers.DONE:
            record["hashes"] = hashes(answers.files_named(message))
        self.note(record)
        self.got.append(message)
        self.replies += message["type"] == "status"

    def _take_what_is_there(self):
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            raise EOFError("camd is gone")
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._take(line)

    def _read(self, until):
        """Takes what comes until a moment, or until something has come. False: that moment is past."""
        left = until - time.monotonic()
        if left <= 0:
            return False
        ready = select.select([self.process.stdout, self.wakes], [], [], left)[0]
        if self.wakes in ready:
            self._look_whether_it_stands()
        if self.process.stdout in ready:
            self._take_what_is_there()
        return bool(ready)

    def ask(self, command, patience=60, **arguments):
        wanted, until = self.replies + 1, time.monotonic() + patience
        self.send(command, **arguments)
        while self.replies < wanted:
            if not self._read(until):
                raise TimeoutError(command)
        return next(message for message in reversed(self.got) if message["type"] == "status")

    def ask_for(self, key, cameras, command, **arguments):
        """And just these are to be in the answer."""
        answer = self.ask(command, **arguments)
        answers.expect_cameras(answer, key, cameras)
        return answer

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
        while True:
            found = next((message for message in self.got if message.get("event") == event), None)
            if found:
                return found
            if time.monotonic() > until:
                raise TimeoutError(event)
            self.pass_time(POLL_S)

    def quit(self):
        """Stopped may come to the end."""
        self.ask("quit")
        self.process.stdin.close()
        try:
            while self._read(time.monotonic() + 60):
                pass
            raise TimeoutError("quit")
        except EOFError:
            self._close()
        if self.process.returncode:
            raise Refused(f"camd ended with {self.process.returncode}")

    def kill(self):
        self.process.kill()
        self.process.stdin.close()
        self._close()

    def _close(self):
        self._unwatch()
        self.process.wait()
        self.process.stdout.close()
        os.close(self.wakes)
        os.close(self.wake)


def earlier(driver):
    """One of each kind of file that ends well."""
    driver.ask("subscribe", events=["*"])
    driver.ask("start_recording")
    driver.pass_time(0.7)
    driver.ask("take_snapshot")
    driver.ask("trigger", before=0.5, after=0.3)
    driver.pass_time(0.8)
    driver.ask("stop_recording")
    driver.pass_until("trigger_saved")
    driver.ask("export")
    driver.pass_until("job_done")
    driver.quit()


def record(driver, rng, since=None):
    """All that camd does to a disk, in about 14 seconds. since: what was before is not exported, if the clock was another one then."""
    driver.ask("subscribe", events=["*"])
    driver.pass_time(rng.uniform(0.2, 0.6))
    driver.ask_for("cameras", BOTH, "start_recording")
    driver.pass_time(rng.uniform(1, 1.6))
    driver.ask_for("shots", BOTH, "take_snapshot")
    driver.ask("trigger", before=1, after=1, label="gate")
    driver.pass_time(rng.uniform(2.5, 3.5))
    driver.ask("mark", label="here")
    driver.pass_time(rng.uniform(0.3, 0.7))
    driver.ask_for("cameras", BOTH, "stop_recording")
    driver.ask("export", **({"from": since} if since else {}))
    if len(driver.pass_until("job_done")["data"]["files"]) != len(BOTH):
        raise Refused("not all cameras were exported")
    answers.expect_cameras(driver.pass_until("trigger_saved"), "clips", BOTH)
    driver.ask("new_session", label="second")
    driver.ask_for("cameras", [1], "start_recording", camera_id=1)
    driver.pass_time(rng.uniform(0.5, 1))
    driver.ask_for("cameras", [0], "start_recording", camera_id=0)
    driver.pass_time(rng.uniform(2, 3))
    driver.ask_for("cameras", BOTH, "sync")
    driver.ask_for("shots", BOTH, "take_snapshot", format="png")
    driver.ask_for("cameras", BOTH, "stop_recording")
    driver.pass_time(0.3)
    driver.quit()
    answers.expect_all_told(driver.got, BOTH, 2)


def choose_call(counts, rng):
    """Where to stop it: each kind of call is as likely, the rare ones too."""
    kind = rng.choice(sorted(counts))
    return f"{kind}:{rng.randint(1, counts[kind])}"
