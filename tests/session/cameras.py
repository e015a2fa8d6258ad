#!/usr/bin/env python3
"""Cameras that are not there, that fall silent, that go and come back; each without harm to the other."""

import time

from camd import Camd, SANITIZED, SMALL, check, check_stopped, equal, main, read_csv, test, until

QUICK = ("--discovery-timeout", "1", "--discovery-retry", "0.3")


@test
def none_at_all():
    """Commands that need cameras wait for them, those that don't are answered at once."""
    with Camd("--discovery-timeout", "1.5", "--discovery-retry", "0.3", "--greeting", cameras=["v4l2:/dev/video99"]) as camd:
        began = time.monotonic()
        equal(camd.reply()["status"], "initializing")
        camd.ask("ping")
        equal(camd.ask("get_status")["cameras"][0]["state"] in ("opening", "failed"), True)
        check(time.monotonic() - began < 1, "those came at once")
        camd.send("start_recording")
        camd.send("ping")
        camd.send("get_config", names=["mode"], id=1)
        equal(camd.reply()["id"], 1)
        replies = [camd.reply() for _ in range(4)]
        waited = time.monotonic() - began
        check(1.3 < waited < 3, f"it waited for {waited:.1f} s")
        equal([reply["status"] for reply in replies], ["initialized", "warning", "error", "pong"])
        equal(replies[0]["data"]["cameras"], 0)
        equal((replies[2]["data"]["message"], replies[2]["data"]["code"]), ("No cameras found", "no_cameras"))
        for command in ("take_snapshot", "start_recording"):
            equal(camd.fails(command, "no_cameras")["message"], "No cameras found")
        equal(camd.fails("stop_recording", "not_recording")["message"], "Not recording")
        camera, = camd.ask("get_status")["cameras"]
        equal((camera["state"], camera["recording"], camera["captured_frames"]), ("failed", False, 0))
        check("/dev/video99" in camera["error"], camera)
        camd.quit()


@test
def unknown_kinds_and_options():
    for camera, words in (("webcam", "webcam"), ("synthetic:banana", "banana"), ("synthetic:?size=big", "size"), ("", ""),
                          ("synthetic:160x120?lose=1", "lose"), ("synthetic:161x120", "161"), ("synthetic:99999x99999", "99999"),
                          ("synthetic:160x120@0", "WxH@FPS"), ("file:/nowhere/clip.mp4", "/nowhere/clip.mp4"),
                          ("file:/etc/passwd", "passwd"),
                          ("file:", ""), ("v4l2:/dev/null", "/dev/null"), ("v4l2:/etc", "/etc"), ("v4l2:", "")):
        with Camd(*QUICK, cameras=[camera, SMALL]) as camd:
            cameras = camd.ask("list_cameras")["cameras"]
            check(any(each["state"] == "running" for each in cameras), f"{camera!r}: the other one runs: {cameras}")
            started = camd.ask("start_recording")
            equal(len(started["files"]), 1, f"{camera!r}: files")
            log = camd.log()
            check(words in log, f"session.log doesn't name {words!r}: {log}")
            camd.quit()


@test
def one_of_two_is_silent():
    with Camd("--start-timeout", "1", cameras=["synthetic:160x120@15?stall_after=0", SMALL]) as camd:
        camd.ask("list_cameras")
        began = time.monotonic()
        started = camd.ask("start_recording")
        check(0.8 < time.monotonic() - began < 3, "it waited for start_timeout")
        equal([each["camera_id"] for each in started["cameras"]], [1])
        equal(len(started["files"]), 1)
        failed, = started["failed"]
        equal(failed["camera_id"], 0)
        check(failed["code"] in ("timeout", "camera_lost") and failed["message"], failed)
        time.sleep(0.5)
        stopped = camd.ask("stop_recording")
        equal(stopped["files"], started["files"])
        for camera in stopped["cameras"]:
            if camera["camera_id"] == 1:
                check_stopped(camera)
        shots = camd.ask("take_snapshot")
        equal(([shot["camera_id"] for shot in shots["shots"]], [each["camera_id"] for each in shots["failed"]]), ([1], [0]))
        camd.quit()


@test
def all_are_silent():
    with Camd("--start-timeout", "0.5", cameras=["synthetic:160x120@15?stall_after=0"]) as camd:
        camd.ask("list_cameras")
        camd.fails("start_recording", "timeout")
        camd.fails("take_snapshot", "timeout")
        equal(camd.ask("get_status")["recording"], False)
        equal(list(camd.output.glob("*/cam*")), [], "files")
        camd.quit()


@test
def dies_while_recording():
    """It is told, the other goes on untouched, and the recording goes on when it is back: one file, with a gap."""
    with Camd(cameras=["synthetic:160x120@15?fail_after=30", SMALL]) as camd:
        camd.started()
        camd.ask("subscribe", events="*")
        started = camd.ask("start_recording")
        lost = camd.event("camera_lost")
        equal((lost["camera_id"], lost["code"]), (0, "camera_lost"))
        found = camd.event("camera_found", where=lambda data: data["camera_id"] == 0)
        equal(found["id"], lost["id"])
        time.sleep(1)
        status = camd.ask("get_status")
        equal([each["recording"] for each in status["cameras"]], [True, True])
        stopped = camd.ask("stop_recording")
        equal(stopped["files"], started["files"])
        first, second = stopped["cameras"]
        rows = check_stopped(first, numbers=False)      # the card's numbers begin anew
        steps = [b["sensor_timestamp_ns"] - a["sensor_timestamp_ns"] for a, b in zip(rows, rows[1:])]
        check(max(steps) > 900_000_000, f"the longest step is {max(steps)} ns")
        check(SANITIZED or not sum(second["lost"].values()), "frames lost by the other", second)
        check_stopped(second)
        camd.quit()


@test
def falls_silent_while_recording():
    with Camd(cameras=["synthetic:160x120@15?stall_after=30", SMALL]) as camd:
        camd.started()
        camd.ask("subscribe", events=["camera_lost", "camera_found"])
        camd.ask("start_recording")
        equal(camd.event("camera_lost")["camera_id"], 0)
        equal(camd.event("camera_found", where=lambda data: data["camera_id"] == 0)["camera_id"], 0)
        time.sleep(0.5)
        first, second = camd.ask("stop_recording")["cameras"]
        check_stopped(first, numbers=False)
        check_stopped(second)
        camd.quit()


@test
def a_gap_stays_a_gap():
    # in a finished file with more than 4.29 s between two frames, times are in microseconds
    for fps, seconds in ((15, 1.5), (1, 4.5)):
        with Camd(cameras=[f"synthetic:160x120@{fps}?gap_after=3:{seconds}"]) as camd:
            camd.ask("start_recording")
            until(lambda: camd.ask("get_status")["cameras"][0]["recorded_frames"] > 5, "frames behind the gap")
            camera, = camd.ask("stop_recording")["cameras"]
            rows = check_stopped(camera)
            steps = [b["sensor_timestamp_ns"] - a["sensor_timestamp_ns"] for a, b in zip(rows, rows[1:])]
            check(abs(max(steps) - (seconds + 1 / fps) * 1e9) < 1e6, f"the gap is {max(steps)} ns")
            camd.quit()


@test
def what_the_sensor_loses_is_counted():
    with Camd(cameras=["synthetic:160x120@30?lose=10"]) as camd:
        camd.ask("subscribe", events="frames_lost")
        camd.ask("start_recording", duration=3)
        # a slow machine's encoder may lose some, too
        event = camd.event("frames_lost", where=lambda data: data["lost"]["sensor"])
        equal(event["camera_id"], 0, event)
        until(lambda: not camd.ask("get_status")["recording"], "the end")
        table, = camd.output.glob("*/*.csv")
        video = str(table).replace("_frame_timing.csv", ".mp4")
        rows = read_csv(video)
        check(7 <= rows[-1]["lost_sensor"] <= 9, f"{rows[-1]['lost_sensor']} lost in 3 s")
        check(all(row["camera_frame"] % 10 for row in rows), "those that the sensor lost have no rows")
        camd.quit()


@test
def captured_by_status():
    """get_status adds up, too, while it records."""
    with Camd(cameras=["synthetic:160x120@30?lose=7", SMALL]) as camd:
        camd.ask("start_recording")
        for _ in range(10):
            time.sleep(0.1)
            for camera in camd.ask("get_status")["cameras"]:
                lost = sum(camera["lost"].values())
                under_way = camera["captured_frames"] - camera["recorded_frames"] - lost
                check(-1 <= under_way <= 60, f"{under_way} frames neither recorded nor lost: {camera}")
                equal(camera["duplicated_frames"], 0)
        for camera in camd.ask("stop_recording")["cameras"]:
            check_stopped(camera)
        camd.quit()


@test
def mixed_kinds():
    with Camd("--target-fps", "20", cameras=["synthetic:160x120?pixels=nv12", "synthetic:160x120?pixels=yuyv",
                                             "synthetic:160x120?pixels=mjpeg", "synthetic:160x120?pixels=i422"]) as camd:
        camd.started()
        camd.ask("start_recording", duration=1)
        until(lambda: not camd.ask("get_status")["recording"], "the end")
        videos = sorted(camd.output.glob("*/*.mp4"))
        equal(len(videos), 4)
        for video in videos:
            equal(read_csv(video)[-1]["frame_number"], 20, video.name)
        camd.quit()


@test
def twice_the_same_device():
    """Two camd of one output directory keep out of each other's way; sessions of one second have names of their own."""
    with Camd() as first:
        first.ask("start_recording")
        with Camd(output=first.output) as second, Camd(output=first.output) as third:
            second.ask("start_recording")
            third.ask("start_recording")
            equal(len(first.sessions()), 3)
            time.sleep(0.5)
            for each in (second, third):
                check_stopped(each.ask("stop_recording")["cameras"][0])
                each.quit()
        check_stopped(first.ask("stop_recording")["cameras"][0])
        first.quit()


@test
def without_cameras_it_looks_for_them():
    """No camera named: whatever is found, and otherwise that there is none. On a machine with cameras this shows less."""
    with Camd(*QUICK, cameras=[]) as camd:
        camd.send("list_cameras")
        reply = camd.reply()
        if reply["status"] == "error":
            equal(reply["data"]["code"], "no_cameras")
        else:
            check(all(camera["kind"] not in ("synthetic", "file") for camera in reply["data"]["cameras"]), reply)
        camd.quit()


if __name__ == "__main__":
    main()
