"""strace of a camd that runs."""

import contextlib
import shutil
import subprocess

from camd import SANITIZED, Skip, check, of_all_threads, until


def strace(*words):
    """The beginning of a command line; those whose search for leaks needs to trace the process itself can't be traced."""
    if SANITIZED not in ("", "valgrind") or not shutil.which("strace"):
        raise Skip("needs strace, and no sanitizer")
    return ["strace", "-f", "-qq", *map(str, words)]


@contextlib.contextmanager
def traced(camd, command):
    """Meanwhile all threads of a camd are traced by this beginning of a command line."""
    with subprocess.Popen([*command, "-p", str(camd.process.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as tracer:
        def attached():
            check(tracer.poll() is None, "strace ended:", tracer.poll() is not None and tracer.stderr.read())
            texts = of_all_threads(camd.process.pid, "status")
            return texts and all(f"TracerPid:\t{tracer.pid}" in text for text in texts)
        try:
            until(attached, "strace")
            yield
        finally:
            tracer.terminate()
            tracer.wait()
