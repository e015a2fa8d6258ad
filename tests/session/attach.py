#!/usr/bin/env python3
"""camctl with a camd that runs already (--socket), and camctl in camd's place (slave, --mode)."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time

from camd import CAMCTL, CAMD, Camd, Handed, SMALL, check, check_stopped, equal, main, note, test, until

OK, PROBLEM, USAGE, CAMD_FAILED = 0, 1, 2, 3
ENVIRONMENT = dict(os.environ, CAMCTL_CAMD=CAMD, DISPLAY="", WAYLAND_DISPLAY="")


def camctl(*arguments, status=OK, input=None):
    """(stdout, stderr) of a camctl that must end with that status."""
    result = subprocess.run([CAMCTL, *arguments], input=input or "", text=True, capture_output=True, env=ENVIRONMENT, timeout=60)
    equal(result.returncode, status, f"camctl {arguments}: {result.stdout[-500:]} {result.stderr[-500:]}")
    return result.stdout, result.stderr


def records(place):
    line, = camctl("--socket", place.path, "--json", "get_status")[0].splitlines()
    return json.loads(line)["data"]["recording"]


def start(*arguments):
    return subprocess.Popen([CAMCTL, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=ENVIRONMENT)


@test
def commands():
    """One at a time, each with a camctl of its own; only quit ends camd."""
    with Handed() as place, place.camd("--headless", "--auto-start-recording") as camd:
        attached = ("--socket", place.path)
        out, err = camctl(*attached, "list_cameras")
        check("160x120" in out and not err, out, err)
        until(lambda: records(place), "the recording of headless")
        camctl(*attached, "wait", "--seconds", "0.5")
        out, _ = camctl(*attached, "stop_recording")
        check(".mp4" in out, out)
        camctl(*attached, "start_recording")
        check(records(place), "it records on without the one who started it")
        _, err = camctl(*attached, "start_recording", status=PROBLEM)
        check("Already recording" in err, err)
        out, _ = camctl(*attached, "take_snapshot")
        check(".jpg" in out, out)
        camctl(*attached, "stop_recording")
        out, _ = camctl(*attached, "new_session", "--label", "from_a_shell")
        check("from_a_shell" in out, out)
        check(camd.process.poll() is None, "camd runs on")
        camctl(*attached, "quit")
        camd.wait(timeout=5)
        _, err = camctl(*attached[:1], "/nowhere/camd.sock", "ping", status=CAMD_FAILED)
        check("/nowhere/camd.sock" in err and "no camd listens" in err, err)


@test
def record_and_keys():
    with Handed() as place, place.camd() as camd:
        out, _ = camctl("--socket", place.path, "record", "--seconds", "0.6")
        video, = camd.output.glob("*/*.mp4")
        check(str(video) in out and "frames" in out, out)
        equal(camd.ask("get_status")["recording"], False)
        # letters: what one camctl starts, another sees and stops
        out, err = camctl("--socket", place.path, input="r\ns\n")
        check("detached" in err, err)
        check(camd.ask("get_status")["recording"], "the recording goes on")
        out, err = camctl("--socket", place.path, input="r\nq\n")
        check("detached" in err and not camd.ask("get_status")["recording"], out, err)
        # Ctrl-C: record ends its recording, what only looks on leaves
        recorder = start("--socket", place.path, "record")
        until(lambda: camd.ask("get_status")["recording"], "the recording")
        camd.ask("wait", seconds=0.3)
        recorder.send_signal(signal.SIGINT)
        out, _ = recorder.communicate(timeout=60)
        equal((recorder.returncode, camd.ask("get_status")["recording"]), (OK, False), out)
        watcher = start("--socket", place.path, "subscribe", "*")
        until(lambda: camd.log().count("connected") == 5, "a watcher")
        watcher.stdout.readline()
        video, = camd.ask("start_recording")["files"]
        until(lambda: os.path.basename(video) in watcher.stdout.readline(), "what it shows")
        watcher.send_signal(signal.SIGINT)
        _, err = watcher.communicate(timeout=60)
        check(watcher.returncode == OK and "detached" in err, err)
        check_stopped(camd.ask("stop_recording")["cameras"][0])
        camd.quit()
        equal(len(list(camd.output.glob("*/*.mp4"))), 4)


@test
def camd_goes_away():
    with Handed() as place, place.camd() as camd:
        watchers = [start("--socket", place.path, "subscribe", "*"), start("--socket", place.path)]
        until(lambda: camd.log().count("connected") == 2, "the watchers")
        watchers[0].stdout.readline()
        camd.ask("ping")
        camd.kill()
        for watcher in watchers:
            watcher.wait(60)        # before its stdin is closed, which would be another reason to end
            _, err = watcher.communicate()
            check(watcher.returncode == CAMD_FAILED and "camd ended" in err, watcher.returncode, err)
        place.socket.close()
        _, err = camctl("--socket", place.path, "ping", status=CAMD_FAILED)
        check("no camd listens there" in err, err)


@test
def refused():
    with Handed() as place, place.camd() as camd:
        clients = [place.client() for _ in range(16)]
        for client in clients:
            client.ask("ping")
        _, err = camctl("--socket", place.path, "ping", status=CAMD_FAILED)
        check("16 clients are connected already" in err, err)
        for client in clients:
            client.close()
        camd.quit()
    for arguments, word in ((["--camera", SMALL, "ping"], "--camera"), (["record", "--bitrate", "1M"], "--bitrate"),
                            (["script", "x.cam"], "starts camds"), (["doctor"], "starts camds"),
                            (["slave", "--camera", SMALL], "--camera"), (["--mode", "headless"], "--mode=headless")):
        _, err = camctl("--socket", "/tmp/camd.sock", *arguments, status=USAGE)
        check(word in err, arguments, err)
    _, err = camctl("--socket", "/" + "x" * 200, "ping", status=CAMD_FAILED)
    check("107 bytes" in err, err)


# ---- in camd's place ----

REQUESTS = (b'{"command":"ping","id":"\xc3\xa4\\u00e4"}\n{"command": "get_config" , "names":["bitrate"]}\r\n\nrubbish\n\xff\n' + b"x" * 70000 +
            b'\n{"command":"nonsense","extra":1}\n{"command":"subscribe","events":"recording_stopped"}\n'
            b'{"command":"start_recording"}\n{"command":"wait","seconds":0.3,"mood":"fine"}\n{"command":"stop_recording"}\n'
            b'{"command":"wait","seconds":-1}\n{"command":"quit"}\n{"command":"ping"}\nno end')


def conversation(*command):
    """All bytes that come back, with what differs from run to run made equal, and the exit status."""
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run([*command, "--output-dir", directory, "--camera", SMALL], input=REQUESTS, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, env=ENVIRONMENT, timeout=60)
        for line in result.stdout.splitlines():
            note(line)
        said = result.stdout.replace(directory.encode(), b"DIRECTORY")
        return result.returncode, re.sub(rb"\d\d+", lambda found: found[0] if len(found[0]) > 20 else b"N", re.sub(rb"_\d+_\d+", b"_T", said))


@test
def slave_to_the_byte():
    wanted = conversation(CAMD)
    check(wanted[0] == 0 and wanted[1].count(b"\n") == 14, wanted)
    same = re.compile(rb"\b\d+\b")
    for command in ([CAMCTL, "slave"], [CAMCTL, "--mode", "slave"], [CAMCTL, "--mode=slave"]):
        status, said = conversation(*command)
        equal((status, same.sub(b"N", said)), (wanted[0], same.sub(b"N", wanted[1])), command)
    # `initialized` comes when it comes
    greeted, by_camd = (sorted(same.sub(b"N", conversation(program, "--slave")[1]).splitlines()) for program in (CAMCTL, CAMD))
    equal(greeted, by_camd)
    check(any(b"initialized" in line for line in greeted) and b"initialized" not in wanted[1], "a greeting is asked for")


@test
def slave_of_one_that_runs():
    """The same bytes through a socket, and what was asked of it ends nothing but itself, unless that was quit."""
    wanted = conversation(CAMD)[1].splitlines()
    with Handed() as place, place.camd() as camd:
        requests = REQUESTS.replace(b'{"command":"quit"}\n', b"")
        for data, pieces in ((requests, 1), (requests, 200), (REQUESTS, 1)):
            bridge = subprocess.Popen([CAMCTL, "--socket", place.path, "slave"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
            for at in range(0, len(data), len(data) // pieces + 1):
                bridge.stdin.write(data[at:at + len(data) // pieces + 1])
                bridge.stdin.flush()
            out, _ = bridge.communicate(timeout=60)
            equal(bridge.returncode, OK)
            kinds = [re.findall(rb'"(?:status|event|code)":"(\w+)"', line)[-1] for line in wanted]
            if data is requests:
                kinds.remove(b"quitting")
                kinds[-1] = b"pong"
            equal([re.findall(rb'"(?:status|event|code)":"(\w+)"', line)[-1] for line in out.splitlines()], kinds)
        camd.wait()
    result = subprocess.run([CAMCTL, "--socket", "/nowhere", "slave"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=ENVIRONMENT)
    check(result.returncode == CAMD_FAILED and "/nowhere" in result.stderr, result)


@test
def slave_as_a_process():
    """Its end is camd's: a signal, the end of the input, wrong flags; and there is no process between."""
    for end in ("signal", "input"):
        with Camd("slave", program=CAMCTL, env=ENVIRONMENT) as camd:
            camd.ask("start_recording")
            equal(os.path.realpath(f"/proc/{camd.process.pid}/exe"), os.path.realpath(CAMD))
            equal(open(f"/proc/{camd.process.pid}/task/{camd.process.pid}/children").read(), "", "children")
            if end == "signal":
                camd.signal(signal.SIGTERM)
            else:
                camd.close_stdin()
            camd.wait()
            equal(len(list(camd.output.glob("*/*.mp4"))), 1)
    _, err = camctl("slave", "--no-such-flag", status=2)
    check("no_such_flag" in err, err)
    _, err = camctl("--mode", "slave", "record", status=USAGE)
    check("without a sub-command" in err, err)
    _, err = camctl("--mode", "sleeping", status=USAGE)
    check("slave" in err and "headless" in err, err)
    broken = dict(ENVIRONMENT, CAMCTL_CAMD="/nowhere/camd")
    result = subprocess.run([CAMCTL, "slave"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=broken, timeout=60)
    check(result.returncode == CAMD_FAILED and "/nowhere/camd" in result.stderr, result.stderr)


@test
def headless_without_a_socket():
    with Camd("--mode", "headless", program=CAMCTL, env=ENVIRONMENT, stdin=subprocess.DEVNULL) as camd:
        until(lambda: list(camd.output.glob("*/*.mp4")), "its recording")
        time.sleep(0.5)
        camd.signal(signal.SIGINT)
        camd.wait()


@test
def interactive_is_what_camctl_is():
    with tempfile.TemporaryDirectory() as directory:
        _, err = camctl("--mode", "interactive", "--camera", SMALL, "--output-dir", directory, input="q\n")
        equal(err, "")


if __name__ == "__main__":
    main()
