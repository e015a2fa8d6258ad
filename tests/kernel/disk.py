#!/usr/bin/env python3
"""
camd on a disk that pauses, loses what was written, fails for a moment or for long, has a bad block, by the device mapper, in simulated
time: what is lost is counted, and nothing else is. Before anything is looked at the file system is mounted anew, so that what is seen is what is on the disk.

    disk.py CASE CAMD PROBE             on the host: boots the kernel, then looks at every video and table;
                                        CASE_FS, with vfat or f2fs, is not on ext4
    disk.py inside CASE CAMD DIR        in the kernel: drives camd over its protocol, leaves what it recorded in DIR
"""
import csv
import fcntl
import glob
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

BLOCK = 4096
SECTORS = BLOCK // 512      # a block
EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH = 0x8004587d, 2      # fs/ext4/ext4.h


# ---- in the kernel ----

class Disk:
    """A file system on a device of the device mapper; its table says how it behaves."""

    def __init__(self, where, file_system="ext4", *options):
        self.where, self.below = where, os.environ["CAMD_DISK_DEVICE"]
        self.sectors = int(subprocess.check_output(["blockdev", "--getsz", self.below]))
        self.name = "camd"
        self._dmsetup("create", self.name, "--table", self._linear())
        options = {"ext4": ["-q", "-b", str(BLOCK)], "vfat": ["-F", "32"], "f2fs": ["-q"]}[file_system] + list(options)
        subprocess.run(["mkfs." + file_system, *options, "/dev/mapper/camd"], check=True, stdout=subprocess.DEVNULL)
        os.makedirs(where, exist_ok=True)
        self.mount()

    def _dmsetup(self, *arguments):
        subprocess.run(["dmsetup", *arguments], check=True, env={**os.environ, "DM_DISABLE_UDEV": "1"})

    def _linear(self, start=0, end=None):
        return f"{start} {(end or self.sectors) - start} linear {self.below} {start}"

    def mount(self):
        subprocess.run(["mount", f"/dev/mapper/{self.name}", self.where], check=True)

    def unmount(self):
        subprocess.run(["umount", self.where], check=True)

    def find_error(self):
        """Something is amiss, says the file system, and takes nothing any more."""
        subprocess.run(["mount", "-o", "remount,errors=remount-ro", self.where], check=True)
        for path in glob.glob("/sys/fs/ext4/dm-*/trigger_fs_error"):
            with open(path, "w", encoding="ascii") as file:
                file.write("an error")

    def pull_out(self):
        """As far as the file system can tell: nothing gets to it any more, not even its journal."""
        directory = os.open(self.where, os.O_RDONLY)
        fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN, struct.pack("I", EXT4_GOING_FLAGS_NOLOGFLUSH))
        os.close(directory)

    def put_in_again(self):
        """It is another device, as far as the kernel can tell: who has files of the old one open keeps that."""
        subprocess.run(["umount", "--lazy", self.where], check=True)
        self.name = "again"
        self._dmsetup("create", self.name, "--table", self._linear())
        self.mount()

    def pause(self):
        self._dmsetup("suspend", "--noflush", "--nolockfs", "camd")

    def go_on(self, *table):
        """With another table, if any; one that is paused."""
        if table:
            self._dmsetup("load", "camd", "--table", "\n".join(table))
        self._dmsetup("resume", "camd")

    def damage(self, ranges):
        """These ranges of sectors can't be written to, nor read; all else is as it was."""
        table, at = [], 0
        for start, end in ranges:
            if start > at:
                table.append(self._linear(at, start))
            table.append(f"{start} {end - start} error")
            at = end
        if at < self.sectors:
            table.append(self._linear(at))
        self.pause()
        self.go_on(*table)

    def fail(self):
        """Whatever is written fails, flushes too; what is there can be read."""
        self.pause()
        self.go_on(f"0 {self.sectors} flakey {self.below} 0 0 1000 1 error_writes")

    def heal(self):
        self.pause()
        self.go_on(self._linear())


def extents(path):
    """Of a file: its first and last block, and where on the disk these are."""
    for line in subprocess.check_output(["filefrag", "-v", path], text=True).splitlines():
        found = re.match(r"\s*\d+:\s*(\d+)\.\.\s*(\d+):\s*(\d+)\.\.\s*(\d+):", line)
        if found:
            yield tuple(int(number) for number in found.groups())


def blocks_behind(path):
    """Ranges of sectors that are reserved for a file behind its end."""
    size, ranges = os.path.getsize(path), []
    for first, last, start, end in extents(path):
        skip = max(0, size // BLOCK + 1 - first)
        if first + skip <= last:
            ranges.append(((start + skip) * SECTORS, (end + 1) * SECTORS))
    return sorted(ranges)


def status(process):
    return process.ask("get_status")["cameras"][0]


def events(process, name):
    return [event["data"] for event in process.events if event.get("event") == name]


def wait_for(process, name, count, seconds):
    for _ in range(seconds * 4):
        if len(events(process, name)) >= count:
            return
        process.ask("wait", seconds=0.25)
    raise AssertionError(f"no {name} within {seconds} s")


def pause(process, disk):
    """For 3 s. The kernel takes no more than some frames for a disk that does not take them from it, so that writes wait, too."""
    for name, number in (("dirty_background_bytes", 65536), ("dirty_bytes", 131072)):
        with open(f"/proc/sys/vm/{name}", "w", encoding="ascii") as file:
            file.write(str(number))
    process.ask("wait", seconds=2)
    equal(events(process, "storage_slow"), [])
    disk.pause()
    process.ask("wait", seconds=3)
    lag_ms = status(process)["durable_lag_ms"]
    assert 2990 <= lag_ms <= 3600, lag_ms
    disk.go_on()
    process.ask("wait", seconds=4)
    begins, ends = events(process, "storage_slow")
    equal((begins["slow"], ends["slow"], ends["lost"]), (True, False, 0))
    assert begins["queued_bytes"] > 0 and ends["queued_bytes"] < begins["queued_bytes"], (begins, ends)
    assert 1500 < begins["durable_lag_ms"] <= 2500, begins
    storage = process.ask("get_status")["storage"]
    # the sync that began within the recovery point of half a second
    assert storage["slowest_sync_ms"] >= 2499 and storage["slowest_write_ms"] > 1500, storage
    assert storage["stalls"]["from_1_s"] + storage["stalls"]["from_3_s"] >= 2, storage       # a write, and a sync, which may have met all of it


def lost_writes(process, disk):
    """Twice in a recording, bad blocks: in the first file, and in that which it went on in."""
    for files in (2, 3):
        process.ask("wait", seconds=3.3)
        while not (ranges := blocks_behind(status(process)["output"])):
            process.ask("wait", seconds=0.1)
        disk.damage(ranges)
        wait_for(process, "segment_finished", files - 1, 30)
        disk.heal()
    warnings = events(process, "warning")
    equal([warning["code"] for warning in warnings], ["io_error"] * 2)
    captured = status(process)["captured_frames"]
    synced, = process.ask("sync")["cameras"]
    assert synced["durable_frame"] >= captured, (synced, captured)


def moment(process, disk):
    """Whatever is written fails, for as long as it takes to try again."""
    process.ask("wait", seconds=3.3)
    disk.fail()
    process.ask("wait", seconds=1.2)
    disk.heal()
    process.ask("wait", seconds=3)
    equal(events(process, "recording_stopped"), [])


def clip(process, disk):
    """Of a trigger, without a recording: whatever is written fails for a while, in the midst of the clip, and again at its end."""
    process.ask("wait", seconds=4)
    process.ask("trigger", before=2, after=5)
    process.ask("wait", seconds=2.3)
    disk.fail()
    process.ask("wait", seconds=1.2)
    disk.heal()
    process.ask("wait", seconds=1.3)
    disk.fail()
    process.ask("wait", seconds=1)
    disk.heal()
    wait_for(process, "trigger_saved", 1, 20)
    saved, = events(process, "trigger_saved")
    return {"saved": saved}


def gone(process, disk):
    """The disk is pulled out, and put in again: the recording ends, and begins again by itself."""
    return ends_and_begins_again(process, disk, disk.pull_out, "io_error")


def read_only(process, disk):
    """The file system finds an error, and makes itself read-only; somebody mends that."""
    return ends_and_begins_again(process, disk, disk.find_error, "storage_readonly")


def stops(process, disk):
    """Whatever is written fails for a moment; f2fs takes nothing from then on, until it is mounted again."""
    def fail_for_a_moment():
        disk.fail()
        process.ask("wait", seconds=1.2)
        disk.heal()

    return ends_and_begins_again(process, disk, fail_for_a_moment, "io_error")


def ends_and_begins_again(process, disk, happens, code):
    process.ask("wait", seconds=3.3)
    durable = status(process)["durable_frame"]
    happens()
    refused = process.try_to("sync")
    assert (refused["status"], refused["data"].get("code")) == ("error", code), refused
    wait_for(process, "recording_stopped", 1, 20)
    ended, = events(process, "recording_stopped")
    equal(ended["cause"], "error")
    equal(ended["captured"], ended["frames"] + sum(ended["lost"].values()))
    assert ended["frames"] >= durable >= 60, (durable, ended)
    process.ask("wait", seconds=5)
    equal(status(process)["recording"], False)
    disk.put_in_again()
    wait_for(process, "recording_started", 2, 60)
    process.ask("wait", seconds=2)
    return {"durable": durable}


def look_after(camd):
    """The next start: what it tells of the one video."""
    with inkernel.Camd(camd, "--camera", "synthetic:64x48@5") as process:
        process.finishes = False
        process.ask("subscribe", events="*")
        wait_for(process, "recovered", 1, 20)
    recovered, = events(process, "recovered")
    return recovered


def contents(video):
    with open(video, "rb") as file:
        return file.read()


def unreadable(disk, camd, flags, share=None):
    """camd is killed, and a block in the middle of what it left, or such a share of all, can't be read. Then the disk is whole again."""
    killed = inkernel.Camd(camd, *flags)
    killed.ask("start_recording")
    killed.ask("wait", seconds=20)
    video = status(killed)["output"]
    killed.process.kill()
    killed.process.wait()
    left = contents(video)
    disk.unmount()
    disk.mount()
    blocks = len(left) // BLOCK
    bad = range(blocks // 2, blocks // 2 + (blocks // share if share else 1))
    disk.damage(sorted(((start + max(bad[0], first) - first) * SECTORS, (start + min(bad[-1], last) + 1 - first) * SECTORS)
                       for first, last, start, _ in extents(video) if first <= bad[-1] and last >= bad[0]))
    try:
        contents(video)
        raise AssertionError("it can be read")
    except OSError:
        pass
    told = {"recovered": look_after(camd)}
    disk.heal()
    if share:
        told.update(same=contents(video) == left, later=look_after(camd))
    return told


def record(case, disk, camd, flags):
    with inkernel.Camd(camd, *flags) as process:
        process.finishes = case in ("pause", "clip")        # what the disk has damaged is finished by the next start
        process.ask("subscribe", events="*")
        if case == "clip":
            return clip(process, disk)
        process.ask("start_recording")
        told = {"pause": pause, "lost_writes": lost_writes, "moment": moment, "gone": gone, "read_only": read_only,
                "stops": stops}[case](process, disk)
        process.ask("wait", seconds=1)
        stopped, = process.ask("stop_recording")["cameras"]
    return {"stopped": stopped, **(told or {})}


def split(case):
    """A case's name, and its file system."""
    name, _, file_system = case.rpartition("_")
    return (name, file_system) if file_system in ("vfat", "f2fs") else (case, "ext4")


def inside(case, camd, target):
    where = os.path.join(os.environ["CAMD_SCRATCH"], "recordings")
    case, file_system = split(case)
    no_journal = file_system == "ext4" and case not in ("pause", "gone", "read_only")
    disk = Disk(where, file_system, *(["-O", "^has_journal"] if no_journal else []))
    camera = "synthetic:64x48@160" if case == "pause" else "synthetic:320x240@30"
    flags = ["--camera", camera, "--preset", "ultrafast", "--threads", "1", "--intra", "1s"] + (["--prebuffer", "3s"] if case == "clip" else [])
    shares = {"unreadable": None, "unreadable_for_the_most_part": 8}
    told = unreadable(disk, camd, flags, shares[case]) if case in shares else record(case, disk, camd, flags)
    disk.unmount()
    disk.mount()
    inkernel.keep(target)
    with open(target + "/told", "w", encoding="utf-8") as file:
        json.dump(told, file)


# ---- on the host ----

def equal(found, wanted):
    assert found == wanted, f"{found}, not {wanted}"


def read_rows(video):
    with open(video[:-len(".mp4")] + "_frame_timing.csv", newline="", encoding="ascii") as file:
        return list(csv.DictReader(file))


def check_ledger(rows, stopped):
    """Each number is a row of one table."""
    numbers = [int(row["frame_number"]) for row in rows]
    equal(numbers, sorted(set(numbers)))
    equal(stopped["captured"], stopped["frames"] + sum(stopped["lost"].values()))
    equal(len(rows), stopped["frames"])
    return numbers


def check_gone(told, found, probe):
    """What was durable when the disk was pulled out is there, and plays; the other recording is whole."""
    before, after = sorted(found)
    played = subprocess.check_output(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", before])
    rows = len(read_rows(before))
    assert int(played) >= told["durable"] and rows >= told["durable"], (int(played), rows, told)
    equal(check_ledger(read_rows(after), told["stopped"]), list(range(1, told["stopped"]["captured"] + 1)))
    subprocess.run([probe, after, after[:-len(".mp4")] + "_frame_timing.csv"], check=True)


def check_unreadable(told, found, probe):
    """What lay in that block is lost, as `storage`, and nothing else is."""
    video, = found
    rows, recovered = read_rows(video), told["recovered"]
    lost = int(rows[-1]["lost_storage"])
    equal((recovered["frames"], recovered["bytes_cut"]), (len(rows), 0))
    assert 1 <= lost <= 10 and int(rows[-1]["frame_number"]) == len(rows) + lost >= 590, (lost, rows[-1])
    subprocess.run([probe, video, video[:-len(".mp4")] + "_frame_timing.csv", "--no-decode"], check=True)


def check_much_unreadable(told, found, probe):
    """It is left as it is, and told of; nothing is missing when it can be read again."""
    video, = found
    assert told["same"] and "Input/output error" in told["recovered"]["message"], told
    later, rows = told["later"], read_rows(video)
    equal((later["frames"], later.get("message"), int(rows[-1]["lost_storage"])), (len(rows), None, 0))
    assert len(rows) >= 590, len(rows)
    subprocess.run([probe, video, video[:-len(".mp4")] + "_frame_timing.csv", "--number-pattern"], check=True)


def check_clip(told, target, probe):
    """It was written again from its first frame on: there is one file, whole, of all that was wanted."""
    saved = told["saved"]
    wrote, = saved["clips"]
    assert "written again" in saved["message"], saved
    # one of intra's second more before, for it begins with a key frame; 30 frames a second
    assert 7 * 30 <= wrote["frames"] <= 8 * 30 + 1, saved
    video, = glob.glob(target + "/session_*/*.mp4")
    equal(os.path.basename(video), os.path.basename(wrote["file"]))
    rows = read_rows(video)
    numbers = [int(row["camera_frame"]) for row in rows]
    equal(numbers, list(range(numbers[0], numbers[0] + wrote["frames"])))
    subprocess.run([probe, video, video[:-len(".mp4")] + "_frame_timing.csv", "--part", "--number-pattern"], check=True)


def check(case, target, found, probe):
    with open(target + "/told", encoding="utf-8") as file:
        told = json.load(file)
    if case in ("gone", "read_only", "stops"):
        return check_gone(told, found, probe)
    if case == "unreadable":
        return check_unreadable(told, found, probe)
    if case == "unreadable_for_the_most_part":
        return check_much_unreadable(told, found, probe)
    if case == "clip":
        return check_clip(told, target, probe)
    stopped = told["stopped"]
    numbers = check_ledger([row for video in found for row in read_rows(video)], stopped)
    equal(numbers, list(range(1, stopped["captured"] + 1)))
    equal(len(found), {"lost_writes": 3, "moment": 2}.get(case, 1))
    equal(stopped["segments"], len(found))
    for part, video in enumerate(found):
        subprocess.run([probe, video, video[:-len(".mp4")] + "_frame_timing.csv", "--number-pattern", *(["--part"] if part else [])],
                       check=True)


def main():
    case, camd, probe = sys.argv[1:]
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None      # where a sync takes no time
    with tempfile.TemporaryDirectory() as target, tempfile.NamedTemporaryFile(dir=shared) as image:
        image.truncate(128 << 20)
        subprocess.run([os.path.join(HERE, "run"), "-t", "-d", image.name, "-T", "200", "--", "/usr/bin/python3", "-B",
                        os.path.abspath(__file__), "inside", case, os.path.abspath(camd), target], check=True)
        inkernel.check_lines(target)
        found = sorted(glob.glob(target + "/session_*/cam0_*.mp4"), key=lambda video: int(read_rows(video)[0]["frame_number"]))
        check(split(case)[0], target, found, probe)


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        main()
