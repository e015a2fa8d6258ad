#!/usr/bin/env python3
"""What is changed at cameras while camd runs: on and off, controls; and how a camera that fades is told."""

import json
import subprocess
import time

from camd import CAMCTL, Camd, SMALL, check, check_stopped, equal, main, test


@test
def off_and_on():
    """Its recording ends whole, the other goes on, it keeps its number, and `all` leaves it out while it is off."""
    with Camd(cameras=[SMALL, "synthetic:160x120@15?id=second"]) as camd:
        camd.started()
        camd.ask("subscribe", events="*")
        started = camd.ask("start_recording")
        time.sleep(0.6)
        equal(camd.ask("set_camera", camera_id=1, enabled=False), {"camera_id": 1, "enabled": False})
        stopped = camd.event("recording_stopped")
        equal((stopped["camera_id"], stopped["file"]), (1, started["files"][1]))
        equal(camd.event("camera_lost")["camera_id"], 1)
        first, second = camd.ask("get_status")["cameras"]
        equal((first["state"], first["recording"], second["state"], second["recording"]), ("running", True, "off", False))
        check("set_camera" in second["error"], second["error"])
        check_stopped(camd.ask("stop_recording")["cameras"][0])
        equal([camera["camera_id"] for camera in camd.ask("start_recording")["cameras"]], [0])
        refused = camd.fails("start_recording", "camera_lost", camera_id=1)
        check("switched off" in refused["message"], refused)
        equal(camd.ask("set_camera", camera_id=1, enabled=True), {"camera_id": 1, "enabled": True})
        equal(camd.event("camera_found", where=lambda data: data["camera_id"] == 1)["id"], "synthetic:second")
        camd.ask("start_recording", camera_id=1)
        time.sleep(0.5)
        for camera in camd.ask("stop_recording")["cameras"]:
            check_stopped(camera, numbers=camera["camera_id"] == 0)     # a card that is opened anew counts anew
        camd.quit()


@test
def used_at_once():
    """What is asked of a camera right after it is switched on waits until it is open; the others wait for it, too."""
    with Camd(cameras=[SMALL, "synthetic:160x120@15?id=second"]) as camd:
        camd.started()
        for command, wanted in [("take_snapshot", "files"), ("start_recording", "cameras")]:
            for ids in [[1], [0, 1]]:
                camd.ask("set_camera", camera_id=1, enabled=False)
                camd.send("set_camera", camera_id=1, enabled=True)
                camd.send(command, camera_id=ids)
                camd.reply()
                reply = camd.reply()["data"]
                equal((len(reply[wanted]), reply.get("failed")), (len(ids), None), reply)
                if command == "start_recording":
                    camd.ask("wait", seconds=0.3)
                    for camera in camd.ask("stop_recording")["cameras"]:
                        check_stopped(camera, numbers=False)
        camd.quit()


@test
def off_twice():
    """That is answered each time, and quit ends camd with the camera off."""
    with Camd(cameras=[SMALL]) as camd:
        camd.started()
        for enabled in (False, False, True, True, False):
            equal(camd.ask("set_camera", enabled=enabled), {"camera_id": 0, "enabled": enabled})
        camd.fails("start_recording", "camera_lost")
        camd.fails("take_snapshot", "camera_lost")
        camd.fails("set_camera", "missing_argument")
        camd.fails("set_camera", "unknown_camera", camera_id=7, enabled=True)
        camd.quit()


@test
def controls_of_a_camera_without():
    with Camd(cameras=[SMALL]) as camd:
        camd.started()
        equal(camd.ask("list_cameras")["cameras"][0]["controls"], [])
        check("no controls" in camd.fails("set_controls", "bad_argument", controls={"ExposureTime": 5000})["message"])
        camd.fails("set_controls", "bad_argument", controls={})
        camd.fails("set_controls", "bad_argument", controls=[1])
        camd.fails("set_controls", "missing_argument")
        camd.quit()


@test
def frozen_picture():
    with Camd("--degraded-after", "2", cameras=["synthetic:160x120@15?freeze_after=30", SMALL]) as camd:
        camd.started()
        camd.ask("subscribe", events="camera_degraded")
        camd.ask("start_recording")
        told = camd.event("camera_degraded", where=lambda data: data["reason"] == "frozen")
        equal((told["camera_id"], told["degraded"]), (0, True))
        check(2 <= told["seconds"] < 10, told)
        first, second = camd.ask("get_status")["cameras"]
        equal((first["degraded"], "degraded" in second), ("frozen", False))
        camd.quit()


@test
def low_rate():
    """Every second frame is lost: the frames that come are half of what they should be."""
    with Camd("--degraded-after", "2", cameras=["synthetic:160x120@15?lose=2"]) as camd:
        camd.started()
        camd.ask("subscribe", events="camera_degraded")
        camd.ask("start_recording")
        told = camd.event("camera_degraded")
        equal((told["reason"], told["degraded"], told["expected"]), ("rate", True, 15))
        check(6 <= told["measured"] <= 9, told)
        camd.quit()


@test
def software_where_there_is_no_hardware():
    """`m2m` says so and records nothing; `auto` says that software does it."""
    with Camd(cameras=[SMALL]) as camd:
        camd.started()
        camd.ask("start_recording")
        status = camd.ask("get_status")["cameras"][0]
        equal(status["copied_bytes"], 0)
        if not status["encoder"].endswith("(software)"):
            camd.quit()
            return      # this machine has one
        check("no hardware encoder" in camd.log(), "the log")
        equal(camd.fails("set_config", "bad_argument", values={"encoder": "gpu"})["argument"], "encoder")
        check_stopped(camd.ask("stop_recording")["cameras"][0])
        equal(camd.ask("get_status")["cameras"][0]["encoder"], None)
        camd.ask("set_config", values={"encoder": "m2m"})
        check("encoder = m2m" in camd.fails("start_recording")["message"])
        camd.ask("set_config", values={"encoder": "software"})
        camd.ask("start_recording")
        check_stopped(camd.ask("stop_recording")["cameras"][0])
        camd.quit()


@test
def bitrate_in_mid_recording():
    with Camd("--bitrate", "2M", cameras=[SMALL]) as camd:
        camd.started()
        camd.ask("start_recording")
        time.sleep(0.5)
        camd.ask("set_config", values={"bitrate": "500k"})
        time.sleep(0.5)
        check_stopped(camd.ask("stop_recording")["cameras"][0])
        check("500000 bit/s from now on" in camd.log(), "the log")
        camd.quit()


@test
def by_camctl():
    result = subprocess.run([CAMCTL, "set_camera", "--enabled", "false", "--json", "--camera", SMALL], capture_output=True, text=True,
                            timeout=60)
    equal(result.returncode, 0, result.stderr)
    equal(json.loads(result.stdout.splitlines()[-1])["data"], {"camera_id": 0, "enabled": False})


main()
