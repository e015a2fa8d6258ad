"""Small file systems in memory for the tests of this directory. As root, or where user namespaces are, seen by nobody else."""

import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from camd import Skip, check

OWN_MOUNTS = "CAMD_TEST_OWN_MOUNTS"


def with_own_mounts():
    """Starts this program anew where what it mounts is its own, if the system lets it."""
    if os.environ.get(OWN_MOUNTS):
        return
    way = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") and subprocess.run([*way, "true"], stderr=subprocess.DEVNULL).returncode == 0:
        os.environ[OWN_MOUNTS] = "1"
        os.execvp("unshare", [*way, sys.executable, *sys.argv])


class Disk:
    """A small file system in memory; path: where it is."""

    def __init__(self, size):
        if not os.environ.get(OWN_MOUNTS):
            raise Skip("mounting is not allowed here")
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="camd-test-"))
        self._mount("-t", "tmpfs", "-o", f"size={size},mode=777", "none")

    def _mount(self, *arguments):
        result = subprocess.run(["mount", *arguments, str(self.path)], stderr=subprocess.PIPE)
        check(result.returncode == 0, result.stderr)

    def read_only(self, on):
        self._mount("-o", "remount," + ("ro" if on else "rw"))

    def fill(self, leave=0):
        """Leaves so many bytes free, by and large: camd may be writing, too, and what it takes first is taken."""
        free = os.statvfs(self.path)
        take = free.f_bavail * free.f_frsize - leave
        if take <= 0:
            return
        file = os.open(self.path / "ballast", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(file, b"\0" * take)
        except OSError as error:
            check(error.errno == errno.ENOSPC, error)
        finally:
            os.close(file)

    def empty(self):
        (self.path / "ballast").unlink()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", str(self.path)])
        self.path.rmdir()
