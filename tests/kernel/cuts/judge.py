"""On the host: whether what a power cut has left, and the next start has made of it, is what camd had promised."""
import math
import os
import pathlib
import re
import statistics

import footage
from files import sha256
from footage import rows_of, table_of
from known import FPS, LAG_SLACK_MS, MS, NS

DISK, RECORDINGS = "/run/camd/disk", "/camera/recordings/"
RECOVERY_POINT_NS = NS // 2
ROUNDING_NS = 2
GOP_FRAMES = 8          # at most: half a second of the faster camera
REFERS_TO_WHAT_IS_MISSING = re.compile(r": (?:frame (\d+) (?:is damaged|shows)|packet (\d+) (?:does not decode|shows no picture))")
DAMAGED = re.compile(r": frame \d+ is damaged")
NO_TABLE = "it has no table"
TOO_FEW = re.compile(r": (\d+) packets, but (\d+) decoded frames")


def here(directory, path):
    return directory + path[len(DISK):]


def name(path):
    return os.path.basename(path)


def below(place, path):
    """As recovered events name it here: SESSION/FILE."""
    return path[len(place + RECORDINGS):]


def unsteady(rows, interval_ns):
    """The first row that is not so many frames behind the one before it as its number says, by its times and the camera's own count; None."""
    for a, b in zip(rows, rows[1:]):
        step = b["frame_number"] - a["frame_number"]
        late_ns, late_wall_ns = (b[key] - a[key] - step * interval_ns for key in ("sensor_timestamp_ns", "wall_ns"))
        if b["camera_frame"] - a["camera_frame"] != step or abs(late_ns) > ROUNDING_NS or abs(late_wall_ns) > MS:
            return b["frame_number"]
    return None


class Judge:
    """wrong: what is not as it must be; odd: what may be so, but is worth telling."""

    def __init__(self, directory, fs, known, probe):
        self.directory, self.fs, self.known, self.probe = directory, fs, known, probe
        self.wrong, self.odd, self.lost, self.was_cut = [], [], [], False
        self.found, self.after = directory + "/found", directory + "/after"
        self.told_of = known.told_of()

    def files(self, place, pattern="*"):
        return sorted(str(path) for path in pathlib.Path(place + RECORDINGS).rglob(pattern) if path.is_file())

    def afterwards(self, path):
        return self.after + path[len(self.found):]

    def as_found(self, path):
        return self.found + path[len(self.after):]

    def knows(self, copy):
        """Whether somebody was told of what has been copied here."""
        return any(here(place, path) == copy for place in (self.found, self.after) for path in self.told_of)

    # ---- what was done, and what nobody may touch ----

    def same(self, hashes, what, *places):
        for path, wanted in hashes.items():
            for place in places:
                copy = here(place, path)
                if not os.path.exists(copy):
                    self.wrong.append(f"{what} is not there {name(place)}: {name(path)}")
                elif sha256(copy) != wanted:
                    self.wrong.append(f"{what} differs {name(place)}: {name(path)}")

    def earlier(self, *places):
        """
        What an earlier session had left is as it was. An export goes when a newer one of its camera is there, and whole, not before
        (export_keep); on vfat, where its name may be there after what is in it, nothing is then asked of it.
        """
        for place in places:
            self.same({path: wanted for path, wanted in self.known.base["finished"].items() if not self.is_replaced(path, place)}, "an earlier file", place)

    def is_replaced(self, path, place):
        copy = here(place, path)
        if "/exports/" not in path or (os.path.exists(copy) and (self.fs != "vfat" or sha256(copy) == self.known.base["finished"][path])):
            return False
        camera = name(path).split("_")[1]
        earlier = {here(place, known) for known in self.known.base["finished"]}
        return any(not self.fault_of_export(video) for video in self.files(place, f"export_{camera}_*.mp4") if video not in earlier)

    def kept(self):
        """The start changes recordings that were under way, and sweeps what was not to be seen yet; nothing else."""
        may_change = {path for video in self.files(self.found, "*.mp4") if self.is_of_interest(video) for path in (video, table_of(video))}
        for path in self.files(self.found):
            if path in may_change or path.endswith((".part", "/session.log", "/.recovered")):
                continue
            if not os.path.exists(self.afterwards(path)):
                self.wrong.append(f"is gone after the start: {name(path)}")
            elif sha256(path) != sha256(self.afterwards(path)):
                self.wrong.append(f"was changed by the start: {name(path)}")
        for path in self.files(self.after):
            if path.endswith((".part", "/.recovered")):
                self.wrong.append(f"a part is left: {name(path)}")
            elif not os.path.exists(self.as_found(path)) and self.as_found(path) not in may_change and not path.endswith("/session.log"):
                self.wrong.append(f"the start has made a file: {name(path)}")

    def is_of_interest(self, video):
        """Whether a start has to do with what it found."""
        return "/exports/" not in video and not footage.is_finished(video)

    def pictures(self):
        for path in self.known.hashes:
            copy = here(self.after, path)
            said = self.probe.picture(copy) if path.endswith((".jpg", ".png")) and os.path.exists(copy) else ""
            if said:
                self.wrong.append(f"is no picture: {name(path)}: {said[:200]}")

    # ---- what was under way ----

    def plays_as_found(self):
        """Before anything mends them; what has no whole frame yet plays nothing."""
        for video in self.files(self.found, "*.mp4"):
            said, intact = self.intact(video)
            if intact:
                self.plays_as_much(video, intact)
                if "the first packet" in said:
                    self.wrong.append(f"does not begin with a key frame as found: {name(video)}")
            elif "/exports/" in video:
                self.odd.append("an export that has nothing in it yet")     # after() looks at it
            elif not footage.has_head(video) and self.fs == "vfat" and not self.knows(video):
                self.odd.append("a head that was not on the disk yet")
            elif not footage.has_frames(video):
                self.odd.append("a file without a frame" if footage.has_head(video) else "a file without a head")
            else:
                self.wrong.append(f"does not play as found: {name(video)}: {said[:300]}")

    def intact(self, video):
        """What the probe says of it without its table, and how many of its frames play and are whole."""
        _, facts, said = self.probe(video)
        return said, facts.get("decoded", 0) - sum(bool(DAMAGED.search(line)) for line in said.splitlines())

    def plays_as_much(self, video, intact):
        """As found as after it was mended, up to the first hole, behind which only mending brings back something."""
        rows = rows_of(self.afterwards(video))
        whole = (footage.holes_of(rows) or [len(rows)])[0]
        if intact < whole:
            self.wrong.append(f"{intact} frames play as found, it has {whole}: {name(video)}")

    def mended(self):
        """A recording that was under way has each frame that was whole as it was found, and no other, by its records; and its table's lines."""
        for video in self.files(self.found, "*.mp4"):
            frames = footage.whole_frames(video) if self.is_of_interest(video) else []
            rows = rows_of(self.afterwards(video))
            if frames and [(frame.number, frame.sensor_ns, frame.camera_frame, frame.mark) for frame in frames] != [
                    (row["frame_number"], row["sensor_timestamp_ns"], row["camera_frame"], row["mark"]) for row in rows]:
                self.wrong.append(f"{len(frames)} frames were whole as found, and {len(rows)} rows are not theirs: {name(video)}")
            if frames and not footage.holes_of(rows):
                lines = footage.lines_of(video)[:len(frames)]
                if self.fs == "ext4" and footage.lines_of(self.afterwards(video))[:len(lines)] != lines:
                    self.wrong.append(f"lines of a table were changed: {name(video)}")

    def plays_after(self):
        for video in self.files(self.after, "*.mp4"):
            if "/exports/" in video:
                self.plays_export(video)
            elif footage.is_finished(video):
                self.plays(video)
            else:
                self.left_alone(video)

    def left_alone(self, video):
        """What a start does not finish has nothing in it, nobody knows of it, and it is as it was."""
        found = self.as_found(video)
        if self.knows(video) or footage.has_frames(video):
            self.wrong.append(f"is not finished after the start: {name(video)}")
        elif not os.path.exists(found) or sha256(found) != sha256(video) or footage.lines_of(found) != footage.lines_of(video):
            self.wrong.append(f"is not finished, but was changed: {name(video)}")
        else:
            self.odd.append("nothing in a file that nobody had been told of")

    def plays(self, video):
        """Each frame, and as its table says."""
        if not os.path.exists(table_of(video)):
            self.wrong.append(f"has no table: {name(video)}")
            return
        status, facts, said = self.probe(video, table_of(video), "--part", "--number-pattern")
        found = self.as_found(video)
        if not status:
            return
        if not self.knows(video) and os.path.exists(found) and not footage.has_frames(found) and not facts.get("frames") and not rows_of(video):
            self.odd.append("no frame in a file that nobody had been told of")
        elif self.fs != "ext4" and self.behind_a_hole(video):
            self.odd.append("pictures behind a hole, up to the next key frame")
        else:
            self.wrong.append(f"does not play: {name(video)}: {said[:300]}")

    def plays_export(self, video):
        """What has its name is whole, table and all, and so it is as found; where a name may come before what is in it, if it was told of."""
        fault = self.fault_of_export(video)
        if any(here(self.after, path) in (video, table_of(video)) and self.is_replaced(path, self.after) for path in self.known.base["finished"]):
            self.odd.append("an export that was being removed is not whole")
        elif fault and (self.knows(video) or (self.fs == "ext4" and fault != NO_TABLE)):
            self.wrong.append(f"an export does not play: {name(video)}: {fault[:300]}")
        elif fault:
            self.odd.append("an export that nobody had been told of is not whole")

    def fault_of_export(self, video):
        """None: it is its table's pictures."""
        if not os.path.exists(table_of(video)):
            return NO_TABLE
        status, _, said = self.probe(video, table_of(video), "--excerpt", "--number-pattern")
        return (said or f"the probe ends with {status}") if status else None

    def behind_a_hole(self, video):
        """Frames that are whole, but refer to one that was not, may be there and look like anything, or nothing; nothing else may be amiss."""
        rows = rows_of(video)
        behind = {hole + 1 + k for hole in footage.holes_of(rows) for k in range(GOP_FRAMES)}
        _, facts, said = self.probe(video, table_of(video), "--part", "--number-pattern")
        complaints, undecoded = said.splitlines(), 0
        for line in complaints:
            frame, few = REFERS_TO_WHAT_IS_MISSING.search(line), TOO_FEW.search(line)
            if not few and not (frame and int(frame[1] or frame[2]) in behind):
                return False
            undecoded += int(few[1]) - int(few[2]) if few else 0
        clean = not self.probe(video, table_of(video), "--part", "--no-decode")[0]
        return clean and facts["wrong"] == len(complaints) and undecoded <= len(behind)

    def announced(self, take):
        """A recording that camd has said to have begun plays."""
        copy = here(self.found, take.file)
        if not os.path.exists(copy):
            self.wrong.append(f"camera {take.camera_id}: the recording that had begun has no file")
            return
        said, intact = self.intact(copy)
        if not intact or "the first packet" in said:
            self.wrong.append(f"camera {take.camera_id}: the recording that had begun has no frame")

    def unfinished_before(self):
        """What a kill -9 left long before the cut, and all of it was on the disk."""
        videos = {path: frames for path, frames in self.known.base["unfinished"].items() if path.endswith(".mp4")}
        if len(videos) != len(FPS) or not all(videos.values()):
            self.wrong.append(f"the earlier recordings are not as planned: {videos}")
        for path, frames in videos.items():
            rows = rows_of(here(self.after, path))
            if [(row["frame_number"], row["sensor_timestamp_ns"]) for row in rows] != [tuple(frame) for frame in frames]:
                self.wrong.append(f"an earlier recording had {len(frames)} frames, has {len(rows)} or others")

    # ---- each recording as a whole ----

    def videos_of(self, take, place):
        return sorted(pathlib.Path(place + RECORDINGS, take.session).glob(f"cam{take.camera_id}_*.mp4"))

    def rows_of_take(self, take):
        last_ns = take.end_ns or math.inf
        rows = [row for video in self.videos_of(take, self.after) for row in rows_of(video) if take.first_ns <= row["sensor_timestamp_ns"] <= last_ns]
        return sorted(rows, key=lambda row: row["sensor_timestamp_ns"])

    def take(self, take):
        """A recording's frames are all there up to the last, none is shorter than promised."""
        rows, camera = self.rows_of_take(take), f"camera {take.camera_id}"
        numbers = [row["frame_number"] for row in rows]
        whole = next((k for k, number in enumerate(numbers) if number != k + 1), len(rows))     # so many from the first one on
        if len(numbers) != len(set(numbers)):
            self.wrong.append(f"{camera}: a frame is there twice")
        if unsteady(rows, take.interval_ns):
            self.wrong.append(f"{camera}: frames are missing that nobody has counted, before {unsteady(rows, take.interval_ns)}")
        if rows and rows[0]["sensor_timestamp_ns"] != take.first_ns:
            self.wrong.append(f"{camera}: it does not begin with its first frame")
        if any(frame <= whole and (take.stopped or frame <= take.durable_frame) and rows[frame - 1]["mark"] != label
               for frame, label in take.marks.items()):
            self.wrong.append(f"{camera}: a mark is lost")
        if whole < len(rows):
            said = f"frames in the middle are lost: {numbers[-1] - len(rows)}"
            self.odd.append(said) if self.fs != "ext4" and not take.stopped else self.wrong.append(f"{camera}: {said}")
        if any(frame <= whole and rows[frame - 1]["sensor_timestamp_ns"] != at_ns for frame, at_ns in take.durable.items()):
            self.wrong.append(f"{camera}: durable_sensor_timestamp_ns is not that of durable_frame")
        last_ns = rows[whole - 1]["sensor_timestamp_ns"] if whole else take.first_ns - take.interval_ns
        if take.stopped:
            self.take_that_ended(take, len(rows), last_ns)
        else:
            self.take_under_way(take, whole, last_ns)

    def take_that_ended(self, take, frames, last_ns):
        if frames != take.frames or last_ns + take.interval_ns + MS < take.end_ns:
            self.wrong.append(f"camera {take.camera_id}: it ended with {take.frames} frames, {frames} are there, up to {take.end_ns - last_ns} ns "
                              "before it was asked to")

    def take_under_way(self, take, whole, last_ns):
        camera = f"camera {take.camera_id}"
        end_ns = min(self.known.cut_ns, take.end_ns or self.known.cut_ns)
        captured_ns = take.first_ns + (end_ns - take.first_ns) // take.interval_ns * take.interval_ns   # the last of them; this camera is exact
        missing_ns, bound_ns = captured_ns - last_ns, RECOVERY_POINT_NS + 2 * self.known.sync_ns + take.interval_ns
        if whole < take.durable_frame or last_ns < take.durable_ns:
            self.wrong.append(f"{camera}: frame {take.durable_frame} was durable, and {take.durable_ns} ns, {whole} are there, to {last_ns} ns")
        as_found = sum(self.intact(video)[1] for video in self.videos_of(take, self.found))
        if as_found < take.durable_frame:
            self.wrong.append(f"{camera}: frame {take.durable_frame} was durable, {as_found} play as found")
        if missing_ns > bound_ns + ROUNDING_NS:
            self.wrong.append(f"{camera}: {missing_ns / MS:.0f} ms are missing, the bound is {bound_ns / MS:.0f}")
        self.lost.append({"ms": round(max(0, missing_ns) / MS), "frames": max(0, round(missing_ns / take.interval_ns)),
                          "bound_ms": bound_ns // MS, "durable": take.durable_frame, "there": whole})

    def lags(self, take):
        """durable_lag_ms is how old the oldest frame was that was not surely on the disk, and within the bound."""
        bound_ms = (RECOVERY_POINT_NS + 2 * self.known.sync_ns + take.interval_ns) / MS
        for told, least, most in take.lags:
            if not least - LAG_SLACK_MS <= told <= most + LAG_SLACK_MS:
                self.wrong.append(f"camera {take.camera_id}: durable_lag_ms is {told}, and not between {least:.1f} and {most:.1f}")
            if told > bound_ms + LAG_SLACK_MS:
                self.wrong.append(f"camera {take.camera_id}: durable_lag_ms is {told}, the bound {bound_ms:.0f}")

    def clip(self, clip):
        """What the trigger had asked for, and each frame of it."""
        rows = rows_of(here(self.after, clip.file))
        if len(rows) != clip.frames or not rows or unsteady(rows, clip.interval_ns) or footage.holes_of(rows):
            self.wrong.append(f"a clip of {clip.frames} frames has {len(rows)}, or lacks some")
        elif rows[0]["sensor_timestamp_ns"] > clip.from_ns + clip.interval_ns or rows[-1]["sensor_timestamp_ns"] < clip.to_ns - clip.interval_ns:
            self.wrong.append(f"a clip does not reach from {clip.from_ns} to {clip.to_ns}: {name(clip.file)}")

    # ---- what the start has told ----

    def is_told(self, told):
        """Each recording that never ended comes in a recovered event, once, and nothing is said to have failed."""
        first, last = ([event for record in told if (("interrupted" in record) == cut) for event in record.get("recovered", [])]
                       for cut in (True, False))
        under_way = next(record["under_way"] for record in told if "under_way" in record)
        for event in first + last:
            self.event(event)
        files = [event["file"] for event in last]
        for file in under_way:
            if files.count(file) != 1:
                self.wrong.append(f"no recovered event, or several: {file}")
        self.is_told_once([event["file"] for event in first], files, under_way)

    def event(self, event):
        video = self.after + RECORDINGS + event["file"]
        rows = len(rows_of(video))
        if "frames were damaged and are counted as lost" in event["message"] and self.fs != "ext4":
            self.odd.append("recovered: some frames were damaged")
        elif event["message"]:
            self.wrong.append(f"recovered: {event['message']}")
        if event["frames"] != rows:
            self.wrong.append(f"recovered: {event['frames']} frames, it has {rows}: {name(video)}")
        if not os.path.exists(self.as_found(video)) or not (self.is_of_interest(self.as_found(video)) or footage.noted(self.as_found(video))):
            self.wrong.append(f"recovered, and was not to be: {name(video)}")

    def is_told_once(self, first, last, under_way):
        """By one start or another: by two only where the note that it is to be told of was still there. What a start has told of is done."""
        before = {below(DISK, path) for path in self.known.recovered}
        for file in {*first, *last, *before}:
            again_after_first = footage.noted(f"{self.directory}/between{RECORDINGS}{file}")
            again_after_before = footage.noted(self.found + RECORDINGS + file)
            if max(first.count(file), last.count(file)) > 1 or (file in first and file in last and not again_after_first) or (
                    file in before and file in first + last and not again_after_before):
                self.wrong.append(f"was recovered, and is so again: {file}")
            elif (file in before) + (file in first) + (file in last) > 1:
                self.odd.append("told of twice")
        for file in first:
            if file in under_way:
                self.wrong.append(f"was recovered, and is not: {file}")
        base = {below(DISK, path) for path in self.known.base["unfinished"] if path.endswith(".mp4")}
        found = {below(self.found, video) for video in self.files(self.found, "*.mp4") if self.is_of_interest(video) and footage.has_frames(video)}
        for file in (base | found) - {*first, *last, *before}:
            self.wrong.append(f"not told of: {file}")

    # ---- all of it ----

    def between(self):
        """What a start that was cut, too, has left: as good as what it had found."""
        if not os.path.exists(self.directory + "/between"):
            return
        there = Judge(self.directory, self.fs, self.known, self.probe)
        there.found = self.directory + "/between"
        there.earlier(there.found)
        there.same(self.known.hashes, "a finished file", there.found)
        there.plays_as_found()
        there.mended()
        for take in self.known.takes:
            there.announced(take)
        self.wrong += there.wrong

    def run(self, told, once_more):
        """told: what the start in the kernel has said; once_more: whether there was another one behind it."""
        self.was_cut = any("interrupted" in record for record in told)
        failed = [record["error"] for record in told if "error" in record]
        if failed or [record["untouched"] for record in told if "untouched" in record] != [True] * once_more:
            self.wrong += failed or ["a second start changed something, or there was none"]
            return self
        self.wrong += self.known.wrong
        self.is_told(told)
        self.earlier(self.found, self.after)
        self.same(self.known.hashes, "a finished file", self.found, self.after)
        self.kept()
        self.pictures()
        self.plays_as_found()
        self.mended()
        self.between()
        self.plays_after()
        self.unfinished_before()
        for take in self.known.takes:
            self.announced(take)
            self.take(take)
            self.lags(take)
        for clip in self.known.clips:
            self.clip(clip)
        return self


def median(values):
    return statistics.median(values) if values else 0
