#!/usr/bin/env python3
"""The file source: a real video, not made here, is recorded frame by frame at its own times. $VIDEO: which one."""

import os
import pathlib
import shutil
import tempfile
import time

import motion_judge
from camd import (Camd, SANITIZED, SMALL, Skip, check, check_stopped, count_frames, equal, ffprobe, main, packet_times_ns, test, until)

PLACES = [os.environ.get("VIDEO", ""), "/usr/share/doc/opencv-doc/examples/data/vtest.avi",
          "/usr/share/doc/opencv-doc/opencv4/html/vtest.avi", "/usr/share/opencv4/samples/data/vtest.avi"]


def find_video():
    for place in PLACES:
        if place and os.path.exists(place):
            return place
    for path in pathlib.Path("/usr/share/doc/opencv-doc").rglob("vtest.avi*"):
        return str(path)
    raise Skip("Debian's opencv-doc is not installed")


def clip(directory, seconds=None):
    """The video, or its first seconds, unpacked, in a directory."""
    found, video = find_video(), os.path.join(directory, "vtest.avi")
    if found.endswith(".gz"):
        os.system(f"gzip -dc '{found}' >'{video}'")
    else:
        shutil.copy(found, video)
    if seconds:
        short = os.path.join(directory, "short.avi")
        equal(os.system(f"ffmpeg -v error -i '{video}' -t {seconds} -c copy '{short}'"), 0)
        return short
    return video


def check_same(original, camera):
    """As many frames as the original has, at its times; but for those that the encoder of a sanitized build is too slow for."""
    frames, lost = count_frames(original), sum(camera["lost"].values())
    check(not lost or SANITIZED and lost == camera["lost"]["encoder"] < frames // 2, camera["lost"])
    equal(camera["frames"] + lost, frames, "frames")
    rows = check_stopped(camera, numbers=False)
    numerator, denominator = map(int, ffprobe(original, "-select_streams", "v:0", "-show_entries", "stream=avg_frame_rate")
                                 ["streams"][0]["avg_frame_rate"].split("/"))
    for k, row in ((row["frame_number"] - 1, row) for row in rows):
        exact = k * 1000000000 * denominator / numerator
        check(abs(row["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"] - exact) <= 1, f"time of frame {k}")
    equal(len(packet_times_ns(camera["file"])), camera["frames"], "packets")


def check_motion(camd, first_ns, length):
    """Of people in three regions of the film, against what its pictures show."""
    events = [message for message in camd.events if message["type"] == "event"]
    for number, (name, (_, moving, unclear)) in enumerate([*motion_judge.read_truth().items()][:len(first_ns)]):
        found = motion_judge.intervals(events, number, first_ns[number], length)
        precision, recall, noticed, strays = motion_judge.judge(name, moving, unclear, found, length)
        equal((noticed, strays), (len(moving), []), "walks noticed, and motion where nobody is")
        check(precision >= 0.95 and recall >= 0.9, "precision and recall")


def played(camd):
    """How many frames of its film each camera has brought into its recording, or lost."""
    return [camera["recorded_frames"] + sum(camera["lost"].values()) for camera in camd.ask("get_status")["cameras"]]


@test
def all_of_a_real_video():
    """Recorded thrice (once, where programs are slow), and each looks for motion in a region of its own."""
    masks = []
    for number, (mask, _, _) in enumerate(motion_judge.read_truth().values()):
        masks += [f"--camera{number}.motion-mask", mask]
    with tempfile.TemporaryDirectory() as directory:
        video = clip(directory)
        with Camd("--preset", "ultrafast", "--motion-hold", "0.5", "--camera2.motion-min-area", "0.1", *masks, cameras=[f"file:{video}"] * (1 if SANITIZED else 3)) as camd:
            original, = ffprobe(video, "-select_streams", "v:0",
                                "-show_entries", "stream=width,height,nb_frames,duration")["streams"]
            camd.started()
            camd.ask("subscribe", events=["motion_started", "motion_ended"])
            started = camd.ask("start_recording")["cameras"]
            camd.ask("set_config", values={"motion": True})
            wanted, length = int(original["nb_frames"]), float(original["duration"])
            until(lambda: min(played(camd)) >= wanted, "all frames", timeout=(4 if SANITIZED else 1) * length + 30)
            time.sleep(0.5)
            equal(played(camd)[0], wanted, "at its end it stays, silent")
            cameras = camd.ask("stop_recording")["cameras"]
            check(f"cam0_{original['width']}x{original['height']}_10.0fps_" in cameras[0]["file"], cameras[0]["file"])
            for camera in cameras:
                check_same(video, camera)
            check_motion(camd, [camera["first_sensor_timestamp_ns"] for camera in started], length)
            camd.quit()


@test
def again_from_its_first_frame():
    """Each recording plays it anew; a loop goes on; a size that is set is kept to."""
    with tempfile.TemporaryDirectory() as directory:
        video = clip(directory, seconds=1.5)
        frames = count_frames(video)
        with Camd(cameras=[f"file:{video}", f"file:{video}?loop", SMALL]) as camd:
            camd.started()
            for _ in range(2):
                camd.ask("start_recording", camera_id=[0, 2])
                until(lambda: played(camd)[0] >= frames, "all frames")
                check_same(video, camd.ask("stop_recording", camera_id=[0, 2])["cameras"][0])
            camd.ask("start_recording", camera_id=1)
            until(lambda: played(camd)[1] >= 2 * frames + 2, "more than twice all frames")
            looped, = camd.ask("stop_recording")["cameras"]
            rows = check_stopped(looped, numbers=False)
            lost = sum(looped["lost"].values())
            check(not lost or SANITIZED, looped["lost"])
            check(len(rows) + lost > 2 * frames, "it went on")
            camd.quit()
        with Camd("--resolution", "320x240", cameras=[f"file:{video}"]) as camd:
            started = camd.ask("start_recording")
            check("_320x240_" in started["files"][0], started["files"])
            camd.quit()


if __name__ == "__main__":
    main()
