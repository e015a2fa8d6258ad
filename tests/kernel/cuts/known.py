"""What was known when the power was cut: all that camd had said."""
import pathlib

NS = 1_000_000_000
MS = 1_000_000
FPS = (10, 15)
LAG_SLACK_MS = 2        # of a figure in whole ms, asked for over a pipe


class Take:
    """One camera from start_recording to stop_recording. end_ns: when that was asked for, frames: how many it was said to have then."""

    def __init__(self, camera):
        self.camera_id, self.first_ns = camera["camera_id"], camera["first_sensor_timestamp_ns"]
        self.file, self.session = camera["file"], pathlib.Path(camera["file"]).parent.name
        self.durable, self.durable_ns, self.end_ns, self.frames, self.lags, self.marks = {}, 0, None, None, [], {}
        self.interval_ns = NS / FPS[self.camera_id]

    @property
    def stopped(self):
        return self.frames is not None

    @property
    def durable_frame(self):
        return max(self.durable, default=0)


class Clip:
    """A file of a trigger, said to be done."""

    def __init__(self, clip, trigger):
        self.camera_id, self.file, self.frames = clip["camera_id"], clip["file"], clip["frames"]
        self.from_ns, self.to_ns = trigger["from_ns"], trigger["to_ns"]
        self.interval_ns = NS / FPS[self.camera_id]


class Known:
    """
    All that camd had said by its records up to the cut, each at so many ns; hashes are those of the files that it had said are done.
    syncs: [began, ended] of each round of them. wrong: where it contradicts itself.
    """

    def __init__(self, base, records, syncs):
        self.base, self.cut_ns, self.wrong = base, records[-1]["t"], []
        self.sync_ns = max((min(ended, self.cut_ns) - began for began, ended in syncs if began <= self.cut_ns), default=0)
        self.hashes, self.takes, self.clips, self.recovered, self.sent, self.trigger = {}, [], [], {}, {}, {}
        for record in records:
            for path, each in record.get("hashes", {}).items():
                if self.hashes.setdefault(path, each) != each:
                    self.wrong.append(f"was done, and changed: {path}")
            if "sent" in record:
                self._sent(record["sent"]["command"], record)
            elif "got" in record:
                self._got(record["got"].get("status") or record["got"].get("event"), record["got"]["data"], record)

    def _running(self, camera_id):
        return [take for take in self.takes if take.camera_id == camera_id and not take.stopped]

    def _sent(self, command, record):
        """The last frame of a recording is the last one before the request; all before a sync is on the disk when that is answered."""
        self.sent[command] = record
        if command == "stop_recording":
            for take in self.takes:
                take.end_ns = take.end_ns or record["t"]

    def _got(self, name, data, record):
        is_event = record["got"]["type"] == "event"
        if name == "recording_started" and not is_event:
            self.takes += [Take(camera) for camera in data["cameras"]]
        elif name == "recording_stopped" and is_event:
            for take in self._running(data["camera_id"]):
                take.frames = data["frames"]
        elif name in ("status_report", "synced"):
            for camera in data["cameras"]:
                for take in self._running(camera["camera_id"]):
                    self._durable(take, name, camera, record["t"])
        elif name == "recovered":
            self._recovered(data)
        elif name == "mark":
            self._running(data["camera_id"])[0].marks[data["frame_number"]] = data["label"]
        elif name == "triggered":
            request, at_ns = self.sent["trigger"]["sent"], data["sensor_timestamp_ns"]
            self.trigger = {"from_ns": at_ns - request["before"] * NS, "to_ns": at_ns + request["after"] * NS}
        elif name == "trigger_saved":
            self.clips += [Clip(clip, self.trigger) for clip in data["clips"]]

    def _recovered(self, data):
        wanted = len(self.base["unfinished"].get(data["file"], []))
        if data["file"] in self.recovered or data["frames"] != wanted or data.get("message"):
            self.wrong.append(f"recovered: {data}, and there were {wanted} frames")
        self.recovered[data["file"]] = data["frames"]

    def _durable(self, take, name, camera, now_ns):
        frame = camera.get("durable_frame", 0)
        if frame < take.durable_frame:
            self.wrong.append(f"camera {take.camera_id}: durable_frame falls from {take.durable_frame} to {frame}")
        if frame:
            take.durable[frame] = camera["durable_sensor_timestamp_ns"]
        if name == "synced":
            take.durable_ns = self.sent["sync"]["t"] - take.interval_ns
        elif frame and frame < camera["recorded_frames"]:
            oldest_ns = camera["durable_sensor_timestamp_ns"] + take.interval_ns
            take.lags.append((camera["durable_lag_ms"], (self.sent["get_status"]["t"] - oldest_ns) / MS, (now_ns - oldest_ns) / MS))

    def told_of(self):
        """The files that somebody knows to be there."""
        return {take.file for take in self.takes} | set(self.hashes) | set(self.base["finished"]) | set(self.base["unfinished"])
