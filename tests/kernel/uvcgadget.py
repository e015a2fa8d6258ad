"""A USB webcam made of software, for the kernel's real uvcvideo driver: MJPEG over a bulk endpoint, by raw_gadget and dummy_hcd.

Isochronous transfers, as most webcams have them, dummy_hcd can't do. Everything else is as with a real one: descriptors,
probe and commit, controls with their automatics, a serial number, and it can be unplugged.
"""
import ctypes
import multiprocessing
import os
import struct
import threading
import time

INIT, RUN, EVENT_FETCH, EP0_WRITE, EP0_READ, EP_ENABLE, EP_WRITE, CONFIGURE, VBUS_DRAW, EP0_STALL = (
    0x41015500, 0x5501, 0x80085502, 0x40085503, 0xC0085504, 0x40095505, 0x40085507, 0x5509, 0x4004550A, 0x550C)
CONTROL_EVENT = 2
GET_DESCRIPTOR, SET_CONFIGURATION = 6, 9
SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES, GET_LEN, GET_INFO, GET_DEF = 1, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87
PAYLOAD = 4096                      # the most that raw_gadget writes at once
CAMERA, PROCESSING = 1, 2           # entities

# (entity, selector): size, least, most, step, default; 1 in info: get, 2: set, 8: changes by itself
CONTROLS = {
    (CAMERA, 0x02): (1, 1, 8, 9, 8),            # auto exposure: manual 1, aperture priority 8; the step tells which there are
    (CAMERA, 0x03): (1, 0, 1, 1, 1),            # dynamic frame rate
    (CAMERA, 0x04): (4, 3, 2047, 1, 250),       # exposure time
    (PROCESSING, 0x02): (2, 0, 255, 1, 128),    # brightness
    (PROCESSING, 0x05): (1, 0, 2, 1, 1),        # power line frequency
    (PROCESSING, 0x0A): (2, 2800, 6500, 10, 4600),   # white balance temperature
    (PROCESSING, 0x0B): (1, 0, 1, 1, 1),        # white balance by itself
}


libc = ctypes.CDLL(None, use_errno=True)


def ioctl(fd, request, argument=0):
    """Not fcntl's, which lets no other thread run while one waits with a large buffer."""
    if isinstance(argument, (bytes, bytearray)):
        argument = bytearray(argument) if isinstance(argument, bytes) else argument
        argument = (ctypes.c_char * len(argument)).from_buffer(argument)
    result = libc.ioctl(fd, ctypes.c_ulong(request), argument)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def text(string):
    data = string.encode("utf-16-le")
    return bytes([len(data) + 2, 3]) + data


class Webcam:
    """Plugged in while it exists. pictures: JPEGs, all of one size, shown one after the other, over and over."""

    def __init__(self, name, serial, size, fps, pictures, udc=0):
        self.strings = ["", "camd", name, serial]
        self.size, self.fps, self.pictures = size, fps, pictures
        self.probe = self.make_probe()
        self.n_sent, self.fd = 0, -1
        # a process of its own: only when it is gone nobody waits in the driver any more, and the gadget is unplugged
        fork = multiprocessing.get_context("fork")
        self.state = fork.Array("i", [control[4] for control in CONTROLS.values()])
        self.damage = fork.Value("i", 0)    # so many of the next pictures are cut off in the middle
        self.process = fork.Process(target=self.run, args=(udc,), daemon=True)
        self.process.start()

    def unplug(self):
        self.process.kill()
        self.process.join()

    def value(self, entity, selector):
        """Of a control, as the webcam has it."""
        return self.state[list(CONTROLS).index((entity, selector))]

    def run(self, udc):
        self.fd = os.open("/dev/raw-gadget", os.O_RDWR)
        init = b"dummy_udc".ljust(128, b"\0") + f"dummy_udc.{udc}".encode().ljust(128, b"\0") + b"\3"     # high speed
        ioctl(self.fd, INIT, init)
        ioctl(self.fd, RUN)
        while True:
            try:
                self.serve_one()
            except OSError:
                time.sleep(0.01)                    # a request that the host gave up

    # ---- descriptors ----

    def device(self):
        return struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0xEF, 2, 1, 64, 0x1D6B, 0x0102, 0x100, 1, 2, 3, 1)

    def configuration(self):
        width, height = self.size
        interval = 10_000_000 // self.fps
        units = (struct.pack("<BBBBHBBHHHB3s", 18, 0x24, 2, CAMERA, 0x0201, 0, 0, 0, 0, 0, 3, b"\x0e\0\0") +
                 struct.pack("<BBBBBHBHBB", 12, 0x24, 5, PROCESSING, CAMERA, 0, 2, 0x1441, 0, 0) +
                 struct.pack("<BBBBHBBB", 9, 0x24, 3, 3, 0x0101, 0, PROCESSING, 0))
        control = struct.pack("<BBBHHIBB", 13, 0x24, 1, 0x0110, 13 + len(units), 48_000_000, 1, 1) + units
        formats = (struct.pack("<BBBBBBBBBBB", 11, 0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0) +
                   struct.pack("<BBBBBHHIIIIBI", 30, 0x24, 7, 1, 0, width, height, 1 << 20, 1 << 26, width * height * 2, interval, 1,
                               interval) +
                   struct.pack("<BBBBBB", 6, 0x24, 0x0D, 1, 1, 4))
        streaming = struct.pack("<BBBBHBBBBBBBB", 14, 0x24, 1, 1, 14 + len(formats), 0x81, 0, 3, 0, 0, 0, 1, 0) + formats
        body = (struct.pack("BBBBBBBB", 8, 0x0B, 0, 2, 0x0E, 3, 0, 2) +
                struct.pack("BBBBBBBBB", 9, 4, 0, 0, 0, 0x0E, 1, 0, 2) + control +
                struct.pack("BBBBBBBBB", 9, 4, 1, 0, 1, 0x0E, 2, 0, 0) + streaming + self.endpoint())
        return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 2, 1, 0, 0x80, 125) + body

    @staticmethod
    def endpoint():
        return struct.pack("<BBBBHB", 7, 5, 0x81, 2, 512, 0)

    def make_probe(self):
        width, height = self.size
        return struct.pack("<HBBIHHHHHIIIBBBB", 1, 1, 1, 10_000_000 // self.fps, 0, 0, 0, 0, 0, width * height * 2, PAYLOAD, 48_000_000,
                           3, 0, 0, 0)

    # ---- requests ----

    def answer(self, kind, request, value, index):
        """What to answer to a request that reads; None: it isn't understood."""
        if kind & 0x60 == 0 and request == GET_DESCRIPTOR:
            if value >> 8 == 3:
                string = value & 0xFF
                return bytes([4, 3, 9, 4]) if not string else text(self.strings[string]) if string < 4 else None
            return {1: self.device(), 2: self.configuration()}.get(value >> 8)
        if kind & 0x60 == 0x20 and index == 1 and value >> 8 in (1, 2):
            return {GET_LEN: struct.pack("<H", len(self.probe)), GET_INFO: b"\3"}.get(request, self.probe)
        key = (index >> 8, value >> 8)
        if kind & 0x60 != 0x20 or index & 0xFF or key not in CONTROLS:
            return None
        size, least, most, step, default = CONTROLS[key]
        if request == GET_INFO:
            return b"\3"
        if request == GET_LEN:
            return struct.pack("<H", size)
        number = {GET_CUR: self.value(*key), GET_MIN: least, GET_MAX: most, GET_RES: step, GET_DEF: default}.get(request)
        return number.to_bytes(size, "little") if number is not None else None

    def write(self, value, index, data):
        """What a request that writes has brought. Whether it was understood."""
        if index == 1 and value >> 8 in (1, 2):
            return True                             # there is one format, one size and one rate
        key = (index >> 8, value >> 8)
        if key not in CONTROLS:
            return False
        self.state[list(CONTROLS).index(key)] = int.from_bytes(data, "little")
        return True

    def transfer(self, request, data):
        block = bytearray(struct.pack("<HHI", 0, 0, len(data)) + data)
        ioctl(self.fd, request, block)
        return bytes(block[8:])

    def serve_one(self):
        event = bytearray(8 + 64)
        struct.pack_into("<II", event, 0, 0, 64)
        ioctl(self.fd, EVENT_FETCH, event)
        if struct.unpack_from("<I", event)[0] != CONTROL_EVENT:
            return
        kind, request, value, index, length = struct.unpack_from("<BBHHH", event, 8)
        if kind & 0x80:
            answer = self.answer(kind, request, value, index)
            if answer is None:
                ioctl(self.fd, EP0_STALL)
            else:
                self.transfer(EP0_WRITE, answer[:length])
        elif kind & 0x60 == 0x20 and not self.write(value, index, self.transfer(EP0_READ, bytes(length))):
            pass                                    # too late to refuse; the next reading shows that nothing has changed
        elif kind & 0x60 == 0:
            if request == SET_CONFIGURATION:
                handle = ioctl(self.fd, EP_ENABLE, bytearray(self.endpoint() + b"\0\0"))
                ioctl(self.fd, VBUS_DRAW, 125)
                ioctl(self.fd, CONFIGURE)
                threading.Thread(target=self.stream, args=(handle,), daemon=True).start()
            self.transfer(EP0_READ, b"")

    # ---- pictures ----

    def stream(self, handle):
        """Writes wait while the host doesn't read."""
        start, shown = time.monotonic(), 0
        while True:
            picture = self.pictures[self.n_sent % len(self.pictures)]
            if self.damage.value:
                self.damage.value -= 1
                picture = picture[:len(picture) // 2]
            try:
                self.send(handle, picture, self.n_sent & 1)
            except OSError:
                time.sleep(0.01)
                continue
            self.n_sent += 1
            shown += 1
            late = time.monotonic() - start - shown / self.fps
            if late > 1 / self.fps:                 # the host was away
                start, shown = time.monotonic(), 0
            time.sleep(max(0, start + shown / self.fps - time.monotonic()))

    def send(self, handle, picture, odd):
        pieces = [picture[at:at + PAYLOAD - 2] for at in range(0, len(picture), PAYLOAD - 2)]
        if (len(pieces[-1]) + 2) % 512 == 0:
            pieces[-1] += b"\0"                     # a whole packet would not end the transfer
        for i, piece in enumerate(pieces):
            header = bytes([2, 0x80 | odd | (2 if i == len(pieces) - 1 else 0)])
            block = bytearray(struct.pack("<HHI", handle, 0, len(piece) + 2) + header + piece)
            ioctl(self.fd, EP_WRITE, block)
