#!/usr/bin/env python3
"""How camd ends, in simulated time: what it waits for is counted to the millisecond, and what it computes costs nothing.

    stop.py CASE CAMD PROBE [FAKE]       on the host: boots the kernel for the case, then reads back every frame
    stop.py inside CASE CAMD DIR [FAKE]  in the kernel: drives camd over its protocol, copies what it recorded to DIR

Cases: software, hardware (four vivid cameras record, encoded by either; from SIGTERM to the end with finished files there must be less
than 2 s), hang (FAKE is the module with cameras of libcamera's that don't exist: one hangs in its driver while it records, which is told
after half a minute, and left to itself at the end).
"""
import glob
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

MOST_S = 2


def ended_after(camd, number):
    """Seconds from a signal to the end."""
    began = time.monotonic()
    camd.process.send_signal(number)
    assert camd.process.wait() == 0
    return time.monotonic() - began


def inside_four(camd, case):
    flags = ["--resolution", "320x180", "--target-fps", "10", "--bitrate", "300k", "--prebuffer", "3", "--encoder",
             "m2m" if case == "hardware" else "software"]
    process = inkernel.Camd(camd, *flags)
    try:
        assert len(process.ask("start_recording")["files"]) == 4
        process.ask("wait", seconds=3)
        process.ask("trigger", before=2, after=30)      # a clip that is not over, either
        process.ask("wait", seconds=2)
        seconds = ended_after(process, signal.SIGTERM)
    except BaseException:
        print(process.log()[-6000:], file=sys.stderr)
        process.process.kill()
        raise
    print(f"four cameras, {case}: {seconds:.3f} s from SIGTERM to the end")
    assert seconds < MOST_S, seconds


def inside_hang(camd, fake):
    os.environ.update(CAMD_LIBCAMERA=fake, FAKE_LIBCAMERA="silent=50,hang_stop=1,only=0")
    process = inkernel.Camd(camd, "--resolution", "320x240", "--target-fps", "50", "--camera", "libcamera:0", "--camera", "libcamera:1")
    try:
        process.ask("subscribe", events=["camera_lost"])
        process.ask("start_recording")
        began = time.monotonic()
        process.ask("wait", seconds=20)
        assert not process.seen("camera_lost"), "its source may still mend it"
        process.ask("wait", seconds=12)         # half a minute, behind its fiftieth frame
        assert process.seen("camera_lost", camera_id=0) == 1 and not process.seen("camera_lost", camera_id=1), process.events
        states = [camera["state"] for camera in process.ask("get_status")["cameras"]]
        assert states == ["lost", "running"], states
        first, second = process.ask("stop_recording")["cameras"]
        assert first["captured"] == first["frames"] == 50 and not sum(first["lost"].values()), first
        waited = time.monotonic() - began
        assert abs(second["frames"] - 50 * waited) <= 2 and second["captured"] == second["frames"], (second, waited)
        seconds = ended_after(process, signal.SIGTERM)
        assert 5 <= seconds < 6, seconds
        assert "camera 0: its driver does not come back from a call; it is left to itself" in process.log()
    except BaseException:
        print(process.log()[-6000:], file=sys.stderr)
        process.process.kill()
        raise


def inside(case, camd, target, fake=None):
    if case == "hang":
        inside_hang(camd, fake)
    else:
        os.environ["CAMD_LIBCAMERA"] = "/nowhere"
        inside_four(camd, case)
    found = sorted(glob.glob(os.environ["CAMD_SCRATCH"] + "/recordings/*/*.mp4"))
    print("\n".join(map(os.path.basename, found)))
    assert len(found) == (2 if case == "hang" else 8), found
    assert all(map(inkernel.is_finished, found)), found
    if case != "hang":
        lengths = {os.path.basename(video): len(open(video[:-len(".mp4")] + "_frame_timing.csv", "rb").readlines()) - 1 for video in found}
        assert all(rows >= (38 if name.startswith("clip_") else 48) for name, rows in lengths.items()), lengths
    inkernel.keep(target)


def run(case, camd, probe, fake=None):
    flags = {"software": ["-t", "-m", "3G", "-k", "vivid.n_devs=4"], "hardware": ["-t", "-m", "3G", "-k", "vivid.n_devs=4", "-M", "h264enc latency=3"],
             "hang": ["-t"]}[case]
    more = [os.path.abspath(fake)] if fake else []
    inkernel.run(__file__, case, camd, probe, ["-T", "300", *flags], more=more)


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
