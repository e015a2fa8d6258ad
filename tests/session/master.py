#!/usr/bin/env python3
"""
A master as the program that camd replaces had them: text pipes, one reply read for each request, stderr piped and never
read, stdout not drained before waiting. $1: camd; without it $CAMD. Exits with 0 if every step reads what it expects.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

SECONDS = 5


def talk(slave, name):
    """One request, and the line that answers it."""
    slave.stdin.write(json.dumps({"command": name}) + "\n")
    slave.stdin.flush()
    return json.loads(slave.stdout.readline())


def master(camd, output):
    slave = subprocess.Popen([camd, "--mode", "slave", "--camera", "synthetic:320x240", "--camera", "synthetic:320x240",
                              "--output-dir", output],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    time.sleep(2)
    started = talk(slave, "start_recording")
    assert started["status"] == "recording_started", started
    assert len(started["data"]["files"]) == 2, started
    time.sleep(SECONDS)
    stopped = talk(slave, "stop_recording")
    assert stopped["status"] == "recording_stopped", stopped
    assert stopped["data"]["files"] == started["data"]["files"], stopped
    for camera in stopped["data"]["cameras"]:
        assert SECONDS * 30 - 15 <= camera["captured"] <= SECONDS * 30 + 30, camera
        assert os.path.getsize(camera["file"]) == camera["bytes"], camera
    report = talk(slave, "get_status")
    assert report["status"] == "status_report", report
    assert report["data"]["recording"] is False, report
    assert [camera["cam_num"] for camera in report["data"]["cameras"]] == [0, 1], report
    slave.stdin.write('{"command": "quit"}\n')
    slave.stdin.flush()
    assert slave.wait(timeout=20) == 0
    assert json.loads(slave.stdout.readline())["status"] == "quitting"
    slave.stdin.close()
    slave.stdout.close()
    slave.stderr.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        master(sys.argv[1] if len(sys.argv) > 1 else os.environ["CAMD"], directory)
    print("ok master")
