"""
The log of dm-log-writes (the kernel's Documentation/admin-guide/device-mapper/log-writes.rst), and the disks that a power cut may leave:
what was flushed is there; of what was written since, a part, in any order, and the last sectors of a write may be missing.
"""
import bisect
import random
import struct

MAGIC, SECTOR = 0x6A736677736872, 512
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
SUPER, ENTRY = struct.Struct("<QQQI"), struct.Struct("<4Q")
WHOLE = 1024, 2048      # ext4 takes it for granted that its superblock, of two sectors, is written as a whole: one checksum is over it
WAYS = ("prefix", "any", "few", "most", "torn", "none", "sure")


class Write:
    def __init__(self, at, bytes_long, discard, data_at):
        self.at, self.bytes_long, self.discard, self.data_at = at, bytes_long, discard, data_at


class Interval:
    """
    What happened between two flushes. sure: writes that went past the cache (FUA); loose: the others, in order of completion; marks: the
    numbers of the last records that were noted before each of the sure ones, and before the end.
    """

    def __init__(self, mark):
        self.sure, self.loose, self.marks, self.mark = [], [], [], mark


def read(path):
    """All intervals, and the log itself."""
    with open(path, "rb") as file:
        log = file.read()
    magic, version, entries, sector_bytes = SUPER.unpack_from(log)
    assert magic == MAGIC and version == 1, (hex(magic), version)
    at, found = sector_bytes, [Interval(-1)]
    for _ in range(entries):
        sector, sectors, flags, data_bytes = ENTRY.unpack_from(log, at)
        at += sector_bytes
        if flags & MARK:
            text = log[at - sector_bytes + ENTRY.size:at - sector_bytes + ENTRY.size + data_bytes].rstrip(b"\0").decode()
            if text.isdigit():
                found[-1].mark = int(text)
            continue
        if flags & FLUSH:
            found.append(Interval(found[-1].mark))
        if sectors:
            write = Write(sector * sector_bytes, sectors * sector_bytes, bool(flags & DISCARD), at)
            if flags & FUA:
                found[-1].marks.append(found[-1].mark)
            (found[-1].sure if flags & FUA else found[-1].loose).append(write)
        if not flags & DISCARD:
            at += sectors * sector_bytes
    return found, log


def put(disk, log, write, bytes_long=None):
    n = write.bytes_long if bytes_long is None else bytes_long
    data = bytes(n) if write.discard else log[write.data_at:write.data_at + n]
    disk[write.at:write.at + n] = data


def put_all(disk, log, interval):
    """Loose writes come in the log when the flush comes that covers them, so that their order among the sure ones is not known."""
    for write in interval.sure + interval.loose:
        put(disk, log, write)


def tear(disk, log, write, rng, unit):
    """As many of its units as happen to have come, from its beginning."""
    bytes_long = rng.randrange(0, write.bytes_long + 1, min(unit, write.bytes_long))
    put(disk, log, write, 0 if WHOLE[0] < write.at + bytes_long < WHOLE[1] else bytes_long)


CHANCES = {"any": 0.5, "few": 0.15, "most": 0.9, "none": 0.0, "torn": 0.5, "sure": 0.5}


def leave(disk, log, interval, rng, way, unit):
    """
    Lays on the disk what of an interval is there after a cut at its end, before the flush; the way "sure": before a write past the
    cache, if there is one. Such are not torn: ext4 takes the block that ends a transaction for whole or absent. Returns the mark of what was
    known then.
    """
    sure = interval.sure
    if sure and way == "sure":
        k = rng.randrange(len(sure))
        for write in sure[:k]:
            put(disk, log, write)
        return max(0, interval.marks[k])    # which of the others were done by then is not known: none of them has to be there
    for write in sure:
        put(disk, log, write)
    if way == "prefix":
        n = rng.randrange(len(interval.loose) + 1)
        for write in interval.loose[:n]:
            put(disk, log, write)
        if n < len(interval.loose):
            tear(disk, log, interval.loose[n], rng, unit)
        return interval.mark
    for write in interval.loose:
        if rng.random() >= CHANCES[way]:
            continue
        if way == "torn":
            tear(disk, log, write, rng, unit)
        else:
            put(disk, log, write)
    return interval.mark


def overlap(interval):
    """Whether something was written both past the cache and through it: which came last the log does not tell."""
    sure = [(write.at, write.at + write.bytes_long) for write in interval.sure]
    return any(begin < write.at + write.bytes_long and write.at < end for write in interval.loose for begin, end in sure)


def choose(intervals, times, n, rng):
    """
    n places, (interval, way), half of them at instants that are as likely as any other, times being those of the records that are
    marked, half in intervals that are as likely as any other: when much happens there are many of them.
    """
    known = next((k for k, interval in enumerate(intervals) if overlap(interval)), len(intervals))      # so far the disk is
    usable = [k for k, interval in enumerate(intervals[:known]) if interval.mark >= 0]
    ends = [times[intervals[k].mark] for k in usable]

    def place():
        if rng.random() < 0.5:
            return rng.choice(usable)
        return usable[min(bisect.bisect_left(ends, rng.uniform(ends[0], ends[-1])), len(usable) - 1)]
    return sorted((place(), rng.choice(WAYS)) for _ in range(n))


def states(base, intervals, log, places, seed, unit):
    """Yields (mark, way, disk) of each place, in order."""
    disk, done = bytearray(base), 0
    for number, (k, way) in enumerate(places):
        while done < k:
            put_all(disk, log, intervals[done])
            done += 1
        state = bytearray(disk)
        yield leave(state, log, intervals[k], random.Random(f"{seed}-{number}"), way, unit), way, state


def save_sparse(path, disk):
    step = 1 << 16
    zeros = bytes(step)
    with open(path, "wb") as file:
        file.truncate(len(disk))
        view = memoryview(disk)
        for at in range(0, len(disk), step):
            if view[at:at + step] != zeros:
                file.seek(at)
                file.write(view[at:at + step])
