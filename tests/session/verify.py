#!/usr/bin/env python3
"""
camctl verify: what it says of recordings that are sound, of such as a kill, a cut, a hole or a hand in the table has spoilt, and of
files that are none; it never changes one.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import time

from camd import CAMCTL, ROOT, SANITIZED, SMALL, Camd, check, count_frames, equal, main, read_csv, test

MAGIC = b"\x8BcamdF\x1D\n"         # 8 bytes into each frame's fragment
SOUND, MISSING, UNKNOWN = 0, 1, 2
SUFFIX = "_frame_timing.csv"


def run(*words):
    return subprocess.run([CAMCTL, "verify", *map(str, words)], capture_output=True, text=True, timeout=300, env=dict(os.environ, LC_ALL="C.UTF-8"))


def verify(*words, status=SOUND):
    """What it says of each recording, by name, and the summary."""
    files = [pathlib.Path(word) for word in words if not str(word).startswith("--")]
    before = [contents(file) for file in files]
    result = run("--json", *words)
    equal([contents(file) for file in files], before, "verify changed a file")
    equal((result.returncode, result.stderr), (status, ""), result.stdout)
    *found, summary = map(json.loads, result.stdout.splitlines())
    equal(summary["recordings"], len(found))
    equal(summary["verdict"], ["sound", "missing", "unknown"][status])
    people = run(*words)
    equal(people.returncode, status, people.stderr)
    equal(len(re.findall(r"^\S.*: (?:sound|something is missing|can't say)$", people.stdout, re.M)), len(found), people.stdout)
    return {os.path.basename(one.get("file") or one["table"]): one for one in found}


def only(*words, status=SOUND):
    (one,) = verify(*words, status=status).values()
    return one


def codes(one):
    return {problem["code"]: problem.get("count") for problem in one["problems"]}


def contents(path):
    if not path.exists():
        return None
    paths = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [(each, each.stat().st_mtime_ns, each.read_bytes()) for each in paths if each.is_file()]


def table_of(video):
    return pathlib.Path(str(video).rsplit(".", 1)[0] + SUFFIX)


@contextlib.contextmanager
def recorded(*flags, seconds=1.2, cameras=(SMALL,), kill=False):
    """A place with recordings, and their paths."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        with Camd(*flags, output=place, cameras=cameras) as camd:
            camd.started()
            started = camd.ask("start_recording")
            time.sleep(seconds)
            if kill:
                camd.kill()
                yield [pathlib.Path(file) for file in started["files"]]
                return
            camd.ask("stop_recording")
            camd.quit()
        yield [pathlib.Path(file) for file in started["files"]]


def fragments(data):
    """Where frames begin, and where the last one ends if nothing is behind them but the index."""
    starts = [match.start() - 8 for match in re.finditer(re.escape(MAGIC), data)]
    moov = data.rfind(b"moov") - 4
    return list(zip(starts, starts[1:] + [moov if moov > starts[-1] else len(data)]))


def copy(video, place, name=None):
    """The recording once more, to be spoilt."""
    to = pathlib.Path(place) / (name or video.name)
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(video, to)
    if table_of(video).exists():
        shutil.copy(table_of(video), table_of(to))
    return to


@test
def sound():
    with recorded(cameras=[SMALL, "synthetic:160x120@30?lose=7"]) as (even, lossy):
        for video in even, lossy:
            one, rows = only(video), read_csv(video)
            equal((one["state"], one["frames"], one["whole_frames"], one["rows"]), ("finished", len(rows), len(rows), len(rows)))
            equal((one["first_number"], one["last_number"]), (rows[0]["frame_number"], rows[-1]["frame_number"]))
            equal((one["file"], one["table"], one["time_error_ns"]), (str(video), str(table_of(video)), 0))
            equal(one["lost"]["sensor"], rows[-1]["lost_sensor"])
            equal(one["gaps"], sum(row["dropped_since_last"] > 0 for row in rows))
            equal((one["problems"], one["notes"]), ([], []))
        check(only(lossy)["lost"]["sensor"] > 2)
        equal(only(table_of(even))["file"], str(even), "a table stands for its video")
        equal(only("--decode", even)["decoded_frames"], len(read_csv(even)))
        equal(len(verify(even.parent.parent)), 2, "a whole tree")
        equal(len(verify(even, lossy)), 2, "several files")


@test
def after_a_kill():
    with recorded(kill=True) as (video,):
        one = only(video, status=MISSING)
        equal(one["state"], "unfinished")
        equal({"unfinished"} | (set(codes(one)) & {"torn_row", "frames_without_rows"}), set(codes(one)))
        equal(one["frames"], count_frames(video))
        with Camd(output=video.parent.parent, cameras=[]) as camd:
            camd.ask("subscribe", events=["recovered"])
            camd.event("recovered")
            camd.quit()
        again = only(video)
        equal((again["state"], again["problems"]), ("finished", []))
        check(abs(again["frames"] - one["frames"]) <= 1, one, again)


@test
def while_it_records():
    with Camd(cameras=[SMALL]) as camd:
        camd.started()
        video = camd.ask("start_recording")["files"][0]
        for _ in range(5):
            time.sleep(0.15)
            result = run("--json", video)
            equal(result.returncode, SOUND, result.stdout)
            equal(json.loads(result.stdout.splitlines()[0])["state"], "recording")
        camd.ask("stop_recording")
        equal(only(video)["state"], "finished")
        camd.quit()


@test
def cut_anywhere():
    chance = random.Random(5)
    with recorded() as (video,), tempfile.TemporaryDirectory() as place:
        whole, rows = video.read_bytes(), read_csv(video)
        frames = fragments(whole)
        equal(len(frames), len(rows))
        places = [0, 1, 31, 40, 4095, 4096, frames[0][1], frames[3][1] - 1, frames[-1][1], len(whole) - 1]
        for at in places + [chance.randrange(len(whole)) for _ in range(5 if SANITIZED else 15)]:
            spoilt = copy(video, place)
            spoilt.write_bytes(whole[:at])
            one, left = only(spoilt, status=MISSING), sum(end <= at for _, end in frames)
            if not at:
                equal(codes(one), {"empty": None, "rows_without_frames": len(rows)})
                continue
            check("no_index" in codes(one), at, one)
            if at >= 4096:
                equal((one["frames"], codes(one).get("rows_without_frames")), (left, len(rows) - left or None), f"cut at {at}")


@test
def zeroed_blocks():
    chance = random.Random(6)
    for kill in False, True:
        with recorded(kill=kill) as (video,), tempfile.TemporaryDirectory() as place:
            whole, rows = video.read_bytes(), len(read_csv(video))
            frames = fragments(whole)
            for index in range(4 if SANITIZED else 10):
                spoilt = copy(video, pathlib.Path(place) / f"session_{kill}_{index}")
                first, last = frames[2][0] // 4096, max(frames[-3][1], frames[2][0] + 4096) // 4096
                at = 4096 * chance.randint(first, last - 1) if index else 4096
                end = at + 4096 * chance.randint(1, 2)
                spoilt.write_bytes(whole[:at] + bytes(end - at) + whole[end:])
                hit = sum(begin < end and at < stop and any(whole[max(begin, at):min(stop, end)]) for begin, stop in frames)
                tail = frames[-1][0] < end      # then nothing behind it says how many there were
                one = only(spoilt, status=MISSING)
                equal(one["whole_frames"], len(frames) - hit, (index, at, end))
                if not tail:
                    equal(codes(one)["damaged_frames"], hit, one)
                if kill and not tail:
                    with Camd(output=place, cameras=[]) as camd:
                        camd.ask("subscribe", events=["recovered"])
                        camd.event("recovered")
                        camd.quit()
                    one = only(spoilt)
                    equal((one["lost"]["storage"], one["frames"]), (hit, len(frames) - hit), "the ledger has them")
                    check("damaged" in one["notes"][0], one)


def spoil_table(video, place, change):
    """The recording with its table's lines changed."""
    spoilt = copy(video, place)
    lines = table_of(spoilt).read_text().splitlines(keepends=True)
    changed = change(lines)
    table_of(spoilt).write_bytes("".join(lines if changed is None else changed).encode("latin-1"))
    return spoilt


@test
def tables_with_faults():
    def cell(line, column, value):
        cells = line.split(",")
        cells[column] = value(cells[column])
        return ",".join(cells)

    def another_time(lines):
        lines[6] = cell(lines[6], 2, lambda ns: str(int(ns) + 1))

    def another_number(lines):
        lines[-1] = cell(lines[-1], 0, lambda number: str(int(number) + 1))

    def a_loss(lines):
        lines[5:] = [cell(line, 8, lambda lost: str(int(lost) + 1)) for line in lines[5:]]

    with recorded() as (video,), tempfile.TemporaryDirectory() as place:
        faults = {
            "a row is missing": (lambda lines: lines[:5] + lines[6:], {"frames_without_rows": 1, "unexplained_gaps": 1}),
            "a row is garbage": (lambda lines: lines[:5] + ["\xff\0,,\"nonsense\n"] + lines[6:],
                                 {"frames_without_rows": 1, "unexplained_gaps": 1, "bad_rows": 1}),
            "half of the last row": (lambda lines: lines[:-1] + [lines[-1][:len(lines[-1]) // 2]], {"frames_without_rows": 1, "torn_row": 1}),
            "a row twice": (lambda lines: lines[:6] + lines[5:], {"rows_without_frames": 1, "disordered_rows": 1}),
            "no rows": (lambda lines: lines[:1], {"frames_without_rows": len(read_csv(video))}),
            "no header": (lambda lines: lines[1:], {"no_table": None}),
            "an empty file": (lambda lines: [], {"no_table": None}),
            "a time": (another_time, {"rows_without_frames": 1, "frames_without_rows": 1}),
            "a number": (another_number, {"wrong_numbers": 1, "unexplained_gaps": 1}),
            "a loss that was none": (a_loss, {"unexplained_gaps": 1}),
        }
        for what, (change, wanted) in faults.items():
            equal(codes(only(spoil_table(video, place, change), status=MISSING)), wanted, what)
        spoilt = copy(video, place)
        table_of(spoilt).unlink()
        equal(codes(only(spoilt, status=MISSING)), {"no_table": None})
        spoilt = copy(video, place)
        spoilt.unlink()
        equal(codes(only(table_of(spoilt), status=MISSING)), {"no_video": None})
        table_of(spoilt).unlink()
        spoilt = copy(video, place, "clip_cam0_x.mp4")
        table_of(spoilt).unlink()
        equal(codes(only(place, status=MISSING)), {"no_table": None}, "a clip, in its directory")


@test
def times_of_the_index():
    with recorded() as (video,), tempfile.TemporaryDirectory() as place:
        spoilt = copy(video, place)
        data = bytearray(spoilt.read_bytes())
        at = data.rfind(b"stts") + 12       # the first delta, behind version, count and its length
        data[at + 4:at + 8] = (int.from_bytes(data[at + 4:at + 8], "big") + 1000).to_bytes(4, "big")
        spoilt.write_bytes(data)
        one = only(spoilt, status=MISSING)
        check(codes(one)["wrong_times"] >= 1 and one["time_error_ns"] >= 1000, one)


@test
def raw_and_remuxed():
    with recorded("--container", "h264") as (video,), tempfile.TemporaryDirectory() as place:
        rows = len(read_csv(video))
        one = only(video)
        equal((one["state"], one["frames"], one["rows"]), ("raw", rows, rows))
        with Camd(output=video.parent.parent, cameras=[]) as camd:
            camd.ask("subscribe", events=["job_done"])
            for _ in range(2):
                camd.ask("remux", file=str(video))
                check(camd.event("job_done")["ok"])
            camd.quit()
        all_of_it = verify(video.parent)
        equal(sorted(all_of_it), sorted([video.name, video.stem + ".mp4", video.stem + "_2.mp4"]))
        for each in (".mp4", "_2.mp4"):
            one = all_of_it[video.stem + each]
            equal((one["verdict"], one["frames"], one["rows"]), ("sound", rows, rows))
        spoilt = copy(video, place)
        data = spoilt.read_bytes()
        spoilt.write_bytes(data[:len(data) // 2])
        check(codes(only(spoilt, status=MISSING))["rows_without_frames"] > 3)
        spoilt.write_bytes(data[:len(data) // 2] + bytes(4000) + data[len(data) // 2 + 4000:])
        check("undecodable" in codes(only("--decode", spoilt, status=MISSING)))


@test
def exports_and_clips():
    with Camd("--prebuffer", "1s", cameras=[SMALL]) as camd:
        camd.started()
        camd.ask("subscribe", events=["job_done", "trigger_saved"])
        camd.ask("start_recording")
        time.sleep(0.8)
        camd.ask("trigger", before=0.5, after=0.3)
        clip = camd.event("trigger_saved")["files"][0]
        camd.ask("stop_recording")
        camd.ask("export")
        exported = pathlib.Path(camd.event("job_done")["files"][0])
        camd.quit()
        found = verify(camd.output)
        equal(len(found), 3)
        check(found[os.path.basename(clip)]["whole_frames"] > 3 and found[exported.name]["rows"] > 5, found)
        table_of(exported).unlink()
        equal(codes(only(exported, status=MISSING)), {"no_table": None})


@test
def files_of_one_recording():
    with recorded("--segment-length", "1s", "--intra", "0.5s", seconds=3.4) as (first,):
        directory = first.parent
        files = sorted(directory.glob("*.mp4"), key=lambda file: read_csv(file)[0]["frame_number"])
        check(len(files) >= 3, files)
        equal([one["notes"] for one in verify(directory).values()], [[]] * len(files))
        for file in files[1], table_of(files[1]):
            file.rename(file.with_name("." + file.name))
        gap = read_csv(files[2])[0]["frame_number"] - read_csv(files[0])[-1]["frame_number"] - 1
        equal(codes(verify(directory, status=MISSING)[files[2].name]), {"missing_files": gap})
        for file in files[0], table_of(files[0]):
            file.unlink()
        check("first frames" in verify(directory)[files[2].name]["notes"][0])


@test
def what_is_no_recording():
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=1", "-pix_fmt", "yuv420p",
                        place / "foreign.mp4"], check=True)
        one = only(place / "foreign.mp4", status=UNKNOWN)
        equal((codes(one), one["frames"]), ({"foreign": None}, 10))
        for text in b"no video at all\n", bytes(10000), random.Random(1).randbytes(10000):
            (place / "text.mp4").write_bytes(text)
            result = run("--json", place / "text.mp4")
            check(result.returncode in (MISSING, UNKNOWN), result.stdout)
            (place / "text.h264").write_bytes(text)
            check(run(place / "text.h264").returncode in (MISSING, UNKNOWN))
        for path in __file__, "/dev/null", place / "not there":
            equal(run(path).returncode, UNKNOWN, path)
        os.mkfifo(place / "pipe.mp4")
        equal(run(place / "pipe.mp4").returncode, UNKNOWN)
        (place / "nothing").mkdir()
        result = run(place / "nothing")
        equal((result.returncode, result.stdout), (UNKNOWN, ""))
        check("no recordings" in result.stderr, result.stderr)
        equal(run().returncode, UNKNOWN, "without a file")
        equal(run("--no-such", place).returncode, UNKNOWN)


@test
def codes_are_documented():
    source = (ROOT / "camctl/verify.c").read_text()
    named = set(re.findall(r'\[VERIFY_\w+\] = "(\w+)"', source)) - {"sound", "missing", "unknown"}
    page = (ROOT / "docs/reliability.md").read_text().split("| code |")[1]
    equal(named, set(re.findall(r"`([a-z_]+)`", "".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `")))))


@test
def strange_names():
    with recorded() as (video,), tempfile.TemporaryDirectory() as name:
        for strange in "a b", "it's \"quoted\" $(x) %s", "two\nlines\x1b[31m", "-begins", "ümläut", "x:y":
            place = pathlib.Path(name) / strange
            spoilt = copy(video, place, f"cam0 {strange}.mp4")
            one = only(spoilt)
            equal(one["file"], str(spoilt))
            equal(only("--decode", place)["decoded_frames"], len(read_csv(video)))
        os.chdir(pathlib.Path(name) / "-begins")
        equal(run("cam0 -begins.mp4").returncode, SOUND)
        raw = os.fsencode(name) + b"/\xff\xfe"
        os.mkdir(raw)
        shutil.copy(video, raw + b"/cam0_\xff.mp4")
        result = subprocess.run([os.fsencode(CAMCTL), b"verify", b"--json", raw], capture_output=True)
        equal(result.returncode, MISSING)
        check("\ufffd" in json.loads(result.stdout.decode().splitlines()[0])["file"])
        os.chdir("/")


main()
