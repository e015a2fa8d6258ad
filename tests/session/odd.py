#!/usr/bin/env python3
"""Odd files, odd wishes and a kernel that says no: what is refused, in which words, and that it harms nothing else."""

import os
import pathlib
import re
import subprocess
import tempfile

from camd import CAMCTL, ROOT, SMALL, Camd, check, equal, main, test, until
from refused import failing, refusing, reply_fails


def film(path, *arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments, str(path)], check=True, timeout=60)
    os.chmod(path, 0o644)
    return path


def camera_says(path, words):
    """A camera that is this file does not open, for this reason; the other one runs."""
    with Camd(cameras=[SMALL, f"file:{path}"]) as camd:
        camd.started()
        until(lambda: re.search(words, camd.ask("get_status")["cameras"][1].get("error", "")), words)
        camd.quit()


@test
def films():
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        path = pathlib.Path(directory) / "film.avi"
        film(path, "-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=1", "-vf", "format=rgb24,crop=1:48:0:0", "-c:v", "png")
        camera_says(path, "pictures of 1x48 are too small")
        film(path, "-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=1", "-c:v", "mjpeg")
        data = bytearray(path.read_bytes())
        at = data.index(b"movi")
        data[at + 12:data.rindex(b"idx1")] = bytes(data.rindex(b"idx1") - at - 12)
        path.write_bytes(data)
        camera_says(path, "not one picture of it can be decoded")


@test
def a_film_that_claims_gigabytes():
    """Nine kilobytes, of which FFmpeg believes that their index has two gigabytes."""
    camera_says(ROOT / "tests/fuzz/corpus/mp4times/broke_1", "Cannot allocate memory")


@test
def no_random_numbers():
    with Camd() as camd:
        camd.started()
        with refusing(camd, "getrandom:error=ENOSYS"):
            reply_fails(camd, "io_error", "no random number", "start_recording")
        camd.quit()


@test
def pictures_of_triggers():
    with Camd("--prebuffer", "1s", "--frame-ring", "8") as camd:
        camd.started()
        camd.ask("subscribe", events=["job_done", "trigger_saved"])
        camd.ask("wait", seconds=0.5)
        with refusing(camd, "?mkdir:error=EROFS"):
            camd.ask("trigger", before=0.3, after=0, stills="jpg", stills_from="ring")
            done = camd.event("job_done")
            equal((done["ok"], done["code"]), (False, "storage_readonly"), done)
            check("_stills: cannot make the directory" in done["message"], done)
        camd.quit()
    with Camd("--prebuffer", "1s", "--no-enable-csv-timing-log") as camd:
        camd.started()
        camd.ask("subscribe", events=["trigger_saved"])
        camd.ask("wait", seconds=0.5)
        camd.ask("trigger", before=0.3, after=0, stills="jpg", stills_from="clip")
        check("enable_csv_timing_log" in camd.event("trigger_saved")["message"], "why there are none")
        camd.quit()


@test
def output_where_none_can_be():
    for place, words in [("/proc/recordings", "output directory /proc/recordings"), ("/dev/null/recordings", "output directory")]:
        done = subprocess.run([os.environ["CAMD"], "--output-dir", place, "--no-config", "--camera", SMALL], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        check(words in done.stdout, done.stdout)


@test
def files_that_cannot_be_read():
    """What camctl verify says of them, and of the others as ever."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        videos = []
        for container in ("mp4", "h264"):
            with Camd("--container", container, output=directory) as camd:
                camd.ask("start_recording")
                camd.ask("wait", seconds=0.5)
                videos += camd.ask("stop_recording")["files"]
                camd.quit()
        for injection, video in [("pread64:error=EIO", videos[0]), ("pread64:error=EIO:when=3", videos[0]), ("pread64:error=EIO:when=4+", videos[0]),
                                 ("read:error=EIO", videos[1])]:
            done = subprocess.run([*failing(injection, paths=[video]), CAMCTL, "verify", directory], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=60, check=False)
            check(re.search("cannot be read.*Input/output error", done.stdout), done.stdout)
            equal(done.returncode, 2)


@test
def a_raw_recording_of_another_camd():
    with Camd("--container", "h264") as first:
        first.ask("start_recording")
        first.ask("wait", seconds=0.4)
        video, = first.ask("stop_recording")["files"]
        with Camd(output=first.output) as second:
            second.started()
            second.ask("wait", seconds=1)           # what looks after crashes is through
            reply_fails(second, "busy", "belongs to another camd that runs", "remux", file=video)
            second.quit()
        first.quit()


@test
def more_cameras_than_there_may_be():
    with Camd("--discovery-timeout", "0.2", cameras=["synthetic:64x48@1"] * 65) as camd:
        until(lambda: "more than 64 cameras" in camd.log(), "which it has")
        equal(len(camd.ask("get_status")["cameras"]), 64)
        camd.quit()


@test
def labels_of_marks():
    with Camd() as camd:
        camd.started()
        camd.ask("start_recording")
        for label in ("", "two\nlines", "x" * 1000):
            message = camd.fails("mark", "bad_argument", label=label)["message"]
            check("label" in message, message)
        camd.quit()


if __name__ == "__main__":
    main()
