"""On the host: what is in files, asked of other programs, once for each file that is the same."""
import hashlib
import json
import subprocess

PATIENCE_S = 120     # with a program that reads what a cut has left


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Probe:
    """tests/tools/probe: (exit status, facts, complaints)."""

    def __init__(self, program):
        self.program, self.known = program, {}

    def __call__(self, video, table=None, *flags):
        key = (sha256(video), table and sha256(table), flags)
        if key not in self.known:
            command = [self.program, video, *([table] if table else []), "--json", *flags]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=PATIENCE_S)
            facts = json.loads(done.stdout) if done.stdout else {}
            self.known[key] = (done.returncode, facts, done.stderr.strip())
        return self.known[key]

    def picture(self, path):
        """What ffmpeg has to say of a JPEG or PNG; nothing if it is one whole picture."""
        key = (sha256(path), "picture")
        if key not in self.known:
            command = ["ffmpeg", "-v", "warning", "-xerror", "-i", path, "-f", "framecrc", "-"]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                                  timeout=PATIENCE_S)
            pictures = sum(not line.startswith("#") for line in done.stdout.splitlines())
            self.known[key] = done.stderr.strip() or ("" if not done.returncode and pictures == 1 else f"{pictures} pictures")
        return self.known[key]
