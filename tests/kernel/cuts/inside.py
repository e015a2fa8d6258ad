"""
What runs in the test kernel for tests/kernel/powercut; DIR is a directory of the host, /dev/shm included.

    inside.py record DIR CAMD SHIM SEED SYNC_MS STEP...     for each FS, DIR/FS/base has a file system. Steps:
        FS:base             it gets earlier recordings, one of which was killed
        FS:log[-K:PATTERN]  records on a copy whose writes are logged to DIR/FS/log[-K]; syncs of files that match PATTERN do nothing
        FS:flakey-K         records on a copy, DIR/FS/flakey-K, that loses all writes from some call of camd on
    inside.py kill DIR CAMD SHIM SEED SYNC_MS FS KIND:NUMBER    records on a copy, DIR/FS/kill, and cuts the power before that call
    inside.py check DIR CAMD SHIM STATE...      starts camd on each DIR/STATE/image, of which DIR/STATE/how tells (class Left); leaves copies of all
                                                files, as found and after it
What they tell are lines of JSON on stdout, each of which has reached the host when the next thing happens.
"""
import itertools
import json
import os
import random
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import disks        # noqa: E402
import driver       # noqa: E402
import footage      # noqa: E402
import mapper       # noqa: E402

DISK = "/run/camd/disk"
OUTPUT = DISK + "/camera/recordings"
LOG_BYTES = 256 << 20


def tell(record):
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


class Mounted:
    def __init__(self, device, kind):
        mapper.mount(device, DISK, kind)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        mapper.unmount(DISK)


def files_below(directory):
    return [os.path.join(top, name) for top, _, names in os.walk(directory) for name in names]


def kind_of(path):
    return os.path.basename(path).split("_")[0].rstrip("0123456789")


def all_hashes():
    return driver.hashes(path for path in files_below(OUTPUT) if not path.endswith("session.log"))


# ---- what was there before ----

def earlier(directory, kind, note, camd):
    """A recording that ended well, a picture, a clip and an export, and a recording whose camd was killed: the next start has something to recover."""
    loop = mapper.Loop(directory + "/base")
    with Mounted(loop.device, kind):
        first = driver.Driver(camd, OUTPUT, lambda record: None)
        driver.earlier(first)
        finished = all_hashes()
        assert {kind_of(path) for path in finished} >= {"cam", "clip", "export", "snapshot"}, finished
        second = driver.Driver(camd, OUTPUT, lambda record: None)
        second.ask("start_recording")
        second.pass_time(1.5)
        second.kill()
        unfinished = sorted(set(all_hashes()) - set(finished))
        note({"finished": finished, "unfinished": {
            path: [(frame.number, frame.sensor_ns) for frame in footage.whole_frames(path)] if path.endswith(".mp4") else [] for path in unfinished}})
    loop.close()


# ---- cuts ----

class How:
    """How a step's camd is run: seed is that of the waits between its commands, the same for all steps of a file system."""

    def __init__(self, camd, shim, seed, sync_ms):
        self.camd, self.shim, self.seed, self.sync_ms = camd, shim, seed, int(sync_ms)

    def record(self, note, at=None, no_sync=None, since=None):
        camera = driver.Driver(self.camd, OUTPUT, note, shim=self.shim, at=at, sync_ms=self.sync_ms, no_sync=no_sync)
        try:
            if at:
                camera.watch()
            driver.record(camera, random.Random(self.seed), since)
        except driver.Stopped:
            pass
        note({"t": time.monotonic_ns(), "stopped": camera.stop_line(), "syncs": camera.sync_rounds()})
        return camera


def logged(directory, kind, note, how, step, no_sync=None):
    """Returns how many calls of each kind camd made."""
    mapper.copy(directory + "/base", directory + "/image")
    with open(f"{directory}/{step}", "wb") as file:
        file.truncate(LOG_BYTES)
    disk, log = mapper.Loop(directory + "/image"), mapper.Loop(f"{directory}/{step}")
    device = mapper.Logged(disk, log)
    numbers = itertools.count()

    def note_and_mark(record):
        note(record)
        device.mark(next(numbers))
    with Mounted(device.device, kind):
        note_and_mark({"t": time.monotonic_ns()})
        counts = how.record(note_and_mark, no_sync=no_sync).counts()
    for each in (device, disk, log):
        each.close()
    return counts


def flakey(directory, kind, note, how, step, at):
    """False: it did not come to that call."""
    image = f"{directory}/{step}"
    mapper.copy(directory + "/base", image)
    disk = mapper.Loop(image)
    device = mapper.Flakey(disk)
    with Mounted(device.device, kind):
        note({"t": time.monotonic_ns(), "at": at})
        camera = how.record(note, at=at)
        stopped = camera.stop_line()
        if stopped:
            device.drop()
            camera.kill()
    device.close()
    disk.close()
    return bool(stopped)


def kill(directory, camd, shim, seed, sync_ms, kind, at):
    def note(told):
        tell({"fs": kind, "step": "kill", **told})
    place = f"{directory}/{kind}"
    mapper.copy(place + "/base", place + "/kill")
    os.sync()
    Mounted(mapper.Loop(place + "/kill").device, kind)
    note({"t": time.monotonic_ns(), "at": at})
    How(camd, shim, seed, sync_ms).record(note, at=at, since=time.time())     # what was before has times of another kernel
    with open("/proc/sysrq-trigger", "w", encoding="ascii") as file:
        file.write("o")
    time.sleep(1000)


def record(directory, camd, shim, seed, sync_ms, *steps):
    counts, how = {}, How(camd, shim, seed, sync_ms)
    for kind, step, *more in (each.split(":") for each in steps):
        def note(told, kind=kind, step=step):
            tell({"fs": kind, "step": step, **told})
        place = f"{directory}/{kind}"
        if step == "base":
            earlier(place, kind, note, camd)
        elif step.startswith("log"):
            counts[kind] = logged(place, kind, note, how, step, *more)
            tell({"fs": kind, "step": "calls", "calls": counts[kind]})
        else:
            rng = random.Random(f"{seed}-{kind}-{step}")
            while not flakey(place, kind, note, how, step, driver.choose_call(counts[kind], rng)):
                pass    # not each run makes as many


# ---- the next start ----

class Left:
    """A disk after a cut. how: its file system, by which chance its recovery is cut, too, and whether it is started once more afterwards."""

    def __init__(self, directory, state):
        self.directory, self.state = f"{directory}/{state}", state
        with open(self.directory + "/how", encoding="ascii") as file:
            how = json.load(file)
        self.kind, self.again, self.once_more = how["fs"], how["again"], how["once_more"]
        self.place = f"/run/camd/left/{state}"
        self.output = self.place + "/camera/recordings"
        os.makedirs(self.place)
        self.loop = mapper.Loop(self.directory + "/image")

    def tell(self, **record):
        tell({"state": self.state, **record})

    def mount(self, device=None):
        mapper.mount(device or self.loop.device, self.place, self.kind)

    def unmount(self):
        mapper.unmount(self.place)

    def leave(self):
        """After a failure: as far as it can be."""
        try:
            self.unmount()
        except OSError:
            pass

    def copy_out(self, name):
        shutil.copytree(self.place, f"{self.directory}/{name}", ignore=shutil.ignore_patterns("lost+found"))

    def hashes(self):
        return driver.hashes(path for path in files_below(self.place) if not path.endswith("session.log"))

    def under_way(self):
        return sorted(path[len(self.output) + 1:] for path in files_below(self.output)
                      if path.endswith(".mp4") and "/exports/" not in path and footage.is_under_way(path))


def recovered(left, camera):
    """What a camd has told of."""
    events = [message["data"] for message in camera.got if message.get("event") == "recovered"]
    return [{"file": event["file"][len(left.output) + 1:], "frames": event["frames"], "message": event.get("message", "")} for event in events]


def start(left, camd, shim=None, at=None):
    """One start of camd, which recovers what there is. Returns it, and whether it was stopped, which it can only be at a call."""
    camera = driver.Driver(camd, left.output, lambda record: None, shim=shim, at=at, cameras=["synthetic:64x48@1"], flags=[])
    try:
        if at:
            camera.watch()
        camera.ask("subscribe", events=["*"])
        camera.ask("wait", seconds=1)
        camera.quit()
    except driver.Stopped:
        return camera, True
    return camera, False


def flaky_start(left, camd, shim, at):
    """at: as of start; None: all that it does is lost, and its calls are counted."""
    flakey = mapper.Flakey(left.loop, left.state)
    left.mount(flakey.device)
    if not at:
        flakey.drop()
    camera, stopped = start(left, camd, shim, at)
    if stopped:
        flakey.drop()
        camera.kill()
    left.unmount()
    flakey.close()
    return camera, stopped


def interrupt(left, camd, shim):
    """A start that is cut, too, at a call which chance chooses of those that it makes."""
    counts = flaky_start(left, camd, shim, None)[0].counts()
    if not counts:
        return
    rng = random.Random(left.again)
    camera, stopped = flaky_start(left, camd, shim, driver.choose_call(counts, rng))
    if not stopped:
        left.tell(error=f"a recovery did not come to its call, of {counts}")
    left.tell(interrupted=camera.stop_line(), recovered=recovered(left, camera))
    mapper.copy(left.directory + "/image", left.directory + "/between.image")
    if left.kind == "vfat":
        disks.repair_vfat(left.loop.device)
    left.mount()
    left.copy_out("between")
    left.unmount()


def check_one(left, camd, shim):
    left.mount()
    left.copy_out("found")
    left.unmount()
    if left.again is not None:
        interrupt(left, camd, shim)
    left.mount()
    under_way = left.under_way()
    left.tell(under_way=under_way, recovered=recovered(left, start(left, camd)[0]))
    before = left.hashes()
    left.copy_out("after")
    if left.once_more:
        told = recovered(left, start(left, camd)[0])
        left.tell(untouched=left.hashes() == before and not told)
    left.unmount()
    left.loop.close()


def check(directory, camd, shim, *states):
    for state in states:
        left = Left(directory, state)
        try:
            check_one(left, camd, shim)
        except Exception as error:      # whatever it is, of this disk: the others have their turn
            left.tell(error=f"{type(error).__name__}: {error}")
            left.leave()


def reach(directory):
    """Where DIR is here: it may lie in the host's /dev/shm, which is another one than this kernel's."""
    place = "/run/camd/cuts"
    os.mkdir(place)
    mapper.mount("cuts", place, "hostfs", data=directory + "/")
    return place


if __name__ == "__main__":
    {"record": record, "kill": kill, "check": check}[sys.argv[1]](reach(sys.argv[2]), *sys.argv[3:])
