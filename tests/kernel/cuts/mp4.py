"""What of an MP4 and of a recording's table can be seen without decoding anything."""
import csv
import struct

FINISHED = [b"ftyp", b"mdat", b"moov"]
CAUSES = ("lost_sensor", "lost_starved", "lost_encoder", "lost_storage")
HEAD_BYTES = 4096       # of a recording of camd's; frames begin there


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


def is_finished(path):
    return boxes(path) == FINISHED


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
