"""
What runs in the test kernel for tests/kernel/powercut; DIR is a directory of the host, /dev/shm included.

    inside.py record DIR CAMD SHIM SEED SYNC_MS STEP...     for each FS, DIR/FS/base has a file system. Steps:
        FS:base         it gets earlier recordings, one of which was killed
        FS:log          records on a copy whose writes are logged to DIR/FS/log
        FS:flakey-K     records on a copy, DIR/FS/flakey-K, that loses all writes from some call of camd on
    inside.py kill DIR CAMD SHIM SEED SYNC_MS FS KIND:NUMBER    records on a copy, DIR/FS/kill, and cuts the power before that call
    inside.py check DIR CAMD SHIM STATE...      starts camd on each DIR/STATE/image, of which DIR/STATE/how says the file system and whether
                                        recovery is to be interrupted, where; leaves copies of all files, as found and after it
What they tell are lines of JSON on stdout, each of which has reached the host when the next thing happens.
"""
import glob
import itertools
import json
import os
import random
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import driver       # noqa: E402
import mapper       # noqa: E402

DISK = "/run/camd/disk"
OUTPUT = DISK + "/camera/recordings"
ALL = "/run/camd/all"


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


def all_hashes():
    found = [os.path.join(top, name) for top, _, names in os.walk(OUTPUT) for name in names]
    return driver.hashes(path for path in found if not path.endswith("session.log"))


# ---- what was there before ----

def earlier(directory, kind, note, camd):
    """A recording that ended well, and one whose camd was killed: the next start of camd has something to recover."""
    loop = mapper.Loop(directory + "/base")
    with Mounted(loop.device, kind):
        first = driver.Driver(camd, OUTPUT, lambda record: None)
        first.ask("start_recording")
        first.pass_time(1.5)
        first.ask("stop_recording")
        first.quit()
        finished = all_hashes()
        second = driver.Driver(camd, OUTPUT, lambda record: None)
        second.ask("start_recording")
        second.pass_time(1.5)
        frames = [camera["recorded_frames"] for camera in second.ask("get_status")["data"]["cameras"]]
        second.kill()
        note({"finished": finished, "unfinished": sorted(set(all_hashes()) - set(finished)), "frames": frames})
    loop.close()


# ---- cuts ----

def logged(directory, kind, note, camd, *how):
    """Returns how many calls of each kind camd made."""
    mapper.copy(directory + "/base", directory + "/image")
    disk, log = mapper.Loop(directory + "/image"), mapper.Loop(directory + "/log")
    device = mapper.Logged(disk, log)
    numbers = itertools.count()

    def note_and_mark(record):
        note(record)
        device.mark(next(numbers))
    with Mounted(device.device, kind):
        note_and_mark({"t": time.monotonic_ns()})
        counts = record_until(None, note_and_mark, camd, *how).counts()
    for each in (device, disk, log):
        each.close()
    return counts


def record_until(at, note, camd, shim, seed, sync_ms):
    camera = driver.Driver(camd, OUTPUT, note, shim=shim, at=at, sync_ms=sync_ms)
    try:
        if at:
            camera.watch()
        driver.record(camera, random.Random(seed))
    except driver.Stopped:
        pass
    note({"t": time.monotonic_ns(), "stopped": camera.stop_line()})
    return camera


def flakey(directory, kind, note, step, *how):
    image = f"{directory}/{step}"
    mapper.copy(directory + "/base", image)
    disk = mapper.Loop(image)
    device = mapper.Flakey(disk)
    with Mounted(device.device, kind):
        camera = record_until(*how)
        device.drop()
        camera.kill()
    device.close()
    disk.close()


def kill(directory, camd, shim, seed, sync_ms, kind, at):
    def note(told):
        tell({"fs": kind, "step": "kill", **told})
    place = f"{directory}/{kind}"
    mapper.copy(place + "/base", place + "/kill")
    os.sync()
    Mounted(mapper.Loop(place + "/kill").device, kind)
    note({"t": time.monotonic_ns(), "at": at})
    record_until(at, note, camd, shim, f"{seed}-kill", int(sync_ms))
    with open("/proc/sysrq-trigger", "w", encoding="ascii") as file:
        file.write("o")
    time.sleep(1000)


def record(directory, camd, shim, seed, sync_ms, *steps):
    counts = {}
    for kind, step in (each.split(":") for each in steps):
        def note(told, kind=kind, step=step):
            tell({"fs": kind, "step": step, **told})
        place, how = f"{directory}/{kind}", (camd, shim, f"{seed}-{step}", int(sync_ms))
        if step == "base":
            earlier(place, kind, note, camd)
        elif step == "log":
            counts[kind] = logged(place, kind, note, *how)
            tell({"fs": kind, "step": "calls", "calls": counts[kind]})
        else:
            at = driver.choose_call(counts[kind], random.Random(f"{seed}-{kind}-{step}"))
            note({"t": time.monotonic_ns(), "at": at})
            flakey(place, kind, note, step, at, note, *how)


# ---- the next start ----

BATCH = 16          # so many disks are looked at by one start of camd: what takes time here is starting programs


class Left:
    """A disk after a cut: where it is mounted, and the sessions on it, which are shown to camd in one output directory."""

    def __init__(self, directory, state):
        self.directory, self.state = f"{directory}/{state}", state
        with open(self.directory + "/how", encoding="ascii") as file:
            self.kind, self.again = file.read().split()
        self.place, self.shown, self.flakey = f"/run/camd/left/{state}", [], None
        os.makedirs(self.place)
        self.loop = mapper.Loop(self.directory + "/image")

    def tell(self, **record):
        tell({"state": self.state, **record})

    def mount(self, device=None):
        mapper.mount(device or self.loop.device, self.place, self.kind)

    def show(self):
        for session in glob.glob(self.place + "/camera/recordings/*/"):
            name = f"{ALL}/{self.state}_{os.path.basename(session[:-1])}"
            os.makedirs(name, exist_ok=True)
            mapper.mount(session, name, None, mapper.BIND)
            self.shown.append(name)

    def mount_and_show(self):
        try:
            self.mount()
        except OSError as error:
            self.tell(error=str(error))
            return False
        self.show()
        return True

    def unmount(self):
        for name in self.shown:
            mapper.unmount(name)
            os.rmdir(name)
        self.shown = []
        mapper.unmount(self.place)

    def copy_out(self, name):
        shutil.copytree(self.place, f"{self.directory}/{name}", ignore=shutil.ignore_patterns("lost+found"))

    def hashes(self):
        found = [os.path.join(top, name) for top, _, names in os.walk(self.place) for name in names]
        return driver.hashes(path for path in found if not path.endswith("session.log"))


def start(camd, lefts, shim=None, at=None):
    """One start of camd and what it recovers; at: it is stopped there, if it gets so far, and returned."""
    records = []
    camera = driver.Driver(camd, ALL, records.append, shim=shim, at=at, cameras=["synthetic:64x48@1"], flags=[])
    try:
        if at:
            camera.watch()
        camera.ask("subscribe", events=["recovered"])
        camera.ask("wait", seconds=1)
        camera.quit()
    except driver.Stopped:
        return camera
    events = [record["got"]["data"] for record in records if record.get("got", {}).get("event") == "recovered"]
    for left in lefts:
        mine = [event for event in events if event["file"].startswith(f"{ALL}/{left.state}_")]
        left.tell(recovered=[{"file": event["file"][len(f"{ALL}/{left.state}_"):], "frames": event["frames"],
                              "message": event.get("message", "")} for event in mine])
    return None


def interrupted(lefts, camd, shim, at):
    """A start that is cut, too: all disks lose what comes behind that moment."""
    for left in lefts:
        left.flakey = mapper.Flakey(left.loop, left.state)
        left.mount(device=left.flakey.device)
        left.show()
    stopped = start(camd, lefts, shim, at)
    if stopped:
        for left in lefts:
            left.tell(interrupted=stopped.stop_line())
            left.flakey.drop()
        stopped.kill()
    for left in lefts:
        left.unmount()
        left.flakey.close()


def look(left):
    """What there is before anything is mended. False: it can't be mounted."""
    try:
        left.mount()
        left.copy_out("found")
        left.unmount()
    except (OSError, shutil.Error) as error:
        left.tell(error=f"{type(error).__name__}: {error}")
        return False
    return True


def check_batch(directory, camd, shim, states):
    lefts = [left for left in (Left(directory, state) for state in states) if look(left)]
    some = [left for left in lefts if left.again != "-"]
    if some:
        interrupted(some, camd, shim, some[0].again)
    lefts = [left for left in lefts if left.mount_and_show()]
    start(camd, lefts)
    before = [left.hashes() for left in lefts]
    for left in lefts:
        left.copy_out("after")
    start(camd, lefts)
    for left, hashes in zip(lefts, before):
        left.tell(untouched=left.hashes() == hashes)
        left.unmount()
        left.loop.close()


def check(directory, camd, shim, *states):
    os.makedirs(ALL)
    for k in range(0, len(states), BATCH):
        check_batch(directory, camd, shim, states[k:k + BATCH])


def reach(directory):
    """Where DIR is here: it may lie in the host's /dev/shm, which is another one than this kernel's."""
    place = "/run/camd/cuts"
    os.mkdir(place)
    mapper.mount("cuts", place, "hostfs", data=directory + "/")
    return place


if __name__ == "__main__":
    {"record": record, "kill": kill, "check": check}[sys.argv[1]](reach(sys.argv[2]), *sys.argv[3:])
