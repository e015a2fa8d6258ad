"""On the host: recording in test kernels, the disks that cuts leave, camd's start on each of them, and the verdicts."""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import threading

import disks
import driver
import judge
import trial
import writes
from known import Known

HERE = pathlib.Path(__file__).resolve().parent
SYNC_MS = [0, 40, 10]               # how long syncs take at most: a round's is one of these
CHUNK = 8                           # so many disks are looked at in one boot
CUT_TOO, ONCE_MORE = 0.3, 0.5       # of the recoveries are cut, too; of the disks are looked at by another start, which changes nothing
KINDS = {"video": r"/cam[^/]*\.mp4$", "table": r"/cam[^/]*\.csv$", "clip": r"/clip_", "export": r"/exports/", "picture": r"\.(jpg|png)$"}


def in_kernel(*arguments, dies=False):
    """One boot; returns the records that it told."""
    command = [HERE.parent / "run", "-t", "-T", "3600", "--", "/usr/bin/python3", "-B", HERE / "inside.py", *map(str, arguments)]
    done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != (125 if dies else 0):
        sys.stderr.write(done.stderr)
        raise SystemExit(f"powercut: the kernel ended with {done.returncode}: {' '.join(map(str, arguments))}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def on_all_processors(function, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


class State:
    """A disk after a cut."""

    def __init__(self, place, fs, way, step, known, what):
        self.place, self.fs, self.way, self.step, self.known, self.what = place, fs, way, step, known, what
        os.makedirs(place)

    def finish(self, rng, keep):
        """Once its image is there: what the host says of it, and whether recovery is to be cut."""
        if keep:
            disks.copy(self.place + "/image", self.place + "/image.cut")
        self.unclean = disks.replayed(self.place + "/image") if self.fs == "ext4" else None
        if self.fs == "vfat":
            disks.repair_vfat(self.place + "/image")
        self.once_more = rng.random() < ONCE_MORE
        with open(self.place + "/how", "w", encoding="ascii") as file:
            json.dump({"fs": self.fs, "again": rng.getrandbits(32) if rng.random() < CUT_TOO else None, "once_more": self.once_more}, file)


class Round:
    """arguments: camd, probe, shim and keep as the program has them."""

    def __init__(self, arguments, place, seed, sizes):
        self.arguments, self.place, self.seed, self.sizes = arguments, place, seed, sizes
        self.sync_ms = SYNC_MS[seed % len(SYNC_MS)]
        self.states, self.steps, self.lock = [], {}, threading.Lock()
        self.tried, self.not_noticed = set(), []

    def records(self, fs, step):
        """What was said in a step, and when: the marks in its log are their numbers."""
        return [record for record in self.steps[fs, step] if "t" in record]

    def _state(self, fs, way, step, n, what):
        """A cut after the first n records of a step."""
        records = self.records(fs, step)
        known = Known(self.steps[fs, "base"][0], records[:n], records[-1]["syncs"])
        with self.lock:
            state = State(f"{self.place}/{len(self.states)}", fs, way, step, known, what)
            self.states.append(state)
        return state

    def places(self, fs, step, intervals):
        """Where a logged recording is cut: (interval, way), in order."""
        times = [record["t"] for record in self.records(fs, step)]
        return writes.choose(intervals, times, self.sizes[fs]["log"], random.Random(f"{self.seed}-{fs}-log"))

    def _log(self, fs, step="log"):
        directory = f"{self.place}/{fs}"
        intervals, log = writes.read(f"{directory}/{step}")
        with open(directory + "/base", "rb") as file:
            before = file.read()
        places, rng = self.places(fs, step, intervals), random.Random(f"{self.seed}-{fs}-{step}-again")
        for mark, way, disk in writes.states(before, intervals, log, places, f"{self.seed}-{fs}", disks.UNIT[fs]):
            state = self._state(fs, "log", step, mark + 1, way)
            writes.save_sparse(state.place + "/image", disk)
            state.finish(rng, self.arguments.keep)

    def _image(self, fs, way, step):
        """One that was left by a step."""
        state = self._state(fs, way, step, None, self.steps[fs, step][-1]["stopped"])
        os.rename(f"{self.place}/{fs}/{step}", state.place + "/image")
        state.finish(random.Random(f"{self.seed}-{fs}-{step}"), self.arguments.keep)

    def _in_kernel(self, what, fs, *steps):
        a = self.arguments
        for told in in_kernel(what, self.place, a.camd, a.shim, f"{self.seed}-{fs}", self.sync_ms, *steps, dies=what == "kill"):
            told_of = self.steps.setdefault((told["fs"], told["step"]), [])
            if "at" in told:
                told_of.clear()         # once more
            told_of.append(told)

    def _kill(self, fs):
        """A kernel of its own, for it dies of it."""
        rng = random.Random(f"{self.seed}-{fs}-kill")
        while not self.steps.get((fs, "kill"), [{}])[-1].get("stopped"):        # not each run makes as many calls
            self._in_kernel("kill", fs, fs, driver.choose_call(self.steps[fs, "calls"][0]["calls"], rng))
        self._image(fs, "kill", "kill")

    def _record(self, fs):
        """The steps in the kernel that this round needs, and the disks that they leave."""
        os.makedirs(f"{self.place}/{fs}")
        disks.make(f"{self.place}/{fs}/base", fs)
        flakeys = [f"flakey-{k}" for k in range(self.sizes[fs]["flakey"])]
        self._in_kernel("record", fs, *(f"{fs}:{step}" for step in ("base", "log", *flakeys)))
        with memory:
            self._log(fs)
        for step in flakeys:
            self._image(fs, "flakey", step)
        if self.sizes[fs]["kill"]:
            self._kill(fs)
        shutil.rmtree(f"{self.place}/{fs}")

    def _check(self, numbers):
        told = {number: [] for number in numbers}
        for record in in_kernel("check", self.place, self.arguments.camd, self.arguments.shim, *numbers):
            told[int(record["state"])].append(record)
        return told

    def run(self, probe):
        """Yields a result for each cut."""
        on_all_processors(self._record, self.sizes)
        numbers, told = range(len(self.states)), {}
        for some in on_all_processors(self._check, [numbers[k:k + CHUNK] for k in range(0, len(numbers), CHUNK)]):
            told.update(some)
        results = on_all_processors(lambda number: self._result(self.states[number], told[number], probe), numbers)
        self.try_judge(results, told, probe)
        for result in results:
            result["tried"] = []
        results[0]["tried"] = sorted(self.tried)
        yield from zip(results, self.states)

    def try_judge(self, results, told, probe):
        """With the first disks that were all right, and had what is wanted for it."""
        for state, result, said in zip(self.states, results, told.values()):
            this = trial.Trial(state, said, probe)
            for spoil, kinds in ((this.under_way, trial.OF_UNDER_WAY), (this.told, trial.OF_TOLD), (this.done, trial.OF_DONE)):
                if not result["wrong"] and not self.tried.issuperset(kinds):
                    spoil()
            self.tried |= this.tried
            self.not_noticed += this.not_noticed

    def _result(self, state, told, probe):
        verdict = judge.Judge(state.place, state.fs, state.known, probe)
        try:
            verdict.run(told, state.once_more)
        except Exception as error:      # whatever it is, of this disk
            verdict.wrong.append(f"the judge: {type(error).__name__}: {error}")
        unclean = state.unclean or disks.checked(state.place + "/image", state.fs)
        between = state.place + "/between.image"
        if not unclean and state.fs == "ext4" and os.path.exists(between):
            unclean = disks.replayed(between)
        if unclean and state.fs == "ext4":
            verdict.wrong.append(unclean)
        compared = {kind: sum(bool(re.search(pattern, path)) for path in state.known.hashes) for kind, pattern in KINDS.items()}
        return {"seed": self.seed, "fs": state.fs, "way": state.way, "what": state.what, "sync_ms": self.sync_ms, "lost": verdict.lost,
                "compared": compared, "wrong": verdict.wrong, "odd": verdict.odd, "fsck": unclean, "cut_too": verdict.was_cut}


memory = threading.Lock()       # a log and a disk are in it at a time


class Control(Round):
    """
    Recordings where syncs of one kind of file after another do nothing, cut when all is done, and when a sync has been answered while
    cameras record: nothing of what was not flushed is there.
    """

    def __init__(self, arguments, place, seed, file_systems, patterns):
        super().__init__(arguments, place, seed, {fs: None for fs in file_systems})
        self.sync_ms, self.patterns = 0, patterns

    def places(self, fs, step, intervals):
        synced = next(k for k, record in enumerate(self.records(fs, step)) if record.get("got", {}).get("status") == "synced")
        last = max(k for k, interval in enumerate(intervals) if interval.mark >= 0)
        at_sync = next((k for k, interval in enumerate(intervals) if interval.mark >= synced), last)
        return [(at_sync, "none"), (last, "none")]

    def _record(self, fs):
        os.makedirs(f"{self.place}/{fs}")
        disks.make(f"{self.place}/{fs}/base", fs)
        self._in_kernel("record", fs, f"{fs}:base", *(f"{fs}:log-{k}:{pattern}" for k, pattern in enumerate(self.patterns)))
        for k in range(len(self.patterns)):
            with memory:
                self._log(fs, f"log-{k}")
        shutil.rmtree(f"{self.place}/{fs}")

    def pattern(self, state):
        return self.patterns[int(state.step[len("log-"):])]

    def try_judge(self, results, told, probe):
        pass
