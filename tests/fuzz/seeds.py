#!/usr/bin/env python3
"""Makes the first inputs of the fuzz targets' corpora, from what a real camd recorded and from the project's own texts.

usage: seeds.py CAMD CORPUS_DIRECTORY      then tests/fuzz/run -m makes them small
"""
import json
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

CAMD, CORPUS = sys.argv[1], pathlib.Path(sys.argv[2])
ROOT = pathlib.Path(__file__).resolve().parents[2]


def seed(target, name, data):
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    (CORPUS / target / name).write_bytes(data if isinstance(data, bytes) else data.encode())


WORDS = ['"command":', '"id":', '{}', '[]', 'null', 'true', '9007199254740993', '-1e308', '\\u0000', '\\ud800', "\xef\xbb\xbf", '"values":']
EXAMPLES = {"true or false": True, "integer": 1, "number": 0.5, "duration": "1.5s", "time": "2026-11-20T14:03:07+01:00", "amount": "2M",
            "size": "640x480", "colour": "ff8000", "list of integer": [0, 1], "list of text": ["recovered", "*"],
            "any": {"bitrate": 4000000, "camera0.intra": 30, "overlay_text": "{date}", "no_such": [1.5, None]}}


def example(argument):
    """A value that the argument may have."""
    return argument["choices"][0] if argument.get("choices") else EXAMPLES.get(argument["type"], "a")


def dictionary(target, words):
    quoted = sorted({"".join(f"\\x{byte:02x}" if byte < 32 or byte > 126 or byte in b'"\\' else chr(byte) for byte in word.encode())
                     for word in words})
    (CORPUS / f"{target}.dict").write_text("".join(f'"{word}"\n' for word in quoted))


def record(where, *flags, kill=False):
    """The files of a short recording of a small picture: finished, or as SIGKILL leaves them."""
    camd = subprocess.Popen([CAMD, "--config=", "--output-dir", where, "--camera", "synthetic:64x64@10", "--prebuffer=0", *flags],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(command):
        print(command, file=camd.stdin, flush=True)
        return camd.stdout.readline()
    first = ask('{"command":"start_recording"}')
    time.sleep(0.25)
    ask('{"command":"mark","label":"a, \\"mark\\""}')
    time.sleep(0.25)
    if kill:
        camd.send_signal(signal.SIGKILL)
    else:
        ask('{"command":"stop_recording"}')
        ask('{"command":"quit"}')
    camd.wait()
    video = pathlib.Path(json.loads(first)["data"]["files"][0])
    table = video.with_name(video.stem + "_frame_timing.csv")
    return video.read_bytes(), table.read_bytes()


def recordings():
    with tempfile.TemporaryDirectory() as where:
        whole, table = record(where)
        killed, torn = record(where, kill=True)
        raw, raw_table = record(where, "--container=h264")
    for target in "recover", "reel":
        seed(target, "whole", whole)
        seed(target, "killed", killed)
        seed(target, "cut", killed[:-700])
    seed("recover", "headless", bytes(4096) + killed[4096:])
    seed("mp4times", "whole", whole)
    seed("mp4times", "killed", killed)
    seed("restamp", "raw", raw)
    for name, video, rows in ("whole", whole, table), ("killed", killed, torn):
        seed("table", name, rows)
        seed("report", name, struct.pack("<H", len(rows)) + rows + video)
        seed("verify", name, struct.pack("<HB", len(rows), 0) + rows + video)
    seed("verify", "clip", struct.pack("<HB", len(table), 1) + table + whole)
    seed("verify", "raw", struct.pack("<HB", len(raw_table), 2) + raw_table + raw)
    seed("table", "torn", table[:-30])
    seed("table", "original", "frame_number,write_time_unix,sensor_timestamp_ns,dropped_since_last,total_hardware_drops\n"
         "1,1732000000.123456,1000,,\n2,,2000,0,0\n")
    seed("name", "video", "cam0_1456x1088_30.0fps_20261120_140307_2.mp4")


def texts():
    everything = json.loads(subprocess.run([CAMD, "--config="], input='{"command":"describe"}\n', text=True, stdout=subprocess.PIPE,
                                           check=True).stdout)["data"]
    for command in everything["commands"]:
        arguments = {one["name"]: example(one) for one in command["arguments"]}
        seed("line", command["name"], "\0" + json.dumps({"command": command["name"], "id": "a", **arguments}) + "\n")
    dictionary("line", WORDS + [one["name"] for command in everything["commands"] for one in (command, *command["arguments"])])
    dictionary("message", [one["name"] for message in everything["messages"] for one in (message, *message["data"])])
    dictionary("config", [word for one in everything["settings"] for word in (one["name"], *one.get("choices", []))] + ["camera0.", " = "])
    for path in sorted((ROOT / "tests/session").glob("*.cam")):
        lines = [line[1:].strip() for line in path.read_text().splitlines() if line.startswith(">")]
        seed("line", path.stem, "\x07" + "\n".join(lines) + "\n")
    seed("message", "description", json.dumps({"type": "status", "status": "recording_stopped", "timestamp": "", "data": {
        "session": "s", "files": ["/a"], "cameras": [{"camera_id": 0, "file": "/a", "frames": 1, "duration_ns": 1, "bytes": 1, "lost": {
            "sensor": 0, "starved": 0, "encoder": 0, "storage": 0}}]}}))
    sample = subprocess.run([CAMD, "--print-config"], stdout=subprocess.PIPE, text=True, check=True).stdout
    settings = [line.lstrip("# ") for line in sample.splitlines() if " = " in line]
    for i in range(0, len(settings), 20):
        seed("config", "settings%d" % (i // 20), "\n".join(settings[i:i + 20]) + "\n")
    seed("config", "cameras", "\xef\xbb\xbfcamera0.bitrate = 4M # ends\ncamera1.resolution = 640x480\noutput_dir = \"a b\"\n"
         "preview_preset = 3\non_event = *: /bin/echo 'a b' \"c\\\"d\"\nmotion_mask = 0,0,0.5,0.5\n")
    seed("name", "hook", "recording_stopped,warning: /usr/bin/notify 'a b' \"c\" d\\ e")
    seed("name", "time", "2026-11-20T14:03:07.123456+01:00")
    seed("name", "share", "80.5%")
    seed("name", "bytes", bytes(range(1, 256)))
    seed("chatter", "libcamera", "\x20[0:12:13.123] [4242]  INFO Camera manager.cpp:299 text\n\x1b[31mred\x1b[0m\x1b]0;title\x07\r\n"
         "[h264 @ 0x1] said\n")
    seed("import", "dash", json.dumps({"port": 8080, "camera": {"device": "/dev/video0", "width": 1280, "height": 720, "fps": 30},
                                       "storage_cap_gb": 10, "cameras": [{"id": "a", "device": "/dev/video1"}]}))
    seed("import", "pi", json.dumps({"night_mode": "still", "resolution": [1280, 720], "fps": 10, "buffer": 30, "log_level": "INFO"}))


recordings()
texts()
