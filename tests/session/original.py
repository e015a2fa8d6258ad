#!/usr/bin/env python3
"""What users of the Python program that camd replaces bring along: their config file, their flags, and those of rpicam-apps."""

import json
import os
import pathlib
import re
import subprocess
import tempfile

from camd import CAMCTL, CAMD, SMALL, Camd, Skip, equal, check, main, read_csv, test, until


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


@test
def every_flag_through_camctl():
    """camctl knows none of them, and hands them on; whatever camd makes of it is what get_config says."""
    flags = {
        "--resolution 2": ("resolution", "1280x720"), "--target-fps 12": ("target_fps", 12), "--preview-size 5": ("preview_size", "640x480"),
        "--session-prefix trial": ("session_prefix", "trial"), "--no-auto-start-recording": ("auto_start_recording", False),
        "--no-preview": ("show_preview", False), "--no-console": ("console_output", False), "--log-level WARNING": ("log_level", "warning"),
        "--discovery-retry 4": ("discovery_retry", 4), "--discovery-timeout 1500ms": ("discovery_timeout", 1.5),
        "--bitrate 3M": ("bitrate", 3000000), "--intra 1.5s": ("intra", 1.5), "--profile main": ("profile", "main"), "--level 4.1": ("level", "4.1"),
        "--hflip": ("hflip", True), "--vflip": ("vflip", True), "--rotation 180": ("rotation", "180"), "--roi 0,0,0.5,0.5": ("roi", "0,0,0.5,0.5"),
        "--shutter 20ms": ("shutter", 20000), "--gain 2": ("gain", 2), "--ev -0.5": ("ev", -0.5), "--awb daylight": ("awb", "daylight"),
        "--brightness -0.1": ("brightness", -0.1), "--contrast 1.1": ("contrast", 1.1), "--saturation 0.5": ("saturation", 0.5),
        "--sharpness 2": ("sharpness", 2), "--denoise cdn_off": ("denoise", "cdn_off"), "--autofocus-mode continuous": ("autofocus_mode", "continuous"),
        "--lens-position 0.5": ("lens_position", 0.5), "--tuning-file /t.json": ("tuning_file", "/t.json"),
    }
    others = {
        "--width 320": ("resolution", "320x240"), "--height 240": ("resolution", "320x240"), "--framerate 9": ("target_fps", 9),
        "--auto-start-recording": ("auto_start_recording", True), "--preview": ("show_preview", True), "--console": ("console_output", True),
    }
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        for chosen, where in ((flags, "--output-dir"), (others, "--output"), ({"--fps 8": ("target_fps", 8)}, "--output-dir")):
            words = [word for flag in chosen for word in flag.split()]
            for command in (["get_config", *words], [*words, "get_config"]):
                result = subprocess.run([CAMCTL, "--json", "--no-config", "--camera", SMALL, where, place, *command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
                equal(result.returncode, 0, f"camctl {command}: {result.stderr[-500:]}")
                values = json.loads(result.stdout.splitlines()[0])["data"]["values"]
                equal({name: values[name] for name, _ in chosen.values()}, dict(chosen.values()), f"{command}")
                equal(values["output_dir"], place)


@test
def help_tells_all_spellings():
    text = subprocess.run([CAMD, "--help"], stdout=subprocess.PIPE, timeout=60, check=True, text=True).stdout
    for line in ("--resolution size", "--[no-]hflip", "--framerate: --target-fps", "--width: --resolution, its width", "--slave: --greeting=true",
                 "--no-console: --console-output=false", "--print-config"):
        check("  " + line in text or f" {line} " in text, f"{line} is not in", text[-1500:])


@test
def camctl_beside_a_file_for_camd():
    """A mode that is camd's own, or that it refuses, keeps nobody from asking; and a question starts no recording."""
    for mode in ("headless", "interactive", "slave"):
        with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
            pathlib.Path(place, "config.txt").write_text(f"mode = {mode}\nauto_start_recording = True\noutput_dir = there\n")
            for command in (["list_cameras"], ["record", "--seconds", "0.3"]):
                result = subprocess.run([CAMCTL, "--camera", SMALL, *command], cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, timeout=60)
                equal(result.returncode, 0, f"{mode}: camctl {command}: {result.stdout[-300:]} {result.stderr[-300:]}")
                equal(len(list(pathlib.Path(place).glob("there/*/cam0*.mp4"))), command[0] == "record", f"{mode}: videos after {command}")


# ---- which file is read ----

def reads(*flags, directory, wrapper=(), **environment):
    """The file that a camd started there says it has read, its target_fps, and its log."""
    with Camd("--greeting", *flags, cwd=directory, no_config=False, wrapper=wrapper, env={**os.environ, **environment}) as camd:
        initialized = camd.line()
        while initialized["status"] != "initialized":
            initialized = camd.line()
        values = camd.ask("get_config", names=["config", "target_fps"])["values"]
        equal(values["config"], initialized["data"]["config"])
        until(lambda: f"settings: {values['config'] or 'no file'}" in camd.log(), "the log to say which")
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
def the_systems_file():
    """With another /etc, which nobody else sees."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        etc = pathlib.Path(place, "etc")
        (etc / "camd").mkdir(parents=True)
        (etc / "camd/camd.conf").write_text("target_fps = 15\n")
        wrapper = ["unshare", "-r", "-m", "sh", "-c", f"mount --bind '{etc}' /etc && exec \"$@\"", "sh"]
        if subprocess.run([*wrapper, "true"], stderr=subprocess.DEVNULL).returncode:
            raise Skip("no mounts of one's own here")
        own = os.environ.get("XDG_CONFIG_HOME")
        equal(reads(directory=place, wrapper=wrapper, XDG_CONFIG_HOME=place)[:2], ("/etc/camd/camd.conf", 15))
        equal(reads(directory=place, wrapper=wrapper)[:2], (os.path.join(own, "camd/camd.conf"), 30), "the user's goes first")


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
def a_file_that_is_something_else():
    """Nobody knows what lies there under that name: it costs some lines in the log, and nothing more."""
    with tempfile.TemporaryDirectory(prefix="camd-test-") as place:
        pathlib.Path(place, "config.txt").write_bytes(b"dtparam=audio=on\n" * 5000 + os.urandom(300000) + b"\0" * 100000 + b"\ntarget_fps = 9\n")
        _, fps, log = reads(directory=place)
        equal(fps, 9)
        check(50 < log.count("config.txt line") <= 100 and "and more lines" in log, log.count("config.txt line"))


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
