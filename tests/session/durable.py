#!/usr/bin/env python3
"""How far recordings are on the disk: what get_status says of it, and `sync`, which answers when all is down."""

import contextlib
import os
import pathlib
import time

from camd import Camd, SMALL, check, equal, main, test, until
from tracing import strace, traced


def synced(calls, name):
    """What was made of the syncs of a file, by strace."""
    return "".join(line for line in calls.read_text().splitlines() if "sync(" in line and f"/{name}>" in line)


def status(camd, camera=0):
    return camd.ask("get_status")["cameras"][camera]


@test
def figures_of_a_recording():
    with Camd("--recovery-point", "0.1") as camd:
        camd.started()
        equal([name for name in status(camd) if name.startswith("durable")], [], "figures without a recording")
        camd.ask("start_recording")
        until(lambda: status(camd)["durable_frame"] >= 10, "ten frames on the disk")
        before = status(camd)
        check(before["durable_frame"] <= before["captured_frames"], before)
        check(before["durable_sensor_timestamp_ns"] < time.clock_gettime_ns(time.CLOCK_MONOTONIC), before)
        until(lambda: status(camd)["durable_frame"] > before["durable_frame"], "more of them")
        storage = camd.ask("get_status")["storage"]
        check(0 < storage["written_bytes"] and 0 < storage["slowest_write_ms"] and 0 < storage["slowest_sync_ms"], storage)
        equal(list(storage["stalls"]), ["from_100_ms", "from_300_ms", "from_1_s", "from_3_s", "from_10_s"])
        camera, = camd.ask("stop_recording")["cameras"]
        check(camd.ask("get_status")["storage"]["written_bytes"] <= camera["bytes"], camera)
        equal([name for name in status(camd) if name.startswith("durable")], [], "figures after the recording")
        camd.quit()


@test
def lag_grows_until_a_sync():
    """With a minute between syncs, nothing but the command pushes anything down."""
    with Camd("--recovery-point", "60") as camd:
        camd.ask("start_recording")
        until(lambda: status(camd)["recorded_frames"] >= 20, "some frames")
        found = status(camd)
        equal((found["durable_frame"], "durable_sensor_timestamp_ns" in found), (0, False))
        check(found["durable_lag_ms"] >= 19 / 15 * 1000 - 1, found)
        captured = found["captured_frames"]
        camera, = camd.ask("sync")["cameras"]
        check(camera["durable_frame"] >= captured, (camera, captured))
        after = status(camd)
        equal((after["durable_frame"], after["durable_sensor_timestamp_ns"]),
              (camera["durable_frame"], camera["durable_sensor_timestamp_ns"]))
        check(after["durable_lag_ms"] < found["durable_lag_ms"], (after, found))
        camd.ask("stop_recording")
        camd.quit()


@test
def sync_pushes_down_what_it_says():
    """Video and table, and camd waits for it: seen from the kernel's side."""
    with Camd("--recovery-point", "60") as camd:
        video, = camd.ask("start_recording")["files"]
        files = [os.path.basename(video), os.path.basename(video)[:-len(".mp4")] + "_frame_timing.csv"]
        until(lambda: status(camd)["recorded_frames"] >= 20, "some frames")
        calls = pathlib.Path(camd.directory) / "calls"
        with traced(camd, strace("-y", "-e", "trace=fsync,fdatasync,pwrite64,pwritev", "-o", calls)):
            until(lambda: "pwrite" in calls.read_text(), "a frame that is written")
            check(" = 0" not in synced(calls, files[0]), "it syncs by itself, every minute")
            camd.ask("sync")
            for name in files:
                check(" = 0" in synced(calls, name), f"{name} was not synced:", calls.read_text()[-2000:])
        camd.ask("stop_recording")
        camd.quit()


@test
def sync_takes_its_turn():
    with Camd("--recovery-point", "60", cameras=[SMALL, SMALL]) as camd:
        equal(camd.ask("sync")["cameras"], [])
        camd.send("start_recording")
        for _ in range(20):
            camd.send("sync")
        camd.send("wait", seconds=0.3)
        camd.send("sync", id=7)
        camd.send("ping", id=8)
        camd.send("stop_recording", id=9)
        replies = [camd.reply() for _ in range(25)]
        in_turn = [reply for reply in replies if reply["status"] != "pong"]
        equal([reply["status"] for reply in in_turn],
              ["recording_started", *["synced"] * 20, "waited", "synced", "recording_stopped"])
        for cameras in (reply["data"]["cameras"] for reply in in_turn if reply["status"] == "synced"):
            equal([camera["camera_id"] for camera in cameras], [0, 1])
            check(all(camera["durable_frame"] >= 1 for camera in cameras), cameras)
        equal(camd.ask("sync")["cameras"], [])
        camd.quit()


@test
def what_was_synced_is_in_the_files_of_a_recording_that_is_cut():
    with Camd("--recovery-point", "60", "--segment-length", "0.5", "--intra", "0.2") as camd:
        camd.ask("subscribe", events="segment_finished")
        camd.ask("start_recording")
        camd.event("segment_finished")
        # the file that ended was pushed down for it
        found = status(camd)
        check(found["durable_frame"] >= 7, found)
        captured = found["captured_frames"]
        camera, = camd.ask("sync")["cameras"]
        check(camera["durable_frame"] >= captured, camera)
        camd.ask("stop_recording")
        camd.quit()


@test
def sync_when_camd_ends():
    with contextlib.ExitStack() as stack:
        for how in ("quit", "signal"):
            camd = stack.enter_context(Camd("--recovery-point", "60"))
            camd.ask("start_recording")
            camd.send("sync")
            if how == "quit":
                camd.send("quit")
                check(camd.reply()["status"] in ("synced", "error"), "one line for the sync")
            else:
                camd.signal(15)
            camd.wait()


if __name__ == "__main__":
    main()
