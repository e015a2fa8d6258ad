#!/usr/bin/env python3
"""An hour of footage as one file: camd's export beside an encoder at work.

    export.py CAMD FOOTAGE [MINUTES]

The footage is 1456x1088 at 30 frames/s and 10 Mb/s, in files of a minute, written by camd's own writer (FOOTAGE is footage.c's
program): ten seconds of a moving test picture with noise, encoded once and repeated. camd exports all of it; the time is that from
the request to job_done, by when the file is on the disk. Once with the footage in the page cache, once after it was dropped from
there (where that is allowed). Before each, the floor: `cat` of the same files into one, and a sync of that. How much processor time camd
takes is told, too.

Beside it, what dash-of-pi does, on this machine: ffmpeg makes MPEG-4 with -q:v 2 of MJPEG recordings (of -q:v 8) of the same pictures,
for twenty seconds, which is scaled to the hour. What is read and written is on the same file system for both.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

SIZE, FPS, SECONDS, PART = "1456x1088", 30, 10, 20
camd, footage = sys.argv[1:3]
minutes = int(sys.argv[3]) if len(sys.argv) > 3 else 60


def ffmpeg(*arguments):
    began = time.monotonic()
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)
    return time.monotonic() - began


def picture(seconds):
    return ["-f", "lavfi", "-t", seconds, "-i", f"testsrc2=size={SIZE}:rate={FPS},noise=alls=12:allf=t"]


def concatenate(session, output):
    """Seconds that cat and a sync of what it wrote take, and those of cat."""
    began = time.monotonic()
    with open(output, "wb") as file:
        subprocess.run(["cat", *sorted(map(str, session.glob("*.mp4")))], stdout=file, check=True)
        written = time.monotonic()
        os.fsync(file.fileno())
    took = time.monotonic() - began
    os.unlink(output)
    return took, written - began


def cpu_seconds(pid):
    """Of a process so far: in its own code, in the kernel."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13]]


def export(output):
    """Seconds from the request to job_done, the processor's in that, and job_done."""
    process = subprocess.Popen([camd, "--no-config", "--camera", "synthetic:64x48@1", "--output-dir", str(output)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    process.stdin.write('{"command":"subscribe","events":["job_done"]}\n{"command":"list_cameras"}\n')
    process.stdin.flush()
    for _ in range(2):
        process.stdout.readline()
    began, cpu = time.monotonic(), cpu_seconds(process.pid)
    process.stdin.write('{"command":"export"}\n')
    process.stdin.flush()
    while (line := json.loads(process.stdout.readline())).get("event") != "job_done":
        pass
    took = time.monotonic() - began
    cpu = [after - before for before, after in zip(cpu, cpu_seconds(process.pid))]
    process.communicate('{"command":"quit"}\n')
    return took, cpu, line["data"]


def drop_cache():
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("1")
        return True
    except OSError:
        return False


with tempfile.TemporaryDirectory(prefix="camd-bench-", dir=os.environ.get("CAMD_BENCH_DIR")) as scratch:
    scratch = pathlib.Path(scratch)
    session = scratch / "out/session_1"
    session.mkdir(parents=True)
    ffmpeg(*picture(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "10M", "-maxrate", "10M", "-bufsize", "10M", "-g", FPS, "-bf", 0,
           "-pix_fmt", "yuv420p", "-x264-params", "slices=1:sliced-threads=0:repeat-headers=1:scenecut=0", scratch / "stream.h264")
    subprocess.run([footage, str(scratch / "stream.h264"), *SIZE.split("x"), str(session), str(minutes)], check=True)
    size = sum(file.stat().st_size for file in session.iterdir())
    print(f"{minutes} min of {SIZE} at {FPS} frames/s in {minutes} files, {size / 1e9:.2f} GB", flush=True)
    times = {}
    for name in ("warm", "cold"):
        if name == "cold" and not drop_cache():
            print("the page cache cannot be dropped here: no cold run")
            break
        floor, written = concatenate(session, scratch / "floor")
        if name == "cold":
            drop_cache()
        times[name], cpu, done = export(scratch / "out")
        assert done["ok"] and done["frames"] == minutes * 60 * FPS and not done.get("gaps"), done
        print(f"camd export, footage {'in the page cache' if name == 'warm' else 'on the disk'}: {times[name]:.2f} s, "
              f"{os.path.getsize(done['files'][0]) / 1e6 / times[name]:.0f} MB/s; processor {cpu[0]:.2f} s in camd, {cpu[1]:.2f} s in the kernel; "
              f"cat and sync: {floor:.2f} s, of which {written:.2f} s until all was written", flush=True)
    found = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=nb_frames:format=duration", "-of", "json", done["files"][0]],
                           capture_output=True, text=True, check=True)
    print("ffprobe finds", " ".join(found.stdout.split()))
    ffmpeg(*picture(PART), "-c:v", "mjpeg", "-q:v", 8, "-pix_fmt", "yuvj420p", "-f", "mjpeg", scratch / "part.mjpeg")
    part = ffmpeg("-framerate", FPS, "-f", "mjpeg", "-i", scratch / "part.mjpeg", "-c:v", "mpeg4", "-q:v", 2, scratch / "part.mp4")
    whole = part * minutes * 60 / PART
    print(f"ffmpeg, MJPEG to MPEG-4 -q:v 2: {part:.2f} s for {PART} s, so {whole:.0f} s for {minutes} min")
    for name, took in times.items():
        print(f"camd is {whole / took:.0f} times as fast ({name})")
