"""
In the kernel: mounts, loop devices, and the device mapper's log-writes and flakey, of which a power cut's disk is made. All by system
calls, for starting programs is what takes time here.
"""
import ctypes
import fcntl
import os
import struct

BIND = 4096
_libc = ctypes.CDLL(None, use_errno=True)


def _called(status, what):
    if status:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(device, place, kind, flags=0, data=None):
    status = _libc.mount(device.encode(), place.encode(), kind and kind.encode(), ctypes.c_ulong(flags), data and data.encode())
    _called(status, f"mount {device} on {place}")


def unmount(place):
    _called(_libc.umount2(place.encode(), 0), f"unmount {place}")


def ioctl(path, number, argument=0):
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return fcntl.ioctl(fd, number, argument)
    finally:
        os.close(fd)


def copy(image, to):
    """Holes stay holes."""
    step = 1 << 18
    zeros = bytes(step)
    with open(image, "rb") as source, open(to, "wb") as target:
        while data := source.read(step):
            if data == zeros[:len(data)]:
                target.seek(len(data), os.SEEK_CUR)
            else:
                target.write(data)
        target.truncate()


# ---- loop devices (linux/loop.h) ----

GET_FREE, SET_FD, CLEAR_FD = 0x4C82, 0x4C00, 0x4C01


class Loop:
    """A file of the host as a block device."""

    def __init__(self, image):
        self.device = f"/dev/loop{ioctl('/dev/loop-control', GET_FREE)}"
        self.sectors = os.path.getsize(image) // 512
        fd = os.open(image, os.O_RDWR | os.O_CLOEXEC)
        ioctl(self.device, SET_FD, fd)
        os.close(fd)

    def close(self):
        ioctl(self.device, CLEAR_FD)


# ---- the device mapper (linux/dm-ioctl.h) ----

HEADER, TARGET = struct.Struct("<3I 2I I i 2I I Q 128s 129s 7s"), struct.Struct("<QQiI16s")
COMMAND, CREATE, REMOVE, SUSPEND, LOAD, MESSAGE = 0xC138FD00, 3, 4, 6, 9, 14
SUSPENDED, SKIP_LOCKFS = 1 << 1, 1 << 10


class Mapped:
    """One target over a whole device."""

    def __init__(self, name, table):
        self.name, self.control = name, os.open("/dev/mapper/control", os.O_RDWR | os.O_CLOEXEC)
        dev = HEADER.unpack_from(self._do(CREATE))[10]
        self.device = f"/dev/dm-{(dev & 0xFF) | ((dev >> 12) & 0xFFF00)}"
        self.load(table)

    def _do(self, command, data=b"", flags=0, targets=0):
        size = HEADER.size + len(data)
        head = HEADER.pack(4, 0, 0, size, HEADER.size, targets, 0, flags, 0, 0, 0, self.name.encode(), b"", b"")
        buffer = bytearray(head + data)
        fcntl.ioctl(self.control, COMMAND | command, buffer, True)
        return buffer

    def load(self, table):
        """(sectors, kind, parameters); what is under way ends first."""
        sectors, kind, parameters = table
        text = parameters.encode() + b"\0"
        text += bytes(-len(text) % 8)
        self._do(LOAD, TARGET.pack(0, sectors, 0, TARGET.size + len(text), kind.encode()) + text, targets=1)
        self._do(SUSPEND)       # without the flag: goes on, with the new table

    def suspend(self):
        self._do(SUSPEND, flags=SUSPENDED | SKIP_LOCKFS)

    def message(self, text):
        self._do(MESSAGE, struct.pack("<Q", 0) + text.encode() + b"\0")

    def close(self):
        self._do(REMOVE)
        os.close(self.control)


class Logged(Mapped):
    """A disk whose writes are logged to another one; mark() notes something in the log, behind all that is known to be written."""

    def __init__(self, disk, log):
        super().__init__("camd-logged", (disk.sectors, "log-writes", f"{disk.device} {log.device}"))

    def mark(self, text):
        self.message(f"mark {text}")


class Flakey(Mapped):
    """A disk that can be made to lose all that is written to it from then on, and to say nothing of it."""

    def __init__(self, disk, number=""):
        self.disk = disk
        super().__init__(f"camd-flakey{number}", self._table("180 0"))

    def _table(self, up_and_down):
        return self.disk.sectors, "flakey", f"{self.disk.device} 0 {up_and_down}"

    def drop(self):
        self.suspend()
        self.load(self._table("0 180 1 drop_writes"))
