"""On the host: whether what a power cut has left, and the next start has made of it, is what camd had promised."""
import csv
import hashlib
import json
import os
import pathlib
import re
import statistics
import struct
import subprocess

DISK = "/run/camd/disk"
NS = 1_000_000_000
RECOVERY_POINT_NS = NS // 2
FILES_SYNCED = 4        # one behind the other: a sync of two cameras with their tables
CAUSES = ("lost_sensor", "lost_starved", "lost_encoder", "lost_storage")
FPS = (10, 15)
GOP_FRAMES = 8          # at most: half a second of the faster camera
FINISHED = [b"ftyp", b"mdat", b"moov"]


# ---- what was known when the power was cut ----

class Take:
    """One camera from start_recording to stop_recording."""

    def __init__(self, camera):
        self.camera_id, self.first_ns = camera["camera_id"], camera["first_sensor_timestamp_ns"]
        self.file, self.session = camera["file"], pathlib.Path(camera["file"]).parent.name
        self.durable_frame, self.durable_ns, self.end_ns, self.stopped = 0, 0, None, False
        self.interval_ns = NS // FPS[self.camera_id]


class Known:
    """All that camd had said, by its lines up to the cut at so many ns."""

    def __init__(self, base, records, sync_ms):
        self.base, self.cut_ns = base, records[-1]["t"]
        self.hashes, self.takes, self.sync_ns, self.asked_ns = {}, [], sync_ms * FILES_SYNCED * 1_000_000, 0
        for record in records:
            self.hashes.update(record.get("hashes", {}))
            self._sent(record) if "sent" in record else self._got(record.get("got", {}))

    def _running(self, camera_id):
        return [take for take in self.takes if take.camera_id == camera_id and not take.stopped]

    def _sent(self, record):
        """The last frame of a recording is the last one before the request; all before a sync is on the disk when that is answered."""
        if record["sent"]["command"] == "sync":
            self.asked_ns = record["t"]
        if record["sent"]["command"] == "stop_recording":
            for take in self.takes:
                take.end_ns = take.end_ns or record["t"]

    def _got(self, message):
        name, data = message.get("status") or message.get("event"), message.get("data")
        if message.get("type") == "status" and name == "recording_started":
            self.takes += [Take(camera) for camera in data["cameras"]]
        elif message.get("type") == "event" and name == "recording_stopped":
            for take in self._running(data["camera_id"]):
                take.stopped = True
        elif name in ("status_report", "synced"):
            for camera in data["cameras"]:
                for take in self._running(camera["camera_id"]):
                    take.durable_frame = max(take.durable_frame, camera.get("durable_frame", 0))
                    if name == "synced":
                        take.durable_ns = self.asked_ns - take.interval_ns

    def told_of(self):
        """The files that somebody knows to be there."""
        return {take.file for take in self.takes} | set(self.hashes) | set(self.base["finished"]) | set(self.base["unfinished"])


# ---- files ----

class Probe:
    """tests/tools/probe, once for each file that is the same."""

    def __init__(self, program):
        self.program, self.known = program, {}

    def __call__(self, video, table=None, *flags):
        key = (sha256(video), table and sha256(table), flags)
        if key not in self.known:
            command = [self.program, video, *([table] if table else []), "--json", *flags]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
            facts = json.loads(done.stdout) if done.stdout else {}
            self.known[key] = (done.returncode, facts, done.stderr.strip())
        return self.known[key]


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def boxes(path):
    """The kinds of a file's boxes, of those that are whole."""
    with open(path, "rb") as file:
        data = file.read()
    kinds, at = [], 0
    while at + 16 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
        if size < 8 or at + size > len(data):
            break
        kinds.append(kind)
        at += size
    return kinds if at == len(data) else [*kinds, None]


def has_records(path):
    with open(path, "rb") as file:
        return b"moof" in file.read()[4096:]


def table_of(video):
    return str(video)[:-len(".mp4")] + "_frame_timing.csv"


def rows_of(video):
    """Up to the first that is none; that there is one the probe tells."""
    rows = []
    with open(table_of(video), newline="", encoding="ascii", errors="replace") as file:
        for row in csv.DictReader(line.replace("\0", "?") for line in file):
            try:
                rows.append({key: int(row[key]) for key in ("frame_number", "sensor_timestamp_ns", *CAUSES)})
            except (KeyError, TypeError, ValueError):
                break
    return rows


def lost_of(row):
    return sum(row[cause] for cause in CAUSES)


def here(directory, path):
    return directory + path[len(DISK):]


class Judge:
    """wrong: what is not as it must be; odd: what may be so, but is worth telling."""

    def __init__(self, directory, fs, known, probe):
        self.directory, self.fs, self.known, self.probe = directory, fs, known, probe
        self.wrong, self.odd, self.lost = [], [], []
        self.found, self.after = directory + "/found", directory + "/after"
        self.told_of = known.told_of()

    def same(self, hashes, what):
        for path, wanted in hashes.items():
            for place in (self.found, self.after):
                copy = here(place, path)
                if not os.path.exists(copy):
                    self.wrong.append(f"{what} is not there {os.path.basename(place)}: {os.path.basename(path)}")
                elif sha256(copy) != wanted:
                    self.wrong.append(f"{what} differs {os.path.basename(place)}: {os.path.basename(path)}")

    def videos(self, place):
        return sorted(map(str, pathlib.Path(place, "camera/recordings").glob("*/*.mp4")))

    def knows(self, copy):
        """Whether somebody was told of what has been copied here."""
        return any(here(place, path) == copy for place in (self.found, self.after) for path in self.told_of)

    def plays_as_found(self):
        """Before anything mends them; what has no whole frame yet plays nothing."""
        for video in self.videos(self.found):
            status, facts, said = self.probe(video)
            head = pathlib.Path(video).read_bytes()[:4096]
            if facts.get("decoded"):
                self.plays_as_much(video, facts["decoded"])
            elif self.fs == "vfat" and not head.strip(b"\0"):
                self.odd.append("a head that was not on the disk yet")      # announced() looks at those that had to be
            elif not has_records(video):
                self.odd.append("a file without a frame" if head.strip(b"\0") else "a file without a head")
            else:
                self.wrong.append(f"does not play as found: {os.path.basename(video)}: {said[:300]}")

    def plays_as_much(self, video, decoded):
        """As found as after it was mended, up to the first hole: what is behind that only mending brings back."""
        after = self.after + video[len(self.found):]
        rows = rows_of(after) if os.path.exists(table_of(after)) else []
        frames = next((k for k in range(1, len(rows)) if lost_of(rows[k]) > lost_of(rows[k - 1])), len(rows))
        if decoded < frames:
            self.wrong.append(f"{os.path.basename(video)}: {decoded} frames play as found, it has {frames}")

    def plays_after(self):
        for video in self.videos(self.after):
            if boxes(video) == FINISHED or "/exports/" in video:
                self.plays(video)
            else:
                self.left_alone(video)

    def left_alone(self, video):
        """What a start does not finish has nothing in it, nobody knows of it, and it is as it was."""
        found = self.found + video[len(self.after):]
        if self.knows(video) or has_records(video):
            self.wrong.append(f"is not finished after the start: {os.path.basename(video)}: {boxes(video)[:6]}")
        elif not os.path.exists(found) or sha256(found) != sha256(video):
            self.wrong.append(f"is not finished, but was changed: {os.path.basename(video)}")
        else:
            self.odd.append("nothing in a file that nobody had been told of")

    def plays(self, video):
        """Each frame, and as its table says."""
        name, table = os.path.basename(video), table_of(video)
        if "/exports/" in video:
            status, facts, said = self.probe(video)
        elif os.path.exists(table):
            status, facts, said = self.probe(video, table, "--part", "--number-pattern")
        else:
            status, facts, said = 2, {}, "it has no table"
        if not status:
            return
        if not self.knows(video) and not has_records(self.found + video[len(self.after):]):
            self.odd.append("no frame in a file that nobody had been told of")
        elif self.fs != "ext4" and self.behind_a_hole(video, said):
            self.odd.append("pictures behind a hole, up to the next key frame")
        else:
            self.wrong.append(f"recovered, but {name}: {said[:300]}")

    def behind_a_hole(self, video, said):
        """Frames that are whole, but refer to one that was not, may be there and look like anything, or nothing; nothing else may be amiss."""
        rows = rows_of(video) if os.path.exists(table_of(video)) else []
        holes = [k for k in range(1, len(rows)) if lost_of(rows[k]) > lost_of(rows[k - 1])]
        frames = {int(frame) for frame in re.findall(r": frame (\d+) (?:is damaged|shows)", said)}
        missing = re.search(r"(\d+) packets, but (\d+) decoded frames", said)
        if self.probe(video, table_of(video), "--part", "--no-decode")[0] or not (frames or missing):
            return False
        behind = {hole + 1 + k for hole in holes for k in range(GOP_FRAMES)}
        return frames <= behind and (not missing or int(missing[1]) - int(missing[2]) <= GOP_FRAMES * len(holes))

    def announced(self, take):
        """A recording that camd has said to have begun plays."""
        copy = here(self.found, take.file)
        if not os.path.exists(copy):
            self.wrong.append(f"camera {take.camera_id}: the recording that had begun has no file")
            return
        _, facts, said = self.probe(copy)
        if not facts.get("decoded") or "the first packet" in said:
            self.wrong.append(f"camera {take.camera_id}: the recording that had begun has no frame")

    def unfinished_before(self):
        """What a kill -9 left long before the cut."""
        base = self.known.base
        videos = [path for path in base["unfinished"] if path.endswith(".mp4")]
        if not videos or len(videos) != len(base["frames"]):
            self.wrong.append(f"the earlier recordings are not as planned: {videos}")
        for path, frames in zip(videos, base["frames"]):
            rows = rows_of(here(self.after, path))
            if len(rows) < frames - 1:
                self.wrong.append(f"an earlier recording had {frames} frames, has {len(rows)}")

    def rows_of_take(self, take):
        pattern = f"camera/recordings/{take.session}/cam{take.camera_id}_*.mp4"
        rows = [row for video in sorted(pathlib.Path(self.after).glob(pattern)) if os.path.exists(table_of(video)) for row in rows_of(video)
                if take.first_ns <= row["sensor_timestamp_ns"] <= (take.end_ns or self.known.cut_ns)]
        return sorted(rows, key=lambda row: row["sensor_timestamp_ns"])

    def take(self, take):
        """A recording's frames are all there up to the last, none is shorter than promised."""
        rows, camera = self.rows_of_take(take), f"camera {take.camera_id}"
        numbers = [row["frame_number"] for row in rows]
        whole = next((k for k, number in enumerate(numbers) if number != k + 1), len(rows))     # so many from the first one on
        if len(numbers) != len(set(numbers)):
            self.wrong.append(f"{camera}: a frame is there twice")
        if whole < len(rows):
            said = f"frames in the middle are lost: {numbers[-1] - len(rows)}"
            self.odd.append(said) if self.fs != "ext4" else self.wrong.append(f"{camera}: {said}")
        end_ns = min(self.known.cut_ns, take.end_ns or self.known.cut_ns)
        captured_ns = take.first_ns + (end_ns - take.first_ns) // take.interval_ns * take.interval_ns   # the last of them; this camera is exact
        last_ns = rows[whole - 1]["sensor_timestamp_ns"] if whole else take.first_ns - take.interval_ns
        missing_ns, bound_ns = captured_ns - last_ns, RECOVERY_POINT_NS + 2 * self.known.sync_ns + take.interval_ns
        if whole < take.durable_frame or last_ns < take.durable_ns:
            self.wrong.append(f"{camera}: frame {take.durable_frame} was durable, and {take.durable_ns} ns, {whole} are there, to {last_ns} ns")
        if missing_ns > bound_ns:
            self.wrong.append(f"{camera}: {missing_ns / 1e6:.0f} ms are missing, the bound is {bound_ns / 1e6:.0f}")
        self.lost.append({"ms": max(0, missing_ns) // 1_000_000, "frames": max(0, round(missing_ns / take.interval_ns)),
                          "bound_ms": bound_ns // 1_000_000, "durable": take.durable_frame, "there": whole})

    def is_told(self, told):
        """Each recording that never ended comes in a recovered event, and nothing is said to have failed."""
        events = [event for record in told for event in record.get("recovered", [])]
        for event in events:
            if "frames were damaged and are counted as lost" in event["message"] and self.fs != "ext4":
                self.odd.append("recovered: some frames were damaged")
            elif event["message"]:
                self.wrong.append(f"recovered: {event['message']}")
        if any("interrupted" in record for record in told):     # what the first start has finished the second one does not tell of
            self.odd.append("recovery was cut, too")
            return
        files = [event["file"] for event in events]
        for video in self.videos(self.found):
            if "/exports/" not in video and boxes(video) != FINISHED and has_records(video) and files.count("/".join(video.split("/")[-2:])) != 1:
                self.wrong.append(f"no recovered event, or several: {os.path.basename(video)}")

    def run(self, told):
        """told: what the start in the kernel has said."""
        failed = [record["error"] for record in told if "error" in record]
        if failed or [record["untouched"] for record in told if "untouched" in record] != [True]:
            self.wrong += failed or ["a second start changed something, or there was none"]
            return self
        self.is_told(told)
        self.same(self.known.base["finished"], "an earlier file")
        self.same(self.known.hashes, "a finished file")
        self.plays_as_found()
        self.plays_after()
        self.unfinished_before()
        for take in self.known.takes:
            self.announced(take)
            if not take.stopped:
                self.take(take)
        return self


def median(values):
    return statistics.median(values) if values else 0
