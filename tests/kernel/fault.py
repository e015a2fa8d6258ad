#!/usr/bin/env python3
"""The M2M encoder's driver fails in mid-recording, in the test kernel and in simulated time.

    fault.py CASE CAMD PROBE        on the host: boots the kernel for the case, then reads every video back
    fault.py inside CASE CAMD DIR   in the kernel

Two cameras record through one device; where the driver can tell their contexts apart, faults hit one of them. In each case
the recordings go on in their files, the events say what happened, captured = recorded + lost, and every frame decodes.
"""
import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

PARAMETERS = "/sys/module/h264enc/parameters/"
SIZE, FPS = "320x180", 10


def fault(name, value=1):
    with open(PARAMETERS + name, "w", encoding="utf-8") as file:
        file.write(str(value))


def encoders(camd):
    return [camera["encoder"] for camera in camd.ask("get_status")["cameras"]]


def is_hardware(name):
    return "(hardware)" in name


def stop(camd, lost_most=(0, 0), lost_least=(0, 0)):
    """Stops, checks the ledger, and that each camera lost no more, and no less, by its encoder than that; the worse one first."""
    cameras = sorted(camd.ask("stop_recording")["cameras"], key=lambda camera: -camera["lost"]["encoder"])
    assert len(cameras) == 2, cameras
    for camera, most, least in zip(cameras, lost_most, lost_least):
        lost = camera["lost"]
        assert camera["captured"] == camera["frames"] + sum(lost.values()), camera
        assert least <= lost["encoder"] <= most, (camera, least, most)
        assert lost["storage"] == lost["starved"] == lost["sensor"] == 0, camera
        assert "error" not in camera and camera["segments"] == 1, camera
    return cameras


def check_again(camd):
    """Cameras that are opened anew try the hardware again."""
    for enabled in (False, True):
        camd.ask("set_camera", enabled=enabled)
    camd.ask("wait", seconds=2)
    camd.ask("start_recording")
    camd.ask("wait", seconds=1)
    assert all(map(is_hardware, encoders(camd)))
    stop(camd)


def swallow(camd):
    fault("swallow", 3)
    camd.ask("wait", seconds=2)
    assert all(map(is_hardware, encoders(camd)))
    stop(camd, (3, 0), (3, 0))
    assert not camd.seen("warning") and sum(camd.seen("frames_lost", camera_id=i) > 0 for i in (0, 1)) == 1


def swallow_last(camd):
    """Of what never comes out nobody hears; the end does not wait for it for long."""
    fault("swallow", 1000)
    camd.ask("wait", seconds=0.3)
    before = camd.ask("ping")["monotonic_ns"]
    stop(camd, (5, 0), (3, 0))
    took = (camd.ask("ping")["monotonic_ns"] - before) / NS
    assert took < 0.55, took
    fault("swallow", 0)
    camd.ask("start_recording")
    camd.ask("wait", seconds=1)
    stop(camd)


def error(camd):
    """A damaged picture, and those up to the key frame that is asked for at once."""
    fault("error", 2)
    camd.ask("wait", seconds=2)
    assert all(map(is_hardware, encoders(camd)))
    stop(camd, (5, 0), (2, 0))
    assert not camd.seen("encoder_changed")


def stall(camd):
    """Silent for a second: opened again, and all is well."""
    fault("stall")
    camd.ask("wait", seconds=1.3)
    fault("stall", 0)
    camd.ask("wait", seconds=2)
    assert all(map(is_hardware, encoders(camd)))
    stop(camd, (20, 0), (8, 0))
    assert camd.seen("warning", code="encoder_failed") == 1 and not camd.seen("encoder_changed")


def stall_for_good(camd):
    """Silent again and again: software takes over, in the same recording."""
    fault("stall")
    camd.ask("wait", seconds=8)
    assert sorted(map(is_hardware, encoders(camd))) == [False, True]
    stop(camd, (60, 0), (20, 0))
    assert camd.seen("warning", code="encoder_failed") == 3, camd.events
    assert camd.seen("encoder_changed") == 1
    # it stays with software until the camera is opened anew
    fault("stall", 0)
    camd.ask("start_recording")
    camd.ask("wait", seconds=1)
    assert sorted(map(is_hardware, encoders(camd))) == [False, True]
    stop(camd)
    check_again(camd)


def eio(camd):
    fault("eio")
    camd.ask("wait", seconds=3)
    assert all(map(is_hardware, encoders(camd)))
    stop(camd, (4, 4))
    assert camd.seen("warning", code="encoder_failed") >= 1 and not camd.seen("encoder_changed")


def vanish(camd):
    """The device is gone: software takes over in both. It comes back, and is used again by the next start of a camera."""
    fault("vanish")
    camd.ask("wait", seconds=3)
    assert not any(map(is_hardware, encoders(camd)))
    stop(camd, (5, 5), (0, 0))
    assert camd.seen("encoder_changed") == 2 and camd.seen("warning") >= 2
    for video in glob.glob(camd.output + "/*/cam*.mp4"):
        tag = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format_tags=encoder", "-of", "csv=p=0", video],
                             capture_output=True, text=True, check=True).stdout
        assert "h264enc" in tag and ", then libx264" in tag, tag
    fault("vanish", 0)
    check_again(camd)


def mutex(camd):
    """A call into the driver holds its lock for 2 s, and every other call waits for it: what the queues can't hold is lost, and said; the control path does not notice."""
    fault("mutex_ms", 2000)
    before = camd.ask("ping")["monotonic_ns"]
    camd.ask("wait", seconds=0.5)
    for _ in range(10):
        camd.ask("get_status")
    assert camd.ask("ping")["monotonic_ns"] - before < 600_000_000
    camd.ask("wait", seconds=4)
    assert all(map(is_hardware, encoders(camd)))
    stop(camd, (25, 25))
    assert not camd.seen("encoder_changed")


def stuck(camd):
    """A call that takes half a minute: software takes over after 5 s, and stopping waits for nobody."""
    fault("mutex_ms", 30000)
    camd.ask("wait", seconds=9)
    assert not any(map(is_hardware, encoders(camd)))
    before = camd.ask("ping")["monotonic_ns"]
    stop(camd, (75, 75), (30, 30))
    assert camd.ask("ping")["monotonic_ns"] - before < NS // 2
    assert camd.seen("encoder_changed") == 2


def stuck_at_the_end(camd):
    """Somebody quits while a call hangs: camd ends all the same, with whole files."""
    fault("mutex_ms", 60000)
    camd.ask("wait", seconds=0.5)


def stuck_at_the_stop(camd):
    """The recording is stopped while a call takes half a minute: what is in the driver is given up, the files are whole."""
    fault("mutex_ms", 30000)
    camd.ask("wait", seconds=0.5)
    before = camd.ask("ping")["monotonic_ns"]
    cameras = stop(camd, (75, 75), (0, 0))
    took = (camd.ask("ping")["monotonic_ns"] - before) / NS
    print(f"## lost {[camera['lost']['encoder'] for camera in cameras]}, {took:.2f} s to stop", flush=True)
    assert took < 6, took
    assert all(camera["frames"] >= 15 for camera in cameras), cameras


def slow_start(camd):
    """An encoder whose driver is busy for 3 s delays the beginning of its own camera's recording, and the other's by a second."""
    stop(camd)
    camd.ask("set_config", values={"camera1.encoder": "software"})
    camd.ask("start_recording")
    assert list(map(is_hardware, encoders(camd))) == [True, False]
    stop(camd)
    fault("mutex_ms", 3000)
    camd.ask("set_config", values={"camera0.bitrate": "1M"})
    before = camd.ask("ping")["monotonic_ns"]
    started = camd.ask("start_recording")["cameras"]
    began = [(camera["first_sensor_timestamp_ns"] - before) / NS for camera in started]
    assert 1 <= began[1] <= 1.3 and 3 <= began[0] <= 3.3, began
    assert abs(started[1]["skew_us"] / 1e6 - (began[1] - began[0])) < 1e-6, started
    camd.ask("wait", seconds=1)
    stop(camd)


def pieces(camd):
    """A picture over several buffers."""
    fault("split", 3)
    camd.ask("wait", seconds=2)
    assert all(map(is_hardware, encoders(camd)))
    stop(camd)


def header(camd):
    """Parameter sets in a buffer of their own, and with the first picture only: asked for by another recording."""
    stop(camd)
    camd.ask("start_recording")
    camd.ask("wait", seconds=2)
    stop(camd)


def late_key(camd):
    """The key frame that begins a recording comes two frames late: those two are the encoder's."""
    stop(camd)
    camd.ask("wait", seconds=0.5)
    camd.ask("start_recording")
    camd.ask("wait", seconds=2)
    stop(camd, (3, 3), (0, 0))


def latency(camd):
    """It keeps three frames back; the last ones come when it is drained."""
    camd.ask("wait", seconds=1)
    stop(camd)
    camd.ask("start_recording")
    camd.ask("wait", seconds=1)
    stop(camd)


def no_dmabuf(camd):
    assert all(map(is_hardware, encoders(camd)))
    assert all(camera["copied_bytes"] > 0 for camera in camd.ask("get_status")["cameras"])
    camd.ask("wait", seconds=1)
    stop(camd)


def no_buffers(camd):
    """REQBUFS fails at the start: software, with a warning that says so."""
    assert camd.seen("warning", kind="status", code="encoder_failed") == 2
    camd.ask("wait", seconds=1)
    assert not any(map(is_hardware, encoders(camd)))
    stop(camd)


def no_rights(camd):
    """The encoder may not be opened: software, with a warning that says so and names the remedy."""
    warnings = [event["data"] for event in camd.events if event.get("status") == "warning"]
    assert [warning["code"] for warning in warnings] == ["permission_denied"] * 2, warnings
    assert all("1 of /dev/video* may not be opened: add yourself to group video" in warning["message"] for warning in warnings), warnings
    assert not any(map(is_hardware, encoders(camd)))
    stop(camd)


def unplug(camd):
    """A camera whose buffers the encoder has imported goes, and comes back: in the same file, from a key frame, in hardware."""
    node, found = inkernel.vivid_nodes()[0], camd.seen("camera_found", camera_id=0)
    inkernel.vivid_inject(node, inkernel.VIVID_DISCONNECT)
    camd.ask("wait", seconds=8)
    assert camd.seen("camera_lost", camera_id=0) == camd.seen("camera_found", camera_id=0) - found == 1
    assert all(map(is_hardware, encoders(camd)))
    cameras = {camera["camera_id"]: camera for camera in camd.ask("stop_recording")["cameras"]}
    for camera in cameras.values():
        assert camera["captured"] == camera["frames"] + sum(camera["lost"].values()), camera
    assert not sum(cameras[1]["lost"].values()) and cameras[0]["lost"]["sensor"] >= 5, cameras
    assert not camd.seen("encoder_changed") and len(glob.glob(camd.output + "/*/cam0*.mp4")) == 1


def anew(camd):
    """The cameras and their encoders are opened again."""
    camd.ask("set_camera", enabled=False)
    camd.ask("set_camera", enabled=True)
    camd.ask("wait", seconds=2)


def sane(camd):
    """The fault is over, and all is well again."""
    anew(camd)
    camd.ask("start_recording")
    camd.ask("wait", seconds=0.5)
    assert all(map(is_hardware, encoders(camd)))
    stop(camd)


# the fault and its value, the most frames that a camera loses by it, the least that both do; at the start, whether software takes over
AT_START = [("swallow", 3, 3, 3, False), ("swallow_every", 3, 9, 10, False), ("error", 2, 2, 2, False), ("stall", 1, 32, 40, True),
            ("eio", 1, 2, 0, False), ("vanish", 1, 2, 0, True), ("split", 3, 0, 0, False), ("last_with_data", 1, 0, 0, False),
            ("no_sequence", 1, 0, 0, False), ("reqbufs_fail", 1, 0, 0, False), ("job_us", 200000, 16, 16, False), ("refuse_dmabuf", 14, 0, 0, False)]
AT_THE_END = [("swallow_every", 1, 2, 2), ("error", 2, 1, 2), ("stall", 1, 2, 2), ("eio", 1, 2, 2),
              ("vanish", 1, 2, 2), ("split", 3, 0, 0), ("last_with_data", 1, 0, 0), ("mutex_ms", 2000, 1, 0),
              ("streamoff_ms", 2000, 0, 0), ("job_us", 200000, 0, 0), ("refuse_dmabuf", 14, 0, 0)]


def check_round(camd, what, most, least):
    before = camd.ask("ping")["monotonic_ns"]
    cameras = stop(camd, (most, most))
    took = (camd.ask("ping")["monotonic_ns"] - before) / NS
    lost = [camera["lost"]["encoder"] for camera in cameras]
    print(f"## {what}: lost {lost}, {took:.2f} s to stop", flush=True)
    # 0.5 s for what never comes, 1 s more for an encoder that codes nothing; or until the call is over, or the queue is done
    assert sum(lost) >= least and took < {"stall": 1.5, "mutex_ms": 2.05, "job_us": 2.5}.get(what, 0.55), (what, lost, took)
    assert all(camera["frames"] > 5 for camera in cameras), (what, cameras)


def at_start(camd):
    """Each fault that is there when the recording begins, in an encoder that is open, or that opens with it: it begins, within seconds."""
    stop(camd)
    for opens in (False, True):
        for name, value, most, least, software in AT_START:
            if opens and name == "eio":
                continue        # hits only who has it open
            fault(name, value)
            if opens:
                anew(camd)
            asked = camd.ask("ping")["monotonic_ns"]
            started = camd.ask("start_recording")
            assert len(started["cameras"]) == 2 and "failed" not in started, (name, started)
            began = [(camera["first_sensor_timestamp_ns"] - asked) / NS for camera in started["cameras"]]
            print(f"## {name}: begins after {began}", flush=True)
            assert max(began) < (3.1 if name == "stall" else 0.6), (name, began)
            camd.ask("wait", seconds=2)
            assert all(is_hardware(each) != software for each in encoders(camd)), (name, encoders(camd))
            check_round(camd, name, most, least)
            fault(name, 0)
            sane(camd)


def at_the_end(camd):
    """Each fault just before a recording ends, with frames inside: it ends soon, with whole files."""
    stop(camd)
    for name, value, most, least in AT_THE_END:
        camd.ask("start_recording")
        camd.ask("wait", seconds=1)
        fault(name, value)
        camd.ask("wait", seconds=0.12)
        check_round(camd, name, most, least)
        fault(name, 0)
        sane(camd)
    fault("streamoff_ms", 60000)        # and camd's own end waits for no driver


NS = 1_000_000_000
# what happens; the module's arguments, faults from before camd's start, and whether the fault is for the first context only
CASES = {
    "swallow": (swallow, "", {}, True),
    "swallow_last": (swallow_last, "", {}, True),
    "error": (error, "", {}, True),
    "stall": (stall, "", {}, True),
    "stall_for_good": (stall_for_good, "", {}, True),
    "eio": (eio, "", {}, False),
    "vanish": (vanish, "", {}, False),
    "mutex": (mutex, "", {}, False),
    "stuck": (stuck, "", {}, False),
    "stuck_at_the_stop": (stuck_at_the_stop, "", {}, False),
    "stuck_at_the_end": (stuck_at_the_end, "", {}, False),
    "slow_start": (slow_start, "", {}, False),
    "pieces": (pieces, "", {}, False),
    "header": (header, "", {"separate_header": 1}, False),
    "late_key": (late_key, "", {"ignore_force_key": 2}, False),
    "no_key": (late_key, "no_force_key=1", {}, False),
    "latency": (latency, "", {"latency": 3}, False),
    "no_dmabuf": (no_dmabuf, "no_dmabuf=1", {}, False),
    "refuse_dmabuf": (no_dmabuf, "refuse_dmabuf=14", {}, False),
    "unplug": (unplug, "", {}, False),
    "no_buffers": (no_buffers, "reqbufs_fail=100", {}, False),
    "no_rights": (no_rights, "", {}, False),
    "at_start": (at_start, "", {}, False),
    "at_the_end": (at_the_end, "", {}, False),
}


def encoder_node():
    for path in glob.glob("/sys/class/video4linux/video*"):
        with open(path + "/name", encoding="utf-8") as file:
            if "h264enc" in file.read():
                return "/dev/" + os.path.basename(path)
    raise AssertionError("no encoder")


def inside(case, program, target):
    what, _, before, only_first = CASES[case]
    for name, value in before.items():
        fault(name, value)
    if only_first:
        fault("only", 1)
    if case == "no_rights":
        os.chmod(encoder_node(), 0)
    with inkernel.Camd(program, "--greeting", "--resolution", SIZE, "--target-fps", str(FPS), "--bitrate", "2M",
                       "--camera", f"v4l2:{inkernel.vivid_nodes()[0]}", "--camera", f"v4l2:{inkernel.vivid_nodes()[1]}",
                       before=inkernel.LIKE_OTHERS if case == "no_rights" else ()) as camd:
        camd.ask("subscribe", events="*")
        started = camd.ask("start_recording")
        assert len(started["files"]) == 2, started
        camd.ask("wait", seconds=2)
        what(camd)
    assert camd.ended_s < 6.5, camd.ended_s     # whatever its driver does
    inkernel.keep(target)


def run(case, camd, probe):
    inkernel.run(__file__, case, camd, probe, flags=["-t", "-m", "2G", "-T", "150", "-M", f"h264enc {CASES[case][1]}".strip(), "-k", "vivid.n_devs=2"])


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    elif sys.argv[1] == "all":
        for name in CASES:
            print(f"== {name}", flush=True)
            run(name, *sys.argv[2:])
    else:
        run(*sys.argv[1:])
