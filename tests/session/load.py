#!/usr/bin/env python3
"""
The ledger under load: two large cameras while stress-ng wears processors and disk. Frames may be lost; each that is, is
accounted for, and each that was recorded is the one that its row says. LOAD_SECONDS: how long (60).
"""

import os
import shutil
import subprocess
import time

from camd import Camd, SANITIZED, Skip, check, check_stopped, equal, main, test

SECONDS = int(os.environ.get("LOAD_SECONDS", "10" if SANITIZED else "60"))
CAMERAS = ["synthetic:1456x1088@30", "synthetic:1456x1088@30"]


@test
def ledger_under_load():
    if not shutil.which("stress-ng"):
        raise Skip("stress-ng is not installed")
    with Camd("--preset", "ultrafast", cameras=CAMERAS) as camd:
        camd.started()
        camd.ask("subscribe", events=["frames_lost", "camera_lost"])
        stress = subprocess.Popen(["stress-ng", "--cpu", "2", "--hdd", "1", "--hdd-bytes", "128m", "--timeout", f"{SECONDS}s",
                                   "--temp-path", camd.directory, "--quiet"], stdout=subprocess.DEVNULL)
        try:
            camd.ask("start_recording", timeout=60)
            time.sleep(SECONDS)
            stopped = camd.ask("stop_recording", timeout=120)
        finally:
            stress.terminate()
            stress.wait()
        told = {0: 0, 1: 0}
        while not camd.messages.empty():
            camd.events.append(camd.line())
        for event in camd.events:
            if event["event"] == "frames_lost":
                told[event["data"]["camera_id"]] += sum(event["data"]["lost"].values())
        equal([event for event in camd.events if event["event"] == "camera_lost"], [], "cameras lost")
        for camera in stopped["cameras"]:
            lost = sum(camera["lost"].values())
            print(f"# camera {camera['camera_id']}: {camera['frames']} of {camera['captured']} frames, lost {camera['lost']}")
            rows = check_stopped(camera)
            check(abs(camera["captured"] - SECONDS * 30) < 90, f"{camera['captured']} captured")
            check(told[camera["camera_id"]] <= lost, "events tell of more than was lost")
            # in time and number: the sensor made a frame each 1/30 s, and each is a row or a loss
            span = rows[-1]["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"]
            equal(rows[-1]["frame_number"] - rows[0]["frame_number"], round(span * 30 / 1e9), "frame numbers over time")
            equal(rows[-1]["camera_frame"] - rows[0]["camera_frame"], round(span * 30 / 1e9), "camera frames over time")
        camd.quit()


if __name__ == "__main__":
    main()
