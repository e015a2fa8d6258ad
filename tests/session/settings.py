#!/usr/bin/env python3
"""Settings: file, flags, old names, get_config and set_config; and what they do: modes, previews, greeting."""

import base64
import json
import pathlib
import re
import subprocess
import tempfile
import time

from camd import Camd, Failure, SANITIZED, SMALL, check, check_stopped, equal, ffprobe, jpeg_size, main, read_csv, read_lines, test, until


def configured(text, *flags, cameras=(SMALL,), **settings):
    """A camd with a file of settings, which has read it before this returns."""
    file = tempfile.NamedTemporaryFile("w", suffix=".conf", prefix="camd-test-")
    file.write(text)
    file.flush()
    camd = Camd("--config", file.name, *flags, cameras=cameras, **settings)
    try:
        camd.ask("ping")
    except Failure:
        camd.__exit__(Failure, None, None)
        raise
    file.close()
    return camd


def values(camd, *names):
    found = camd.ask("get_config", names=list(names))["values"]
    equal(sorted(found), sorted(names))
    return [found[name] for name in names]


@test
def file_of_settings():
    text = """
# a comment
   # another
target_fps = 12      # behind a value
resolution=160x120
  bitrate   =   2M
session_prefix = "my trial"
intra = 500ms
timezone = utc

[section]
nonsense
targt_fps = 3
resolutoin = 5
jpeg_quality = 200
preset = ultrafast"""
    with configured(text, cameras=["synthetic"]) as camd:
        equal(values(camd, "target_fps", "bitrate", "session_prefix", "preset", "jpeg_quality"),
              [12, 2000000, "my trial", "ultrafast", 92])
        log = camd.log()
        for line, words in ((11, "[section]"), (12, "nonsense"), (13, "target_fps"), (14, "resolution"), (15, "jpeg_quality")):
            check(re.search(rf"line {line}: .*{re.escape(words)}", log), f"line {line} is not in session.log with {words}: {log}")
        check("line 10" not in log and "line 16" not in log, "good lines are not complained of")
        camd.started()
        camd.ask("start_recording", duration=1)
        until(lambda: not camd.ask("get_status")["recording"], "the end")
        video, = camd.output.glob("my trial_*/cam0_160x120_12.0fps_*.mp4")
        last = read_csv(video)[-1]["frame_number"]
        check(last == 12 or SANITIZED and 6 < last < 12, last)      # there the last ones may be lost
        camd.quit()


@test
def flags_override_the_file():
    with configured("target_fps = 10\nresolution = 2\ncontainer = h264\ncamera = synthetic:320x240\nconsole_output = true\n",
                    "--target-fps", "20", "--container=mp4", "--no-console", cameras=()) as camd:
        equal(values(camd, "target_fps", "resolution", "container", "console_output"), [20, "1280x720", "mp4", False])
        equal([camera["kind"] for camera in camd.ask("list_cameras")["cameras"]], ["synthetic"])
        camd.quit()
    with configured("camera = synthetic:320x240\ncamera = synthetic:64x48\n", cameras=["synthetic:160x120"]) as camd:
        equal(len(camd.ask("list_cameras")["cameras"]), 1, "cameras of the flags alone")
        equal(values(camd, "camera"), [["synthetic:160x120"]])
        camd.quit()


@test
def names_of_the_original():
    for line, container in (("disable_mp4_conversion = true  # raw", "h264"), ("disable_mp4_conversion = false", "mp4"),
                            ("disable_mp4_conversion = maybe", "mp4")):
        with configured(line + "\n") as camd:
            equal(values(camd, "container"), [container], line)
            equal("disable_mp4_conversion" in camd.log() or "container" in camd.log(), "maybe" in line, f"a warning for {line}")
            started = camd.ask("start_recording")
            check(started["files"][0].endswith("." + container), started["files"])
            camd.quit()
    for preset, size in enumerate(["1456x1088", "1280x960", "1280x720", "1024x768", "800x600", "640x480", "480x360", "320x240"]):
        old = preset % 2        # the key of the original, or the flag
        with configured(f"resolution_preset = {preset}\n" if old else "", *([] if old else ["--resolution", str(preset)])) as camd:
            equal(values(camd, "resolution"), [size])
            camd.quit()
    for line, flags, shown in (("", [], True), ("show_preview = false\n", [], False), ("show_preview = false\n", ["--preview"], True),
                               ("", ["--no-preview"], False), ("", ["--no-show-preview"], False)):
        with configured(line, *flags) as camd:
            equal(values(camd, "show_preview"), [shown], f"show_preview of {line!r} and {flags}")
            camd.quit()


@test
def config_round_trip():
    with Camd() as camd:
        before = camd.ask("get_config")["values"]
        settings = {setting["name"]: setting for setting in camd.ask("describe")["settings"]}
        equal(sorted(before), sorted(name for name in settings if name in before))
        check(len(before) >= len(settings) - 2, f"missing: {set(settings) - set(before)}")
        same = {name: value for name, value in before.items() if value is not None and name != "config"}
        changed = camd.ask("set_config", values=same)
        equal(camd.ask("get_config")["values"], before, "after setting all to what they were")
        changed = camd.ask("set_config", values={"jpeg_quality": 50, "target_fps": 25, "bitrate": "3M", "intra": "250ms"})
        equal(changed["restart_needed"], ["target_fps"])
        equal(values(camd, "jpeg_quality", "bitrate"), [50, 3000000])
        camd.fails("set_config", "bad_argument", values={"jpeg_quality": 60, "bitrate": "fast"})
        camd.fails("set_config", "bad_argument", values={"jpeg_quality": 60, "nonsense": 1})
        equal(values(camd, "jpeg_quality"), [50], "all or nothing")
        camd.fails("get_config", "bad_argument", names=["jpeg_quality", "nonsense"])
        camd.quit()


@test
def live_settings_take_effect():
    with Camd(cameras=["synthetic:320x240@30"]) as camd:
        camd.started()
        large = camd.ask("take_snapshot")["files"][0]
        camd.ask("set_config", values={"jpeg_quality": 5, "intra": 0})
        small = camd.ask("take_snapshot")["files"][0]
        check(pathlib.Path(small).stat().st_size < 0.7 * pathlib.Path(large).stat().st_size, "quality 5 is smaller")
        camd.ask("start_recording")
        time.sleep(0.5)
        check_stopped(camd.ask("stop_recording")["cameras"][0])
        camd.ask("set_config", values={"log_level": "error"})
        camd.quit()


@test
def one_camera_differs():
    text = """
camera0.resolution = 5
camera0.fps = 10            # an old spelling
camera0.bitrate = 900k
camera1.container = h264
camera1.enable_csv_timing_log = no
camera1.output_dir = /nowhere
camera1.bitrat = 1M
bitrate = 5M
resolution = 6
"""
    with configured(text, "--camera1.resolution", "320x240", cameras=["synthetic"] * 3) as camd:
        log = camd.log()
        check(re.search("line 7: .*output_dir holds for all cameras", log) and re.search("line 8: .*did you mean 'bitrate'", log), log)
        equal(values(camd, "camera0.bitrate", "camera1.bitrate", "bitrate", "camera0.target_fps"), [900000, 5000000, 5000000, 10])
        own = {name: value for name, value in camd.ask("get_config")["values"].items() if "." in name}
        equal(own, {"camera0.resolution": "640x480", "camera0.target_fps": 10, "camera0.bitrate": 900000,
                    "camera1.resolution": "320x240", "camera1.container": "h264", "camera1.enable_csv_timing_log": False})
        per_camera = {row["name"] for row in camd.ask("describe")["settings"] if row["per_camera"]}
        check({"resolution", "bitrate"} <= per_camera and "output_dir" not in per_camera, per_camera)
        changed = camd.ask("set_config", values={"camera2.container": "h264", "camera2.resolution": "160x120", "bitrate": "6M"})
        equal(changed["restart_needed"], ["camera2.resolution"])
        equal(values(camd, "camera0.bitrate", "camera1.bitrate", "camera2.container", "container"), [900000, 6000000, "h264", "mp4"])
        camd.fails("set_config", "bad_argument", values={"camera0.output_dir": "x"})
        camd.fails("set_config", "bad_argument", values={"camera77.bitrate": 5000000})
        camd.started()
        camd.ask("start_recording", duration=1)
        until(lambda: not camd.ask("get_status")["recording"], "the end")
        names = sorted(re.sub(r"_\d{8}_\d{6}", "", path.name) for path in camd.output.glob("session_*/cam*"))
        equal(names, ["cam0_640x480_10.0fps.mp4", "cam0_640x480_10.0fps_frame_timing.csv", "cam1_320x240_30.0fps.h264",
                      "cam2_480x360_30.0fps.h264", "cam2_480x360_30.0fps_frame_timing.csv"])
        camd.quit()


@test
def profile_and_level():
    """In the stream itself; a level that is too low is granted, and warned of."""
    with configured("profile = main\nlevel = 3.1\ncamera1.profile = BASELINE\ncamera1.level = 4.0\ncamera2.level = 1.1\n",
                    cameras=[SMALL, SMALL, "synthetic:320x240@15"]) as camd:
        camd.started()
        camd.ask("start_recording", duration=0.5)
        until(lambda: not camd.ask("get_status")["recording"], "the end")
        equal([(stream["profile"], stream["level"]) for video in sorted(camd.output.glob("*/*.mp4"))
               for stream in ffprobe(video, "-show_entries", "stream=profile,level")["streams"]],
              [("Main", 31), ("Constrained Baseline", 40), ("Main", 11)])
        equal(camd.log().count("this stream needs level"), 1, "warnings")
        equal(camd.ask("set_config", values={"profile": "high", "level": 4.2})["restart_needed"], [])
        camd.ask("start_recording", camera_id=0, duration=0.5)
        until(lambda: not camd.ask("get_status")["recording"], "the end")
        stream, = ffprobe(max(camd.output.glob("*/cam0*.mp4")), "-show_entries", "stream=profile,level")["streams"]
        equal((stream["profile"], stream["level"]), ("High", 42))
        camd.quit()


@test
def starts_by_itself():
    for flag in ("--auto-start-recording", "--headless"):
        with Camd(flag, cameras=[SMALL, SMALL]) as camd:
            until(lambda: len(list(camd.output.glob("*/*.csv"))) == 2, "two recordings")
            if flag == "--auto-start-recording":
                equal(camd.ask("get_status")["recording"], True)
                for camera in camd.ask("stop_recording")["cameras"]:
                    check_stopped(camera)
                camd.quit()
            else:
                camd.signal(15)
                camd.wait()


@test
def keeps_used_sessions_only():
    with Camd("--keep-session", "used") as camd:
        camd.ask("list_cameras")
        equal(len(camd.sessions()), 1)
        camd.quit()
        equal(camd.sessions(), [], "a session without anything in it")
    with Camd("--keep-session", "used") as camd:
        camd.ask("take_snapshot")
        camd.quit()
        equal(len(camd.sessions()), 1)


@test
def thinned_out():
    """A rate below the camera's leaves frames out, which is not loss."""
    with Camd("--target-fps", "10", cameras=["synthetic:160x120@30"]) as camd:
        camd.started()
        camd.ask("start_recording", duration=2)
        until(lambda: not camd.ask("get_status")["recording"], "the end")
        video, = camd.output.glob("*/*.mp4")
        rows = read_csv(video)
        equal((len(rows), rows[-1]["frame_number"], rows[-1]["dropped_since_last"]), (20, 20, 0))
        check("10.0fps" in video.name, video.name)
        camd.quit()


@test
def previews():
    with Camd("--preview-size", "160x120", "--preview-fps", "10", cameras=["synthetic:640x480@30", SMALL]) as camd:
        camd.started()
        equal(camd.ask("toggle_preview"), {"camera_id": 0, "enabled": True})
        pictures = []
        while len(pictures) < 8:
            message = camd.line()
            equal((message["type"], message["status"]), ("status", "preview_frame"))
            pictures.append(message["data"])
        for picture in pictures:
            equal(picture["camera_id"], 0)
            equal(jpeg_size(base64.b64decode(picture["frame"], validate=True)), (160, 120))
            check(abs(picture["timestamp"] - time.time()) < 10 and picture["frame_number"] == 0, "timestamp and number")
        times = [picture["sensor_timestamp_ns"] for picture in pictures]
        check(times == sorted(set(times)), "each is newer")
        rate = 1e9 * (len(times) - 1) / (times[-1] - times[0])
        check(6 < rate < 12, f"{rate} pictures a second")
        camd.ask("start_recording", camera_id=0)
        until(lambda: camd.line()["data"].get("frame_number", 0) > 5, "pictures of the recording")
        camd.ask("stop_recording")
        equal(camd.ask("toggle_preview", camera_id=[0, 1], enabled=True), {"camera_id": [0, 1], "enabled": True})
        seen = set()
        until(lambda: seen.add(camd.line()["data"].get("camera_id")) or {0, 1} <= seen, "pictures of both")
        equal(camd.ask("toggle_preview", camera_id=[0, 1], enabled=False)["enabled"], False)
        time.sleep(0.3)
        while not camd.messages.empty():
            camd.line()
        camd.silent(0.5)
        camd.quit()


@test
def previews_as_they_are_asked_for():
    """Size, rate and quality of a toggle win over the settings, and what it doesn't say is as these say, also when they change."""
    with Camd("--preview-size", "160x120", "--preview-fps", "30", "--jpeg-quality", "30", cameras=["synthetic:640x480@30"]) as camd:
        camd.started()

        def look(number):
            """Sizes, frame times and bytes of so many pictures, from the third on, which are made as was asked last."""
            data = []
            while len(data) < number + 2:
                message = camd.line()
                if message.get("status") == "preview_frame":
                    data.append(message["data"])
            pictures = [base64.b64decode(one["frame"], validate=True) for one in data[2:]]
            equal([one["size"] for one in data[2:]], ["{}x{}".format(*jpeg_size(picture)) for picture in pictures], "sizes")
            times = [one["sensor_timestamp_ns"] for one in data[2:]]
            return data[-1]["size"], [b - a for a, b in zip(times, times[1:])], len(pictures[-1])

        camd.ask("toggle_preview", size="320x400", fps=5, quality=90)
        size, steps, fine = look(5)
        equal(size, "320x240", "it fits")
        check(min(steps) > 150_000_000 or SANITIZED, "5 a second at most", steps)     # after one that was lost the next comes sooner
        camd.ask("toggle_preview", size=5, fps=60, quality=5)
        size, steps, coarse = look(3)
        equal(size, "640x480", "a preset")
        camd.ask("toggle_preview", size="320x240", fps=10, quality=5)
        _, _, coarse = look(3)
        check(coarse < fine * 0.7, f"{coarse} bytes at quality 5, {fine} at 90")
        camd.ask("toggle_preview")
        equal(look(2)[0], "160x120")
        camd.ask("set_config", values={"preview_size": "80x60"})
        equal(look(2)[0], "80x60")
        for wrong in ({"size": "0x5"}, {"fps": 0}, {"fps": 61}, {"quality": 0}, {"quality": 101}, {"size": 8}):
            camd.fails("toggle_preview", "bad_argument", **wrong)
        camd.quit()


@test
def previews_of_what_must_be_converted():
    """MJPEG and 4:2:2, one picture after another, in the colours of the test card: its second bar is yellow, its sixth red."""
    cameras = [f"synthetic:640x480@30?pixels={pixels}" for pixels in ("mjpeg", "yuyv")]
    with Camd("--no-show-frame-number", "--preview-size", "160x120", "--preview-fps", "10", cameras=cameras) as camd:
        camd.started()
        camd.ask("toggle_preview", camera_id=[0, 1])
        pictures = {0: [], 1: []}
        while min(map(len, pictures.values())) < 5:
            data = camd.line()["data"]
            pictures[data["camera_id"]].append(base64.b64decode(data["frame"]))
        for camera, found in pictures.items():
            for picture in (found[0], found[4]):
                equal(jpeg_size(picture), (160, 120))
                rgb = subprocess.run(["ffmpeg", "-v", "error", "-f", "mjpeg", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                                     input=picture, stdout=subprocess.PIPE, timeout=60).stdout
                for x, wanted in ((30, (191, 191, 0)), (110, (191, 0, 0))):
                    pixel = rgb[(20 * 160 + x) * 3:][:3]
                    check(all(abs(a - b) < 16 for a, b in zip(pixel, wanted)), f"camera {camera}: {tuple(pixel)} instead of {wanted}")
        camd.quit()


@test
def slow_reader_gets_the_newest():
    """
    Pictures don't queue up: behind those that the pipe itself holds comes a recent one (what nobody reads is made anew once a
    second), and replies are not lost among them.
    """
    with Camd("--preview-size", "640x480", cameras=["synthetic:640x480@30"], reads=False, bufsize=0) as camd:
        camd.send_raw(b'{"command":"subscribe","events":"*"}\n{"command":"toggle_preview"}\n{"command":"start_recording"}\n')
        time.sleep(4)
        camd.send_raw(b'{"command":"ping","id":"behind"}\n')
        stream = open(camd.process.stdout.fileno(), "rb", closefd=False)
        lines = []
        while not lines or lines[-1].get("id") != "behind":
            lines.append(json.loads(stream.readline()))
        clock = lines[-1]["data"]["monotonic_ns"]
        pictures = [line["data"] for line in lines if line.get("status") == "preview_frame"]
        check(len(pictures) < 20, f"{len(pictures)} pictures had piled up")
        newest = json.loads(stream.readline())
        while newest.get("status") != "preview_frame":
            newest = json.loads(stream.readline())
        check(clock - newest["data"]["sensor_timestamp_ns"] < 1_800_000_000, "the next one is recent")
        stream.close()


@test
def events_that_nobody_reads():
    """They are dropped, oldest first, and counted; replies are not."""
    cycles, cameras = 30, 8
    with Camd(cameras=["synthetic:64x48@60"] * cameras, reads=False) as camd:
        camd.send_raw(b'{"command":"subscribe","events":["recording_started","recording_stopped"]}\n')
        camd.send_raw(b'{"command":"start_recording"}\n{"command":"stop_recording"}\n' * cycles)
        until(lambda: camd.log().count("recorded ") == cycles * cameras, "all recordings")
        camd.close_stdin()
        lines = read_lines(camd.process.stdout.read())
        camd.wait()
        events = [line for line in lines if line["type"] == "event"]
        lost = sum(event["data"]["count"] for event in events if event["event"] == "events_lost")
        told = sum(event["event"] != "events_lost" for event in events)
        check(lost > 0, "some were lost")
        equal(told + lost, 2 * cycles * cameras, "events told and lost")
        equal(len(lines) - len(events), 1 + 2 * cycles, "replies")
        equal(events[-1]["event"], "recording_stopped", "the newest is there")


if __name__ == "__main__":
    main()
