#!/usr/bin/env python3
"""Several clients of one camd, by a socket that it is handed: each has its own order, events and pictures; none disturbs another."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from camd import Camd, Client, Handed, SANITIZED, SMALL, Skip, check, check_stopped, check_video, equal, main, read_lines, test, until
from mp4 import is_finished

NOBODY = 65534


def headless(place, *flags, **how):
    return place.camd("--headless", *flags, **how)


def recorded(camd):
    """The videos of a camd that has ended, each finished, and held against its table."""
    videos = sorted(camd.output.glob("*/*.mp4"))
    for video in videos:
        check(is_finished(video) and check_video(video), video)
    return videos


@test
def three_at_once_by_systemd():
    """What systemd does for camd.socket: it listens, and hands the socket over when the first client comes."""
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/camd.sock"
        keep = [word for name in os.environ if name.endswith("SAN_OPTIONS") for word in ("-E", f"{name}={os.environ[name]}")]
        with Camd("--headless", wrapper=["systemd-socket-activate", "-l", path, *keep]) as camd:
            until(lambda: os.path.exists(path), "the socket")
            with Client(path) as one, Client(path) as two, Client(path) as three:
                clients = [one, two, three]
                until(lambda: one.ask("get_status")["recording"], "the recording")

                def converse(client, k):
                    end = time.monotonic() + 1.5
                    for number in range(1000000):
                        if number > 100 and time.monotonic() > end:
                            break
                        client.send("ping", id=f"{k}.{number}")
                        client.send("get_status" if number % 3 == k else "ping")
                        equal(client.reply()["id"], f"{k}.{number}")
                        reply = client.reply()
                        equal(reply["status"], "status_report" if number % 3 == k else "pong")
                        check("id" not in reply, reply)

                problems = []

                def guarded(client, k):
                    try:
                        converse(client, k)
                    except Exception as problem:
                        problems.append(problem)

                threads = [threading.Thread(target=guarded, args=(client, k)) for k, client in enumerate(clients)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                equal(problems, [])
                check(two.ask("get_status")["recording"], "it still records")
                camera, = three.ask("stop_recording")["cameras"]
                check(len(check_stopped(camera)) > 12, "a second of frames")
                check(SANITIZED or not sum(camera["lost"].values()), "frames lost", camera)
                equal(one.ask("get_status")["recording"], False)
                two.ask("quit")
                for client in clients:
                    client.ended()
                camd.wait()
            check(f"user {os.getuid()}" in camd.log() and f"process {os.getpid()}" in camd.log(), "who connected is in the log")


@test
def nothing_unasked():
    """Neither greeting nor events nor pictures come to a client that has not asked; those are its own."""
    with Handed() as place, place.camd("--greeting") as camd, place.client() as one, place.client() as two:
        one.started()
        equal([camd.reply()["status"] for _ in range(2)], ["initializing", "initialized"])
        one.ask("subscribe", events=["recording_started"])
        two.ask("subscribe", events=["recording_stopped"])
        two.ask("toggle_preview")
        until(lambda: two.line()["status"] == "preview_frame", "a picture")
        one.ask("start_recording", duration=0.5)
        one.event("recording_started")
        two.event("recording_stopped")
        one.silent()
        camd.silent()
        # each switches off its own only
        one.ask("toggle_preview")
        one.ask("toggle_preview", enabled=False)
        one.ask("toggle_preview", enabled=False)
        before = two.lines
        until(lambda: two.lines > before + 3, "pictures for the one that wants them")
        one.silent()
        two.ask("toggle_preview", enabled=False)
        # nobody's pictures are not made
        one.ask("toggle_preview")
        equal(two.ask("get_status")["cameras"][0]["preview"], True)
        one.close()
        until(lambda: "client 1 left" in camd.log(), "the end of the first")
        equal(two.ask("get_status")["cameras"][0]["preview"], False)
        two.silent()
        camd.quit()
        equal([line["status"] for line in camd.rest()], ["shutdown"])


@test
def only_one_starts():
    with Handed() as place, place.camd() as camd, place.client() as one, place.client() as two:
        one.started()
        for client in (one, two):
            client.send("start_recording")
        replies = [client.reply() for client in (one, two)]
        equal(sorted(reply["status"] for reply in replies), ["error", "recording_started"])
        equal([r["data"]["code"] for r in replies if r["status"] == "error"], ["already_recording"])
        # the one waits for the end that the other asks for
        one.send("wait", seconds=0.2)
        one.send("get_status")
        two.ask("stop_recording")
        equal((one.reply()["status"], one.reply()["data"]["recording"]), ("waited", False))
        camd.quit()


@test
def each_has_its_turn():
    """A wait of one holds up neither another nor the first."""
    with Handed() as place, place.camd() as camd, place.client() as one, place.client() as two:
        one.send("wait", seconds=60)
        one.send("ping")
        one.send("ping", id=7)
        equal(one.reply()["id"], 7)
        two.ask("get_status")
        camd.ask("ping")
        camd.quit()
        equal([(one.reply()["data"]["code"]) for _ in range(2)], ["cancelled", "cancelled"])
        one.ended()
        two.ended()


@test
def a_client_dies():
    """Its wait and what stands behind that go with it; what it has begun goes on, and so does the recording."""
    with Handed() as place, place.camd() as camd:
        camd.started()
        victim = subprocess.Popen([sys.executable, "-c", f"""
import socket
s = socket.socket(socket.AF_UNIX)
s.connect({place.path!r})
s.sendall(b'{{"command":"start_recording"}}\\n{{"command":"wait","seconds":3600}}\\n{{"command":"stop_recording"}}\\n')
while True:
    s.recv(4096)
"""])
        until(lambda: camd.ask("get_status")["recording"], "its recording")
        victim.kill()
        victim.wait()
        until(lambda: "client 1 left" in camd.log(), "its end")
        check(camd.ask("get_status")["recording"], "the recording goes on")
        check_stopped(camd.ask("stop_recording")["cameras"][0])
        # said and gone: what was read is carried out
        with place.client() as hasty:
            hasty.socket.sendall(b'{"command":"start_recording"}\n{"command":"take_snapshot"}\n{"command":"ping')
            hasty.close()
        until(lambda: "client 2 left" in camd.log(), "its end")
        until(lambda: list(camd.output.glob("*/*.jpg")), "its picture")
        check_stopped(camd.ask("stop_recording")["cameras"][0])
        # gone with a wait behind what had not begun yet: that is carried out, too
        with place.client() as gone:
            gone.socket.sendall(b'{"command":"start_recording"}\n{"command":"take_snapshot"}\n{"command":"wait","seconds":3600}\n')
            gone.close()
        until(lambda: "client 3 left" in camd.log(), "its end")
        until(lambda: len(list(camd.output.glob("*/*.jpg"))) == 2, "its picture")
        check(camd.ask("get_status")["recording"], "its recording")
        camd.quit()
        equal(len(recorded(camd)), 3)


ASKED = b'{"command":"describe"}\n'


@test
def dies_with_much_unread():
    """More replies wait for it than it may ask for further ones with: its place is free all the same."""
    with Handed() as place, place.camd() as camd:
        camd.started()
        for n in (1, 2):
            with socket.socket(socket.AF_UNIX) as glutton:
                glutton.connect(place.path)
                glutton.setblocking(False)
                asked, end = 0, time.monotonic() + 1.5
                while time.monotonic() < end and (asked < 200 or not SANITIZED):    # there each takes long
                    try:
                        asked += glutton.send(ASKED * 10) // len(ASKED)
                    except BlockingIOError:
                        time.sleep(0.05)
            check(asked >= 200, asked)
            until(lambda: f"client {n} left" in camd.log(), "its end")
        camd.quit()


@test
def half_closed():
    """One that has said all gets all its answers, waits included, and then the end."""
    with Handed() as place, place.camd() as camd, place.client() as client:
        client.socket.sendall(b'{"command":"subscribe","events":"*"}\n{"command":"wait","seconds":0.5}\n'
                              b'{"command":"start_recording"}\n{"command":"describe"}\n{"command":"stop_recording"}\n{"command":"pi')
        client.socket.shutdown(socket.SHUT_WR)
        equal([client.reply()["status"] for _ in range(5)],
              ["subscribed", "waited", "recording_started", "description", "recording_stopped"])
        client.ended()
        camd.ask("ping")
        # one that half closes, and then dies in its wait
        with place.client() as second:
            second.socket.sendall(b'{"command":"wait","seconds":3600}\n')
            second.socket.shutdown(socket.SHUT_WR)
            camd.ask("wait", seconds=0.3)
            check("client 2 left" not in camd.log(), "it waits for its answer")
        until(lambda: "client 2 left" in camd.log(), "the end of the second")
        # one that begins to read when all has long been said, and far more than a socket holds
        with socket.socket(socket.AF_UNIX) as third:
            third.connect(place.path)
            third.sendall(b'{"command":"describe"}\n' * 40)
            third.shutdown(socket.SHUT_WR)
            camd.ask("wait", seconds=0.3)
            equal([line["status"] for line in read_lines(third.makefile("rb").read())], ["description"] * 40)
        camd.quit()


@test
def one_never_reads_and_one_floods():
    with Handed() as place, headless(place) as camd:
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(place.path)
        deaf.setblocking(False)
        flood = socket.socket(socket.AF_UNIX)
        flood.connect(place.path)
        flood.settimeout(0.5)
        stop = threading.Event()

        def pour():
            lines = b'{"command":"describe"}\n{"command":"nonsense"}\nrubbish\n' * 100
            while not stop.is_set():
                try:
                    flood.sendall(lines)
                except TimeoutError:
                    pass

        def drink():
            while not stop.is_set():
                try:
                    flood.recv(1 << 20)
                except TimeoutError:
                    pass

        threads = [threading.Thread(target=what) for what in (pour, drink)]
        with place.client() as client:
            client.started()
            for thread in threads:
                thread.start()
            sent = 0
            end = time.monotonic() + 1
            while time.monotonic() < end:
                try:
                    sent += deaf.send(b'{"command":"subscribe","events":"*"}\n{"command":"toggle_preview"}\n{"command":"describe"}\n')
                except BlockingIOError:
                    client.ask("ping")
                    time.sleep(0.05)
            check(sent < 1 << 20, f"{sent} bytes were read of one that does not read its answers")
            client.ask("take_snapshot")
            check(client.ask("get_status")["recording"], "it records")
            check(camd.rss_kb() < (1500000 if SANITIZED else 400000), camd.rss_kb(), "kB")
            stop.set()
            for thread in threads:
                thread.join()
            began = time.monotonic()
            client.ask("quit")
            client.ended()
            camd.wait()
            check(time.monotonic() - began < 20, "the end did not wait for the one that does not read")
        deaf.close()
        flood.close()
        equal(len(recorded(camd)), 1)
        check(len(camd.log()) < 200000, "a flood of rubbish in the log")


@test
def one_too_many():
    with Handed() as place, place.camd() as camd:
        clients = [place.client() for _ in range(16)]
        for client in clients:
            client.ask("ping")
        with place.client() as further:
            reply = further.reply()
            equal((reply["status"], reply["data"]["code"]), ("error", "busy"))
            further.ended()
        clients[3].close()
        until(lambda: "client 4 left" in camd.log(), "room")
        with place.client() as further:
            further.ask("ping")
        for client in clients:
            client.close()
        until(lambda: camd.log().count(" left") == 17, "the end of all")
        for _ in range(50):
            with place.client() as client:
                client.ask("ping")
        check(len(os.listdir(f"/proc/{camd.process.pid}/fd")) < 40, "descriptors that were left open")
        camd.quit()


def speak_as(place, *setpriv):
    """The lines that a client of another user gets for a ping, up to the end."""
    program = f"""
import socket
s = socket.socket(socket.AF_UNIX)
s.connect({place.path!r})
try:
    s.sendall(b'{{"command":"ping"}}\\n')
    s.shutdown(socket.SHUT_WR)
except OSError:
    pass
data = b""
try:
    while piece := s.recv(4096):
        data += piece
except ConnectionResetError:
    pass
print(data.decode())
"""
    result = subprocess.run(["setpriv", *setpriv, sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=60, check=True)
    return [json.loads(line) for line in result.stdout.splitlines() if line.strip()]


@test
def who_may_speak():
    if os.getuid():
        raise Skip("only root can be somebody else")
    with Handed() as place:
        os.chown(place.path, 0, 4321)
        with place.camd() as camd:
            camd.started()
            stranger = ["--reuid", str(NOBODY), "--regid", str(NOBODY)]
            line, = speak_as(place, *stranger, "--clear-groups")
            equal((line["status"], line["data"]["code"]), ("error", "permission_denied"))
            for word in (str(NOBODY), "4321"):
                check(word in line["data"]["message"], line)
            equal(len(speak_as(place, *stranger, "--groups", "5,6")), 1)
            equal([reply["status"] for reply in speak_as(place, *stranger, "--groups", "5,4321,6")], ["pong"], "by a further group")
            equal([reply["status"] for reply in speak_as(place, "--reuid", str(NOBODY), "--regid", "4321", "--clear-groups")], ["pong"])
            equal([reply["status"] for reply in speak_as(place, "--regid", str(NOBODY), "--clear-groups")], ["pong"], "root")
            check(f"user {NOBODY} may not command" in camd.log(), "the refusal in the log")
            camd.quit()
    # a camd of an ordinary user: it, and root
    with Handed() as place, tempfile.TemporaryDirectory() as output:
        os.chown(place.path, 0, 0)
        os.chown(output, NOBODY, NOBODY)
        os.chmod(place.directory.name, 0o755)
        wrapped = place.camd(output=output, preexec_fn=lambda: (os.setgroups([]), os.setgid(NOBODY), os.setuid(NOBODY)))
        with wrapped as camd:
            camd.started()
            for identity, status in ((NOBODY, "pong"), (0, "pong"), (NOBODY - 1, "error")):
                replies = speak_as(place, "--reuid", str(identity), "--regid", str(NOBODY - 1), "--clear-groups")
                equal([reply["status"] for reply in replies], [status], f"user {identity}")
            camd.quit()


@test
def what_is_no_socket():
    """A stale, foreign or broken environment costs a warning, never the start."""
    internet = socket.socket()
    internet.bind(("127.0.0.1", 0))
    internet.listen()
    datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with Handed() as place, open("/dev/null") as null:
        for how, warning in (({"listen_pid": 1}, None), ({"listen_pid": "", "listen_fds": ""}, None), ({"listen_pid": "x"}, None),
                             ({"listen_fds": "many"}, "'many'"), ({"listen_fds": -1}, "'-1'"), ({"listen_fds": ""}, "''"),
                             ({"listen_fds": 0}, None), ({"listen_fds": 10**30}, "LISTEN_FDS"),
                             ({"listen_fds": 3}, "descriptor 5 is not open"), ({"listen_fds": 1000}, "too many"),
                             ({"sockets": [internet]}, "descriptor 3 is no UNIX"), ({"sockets": [datagram, null]}, "descriptor 4 is no UNIX")):
            with place.camd(cameras=["synthetic:64x48@15"], **how) as camd:
                camd.started()
                if warning:
                    check(any(warning in line for line in camd.log().splitlines() if "LISTEN_FDS" in line), f"{how}: a warning")
                else:
                    check("LISTEN" not in camd.log(), f"{how}: {camd.log()}")
                open_files = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{camd.process.pid}/fd").iterdir()]
                check("sockets" not in how or not any(name.startswith("socket:") for name in open_files), f"{how}: left open")
                camd.close_stdin()
                camd.wait()
    internet.close()
    datagram.close()


@test
def connected_already():
    """A client that was connected before camd began, as camctl hands one over; with several sockets at once."""
    ours, theirs = socket.socketpair()
    with Handed() as place, place.camd(sockets=[theirs, place.socket]) as camd:
        theirs.close()
        with Client(ours) as one, place.client() as two:
            one.ask("ping")
            two.ask("ping")
            camd.ask("ping")
            camd.close_stdin()
            one.ended()
            two.ended()
        camd.wait()


@test
def ends_for_all():
    """`quit` of one, a signal, and the end of the first client end camd for all; the files are complete when the sockets close."""
    for end in ("quit", "signal", "input"):
        with Handed() as place, place.camd() as camd, place.client() as one, place.client() as two:
            one.ask("start_recording")
            one.ask("subscribe", events=["recording_stopped"])
            two.send("wait", seconds=3600)
            two.send("ping", id=1)
            two.reply()
            if end == "quit":
                one.ask("quit")
            elif end == "signal":
                camd.signal(signal.SIGTERM)
            else:
                camd.close_stdin()
            equal(two.reply()["data"]["code"], "cancelled", end)
            check(one.event("recording_stopped")["frames"] > 0, "the event of the recording's end")
            one.ended()
            two.ended()
            equal(len(recorded(camd)), 1)
            camd.wait()


if __name__ == "__main__":
    main()
