#!/usr/bin/env python3
"""Motion and night in films that are made here; playback.py has a real one."""

import atexit
import csv
import functools
import os
import shutil
import subprocess
import tempfile

from camd import Camd, check, count_frames, equal, main, read_csv, test


NOISE = "noise=alls=12:allf=t"


def film(path, source, filters, seconds=6):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-vf", filters, "-t", str(seconds), "-r", "20", "-pix_fmt", "yuv420p",
                    path], check=True)
    return path


def moving_box():
    """It is there from second 2 to 5."""
    return "split[a][b];[b]crop=60:80:0:0,negate[c];[a][c]overlay=x='20+(t-2)*100':y=200:enable='between(t,2,5)'"


def watch(camd, seconds):
    camd.ask("subscribe", events=["motion_started", "motion_ended", "night_started", "night_ended"])
    camd.ask("wait", seconds=seconds)


@test
def noise_light_and_a_box():
    """A still scene with noise, a light that is switched, a lamp that is dimmed: nothing. A box that crosses the picture: once, there."""
    with tempfile.TemporaryDirectory() as directory:
        scene = "smptebars=s=640x480:r=20"
        films = [film(os.path.join(directory, "noise.y4m"), scene, "noise=alls=30:allf=t"),
                 film(os.path.join(directory, "light.y4m"), scene, f"eq=brightness=0.25:enable='gte(t,3)',{NOISE}"),
                 film(os.path.join(directory, "dimmed.y4m"), scene, f"eq=brightness='-0.1*t':eval=frame,{NOISE}"),
                 film(os.path.join(directory, "box.mp4"), scene, f"{moving_box()},{NOISE}")]
        with Camd("--motion", "--motion-hold", "1", "--camera4.motion-mask", "0,0,1,0.3",
                  cameras=[f"file:{name}" for name in [*films, films[-1]]]) as camd:
            watch(camd, 9)
            began = camd.event("motion_started")
            ended = camd.event("motion_ended")
            equal((began["camera_id"], ended["camera_id"]), (3, 3))
            x, y, width, height = began["box"].values()
            check(y <= 200 / 480 and y + height >= 280 / 480 and height < 0.3 and width < 0.3, began)
            x, y, width, height = ended["box"].values()
            check(x < 0.1 and x + width > 0.4 and height < 0.3, ended)
            check(2 < ended["duration"] < 4, ended)
            equal([event for event in camd.events if event["event"].startswith("motion_")], [], "no other event")
            equal([camera["motion"] for camera in camd.ask("get_status")["cameras"]], [False] * 5)
            camd.quit()


@functools.cache
def film_of_a_box():
    directory = tempfile.mkdtemp(prefix="camd-test-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return film(os.path.join(directory, "box.mp4"), "smptebars=s=640x480:r=20", f"{moving_box()},{NOISE}", 9)


def clips_of_a_box(*flags):
    """(times of the frames of each clip of one motion, by camera_frame), motion_started, motion_ended; of a box that moves for 3 s."""
    with Camd("--motion", "--motion-trigger", "--prebuffer", "3", "--motion-before", "1", "--motion-after", "1", "--motion-hold", "1", "--intra", "0.5",
              "--preset", "ultrafast", *flags, cameras=[f"file:{film_of_a_box()}"]) as camd:
        camd.ask("subscribe", events=["motion_started", "motion_ended", "trigger_saved"])
        began, ended = (camd.event(event)["sensor_timestamp_ns"] for event in ("motion_started", "motion_ended"))
        clips = []
        while not clips or max(clips[-1].values()) < ended + 1e9:
            file, = camd.event("trigger_saved")["files"]
            rows = read_csv(file)
            equal(count_frames(file), len(rows))
            check("_motion" in os.path.basename(file), file)
            clips.append({row["camera_frame"]: row["sensor_timestamp_ns"] for row in rows})
        equal(list(camd.events), [], "no other clip")
        camd.quit()
    return clips, began, ended


@test
def motion_writes_a_clip():
    """Of the time before it, as long as it lasts, and after its end was told: motion_hold behind it."""
    (clip,), began, ended = clips_of_a_box()
    first, last = min(clip.values()), max(clip.values())
    check(first <= began - 0.7e9 and 1e9 < last - ended < 3.5e9, (first - began) / 1e9, (last - ended) / 1e9)


@test
def motion_that_lasts():
    """Goes on in another clip, and no frame is missing between."""
    clips, began, ended = clips_of_a_box("--motion-longest", "1.2")
    check(3 <= len(clips) <= 4 and min(clips[0].values()) <= began - 0.7e9, len(clips), "clips")
    for clip, after in zip(clips, clips[1:]):
        check(min(after) <= max(clip) + 1 and max(after) > max(clip), min(after), max(clip))
    for clip in clips[:-1]:
        check(max(clip.values()) - min(clip.values()) < 1.2e9 + 1.5e9 + 0.4e9, "each has its time")


@test
def motion_that_could_not_be_written():
    """What is left of it is, once that is possible; that it was not is told once."""
    with Camd("--motion", "--motion-trigger", "--motion-before", "1", "--motion-after", "1", "--motion-hold", "1", "--intra", "0.5",
              "--preset", "ultrafast", cameras=[f"file:{film_of_a_box()}"]) as camd:
        camd.ask("subscribe", events=["motion_started", "motion_ended", "trigger_saved", "warning"])
        camd.event("motion_started")
        camd.ask("set_config", values={"prebuffer": "3s"})
        ended = camd.event("motion_ended")["sensor_timestamp_ns"]
        file, = camd.event("trigger_saved")["files"]
        check(max(row["sensor_timestamp_ns"] for row in read_csv(file)) >= ended + 1e9, "its end is there")
        equal(len([event for event in camd.events if "no clip of the motion" in event["data"].get("message", "")]), 1, list(camd.events))
        camd.quit()


def check_nights(camd, began, ended):
    """A trigger's pictures say of each whether it was night, and how dark it is."""
    camd.ask("subscribe", events=["trigger_saved", "job_done"])
    camd.ask("trigger", before=11, after=0, stills="jpg", stills_every=5)
    clip, = camd.event("trigger_saved")["clips"]
    done = camd.event("job_done", where=lambda data: data["job"] == clip["stills_job"])
    with open(done["files"][0], encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    told = [(int(row["sensor_timestamp_ns"]), row["night"]) for row in rows]
    equal(told, [(at, str(int(began["sensor_timestamp_ns"] <= at < ended["sensor_timestamp_ns"]))) for at, _ in told])
    equal([night for k, (_, night) in enumerate(told) if not k or told[k - 1][1] != night], ["0", "1", "0"])
    scores = [float(row["dark_score"]) for row in rows]
    check(min(scores) < 40 and max(scores) > 60 and abs(scores[0] - scores[-1]) < 5, scores)


@test
def dark_and_bright_again():
    """Night begins and ends once, with its scores; a camera that has nothing to set says so, and is recorded all the same."""
    with tempfile.TemporaryDirectory() as directory:
        name = film(os.path.join(directory, "night.y4m"), "smptebars=s=640x480:r=20", f"eq=brightness=-0.4:enable='between(t,2,6)',{NOISE}", 9)
        with Camd("--night-mode", "still", "--night-exposure", "50ms", "--min-dark-frames", "5", "--prebuffer", "12s", "--preset", "ultrafast",
                  cameras=[f"file:{name}"]) as camd:
            watch(camd, 0)
            began = camd.event("night_started")
            camd.ask("subscribe", events=["warning"])
            camera, = camd.ask("get_status")["cameras"]
            check(camera["night"] and not camera["motion"] and camera["dark_score"] < 40, camera)
            check(0 <= began["score"] < 40, began)
            ended = camd.event("night_ended")
            check(ended["score"] > 60 and 1 < ended["duration"] < 6, ended)
            camd.ask("wait", seconds=1)
            equal(list(camd.events), [], "once each")
            check_nights(camd, began, ended)
            check("by night: shutter: the camera has nothing of the kind" in camd.log(), "it says what it can't do")
            # nobody looks any more, and again
            camd.ask("set_config", values={"night_mode": "off"})
            check("dark_score" not in camd.ask("get_status")["cameras"][0], "nobody looks")
            camd.fails("set_config", "bad_argument", values={"motion_mask": "0,0,2,1"})
            camd.quit()


if __name__ == "__main__":
    main()
