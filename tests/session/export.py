#!/usr/bin/env python3
"""export: a time range of the footage as one MP4, by stream copy, as a background job; cancel."""

import atexit
import datetime
import functools
import os
import pathlib
import random
import resource
import shutil
import subprocess
import tempfile
import time

from camd import PROBE, Camd, Skip, check, equal, ffprobe, main, packet_times_ns, read_csv, test, until
from mp4 import boxes

CAMERA = "synthetic:160x120@15?lose=23&gap_after=18:1.2"     # each 23rd frame is the sensor's loss, and once nothing comes for a while


class Footage:
    """Recordings and, of each frame in them, its row and what it decodes to."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.files = sorted(self.directory.glob("session_*/cam*.mp4"), key=lambda file: read_csv(file)[0]["sensor_timestamp_ns"])
        self.rows, self.hashes = [], []
        for file in self.files:
            rows, hashes = read_csv(file), framemd5(file)
            equal(len(hashes), len(rows), f"frames of {file.name}")
            self.rows += rows
            self.hashes += hashes

    def between(self, begin, end):
        chosen = [k for k, row in enumerate(self.rows) if begin <= float(row["write_time_unix"]) < end]
        return [self.rows[k] for k in chosen], [self.hashes[k] for k in chosen]

    def span(self):
        return float(self.rows[0]["write_time_unix"]), float(self.rows[-1]["write_time_unix"])


def framemd5(video, *flags):
    """What each frame decodes to, as players show them."""
    result = subprocess.run(["ffmpeg", "-v", "error", "-i", str(video), "-fps_mode", "passthrough", *flags, "-f", "framemd5", "-"],
                            capture_output=True, text=True, timeout=120, check=True)
    return [line.split(",")[-1].strip() for line in result.stdout.splitlines() if not line.startswith("#")]


@functools.cache
def footage():
    """A session in several files, with the camera gone for a while, one that ended in a crash, and one after that."""
    directory = tempfile.mkdtemp(prefix="camd-test-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    with Camd("--segment-length", "1", cameras=[CAMERA], output=directory) as camd:
        camd.ask("start_recording")
        time.sleep(3.2)
        camd.ask("set_camera", enabled=False)
        time.sleep(1.3)
        camd.ask("subscribe", events=["camera_found"])
        camd.ask("set_camera", enabled=True)
        camd.event("camera_found")
        camd.ask("start_recording")
        time.sleep(2.8)
        camd.kill()
    with Camd(cameras=[CAMERA], output=directory) as camd:
        camd.ask("start_recording")
        time.sleep(1.3)
        camd.ask("stop_recording")
        camd.quit()
    return Footage(directory)


def inside(material):
    """A moment behind a key frame, so that an exact cut there needs the ffmpeg program."""
    return material.rows[1]["write_time_unix"]


def stuck_ffmpeg():
    """An environment in which the ffmpeg program does nothing for a while."""
    directory = tempfile.mkdtemp(prefix="camd-test-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    program = pathlib.Path(directory) / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 5\n")
    program.chmod(0o755)
    return {**os.environ, "PATH": directory + ":" + os.environ["PATH"]}


def open_camd(*flags, output=None, **how):
    camd = Camd(*flags, cameras=["synthetic:64x48@5"], output=output or footage().directory, **how)
    camd.ask("subscribe", events=["job_progress", "job_done"])
    return camd


def export(camd, timeout=60, **arguments):
    """The job_done of an export."""
    job = camd.ask("export", **arguments)["job"]
    return camd.event("job_done", timeout, lambda data: data["job"] == job)


def done(camd, **arguments):
    end = export(camd, **arguments)
    check(end["ok"], end)
    equal(len(end["files"]), 1, "files")
    return end["files"][0], end


def seconds(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def look_at(video, end, rows, hashes):
    """The file shows these frames, at their times, and its table has their rows."""
    table = video[:-len(".mp4")] + "_frame_timing.csv"
    equal(read_csv(video), rows, "rows")
    equal(end["frames"], len(rows), "frames by job_done")
    equal(framemd5(video), hashes, "decoded frames")
    # no numbers: a camera that comes back shows them from 1 again, but the pictures are all different
    result = subprocess.run([PROBE, video, table, "--excerpt"], capture_output=True, text=True, timeout=60)
    check(result.returncode == 0, "probe:", result.stdout[-600:], result.stderr[-600:])
    equal(float(ffprobe(video, "-show_entries", "format=start_time")["format"]["start_time"]), 0.0, "first time")


def check_gaps(end, rows, begin, stop):
    """Each second or more without a frame is told, and nothing else."""
    times = [float(row["write_time_unix"]) for row in rows]
    wanted = [(a, b) for a, b in zip([begin] + times, times) if b - a >= 1]
    wanted += [(times[-1], stop)] if stop - times[-1] - 1 / 15 >= 1 else []
    found = [(seconds(gap["from"]), seconds(gap["to"])) for gap in end.get("gaps", [])]
    equal(len(found), len(wanted), f"gaps: {found} for {wanted}; number")
    for (a, b), (c, d) in zip(found, wanted):
        check(abs(a - c) < 0.08 and abs(b - d) < 1e-5, f"gap {a} to {b}, not {c} to {d}")


# ---- what it makes ----

@test
def ten_random_ranges():
    """To the frame, over an outage and a crash."""
    material = footage()
    first, last = material.span()
    check(len(material.files) >= 5, material.files)
    seed = random.randrange(10**6)
    print(f"# seed {seed}")
    chance = random.Random(seed)
    longest = 0
    with open_camd("--export-keep", "0") as camd:
        for _ in range(10):
            begin, end = sorted(chance.uniform(first - 0.5, last + 0.5) for _ in range(2))
            rows, hashes = material.between(begin, end)
            if not rows:
                equal(export(camd, **{"camera_id": 0, "from": f"{begin:.9f}", "to": f"{end:.9f}"})["code"], "not_found")
                continue
            video, told = done(camd, camera_id=0, **{"from": f"{begin:.9f}", "to": f"{end:.9f}"})
            look_at(video, told, rows, hashes)
            check_gaps(told, rows, begin, end)
            longest = max(longest, len(rows))
        camd.quit()
    check(longest > 20, "no range of any length")


@test
def from_row_to_row():
    """The times of rows, as the table says them, are the times of their frames."""
    material = footage()
    with open_camd("--export-keep", "0") as camd:
        for begin, end in ((1, 8), (2, 9), (3, 10), (4, 11), (5, 12)):
            times = [material.rows[k]["write_time_unix"] for k in (begin, end)]
            for as_said in (str, float):
                video, _ = done(camd, **{"from": as_said(times[0]), "to": as_said(times[1])})
                equal(read_csv(video), material.rows[begin:end], f"{as_said} {times}")
        camd.quit()


@test
def everything():
    """Without a range: all there is; the unit of its times is as coarse as its gaps need."""
    material = footage()
    with open_camd() as camd:
        video, told = done(camd)
        look_at(video, told, material.rows, material.hashes)
        check_gaps(told, material.rows, *material.span())
        check(len(told["gaps"]) >= 1, told)
        equal([kind for kind, _, _ in boxes(video)], ["ftyp", "moov", "mdat"])
        camd.quit()


@test
def precise_begins_there():
    """Nothing before the first frame is in the file; the pictures show the numbers of their rows."""
    material = footage()
    first, _ = material.span()
    with open_camd() as camd:
        video, told = done(camd, precise=True, **{"from": first + 0.7, "to": first + 1.9})
        rows, _ = material.between(first + 0.7, first + 1.9)
        equal(read_csv(video), rows)
        equal(len(packet_times_ns(video)), len(rows), "packets")
        probe = subprocess.run([PROBE, video, video[:-4] + "_frame_timing.csv", "--number-pattern", "--excerpt"], capture_output=True, timeout=60)
        equal(probe.returncode, 0, probe.stderr)
        camd.quit()


@test
def while_it_records():
    """What is recorded already can be exported, and the recording does not notice."""
    with Camd(cameras=["synthetic:160x120@15"]) as camd:
        camd.ask("subscribe", events=["job_done"])
        camd.ask("start_recording")
        time.sleep(1.5)
        video, told = done(camd, label="so_far")
        check(video.endswith("_so_far.mp4"), video)
        stopped = camd.ask("stop_recording")
        rows = read_csv(stopped["files"][0])
        equal(read_csv(video), rows[:told["frames"]])
        equal(framemd5(video), framemd5(stopped["files"][0])[:told["frames"]])
        check(told["frames"] > 10, told)
        camd.quit()


@test
def moments_as_people_write_them():
    material = footage()
    first, _ = material.span()
    whole = int(first) + 1
    utc = datetime.datetime.fromtimestamp(whole, datetime.timezone.utc)
    local = utc.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    with open_camd(env={**os.environ, "TZ": "Asia/Kolkata"}) as camd:
        for text in (whole, f"{whole}.0", utc.strftime("%Y-%m-%dT%H:%M:%SZ"), local.isoformat(), local.strftime("%Y-%m-%d %H:%M:%S"),
                     local.strftime("%Y-%m-%dT%H:%M:%S.000+0530")):
            video, told = done(camd, **{"from": text, "to": str(whole + 1)})
            equal(read_csv(video), material.between(whole, whole + 1)[0], text)
        camd.fails("export", "bad_argument", **{"from": "yesterday"})
        camd.fails("export", "bad_argument", **{"from": "2026-11-20T25:00"})
        camd.fails("export", "bad_argument", **{"from": 20, "to": 10})
        camd.quit()


# ---- how many are kept ----

def names(camd):
    folder = camd.output / "exports"
    return sorted(os.listdir(folder)) if folder.exists() else []


@test
def a_new_one_replaces_the_oldest():
    with Camd(cameras=["synthetic:64x48@5"]) as camd:
        camd.ask("subscribe", events=["job_done"])
        shutil.copytree(footage().directory, camd.output, dirs_exist_ok=True, ignore=shutil.ignore_patterns("exports"))
        one, _ = done(camd, label="one")
        two, _ = done(camd, label="two")
        check(not os.path.exists(one) and os.path.exists(two), names(camd))
        equal(len(names(camd)), 2)
        pathlib.Path(two + ".protected").touch()
        camd.ask("set_config", values={"export_keep": 2})
        for label in ("three", "four", "five"):
            done(camd, label=label)
        left = [name.split("_")[-1] for name in names(camd) if name.endswith(".mp4")]
        equal(sorted(left), ["five.mp4", "four.mp4", "two.mp4"])
        camd.ask("set_config", values={"export_keep": 0})
        done(camd, label="five")
        equal(sum(name.endswith(".mp4") for name in names(camd)), 4)
        camd.quit()


# ---- what goes wrong ----

@test
def raw_recordings():
    """They can't be exported before they are remuxed, and whoever asks is told, whether there is something else or not."""
    with Camd("--container", "h264", cameras=["synthetic:64x48@10"]) as camd:
        camd.ask("subscribe", events=["job_done"])
        equal(export(camd)["message"], f"There are no recordings in {camd.output}")
        camd.ask("start_recording")
        time.sleep(1)
        raw, = camd.ask("stop_recording")["files"]
        told = "1 raw recording (.h264), of whatever time, is left out: remux makes an MP4 of one, which can be exported"
        equal(export(camd)["message"], f"There are no recordings in {camd.output}; {told}")
        check(not (camd.output / "exports").exists(), "a folder with nothing in it")
        with Camd(cameras=["synthetic:64x48@10"], output=camd.output) as other:
            other.ask("subscribe", events=["job_done"])
            other.ask("start_recording")
            time.sleep(1)
            other.ask("stop_recording")
            equal(done(other)[1]["message"], told)
            other.quit()
        job = camd.ask("remux", file=raw)["job"]
        check(camd.event("job_done", where=lambda data: data["job"] == job)["ok"], "remuxed")
        equal(done(camd)[1].get("message"), None)
        camd.quit()


@test
def hostile_names():
    """Nothing outside of the output directory is read or written."""
    outside = pathlib.Path(tempfile.mkdtemp(prefix="camd-test-"))
    atexit.register(shutil.rmtree, outside, ignore_errors=True)
    with Camd(cameras=["synthetic:64x48@5"]) as camd:
        camd.ask("subscribe", events=["job_done"])
        for label in ("../x", "a/b", "", "a b", "x" * 65, "..", "\n"):
            equal(camd.fails("export", "bad_argument", label=label)["argument"], "label")
        for camera in (-1, 64, 2**40):
            camd.fails("export", "unknown_camera", camera_id=camera)
        equal(export(camd)["code"], "not_found")
        # footage behind links, and what only calls itself footage
        shutil.copytree(footage().directory, outside / "real", ignore=shutil.ignore_patterns("exports"))
        session = next((outside / "real").glob("session_*"))
        (camd.output / "session_link").symlink_to(session)
        (camd.output / "session_mine").mkdir()
        for video in session.glob("*.mp4"):
            (camd.output / "session_mine" / video.name).symlink_to(video)
        (camd.output / "session_mine" / "cam0_noise.mp4").write_bytes(os.urandom(20000))
        (camd.output / "session_mine" / "cam0_empty.mp4").touch()
        os.mkfifo(camd.output / "session_mine" / "cam0_pipe.mp4")
        equal(export(camd)["code"], "not_found")
        # the folder of exports is a link
        check(not (camd.output / "exports").exists(), "a folder with nothing in it")
        (camd.output / "exports").symlink_to(outside)
        equal(export(camd)["code"], "path_not_allowed")
        equal(sorted(os.listdir(outside)), ["real"])
        camd.quit()


def damaged(video, at, data):
    with open(video, "r+b") as file:
        file.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        file.write(data)


@test
def damaged_files():
    """Files whose index lies: an error or frames, but nothing worse, and what is sound is found."""
    chance = random.Random(5)
    with Camd(cameras=["synthetic:64x48@5"]) as camd:
        camd.ask("subscribe", events=["job_done"])
        for number in range(12):
            folder = camd.output / f"session_{number}"
            folder.mkdir()
            video = folder / "cam0_64x48.mp4"
            shutil.copyfile(footage().files[0], video)
            size = video.stat().st_size
            index = size - boxes(video)[-1][1]
            damaged(video, chance.randrange(index, size - 8), os.urandom(8))
            end = export(camd)
            check(end["ok"] or end["code"] in ("not_found", "io_error", "unsupported"), end)
            shutil.rmtree(folder)
        equal([name for name in names(camd) if name.endswith(".part")], [])
        camd.quit()


@test
def other_sizes_are_refused():
    """What no file can hold both is told with the file where it begins."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as directory:
        for size in ("160x120", "64x48"):
            with Camd(cameras=[f"synthetic:{size}@15"], output=directory) as camd:
                camd.ask("start_recording")
                time.sleep(0.5)
                camd.ask("stop_recording")
                camd.quit()
        with open_camd(output=directory) as camd:
            end = export(camd)
            equal(end["code"], "unsupported")
            check("64x48" in end["message"] and "160x120" in end["message"], end)
            equal(names(camd), [])
            camd.quit()


@test
def encoded_in_two_ways():
    """Files of one size whose parameter sets differ: each frame is decoded by its own."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as directory:
        for profile in ("baseline", "high"):
            with Camd("--profile", profile, "--encoder", "software", cameras=["synthetic:160x120@15"], output=directory) as camd:
                camd.ask("start_recording")
                time.sleep(0.7)
                camd.ask("stop_recording")
                camd.quit()
        material = Footage(directory)
        with open_camd(output=directory) as camd:
            video, told = done(camd)
            look_at(video, told, material.rows, material.hashes)
            camd.quit()


@test
def many_files():
    """All of them are open at once: more than may be are refused, with what to do; the limit is raised where that may be."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as directory:
        session = pathlib.Path(directory) / "session_1"
        session.mkdir()
        for number in range(70):
            shutil.copyfile(footage().files[0], session / f"cam0_{number}.mp4")
        for hard, code in ((64, "unsupported"), (256, None)):
            with open_camd(output=directory, wrapper=("prlimit", f"--nofile=64:{hard}")) as camd:
                end = export(camd)
                equal(end.get("code"), code, end)
                check(code or end["frames"] == len(read_csv(footage().files[0])), end)
                check(not code or "LimitNOFILE" in end["message"], end)
                camd.quit()


@test
def cancelled():
    """What runs and what waits in line: no file is left."""
    material = footage()
    with open_camd("--export-keep", "0", env=stuck_ffmpeg()) as camd:
        before = names(camd)
        jobs = [camd.ask("export", precise=True, **{"from": inside(material)})["job"] for _ in range(3)]
        until(lambda: any("precise" in name for name in names(camd)), "the first one in the middle")
        for job in reversed(jobs):
            equal(camd.ask("cancel", job=job), {"job": job})
        for job in reversed(jobs):
            end = camd.event("job_done", where=lambda data: data["job"] == job)
            equal((end["ok"], end.get("code"), end["files"]), (False, "cancelled", []), end)
        equal(names(camd), before)
        camd.fails("cancel", "not_found", job=jobs[0])
        camd.fails("cancel", "missing_argument")
        done(camd, label="after")
        camd.quit()


@test
def cancelled_anywhere():
    """However far it is: either it is complete, or nothing is left of it."""
    chance = random.Random(3)
    with open_camd("--export-keep", "0") as camd:
        before, complete, tries = names(camd), [], 0
        while tries < 40 or len(complete) == tries < 400:       # on a busy machine few are cancelled in time
            tries += 1
            job = camd.ask("export", label="now")["job"]
            time.sleep(chance.uniform(0, 0.02))
            camd.send("cancel", job=job)
            camd.reply()
            end = camd.event("job_done", where=lambda data: data["job"] == job)
            check(end["ok"] or end["code"] == "cancelled", end)
            complete += end["files"]
        made = sorted({*names(camd)} - {*before})
        equal([name for name in made if name.endswith(".mp4")], sorted(map(os.path.basename, complete)))
        equal(len(made), 2 * len(complete), "and their tables")
        check(len(complete) < tries, "none was cancelled in time")
        camd.quit()


@test
def no_room_in_the_middle():
    """What can't be written is told with what to do about it, and nothing is left."""
    with open_camd("--export-keep", "0") as camd:
        before = names(camd)
        camd.started()
        old = resource.prlimit(camd.process.pid, resource.RLIMIT_FSIZE)
        for limit in (0, 100, 3000, 30000):
            resource.prlimit(camd.process.pid, resource.RLIMIT_FSIZE, (limit, old[1]))
            end = export(camd)
            equal(end["code"], "storage_full", end)
            check("/exports" in end["message"] and "export less at once" in end["message"], end)
            equal(names(camd), before)
        resource.prlimit(camd.process.pid, resource.RLIMIT_FSIZE, old)
        done(camd)
        camd.quit()


@test
def crash_in_the_middle():
    """A camd that is killed leaves no file under a final name, and its parts go at the next start; those of one that runs stay."""
    nothing = {"from": 1, "to": 2}
    with Camd(cameras=["synthetic:64x48@5"], env=stuck_ffmpeg()) as camd:
        shutil.copytree(footage().directory, camd.output, dirs_exist_ok=True, ignore=shutil.ignore_patterns("exports"))
        camd.ask("export", precise=True, **{"from": inside(footage())})
        until(lambda: any("precise" in name for name in names(camd)), "parts")
        parts = names(camd)
        check(all(name.endswith(".part") for name in parts), parts)
        with open_camd(output=camd.output) as other:
            equal(export(other, **nothing)["code"], "not_found")    # so it has looked at what was left
            equal(names(camd), parts)
            other.quit()
        camd.kill()
        equal(names(camd), parts)
        with open_camd(output=camd.output) as other:
            equal(export(other, **nothing)["code"], "not_found")
            equal(names(camd), [])
            other.quit()


@test
def disk_full():
    """An export that does not fit is told before anything is copied."""
    if os.geteuid():
        raise Skip("only root can mount")
    with tempfile.TemporaryDirectory(prefix="camd-test-") as directory:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", directory], stderr=subprocess.DEVNULL).returncode:
            raise Skip("no file system can be mounted here")
        try:
            shutil.copytree(footage().files[0].parent, directory + "/session_old")
            with open_camd(output=directory) as camd:
                end = export(camd)
                equal(end["code"], "storage_full")
                check("MB" in end["message"] and "free some space" in end["message"], end)
                equal(names(camd), [])
                camd.quit()
        finally:
            subprocess.run(["umount", "-l", directory], check=True)


main()
