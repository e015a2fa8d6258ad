#!/usr/bin/env python3
"""Motion and night in films that are made here; and the judge of what was found in a real one (playback.py shows that)."""

import os
import subprocess
import tempfile

from camd import Camd, check, count_frames, equal, main, read_csv, test

HERE = os.path.dirname(os.path.abspath(__file__))
NEAR = 0.5      # seconds round a beginning or an end that are not scored: feet come before people
STEP = 0.1      # what is scored, in seconds


# ---- a real film ----

def read_truth():
    """{name: (mask, [(from, to) where somebody walks], [(from, to) not scored])}, in the file's order."""
    truth = {}
    with open(os.path.join(HERE, "vtest_motion.txt"), encoding="utf-8") as file:
        for line in file:
            word, *rest = line.split() or [""]
            if word == "region":
                truth[rest[0]] = (rest[1], [], [])
            elif word in ("move", "unclear"):
                truth[rest[0]][1 if word == "move" else 2].append((float(rest[1]), float(rest[2])))
    return truth


def intervals(events, camera_id, zero_ns, end):
    """What camd said of a camera, in seconds since the film's first frame."""
    found = []
    for event in events:
        data = event["data"]
        if data["camera_id"] != camera_id or not event["event"].startswith("motion_"):
            continue
        at = (data["sensor_timestamp_ns"] - zero_ns) / 1e9
        if event["event"] == "motion_started":
            found.append((at, end))
        else:
            equal(round(at - found[-1][0], 3), round(data["duration"], 3), "the duration")
            found[-1] = (found[-1][0], at)
    return found


def inside(spans, at, margin=0.0):
    return any(start - margin <= at <= end + margin for start, end in spans)


def judge(name, moving, unclear, found, length):
    """Prints and returns precision and recall, of moments."""
    edges = [(edge, edge) for span in moving for edge in span]
    hits = false = missed = 0
    for n in range(int(length / STEP)):
        at = n * STEP
        if inside(unclear, at, NEAR) or inside(edges, at, NEAR):
            continue
        hits += inside(moving, at) and inside(found, at)
        false += not inside(moving, at) and inside(found, at)
        missed += inside(moving, at) and not inside(found, at)
    precision, recall = hits / max(hits + false, 1), hits / max(hits + missed, 1)
    events = sum(1 for span in moving if any(start < span[1] + NEAR and end > span[0] - NEAR for start, end in found))
    strays = [span for span in found if not any(span[0] < end + NEAR and span[1] > start - NEAR for start, end in moving + unclear)]
    print(f"{name}: precision {precision:.3f}, recall {recall:.3f}; {events} of {len(moving)} walks noticed, {len(strays)} events without one")
    print("   ", " ".join(f"{start:.1f}-{end:.1f}" for start, end in found), flush=True)
    return precision, recall, events, strays


# ---- films that are made ----

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


@test
def motion_writes_a_clip():
    """Of the seconds before it started, and after."""
    with tempfile.TemporaryDirectory() as directory:
        name = film(os.path.join(directory, "box.mp4"), "smptebars=s=640x480:r=20", f"{moving_box()},{NOISE}", 7)
        with Camd("--motion", "--motion-trigger", "--prebuffer", "3", "--motion-before", "1", "--motion-after", "2", "--preset", "ultrafast",
                  cameras=[f"file:{name}"]) as camd:
            camd.ask("subscribe", events=["motion_started", "trigger_saved"])
            began = camd.event("motion_started")["sensor_timestamp_ns"]
            saved = camd.event("trigger_saved")
            clip, = saved["files"]
            times = [row["sensor_timestamp_ns"] for row in read_csv(clip)]
            check(times[0] <= began - 0.7e9 and times[-1] >= began + 1.9e9, times[0] - began, times[-1] - began)
            equal(count_frames(clip), len(times))
            camd.quit()


@test
def dark_and_bright_again():
    """Night begins and ends once, with its scores; a camera that has nothing to set says so, and is recorded all the same."""
    with tempfile.TemporaryDirectory() as directory:
        name = film(os.path.join(directory, "night.y4m"), "smptebars=s=640x480:r=20", f"eq=brightness=-0.4:enable='between(t,2,6)',{NOISE}", 9)
        with Camd("--night-mode", "still", "--night-exposure", "50ms", "--min-dark-frames", "5", cameras=[f"file:{name}"]) as camd:
            watch(camd, 5)
            camd.ask("subscribe", events=["warning"])
            camera, = camd.ask("get_status")["cameras"]
            check(camera["night"] and not camera["motion"] and camera["dark_score"] < 40, camera)
            began = camd.event("night_started")
            check(0 <= began["score"] < 40, began)
            ended = camd.event("night_ended")
            check(ended["score"] > 60 and 1 < ended["duration"] < 6, ended)
            camd.ask("wait", seconds=1)
            equal(list(camd.events), [], "once each")
            check("by night: shutter: the camera has nothing of the kind" in camd.log(), "it says what it can't do")
            # nobody looks any more, and again
            camd.ask("set_config", values={"night_mode": "off"})
            check("dark_score" not in camd.ask("get_status")["cameras"][0], "nobody looks")
            camd.fails("set_config", "bad_argument", values={"motion_mask": "0,0,2,1"})
            camd.quit()


if __name__ == "__main__":
    main()
