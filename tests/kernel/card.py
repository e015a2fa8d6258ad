#!/usr/bin/env python3
"""
camd with four cameras on cards as slow as one likes, by the kernel's null_blk, in simulated time: no frame is lost, and what a power cut would
take stays within its bound. Prints how old the oldest frame is that is not on the card yet, what syncs take, and what the card gets to write.

    card.py CAMD PROBE [FS:MB_PER_S:MS]...      on the host: boots the kernel for each card; a request takes it so many ms
    card.py inside CARD CAMD DIR                in the kernel
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

CARDS = ["ext4:10:4"]
FLAGS = ["--bitrate", "6M", "--intra", "1s", "--preset", "ultrafast", "--threads", "1"]
CAMERAS, FPS = 4, 30
RECOVERY_POINT_MS, SECONDS, LOOK_S = 500, 20, 0.037      # no part of the recovery point, so that looks come at all moments of it
# what an encoder can't make small
NOISE = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color=gray:s=320x240:r={FPS}:d=30,noise=alls=60:allf=t", "-c:v", "mjpeg", "-q:v", "4", "-pix_fmt",
         "yuvj420p"]
CARD = "/sys/kernel/config/nullb/card"
MIB = 1 << 20


# ---- in the kernel ----

def insert(mb_per_s, ms):
    """A disk of 256 MB in memory that takes so much a second, each request as long; returns its node."""
    before = set(os.listdir("/dev"))
    os.mkdir(CARD)
    settings = {"memory_backed": 1, "size": 256, "irqmode": 2, "completion_nsec": int(ms * 1e6), "hw_queue_depth": 2, "mbps": mb_per_s, "power": 1}
    for name, value in settings.items():       # Documentation/block/null_blk.rst
        with open(f"{CARD}/{name}", "w", encoding="ascii") as file:
            file.write(str(value))
    node, = set(os.listdir("/dev")) - before
    return "/dev/" + node


def format_and_mount(kind, node, where):
    subprocess.run([f"mkfs.{kind}", *(["-q"] if kind != "vfat" else []), node], check=True, stdout=subprocess.DEVNULL)
    os.makedirs(where)
    subprocess.run(["mount", node, where], check=True)


def written(node):
    """Requests and bytes (Documentation/block/stat.rst)."""
    with open(f"/sys/block/{os.path.basename(node)}/stat", encoding="ascii") as file:
        fields = file.read().split()
    return int(fields[4]), int(fields[6]) * 512


def at(values, part):
    return sorted(values)[int((len(values) - 1) * part)]


def watch(process):
    """The lags of all cameras at many moments."""
    lags = []
    for _ in range(int(SECONDS / LOOK_S)):
        process.ask("wait", seconds=LOOK_S)
        lags += [camera["durable_lag_ms"] for camera in process.ask("get_status")["cameras"]]
    return lags


def inside(card, camd, target):
    kind, mb_per_s, ms = card.split(":")
    node = insert(int(mb_per_s), float(ms))
    recordings = os.path.join(os.environ["CAMD_SCRATCH"], "recordings")
    format_and_mount(kind, node, recordings)
    flags = [*FLAGS, *["--camera", f"file:{target}/noise.avi"] * CAMERAS]
    with inkernel.Camd(camd, *flags) as process:
        process.ask("wait", seconds=1)
        process.ask("start_recording")
        process.ask("wait", seconds=1)
        before = written(node)
        lags = watch(process)
        after, storage = written(node), process.ask("get_status")["storage"]
        stopped = process.ask("stop_recording")["cameras"]
    figures = {"lags": lags, "requests": after[0] - before[0], "card_bytes": after[1] - before[1], "storage": storage, "stopped": stopped}
    inkernel.keep(target)
    with open(target + "/told", "w", encoding="utf-8") as file:
        json.dump(figures, file)


# ---- on the host ----

def main():
    camd, probe, *cards = sys.argv[1:]
    for card in cards or CARDS:
        with tempfile.TemporaryDirectory() as target:
            subprocess.run([*NOISE, target + "/noise.avi"], check=True)
            subprocess.run([os.path.join(HERE, "run"), "-t", "-T", "300", "--", "/usr/bin/python3", "-B", os.path.abspath(__file__), "inside", card,
                            os.path.abspath(camd), target], check=True, stdout=subprocess.DEVNULL)
            inkernel.check_lines(target)
            with open(target + "/told", encoding="utf-8") as file:
                told = json.load(file)
            report(card, told)
            check(told)
            for camera in range(CAMERAS):
                inkernel.videos(target, camera, probe)


def report(card, told):
    lags, storage, footage = told["lags"], told["storage"], sum(camera["bytes"] for camera in told["stopped"])
    print(f"{card}: lag {at(lags, 0.5):.0f} ms (median), {at(lags, 0.99):.0f} ms (99 of 100), {max(lags):.0f} ms (all); slowest sync "
          f"{storage['slowest_sync_ms']:.1f} ms, write {storage['slowest_write_ms']:.1f} ms; {told['requests']} requests, "
          f"{told['card_bytes'] / MIB:.1f} MiB on the card, {footage / MIB:.1f} MiB of footage", flush=True)


def check(told):
    for camera in told["stopped"]:
        assert camera["frames"] == camera["captured"] > SECONDS * FPS, camera
    # one camera's sync waits for the others'
    bound_ms = RECOVERY_POINT_MS + CAMERAS * told["storage"]["slowest_sync_ms"] + 1000 / FPS
    assert max(told["lags"]) <= bound_ms, (max(told["lags"]), bound_ms)


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        main()
