#!/usr/bin/env python3
"""
kill -9 in mid-recording: the file plays at once, to within one frame of the last row of its table, with the right times; the
next start makes it whole and says so, touches nothing that another camd records, and finds nothing to do the time after.
"""

import os
import pathlib
import signal
import tempfile
import time

from camd import (PATIENCE, SANITIZED, Camd, check, check_table, check_video, count_frames, equal, main, packet_times_ns, read_csv, test,
                  until)
from mp4 import complete_fragments, is_finished

CAMERAS = ["synthetic:320x240@30", "synthetic:640x480@30?lose=13"]


def killed(output, moment, *flags, cameras=CAMERAS):
    """Records, and dies at a moment after the first frames; returns its videos."""
    with Camd(*flags, output=output, cameras=cameras) as camd:
        camd.started()
        started = camd.ask("start_recording")
        time.sleep(moment)
        camd.kill()
        return started["files"]


def recovered(output, n):
    """The next start: what it tells of n videos, by path."""
    with Camd(output=output, cameras=[]) as camd:
        camd.ask("subscribe", events=["recovered"])
        events = {}
        for _ in range(n):
            event = camd.event("recovered")
            events[event["file"]] = event
        camd.silent(0.3)
        camd.quit()
        return events


def contents(paths):
    return {path: (os.path.getsize(path), os.stat(path).st_mtime_ns, open(path, "rb").read()) for path in paths}


def marks(paths):
    """What changes with any change."""
    return [(os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in paths]


def check_unfinished(video):
    rows = check_video(video, slack=1)
    check(not is_finished(video), f"{video} is finished")
    frames = count_frames(video)
    check(len(rows) - 1 <= frames <= len(rows) + 1, f"{video}: {frames} frames play, {len(rows)} rows")
    return rows


@test
def plays_at_once_and_is_finished_later():
    for moment in (0, 0.01, 0.13, 0.5, 1.1, 1.7):
        with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
            videos = killed(place, moment)
            kept = [check_unfinished(video) for video in videos]
            check(len(kept[0]) >= moment * (10 if SANITIZED else 25), f"only {len(kept[0])} rows after {moment} s")
            events = recovered(place, len(videos))
            equal(sorted(events), sorted(videos))
            for video, old in zip(videos, kept):
                event, rows = events[video], check_video(video)
                check(is_finished(video), f"{video} is not finished")
                check("message" not in event, event)
                equal(event["frames"], len(rows))
                check(abs(len(rows) - len(old)) <= 1, f"{video}: {len(old)} rows became {len(rows)}")
                equal(rows[:len(old)], old[:len(rows)], "rows")
                check(event["duration_ns"] > 0 and event["bytes_cut"] >= 0, event)
            before = contents(videos)
            equal(recovered(place, 0), {})
            equal(contents(videos), before, "the second time it touches nothing")


@test
def raw_plays_at_once():
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        videos = []
        for moment in (0.01, 0.7):
            videos += killed(place, moment, "--container", "h264")
        for video in videos:
            rows, frames = read_csv(video), count_frames(video)
            check_table(rows)
            check(len(rows) - 1 <= frames <= len(rows) + 1, f"{video}: {frames} frames, {len(rows)} rows")
        before = contents(videos)
        with Camd(output=place, cameras=[]) as camd:
            camd.ask("ping")
            time.sleep(0.5)
            camd.quit()
        equal({path: each[2] for path, each in contents(videos).items()}, {path: each[2] for path, each in before.items()},
              "a raw stream is whole as it is")
        for video in videos:
            check_table(read_csv(video))


@test
def a_torn_end():
    """What a power cut leaves: half a frame, zeros, half a row, no rows, no table. All complete frames come back."""
    def cut(video, n):
        os.truncate(video, os.path.getsize(video) - n)

    def table(video):
        return video[:-4] + "_frame_timing.csv"

    def zeros(video):
        size = os.path.getsize(video)
        with open(video, "r+b") as file:
            at = (size - 3000) // 4096 * 4096
            file.seek(at)
            file.write(b"\0" * (size - at))

    def half_a_row(video):
        os.truncate(table(video), os.path.getsize(table(video)) - 7)

    def header_only(video):
        with open(table(video), "r+b") as file:
            os.truncate(table(video), len(file.readline()))

    harms = (lambda video: cut(video, 1), lambda video: cut(video, 1500), lambda video: cut(video, 4097), zeros,
             half_a_row, header_only, lambda video: os.remove(table(video)))
    for harm in harms:
        with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
            video, = killed(place, 1, cameras=CAMERAS[:1])
            rows = read_csv(video)
            harm(video)
            whole = complete_fragments(video)
            event = recovered(place, 1)[video]
            check(is_finished(video), "it is finished")
            # zeros may begin in the middle of a frame
            check(whole - (harm is zeros) <= event["frames"] <= whole + 1, f"{whole} frames are whole, {event}")
            times = packet_times_ns(video)
            equal(times, [row["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"] for row in rows][:len(times)], "times")
            if os.path.exists(table(video)):
                mended = check_video(video)
                known = [row["frame_number"] for row in mended]
                equal(known, [row["frame_number"] for row in rows][:len(known)], "frame numbers")


@test
def what_another_records_is_left_alone():
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        dead, = killed(place, 0.5, cameras=CAMERAS[:1])
        with Camd(output=place, cameras=CAMERAS[:1]) as other:
            other.ask("subscribe", events=["recovered"])
            equal(other.event("recovered")["file"], dead)
            other.ask("start_recording")
            time.sleep(0.5)
            equal(recovered(place, 0), {})
            time.sleep(0.3)
            camera, = other.ask("stop_recording")["cameras"]
            check(SANITIZED or not sum(camera["lost"].values()), camera)     # there the processor is slow by itself
            check_video(camera["file"])
            other.quit()


@test
def recovers_while_it_records():
    """Salvage at the start doesn't hold up a recording that begins at once, nor the other way round."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        videos = [video for _ in range(4) for video in killed(place, 0.6)]
        with Camd("--headless", output=place, cameras=CAMERAS[:1]) as camd:
            until(lambda: all(is_finished(video) for video in videos), "all recovered")
            until(lambda: len(list(pathlib.Path(place).glob("*/*.csv"))) > len(videos), "a new recording")
            new, = set(map(str, pathlib.Path(place).glob("*/*.mp4"))) - set(videos)
            until(lambda: len(read_csv(new)) > 10, "frames")
            camd.signal(signal.SIGTERM)
            camd.wait()
            check_video(new)
        for video in videos:
            check_video(video)


def told_by(camd):
    """What it tells of until it is gone."""
    lines = [*camd.events, *iter(camd.line, None)]
    return {line["data"]["file"] for line in lines if line.get("event") == "recovered"}


@test
def killed_while_recovering():
    """The salvage itself may be killed at any moment."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        videos = killed(place, 1.5)
        files = [*videos, *(video[:-len(".mp4")] + "_frame_timing.csv" for video in videos)]
        rows, between = [read_csv(video) for video in videos], 0
        before = {path: pathlib.Path(path).read_bytes() for path in files}
        told = set()
        for attempt in range(60):
            if all(is_finished(video) for video in videos):
                with Camd(output=place, cameras=[]) as camd:
                    camd.ask("subscribe", events=["recovered"])
                    time.sleep(0.3)
                    camd.send("quit")
                    equal(told | told_by(camd), set(videos), "each is told of, by one start or another")
                for path, data in before.items():
                    pathlib.Path(path).write_bytes(data)
                told = set()
            found = marks(files)
            with Camd(output=place, cameras=[]) as camd:
                camd.send("subscribe", events=["recovered"])
                end = time.monotonic() + PATIENCE
                while marks(files) == found and time.monotonic() < end:
                    pass        # it takes some milliseconds
                time.sleep(attempt % 4 * 0.001)
                camd.kill()
                told |= told_by(camd)
            for video in videos:
                check(len(packet_times_ns(video)) >= len(rows[videos.index(video)]) - 1, "it plays")
            between += not all(is_finished(video) for video in videos)
            if between == 4:
                break
        check(between, "no kill came while anything was being recovered")
        with Camd(output=place, cameras=[]) as camd:
            until(lambda: all(is_finished(video) for video in videos), "all recovered")
            camd.quit()
        for video in videos:
            check_video(video)


@test
def what_was_told_to_nobody():
    """What an earlier start had finished, and its power went before it could tell; notes that are none are passed over."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        video, = killed(place, 0.5, cameras=CAMERAS[:1])
        event = recovered(place, 1)[video]
        session = pathlib.Path(video).parent
        note = session / ".recovered"
        check(not note.exists(), "it was told of")
        name = os.path.basename(video)
        line = f"{event['frames']} {event['duration_ns']} {event['bytes_cut']} 0 {name}\n"
        note.write_text("x\n1 2 3\n-1 0 0 0 a.mp4\n1 1 1 1 ../a.mp4\n99999999999999999999 0 0 0 a.mp4\n1 1 1 1 gone.mp4\n" + line + "1 1 1 1 torn")
        equal(recovered(place, 1), {video: event})
        check(not note.exists(), "it was told of again")
        note.touch()
        equal(recovered(place, 0), {})
        check(not note.exists(), "there was nothing in it")
        note.symlink_to(video)
        equal(recovered(place, 0), {})
        note.unlink()
        os.mkfifo(note)
        equal(recovered(place, 0), {})
        check_video(video)


@test
def killed_in_a_later_file():
    """Of a recording of several files only the last one never ended; a clip that was being written did not, either."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        with Camd("--segment-length=1s", "--intra=0.5s", "--prebuffer=1s", output=place, cameras=CAMERAS[:1]) as camd:
            camd.started()
            camd.ask("subscribe", events=["segment_finished"])
            camd.ask("start_recording")
            camd.event("segment_finished")
            camd.ask("trigger", before=0.5, after=60)
            camd.event("segment_finished")
            time.sleep(0.3)
            camd.kill()
        videos = list(pathlib.Path(place).glob("*/*.mp4"))
        finished = {str(video) for video in videos if is_finished(str(video))}
        check(len(finished) >= 2 and len(videos) == len(finished) + 2, videos, finished)
        before = contents(finished)
        events = recovered(place, 2)
        equal(set(events), {str(video) for video in videos} - finished)
        equal(contents(finished), before, "what had ended is not touched")
        clip, = (video for video in events if "/clip_cam0_" in video)
        check(events[clip]["frames"] > 20, events)
        rows = [check_table_of(video) for video in sorted(set(map(str, videos)) - {clip}, key=lambda video: read_csv(video)[0]["frame_number"])]
        for last, row in zip(rows, rows[1:]):
            equal(row[0]["frame_number"] - row[0]["dropped_since_last"], last[-1]["frame_number"] + 1, "the numbers go on")


def check_table_of(video):
    """The video's frames have the table's times."""
    rows = read_csv(video)
    equal(packet_times_ns(video), [row["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"] for row in rows], video)
    return rows


@test
def foreign_files_stay():
    """What is not camd's is not touched, whatever it is called."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        session = pathlib.Path(place) / "session_20200101_000000"
        session.mkdir()
        video, = killed(place, 0.3, cameras=CAMERAS[:1])
        foreign = {}
        for name, data in (("cam0_1x1_1.0fps_20200101_000000.mp4", b""), ("cam0_1x1_1.0fps_20200101_000001.mp4", b"\0" * 10000),
                           ("cam0_1x1_1.0fps_20200101_000002.mp4", os.urandom(10000)), ("holiday.mp4", open(video, "rb").read()),
                           ("cam0_notes.txt", b"x"), ("cam0_1x1_1.0fps_20200101_000003_frame_timing.csv", b"nonsense\n")):
            (session / name).write_bytes(data)
            foreign[name] = data
        os.symlink(video, session / "cam0_1x1_1.0fps_20200101_000004.mp4")
        os.mkfifo(session / "cam0_1x1_1.0fps_20200101_000005.mp4")
        recovered(place, 1)
        for name, data in foreign.items():
            equal((session / name).read_bytes(), data, name)


if __name__ == "__main__":
    main()
