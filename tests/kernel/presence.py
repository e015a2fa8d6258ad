#!/usr/bin/env python3
"""GPIO lines as presence sensors, in the test kernel: gpio-sim's lines, in simulated time.

    presence.py CASE CAMD PROBE        on the host: boots the kernel for the case
    presence.py inside CASE CAMD DIR   in the kernel: drives camd over its protocol

Cases: edges (which count, debounce and hold-off to the millisecond), names (chips and lines by number, name, label, path),
clip (an edge gives the seconds before and after it), lost (a chip that is not there, comes, goes and comes again while it records).
"""
import csv
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

CONFIG = "/sys/kernel/config/gpio-sim"
TICK_NS = 10000000      # gpio-sim's interrupts come with the kernel's next one
SMALL = ("--camera", "synthetic:160x120@10", "--bitrate", "100k")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


class Chip:
    """A chip of eight lines; line 3 is called `pir`."""

    def __init__(self, name="sim"):
        self.path = f"{CONFIG}/{name}"
        os.makedirs(self.path + "/bank/line3")
        write(self.path + "/bank/num_lines", "8")
        write(self.path + "/bank/label", "sensors")
        write(self.path + "/bank/line3/name", "pir")

    def plug(self, there=True):
        write(self.path + "/live", str(int(there)))
        if there:
            self.chip = read(self.path + "/bank/chip_name")
            self.device = f"/sys/devices/platform/{read(self.path + '/dev_name')}/{self.chip}"
            end = time.monotonic() + 10
            while not os.path.exists("/dev/" + self.chip):
                assert time.monotonic() < end, "no node"
                time.sleep(0.01)
        return self

    def pull(self, high, line=3):
        write(f"{self.device}/sim_gpio{line}/pull", "pull-up" if high else "pull-down")


class Told:
    """The presence events of a camd, as they come."""

    def __init__(self, camd):
        self.camd = camd
        camd.ask("subscribe", events=["*"])
        self.n = 0

    def after(self, seconds):
        """Those that have come when some time has passed."""
        self.camd.ask("wait", seconds=seconds)
        events = [event["data"] for event in self.camd.events if event.get("event") == "presence"]
        new, self.n = events[self.n:], len(events)
        return new


def inside_edges(camd):
    chip = Chip().plug()
    with inkernel.Camd(camd, *SMALL, "--gpio-trigger", f"{chip.chip}:3", "--gpio-debounce", "0.1", "--gpio-holdoff", "2") as process:
        told = Told(process)
        process.ask("start_recording")
        assert told.after(0.5) == []
        before = time.monotonic_ns()
        chip.pull(True)
        found, = told.after(1)
        assert found["line"] == f"{chip.chip}:3" and found["edge"] == "rising", found
        assert 0 <= found["monotonic_ns"] - before <= TICK_NS, (found, before)
        first = found["monotonic_ns"]
        # the other edge does not count, nor does one within the hold-off
        chip.pull(False)
        assert told.after(0.5) == []
        chip.pull(True)
        assert told.after(0.2) == []
        chip.pull(False)
        # one that is exactly past it does, one short of it does not: bounces are one edge, at the first's time
        time.sleep((first + 1980000000 - time.monotonic_ns()) / 1e9)
        chip.pull(True)
        assert time.monotonic_ns() - first < 2000000000 - TICK_NS
        assert told.after(0.5) == []
        chip.pull(False)
        time.sleep(1)
        before = time.monotonic_ns()
        for high in (True, False, True, False, True):
            chip.pull(high)
            time.sleep(0.08)
        found, = told.after(0.5)
        assert 0 <= found["monotonic_ns"] - before <= TICK_NS, (found, before)
        # what does not stay is none
        chip.pull(False)
        time.sleep(3)
        chip.pull(True)
        time.sleep(0.08)
        chip.pull(False)
        assert told.after(3) == []
        chip.pull(True)
        time.sleep(0.12)
        chip.pull(False)
        assert len(told.after(3)) == 1
        # at once, without hold-off, both
        process.ask("set_config", values={"gpio_debounce": 0, "gpio_holdoff": 0, "gpio_edge": "both"})
        for _ in range(5):
            chip.pull(True)
            time.sleep(0.02)
            chip.pull(False)
            time.sleep(0.02)
        found = told.after(0.1)
        assert [each["edge"] for each in found] == ["rising", "falling"] * 5, found
        process.ask("set_config", values={"gpio_edge": "falling"})
        chip.pull(True)
        time.sleep(0.02)
        chip.pull(False)
        assert [each["edge"] for each in told.after(0.1)] == ["falling"]
        stopped, = process.ask("stop_recording")["cameras"]
        assert stopped["captured"] == stopped["frames"], stopped


def inside_clip(camd):
    chip = Chip().plug()
    flags = ("--prebuffer", "8", "--gpio-before", "3", "--gpio-after", "2", "--gpio-debounce", "0.5", "--intra", "1")
    with inkernel.Camd(camd, *SMALL, *flags, "--gpio-trigger", "sensors:pir") as process:
        told = Told(process)
        told.after(6)
        chip.pull(True)
        found, = told.after(1)
        told.after(5)
        saved, = [event["data"] for event in process.events if event.get("event") == "trigger_saved"]
        assert saved["trigger_id"] == found["trigger_id"], (saved, found)
        video, = saved["files"]
        with open(video[:-len(".mp4")] + "_frame_timing.csv", encoding="utf-8") as file:
            times = [int(row["sensor_timestamp_ns"]) for row in csv.DictReader(file)]
        edge, period = found["monotonic_ns"], 100000000
        # from the key frame before, a second at most, to the last frame within
        assert edge - 4000000000 - period <= times[0] <= edge - 3000000000, (times[0], edge)
        assert edge + 2000000000 - period <= times[-1] <= edge + 2000000000, (times[-1], edge)
        assert all(b - a == period for a, b in zip(times, times[1:])), times


def inside_names(camd):
    chip = Chip().plug()
    ways = [f"{chip.chip}:3", f"{chip.chip}:pir", "sensors:3", "sensors:pir", f"/dev/{chip.chip}:pir"]
    for way in ways:
        with inkernel.Camd(camd, *SMALL, "--gpio-trigger", way, "--gpio-trigger", "sensors:5", "--gpio-bias", "pull_down") as process:
            told = Told(process)
            told.after(0.2)
            chip.pull(True)
            found, = told.after(1)
            assert found["line"] == way, found
            chip.pull(True, line=5)
            found, = told.after(1)
            assert found["line"] == "sensors:5", found
        chip.pull(False)
        chip.pull(False, line=5)
    for k, wrong in enumerate((f"{chip.chip}:8", f"{chip.chip}:nobody", "nowhere:3", "/dev/null:3", "/dev/nowhere:3")):
        with inkernel.Camd(camd, *SMALL, "--gpio-trigger", wrong) as process:
            Told(process).after(20)
            log = process.log()
            assert f"chip {wrong.split(':')[0]}" in log and log.count(" warning ") == k + 1, log     # of this one, and of those before


def inside_lost(camd):
    chip = Chip()
    with inkernel.Camd(camd, *SMALL, "--gpio-trigger", "sensors:pir", "--gpio-holdoff", "0") as process:
        told = Told(process)
        process.ask("start_recording")
        assert told.after(5) == []
        for _ in range(3):
            chip.plug()
            told.after(11)      # the longest pause between tries
            chip.pull(True)
            found, = told.after(1)
            assert found["edge"] == "rising", found
            chip.plug(False)
            assert told.after(12) == []
        assert process.seen("warning") == 3, [event for event in process.events if event.get("event") == "warning"]
        stopped, = process.ask("stop_recording")["cameras"]
        assert stopped["captured"] == stopped["frames"] >= 700, stopped


def inside(case, camd, target):
    globals()["inside_" + case](camd)
    inkernel.keep(target)


def main():
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
        return
    case, camd, probe = sys.argv[1:]
    inkernel.run(__file__, case, camd, probe, ["-t", "-T", "240"], videos=None if case == "names" else "*cam*.mp4", probed=["--part"])


main()
