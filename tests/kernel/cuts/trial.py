"""Whether the judge notices what must not be: it is shown a disk that was all right, spoilt in one way after another."""
import copy
import csv
import os
import pathlib
import random
import re
import shutil

import footage
import judge
from footage import table_of

ROWS = 4


def video_of(state):
    """
    A video that was under way, unfinished as found and finished since, with a frame that was said to be durable, as a path below the
    directory; None: there is none.
    """
    for take in state.known.takes:
        for after in map(str, pathlib.Path(state.place, "after/camera/recordings", take.session).glob(f"cam{take.camera_id}_*.mp4")):
            found = after.replace(state.place + "/after", state.place + "/found")
            if take.stopped or not os.path.exists(found) or footage.is_finished(found):
                continue
            rows = footage.rows_of(after)
            if len(rows) >= ROWS and rows[0]["frame_number"] <= take.durable_frame:
                return after[len(state.place + "/after"):]
    return None


def done(state, pattern):
    """One of the files that had been told of as done; None: there is none such."""
    return next((path[len(judge.DISK):] for path in sorted(state.known.hashes) if re.search(pattern, path)), None)


def change_table(video, change):
    path = table_of(video)
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


def added(key, n):
    return lambda rows: [{**row, key: str(int(row[key]) + n)} for row in rows]


def uncounted(rows):
    """As if each second frame had never been seen by anybody."""
    return [{**row, "frame_number": str(int(rows[0]["frame_number"]) + k)} for k, row in enumerate(rows[::2])]


def uneven(rows):
    rows[-1]["write_time_unix"] = "12345.0"
    return rows


def add_notes(after, found):
    for path in (after, found):
        pathlib.Path(os.path.dirname(path), "note").write_text(path, encoding="ascii")


def replace_badly(place, earlier):
    """Exports of an earlier session are gone, and those that replace them are not whole."""
    for video in pathlib.Path(place + judge.RECORDINGS, "exports").glob("*.mp4"):
        if judge.DISK + str(video)[len(place):] in earlier:
            video.unlink()
        else:
            noise(video)


def noise(path):
    pathlib.Path(path).write_bytes(random.Random(0).randbytes(os.path.getsize(path)))


def flip(path):
    data = bytearray(pathlib.Path(path).read_bytes())
    data[len(data) // 2] ^= 1
    pathlib.Path(path).write_bytes(data)


def unfinish(after, found):
    shutil.copy(found, after)
    shutil.copy(table_of(found), table_of(after))


def add_part(after):
    pathlib.Path(os.path.dirname(after), ".export_1_1.mp4.part").write_bytes(b"part")


# what is done to a recording that was under way, and what must be said of it; found is as it was before the start
SPOIL = {
    "noise": (lambda after, found: noise(after), "is not finished"),
    "half of it": (lambda after, found: os.truncate(after, os.path.getsize(after) // 2), "is not finished"),
    "never finished": (unfinish, "is not finished"),
    "away": (lambda after, found: os.remove(after), "are left|is gone|are there"),
    "no table": (lambda after, found: os.remove(table_of(after)), "has no table"),
    "a row less": (lambda after, found: change_table(after, lambda rows: rows[:-1]), "does not play: .*frames, but"),
    "a row in the middle": (lambda after, found: change_table(after, lambda rows: rows[:1] + rows[2:]), "rows are not theirs"),
    "... counted nowhere": (lambda after, found: change_table(after, lambda rows: rows[:1] + rows[2:]), "in the middle are lost|was durable, and"),
    "a row twice": (lambda after, found: change_table(after, lambda rows: rows + rows[-1:]), "is there twice"),
    "other wall times": (lambda after, found: change_table(after, uneven), "nobody has counted"),
    "something else": (lambda after, found: pathlib.Path(os.path.dirname(found), "note").write_text("x", encoding="ascii"), "is gone after"),
    "something else, changed": (lambda after, found: add_notes(after, found), "was changed by"),
    "a time": (lambda after, found: change_table(after, later), "does not play: .*its row says"),
    "pictures of other rows": (lambda after, found: change_table(after, added("camera_frame", 1)), "does not play: .*shows number"),
    "times of other frames": (lambda after, found: change_table(after, uncounted), "nobody has counted"),
    "a part": (lambda after, found: add_part(after), "a part is left"),
    "another file": (lambda after, found: shutil.copy(after, after + ".mp4"), "has made a file"),
    "as found, noise": (lambda after, found: noise(found), "play as found"),
    "as found, away": (lambda after, found: os.remove(found), "play as found"),
}
# what it might have said of such a recording
SAID = {
    "a frame more is durable": (lambda known, take: take.durable.update({take.durable_frame + 1000: 0}), "was durable, and"),
    "... as found": (lambda known, take: take.durable.update({take.durable_frame + 1000: 0}), "was durable, .* play as found"),
    "a sync that was answered": (lambda known, take: setattr(take, "durable_ns", known.cut_ns + 10_000_000_000), "was durable, and"),
    "a durable frame of another time": (lambda known, take: take.durable.update({1: take.first_ns + 1}), "is not that of durable_frame"),
    "it goes on for a second": (lambda known, take: (setattr(take, "end_ns", None), setattr(known, "cut_ns", known.cut_ns + 1_000_000_000)),
                                "ms are missing"),
    "a first frame before it": (lambda known, take: setattr(take, "first_ns", take.first_ns - 1), "not begin with its first"),
    "a mark": (lambda known, take: take.marks.update({1: "there"}), "a mark is lost"),
    "a lag": (lambda known, take: take.lags.append((5000, 4999, 5001)), "durable_lag_ms is .* the bound"),
    "another lag": (lambda known, take: take.lags.append((10, 40, 41)), "durable_lag_ms is .* not between"),
    "it began in another file": (lambda known, take: setattr(take, "file", take.file + "x"), "that had begun has no file"),
    "it ended": (lambda known, take: (setattr(take, "frames", 1), setattr(take, "end_ns", known.cut_ns)), "it ended with"),
    "it contradicts itself": (lambda known, take: known.wrong.append("durable_frame falls"), "durable_frame falls"),
}
# and to one that was said to be done
DONE = {
    r"/cam0_[^/]*\.mp4$": "differs after",
    r"/cam0_[^/]*\.csv$": "differs after",
    r"/clip_[^/]*\.mp4$": "differs after",
    r"/clip_[^/]*\.csv$": "differs after",
    r"/exports/[^/]*\.mp4$": "differs after",
    r"/exports/[^/]*\.csv$": "differs after",
    r"\.jpg$": "differs after",
    r"\.png$": "differs after",
}
# what might have been said of a clip
CLIP = {
    "a clip's frame": (lambda clip: setattr(clip, "frames", clip.frames + 1), "a clip of"),
    "a clip's end": (lambda clip: setattr(clip, "to_ns", clip.to_ns + 1_000_000_000), "a clip does not reach"),
    "a clip's beginning": (lambda clip: setattr(clip, "from_ns", clip.from_ns - 1_000_000_000), "a clip does not reach"),
}


class Trial:
    """One disk; not_noticed: what the judge has not noticed of what was done to copies of it, tried: what was."""

    def __init__(self, state, told, probe):
        self.state, self.told_by, self.probe = state, told, probe
        self.place, self.not_noticed, self.tried = state.place + "/trial", [], set()

    def _said(self, told, known):
        return judge.Judge(self.place, self.state.fs, known, self.probe).run(told, self.state.once_more).wrong

    def _try(self, what, spoil, wanted, told=None, known=None):
        for name in ("after", "found", "between"):
            if os.path.exists(f"{self.state.place}/{name}"):
                shutil.copytree(f"{self.state.place}/{name}", f"{self.place}/{name}")
        spoil()
        said = self._said(told or self.told_by, known or self.state.known)
        if not said if wanted is None else any(re.search(wanted, each) for each in said):
            self.tried.add(what)
        else:
            self.not_noticed.append(f"{what}: {said}")
        shutil.rmtree(self.place)

    def _try_known(self, what, change, wanted):
        """As if camd had said something else."""
        known = copy.deepcopy(self.state.known)
        change(known)
        self._try(what, lambda: None, wanted, known=known)

    def _try_told(self, what, key, change, wanted):
        told = [{**record, key: change(record[key])} if key in record else record for record in self.told_by]
        self._try(what, lambda: None, wanted, told)

    def under_way(self):
        """With a recording that was."""
        name = video_of(self.state)
        if not name:
            return
        self._try("nothing", lambda: None, None)
        for what, (spoil, wanted) in SPOIL.items():
            self._try(what, lambda spoil=spoil: spoil(f"{self.place}/after{name}", f"{self.place}/found{name}"), wanted)
        for what, (change, wanted) in SAID.items():
            self._try_known(what, lambda known, change=change: change(known, next(take for take in known.takes if not take.stopped)), wanted)
        earlier = next(path for path in sorted(self.state.known.base["unfinished"]) if path.endswith(".mp4"))[len(judge.DISK):]
        self._try("an earlier recording", lambda: change_table(f"{self.place}/after{earlier}", lambda rows: rows[:-1]), "an earlier recording had")
        self._try("an earlier file", lambda: flip(self.place + "/after" + next(
            path for path in sorted(self.state.known.base["finished"]) if re.search(r"/cam[^/]*\.mp4$", path))[len(judge.DISK):]), "an earlier file differs after")
        self._try("all exports", lambda: shutil.rmtree(f"{self.place}/after{judge.RECORDINGS}exports"), "an earlier file is not there after: export_")

    def told(self):
        """With what its starts have told, if there is all that is wanted for it."""
        under_way = next((record["under_way"] for record in self.told_by if "under_way" in record), [])
        if not self.state.once_more or not under_way or any("interrupted" in record for record in self.told_by):
            return
        self._try_told("changed by a second start", "untouched", lambda untouched: False, "a second start")
        self._try_told("not told", "recovered", lambda events: [], "no recovered event")
        self._try_told("told to have failed", "recovered", lambda events: [{**event, "message": "no"} for event in events], "recovered: no")
        event = next(event for record in self.told_by for event in record.get("recovered", []) if event["file"] in under_way)
        self._try_told("told twice", "recovered", lambda events: events + events, "and is so again")
        self._try_told("told of another", "recovered", lambda events: [*events, {**event, "file": "x/cam0_x.mp4"}], "was not to be")
        cut = {"interrupted": "", "recovered": [event]}
        self._try("told, and not done", lambda: None, "was recovered, and is not", told=[cut, *self.told_by])
        self._try_told("told by nobody", "recovered", lambda events: [], "not told of")
        self._try_told("other frames told", "recovered", lambda events: [{**event, "frames": event["frames"] + 1} for event in events],
                       r"recovered: \d+ frames, it has")

    def done(self):
        """With each kind of file that was, and what was said of clips."""
        for what, (change, wanted) in CLIP.items():
            if self.state.known.clips:
                self._try_known(what, lambda known, change=change: change(known.clips[0]), wanted)
        for pattern, wanted in DONE.items():
            name = done(self.state, pattern)
            if name:
                self._try(pattern, lambda name=name: flip(f"{self.place}/after{name}"), wanted)
                self._try(pattern + " away", lambda name=name: os.remove(f"{self.place}/after{name}"), "is not there after")
                if "/exports/" in name:
                    self._try("exports replaced by damaged ones", lambda: replace_badly(self.place + "/after", self.state.known.base["finished"]),
                              "an earlier file is not there after: export_")
                if name.endswith((".jpg", ".png")):
                    self._try("a picture", lambda name=name: noise(f"{self.place}/after{name}"), "is no picture")
                self._try(pattern + " as found", lambda name=name: flip(f"{self.place}/found{name}"), wanted.replace("after", "found"))


OF_DONE = {*(pattern + how for pattern in DONE for how in ("", " as found", " away")), "a picture", "exports replaced by damaged ones", *CLIP}
OF_UNDER_WAY = {*SPOIL, *SAID, "nothing", "an earlier file", "an earlier recording", "all exports"}
OF_TOLD = {"changed by a second start", "not told", "told to have failed", "other frames told", "told twice", "told of another", "told, and not done",
           "told by nobody"}
ALL = OF_DONE | OF_UNDER_WAY | OF_TOLD
