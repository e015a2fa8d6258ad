#!/usr/bin/env python3
"""
Bad input: each line gets exactly one line back, with the right code; a recording beside it loses nothing, and camd's memory
does not grow.
"""

import json
import random
import time

from camd import Camd, SANITIZED, check, check_stopped, equal, main, test, until

CAMERA = "synthetic:160x120@20"
SEED = 20261120
GROWTH_KB = 16384       # what the allocator may keep for itself

BAD_JSON = [
    b"garbage", b"{", b"}", b"[", b"]", b"\"", b"{}}", b"{]", b"null", b"true", b"1", b"\"text\"", b"[]", b'[{"command":"ping"}]',
    b'{"command":"ping"} x', b'{"command":"ping"}{"command":"ping"}', b'{"command":"ping"},', b'{"command":"ping",}',
    b'{"command":}', b'{"command" "ping"}', b'{command:"ping"}', b"{'command':'ping'}", b'{"command":"ping" "id":1}',
    b'{"command":"ping","id":01}', b'{"command":"ping","id":+1}', b'{"command":"ping","id":.5}', b'{"command":"ping","id":1.}',
    b'{"command":"ping","id":1e}', b'{"command":"ping","id":0x10}', b'{"command":"ping","id":NaN}',
    b'{"command":"ping","id":Infinity}', b'{"command":"ping","id":-}', b'{"command":"ping","id":nul}',
    b'{"command":"ping","id":tru}',
    b'{"command":"ping","id":"\\x"}', b'{"command":"ping","id":"\\u12"}', b'{"command":"ping","id":"\\u12g4"}',
    b'{"command":"ping","id":"open}', b'{"command":"ping","id":"\t"}', b'{"command":"ping","id":"\x01"}',
    b'\xef\xbb\xbf{"command":"ping"}',
    b'{"command":"ping","command":"quit"}', b'{"command":"ping","id":1,"id":2}', b'{"command":"quit","\\u0063ommand":"ping"}',
    b'{"command":"set_config","values":{"intra":1,"intra":2}}', b'{"command":"ping","x":{"y":[{"z":1,"z":1}]}}',
    b'{"command":"quit\\u0000x"}', b'{"command":"ping","id":"\\u0000"}', b'{"command":"ping","\\u0000":1}', b'{"command":"ping"}\0',
    b'\0{"command":"ping"}', b'{"command":"qu\0it"}', b"\0", b"\0" * 1000, b"// comment", b'{"command":"ping"/**/}',
    b'{"command":"ping","id":"\\ud800"}', b'{"command":"ping","id":"\\udc00"}', b'{"command":"ping","id":"\\ud800\\u0041"}',
    b'{"command":"ping","id":"\\udc00\\ud800"}', b'{"command":"ping"}\v', b'{"command":"ping"}\f', b'{"command":"ping"}\xc2\xa0',
]
BAD_UTF8 = [
    b'{"command":"ping","id":"\xff"}', b'{"command":"ping","id":"\xc0\xaf"}', b'{"command":"ping","id":"\xc1\x81"}',
    b'{"command":"ping","id":"\xe0\x80\xaf"}', b'{"command":"ping","id":"\xf0\x80\x80\xaf"}',
    b'{"command":"ping","id":"\xed\xa0\x80"}',
    b'{"command":"ping","id":"\xed\xbf\xbf"}', b'{"command":"ping","id":"\xf4\x90\x80\x80"}',
    b'{"command":"ping","id":"\xf8\x88\x80\x80\x80"}',
    b'{"command":"ping","id":"\xe2\x82"}', b'{"command":"ping","id":"\xc3"}', b'\x80', b'\xfe\xff{', b'{"command":"p\xefng"}',
    b'{"command":"ping"}\xc3', bytes(range(128, 256)),
]
BAD_REQUEST = [
    b"{}", b'{"id":1}', b'{"command":1}', b'{"command":null}', b'{"command":["ping"]}', b'{"command":{"ping":1}}',
    b'{"Command":"ping"}',
    b'{"COMMAND":"quit"}', b'{"command":"ping","id":1.5}', b'{"command":"ping","id":null}', b'{"command":"ping","id":[]}',
    b'{"command":"ping","id":true}', b'{"command":"ping","id":9007199254740994}', b'{"command":"ping","id":1e17}',
    b'{"command":"ping","id":-9007199254740994}', b'{"command":"quit","id":{}}', b'{"":"ping"}',
]
UNKNOWN_COMMAND = [b'{"command":""}', b'{"command":"Ping"}', b'{"command":"ping "}', b'{"command":" quit"}', b'{"command":"r"}',
                   '{"command":"päng"}'.encode(), b'{"command":"\\ud83d\\ude00"}', b'{"command":"' + b"x" * 60000 + b'"}',
                   b'{"command":"%s%n%s%n"}', b'{"command":"../../quit"}']


class Victim:
    """A camd that records while it is maltreated."""

    def __enter__(self):
        self.camd = Camd("--preset", "ultrafast", cameras=[CAMERA]).__enter__()
        self.camd.started()
        self.camd.ask("start_recording")
        for _ in range(30):
            self.camd.ask("describe")       # what its allocator keeps for good, it has by now
        self.before = self.camd.rss_kb()
        self.marks = 0
        return self

    def __exit__(self, kind, value, trace):
        try:
            if not kind:
                self.check_unharmed()
        finally:
            self.camd.__exit__(kind, value, trace)

    def check_unharmed(self):
        grown = self.camd.rss_kb() - self.before
        check(grown < GROWTH_KB or SANITIZED, f"camd grew by {grown} KiB")
        until(lambda: self.camd.ask("get_status")["cameras"][0]["recorded_frames"] > 20, "frames")
        camera, = self.camd.ask("stop_recording")["cameras"]
        if not SANITIZED:   # there the processor may be too slow by itself
            equal(sum(camera["lost"].values()), 0, "frames lost beside it")
        check_stopped(camera)
        self.camd.quit()

    def replies_to(self, data):
        """Everything that comes back for some bytes, up to a ping behind them, which must not overtake and so has no id."""
        self.marks += 1
        mark = f"mark {self.marks}"
        self.camd.send_raw(data + b'\n{"command":"ping","' + mark.encode() + b'":1}\n')
        replies = []
        while (reply := self.camd.reply())["data"].get("ignored") != [mark]:
            replies.append(reply)
        return replies

    def reply_to(self, line):
        replies = self.replies_to(line)
        equal(len(replies), 1, f"replies to {line[:200]!r}")
        return replies[0]

    def refuses(self, line, code, *more):
        reply = self.reply_to(line)
        equal((reply["status"], reply["data"].get("code")), ("error", code), f"for {line[:200]!r}")
        check(reply["data"]["message"], "an error says what is wrong")
        return reply["data"]


@test
def not_json():
    with Victim() as victim:
        for line in BAD_JSON:
            equal(victim.refuses(line, "bad_json")["message"], "Invalid JSON", f"message for {line!r:.100}")


@test
def not_utf8():
    with Victim() as victim:
        for line in BAD_UTF8:
            victim.refuses(line, "bad_utf8")


@test
def not_requests():
    with Victim() as victim:
        for line in BAD_REQUEST:
            victim.refuses(line, "bad_request")
        for line in UNKNOWN_COMMAND:
            message = victim.refuses(line, "unknown_command")["message"]
            check(message.startswith("Unknown command: "), message)


@test
def blank_lines_say_nothing():
    with Victim() as victim:
        for data in (b"", b"\r", b"\n\n\n", b" ", b"\t \r\n \r"):
            equal(victim.replies_to(data), [], repr(data))
        equal(victim.reply_to(b' \t{ "command" : "ping" , "id" : 1 } \r')["id"], 1)


@test
def long_lines():
    with Victim() as victim:
        padding = 65536 - len(b'{"command":"ping","id":1,"x":""}')
        for pad, status in ((padding - 1, "pong"), (padding, "pong"), (padding + 1, "error"), (padding + 2, "error")):
            reply = victim.reply_to(b'{"command":"ping","id":1,"x":"' + b"x" * pad + b'"}')
            equal(reply["status"], status, f"a line of {65536 + pad - padding} bytes")
        victim.refuses(b"x" * 65537, "line_too_long")
        victim.refuses(b'{"command":"quit","x":"' + b"x" * 1000000 + b'"}', "line_too_long")
        for fill in (b"\xff", b"[", b"\0", b'{"a":'):
            victim.refuses(fill * (1000000 // len(fill)), "line_too_long")
        # many of them, and pieces of them
        replies = victim.replies_to(b"\n".join([b"y" * 70000] * 50))
        equal([reply["data"]["code"] for reply in replies], ["line_too_long"] * 50)
        for _ in range(20):
            victim.camd.send_raw(b"z" * 10000)
            time.sleep(0.005)
        victim.refuses(b"", "line_too_long")


@test
def deep_nesting():
    def nested(depth, opening, closing):
        """A request nested so deep, itself counted."""
        return b'{"command":"ping","id":1,"x":' + opening * (depth - 1) + b"1" + closing * (depth - 1) + b"}"

    with Victim() as victim:
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            equal(victim.reply_to(nested(16, opening, closing))["status"], "pong", "16 deep")
            victim.refuses(nested(17, opening, closing), "too_deep")
            victim.refuses(nested(1000, opening, closing), "too_deep")
        victim.refuses(b'{"a":' * 10000, "too_deep")
        victim.refuses(b"[" * 65536, "bad_json")        # it isn't an object from the first byte on
        victim.refuses(b"[" * 100000, "line_too_long")


@test
def numbers():
    with Victim() as victim:
        for number in (b"1e400", b"-1e400", b"-1", b"1e308", b"-0.001", b"31536001", b"1e19", b"9" * 400):
            data = victim.refuses(b'{"command":"wait","seconds":' + number + b"}", "bad_argument")
            equal((data["command"], data["argument"]), ("wait", "seconds"), number)
        for number in (b"0", b"-0", b"0.0", b"0e5", b"1e-400", b"0.0001", b"1E-3"):
            equal(victim.reply_to(b'{"command":"wait","seconds":' + number + b"}")["status"], "waited", number)
        for number in (b"0.5", b"1e400", b"-1e400", b"1e16", b"1e-5"):
            victim.refuses(b'{"command":"start_recording","camera_id":' + number + b"}", "bad_argument")
        for number in (b"-1", b"1", b"64", b"9007199254740992", b"-9007199254740992", b"2147483648", b"4294967296"):
            victim.refuses(b'{"command":"stop_recording","camera_id":' + number + b"}", "unknown_camera")
        for many in (b"[]", b'["0"]', b"[null]", b"[[0]]", b"[0,1.5]", b"{}", b'"0"', b"null", b"true"):
            victim.refuses(b'{"command":"take_snapshot","camera_id":' + many + b"}", "bad_argument")
        victim.refuses(b'{"command":"take_snapshot","camera_id":[0,1]}', "unknown_camera")
        victim.refuses(b'{"command":"take_snapshot","camera_id":[' + b",".join([b"7"] * 30000) + b"]}", "unknown_camera")


def wrong_values(argument):
    """What an argument as `describe` has it must refuse, as JSON values."""
    kind = argument["type"]
    wrong = [None] if kind != "any" else []
    if kind.startswith("list"):
        wrong += [{}, True, [None], [{}], [[]], [True]]
        wrong += ["x", 0.5, [0.5], ["0"]] if "integer" in kind else [1, [1], [0.5]]
    elif kind in ("integer", "number", "duration", "amount", "size"):
        wrong += [[], {}, True, False, [1]]
        wrong += ["", "x", "1 furlong", "-", "1x", "inf", "nan", "0x10"]
        wrong += [argument["min"] - 1] if "min" in argument else []
        wrong += [argument["max"] * 2 + 1] if "max" in argument else []
    elif kind == "time":
        wrong += [[], {}, True, "", "x", "yesterday", "2026-13-01"]
    elif kind == "true or false":
        wrong += [0, 1, "true", "yes", [], {}]
    elif kind != "any":
        # a number may spell a choice
        wrong += [number for number in (0, 1.5) if str(number) not in argument.get("choices", ())] + [True, [], {}, ["x"]]
    if "choices" in argument:
        wrong += ["", "x", argument["choices"][0] + "s", argument["choices"][0] + " "]
    return wrong


@test
def each_argument_of_each_command():
    with Victim() as victim:
        description = victim.camd.ask("describe")
        seen = 0
        for command in description["commands"]:
            arguments = command.get("arguments", [])
            for argument in arguments:
                if argument["required"]:
                    data = victim.refuses(json.dumps({"command": command["name"]}).encode(), "missing_argument")
                    equal(data["argument"], argument["name"])
                for value in wrong_values(argument):
                    line = json.dumps({"command": command["name"], argument["name"]: value}).encode()
                    data = victim.refuses(line, "bad_argument")
                    equal((data["command"], data["argument"]), (command["name"], argument["name"]), line)
                    check(argument["name"] in data["message"], f"{line}: {data['message']}")
                    seen += 1
        check(seen > 60, f"only {seen} values")


@test
def each_setting():
    with Victim() as victim:
        settings = victim.camd.ask("describe")["settings"]
        before = victim.camd.ask("get_config")["values"]
        for setting in settings:
            for value in wrong_values(setting):
                if value is None and setting["optional"]:
                    continue        # that is how get_config tells what nobody has set
                if setting["name"] == "storage_cap" and isinstance(value, (int, float)):
                    continue        # bytes
                line = json.dumps({"command": "set_config", "values": {"jpeg_quality": 50, setting["name"]: value}}).encode()
                if setting["name"] == "jpeg_quality":
                    line = json.dumps({"command": "set_config", "values": {setting["name"]: value}}).encode()
                data = victim.refuses(line, "bad_argument")
                equal(data["argument"], setting["name"], line)
        equal(victim.camd.ask("get_config")["values"], before, "settings after all that was refused")
        for values in ([], 1, "x", None, True):
            victim.refuses(json.dumps({"command": "set_config", "values": values}).encode(), "bad_argument")
        data = victim.refuses(b'{"command":"set_config","values":{"targt_fps":1}}', "bad_argument")
        check("target_fps" in data["message"], data)
        victim.refuses(b'{"command":"get_config","names":["nonsense"]}', "bad_argument")
        victim.refuses(b'{"command":"subscribe","events":["nonsense"]}', "bad_argument")
        victim.refuses(b'{"command":"subscribe","events":["recording_started","nonsense"]}', "bad_argument")


@test
def unknown_members():
    with Victim() as victim:
        for request, ignored in (({"command": "ping", "x": 1}, ["x"]),
                                 ({"command": "ping", "b": {}, "a": [], "": None}, ["b", "a", ""]),
                                 ({"command": "wait", "seconds": 0, "Seconds": 5, "id": "i"}, ["Seconds"]),
                                 ({"command": "get_status", "command ": 1}, ["command "])):
            reply = victim.reply_to(json.dumps(request).encode())
            equal(reply["data"].get("ignored"), ignored, request)
        check("ignored" not in victim.reply_to(b'{"command":"ping"}')["data"], "nothing was ignored")
        many = {f"member {k}": k for k in range(3000)}
        equal(len(victim.reply_to(json.dumps({"command": "ping", **many}).encode())["data"]["ignored"]), 3000)


SEEDS = [b'{"command":"ping","id":17}', b'{"command":"get_status","id":"abc"}',
         b'{"command":"toggle_preview","camera_id":0,"enabled":false}',
         b'{"command":"get_config","names":["intra","camera"]}', b'{"command":"set_config","values":{"intra":"1s","bitrate":"5M"}}',
         b'{"command":"subscribe","events":["frames_lost"]}', b'{"command":"unsubscribe","events":"*"}',
         b'{"command":"wait","seconds":0.001}',
         b'{"command":"start_recording","camera_id":[0],"duration":5}', b'{"command":"list_cameras","x":{"y":[1,2.5e3,null,true]}}',
         b'{"command":"remux","file":"/nowhere.h264"}', '{"command":"ping","id":"ä\\u00e4€😀"}'.encode()]
SPLICES = [b"\0", b"\xff", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"1e999", b"-", b"null", b"\\u0000", b"\\ud800",
           b"\r", b" ", b"\t"]


def mutate(chance, line):
    """A line with one to four faults; never a newline."""
    data = bytearray(line)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(6)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at:at] = chance.choice(SPLICES)
        elif kind == 2:
            del data[at:at + chance.randint(1, 8)]
        elif kind == 3:
            data[at:at] = data[:chance.randrange(len(data) + 1)]
        elif kind == 4:
            data[at:at + 1] = bytes([chance.randrange(256)])
        else:
            other = chance.choice(SEEDS)
            data[at:] = other[chance.randrange(len(other)):]
    return bytes(data).replace(b"\n", b" ")[:60000]


def is_harmful(line):
    """What would rightly end the recording, the test or its time."""
    short_wait = line.startswith(b'{"command":"wait","seconds":0.00')
    return b"quit" in line or b"stop_recording" in line or (b"wait" in line and not short_wait)


@test
def mutations():
    chance = random.Random(SEED)
    lines = []
    while len(lines) < 20000:
        line = mutate(chance, chance.choice(SEEDS))
        if not is_harmful(line) and line.strip(b" \t\r"):
            lines.append(line)
    with Victim() as victim:
        for start in range(0, len(lines), 50):
            batch = lines[start:start + 50]
            replies = victim.replies_to(b"\n".join(batch))
            if len(replies) != len(batch):
                for line in batch:
                    victim.reply_to(line)       # names the culprit
            equal(len(replies), len(batch), "replies")
        victim.replies_to(b'{"command":"set_config","values":{"log_level":"info"}}')


@test
def bytes_at_random():
    chance = random.Random(SEED)
    with Victim() as victim:
        for _ in range(300):
            data = chance.randbytes(chance.randint(1, 3000))
            lines = [line for line in data.split(b"\n") if line.strip(b" \t\r")]
            replies = victim.replies_to(data)
            equal(len(replies), len(lines), f"replies to {data!r}")
            check(all(reply["status"] == "error" for reply in replies), "they are errors")


if __name__ == "__main__":
    main()
