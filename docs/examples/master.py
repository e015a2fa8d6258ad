#!/usr/bin/env python3
"""
A master program for camd, with nothing but Python's standard library: starts camd, waits for its cameras, records, takes a
snapshot in between, asks how it goes, stops, quits. Take class Camd along into a program of your own.

usage: master.py SECONDS [FLAGS OF CAMD...]      master.py 10 --camera synthetic --target-fps 25

$CAMD names the program, if it is not simply `camd`.
"""

import itertools
import json
import os
import subprocess
import sys
import time


class CamdError(Exception):
    """An `error` in place of a reply: its text; its code, by which a program can tell what to do."""

    def __init__(self, data):
        super().__init__(data["message"])
        self.code = data["code"]


class Camd:
    """A camd of one's own. It ends in good order with the `with` block, and also if this program dies."""

    def __init__(self, *flags):
        self.numbers = itertools.count(1)
        # stderr is not piped: camd writes its log to a file, and complains there only if it can't start
        self.process = subprocess.Popen([os.environ.get("CAMD", "camd"), "--slave", *flags], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, encoding="utf-8", bufsize=1)

    def read(self):
        """The next message, of whatever kind."""
        line = self.process.stdout.readline()
        if not line:
            raise EOFError(f"camd ended with status {self.process.wait()}")
        return json.loads(line)

    def heard(self, message):
        """What is no reply: notices, and events if they were subscribed to."""
        if message.get("status") == "warning":
            print("camd warns:", message["data"]["message"], file=sys.stderr)

    def wait_until_ready(self):
        """The data of `initialized`: how many cameras there are, and where the session's files go."""
        while (message := self.read()).get("status") != "initialized":
            self.heard(message)
        return message["data"]

    def ask(self, command, **arguments):
        """Sends a command and returns the data of its reply."""
        number = next(self.numbers)
        self.process.stdin.write(json.dumps({"command": command, **arguments, "id": number}) + "\n")
        while (message := self.read()).get("id") != number:
            self.heard(message)
        if message["status"] == "error":
            raise CamdError(message["data"])
        return message["data"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """At the end of its input camd finishes its files and ends; what it still has to say is read, so that it can."""
        self.process.stdin.close()
        for _ in self.process.stdout:
            pass
        self.process.stdout.close()
        self.process.wait()


def main(seconds, flags):
    with Camd(*flags) as camd:
        ready = camd.wait_until_ready()
        print(f"{ready['cameras']} cameras, session {ready['session']}")
        started = camd.ask("start_recording")
        for failed in started.get("failed", []):
            print(f"camera {failed['camera_id']} does not record: {failed['message']}", file=sys.stderr)
        print("recording", *started["files"], sep="\n  ")
        time.sleep(seconds / 2)
        print("snapshot", *camd.ask("take_snapshot")["files"], sep="\n  ")
        for camera in camd.ask("get_status")["cameras"]:
            print(f"camera {camera['camera_id']}: {camera['recorded_frames']} frames so far, {camera['capture_fps']:.1f} a second")
        time.sleep(seconds / 2)
        lost = 0
        for camera in camd.ask("stop_recording")["cameras"]:
            print(f"camera {camera['camera_id']}: {camera['frames']} frames, {camera['bytes']} bytes, lost {camera['lost']}")
            lost += sum(camera["lost"].values())
        camd.ask("quit")
    return 1 if lost else 0


if __name__ == "__main__":
    try:
        sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
    except (IndexError, ValueError):
        sys.exit(__doc__)
    except (CamdError, EOFError, OSError) as error:
        sys.exit(f"master.py: {error}")
