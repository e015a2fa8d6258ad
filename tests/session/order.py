#!/usr/bin/env python3
"""Which reply comes when: one line for each request, in order, and what may overtake."""

import os
import time

from camd import Camd, SANITIZED, SMALL, check, equal, main, piped, test


def statuses(lines):
    return [line["status"] for line in lines]


@test
def silent_until_asked():
    with Camd("--target-fps", "15") as camd:
        camd.silent(1)
        camd.ask("start_recording")
        camd.silent(1)
        camd.quit()


@test
def in_order():
    lines = piped({"command": "start_recording"}, {"command": "ping"}, {"command": "nonsense"}, {"command": "wait", "seconds": 0.2},
                  {"command": "get_status"}, {"command": "stop_recording"}, {"command": "stop_recording"}, {"command": "ping"})
    equal(statuses(lines), ["recording_started", "pong", "error", "waited", "status_report", "recording_stopped", "error", "pong"])
    equal(lines[2]["data"]["message"], "Unknown command: nonsense")
    equal(lines[6]["data"]["message"], "Not recording")
    check(lines[4]["data"]["recording"] is True, "get_status came while it recorded")


@test
def messages_of_the_original():
    with Camd() as camd:
        equal(camd.fails("stop_recording", "not_recording")["message"], "Not recording")
        equal(camd.fails("x", "unknown_command")["message"], "Unknown command: x")
        camd.send_raw(b"rubbish\n")
        equal(camd.reply()["data"]["message"], "Invalid JSON")
        for command in ("start_recording", "stop_recording", "take_snapshot", "toggle_preview"):
            equal(camd.fails(command, "unknown_camera", camera_id=7)["message"], "Invalid camera_id: 7")
        camd.ask("start_recording")
        equal(camd.fails("start_recording", "already_recording")["message"], "Already recording")
        camd.quit()


@test
def ids_overtake():
    with Camd() as camd:
        camd.started()
        began = time.monotonic()
        camd.send("wait", seconds=1, id="slow")
        camd.send("ping", id=1)
        camd.send("ping")
        camd.send("get_status", id="two")
        camd.send("wait", seconds=0, id="waits its turn")
        camd.send("nonsense", id=3)
        camd.send("ping", id=4)
        fast = [camd.reply() for _ in range(4)]
        check(time.monotonic() - began < 0.8, "they came before the wait was over")
        equal([reply["id"] for reply in fast], [1, "two", 3, 4])
        slow = [camd.reply() for _ in range(3)]
        equal([reply.get("id") for reply in slow], ["slow", None, "waits its turn"])
        equal(statuses(slow), ["waited", "pong", "waited"])
        camd.quit()


@test
def start_recording_is_overtaken():
    with Camd("--start-timeout", "2", cameras=["synthetic:160x120@15?stall_after=0"]) as camd:
        camd.ask("list_cameras")
        camd.send("start_recording")
        camd.send("ping", id=1)
        camd.send("get_status")
        equal(camd.reply()["id"], 1)
        failed, report = camd.reply(), camd.reply()
        equal((failed["status"], failed["data"]["code"]), ("error", "timeout"))
        equal(report["status"], "status_report")
        camd.quit()


@test
def ids_are_echoed():
    ids = [0, 1, -1, 2**53, -2**53, "", "x", "0", "ä€😀", "\"\\\n\t", "a" * 10000, 123456789012]
    with Camd() as camd:
        for ident in ids:
            camd.send("ping", id=ident)
            reply = camd.reply()
            equal((reply["id"], type(reply["id"])), (ident, type(ident)))
            camd.send("wait", id=ident)
            equal((camd.reply()["id"]), ident, "id of an error")
        camd.send("ping")
        check("id" not in camd.reply(), "no id without one")
        for bad in (1.5, None, True, [], {}, 2**60, 1e300):
            camd.send("ping", id=bad)
            reply = camd.reply()
            equal((reply["status"], reply["data"].get("code")), ("error", "bad_request"), f"id {bad!r}")
            check("id" not in reply, f"an id that is none is not echoed: {reply}")
        camd.quit()


@test
def thousand_at_once():
    requests = [{"command": "ping", "id": k} if k % 3 else {"command": "get_config", "names": ["intra"], "id": k}
                for k in range(1000)]
    lines = piped(*requests)
    equal([line["id"] for line in lines], list(range(1000)))
    lines = piped(*({key: value for key, value in request.items() if key != "id"} for request in requests))
    equal([line["status"] for line in lines], ["pong" if k % 3 else "config" for k in range(1000)])


@test
def reads_no_more_beyond_64():
    """Its appetite ends, whatever is sent; and it still sees that nobody reads any more."""
    with Camd() as camd:
        camd.ask("ping")
        camd.send("wait", seconds=3600)
        time.sleep(0.2)
        os.set_blocking(camd.process.stdin.fileno(), False)
        line = b'{"command":"get_status"}\n'
        sent, end = 0, time.monotonic() + 1
        while time.monotonic() < end:
            try:
                sent += os.write(camd.process.stdin.fileno(), line * 1000)
            except BlockingIOError:
                time.sleep(0.05)
        check(sent < 65536 + 16384 + 100 * len(line), f"it took {sent} bytes, with the pipe's 65536")
        camd.silent(0.1)
        camd.signal(15)
        camd.wait()
        lines = camd.rest()
        check(len(lines) >= 65 and all(line["data"]["code"] == "cancelled" for line in lines), f"{len(lines)} errors")
    read, write = os.pipe()
    with Camd(stdout=write) as camd:
        os.close(write)
        camd.send_raw(b'{"command":"wait","seconds":3600}\n' + b'{"command":"ping"}\n' * 1000)
        time.sleep(0.5)
        os.close(read)
        camd.wait(timeout=5)


@test
def unread_replies_do_not_pile_up():
    """A master that asks on and on and never reads costs a bounded amount of memory, and gets all when it reads."""
    with Camd(reads=False) as camd:
        sent = 0
        time.sleep(0.5)
        before = camd.rss_kb()
        os.set_blocking(camd.process.stdin.fileno(), False)
        line = b'{"command":"describe"}\n' * 100
        end = time.monotonic() + 4
        while time.monotonic() < end and (sent < 3 * len(line) or not SANITIZED):      # there each takes long
            try:
                sent += os.write(camd.process.stdin.fileno(), line)
            except BlockingIOError:
                time.sleep(0.05)
        grown = camd.rss_kb() - before
        check(grown < 100000 or SANITIZED, f"it grew by {grown} KiB")
        camd.close_stdin()
        replies = sum(b'"description"' in reply for reply in camd.process.stdout)
        equal(replies, sent // len(line) * 100 + sent % len(line) // (len(line) // 100), f"replies to {sent} bytes")
        camd.wait()


@test
def half_lines():
    with Camd() as camd:
        for byte in b'{"command":"ping","id":"slowly"}':
            camd.send_raw(bytes([byte]))
            time.sleep(0.002)
        camd.silent(0.2)
        camd.send_raw(b"\r\n\r\n  \n\t\n")
        equal(camd.reply()["id"], "slowly")
        camd.send_raw(b'{"command":"ping","id":1}\n{"command":"pi')
        equal(camd.reply()["id"], 1)
        camd.send_raw(b'ng","id":2}\n')
        equal(camd.reply()["id"], 2)
        camd.send_raw(b'{"command":"ping","id":3}')
        camd.silent(0.2)
        camd.close_stdin()
        camd.wait()
        equal(camd.rest(), [], "an unterminated line is not carried out")


@test
def end_of_input_carries_out():
    began = time.monotonic()
    lines = piped({"command": "start_recording"}, {"command": "wait", "seconds": 0.7}, {"command": "wait", "seconds": 0.7, "id": 1},
                  {"command": "stop_recording"}, {"command": "ping", "id": 2})
    check(time.monotonic() - began > 1.4, "the waits were waited for")
    equal([line.get("id") for line in lines], [2, None, None, 1, None])
    equal(statuses(lines), ["pong", "recording_started", "waited", "waited", "recording_stopped"])


@test
def quit_waits_its_turn():
    lines = piped({"command": "wait", "seconds": 0.5}, {"command": "quit"}, {"command": "ping"}, {"command": "ping", "id": 1})
    equal([line["status"] for line in lines if line["status"] != "pong"][:2], ["waited", "quitting"])
    late = [line for line in lines if line["status"] == "error"]
    check(all(line["data"]["code"] == "cancelled" for line in late), late)


@test
def quit_with_id_cancels():
    with Camd() as camd:
        camd.started()
        camd.ask("start_recording")
        camd.send("wait", seconds=3600)
        camd.send("stop_recording", id="s")
        camd.send("ping")
        camd.send("quit", id="q")
        camd.wait(timeout=10)
        lines = camd.rest()
        equal([(line["status"], line.get("id"), line["data"].get("code")) for line in lines],
              [("error", None, "cancelled"), ("error", "s", "cancelled"), ("error", None, "cancelled"), ("quitting", "q", None)])
        equal([line["data"].get("command") for line in lines], ["wait", "stop_recording", "ping", None])


@test
def cancelled_start():
    with Camd("--start-timeout", "60", cameras=["synthetic:160x120@15?stall_after=0", SMALL]) as camd:
        camd.ask("list_cameras")
        camd.send("start_recording")
        camd.send("take_snapshot")
        camd.send("quit", id=1)
        camd.wait(timeout=10)
        equal([(line["status"], line["data"].get("code")) for line in camd.rest()],
              [("error", "cancelled"), ("error", "cancelled"), ("quitting", None)])


@test
def what_comes_behind_quit():
    with Camd() as camd:
        camd.send_raw(b'{"command":"quit"}\n' + b'{"command":"ping"}\n' * 200)
        camd.wait()
        lines = camd.rest()
        equal(lines[0]["status"], "quitting")
        check(all(line["data"]["code"] == "cancelled" for line in lines[1:]), lines[1:3])


@test
def start_and_stop_at_once():
    """Stopped before its first frame came: one answer each, and nothing runs on."""
    with Camd("--start-timeout", "10", cameras=["synthetic:160x120@0.5"]) as camd:
        camd.ask("list_cameras")
        camd.send("start_recording", id="a")
        camd.send("stop_recording", id="b")
        first, second = camd.reply(), camd.reply()
        equal([first["id"], second["id"]], ["a", "b"])
        check(camd.ask("get_status")["recording"] is False, "it stopped")
        camd.quit()


if __name__ == "__main__":
    main()
