#!/usr/bin/env python3
"""Every command line that README and docs show does what it says: each is run in a directory of its own.

Which files are read stands in PAGES. What counts as a line: each line of an indented or fenced block (lines that go on, with
'|', '\\\\' or '&&' at their end, are one), and each `code` in a text that begins with one of PROGRAMS. The first rule of RULES
that matches says what is done with it; one that none matches fails the test: add a rule. Words behind two spaces, or a '#',
are a remark.

The directory has camd and camctl where the pages have them, and in $PATH; a config.txt with a synthetic camera, for there may
be no other; clip.mp4; and a session that was recorded raw. What takes long is shortened by SHORTER, in one place.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from camd import CAMCTL, CAMD, ROOT, SANITIZED, SMALL, check, count_frames, equal, main, note, test, until

PAGES = ["README.md", "docs/running.md", "docs/migrating.md", "docs/hardware.md", "docs/protocol.md", "docs/config.md",
         "docs/man/camd.1.scd", "docs/man/camctl.1.scd", "docs/man/camd-protocol.7.scd"]
FOR_DEVELOPERS = {"docs/architecture.md", "docs/CONTRIBUTING.md", "docs/frame_tap.md", "docs/reliability.md"}
PROGRAMS = r"(?:\S*/)?(?:camd|camctl|make|meson|ninja|systemctl|systemd-\S+|printf|tail|uv) |\{\"command\""

SHORTER = [
    (r"--seconds \d+", "--seconds 1"), (r'"seconds":\d+', '"seconds":1'), (r"time\.sleep\(\d+\)", "time.sleep(1)"),
    (r"(master\.\w+) \d+", r"\1 1"), (r"tail -f", "tail -n 1"), (r"v4l2:/dev/video0", "synthetic"), (r"--camera synthetic\b", f"--camera {SMALL}"),
    (r"\[\"(build/camd/camd)\", \"--camera\", \"synthetic\"\]", rf'["\1", "--camera", "{SMALL}"]'),
]


# ---- what stands in the pages ----

class Line:
    def __init__(self, page, number, text, inline):
        self.where, self.inline, self.remark = f"{page}:{number}", inline, ""
        self.text = text
        if not inline and not text.startswith("import "):
            parts = re.split(r"\s{2,}|\s#\s", text, maxsplit=1)
            self.text, self.remark = parts[0], parts[1] if len(parts) > 1 else ""


def blocks(text, fences_only):
    """(number, lines) of each block, and (number, line) of what is text."""
    fenced, block, found, prose = False, [], [], []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        inside = fenced or (line.startswith("    ") and not fences_only)
        if line.startswith("```"):
            fenced = not fenced
            inside = False
        elif not inside:
            prose.append((number, line))
        if inside:
            block.append((number, line))
        elif block:
            found.append(block)
            block = []
    return found, prose


def lines_of(page):
    text = (ROOT / page).read_text()
    found, prose = blocks(text, page.endswith(".scd"))
    for block in found:
        if block[0][1].strip().startswith("import "):
            yield Line(page, block[0][0], "\n".join(line[4:] for _, line in block), False)
            continue
        pending, first = "", 0
        for number, line in block:
            first = first if pending else number
            pending += line.strip().replace("\\\\", "\\") if page.endswith(".scd") else line.strip()
            if re.search(r"(\||\\|&&)$", pending):
                pending = pending.rstrip("\\") + " "
                continue
            yield Line(page, first, pending, False)
            pending = ""
    for number, line in prose if page.endswith(".md") else []:
        for code in re.findall(r"`([^`]+)`", line):
            if re.match(PROGRAMS, code):
                yield Line(page, number, code, True)


# ---- where they run ----

def prepare(place):
    """What all directories begin with."""
    (place / "build/camd").mkdir(parents=True)
    (place / "build/camctl").mkdir()
    (place / "bin").mkdir()
    for program, path in (("camd", CAMD), ("camctl", CAMCTL)):
        for link in (place / "build" / program / program, place / "bin" / program):
            link.symlink_to(os.path.abspath(path))
    (place / "docs").symlink_to(ROOT / "docs")
    (place / "config.txt").write_text(f"camera = {SMALL}\n")
    (place / "config.json").write_text('{"video_fps": 24}')
    (place / "t.cam").write_text("camd\n>ping\n< pong\n")
    made = subprocess.run(["build/camctl/camctl", "record", "--seconds", "0.5"], cwd=place, capture_output=True, text=True, timeout=60)
    equal(made.returncode, 0, made.stderr)
    os.rename(next(place.glob("recordings/*/*.mp4")), place / "clip.mp4")
    shutil.rmtree(place / "recordings")
    made = subprocess.run(["build/camctl/camctl", "record", "--seconds", "0.5", "--container", "h264"], cwd=place, capture_output=True,
                          text=True, timeout=60)
    equal(made.returncode, 0, made.stderr)


def environment(place):
    return dict(os.environ, PATH=f"{place / 'bin'}:{os.environ['PATH']}", CAMCTL_CAMD=str(place / "bin/camd"), HOME=str(place), TERM="dumb",
                DISPLAY="", WAYLAND_DISPLAY="", XDG_CONFIG_HOME=str(place))


def shortened(text):
    for pattern, by in SHORTER:
        text = re.sub(pattern, by, text)
    return text


def execute(place, text, input="", status=0, timeout=60):
    result = subprocess.run(["sh", "-c", text], cwd=place, input=input, capture_output=True, text=True, env=environment(place), timeout=timeout)
    equal(result.returncode, status, f"{text}\n{result.stdout[-800:]}\n{result.stderr[-800:]}")
    return result.stdout + result.stderr


def check_videos(place, before):
    """Videos have come that decode."""
    videos = set(place.glob("recordings/*/*.mp4")) - before
    check(videos, "no video was made")
    for video in videos:
        check(count_frames(video) > 0, video)


# ---- rules: what is done with a line ----

def text(reason):
    """It is no command line."""
    check(reason)
    return None


def run(input="", records=False, says=""):
    def do(line, place):
        before = set(place.glob("recordings/*/*.mp4"))
        said = execute(place, shortened(line.text), input)
        check(says in said, said)
        if records:
            check_videos(place, before)
    return do


def instead(replaced, by, **options):
    """With something in place of what the page leaves open."""
    def do(line, place):
        line.text = re.sub(replaced, lambda _: by(place) if callable(by) else by, line.text)
        run(**options)(line, place)
    return do


def until_interrupted(line, place):
    """It records until Ctrl-C."""
    before = set(place.glob("recordings/*/*.mp4"))
    process = subprocess.Popen(shlex.split(shortened(line.text)), cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, env=environment(place))
    end = time.monotonic() + 30
    while not any(video.stat().st_size > 20000 for video in set(place.glob("recordings/*/*.mp4")) - before):
        check(time.monotonic() < end and process.poll() is None, f"{line.text} does not record")
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    equal(process.returncode, 0, said)
    check_videos(place, before)


def each_choice(line, place):
    """--mode interactive|slave|headless"""
    before, choices = re.fullmatch(r"(.* )(\S+)", line.text).groups()
    for choice in choices.split("|"):
        one = Line("", 0, before + choice, True)
        one.where = line.where
        (until_interrupted if choice == "headless" else run(input="q\n" if choice == "interactive" else ""))(one, place)


def parsed(line, place):
    """It takes minutes, or a board: its flags are known."""
    execute(place, line.text + " --help")


def in_makefile(line, place):
    """It takes minutes, or installs things: make knows what to do."""
    execute(ROOT, f"make -n {shlex.split(line.text)[1]}")


def python(line, place):
    (place / "block.py").write_text(shortened(line.text))
    result = subprocess.run([sys.executable, "block.py"], cwd=place, capture_output=True, text=True, timeout=60)
    equal(result.returncode, 0, result.stderr)
    check("files" in result.stdout, result.stdout)
    check_videos(place, set())


def request(line, place):
    """camd knows the command and all its arguments, if not the controls of this camera."""
    result = subprocess.run([CAMD, "--output-dir", str(place / "out"), "--no-config", "--prebuffer", "1", "--camera", SMALL, "--camera", SMALL],
                            input=line.text + "\n", capture_output=True, text=True, timeout=60)
    note(line.text.encode())
    reply = json.loads(result.stdout.splitlines()[0])
    check("ignored" not in reply["data"], reply)
    check(reply["status"] != "error" or "the camera has no controls" in reply["data"]["message"], reply)


def listens(path):
    """A socket's name is there before it listens."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def with_socket(line, place):
    """The lines that need a camd at a socket, one after another, and the one that starts it."""
    if not shutil.which("systemd-socket-activate"):
        return
    start = next(each for each in ALL if each.text.startswith("systemd-socket-activate"))
    lines = [each for each in ALL if " --socket /run" in each.text]
    path = place / "camd.sock"
    server = subprocess.Popen(shlex.split(shortened(start.text.replace("/tmp/camd.sock", str(path)))), cwd=place, env=environment(place),
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        until(lambda: listens(path), "a socket that listens")
        for each in lines:
            text = shortened(each.text.replace("/run/camd/camd.sock", str(path)))
            # a new session has to wait for the recording's end
            if "new_session" in text:
                execute(place, f"camctl --socket {path} stop_recording")
            execute(place, text, input="q\n")
        equal(server.wait(30), 0)
    finally:
        server.kill()
        server.communicate()
    check(any(path.name.endswith("mouse_12") for path in place.glob("recordings/*")), "the session of that name")


def installed(line, place):
    """The unit starts the camd that is installed with it."""
    build, target = pathlib.Path(CAMD).resolve().parent.parent, place / "installed"
    execute(place, f"DESTDIR={target} {line.text} -C {build} --no-rebuild --quiet")
    unit, = target.glob("**/lib/systemd/system/camd.service")
    check((unit.parent / "camd.socket").exists(), "camd.socket is not beside it")
    program = re.search(r"^ExecStart=(\S+)", unit.read_text(), re.M)[1]
    check(os.access(f"{target}{program}", os.X_OK), f"{program} is not installed")


def raw(place):
    return str(next(place.glob("recordings/*/*.h264")))


PROGRAM = r"(?:build/camctl/|build/camd/)?"
RULES = [
    # Makefile and meson
    (r"make (demo|check|check-long|docs|bench)", in_makefile),
    (r"ninja -C build docs", text("how a page was printed")),
    (r"meson install", installed),
    (r"meson setup .*", text("builds all of it for minutes; check builds in the same way")),
    # Python, JSON
    (r"import .*", python),
    (r'\{"command":"(subscribe|describe|set_controls|set_camera|set_overlay|toggle_preview|trigger|export)".*\}', request),
    (r'\{"command": NAME.*|\{"type".*', text("the form of lines")),
    # what camd leaves, tables of what was measured
    (r"recordings/session_\d+_\d+/|cam0_\S+|snapshot_\S+|session\.log", text("names of files")),
    (r"\|.*|\d{4}-\d\d-\d\d, commit .*|\d+x\d+.*|the cheapest system call.*", text("figures")),
    # the program that camd replaces
    (r"uv run .*", text("what users ran before")),
    (r"tail -F", text("a name")),
    (r"tail -f recordings.*", run()),
    # a camd that the system runs: there is no such system here, and tests/session/service.py looks at the unit
    (r"systemd-analyze security .*|systemctl (status|edit) camd", text("of a machine with systemd")),
    # a camd that runs
    (r"systemd-socket-activate .*", with_socket),
    (r"camctl --socket (/run/\S+|PATH).*", text("run behind systemd-socket-activate, in their order")),
    # camd
    (r"printf .*camd .*", run(records=True, says="recording_started")),
    (PROGRAM + r"camd --(help|version|print-config)", run()),
    (PROGRAM + r"camd --mode headless.*", until_interrupted),
    (r"camd --mode slave", run()),
    (r"CAMD=build/camd/camd docs/examples/master\.(py|sh) \d+ .*", run(records=True)),
    # camctl
    (PROGRAM + r"camctl( \S+=?\S*)* record( .*)?", instead("record$", "record --seconds 1", records=True)),
    (PROGRAM + r"camctl( --camera synthetic)?( --no-preview)?", run(input="r\ns\nq\n", records=True)),
    (PROGRAM + r"camctl (list_cameras|doctor|slave)", run()),
    (PROGRAM + r"camctl doctor --board.*", parsed),
    (r"camctl COMMAND", instead("COMMAND", "get_status", says="recording")),
    (r"camctl --mode \w+\|.*", each_choice),
    (r"camctl remux FILE\.h264", instead(r"FILE\.h264", raw, says=".mp4")),
    (r"camctl remux", instead("$", lambda place: " " + raw(place), says=".mp4")),
    (r"camctl script FILE", instead("FILE", "t.cam")),
    (r"camctl script --help", run(says="expect")),
    (r"camctl import config\.json( > camd\.conf)?", run()),
    (PROGRAM + r"camctl verify recordings( --decode)?", run(says="1 recording: 1 sound")),
    (PROGRAM + r'camctl report (\S+|"\$\(.*\)")( --svg \S+)?', instead("SESSION", '"$(ls -d recordings/session_* | tail -1)"', says="camera 0")),
]


def rule_of(line):
    return next((what for pattern, what in RULES if re.fullmatch(pattern, line.text, re.S)), "none")


ALL = [line for page in PAGES for line in lines_of(page)]


@test
def pages_are_known():
    """Each page is read, or is not for users; each line has a rule, each rule a line."""
    pages = {str(path.relative_to(ROOT)) for path in [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("man/*.scd"), ROOT / "README.md"]}
    equal(pages, set(PAGES) | FOR_DEVELOPERS)
    unknown = [f"{line.where}: {line.text}" for line in ALL if rule_of(line) == "none"]
    equal(unknown, [], "lines without a rule")
    unused = [pattern for pattern, _ in RULES if not any(re.fullmatch(pattern, line.text, re.S) for line in ALL)]
    equal(unused, [], "rules without a line")


@test
def lines_do_what_they_say():
    with tempfile.TemporaryDirectory() as top:
        begin = pathlib.Path(top) / "begin"
        begin.mkdir()
        prepare(begin)

        def do(numbered):
            number, line = numbered
            place = pathlib.Path(top) / str(number)
            shutil.copytree(begin, place, symlinks=True)
            try:
                rule_of(line)(line, place)
            except Exception as error:
                return f"{line.where}: {line.text}: {error}"

        wanted = {line.text: line for line in ALL if callable(rule_of(line))}.values()
        check(len(wanted) > 30, len(wanted))
        with concurrent.futures.ThreadPoolExecutor(1 if SANITIZED else 4) as pool:
            failed = [each for each in pool.map(do, enumerate(wanted)) if each]
        check(not failed, "\n" + "\n".join(failed))


main()
