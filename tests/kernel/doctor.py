#!/usr/bin/env python3
"""camctl doctor --board in the test kernel: a vivid camera, and an M2M encoder that is sound, or swallows frames.

    doctor.py CASE CAMCTL           on the host: boots the kernel for the case, then reads the report
    doctor.py inside CAMCTL DIR     in the kernel: runs camctl on the vivid camera, keeps the report in DIR

Cases: sound, swallow. Time is simulated, so that the report's figures are exact.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = {"sound": "h264enc", "swallow": "h264enc swallow_every=20"}
STATUSES = {"sound": 0, "swallow": 1}
SECONDS, FPS = 2, 25


def node():
    for path in sorted(glob.glob("/sys/class/video4linux/video*")):
        with open(path + "/name", encoding="utf-8") as file:
            name = file.read()
        if name.startswith("vivid") and "vid-cap" in name:
            return "/dev/" + os.path.basename(path)
    raise AssertionError("there is no vivid camera")


def inside(camctl, target):
    """It leaves nothing but its report."""
    scratch = os.environ["CAMD_SCRATCH"]
    command = [camctl, "doctor", "--board", "--seconds", str(SECONDS), "--report", target + "/r.md", "--camera", f"v4l2:{node()}",
               "--resolution", "320x180", "--target-fps", str(FPS)]
    status = subprocess.run(command, cwd=scratch, check=False).returncode
    left = [name for name in os.listdir(scratch) if name != "recordings"]
    assert not left and not os.path.exists(scratch + "/recordings"), os.listdir(scratch)
    sys.exit(status)


def rows_of(report, section):
    text = report.split(f"\n## {section}")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if re.match(r"\| (OK|NOTE|PROBLEM) \|", line)]
    return {cells[1]: (cells[0], cells[2]) for cells in ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines)}


def recordings_of(report):
    """(title, captured, recorded, [lost by sensor, starved, encoder, storage], decoded, encoder, copied bytes, interval, rate)"""
    text = report.split("## All recordings\n")[1].split("\n## ")[0]
    for line in text.splitlines()[3:]:
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells:
            yield cells[0], int(cells[4]), int(cells[5]), [int(cell) for cell in cells[6:10]], int(cells[20]), cells[3], int(cells[22]), cells[14:18], cells[19]


def check_all(report):
    """Every recording: the ledger adds up, ffmpeg decodes as many frames as camd says, nothing was copied by the processor."""
    recordings = list(recordings_of(report))
    assert len(recordings) > 20, recordings
    for title, captured, recorded, lost, decoded, encoder, copied, *_ in recordings:
        assert captured == recorded + sum(lost) and decoded == recorded > 0, (title, captured, recorded, lost, decoded)
        hardware = not title.startswith("software")
        assert encoder.startswith("h264enc ") == hardware and encoder.endswith("(hardware)") == hardware, (title, encoder)
        assert copied == 0 or not hardware, (title, copied)
    return recordings


def check_sound(report):
    rows = rows_of(report, "Camera 0 alone")
    assert rows["frames, camera 0"] == ("OK", rows["frames, camera 0"][1]) and "lost: none" in rows["frames, camera 0"][1], rows
    captured = int(re.match(r"(\d+) of (\d+) recorded", rows["frames, camera 0"][1])[2])
    assert abs(captured - SECONDS * FPS) <= 2, captured
    # its second frame comes up to a tick late
    assert re.match(r"mean 40\.\d+ ms, spread [01]\.\d+, shortest 40\.000, longest (4\d|50)\.\d+; 0 late", rows["intervals"][1]), rows["intervals"]
    assert re.match(r"(25\.0|24\.9)\d+/s ", rows["rate"][1]), rows["rate"]
    assert rows["encoder"][1].endswith("0 bytes a frame copied by the processor (zero copy)"), rows["encoder"]
    assert re.match(rf"h264 .* 320x180: {captured} packets, {captured} decoded, {captured} rows; .*the first frame is one", rows["decoded"][1]), rows
    assert rows["start and stop"][1].startswith("10 times, 10 whole, 0 frames lost"), rows["start and stop"]
    assert re.match(r"set to 51, then 153", rows["gain"][1]), rows["gain"]
    assert rows["off and on"][0] == "OK", rows["off and on"]
    for title, _, _, lost, _, _, _, interval, rate in check_all(report):
        if title.endswith(" Mb/s"):
            assert interval == ["40.000", "0.000", "40.000", "40.000"] and rate == "25.0000", (title, interval, rate)
        # vivid's clock ticks a hundred times a second: it can't give 60 frames, and says so
        assert not any(lost) or title.startswith("60/s"), (title, lost)


def check_swallow(report):
    """Each twentieth frame of the encoder's: counted as lost by the encoder, in every recording, and the report says so."""
    verdict, measured = rows_of(report, "Camera 0 alone")["frames, camera 0"]
    assert verdict == "PROBLEM" and re.search(r"lost: encoder \d+$", measured), (verdict, measured)
    for title, captured, _, lost, *_ in check_all(report):
        if title.startswith("software"):
            assert lost == [0, 0, 0, 0], (title, lost)
        else:
            encoded = captured - lost[0]
            assert encoded // 20 - 1 <= lost[2] <= encoded // 20 + 2, (title, captured, lost)


def run(case, camctl):
    with tempfile.TemporaryDirectory() as target:
        command = [os.path.join(HERE, "run"), "-t", "-m", "2G", "-T", "500", "-k", "vivid.n_devs=1", "-M", MODULES[case], "--",
                   sys.executable, os.path.abspath(__file__), "inside", os.path.abspath(camctl), target]
        status = subprocess.run(command, check=False).returncode
        with open(target + "/r.md", encoding="utf-8") as file:
            report = file.read()
    print(report)
    {"sound": check_sound, "swallow": check_swallow}[case](report)
    problems = [line for line in report.split("\n## ")[0].splitlines() if line.startswith("| PROBLEM")]
    expected = [line for line in problems if "60/s at " in line] if case == "sound" else problems
    assert problems == expected, problems
    assert status == (1 if problems else 0), status


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
