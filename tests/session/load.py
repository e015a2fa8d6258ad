#!/usr/bin/env python3
"""
The ledger under load: two large cameras while stress-ng wears processors, memory and disk. Frames may be lost; each that is, is
accounted for, and each that was recorded is the one that its row says. Meanwhile camd answers: how soon is printed.

    load.py [--seconds N] [TEST...]     for how long, 60 if absent
"""

import os
import shutil
import subprocess
import sys
import time

from camd import Camd, SANITIZED, Skip, check, check_video, equal, main, test

SECONDS = 10 if SANITIZED else 60
CAMERAS = ["synthetic:1456x1088@30", "synthetic:1456x1088@30"]
if "--seconds" in sys.argv:
    at = sys.argv.index("--seconds")
    SECONDS = int(sys.argv[at + 1])
    del sys.argv[at:at + 2]


def ask_meanwhile(camd, seconds):
    """A ping and a status every second. Prints how long the answers took."""
    took = {"ping": [], "get_status": []}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for command, times in took.items():
            began = time.monotonic()
            camd.ask(command, timeout=60)
            times.append((time.monotonic() - began) * 1000)
        time.sleep(max(0, min(1, end - time.monotonic())))
    for command, times in took.items():
        times.sort()
        print(f"# {command}: {len(times)} answers, after {times[len(times) // 2]:.1f} ms (median), {times[len(times) * 99 // 100]:.1f} ms (99 of 100), "
              f"{times[-1]:.1f} ms (all)")


def check_camera(camera, files, told, away):
    """
    away: how often it got no time for seconds, was given up, and opened again: it may come back between two frames, and the numbers in
    its pictures begin anew.
    """
    lost = sum(camera["lost"].values())
    print(f"# camera {camera['camera_id']}: {camera['frames']} of {camera['captured']} frames in {len(files)} files, lost {camera['lost']}, opened again {away} times")
    equal((camera["captured"], len(files)), (camera["frames"] + lost, camera["segments"]), "captured")
    equal(camera["bytes"], sum(os.path.getsize(file) for file in files), "bytes")
    check(abs(camera["captured"] - SECONDS * 30) < 90, f"{camera['captured']} captured")
    check(told <= lost, f"events tell of {told} losses")
    first, last, frames = None, None, 0
    for file in files:
        rows = check_video(file, numbers=not away, before=last)
        frames += len(rows)
        first, last = first or rows[0], rows[-1]
    equal(frames, camera["frames"], "rows")
    behind = lost - sum(last[f"lost_{cause}"] for cause in camera["lost"])
    equal(last["frame_number"] + behind, camera["captured"], f"the last one's number, and {behind} lost behind it")
    # in time and number: the sensor made a frame each 1/30 s, and each is a row or a loss
    made = round((last["sensor_timestamp_ns"] - first["sensor_timestamp_ns"]) * 30 / 1e9)
    for count in ("frame_number", "camera_frame"):
        check(abs(last[count] - first[count] - made) <= away, f"{count}: {first[count]} to {last[count]} in the time of {made} frames")


@test
def ledger_under_load():
    if not shutil.which("stress-ng"):
        raise Skip("stress-ng is not installed")
    with Camd("--preset", "ultrafast", "--bitrate", "4M", "--segment-length", "120s", cameras=CAMERAS) as camd:
        camd.started()
        camd.ask("subscribe", events=["frames_lost", "camera_lost", "segment_finished"])
        stress = subprocess.Popen(["stress-ng", "--cpu", "2", "--vm", "1", "--vm-bytes", "256m", "--hdd", "1", "--hdd-bytes", "128m", "--timeout", f"{SECONDS}s",
                                   "--temp-path", camd.directory, "--quiet"], stdout=subprocess.DEVNULL)
        try:
            camd.ask("start_recording", timeout=60)
            ask_meanwhile(camd, SECONDS)
            stopped = camd.ask("stop_recording", timeout=120)
            camd.ask("ping")            # what events are on their way come before its answer
        finally:
            stress.terminate()
            stress.wait()
        told, files, away = {0: 0, 1: 0}, {0: [], 1: []}, {0: 0, 1: 0}
        for event in camd.events:
            data = event["data"]
            if event["event"] == "camera_lost":
                away[data["camera_id"]] += 1
            elif event["event"] == "segment_finished":
                files[data["camera_id"]].append(data["file"])
            elif event["event"] == "frames_lost":
                told[data["camera_id"]] += sum(data["lost"].values())
        for camera in stopped["cameras"]:
            check_camera(camera, files[camera["camera_id"]], told[camera["camera_id"]], away[camera["camera_id"]])
        camd.quit()


if __name__ == "__main__":
    main()
