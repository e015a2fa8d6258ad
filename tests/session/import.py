#!/usr/bin/env python3
"""camctl import: the settings of two other services, as a file for camd."""

import json
import os
import pathlib
import subprocess
import tempfile

from camd import CAMCTL, Camd, check, equal, main, test

DASH_OF_PI = {
    "port": 8080, "storage_cap_gb": 10, "video_bitrate": 1024, "video_fps": 24, "video_res_width": 1280, "video_res_height": 720,
    "segment_length_s": 60, "camera_device": "/dev/video0", "mjpeg_quality": 8, "embed_timestamp": True, "auth_token": "secret",
}
PI_CAM_SERVICE = {
    "camera": {"width": 640, "height": 480, "framerate": 15, "codec": "rgb", "video_mode": "stream"},
    "ring": 150,
    "night": {"enable": True, "dark_threshold": 40, "bright_threshold": 60, "min_dark_frames": 10, "mode": "slow_video",
              "exposure_us": 200000, "gain": 8.0},
    "export": {"base_dir": "/srv/snaps", "formats": ["jpg", "png"], "save_before_s": 3, "save_after_s": 3, "stack_dark_frames": True,
               "stack_count": 8},
    "network": {"port": 9999}, "logging": {"level": "WARNING"},
}


def translate(document, status=0):
    """What is printed, as settings and comments."""
    with tempfile.NamedTemporaryFile("wb", suffix=".json") as file:
        file.write(document if isinstance(document, bytes) else json.dumps(document).encode())
        file.flush()
        result = subprocess.run([CAMCTL, "import", file.name], capture_output=True, text=True, timeout=20)
    equal(result.returncode, status, result.stderr)
    settings, notes = {}, []
    for line in result.stdout.splitlines():
        if line.startswith("#"):
            notes.append(line)
        elif line:
            key, value = line.split("\t#")[0].split(" = ", 1)
            check(key not in settings, "twice:", key)
            settings[key] = value
    return settings, notes, result.stderr if status else result.stdout


@test
def dash_of_pi():
    settings, notes, _ = translate(DASH_OF_PI)
    equal(settings, {
        "storage_cap": "10G", "target_fps": "24", "resolution": "1280x720", "segment_length": "60", "auto_start_recording": "true",
        "camera": "v4l2:/dev/video0", "show_frame_number": "true", "overlay_text": "%Y-%m-%d %H:%M:%S (UTC)",
        "overlay_position": "top_left", "timezone": "utc",
    })
    for key in ("port = 8080", "video_bitrate = 1024", "mjpeg_quality = 8", "auth_token"):
        check(any(note.startswith(f"#   {key}") and len(note) > len(key) + 20 for note in notes), key, notes)
    equal(translate({**DASH_OF_PI, "embed_timestamp": False})[0].get("overlay_text"), None)


@test
def pi_cam_service():
    settings, notes, _ = translate(PI_CAM_SERVICE)
    equal(settings, {
        "resolution": "640x480", "target_fps": "15", "prebuffer": "10", "frame_ring": "150", "night_mode": "slow_video", "dark_threshold": "40",
        "bright_threshold": "60", "min_dark_frames": "10", "night_exposure": "200000", "night_gain": "8", "output_dir": "/srv/snaps",
        "log_level": "warning", "stills": "jpg", "stills_from": "ring", "trigger_before": "3", "trigger_after": "3",
        "stack_dark_frames": "true", "stack_count": "8",
    })
    equal([note.split(":")[0] for note in notes[-4:]],
          ["#   camera.codec = rgb", "#   camera.video_mode = stream", "#   export.formats = png", "#   network.port = 9999"])
    equal(translate({**PI_CAM_SERVICE, "night": {"enable": False, "mode": "still"}})[0]["night_mode"], "off")
    # a trigger that reaches further back than the ring
    equal(translate({**PI_CAM_SERVICE, "export": {"save_before_s": 20}})[0]["prebuffer"], "20")
    settings, notes, _ = translate({"camera": {"framerate": 30}, "ring": {"size": 3000}, "export": {"formats": ["bmp", 7, "npy"]}})
    equal(settings, {"target_fps": "30", "prebuffer": "100", "frame_ring": "1000", "stills": "npy", "stills_from": "ring"})
    equal([note.split(":")[0] for note in notes[-3:]], ["#   ring.size", "#   export.formats = bmp", "#   export.formats"])


def makes_pictures(camd):
    """A trigger does what it was there for."""
    camd.started()
    camd.ask("subscribe", events=["trigger_saved", "job_done"])
    camd.ask("wait", seconds=1)
    camd.ask("trigger", after=0.3)
    clip, = camd.event("trigger_saved")["clips"]
    done = camd.event("job_done")
    check(done["ok"] and done["job"] == clip["stills_job"], done)
    pictures = list(pathlib.Path(done["files"][0]).parent.glob("*.jpg"))
    check(len(pictures) >= 10, len(pictures), "pictures")


@test
def camd_takes_what_is_printed():
    """Each setting that this camd has means what was printed."""
    for document in (DASH_OF_PI, PI_CAM_SERVICE):
        _, _, text = translate(document)
        with tempfile.TemporaryDirectory(prefix="camd-test-") as directory:
            path = pathlib.Path(directory) / "camd.conf"
            path.write_text(text)
            with Camd("--config", str(path), "--no-auto-start-recording", no_config=False) as camd:
                values = camd.ask("get_config")["values"]
                equal(values["resolution"], "1280x720" if document is DASH_OF_PI else "640x480")
                equal(values["target_fps"], 24 if document is DASH_OF_PI else 15)
                equal(values["timezone"], "utc" if document is DASH_OF_PI else "local")
                equal(values["log_level"], "info" if document is DASH_OF_PI else "warning")
                if document is PI_CAM_SERVICE:
                    equal((values["stack_dark_frames"], values["stack_count"], values["frame_ring"]), ("sum", 8, 150))
                    makes_pictures(camd)
                camd.quit()
                # the camera is another one, by a flag
                equal([line for line in camd.log().splitlines() if line.split()[1] not in ("info", "debug")], [], "complaints")


@test
def what_is_not_known():
    settings, notes, _ = translate({**DASH_OF_PI, "video_fpz": 3, "nested": {"deep": {"deeper": {"still": {"more": [1]}}}}})
    equal(settings["target_fps"], "24")
    check(any("video_fpz = 3: not known; nearly so is called video_fps" in note for note in notes), notes)
    check(any("nested.deep.deeper.still" in note and "not known" in note for note in notes), notes)


@test
def hostile_values():
    """Nothing gets onto a line of its own, or out of its comment."""
    evil = {
        "camera_device": "/dev/video0\nmode = headless", "video_fps": "24 # x", "video_res_width": -5, "video_res_height": 1e300,
        "storage_cap_gb": True, "segment_length_s": {}, "embed_timestamp": "yes", "port": "1\nmode = headless", "a\nmode = headless": 1,
        "mjpeg_quality": "\x1b[31m",
    }
    settings, notes, text = translate(evil)
    equal(settings, {})
    check("\x1b" not in text and all(line.startswith("#") or not line for line in text.splitlines()), text)
    for key in ("camera_device", "video_fps", "video_res_width", "video_res_height", "storage_cap_gb", "embed_timestamp"):
        check(any(note.startswith(f"#   {key}") and "can't be used" in note for note in notes), key, notes)
    for name in ("x#y", " x", "x ", "", '"x"', "x\ty"):
        equal(translate({"export": {"base_dir": name}})[0], {}, name)


@test
def what_is_no_settings_file():
    for data, word in ((b"", "JSON"), (b"{", "JSON"), (b"[]", "JSON"), (b"3", "JSON"), (b"{}", "JSON"), (b"\0{}", "settings"), (b"[" * 5000, "JSON"),
                       (b'{"a":' * 3000, "JSON"), (b" " * (2 << 20), "settings"), (b'{"other":1}', "Dash of Pi")):
        _, _, text = translate(data, status=1)
        check(word in text and len(text.splitlines()) == 1, data[:20], text)
    for name in ("/nowhere.json", "/", os.devnull):
        equal(subprocess.run([CAMCTL, "import", name], capture_output=True, timeout=20).returncode, 1, name)
    for words in ([], ["a", "--no-such-flag"]):
        equal(subprocess.run([CAMCTL, "import", *words], capture_output=True, timeout=20).returncode, 2, words)


main()
