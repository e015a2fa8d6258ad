#!/usr/bin/env python3
"""leave.py DIRECTORY: leaves two recordings there for others to look at: one that camd finished, one of a camd that was killed."""

import sys
import time

from camd import Camd

SECONDS = 4     # GStreamer 1.22 found nothing to play in some files of 4 s, and in none of 3

for finish in (True, False):
    # in directories of their own: the next camd would finish what the last one left
    with Camd(output=f"{sys.argv[1]}/{'finished' if finish else 'killed'}", cameras=["synthetic:640x480@30?lose=23"]) as camd:
        camd.ask("start_recording")
        time.sleep(SECONDS)
        if finish:
            camd.ask("stop_recording")
            camd.quit()
        else:
            camd.kill()
