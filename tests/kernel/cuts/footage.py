"""What of a recording of camd's, a video and its table, can be seen without decoding anything."""
import csv
import os
import struct
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools"))
from mp4 import is_finished     # noqa: E402

CAUSES = ("lost_sensor", "lost_starved", "lost_encoder", "lost_storage")
HEAD_BYTES = 4096       # of a video; its frames begin there
# common/fragment.h: a record before each frame of a video that is not finished
MAGIC, PLAYED_BYTES, MARK_AT = b"\x8bcamdF\x1d\n", 32 + 100 + 8, 160
CRC, REST_AT = struct.Struct(">I"), 20
RECORD = struct.Struct(">24xIIQI")      # file's id, sequence, position, bytes of the payload
ROW = struct.Struct(">64xqqQQ")         # sensor_ns, wall_ns, number, camera's number


class Frame:
    """A frame as its record has it."""

    def __init__(self, data, at):
        self.file_id, self.sequence, self.position, self.payload_bytes = RECORD.unpack_from(data, at)
        self.sensor_ns, self.wall_ns, self.number, self.camera_frame = ROW.unpack_from(data, at)
        n = struct.unpack_from(">H", data, at + MARK_AT)[0]
        self.mark = data[at + MARK_AT + 2:at + MARK_AT + 2 + n].decode("utf-8", "replace")


def whole_frames(video):
    """Those of an unfinished video of which each byte is there, by their checksums, wherever they are."""
    with open(video, "rb") as file:
        data = file.read()
    found, at = [], data.find(MAGIC)
    while at >= 0:
        record = at - 8
        if record >= HEAD_BYTES and record + MARK_AT + 2 <= len(data):
            frame = Frame(data, record)
            end = record + struct.unpack_from(">I", data, record)[0] + PLAYED_BYTES + frame.payload_bytes
            if frame.position == record and end <= len(data) and zlib.crc32(data[record + REST_AT:end]) == CRC.unpack_from(data, record + 16)[0]:
                found.append(frame)
        at = data.find(MAGIC, at + 1)
    return [frame for frame in found if frame.file_id == found[0].file_id]


def has_frames(video):
    return bool(whole_frames(video))


def has_head(path):
    with open(path, "rb") as file:
        return bool(file.read(HEAD_BYTES).strip(b"\0"))


def is_under_way(path):
    """Whether it is a recording with a frame, at least, that nobody has finished yet."""
    return not is_finished(path) and has_frames(path)


def table_of(video):
    return str(video)[:-len(".mp4")] + "_frame_timing.csv"


def lines_of(video):
    """The whole lines of its table but for the header."""
    try:
        with open(table_of(video), "rb") as file:
            return file.read().split(b"\n")[1:-1]
    except FileNotFoundError:
        return []


def rows_of(video):
    """Of its table, up to the first that is none (that there is one the probe tells); none if it has no table."""
    rows = []
    try:
        with open(table_of(video), newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(line.replace("\0", "?") for line in file):
                rows.append({**{key: int(row[key]) for key in ("frame_number", "sensor_timestamp_ns", "camera_frame", *CAUSES)},
                             "wall_ns": round(float(row["write_time_unix"]) * 1e9), "mark": row["mark"]})
    except (FileNotFoundError, KeyError, TypeError, ValueError, OverflowError, csv.Error):
        pass
    return rows


def lost_of(row):
    return sum(row[cause] for cause in CAUSES)


def holes_of(rows):
    """The rows before which something is counted as lost."""
    return [k for k in range(1, len(rows)) if lost_of(rows[k]) > lost_of(rows[k - 1])]


def noted(video):
    """Whether the session's folder says that it was recovered and nobody was told of it yet (camd/untold.h)."""
    try:
        with open(os.path.join(os.path.dirname(video), ".recovered"), encoding="ascii", errors="replace") as file:
            return os.path.basename(video) in [line.rstrip("\n").split(" ")[-1] for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return False
