"""On the host: whether what a power cut has left, and the next start has made of it, is what camd had promised."""
import csv
import hashlib
import json
import os
import pathlib
import re
import statistics
import subprocess

DISK = "/run/camd/disk"
NS = 1_000_000_000
RECOVERY_POINT_NS = NS // 2
FILES_SYNCED = 4        # one behind the other: a sync of two cameras with their tables
CAUSES = ("lost_sensor", "lost_starved", "lost_encoder", "lost_storage")


# ---- what was known when the power was cut ----

class Take:
    """One camera from start_recording to stop_recording."""

    def __init__(self, camera):
        self.camera_id, self.first_ns = camera["camera_id"], camera["first_sensor_timestamp_ns"]
        self.file, self.session = camera["file"], pathlib.Path(camera["file"]).parent.name
        self.durable_frame, self.end_ns, self.stopped = 0, None, False


class Known:
    """All that camd had said, by its lines up to the cut at so many ns."""

    def __init__(self, base, records, sync_ms):
        self.base, self.cut_ns = base, records[-1]["t"]
        self.hashes, self.takes, self.sync_ns = {}, [], sync_ms * FILES_SYNCED * 1_000_000
        for record in records:
            self.hashes.update(record.get("hashes", {}))
            self._sent(record) if "sent" in record else self._got(record.get("got", {}))

    def _running(self, camera_id):
        return [take for take in self.takes if take.camera_id == camera_id and not take.stopped]

    def _sent(self, record):
        """The last frame of a recording is the last one before the request."""
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


def table_of(video):
    return str(video)[:-len(".mp4")] + "_frame_timing.csv"


def rows_of(video):
    with open(table_of(video), newline="", encoding="ascii", errors="replace") as file:
        return [{key: int(row[key]) for key in ("frame_number", "sensor_timestamp_ns", *CAUSES)} for row in csv.DictReader(file)]


def here(directory, path):
    return directory + path[len(DISK):]


class Judge:
    """wrong: what is not as it must be; odd: what may be so, but is worth telling."""

    def __init__(self, directory, fs, known, probe):
        self.directory, self.fs, self.known, self.probe = directory, fs, known, probe
        self.wrong, self.odd, self.lost = [], [], []
        self.found, self.after = directory + "/found", directory + "/after"

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

    def plays_as_found(self):
        """Before anything mends them; what has no whole frame yet plays nothing."""
        for video in self.videos(self.found):
            status, facts, said = self.probe(video)
            head = pathlib.Path(video).read_bytes()[:4096]
            if facts.get("decoded"):
                continue
            if self.fs == "vfat" and not head.strip(b"\0"):
                self.odd.append("a head that was not on the disk yet")      # announced() looks at those that had to be
            elif b"moof" not in pathlib.Path(video).read_bytes()[4096:]:
                self.odd.append("a file without a frame" if head.strip(b"\0") else "a file without a head")
            elif status == 2 or not facts.get("decoded"):
                self.wrong.append(f"does not play as found: {os.path.basename(video)}: {said[:300]}")

    def plays_after(self):
        for video in self.videos(self.after):
            name = os.path.basename(video)
            if "/exports/" in video:
                status, facts, said = self.probe(video)
            elif not os.path.exists(table_of(video)):
                self.odd.append("a video without a table")
                continue
            else:
                status, facts, said = self.probe(video, table_of(video), "--part", "--number-pattern")
            if status and not facts.get("frames") and not facts.get("rows"):
                self.odd.append("no frame in a file after recovery")
            elif status and self.behind_a_hole(video, said):
                self.odd.append("pictures behind a hole, up to the next key frame")
            elif status:
                self.wrong.append(f"recovered, but {name}: {said[:300]}")

    def behind_a_hole(self, video, said):
        """Frames that are whole, but refer to one that was not, may be there and look like anything, or nothing; nothing else may be amiss."""
        rows = rows_of(video) if os.path.exists(table_of(video)) else []
        lost = [sum(row[cause] for cause in CAUSES) for row in rows]
        hole = next((k for k in range(1, len(rows)) if lost[k] > lost[k - 1]), None)
        frames = re.findall(r": frame (\d+) (?:is damaged|shows)", said)
        status, _, _ = self.probe(video, table_of(video), "--part", "--no-decode")
        if status or hole is None:
            return False
        return min(map(int, frames)) > hole if frames else bool(re.search(r"\d+ packets, but \d+ decoded frames", said))

    def announced(self, take):
        """A recording that camd has said to have begun plays."""
        copy = here(self.found, take.file)
        if not os.path.exists(copy):
            self.wrong.append(f"camera {take.camera_id}: the recording that had begun has no file")
        elif not self.probe(copy)[1].get("decoded"):
            self.wrong.append(f"camera {take.camera_id}: the recording that had begun has no frame")

    def unfinished_before(self):
        """What a kill -9 left long before the cut."""
        base = self.known.base
        videos = [path for path in base["unfinished"] if path.endswith(".mp4")]
        for path, frames in zip(videos, base["frames"]):
            rows = rows_of(here(self.after, path))
            if len(rows) < frames - 1:
                self.wrong.append(f"an earlier recording had {frames} frames, has {len(rows)}")

    def take(self, take):
        """A recording's frames are all there up to the last, none is shorter than promised."""
        pattern = f"camera/recordings/{take.session}/cam{take.camera_id}_*.mp4"
        rows = [row for video in sorted(pathlib.Path(self.after).glob(pattern)) if os.path.exists(table_of(video)) for row in rows_of(video)
                if row["sensor_timestamp_ns"] >= take.first_ns]
        rows = [row for row in rows if not take.end_ns or row["sensor_timestamp_ns"] <= take.end_ns]
        rows.sort(key=lambda row: row["sensor_timestamp_ns"])
        end_ns = min(self.known.cut_ns, take.end_ns or self.known.cut_ns)
        interval_ns = NS // (10, 15)[take.camera_id]
        captured_ns = take.first_ns + (end_ns - take.first_ns) // interval_ns * interval_ns     # the last of them; this camera is exact
        missing_ns = captured_ns - (rows[-1]["sensor_timestamp_ns"] if rows else take.first_ns - interval_ns)
        whole = sum(row["frame_number"] <= take.durable_frame for row in rows)
        if whole < take.durable_frame:
            self.wrong.append(f"camera {take.camera_id}: frame {take.durable_frame} was durable, {whole} of them are there")
        numbers = [row["frame_number"] for row in rows]
        if numbers != list(range(1, len(rows) + 1)):
            holes = sorted(set(range(1, (numbers or [0])[-1] + 1)) - set(numbers))
            self.odd.append(f"frames in the middle are lost: {len(holes)}")
            if len(numbers) != len(set(numbers)):
                self.wrong.append(f"camera {take.camera_id}: a frame is there twice")
        bound_ns = RECOVERY_POINT_NS + 2 * self.known.sync_ns + interval_ns
        self.lost.append({"ms": max(0, missing_ns) // 1_000_000, "frames": max(0, round(missing_ns / interval_ns)), "bound_ms": bound_ns // 1_000_000,
                          "durable": take.durable_frame, "there": whole})
        if missing_ns > bound_ns:
            self.wrong.append(f"camera {take.camera_id}: {missing_ns / 1e6:.0f} ms are missing, the bound is {bound_ns / 1e6:.0f}")

    def run(self, told):
        """told: what the start in the kernel has said."""
        for record in told:
            if "error" in record:
                self.wrong.append(record["error"])
            if record.get("untouched") is False:
                self.wrong.append("a second start changed something")
            self.odd += [f"recovered: {event['message']}" for event in record.get("recovered", []) if event["message"]]
            self.odd += ["recovery was cut, too"] if "interrupted" in record else []
        if any("error" in record for record in told):
            return self
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
