#!/usr/bin/env python3
"""Looks at a camera's pictures, and has camd keep the seconds around a change: Python's standard library only.

    tap.py SECONDS [FLAG...]        flags are camd's; CAMD names the program

camd gives the pictures in shared memory (docs/frame_tap.md); each is looked at where the last one is always the newest, however
long the look takes, and recordings don't notice. What is found goes back as `trigger`, which makes a clip of the time before and
after it, or a longer one of the clip that is being written; and as `mark`, which notes it with the frame, in the video and its CSV.
"""
import json
import mmap
import os
import struct
import subprocess
import sys
import time

HEAD = struct.Struct("=8sIIQQQII")      # magic, version, slots, first slot, bytes a slot, newest, format, ended
SLOT = struct.Struct("=QqqQQIIII")      # number, sensor and wall time, camera_frame, frame_number, width, height, stride, bytes


class Tap:
    """The pictures of a file of frame_tap."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        magic, version, self.slots, self.first, self.step = HEAD.unpack_from(self.memory)[:5]
        if magic != b"CAMDTAP\0" or version != 1:
            raise ValueError(f"{path} is no tap of version 1")
        self.last = 0

    def ended(self):
        return bool(HEAD.unpack_from(self.memory)[7])

    def newest(self):
        """(facts, pixels) of the newest picture, None if that was seen already."""
        number = HEAD.unpack_from(self.memory)[5]
        if number == self.last:
            return None
        at = self.first + number % self.slots * self.step
        slot = SLOT.unpack_from(self.memory, at)
        pixels = self.memory[at + SLOT.size:at + SLOT.size + slot[8]]
        if slot[0] != number or SLOT.unpack_from(self.memory, at)[0] != number:
            return None     # it was written over meanwhile: there is a newer one
        self.last = number
        names = ("number", "sensor_ns", "wall_ns", "camera_frame", "frame_number", "width", "height", "stride", "bytes")
        return dict(zip(names, slot)), pixels


def difference(one, other):
    """Of each 16th pixel, on average: 0 to 255."""
    one, other = one[::16], other[::16]
    return sum(abs(a - b) for a, b in zip(one, other)) / max(len(one), 1)


def main():
    seconds = float(sys.argv[1])
    # what is given overrides this: without a prebuffer nothing of the time before a trigger is there
    camd = subprocess.Popen([os.environ.get("CAMD", "camd"), "--prebuffer", "5s", *sys.argv[2:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(command, **arguments):
        print(json.dumps({"command": command, **arguments}), file=camd.stdin)
        reply = json.loads(camd.stdout.readline())
        if reply["status"] == "error":
            sys.exit(f"tap.py: {reply['data']['message']}")
        return reply["data"]

    tap = Tap(ask("frame_tap", camera_id=0, size="160x120", rate=10)["path"])
    seen, before, end, quiet_until = 0, None, time.monotonic() + seconds, 0
    while time.monotonic() < end:
        picture = tap.newest()
        if not picture:
            time.sleep(0.01)
            continue
        facts, pixels = picture
        seen += 1
        changed = difference(before, pixels) if before else 0
        if changed > 2 and time.monotonic() >= quiet_until:
            print(f"frame {facts['camera_frame']} is another", flush=True)
            ask("mark", camera_id=0, label=f"changed by {changed:.1f}, frame {facts['camera_frame']}")
            ask("trigger", camera_id=0, before=2, after=2, label="changed")
            quiet_until = time.monotonic() + 1      # the clip goes on for two
        before = pixels
    print(f"{seen} pictures", flush=True)
    ask("quit")
    sys.exit(camd.wait())


if __name__ == "__main__":
    main()
