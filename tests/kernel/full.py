#!/usr/bin/env python3
"""
A recording that nobody asked to be cut, in simulated time, until its file is full: it goes on in another one, no frame is lost, each is in
one file, and every file plays. Full is a file with 1,048,576 frames, and on FAT one of 3.75 GiB.

    full.py frames|fat CAMD PROBE               on the host: boots the kernel
    full.py inside CASE CAMD DISK_OF_THE_HOST   in the kernel

The first takes 1.5 GB of the host's disk for a while, the second 5 GB.
"""
import csv
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

MOST_FRAMES, MOST_BYTES = 1 << 20, 15 << 28
NOISE = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=gray:s=1280x720:r=30:d=1,noise=alls=100:allf=t", "-c:v", "rawvideo", "-pix_fmt", "yuv420p"]
CASES = {
    "frames": ("mkfs.ext4 -q -F", 3 << 30, 1000, ["--camera", "synthetic:64x64@1000", "--intra", "1s", "--preset", "ultrafast"]),
    "fat": ("mkfs.vfat -F 32 -s 64", 6 << 30, 0, ["--camera", "file:{noise}?loop", "--bitrate", "500M", "--preset", "ultrafast", "--intra", "1s"]),
}


# ---- in the kernel ----

def wait_for(process, is_enough):
    """True: it came to that within a simulated day."""
    for _ in range(8640):
        process.ask("wait", seconds=10)
        status, = process.ask("get_status")["cameras"]
        if is_enough(status):
            return
    raise AssertionError("it never gets full")


def check(process, case, stopped):
    told = [event["data"] for event in process.events if event.get("event") == "segment_finished"]
    assert stopped["segments"] == len(told) == 2, (stopped, told)
    assert sum(stopped["lost"].values()) == 0 and stopped["captured"] == stopped["frames"] == sum(file["frames"] for file in told), (stopped, told)
    if case == "frames":
        assert MOST_FRAMES <= told[0]["frames"] < MOST_FRAMES + 2000, told
    else:
        assert MOST_BYTES <= told[0]["bytes"] < (1 << 32), told


def check_file(file, first, probe):
    """Every frame is its row's, at its time; the numbers go on. All frames of the second file are decoded."""
    more = ["--no-decode"] if first == 1 else ["--part"]
    subprocess.run([probe, file["file"], file["csv"], *more], check=True)
    with open(file["csv"], newline="", encoding="utf-8") as table:
        numbers = [int(row["frame_number"]) for row in csv.DictReader(table)]
    assert numbers == list(range(first, first + file["frames"])), (file, first, len(numbers))
    return first + file["frames"]


def inside(case, camd, probe, noise):
    _, _, _, flags = CASES[case]
    scratch = os.environ["CAMD_SCRATCH"]
    os.symlink(os.environ["CAMD_DISK"], scratch + "/recordings")
    with inkernel.Camd(camd, *[flag.format(noise=noise) for flag in flags]) as process:
        process.ask("subscribe", events=["segment_finished", "warning", "frames_lost"])
        process.ask("wait", seconds=1)
        process.ask("start_recording")
        if case == "frames":
            wait_for(process, lambda status: status["recorded_frames"] > MOST_FRAMES + 5000)
        else:
            wait_for(process, lambda status: status["bytes"] > MOST_BYTES + (200 << 20))
        stopped, = process.ask("stop_recording")["cameras"]
        print(inkernel.usage(process.process.pid), flush=True)
        check(process, case, stopped)
    first = 1
    for event in process.events:
        if event.get("event") == "segment_finished":
            first = check_file(event["data"], first, probe)
    print(f"{case}: ok", flush=True)


# ---- on the host ----

def main(case, camd, probe):
    make, size, _, _ = CASES[case]
    with tempfile.TemporaryDirectory() as target:
        disk, noise = target + "/disk", target + "/noise.avi"
        with open(disk, "wb") as image:
            image.truncate(size)
        subprocess.run([*make.split(), disk], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*NOISE, noise], check=True)
        subprocess.run([os.path.join(HERE, "run"), "-t", "-T", "3600", "-d", disk, "--", "/usr/bin/python3", "-B", os.path.abspath(__file__), "inside", case,
                        os.path.abspath(camd), os.path.abspath(probe), noise], check=True)


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
