#!/usr/bin/env python3
"""camctl report: figures held against tables whose figures are known, against recordings, and whatever a file may hold."""
import os
import pathlib
import random
import re
import subprocess
import tempfile
import xml.etree.ElementTree as xml

from camd import CAMCTL, SMALL, Camd, check, equal, ffprobe, main, read_csv, test

SVG = "{http://www.w3.org/2000/svg}"
HEAD = "frame_number,write_time_unix,sensor_timestamp_ns,dropped_since_last,total_hardware_drops,camera_frame," \
    "lost_sensor,lost_starved,lost_encoder,lost_storage,exposure_us\n"
PERIOD_NS = 33333333


def report(*words, status=0):
    result = subprocess.run([CAMCTL, "report", *map(str, words)], capture_output=True, text=True, timeout=120,
                            env=dict(os.environ, LC_ALL="C.UTF-8"))
    equal(result.returncode, status, result.stderr or result.stdout)
    return result.stdout if status == 0 else result.stderr


def write_table(directory, camera, times_ns, lost={}, name="320x240_30.0fps_20261120_140307"):
    """A table with those times; lost: row index -> (cause column, frames)."""
    totals, number, rows = [0, 0, 0, 0], 0, []
    for index, ns in enumerate(times_ns):
        column, frames = lost.get(index, (0, 0))
        totals[column] += frames
        number += 1 + frames
        rows.append(f"{number},{1763643787 + index / 30:.6f},{ns},{frames},{totals[0]},{number},"
                    f"{','.join(map(str, totals))},\n")
    path = pathlib.Path(directory) / f"cam{camera}_{name}_frame_timing.csv"
    path.write_text(HEAD + "".join(rows))
    return path


def figures(text, camera, line):
    """The numbers of a camera's line."""
    part = re.search(rf"^camera {camera}\n(.*?)(?:\n\n|\Z)", text, re.S | re.M)[1]
    return [float(number) for number in re.findall(r"[-+]?\d+(?:\.\d+)?", re.search(rf"^  {line} +(.*)$", part, re.M)[1])]


def drawn(path):
    """The picture's root, whose parts lie inside of it."""
    root = xml.parse(path).getroot()
    width, height = float(root.get("width")), float(root.get("height"))
    for rect in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        check(0 <= x and x + w <= width + 0.2 and 0 <= y and y + h <= height + 0.2, "outside of the picture:", rect.attrib)
    for element in root.iter(f"{SVG}path"):
        check("nan" not in element.get("d") and "inf" not in element.get("d"), element.get("d")[:200])
    return root


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


@test
def figures_that_are_known():
    with tempfile.TemporaryDirectory() as place:
        chance = random.Random(7)
        times = [10**12 + n * PERIOD_NS + round(chance.gauss(0, 40000)) for n in range(9001)]
        times[4000] += 20_000_000
        write_table(place, 0, times)
        text = report(place, "--svg", f"{place}/r.svg")
        intervals = sorted(b - a for a, b in zip(times, times[1:]))
        wanted = [intervals[0], intervals[4499], sum(intervals) / 9000, intervals[8909], intervals[-1]]
        mean = wanted[2]
        wanted.append((sum((each - mean) ** 2 for each in intervals) / 9000) ** 0.5)
        found = [float(number) for number in re.findall(r"(?:min|median|mean|p99|max|jitter) (\d+\.\d+)", text)[:6]]
        for each, ns in zip(found, wanted):
            check(abs(each - ns / 1e6) < 0.004, found, wanted)
        check(abs(figures(text, 0, "rate")[0] - 1e9 / mean) < 1e-3, text)
        bars = [int(count) for count in re.findall(r"^ +\d+\.\d+ ms +(\d+)", text, re.M)]
        outside = int(re.search(r"outside +(\d+)", text)[1])
        equal((len(bars), sum(bars) + outside), (10, 9000), "intervals in the histogram")
        drawn(f"{place}/r.svg")


@test
def losses_with_causes_and_times():
    with tempfile.TemporaryDirectory() as place:
        lost = {300: (0, 2), 310: (2, 1), 600: (3, 4), 601: (1, 1)}
        numbers, times = 0, []
        for index in range(900):
            numbers += 1 + lost.get(index, (0, 0))[1]
            times.append(10**12 + (numbers - 1) * PERIOD_NS)
        write_table(place, 0, times, lost)
        text = report(place, "--svg", f"{place}/r.svg")
        check("900 of 908 recorded, lost: sensor 2, starved 1, encoder 1, storage 4" in text, text)
        check(re.search(r"losses +10\.067 s, before frame 303: sensor 2, encoder 1\n +20\.233 s, before frame 608: starved 1, storage 4\n",
                        text), text)
        root = drawn(f"{place}/r.svg")
        for cause, parts in enumerate((1, 1, 1, 1, 0)):
            marks = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == f"c{cause}"]
            equal(len(marks), 1 + parts, f"marks of cause {cause}, and one in the legend")
        # a table of the original: no columns for causes
        table = pathlib.Path(place) / "cam0_320x240_30.0fps_20261120_140307_frame_timing.csv"
        table.write_text("frame_number,write_time_unix,sensor_timestamp_ns,dropped_since_last,total_hardware_drops\n" +
                         "".join(f"{n},1763643787.5,{n * PERIOD_NS},{2 * (n == 8)},0\n" for n in (1, 2, 3, 4, 5, 8, 9)))
        check("7 of 9 recorded, lost: unknown 2" in report(place), report(place))


@test
def skew_and_drift():
    with tempfile.TemporaryDirectory() as place:
        first = [10**12 + n * PERIOD_NS for n in range(1800)]
        write_table(place, 0, first)
        # 1 ms late, and later by 5 us a second
        write_table(place, 1, [ns + 1_000_000 + round((ns - first[0]) * 5e-6) for ns in first])
        del first[500:510]      # whose partner is missing has no skew
        write_table(place, 2, [ns - 2_000_000 for ns in first])
        text = report(place, "--svg", f"{place}/r.svg")
        reference, mean, lowest, highest, drift = figures(text, 1, "skew")
        check(abs(mean - 1.15) < 0.002 and abs(lowest - 1) < 0.002 and abs(highest - 1.3) < 0.002 and abs(drift - 300) < 1, text)
        reference, mean, lowest, highest, drift = figures(text, 2, "skew")
        equal((mean, lowest, highest, drift), (-2, -2, -2, 0))
        check("Camera 2 after camera 0" in texts(drawn(f"{place}/r.svg")), "heading")
        # once around: an interval of drift, and the line goes on
        write_table(place, 1, [ns + round((ns - first[0]) * 1e-3) for ns in first])
        check(abs(figures(report(place), 1, "skew")[-1] - 60000) < 200, report(place))


@test
def recordings_of_camd():
    with Camd(cameras=["synthetic:320x240@30?lose=9", SMALL]) as camd:
        camd.started()
        session, = camd.sessions()
        for _ in range(2):
            camd.ask("start_recording")
            camd.ask("wait", seconds=1.5)
            text = report(session)      # of what is being written
            check("camera 0" in text and "bitrate" in text, text)
            stopped = camd.ask("stop_recording")
        camd.quit()
        svg = session / "report.svg"
        text = report(session, "--svg", svg)
        for camera in (0, 1):
            videos = sorted(session.glob(f"cam{camera}_*.mp4"))
            rows = [read_csv(video) for video in videos]
            frames, captured, *lost = figures(text, camera, "frames")
            equal(frames, sum(map(len, rows)), "frames")
            equal(captured - frames, sum(row["dropped_since_last"] for each in rows for row in each), "lost")
            sizes = sum(int(packet["size"]) for video in videos for packet in
                        ffprobe(video, "-select_streams", "v", "-show_entries", "packet=size")["packets"])
            seconds = sum(each[-1]["sensor_timestamp_ns"] - each[0]["sensor_timestamp_ns"] for each in rows) / 1e9
            check(abs(figures(text, camera, "bitrate")[0] - sizes * 8 / seconds / 1e6) < 0.0006, text, sizes, seconds)
        equal(stopped["cameras"][0]["frames"], len(read_csv(stopped["cameras"][0]["file"])))
        check("2 recordings" in text and "sensor" in text, text)
        check(any("bitrate, Mb/s" == each for each in texts(drawn(svg))), "bitrate drawn")
        # one recording alone, by its video
        check(f"{stopped['cameras'][1]['frames']} of" in report(stopped["files"][1]), report(stopped["files"][1]))


@test
def killed_and_raw():
    with Camd(cameras=["synthetic:160x120@60"]) as camd:
        camd.ask("start_recording")
        camd.ask("wait", seconds=1)
        camd.kill()
        session, = camd.sessions()
        text = report(session)
        frames = figures(text, 0, "frames")[0]
        video, = session.glob("*.mp4")
        sizes = [int(packet["size"]) for packet in ffprobe(video, "-select_streams", "v", "-show_entries", "packet=size")["packets"]]
        rows = read_csv(video)
        equal(frames, len(rows))
        seconds = (rows[-1]["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"]) / 1e9
        check(abs(figures(text, 0, "bitrate")[0] - sum(sizes[:len(rows)]) * 8 / seconds / 1e6) < 0.0006, text)
    with Camd("--container", "h264", cameras=["synthetic:160x120@60"]) as camd:
        camd.ask("start_recording")
        camd.ask("wait", seconds=1)
        stopped = camd.ask("stop_recording")["cameras"][0]
        camd.quit()
        session, = camd.sessions()
        text = report(session, "--svg", session / "r.svg")
        rows = read_csv(stopped["file"])
        seconds = (rows[-1]["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"]) / 1e9
        check(abs(figures(text, 0, "bitrate")[0] - stopped["bytes"] * 8 / seconds / 1e6) < 0.0006, text)
        check(any("raw stream" in each for each in texts(drawn(session / "r.svg"))), "the picture says so")


@test
def hostile_tables():
    whole = "1,,1000,0,0,1,0,0,0,0\n2,,2000,0,0,2,0,0,0,0\n3,,3000,0,0,3,0,0,0,0\n"
    cases = {
        HEAD + whole + "4,,4000,0": 3, HEAD + whole: 3, HEAD + "x\n\n,,,,\n" + whole: 3, HEAD + "x" * 100000 + "\n" + whole: 3,
        HEAD + whole + "9" * 5000: 3, HEAD + whole + "-1,,5000,0,0\n5,,99999999999999999999,0\n6,,6000,-7,0\n": 3,
        HEAD + f"1,,{1 - 2**60},0,0,1,0,0,0,0\n1000000000000,,{2**60 - 1},{2**60 - 1},0,1,0,0,0,{2**60 - 1}\n": 2,
        HEAD + "3,1e300,3,0\n2,nan,2,0\n2,-1,2,0\n2,x,2,0\n": 4, HEAD + "1,1,1,0\n": 1, HEAD + whole.replace("\n", "\r\n"): 3,
        "frame_number,<&>\0\n1,,1,0\n": 1,
    }
    with tempfile.TemporaryDirectory() as place:
        os.mkdir(f"{place}/<&>\"\x1b[31m")
        path = pathlib.Path(place) / "<&>\"\x1b[31m" / "cam0_<b>_frame_timing.csv"
        for text, rows in cases.items():
            path.write_text(text)
            out = report(path.parent, "--svg", f"{place}/r.svg")
            equal(figures(out, 0, "frames")[0], rows, repr(text[:300]))
            check("\x1b" not in out, out)
            drawn(f"{place}/r.svg")
        path.write_text(HEAD + whole)
        chance = random.Random(3)
        video = pathlib.Path(str(path).replace("_frame_timing.csv", ".mp4"))
        box = (lambda kind, data: (len(data) + 8).to_bytes(4, "big") + kind + data)
        table = box(b"stsz", bytes(8) + (2**31).to_bytes(4, "big") + bytes(8))
        for data in (b"", b"\0\0\0\1mdat", b"\0\0\0\0moov", b"\0\0\0\7moov" * 9, box(b"moov", box(b"trak", table)), chance.randbytes(5000),
                     box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table))))), b"\xff" * 64):
            video.write_bytes(data)
            equal(figures(report(path.parent, "--svg", f"{place}/r.svg"), 0, "frames")[0], 3, data[:50])
            drawn(f"{place}/r.svg")


@test
def what_is_no_session():
    with tempfile.TemporaryDirectory() as place:
        check("no timing tables" in report(place, status=1), "an empty directory")
        check("No such file" in report(f"{place}/nowhere", status=1), "no directory")
        (pathlib.Path(place) / "cam0_x.mp4").write_bytes(b"")
        check("enable_csv_timing_log" in report(place, status=1), "a video alone")
        (pathlib.Path(place) / "cam0_x_frame_timing.csv").write_text("number,time\n1,2\n")
        check("no timing table" in report(place, status=1), "another table")
        (pathlib.Path(place) / "cam0_x_frame_timing.csv").write_text(HEAD)
        check("nothing was recorded" in report(place, status=1), "an empty table")
        write_table(place, 0, [1, 2, 3])
        check("/nowhere/r.svg" in report(place, "--svg", "/nowhere/r.svg", status=1), "a place that can't be written to")
        report(place, "--no-such-flag", status=2)
        report(status=2)


@test
def hours_are_no_matter():
    """A day at 10 frames a second takes no more room than a minute."""
    with tempfile.TemporaryDirectory() as place:
        with open(f"{place}/cam0_1x1_frame_timing.csv", "w") as file:
            file.write(HEAD)
            for n in range(1, 864001):
                file.write(f"{n},,{n * 100_000_000 + n % 7},0,0,{n},0,0,0,0,\n")
        result = subprocess.run(["/bin/sh", "-c", f'ulimit -v 200000; exec "{CAMCTL}" report "{place}"'] if "CAMD_SANITIZED" not in os.environ
                                else [CAMCTL, "report", place], capture_output=True, text=True, timeout=300)
        equal(result.returncode, 0, result.stderr)
        check("864000 of 864000" in result.stdout and "23:59:59" in result.stdout, result.stdout)


main()
