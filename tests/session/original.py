#!/usr/bin/env python3
"""What users of the Python program that camd replaces bring along: their config file, their flags, and those of rpicam-apps."""

import pathlib
import subprocess
import tempfile

from camd import CAMD, Camd, equal, check, main, read_csv, test, until


def refused(*flags):
    """What camd says when it doesn't start with such flags."""
    result = subprocess.run([CAMD, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    equal((result.returncode, result.stdout), (2, b""), f"camd {flags}")
    return result.stderr.decode()


@test
def interactive_is_somebody_elses():
    check("camctl" in refused("--mode", "interactive"), "the remedy is named")
    check("camctl" in refused("--mode=INTERACTIVE", "--camera", "synthetic"), "the remedy is named")


@test
def names_of_size_rate_and_place():
    """Looked at in the files, not in what camd says it understood."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place, \
            Camd("--width", "320", "--height", "240", "--framerate", "12.5", "--output", place, cameras=["synthetic"]) as camd:
        camd.started()
        camd.ask("start_recording", duration=1)
        until(lambda: not camd.ask("get_status")["recording"], "the end")
        video, = pathlib.Path(place).glob("session_*/cam0_320x240_12.5fps_*.mp4")
        times = [row["sensor_timestamp_ns"] for row in read_csv(video)]
        equal({round((b - a) / 1e6) for a, b in zip(times, times[1:])}, {80}, "milliseconds between frames")
        camd.quit()


if __name__ == "__main__":
    main()
