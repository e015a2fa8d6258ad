#!/usr/bin/env python3
"""
camd run by systemd, with its units as they are packaged, sandbox and all: on a machine made of namespaces (machine.sh), in which systemd is
process 1 and camd the only service. It takes root; without, or where systemd is not there, the tests are skipped.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from camd import CAMD, PATIENCE, ROOT, SANITIZED, Client, Failure, Skip, check, check_stopped, equal, jpeg_size, main, read_csv, test, until
from mp4 import is_finished

MACHINE = ROOT / "tests/session/machine.sh"
CAMERAS = ["synthetic:320x240@30", "synthetic:160x120@15"]
TARGETS = ["sysinit", "basic", "shutdown", "sockets", "multi-user", "local-fs"]

# What a program of on_event tries in camd's place, and what must come of it.
FORBIDDEN = {
    "write to /etc": ("echo > /etc/camd-was-here", "Read-only file system"),
    "write to /usr": ("echo > /usr/camd-was-here", "Read-only file system"),
    "look into homes": ("ls /root/.", "Permission denied"),
    "connect by IPv4": ("exec 3<>/dev/tcp/127.0.0.1/9", "Address family not supported"),
    "connect by IPv6": ("exec 3<>/dev/tcp/::1/9", "Address family not supported"),
    "make a namespace": ("unshare --user true", "Operation not permitted"),
    "read a disk": ("head -c 1 /dev/loop0", "Permission denied|Operation not permitted|No such"),
    "set the clock": ("date -s 2020-01-01", "Operation not permitted"),
    "change a kernel's setting": ("echo 1 > /proc/sys/vm/drop_caches", "Read-only file system|Permission denied"),
    "trace camd": ("strace -p $PPID", "Operation not permitted|command not found"),
}


class Machine:
    def __init__(self, flags="", **service):
        if os.getuid() or not shutil.which("systemd-analyze") or not os.path.exists("/lib/systemd/systemd") or SANITIZED:
            raise Skip("it takes root, systemd, and a camd that is not slowed down")
        self.directory = tempfile.mkdtemp(prefix="camd-test-")
        self.path = pathlib.Path(self.directory)
        os.chmod(self.directory, 0o755)
        units = self.path / "units"
        units.mkdir()
        shutil.copy(CAMD, self.path / "camd")
        for name in ("camd.service", "camd.socket"):
            shutil.copy(ROOT / "packaging" / name, units)
            (units / (name + ".d")).mkdir()
        cameras = " ".join(f"--camera {camera}" for camera in CAMERAS)
        # what differs from a machine on which camd is installed: where it is, its cameras, its user
        self._drop_in("camd.service", Unit={"DefaultDependencies": "no"}, Service={
            "ExecStart": f"\nExecStart=/run/test/camd --mode headless --output-dir /var/lib/camd --no-config {cameras} {flags}",
            "User": "nobody", "Group": "nogroup", "StandardError": "file:/run/stderr", **service})
        self._drop_in("camd.socket", Unit={"DefaultDependencies": "no"}, Socket={"SocketGroup": "nogroup"})
        for name in TARGETS:
            (units / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        (units / "-.slice").write_text("[Unit]\nDefaultDependencies=no\n")
        (units / "test.target").write_text("[Unit]\nDefaultDependencies=no\nWants=camd.service\n")
        (self.path / "try.sh").write_text("#!/bin/bash\n" + "".join(
            f"echo \"{what}: $( ({command}) 2>&1 | head -n 1) .\"\n" for what, (command, _) in FORBIDDEN.items()))
        (self.path / "try.sh").chmod(0o755)

    def _drop_in(self, unit, **sections):
        text = "".join(f"[{section}]\n" + "".join(f"{key}={value}\n" for key, value in lines.items()) for section, lines in sections.items())
        (self.path / "units" / (unit + ".d") / "test.conf").write_text(text)

    def __enter__(self):
        with open(self.path / "console", "wb") as console:
            self.process = subprocess.Popen([MACHINE, self.directory], stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        try:
            until(lambda: self._first() or self.process.poll() is not None, "process 1")
            if not self._first():
                raise Skip("no machine can be made of namespaces here: " + self.console()[-300:])
            self.first = self._first()
            self.root = pathlib.Path(f"/proc/{self.first}/root")
            until(self.is_active, "camd's READY=1")
        except BaseException as error:
            self.__exit__(None if isinstance(error, Skip) else Failure, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind and kind is not Skip:
            print(self.console()[-3000:], self.systemctl("status", "camd"))
        self.process.kill()     # and with it, by --kill-child, process 1, and with that all of the machine
        self.process.wait()
        self._remove_groups()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _remove_groups(self):
        groups = self.path / "groups"
        for group in groups.read_text().split() if groups.exists() else []:
            for place, _, _ in os.walk(group, topdown=False):
                end = time.monotonic() + 5
                while os.path.isdir(place) and time.monotonic() < end:
                    try:
                        os.rmdir(place)
                    except OSError:
                        time.sleep(0.05)

    def console(self):
        return (self.path / "console").read_text(errors="replace")

    def _first(self):
        """Process 1, once it is systemd."""
        try:
            child, = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            return int(child) if pathlib.Path(f"/proc/{child}/comm").read_text() == "systemd\n" else None
        except (OSError, ValueError):
            return None

    def systemctl(self, *words):
        result = subprocess.run(["nsenter", f"--target={self.first}", "--mount", "--pid", "systemctl", "--no-pager", *words],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
        return result.stdout

    def property(self, name):
        return self.systemctl("show", "--value", "--property", name, "camd").strip()

    def is_active(self):
        try:
            return self.property("ActiveState") == "active"
        except subprocess.TimeoutExpired:
            return False

    def client(self):
        return Client(str(self.root / "run/camd/camd.sock"))

    def file(self, path):
        """One that camd named."""
        return str(self.root) + path

    def log(self):
        return "".join(path.read_text(errors="replace") for path in sorted(self.root.glob("var/lib/camd/*/session.log")))

    def camd(self):
        """Its process, seen from here."""
        group = pathlib.Path(f"/proc/{self.first}/task/{self.first}/children").read_text().split()
        return next(int(pid) for pid in group if pathlib.Path(f"/proc/{pid}/comm").read_text() == "camd\n")


def check_camera(machine, camera):
    camera = {**camera, "file": machine.file(camera["file"])}
    rows = check_stopped(camera)
    equal(camera["frames"] + sum(camera["lost"].values()), camera["captured"], "ledger")
    check(len(rows) >= 10, f"{len(rows)} rows")


@test
def records_in_its_sandbox():
    """Records, takes pictures, makes an MP4 with ffmpeg, and is told by systemd as it is; then ends with all files finished."""
    with Machine() as machine:
        equal((machine.property("Type"), machine.property("NotifyAccess")), ("notify", "main"))
        check(machine.property("StatusText").startswith("2 of 2 cameras run, 2 record; session session_"), machine.property("StatusText"))
        status = pathlib.Path(f"/proc/{machine.camd()}/status").read_text()
        for word in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"):
            check(word in status, f"{word} in {status}")
        with machine.client() as client:
            client.ask("subscribe", events="*")
            time.sleep(1.5)
            stopped = client.ask("stop_recording")
            for camera in stopped["cameras"]:
                check_camera(machine, camera)
            for shot, size in zip(client.ask("take_snapshot")["files"], ((320, 240), (160, 120))):
                equal(jpeg_size(pathlib.Path(machine.file(shot)).read_bytes()), size, "picture")
            client.ask("set_config", values={"container": "h264"})
            client.ask("start_recording")
            time.sleep(1.5)
            raw = client.ask("stop_recording")["files"][0]
            client.ask("remux", file=raw)
            done = client.event("job_done")
            check(done["ok"], done)
            check(is_finished(machine.file(done["files"][0])), "the MP4")
            client.ask("set_config", values={"container": "mp4"})
            last = client.ask("start_recording")["files"]
            time.sleep(1)
        machine.systemctl("stop", "camd.socket", "camd.service")
        equal((machine.property("ActiveState"), machine.property("Result"), machine.property("ExecMainStatus")), ("inactive", "success", "0"))
        for video in last:
            check(is_finished(machine.file(video)), f"{video} is finished")
            check(len(read_csv(machine.file(video))) >= 5, "rows")


@test
def sandbox_holds():
    """A program that camd starts tries what camd has no business with."""
    with Machine("--on-event 'recording_stopped: /run/test/try.sh'") as machine:
        with machine.client() as client:
            client.ask("stop_recording")
        last = list(FORBIDDEN)[-1]
        until(lambda: f"{last}: " in machine.log(), "what the program says")
        said = machine.log()
        for what, (_, wanted) in FORBIDDEN.items():
            check(re.search(rf"{what}: .*({wanted})", said), f"to {what}:", [line for line in said.splitlines() if what in line])


@test
def watchdog_starts_it_anew():
    """A camd that stands still is ended, and started again; that start finishes what the first one recorded."""
    with Machine(WatchdogSec="3") as machine:
        with machine.client() as client:
            time.sleep(1)
            videos = [camera["output"] for camera in client.ask("get_status")["cameras"]]
        first = machine.camd()
        time.sleep(4)
        equal(machine.camd(), first, "as long as all is well it is left alone")
        os.kill(first, signal.SIGSTOP)
        until(lambda: machine.property("NRestarts") == "1" and machine.is_active(), "camd again")
        with machine.client() as client:
            client.ask("subscribe", events=["recovered"])
            found = {client.event("recovered")["file"] for _ in videos}
            equal(found, set(videos))
            equal([camera["recording"] for camera in client.ask("get_status")["cameras"]], [True, True])
        for video in videos:
            check(is_finished(machine.file(video)), f"{video} is finished")


if __name__ == "__main__":
    main()
