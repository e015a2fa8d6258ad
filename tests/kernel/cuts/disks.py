"""File systems on images: making them, and what the host's own programs say of them."""
import os
import shutil
import subprocess

BYTES = 160 << 20     # an export leaves 64 MB of it for recordings
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-b", "4096"], "vfat": ["mkfs.vfat", "-F", "32", "-s", "8"], "f2fs": ["mkfs.f2fs", "-q"]}
# what a disk leaves whole of a write that was under way: f2fs takes its blocks of 4 KiB for that, the others sectors
UNIT = {"ext4": 512, "vfat": 512, "f2fs": 4096}


def sh(*command):
    """Exit status and output."""
    environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          env=environment)
    return done.returncode, done.stdout


def make(path, kind):
    with open(path, "wb") as file:
        file.truncate(BYTES)
    status, output = sh(*MAKE[kind], path)
    assert status == 0, output


def copy(path, to):
    subprocess.run(["cp", "--sparse=always", path, to], check=True)


def replayed(image):
    """What is wrong with an ext4 beyond what its journal mends; None: nothing."""
    trial = image + ".fsck"
    copy(image, trial)
    status, output = sh("e2fsck", "-p", trial)
    if status not in (0, 1):
        return f"e2fsck -p: {status}: {output}"
    status, output = sh("e2fsck", "-fn", trial)
    os.remove(trial)
    return f"e2fsck -fn behind the journal's replay: {output}" if status else None


def repair_vfat(image):
    """It has no journal: this is what a machine does at its start. What one pass cuts short the next one may have to remove."""
    for _ in range(3):
        if sh("fsck.vfat", "-a", image)[0] == 0:
            break


def checked(image, kind):
    """What is wrong after the kernel has mounted it, used it and let it go; None: nothing."""
    command = {"ext4": ["e2fsck", "-fn"], "vfat": ["fsck.vfat", "-n"], "f2fs": ["fsck.f2fs", "--dry-run"]}[kind]
    status, output = sh(*command, image)
    return f"{' '.join(command)}: {status}: {output}" if status else None


def missing():
    """Programs that are not there."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return [name for name in ("mkfs.ext4", "e2fsck", "mkfs.vfat", "fsck.vfat", "mkfs.f2fs", "fsck.f2fs") if not shutil.which(name, path=path)]
