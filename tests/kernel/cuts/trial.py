"""Whether the judge notices what must not be: it is shown a disk that was all right, spoilt in one way after another."""
import csv
import os
import pathlib
import random
import shutil

import judge

ROWS = 4


def video_of(state):
    """
    A video that was under way, unfinished as found and finished since, with a frame that was said to be durable, as a path below the
    directory; None: there is none.
    """
    for take in state.known.takes:
        for after in map(str, pathlib.Path(state.place, "after/camera/recordings", take.session).glob(f"cam{take.camera_id}_*.mp4")):
            found = after.replace(state.place + "/after", state.place + "/found")
            if take.stopped or not os.path.exists(found) or judge.boxes(found) == judge.FINISHED:
                continue
            rows = judge.rows_of(after)
            if len(rows) >= ROWS and rows[0]["frame_number"] <= take.durable_frame:
                return after[len(state.place + "/after"):]
    return None


def change_table(video, change):
    path = judge.table_of(video)
    with open(path, newline="", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    fields = list(rows[0])
    rows = change(rows)
    with open(path, "w", newline="", encoding="ascii") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def later(rows):
    rows[-1]["sensor_timestamp_ns"] = str(int(rows[-1]["sensor_timestamp_ns"]) + 1_000_000)
    return rows


def other_pictures(rows):
    return [{**row, "camera_frame": str(int(row["camera_frame"]) + 1)} for row in rows]


def noise(video):
    pathlib.Path(video).write_bytes(random.Random(0).randbytes(os.path.getsize(video)))


# what is done to a recording that was under way; found is as it was before the start
SPOIL = {
    "noise": lambda video, found: noise(video),
    "half of it": lambda video, found: os.truncate(video, os.path.getsize(video) // 2),
    "never finished": lambda video, found: (shutil.copy(found, video), shutil.copy(judge.table_of(found), judge.table_of(video))),
    "away": lambda video, found: os.remove(video),
    "no table": lambda video, found: os.remove(judge.table_of(video)),
    "a row less": lambda video, found: change_table(video, lambda rows: rows[:-1]),
    "a time": lambda video, found: change_table(video, later),
    "pictures of other rows": lambda video, found: change_table(video, other_pictures),
}


def spoil_earlier(state, place):
    """A byte of what an earlier session had left."""
    path = place + "/after" + next(path for path in sorted(state.known.base["finished"]) if path.endswith(".mp4"))[len(judge.DISK):]
    data = bytearray(pathlib.Path(path).read_bytes())
    data[len(data) // 2] ^= 1
    pathlib.Path(path).write_bytes(data)


def notices(state, place, told, probe):
    return bool(judge.Judge(place, state.fs, state.known, probe).run(told).wrong)


def missed(state, told, probe):
    """What the judge has not noticed; None: this disk has nothing to try it with. It was all right."""
    name, place, unnoticed = video_of(state), state.place + "/trial", []
    if not name:
        return None
    os.mkdir(place)
    os.symlink("../found", place + "/found")

    def try_it(what, spoil, told=told):
        shutil.copytree(state.place + "/after", place + "/after")
        spoil()
        if notices(state, place, told, probe) == (what == "nothing"):
            unnoticed.append(what)
        shutil.rmtree(place + "/after")
    try_it("nothing", lambda: None)
    for what, spoil in SPOIL.items():
        try_it(what, lambda spoil=spoil: spoil(f"{place}/after{name}", f"{place}/found{name}"))
    try_it("an earlier file", lambda: spoil_earlier(state, place))

    def try_told(what, key, change):
        try_it(what, lambda: None, [{**record, key: change(record[key])} if key in record else record for record in told])
    if not any("interrupted" in record for record in told):
        try_told("not told", "recovered", lambda events: [])
        try_told("told to have failed", "recovered", lambda events: [{**event, "message": "no"} for event in events])
    try_told("changed by a second start", "untouched", lambda untouched: False)
    shutil.rmtree(place)
    return unnoticed
