#!/usr/bin/env python3
"""What users of the Python program that camd replaces bring along: their config file, their flags, and those of rpicam-apps."""

import os
import pathlib
import re
import subprocess
import tempfile

from camd import CAMD, Camd, equal, check, main, read_csv, test, until


def refused(*flags):
    """What camd says when it doesn't start with such flags."""
    result = subprocess.run([CAMD, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    equal((result.returncode, result.stdout), (2, b""), f"camd {flags}")
    return result.stderr.decode()


@test
def interactive_is_somebody_elses():
    check("camctl" in refused("--mode", "interactive"), "the remedy is named")
    check("camctl" in refused("--mode=INTERACTIVE", "--camera", "synthetic"), "the remedy is named")


@test
def names_of_size_rate_and_place():
    """Looked at in the files, not in what camd says it understood."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place, \
            Camd("--width", "320", "--height", "240", "--framerate", "12.5", "--output", place, cameras=["synthetic"]) as camd:
        camd.started()
        camd.ask("start_recording", duration=1)
        until(lambda: not camd.ask("get_status")["recording"], "the end")
        video, = pathlib.Path(place).glob("session_*/cam0_320x240_12.5fps_*.mp4")
        times = [row["sensor_timestamp_ns"] for row in read_csv(video)]
        equal({round((b - a) / 1e6) for a, b in zip(times, times[1:])}, {80}, "milliseconds between frames")
        camd.quit()


# ---- which file is read ----

def reads(*flags, directory, **environment):
    """The file that a camd started there says it has read, its target_fps, and its log."""
    with Camd("--greeting", *flags, cwd=directory, no_config=False, env={**os.environ, **environment}) as camd:
        initialized = camd.line()
        while initialized["status"] != "initialized":
            initialized = camd.line()
        values = camd.ask("get_config", names=["config", "target_fps"])["values"]
        equal(values["config"], initialized["data"]["config"])
        check(f"settings: {values['config'] or 'no file'}" in camd.log(), "the log says which")
        camd.quit()
        return values["config"], values["target_fps"], camd.log()


@test
def the_file_is_found():
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        here, home = os.path.join(place, "here"), os.path.join(place, "home")
        own, users, homes, named = (os.path.join(*path) for path in (
            (here, "config.txt"), (place, "camd/camd.conf"), (home, ".config/camd/camd.conf"), (place, "named.conf")))
        for fps, path in enumerate((own, users, homes, named), 11):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            pathlib.Path(path).write_text(f"target_fps = {fps}\n")
        both = {"directory": here, "XDG_CONFIG_HOME": place, "HOME": home}
        equal(reads("--config", named, **both)[:2], (named, 14))
        equal(reads("--config", "../named.conf", **both)[:2], (named, 14), "an absolute path is told")
        equal(reads("--target-fps", "7", **both)[:2], (own, 7), "flags win")
        equal(reads("--no-config", **both)[:2], (None, 30))
        equal(reads("--config", named, "--no-config", **both)[:2], (None, 30))
        equal(reads(**both)[:2], (own, 11))
        os.remove(own)
        os.mkdir(own)       # no file of settings, whatever it is
        equal(reads(**both)[:2], (users, 12))
        equal(reads(**{**both, "XDG_CONFIG_HOME": ""})[:2], (homes, 13))
        equal(reads(**{**both, "XDG_CONFIG_HOME": "camd"})[:2], (homes, 13), "a relative directory is ignored")


@test
def sample_holds_the_defaults():
    """Every line of it that is no longer a comment is a good one, and changes nothing."""
    sample = subprocess.run([CAMD, "--print-config"], stdout=subprocess.PIPE, timeout=60, check=True, text=True).stdout
    lines = [line[1:] for line in sample.splitlines() if re.match(r"#\w+ = .", line)]
    with Camd() as camd:
        wanted = camd.ask("get_config")["values"]
        equal({line.split()[0] for line in lines}, {name for name, value in wanted.items() if value not in (None, "")} - {"config", "camera"})
        camd.quit()
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        path = pathlib.Path(place, "camd.conf")
        path.write_text("\n".join(lines))
        with Camd("--config", str(path), no_config=False) as camd:
            equal(camd.ask("get_config")["values"], {**wanted, "config": str(path), "output_dir": str(camd.output)})
            check("line" not in camd.log().split("settings:")[1], camd.log())
            camd.quit()


@test
def a_file_that_cannot_be_read():
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        missing = os.path.join(place, "missing.conf")
        check(missing in refused("--config", missing), "the file is named")
        path = os.path.join(place, "config.txt")
        os.symlink("/proc/self/mem", path)      # whoever reads it, root too, gets an error
        check(re.search("/proc/.*/mem: Input/output error", refused("--config", path)), "the file and the reason are named")
        _, fps, log = reads(directory=place)
        equal(fps, 30)
        check(re.search("warning.*/proc/.*/mem: Input/output error", log, re.I), "one that was only found is warned of")


if __name__ == "__main__":
    main()
