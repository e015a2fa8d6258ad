"""What camd's messages must say where nothing can fail, and which files they say are done."""
from footage import table_of

DONE = ("recovered", "recording_stopped", "segment_finished", "trigger_saved", "snapshot_taken", "job_done")
NEVER = ("error", "warning", "storage_full", "storage_slow", "frames_lost", "encoder_changed", "camera_lost", "camera_degraded",
         "events_lost", "recording_deleted")


class Refused(Exception):
    """Something could not be done, or not all of it, where all can."""


def name_of(message):
    return message.get("status") or message.get("event")


def _parts(value):
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(each)


def _is_trouble(part):
    return (part.get("ok") is False or part.get("failed") or part.get("message") or part.get("cause", "command") != "command" or
            any((part.get("lost") or {}).values()) or part.get("camera_lost"))


def check(message):
    """But for what a recovery tells of the file it found, which depends on the disk."""
    if name_of(message) == "recovered":
        return
    if name_of(message) in NEVER or any(_is_trouble(part) for part in _parts(message["data"])):
        raise Refused(f"{message}")


def files_named(message):
    """The videos, with their tables, and the pictures that a message says are on the disk."""
    data = message["data"]
    named = [data["file"]] if "file" in data else []
    named += data.get("files", [])
    named += [each["file"] for key in ("cameras", "clips", "shots") for each in data.get(key, []) if isinstance(each, dict) and "file" in each]
    if not named:
        raise Refused(f"names no file: {message}")
    return sorted(set(named) | {table_of(name) for name in named if name.endswith(".mp4")})


def expect_cameras(message, key, cameras):
    """That just these are there, each once."""
    found = sorted(each["camera_id"] for each in message["data"][key])
    if found != cameras:
        raise Refused(f"{key} of {found} instead of {cameras}: {message}")


def expect_all_told(messages, cameras, recordings):
    """Of a whole run: that each recording's beginning, its files and its end were told, and agree; that one was recovered of each camera."""
    found = [message["data"]["file"] for message in messages if message.get("event") == "recovered"]
    if len(found) != len(cameras) or len(set(found)) != len(found):
        raise Refused(f"recovered: {found}")
    events = [(message["event"], message["data"]) for message in messages if message["type"] == "event"]
    for camera_id in cameras:
        mine = [(name, data) for name, data in events if data.get("camera_id") == camera_id]
        stops, files = ([data for name, data in mine if name == wanted] for wanted in ("recording_stopped", "segment_finished"))
        begun = [name for name, _ in mine].count("recording_started")
        said = (sum(stop["segments"] for stop in stops), sum(stop["frames"] for stop in stops))
        if begun != recordings or len(stops) != recordings or said != (len(files), sum(file["frames"] for file in files)):
            raise Refused(f"camera {camera_id}: {begun} recordings begun, {len(stops)} ended, {said} files and frames, but {len(files)} told of")
