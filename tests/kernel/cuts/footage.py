"""What of a recording of camd's, a video and its table, can be seen without decoding anything."""
import csv
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools"))
from mp4 import is_finished     # noqa: E402

CAUSES = ("lost_sensor", "lost_starved", "lost_encoder", "lost_storage")
HEAD_BYTES = 4096       # of a video; its frames begin there


def has_records(path):
    with open(path, "rb") as file:
        return b"moof" in file.read()[HEAD_BYTES:]


def has_head(path):
    with open(path, "rb") as file:
        return bool(file.read(HEAD_BYTES).strip(b"\0"))


def is_under_way(path):
    """Whether it is a recording with a frame, at least, that nobody has finished yet."""
    return has_records(path) and not is_finished(path)


def table_of(video):
    return str(video)[:-len(".mp4")] + "_frame_timing.csv"


def rows_of(video):
    """Of its table, up to the first that is none (that there is one the probe tells); none if it has no table."""
    rows = []
    try:
        with open(table_of(video), newline="", encoding="ascii", errors="replace") as file:
            for row in csv.DictReader(line.replace("\0", "?") for line in file):
                rows.append({key: int(row[key]) for key in ("frame_number", "sensor_timestamp_ns", "camera_frame", *CAUSES)})
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        pass
    return rows


def lost_of(row):
    return sum(row[cause] for cause in CAUSES)


def holes_of(rows):
    """The rows before which something is counted as lost."""
    return [k for k in range(1, len(rows)) if lost_of(rows[k]) > lost_of(rows[k - 1])]
