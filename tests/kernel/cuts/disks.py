"""File systems on images: making them, and what the host's own programs say of them."""
import os
import re
import shutil
import struct
import subprocess

BYTES = 160 << 20     # an export leaves 64 MB of it for recordings
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-b", "4096"], "vfat": ["mkfs.vfat", "-F", "32", "-s", "8"], "f2fs": ["mkfs.f2fs", "-q"]}
# what a disk leaves whole of a write that was under way: f2fs takes its blocks of 4 KiB for that, the others sectors
UNIT = {"ext4": 512, "vfat": 512, "f2fs": 4096}


def sh(*command):
    """Exit status and output."""
    environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          env=environment, timeout=300)
    return done.returncode, done.stdout


def make(path, kind):
    with open(path, "wb") as file:
        file.truncate(BYTES)
    status, output = sh(*MAKE[kind], path)
    assert status == 0, output


def copy(path, to):
    subprocess.run(["cp", "--sparse=always", path, to], check=True)


class Superblock:
    """Of ext4 (the kernel's Documentation/filesystems/ext4/super.rst): what it says of itself."""

    def __init__(self, image):
        with open(image, "rb") as file:
            file.seek(1024)
            data = file.read(1024)
        self.has_errors = bool(struct.unpack_from("<H", data, 0x3A)[0] & 2) or struct.unpack_from("<I", data, 0x194)[0] > 0
        self.has_orphans = struct.unpack_from("<I", data, 0xE8)[0] != 0


ORPHANS = re.compile(r"(.*: (Clearing|Truncating) orphaned inode .*|.*: recovering journal|.*: clean, .*|Setting free (inodes|blocks) count .*|)$")


def replayed(image):
    """
    What is wrong with an ext4 when its journal was replayed, and nothing else done but what every mount does: files that were open
    when they were removed, or were being cut, are let go. None: nothing.
    """
    trial = image + ".fsck"
    copy(image, trial)
    try:
        status, output = sh("e2fsck", "-y", "-E", "journal_only", trial)
        if status not in (0, 1):
            return f"e2fsck -E journal_only: {status}: {output}"
        if Superblock(trial).has_errors:
            return "an error is noted in the superblock behind the journal's replay"
        if Superblock(trial).has_orphans:
            status, output = sh("e2fsck", "-p", trial)
            if status not in (0, 1) or not all(ORPHANS.match(line) for line in output.splitlines()):
                return f"e2fsck -p: {status}: {output}"
        status, output = sh("e2fsck", "-fn", trial)
        return f"e2fsck -fn behind the journal's replay: {output}" if status else None
    finally:
        os.remove(trial)


def repair_vfat(image):
    """It has no journal: this is what a machine does at its start. What one pass cuts short the next one may have to remove."""
    for _ in range(3):
        if sh("fsck.vfat", "-a", image)[0] == 0:
            break


def checked(image, kind):
    """What is wrong after the kernel has mounted it, used it and let it go; None: nothing."""
    command = {"ext4": ["e2fsck", "-fn"], "vfat": ["fsck.vfat", "-n"], "f2fs": ["fsck.f2fs", "--dry-run"]}[kind]
    status, output = sh(*command, image)
    if not status and kind == "ext4" and Superblock(image).has_errors:
        return "an error is noted in the superblock"
    return f"{' '.join(command)}: {status}: {output}" if status else None


def missing():
    """Programs that are not there."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return [name for name in ("mkfs.ext4", "e2fsck", "mkfs.vfat", "fsck.vfat", "mkfs.f2fs", "fsck.f2fs") if not shutil.which(name, path=path)]
