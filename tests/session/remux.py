#!/usr/bin/env python3
"""remux: an MP4 with exact times of a raw recording, as a background job."""

import atexit
import fcntl
import functools
import os
import pathlib
import re
import shutil
import signal
import tempfile
import time

from camd import SANITIZED, Camd, check, equal, ffprobe, main, packet_times_ns, probe, read_csv, test, until

FPS = 30
MAX_TICKS = 2**31 - 2       # the longest duration that ffmpeg writes


@functools.cache
def material():
    """A raw recording of two seconds; its path."""
    directory = tempfile.mkdtemp(prefix="camd-test-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    with Camd("--container", "h264", cameras=[f"synthetic:320x240@{FPS}"], output=directory) as camd:
        camd.ask("start_recording")
        time.sleep(2)
        video = camd.ask("stop_recording")["files"][0]
        camd.quit()
    check(len(read_csv(video)) > FPS, "too few frames were recorded")
    return pathlib.Path(video)


def table_of(video):
    return video.with_name(video.name[:-len(".h264")] + "_frame_timing.csv")


def place(camd, name="old/clip.h264"):
    """A copy of the recording below a camd's output directory."""
    video = camd.output / name
    video.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(material(), video)
    shutil.copyfile(table_of(material()), table_of(video))
    return video


def edit(video, change):
    """Rewrites the table by a function on its lines."""
    table = table_of(video)
    table.write_bytes(b"".join(change(table.read_bytes().splitlines(keepends=True))))


def delay(video, row, nanoseconds):
    """Lets all frames from a row on (from 0) come so much later."""
    def change(lines):
        for k, line in enumerate(lines):
            fields = line.split(b",")
            if k > row:
                fields[2] = b"%d" % (int(fields[2]) + nanoseconds)
            yield b",".join(fields)
    edit(video, change)


def gap_after(video, row, gap_ns):
    rows = read_csv(video)
    delay(video, row, gap_ns - (rows[row]["sensor_timestamp_ns"] - rows[row - 1]["sensor_timestamp_ns"]))


def remux(camd, video, timeout=60):
    """The job_done of a job."""
    job = camd.ask("remux", file=str(video))["job"]
    return camd.event("job_done", timeout, lambda data: data["job"] == job)


def done(camd, video):
    end = remux(camd, video)
    check(end["ok"], end)
    equal(len(end["files"]), 1)
    return pathlib.Path(end["files"][0]), end


def failed(camd, video, code, *words):
    end = remux(camd, video)
    check(not end["ok"], "it succeeded:", end)
    equal(end["code"], code, end["message"])
    equal(end["files"], [])
    for word in words:
        check(word in end["message"], f"no '{word}' in", end["message"])
    nothing_left(pathlib.Path(video).parent)
    return end


def nothing_left(directory):
    equal([name for name in os.listdir(directory) if name.endswith((".part", ".mp4"))], [], "left over")


def check_times(made, video, scale=10**9, frames=None):
    """Each frame at its row's time, to the nanosecond or as near as the scale can."""
    rows = read_csv(video)[:frames]
    equal(ffprobe(made, "-show_entries", "stream=time_base")["streams"][0]["time_base"], f"1/{scale}", "time base")
    wanted = [row["sensor_timestamp_ns"] - rows[0]["sensor_timestamp_ns"] for row in rows]
    found = packet_times_ns(made)
    equal(len(found), len(wanted), "frames")
    worst = max(abs(a - b) for a, b in zip(found, wanted))
    check(worst <= (0 if scale == 10**9 else 10**9 // scale // 2), f"a frame is {worst} ns off")


def subscribed(*flags, **settings):
    camd = Camd(*flags, **settings)
    camd.ask("subscribe", events=["job_progress", "job_done"])
    return camd


def fake_ffmpeg(script):
    """An environment in which a shell script is the ffmpeg program."""
    directory = tempfile.mkdtemp(prefix="camd-test-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    program = pathlib.Path(directory) / "ffmpeg"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    return {**os.environ, "PATH": directory + ":" + os.environ["PATH"], "MARK": directory}


# ---- what it makes ----

@test
def exact_to_the_nanosecond():
    with subscribed() as camd:
        video = place(camd)
        made, end = done(camd, video)
        equal(made, video.with_name("clip.mp4").resolve())
        check("message" not in end, end)
        check_times(made, video)
        probe(made)
        equal(sorted(os.listdir(video.parent)), ["clip.h264", "clip.mp4", "clip_frame_timing.csv"])
        camd.quit()


@test
def a_few_frames():
    """Of seven or fewer ffmpeg can't find out by itself that none is reordered."""
    with subscribed("--container", "h264", cameras=["synthetic:160x120@15"]) as camd:
        camd.ask("start_recording")
        time.sleep(0.4)
        video = pathlib.Path(camd.ask("stop_recording")["files"][0])
        check_times(done(camd, video)[0], video)


@test
def progress_comes_before_the_end():
    with subscribed() as camd:
        camd.send("remux", file=str(place(camd)))
        equal(camd.line()["status"], "job_started")
        events = []
        while not events or events[-1]["event"] != "job_done":
            events.append(camd.line())
        equal(events[-2]["event"], "job_progress")
        equal(events[-2]["data"], {"job": 1, "progress": 1})
        camd.quit()


@test
def progress_is_told_twice_a_second():
    with subscribed(env=fake_ffmpeg("sleep 1.8; exec /usr/bin/ffmpeg \"$@\"\n")) as camd:
        video = place(camd)
        done(camd, video)
        progress = [event["data"]["progress"] for event in camd.events if event["event"] == "job_progress"]
        check(2 <= len(progress) <= 5, progress)
        equal(progress, sorted(progress))
        check(all(0 <= value < 1 for value in progress[:-1]) and progress[-1] == 1, progress)
        camd.quit()


@test
def facts_survive():
    with subscribed() as camd:
        video = place(camd)
        made, _ = done(camd, video)
        entries = "stream=codec_name,width,height,pix_fmt,color_range,color_space,color_primaries,color_transfer,profile"
        raw = ffprobe(video, "-show_entries", entries)["streams"][0]
        equal(ffprobe(made, "-show_entries", entries)["streams"][0], raw)
        check(raw["color_space"] == "bt709" and raw["color_range"] == "tv", raw)
        found = ffprobe(made, "-show_entries", "format_tags=creation_time:format=duration:stream=duration")
        created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(float(read_csv(video)[0]["write_time_unix"])))
        check(found["format"]["tags"]["creation_time"].startswith(created), found, created)
        length = (read_csv(video)[-1]["sensor_timestamp_ns"] - read_csv(video)[0]["sensor_timestamp_ns"]) / 1e9
        check(0 < float(found["format"]["duration"]) - length < 2 / FPS, found, length)
        head = made.read_bytes()[:4096]
        check(b"moov" in head, "the index is not at the beginning")
        camd.quit()


@test
def never_overwrites():
    with subscribed() as camd:
        video = place(camd)
        (video.parent / "clip.mp4").write_text("mine")
        (video.parent / "clip_2.mp4").symlink_to("nowhere")
        names = [done(camd, video)[0].name for _ in range(2)]
        equal(names, ["clip_3.mp4", "clip_4.mp4"])
        equal((video.parent / "clip.mp4").read_text(), "mine")
        camd.quit()


@test
def gaps():
    with subscribed() as camd:
        for name, gap, scale in (("a", MAX_TICKS, 10**9), ("b", MAX_TICKS + 1, 10**6), ("c", 2200000000, 10**6),
                                 ("d", 4300000001, 10**6), ("e", (MAX_TICKS - 1) * 1000, 10**6), ("f", 3000 * 10**9, 10**3)):
            video = place(camd, f"old/{name}.h264")
            gap_after(video, 20, gap)
            made, end = done(camd, video)
            check_times(made, video, scale)
            equal("rounded" in end.get("message", ""), scale < 10**9, end)
        video = place(camd, "other/g.h264")
        gap_after(video, 20, MAX_TICKS * 10**6 + 10**7)
        failed(camd, video, "unsupported", "gap")
        camd.quit()


@test
def a_real_gap():
    with subscribed("--container", "h264", cameras=[f"synthetic:320x240@{FPS}?gap_after=20:2.4"]) as camd:
        camd.ask("start_recording")
        until(lambda: camd.ask("get_status")["cameras"][0]["recorded_frames"] > 40, "frames behind the gap")
        video = pathlib.Path(camd.ask("stop_recording")["files"][0])
        rows = read_csv(video)
        check(max(b["sensor_timestamp_ns"] - a["sensor_timestamp_ns"] for a, b in zip(rows, rows[1:])) > 2.2e9, "no gap")
        check_times(done(camd, video)[0], video, 10**6)
        camd.process.kill()


@test
def hostile_names():
    with subscribed() as camd:
        for name in ("a b.h264", "-i.h264", "quote'\"`$(id).h264", "new\nline.h264", "käse%d.h264", "file:x.h264", "..h264", "a..b.h264",
                     "x" * 230 + ".h264", "-y/pipe:1.h264", "..x/clip.h264"):
            video = place(camd, f"old/{name}")
            made, _ = done(camd, video)
            equal(made, pathlib.Path(os.path.realpath(video)[:-5] + ".mp4"))
            check_times("file:" + str(made), video)
        camd.quit()


# ---- what can't be ----

@test
def video_and_table_differ():
    with subscribed() as camd:
        n = len(read_csv(material()))
        video = place(camd, "a/clip.h264")
        edit(video, lambda lines: lines[:n // 2])
        failed(camd, video, "unsupported", "frames", "rows")
        video = place(camd, "b/clip.h264")
        data = video.read_bytes()
        video.write_bytes(data[:len(data) // 2])
        failed(camd, video, "unsupported", "frames", f"{n} rows")
        video = place(camd, "c/clip.h264")
        video.write_bytes(b"")
        failed(camd, video, "unsupported", "H.264")
        video = place(camd, "d/clip.h264")
        video.write_bytes(os.urandom(300000))
        failed(camd, video, "unsupported")
        camd.quit()


@test
def what_a_crash_leaves():
    with subscribed() as camd:
        n = len(read_csv(material()))
        video = place(camd, "a/clip.h264")
        edit(video, lambda lines: lines[:-3])
        made, end = done(camd, video)
        check("3 frames" in end["message"], end)
        check_times(made, video)
        video = place(camd, "b/clip.h264")
        edit(video, lambda lines: lines[:-1] + [lines[-1][:-1]])
        made, end = done(camd, video)
        check("1 frame" in end["message"], end)
        check_times(made, video)
        video = place(camd, "c/clip.h264")
        edit(video, lambda lines: lines + [lines[-1].replace(b",%d," % row["sensor_timestamp_ns"], b",%d," % later)
                                           for row in read_csv(video)[-1:]
                                           for later in range(row["sensor_timestamp_ns"] + 1, row["sensor_timestamp_ns"] + 3)])
        made, end = done(camd, video)
        check("2 rows" in end["message"], end)
        check_times(made, video, frames=n)
        camd.quit()


@test
def bad_tables():
    def with_field(row, field, text):
        def change(lines):
            fields = lines[row].rstrip(b"\n").split(b",")
            fields[field] = text
            return [*lines[:row], b",".join(fields) + b"\n", *lines[row + 1:]]
        return change
    with subscribed() as camd:
        video = place(camd)
        table_of(video).unlink()
        failed(camd, video, "not_found", "clip_frame_timing.csv")
        for words, change in (("no rows", lambda lines: lines[:1]), ("no rows", lambda lines: []),
                              ("sensor_timestamp_ns", lambda lines: lines[1:]), ("line 5", lambda lines: [*lines[:4], b"\n", *lines[4:]]),
                              ("line 3: the frame has no sensor time", with_field(2, 2, b"")), ("line 3", with_field(2, 2, b"-5")),
                              ("line 3", with_field(2, 2, b"9" * 30)), ("line 3", with_field(2, 2, b"1e9")), ("not later", with_field(2, 2, b"1")),
                              ("NUL", with_field(2, 5, b"\0")), ("too long", with_field(2, 5, b"5" * 100000)),
                              ("line 1", lambda lines: [b"\0\xff\n" * 1000])):
            shutil.copyfile(table_of(material()), table_of(video))
            edit(video, change)
            failed(camd, video, "unsupported", words)
        table_of(video).unlink()
        table_of(video).symlink_to(table_of(material()))
        failed(camd, video, "path_not_allowed")
        table_of(video).unlink()
        os.mkfifo(table_of(video))
        failed(camd, video, "unsupported", "regular")
        camd.quit()


@test
def tables_of_other_programs():
    with subscribed() as camd:
        for name, change in (("five", lambda lines: [b",".join(line.split(b",")[:5]).rstrip(b"\n") + b"\n" for line in lines]),
                             ("crlf", lambda lines: [line[:-1] + b"\r\n" for line in lines]),
                             ("nowall", lambda lines: [lines[0], *(b",".join([line.split(b",")[0], b"", *line.split(b",")[2:]])
                                                                   for line in lines[1:])])):
            video = place(camd, f"{name}/clip.h264")
            edit(video, change)
            made, _ = done(camd, video)
            equal(packet_times_ns(made), packet_times_ns(done(camd, place(camd, "old/clip.h264"))[0]))
        camd.quit()


@test
def paths():
    with subscribed(cwd="/") as camd:
        video = place(camd)
        outside = material()
        (camd.output / "old/link.h264").symlink_to(outside)
        (camd.output / "old/inner.h264").symlink_to(video)
        (camd.output / "away").symlink_to(outside.parent)
        (camd.output / "near").symlink_to(video.parent)
        (camd.output / "old/dir.h264").mkdir()
        (camd.output / "old/clip.txt").write_text("x")
        os.mkfifo(camd.output / "old/fifo.h264")
        for path, code in ((outside, "path_not_allowed"), ("/etc/passwd", "path_not_allowed"), ("/no/such/x.h264", "path_not_allowed"),
                           (f"{camd.output}/../x.h264", "path_not_allowed"), ("../x.h264", "path_not_allowed"),
                           ("old/../../x.h264", "path_not_allowed"), (f"{camd.output}x/x.h264", "path_not_allowed"),
                           ("old/link.h264", "path_not_allowed"), ("old/inner.h264", "path_not_allowed"),
                           (f"away/{outside.name}", "path_not_allowed"), (f"{camd.output}/away/{outside.name}", "path_not_allowed"),
                           ("old/missing.h264", "not_found"), (f"{camd.output}/missing/x.h264", "not_found"), ("missing.h264", "not_found"),
                           ("old/clip.h264/x.h264", "not_found"), ("old/dir.h264", "unsupported"), ("old/fifo.h264", "unsupported"),
                           ("old/clip.txt", "unsupported"), ("old/", "bad_argument"), ("", "bad_argument"), ("..", "bad_argument"),
                           ("old/" + "x" * 300 + ".h264", "io_error")):
            camd.fails("remux", code, file=str(path))
        check("below the output directory" in camd.fails("remux", "not_found", file="nowhere/x.h264")["message"])
        camd.fails("remux", "bad_argument", file="x" * 5000)
        camd.fails("remux", "missing_argument")
        for k, path in enumerate(("old/clip.h264", f"{str(camd.output)[1:]}/old/clip.h264", "near/clip.h264",
                                  f"{camd.output}/near/../old/clip.h264", "./old//clip.h264"), 1):
            equal(done(camd, path)[0].name, f"clip_{k}.mp4" if k > 1 else "clip.mp4", path)
        equal(sorted(path.name for path in outside.parent.iterdir() if path.suffix == ".mp4"), [])
        camd.quit()


@test
def not_while_it_is_recorded():
    with subscribed("--container", "h264", cameras=[f"synthetic:320x240@{FPS}"]) as camd:
        video = camd.ask("start_recording")["files"][0]
        check("recorded" in camd.fails("remux", "busy", file=video)["message"])
        other = place(camd)
        done(camd, other)
        with subscribed(cameras=[], output=camd.output) as second:
            # while its salvage at the start may hold the folder's lock itself, a job would wait for that
            time.sleep(2 if SANITIZED else 1)
            second.fails("remux", "busy", file=video)
            done(second, other)
            second.process.kill()
        time.sleep(0.5)
        camd.ask("stop_recording")
        check_times(done(camd, video)[0], pathlib.Path(video))
        camd.quit()


@test
def ffmpeg_is_missing():
    with subscribed(env={**os.environ, "PATH": "/nowhere"}) as camd:
        failed(camd, place(camd), "unsupported", "ffmpeg is not installed", "apt install ffmpeg")
        camd.quit()


@test
def ffmpeg_fails():
    for script, words in (("echo first >&2; echo 'it \x1b hurts' >&2; exit 3", "status 3.*hurts"), ("kill -9 $$", "signal 9"),
                          ("exec cat > /dev/null", "MP4"), ("exit 0", "ended before|MP4"),
                          ("yes complaint | head -c 3000000 >&2; cat > /dev/null; exit 1", "complaint")):
        with subscribed(env=fake_ffmpeg(script)) as camd:
            video = place(camd)
            end = remux(camd, video)
            check(not end["ok"] and end["code"] == "internal", end)
            check(re.search(words, end["message"], re.S), end)
            nothing_left(camd.output / "old")
            equal((video.read_bytes(), table_of(video).read_bytes()), (material().read_bytes(), table_of(material()).read_bytes()))
            camd.quit()
            check("hurts" in camd.log() if "hurts" in script else True, "the log doesn't have ffmpeg's words")
            check(len(camd.log()) < 100000, "the log is full of ffmpeg's words")


@test
def ffmpeg_is_killed():
    """The real one, when some of its file is there."""
    environment = fake_ffmpeg('exec 4<&0; /usr/bin/ffmpeg -re "$@" <&4 & until [ -s /proc/self/fd/3 ]; do sleep 0.01; done\n'
                              'touch "$MARK/half"; kill -9 $!; wait $!\n')
    with subscribed(env=environment) as camd:
        video = place(camd)
        end = remux(camd, video)
        check(not end["ok"] and end["code"] == "internal" and "137" in end["message"], end)
        check((pathlib.Path(environment["MARK"]) / "half").exists(), "it was not killed in mid-writing")
        nothing_left(camd.output / "old")
        equal((video.read_bytes(), table_of(video).read_bytes()), (material().read_bytes(), table_of(material()).read_bytes()))
        camd.quit()


@test
def ffmpeg_writes_wrong_times():
    with subscribed(env=fake_ffmpeg('exec /usr/bin/ffmpeg -itsscale 1.01 "$@"\n')) as camd:
        failed(camd, place(camd), "internal", "frame 2")
        camd.quit()


@test
def storage_is_full():
    with subscribed(env=fake_ffmpeg('ulimit -f 8; exec /usr/bin/ffmpeg "$@"\n')) as camd:
        end = remux(camd, place(camd))
        check(not end["ok"], end)
        nothing_left(camd.output / "old")
        camd.quit()


# ---- many, and the end ----

HANGS = 'echo $$ > "$MARK/pid"; exec sleep 1000\n'


def is_gone(environment):
    """Whether the fake ffmpeg, which was there, isn't any more."""
    return not os.path.exists(f"/proc/{int((pathlib.Path(environment['MARK']) / 'pid').read_text())}")


def hanging(camd, environment, video):
    job = camd.ask("remux", file=str(video))["job"]
    until(lambda: (pathlib.Path(environment["MARK"]) / "pid").exists(), "ffmpeg")
    return job


@test
def one_at_a_time_and_not_too_many():
    environment = fake_ffmpeg(HANGS)
    with subscribed(env=environment) as camd:
        video = place(camd)
        hanging(camd, environment, video)
        for job in range(2, 18):
            equal(camd.ask("remux", file=str(video))["job"], job)
        camd.fails("remux", "busy", file=str(video))
        equal([name for name in os.listdir(video.parent) if name.endswith(".part")], [".clip.mp4.part"])
        camd.signal(signal.SIGTERM)
        camd.wait()
        ends = [line["data"] for line in camd.rest() if line.get("event") == "job_done"]
        equal(sorted(end["job"] for end in ends), list(range(1, 18)))
        check(all(not end["ok"] and end["code"] == "cancelled" for end in ends), ends)
        nothing_left(video.parent)
        check(is_gone(environment), "ffmpeg outlives camd")


@test
def jobs_go_on_one_after_another():
    with subscribed() as camd:
        video = place(camd)
        jobs = [camd.ask("remux", file=str(video))["job"] for _ in range(5)]
        ends = [camd.event("job_done") for _ in jobs]
        equal([(end["job"], end["ok"]) for end in ends], [(job, True) for job in jobs])
        equal(len({end["files"][0] for end in ends}), 5)
        camd.quit()


@test
def quit_cancels():
    environment = fake_ffmpeg("cat > /dev/null; " + HANGS)
    with subscribed(env=environment) as camd:
        video = place(camd)
        hanging(camd, environment, video)
        began = time.monotonic()
        camd.quit()
        check(time.monotonic() - began < 5, "quit took long")
        nothing_left(video.parent)
        check(is_gone(environment), "ffmpeg outlives camd")


@test
def end_of_input_carries_it_out():
    with subscribed(env=fake_ffmpeg('sleep 1; exec /usr/bin/ffmpeg "$@"\n')) as camd:
        video = place(camd)
        camd.send("remux", file=str(video))
        camd.send("remux", file=str(video))
        camd.close_stdin()
        camd.wait()
        ends = [line["data"] for line in camd.rest() if line.get("event") == "job_done"]
        equal([end["ok"] for end in ends], [True, True])
        check_times(video.with_name("clip_2.mp4"), video)


@test
def a_signal_cuts_that_short():
    environment = fake_ffmpeg(HANGS)
    with subscribed(env=environment) as camd:
        video = place(camd)
        hanging(camd, environment, video)
        camd.close_stdin()
        time.sleep(0.5)
        check(camd.process.poll() is None, "the job was not waited for")
        camd.signal(signal.SIGTERM)
        camd.wait()
        nothing_left(video.parent)
        check(is_gone(environment), "ffmpeg outlives camd")


@test
def a_killed_camd():
    environment = fake_ffmpeg('echo $$ > "$MARK/pid"; cat > /dev/null; echo half > /proc/self/fd/3\n')
    with subscribed(env=environment) as camd:
        video = place(camd)
        hanging(camd, environment, video)
        camd.kill()
        until(lambda: is_gone(environment), "the end of ffmpeg")
        check(not video.with_name("clip.mp4").exists(), "a half-made file under its name")
        # as if it had been killed a moment earlier
        video.with_name(".clip.mp4.part").write_bytes(b"x" * 1000000)
        with subscribed(output=camd.output) as second:
            check_times(done(second, video)[0], video)
            second.quit()
        equal([name for name in os.listdir(video.parent) if name.endswith(".part")], [])


@test
def a_killed_camd_is_cleaned_up_after():
    """By the next start, whether anybody asks for the MP4 again or not; what somebody works on stays."""
    with Camd() as camd:
        first = place(camd)
        camd.quit()
        left, locked = (first.with_name(f".cam{k}_1.mp4.part") for k in (0, 1))
        for part in (left, locked):
            first.with_name(part.name[1:].replace(".mp4.part", ".h264")).write_bytes(first.read_bytes())
            part.write_bytes(b"x" * 1000)
        with open(locked, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with Camd(output=camd.output) as second:
                until(lambda: not left.exists(), "what a killed camd has left to go")
                second.quit()
        check(locked.exists(), "a file that was locked is gone")


main()
