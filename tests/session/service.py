#!/usr/bin/env python3
"""
camd as a service of the system's: what it says to who started it (systemd's protocol, which a socket here listens to), when it
feeds the watchdog, and how it ends when a disk or a camera's driver does not let it.

FAKE_LIBCAMERA_MODULE and HANG in the environment are the cameras of libcamera's that don't exist and the disk that hangs.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from camd import (CAMD, NO_NETWORK, ROOT, SANITIZED, SMALL, Camd, Skip, check, check_stopped, check_video, equal, ffprobe, main, read_csv,
                  test, until)
from mp4 import complete_fragments, is_finished

WATCHDOG_S = 4 if SANITIZED else 1
LEAVE_S = 5         # after which camd leaves a camera to itself at the end


class Manager:
    """Who starts camd and wants to know how it is."""

    def __init__(self, abstract=False, **environment):
        self.directory = tempfile.TemporaryDirectory(prefix="camd-test-")
        self.name = f"{self.directory.name}/notify"
        self.environment = {**os.environ, **environment, "NOTIFY_SOCKET": "@" + self.name if abstract else self.name}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name if abstract else self.name)
        self.said = []          # (when, variable, value)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while text := self.socket.recv(4096).decode():
            for line in text.splitlines():
                self.said.append((time.monotonic(), *line.split("=", 1)))

    def start(self, *flags, **how):
        return Camd(*flags, env=self.environment, **how)

    def all(self, variable):
        return [value for _, name, value in self.said if name == variable]

    def until_said(self, variable, value=lambda value: True):
        until(lambda: any(map(value, self.all(variable))), f"{variable} among {self.said[-10:]}")

    def feeds(self, seconds):
        """How often it is fed in so long from now on."""
        began = len(self.all("WATCHDOG"))
        time.sleep(seconds)
        return len(self.all("WATCHDOG")) - began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
        self.directory.cleanup()


def watched(seconds=WATCHDOG_S, **how):
    return Manager(WATCHDOG_USEC=str(int(seconds * 1e6)), **how)


def fed(manager):
    return manager.feeds(2 * WATCHDOG_S) >= 2


def starves(manager):
    """It is not fed any more, from some time soon on."""
    until(lambda: manager.feeds(1.5 * WATCHDOG_S) == 0, "an end of the feeding")


@test
def says_how_it_is():
    for abstract in (False, True):
        with Manager(abstract) as manager, manager.start("--stop-timeout", "7", cameras=[SMALL, SMALL]) as camd:
            manager.until_said("READY")
            equal(manager.all("READY"), ["1"])
            # the cameras run by then, but one that a slow machine leaves without processor time may be lost again
            states = [camera["state"] for camera in camd.ask("get_status")["cameras"]]
            check(states == ["running", "running"] or SANITIZED, states)
            session = camd.sessions()[0].name
            manager.until_said("STATUS", lambda text: text == f"2 of 2 cameras run, 0 record; session {session}")
            camd.ask("start_recording", camera_id=1)
            manager.until_said("STATUS", lambda text: text == f"2 of 2 cameras run, 1 record; session {session}")
            equal(manager.all("STOPPING"), [])
            camd.quit()
            equal(manager.all("STOPPING"), ["1"])
            check(int(manager.all("EXTEND_TIMEOUT_USEC")[-1]) >= 7000000, manager.said)
            equal(manager.all("STATUS")[-1], "finishing the recordings")
            equal(manager.all("WATCHDOG"), [], "nobody asked for")


@test
def is_ready_without_cameras():
    with Manager() as manager, manager.start("--discovery-timeout", "0.5", cameras=["v4l2:/dev/nonexistent"]) as camd:
        manager.until_said("READY")
        manager.until_said("STATUS", lambda text: text.startswith("0 of 1 cameras run"))
        camd.quit()


@test
def only_for_itself():
    """What it starts does not speak for it, and it speaks for nobody else."""
    with watched() as manager, tempfile.TemporaryDirectory() as directory:
        program, seen = pathlib.Path(directory) / "program", pathlib.Path(directory) / "seen"
        program.write_text(f"#!/bin/sh\nenv > {seen}.new && mv {seen}.new {seen}\n")
        program.chmod(0o755)
        with manager.start("--on-event", f"recording_started: {program}") as camd:
            camd.ask("start_recording")
            until(seen.exists, "the program's environment")
            check("NOTIFY_SOCKET" not in seen.read_text() and "WATCHDOG" not in seen.read_text(), seen.read_text())
            camd.quit()
    with watched(WATCHDOG_PID="1") as manager, manager.start() as camd:
        manager.until_said("READY")
        equal(manager.feeds(WATCHDOG_S), 0, "feeds")
        camd.quit()


@test
def with_nonsense_in_the_environment():
    for name, watchdog in (("", "1000000"), ("relative", "1"), ("/nonexistent/socket", "1000000"), ("/" + 300 * "x", "x"),
                           ("@", "-5"), ("vsock:2:1", "99999999999999999999999")):
        with Camd(env={**os.environ, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": watchdog}) as camd:
            camd.started()
            camd.quit()


@test
def fed_while_all_is_well():
    for cameras in ([SMALL, SMALL], [SMALL, "v4l2:/dev/nonexistent"], ["v4l2:/dev/nonexistent"]):
        with watched() as manager, manager.start("--discovery-timeout", "0.5", cameras=cameras) as camd:
            manager.until_said("READY")
            check(fed(manager), f"{cameras}: {manager.said}")
            camd.quit()
    with watched() as manager, manager.start() as camd:
        camd.started()
        camd.ask("set_camera", camera_id=0, enabled=False)
        check(fed(manager), "a camera that is off")
        camd.quit()


@test
def not_fed_when_it_stands_still():
    with watched() as manager, manager.start() as camd:
        manager.until_said("READY")
        camd.signal(signal.SIGSTOP)
        starves(manager)
        camd.signal(signal.SIGCONT)
        check(fed(manager), "it goes on")
        camd.quit()


# ---- the unit ----

def unit(name="camd.service"):
    return str(ROOT / "packaging" / name)


def systemd_analyze(*arguments):
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is not there")
    return subprocess.run(["systemd-analyze", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)


@test
def unit_has_a_tight_sandbox():
    result = systemd_analyze("security", "--offline=true", "--no-pager", unit())
    exposure, = re.findall(r"Overall exposure level for camd\.service: ([0-9.]+)", result.stdout)
    check(float(exposure) <= 1.5, f"exposure {exposure}: {result.stdout}")


@test
def units_have_no_mistakes():
    """With this camd in place of the one that would be installed."""
    with tempfile.TemporaryDirectory() as directory:
        for name in ("camd.service", "camd.socket"):
            text = pathlib.Path(unit(name)).read_text()
            (pathlib.Path(directory) / name).write_text(text.replace("/usr/bin/camd", os.path.abspath(CAMD)))
        result = systemd_analyze("verify", "--man=no", *(f"{directory}/{name}" for name in ("camd.service", "camd.socket")))
        complaints = [line for line in result.stdout.splitlines() if "camd" in line]
        equal((result.returncode, complaints), (0, []), "systemd-analyze verify")


@test
def unit_and_stop_timeout_agree():
    """systemd does not lose its patience before camd does."""
    with Camd() as camd:
        seconds = camd.ask("get_config", names=["stop_timeout"])["values"]["stop_timeout"]
        patience, = re.findall(r"^TimeoutStopSec=(\d+)$", pathlib.Path(unit()).read_text(), re.M)
        check(float(patience) >= seconds + 15, f"TimeoutStopSec={patience}, stop_timeout {seconds}")
        camd.quit()


# ---- no network ----

@test
def network_is_death():
    """In these tests, to camd and to all that it starts; to camd alone in those that need a network themselves."""
    if not NO_NETWORK:
        raise Skip("CAMD_NO_NETWORK is not set")
    make = "import socket; socket.socket(socket.{}).close()"
    for family, status in (("AF_INET", -signal.SIGSYS), ("AF_INET6", -signal.SIGSYS), ("AF_UNIX", 0), ("AF_NETLINK, socket.SOCK_RAW", 0)):
        for wrapper in (NO_NETWORK, []) if runs_without_network() else (NO_NETWORK,):
            equal(subprocess.run([*wrapper, sys.executable, "-c", make.format(family)]).returncode, status, f"{wrapper} {family}")
    with Camd() as camd:
        check(runs_without_network(camd.process.pid), "camd is not under the filter")
        camd.quit()


def runs_without_network(pid="self"):
    return re.search(r"^Seccomp:\s*2$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M) is not None


# ---- a camera's driver that does not come back ----

def fake(manager, faults, cameras, *flags):
    if "FAKE_LIBCAMERA_MODULE" not in os.environ:
        raise Skip("FAKE_LIBCAMERA_MODULE is not set")
    environment = {"CAMD_LIBCAMERA": os.environ["FAKE_LIBCAMERA_MODULE"], "FAKE_LIBCAMERA": faults}
    manager.environment.update(environment)
    return manager.start("--no-show-frame-number", "--resolution", "320x240", *flags, cameras=cameras)


def log_says(camd, words):
    until(lambda: words in camd.log(), f"{words!r} in the log")


@test
def camera_driver_hangs():
    """Alone it is a reason to start camd anew, beside one that records it is none."""
    with watched() as manager, fake(manager, "silent=20,hang_stop=1", ["libcamera:0"]) as camd:
        camd.ask("start_recording")
        starves(manager)
        log_says(camd, "the watchdog is not fed any more")
        camd.signal(signal.SIGABRT)
        camd.wait(status=-signal.SIGABRT)
    with watched() as manager, fake(manager, "silent=20,hang_stop=1", ["libcamera:0", SMALL]) as camd:
        camd.ask("start_recording")
        time.sleep(3 * WATCHDOG_S)
        check(fed(manager), f"the other camera records: {manager.said}")
        camd.kill()


@test
def camera_driver_hangs_at_the_end():
    """The files are complete, and that is what the exit status speaks of; the driver is left to itself."""
    for signalled in (False, True):
        with Manager() as manager, fake(manager, "hang_stop=1", ["libcamera:0", SMALL], "--greeting") as camd:
            while camd.reply()["status"] != "initialized":
                pass
            started = camd.ask("start_recording")
            time.sleep(0.5)
            if signalled:
                camd.signal(signal.SIGTERM)
            else:
                camd.send("quit")
            camd.wait(timeout=LEAVE_S + 25)
            check("shutdown" in [line["status"] for line in camd.rest()], "it says that it ends")
            for video, numbers in zip(started["files"], (False, True)):
                check(is_finished(video), f"{video} is not finished")
                check(len(check_video(video, numbers)) >= 5, f"{video} is short")
            log_says(camd, "camera 0: its driver does not come back from a call; it is left to itself")
            check("camera 1: its driver" not in camd.log(), "the other's does")


@test
def clips_when_a_driver_hangs_at_the_end():
    """They are complete, too, and told of, those of both cameras."""
    with Manager() as manager, fake(manager, "hang_stop=1", ["libcamera:0", SMALL], "--greeting", "--prebuffer", "2s") as camd:
        while camd.reply()["status"] != "initialized":
            pass
        camd.ask("subscribe", events=["trigger_saved"])
        time.sleep(1)
        camd.ask("trigger", after=60)
        time.sleep(0.5)
        camd.send("quit")
        camd.wait(timeout=LEAVE_S + 25)
        saved, = [line["data"] for line in [*camd.events, *camd.rest()] if line.get("event") == "trigger_saved"]
        equal([clip["camera_id"] for clip in saved["clips"]], [0, 1])
        for clip in saved["clips"]:
            check(is_finished(clip["file"]), f"{clip['file']} is not finished")
            equal(len(read_csv(clip["file"])), clip["frames"])
            check(clip["frames"] >= 10, saved)
        log_says(camd, "camera 0: its driver does not come back from a call; it is left to itself")


# ---- a disk that does not come back ----

class Hanging(Manager):
    """Its camd's disk hangs, for files whose names end with this, from hang() on; wholly: so does whatever asks for a path on it."""

    def __init__(self, names, watchdog_s=0, wholly=False):
        if SANITIZED or "HANG" not in os.environ:
            raise Skip("HANG is not set, or a sanitizer must be loaded first")
        super().__init__(LD_PRELOAD=os.environ["HANG"], HANG_ON=names, **({"WATCHDOG_USEC": str(int(watchdog_s * 1e6))} if watchdog_s else {}))
        self.when = f"{self.directory.name}/when"
        self.environment["HANG_WHEN"] = self.when
        self.output = f"{self.directory.name}/disk"
        if wholly:
            self.environment["HANG_UNDER"] = self.output

    def hang(self):
        open(self.when, "w").close()

    def go_on(self):
        os.unlink(self.when)


@test
def disk_hangs():
    """Where it hangs, frames don't get into their file: a reason to start camd anew, whatever the other camera does."""
    with Hanging(".mp4", WATCHDOG_S) as manager, manager.start() as camd:
        camd.ask("start_recording")
        check(fed(manager), "all is well")
        manager.hang()
        starves(manager)
        log_says(camd, "its encoder or its disk does not come back from a call")
        camd.ask("ping")
        camd.kill()


@test
def disk_does_not_answer():
    """Not even of a path on it does anything come back: camd answers all the same, refuses what needs the disk, and has lost nothing."""
    with Hanging("", wholly=True) as manager, manager.start("--prebuffer", "1s", output=manager.output) as camd:
        video, = camd.ask("start_recording")["files"]
        free = camd.ask("get_status")["free_bytes"]
        camd.ask("wait", seconds=0.5)
        manager.hang()
        camd.ask("wait", seconds=5)
        for command, arguments in (("trigger", {}), ("take_snapshot", {}), ("remux", {"file": video})):
            check("has not answered for" in camd.fails(command, "timeout", **arguments)["message"])
        for command in ("ping", "get_config", "list_cameras", "describe"):
            camd.ask(command)
        status = camd.ask("get_status")
        check(status["recording"] and status["free_bytes"] > 0 and abs(status["free_bytes"] - free) < free, status)
        manager.go_on()
        camd.ask("wait", seconds=1)
        camd.ask("take_snapshot")
        stopped, = camd.ask("stop_recording")["cameras"]
        equal(sum(stopped["lost"].values()), 0, stopped)
        check_stopped(stopped)
        equal(camd.ask("new_session")["path"].startswith(os.path.realpath(manager.output)), True)
        camd.quit()


@test
def log_hangs():
    """Nobody waits for the log's disk: camd answers and records; what is said meanwhile stands in the log once it goes on."""
    with Hanging("session.log") as manager, manager.start() as camd:
        camd.started()
        manager.hang()
        for enabled in (False, True, False, True):
            camd.ask("set_camera", camera_id=0, enabled=enabled)
        until(lambda: camd.ask("get_status")["cameras"][0]["state"] == "running", "the camera is open again")
        camd.ask("set_config", values={"log_keep": 3, "bitrate": "3M"})
        video, = camd.ask("start_recording")["files"]
        camd.ask("wait", seconds=0.5)
        before = camd.log()
        camd.ask("stop_recording")
        manager.go_on()
        until(lambda: len(camd.log()) > len(before), "what was said meanwhile")
        camd.quit()
        check_video(video, numbers=False)
        log = camd.log()
        check(log.startswith(before) and log.count("camera 0:") >= before.count("camera 0:") + 2, log)


def noise(directory):
    """A film that fills the queue of packets, 48 MiB, within seconds."""
    film = f"{directory}/noise.avi"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=gray:s=640x480:r=30:d=1,noise=alls=100:allf=t",
                    "-c:v", "rawvideo", "-pix_fmt", "yuv420p", film], check=True)
    return film


def key_frames(video):
    packets = ffprobe(video, "-select_streams", "v:0", "-show_entries", "packet=flags")["packets"]
    return {k for k, packet in enumerate(packets) if packet["flags"].startswith("K")}


@test
def disk_pauses_for_long():
    """What the queue does not hold is lost, whole groups of pictures, and said; camd answers, its memory has an end, the recording goes on."""
    with Hanging(".mp4") as manager, manager.start(
            "--bitrate", "500M", "--preset", "ultrafast", "--intra", "0.5", cameras=[f"file:{noise(manager.directory.name)}?loop"]) as camd:
        camd.ask("subscribe", events=["storage_slow"])
        camd.ask("start_recording")
        camd.ask("wait", seconds=1)
        before_kb = camd.rss_kb()
        manager.hang()
        begins = camd.event("storage_slow")
        lost = lambda: camd.ask("get_status")["cameras"][0]["lost"]["storage"]
        until(lambda: lost() >= 30, "losses by storage")
        check(camd.rss_kb() - before_kb < 100 << 10, "memory")
        manager.go_on()
        ends = camd.event("storage_slow")
        equal((begins["slow"], ends["slow"]), (True, False))
        camd.ask("wait", seconds=1)
        camera, = camd.ask("stop_recording")["cameras"]
        rows = check_stopped(camera, numbers=False)
        equal({name: n for name, n in camera["lost"].items() if name not in ("storage", "encoder")}, {"sensor": 0, "starved": 0})
        check(camera["lost"]["storage"] >= 30, camera["lost"])
        keys = key_frames(camera["file"])
        for before, (k, row) in zip(rows, enumerate(rows[1:], 1)):
            if row["lost_storage"] > before["lost_storage"]:
                check(k in keys, f"row {k}: behind lost ones, and no key frame")
        camd.quit()


@test
def disk_hangs_at_the_end():
    """camd leaves at stop_timeout; what is in the file plays, and the next start finishes it."""
    for names, how in ((".mp4", "quit"), ("", "signal"), (".mp4", "end")):
        with Hanging(names) as manager, manager.start("--stop-timeout", "1") as camd:
            video, = camd.ask("start_recording")["files"]
            time.sleep(0.7)
            manager.hang()
            time.sleep(0.3)
            began = time.monotonic()
            if how == "quit":
                camd.send("quit")
            elif how == "signal":
                camd.signal(signal.SIGTERM)
            else:
                camd.close_stdin()
            camd.wait(status=3, timeout=20)
            check(time.monotonic() - began > 0.9, "it tried for stop_timeout")
            if names:
                log_says(camd, "could not be finished within stop_timeout")
            check(not is_finished(video), "it can't be finished")
            rows, frames = read_csv(video), complete_fragments(video)
            check(frames >= 5 and abs(frames - len(rows)) <= 1, f"{frames} frames, {len(rows)} rows")
            with Camd(output=camd.output, cameras=[]) as after:
                after.ask("subscribe", events=["recovered"])
                equal(after.event("recovered")["file"], video)
                after.quit()
            check(is_finished(video), "it is finished by the next start")
            check_video(video)


if __name__ == "__main__":
    main()
