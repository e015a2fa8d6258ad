#!/usr/bin/env python3
"""A USB webcam, through the kernel's real uvcvideo driver, in the test kernel and in simulated time: MJPEG, controls, unplugging.

    uvc.py CASE CAMD PROBE        on the host: boots the kernel for the case, then reads every video back
    uvc.py inside CASE CAMD DIR   in the kernel

The webcam is uvcgadget.py. Its pictures carry a number in black and white bars, over a field of colours, so that what was
recorded can be compared with what was sent, picture by picture.
"""
import csv
import glob
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402
import uvcgadget    # noqa: E402

FPS, WIDTH, HEIGHT, N_PICTURES = 25, 320, 240, 32
NAME, SERIAL = "Webcam of tests", "SN0042"


def pictures(folder):
    """JPEGs 4:2:2 of full range, as webcams give them."""
    os.makedirs(folder)
    graph = (f"nullsrc=size={WIDTH}x{HEIGHT}:rate={FPS},format=yuvj422p,geq=lum='if(lt(Y,120),10+235*mod(floor(N/pow(2,floor(X/64))),2),"
             "X*255/320)':cb='28+X*200/160':cr='28+Y*200/240'")
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", graph, "-frames:v", str(N_PICTURES), "-q:v", "2", "-huffman", "default",
                    folder + "/%03d.jpg"], check=True)
    found = []
    for path in sorted(glob.glob(folder + "/*.jpg")):
        with open(path, "rb") as file:
            found.append(file.read())
    assert len(found) == N_PICTURES
    return found


def decode(*source):
    """The pictures as rows of RGB."""
    data = subprocess.run(["ffmpeg", "-v", "error", *source, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                          check=True, stdout=subprocess.PIPE).stdout
    size = WIDTH * HEIGHT * 3
    assert len(data) % size == 0
    return [data[at:at + size] for at in range(0, len(data), size)]


def number(picture):
    """What the bars say."""
    row = 60 * WIDTH * 3
    return sum((picture[row + (64 * bit + 32) * 3] > 128) << bit for bit in range(5))


def difference(a, b):
    """The mean of the differences over some hundreds of points."""
    points = range(0, len(a), 997)
    return sum(abs(a[i] - b[i]) for i in points) / len(points)


class Scene:
    def __init__(self, program):
        scratch = os.environ["CAMD_SCRATCH"]
        self.program = program
        self.folder = scratch + "/sent"
        self.pictures = pictures(self.folder)
        self.webcam, self.camd = None, None

    def plug(self, udc=0, serial=SERIAL):
        self.webcam = uvcgadget.Webcam(NAME, serial, (WIDTH, HEIGHT), FPS, self.pictures, udc)
        self.node = None
        for _ in range(50):
            time.sleep(0.1)
            for path in glob.glob("/sys/class/video4linux/video*"):
                with open(path + "/name", encoding="utf-8") as file, open(path + "/index", encoding="utf-8") as index:
                    if NAME in file.read() and index.read().strip() == "0":
                        self.node = "/dev/" + os.path.basename(path)
            if self.node:
                return
        raise AssertionError("uvcvideo did not find the webcam")

    def open(self, *flags):
        self.camd = inkernel.Camd(self.program, "--camera", "v4l2:" + self.node, "--resolution", f"{WIDTH}x{HEIGHT}", "--target-fps",
                                  str(FPS), "--bitrate", "4M", "--encoder", "software", *flags)
        self.camd.ask("subscribe", events=["*"])

    def begin(self):
        self.camd.ask("start_recording")

    def end(self):
        """Ends the recording; compares what is in it with what was sent. Returns what was lost."""
        camera, = self.camd.ask("stop_recording")["cameras"]
        assert camera["captured"] == camera["frames"] + sum(camera["lost"].values()) and "error" not in camera, camera
        self.camd.ask("quit")
        assert self.camd.process.wait() == 0
        sent = decode("-i", self.folder + "/%03d.jpg")
        recorded = decode("-i", camera["file"])
        assert len(recorded) == camera["frames"]
        with open(camera["csv"] if "csv" in camera else camera["file"][:-len(".mp4")] + "_frame_timing.csv", encoding="utf-8") as file:
            missing = [int(row["dropped_since_last"]) for row in csv.DictReader(file)]
        numbers = [number(picture) for picture in recorded]
        worst = max(difference(picture, sent[n]) for picture, n in zip(recorded, numbers))
        print(f"{len(recorded)} pictures recorded, {sum(missing)} missing, at most {worst:.2f} of 255 off")
        assert worst < 4, worst
        return camera["lost"], numbers, missing

    @staticmethod
    def check_order(numbers, missing):
        """Each picture is the one that is due after as many as are missing."""
        for k in range(1, len(numbers)):
            assert numbers[k] == (numbers[k - 1] + 1 + missing[k]) % N_PICTURES, (k, numbers[k - 1:k + 1], missing[k])


def case_record(scene):
    scene.plug()
    scene.open()
    info, = scene.camd.ask("list_cameras")["cameras"]
    assert info["id"].endswith("/" + SERIAL) and info["modes"] == [{"size": f"{WIDTH}x{HEIGHT}", "max_fps": FPS}], info
    scene.begin()
    time.sleep(10)
    lost, numbers, missing = scene.end()
    assert sum(lost.values()) == 0 and abs(len(numbers) - 10 * FPS) <= 3, (lost, len(numbers))
    scene.check_order(numbers, missing)


def case_damaged(scene):
    """Pictures cut off in the middle are no pictures."""
    scene.plug()
    scene.open()
    scene.begin()
    for _ in range(3):
        time.sleep(1)
        scene.webcam.damage.value = 2
    time.sleep(1)
    lost, numbers, missing = scene.end()
    assert lost == {"sensor": 6, "starved": 0, "encoder": 0, "storage": 0}, lost
    scene.check_order(numbers, missing)


def case_controls(scene):
    """What the webcam itself gets to hear."""
    exposure, mode, priority, brightness = (uvcgadget.CAMERA, 4), (uvcgadget.CAMERA, 2), (uvcgadget.CAMERA, 3), (uvcgadget.PROCESSING, 2)

    def has(*pairs):
        return [scene.webcam.value(*key) for key, _ in pairs] == [value for _, value in pairs]

    scene.plug()
    scene.open()
    info, = scene.camd.ask("list_cameras")["cameras"]
    names = {control["name"] for control in info["controls"]}
    assert names == {"brightness", "white_balance_automatic", "power_line_frequency", "white_balance_temperature", "auto_exposure",
                     "exposure_time_absolute", "exposure_dynamic_framerate"}, names
    assert has((priority, 0)), "the rate would sink in dim light"
    scene.begin()
    refused = scene.camd.try_to("set_controls", camera_id=0, controls={"exposure_time_absolute": 100})
    assert refused["status"] == "error" and "auto_exposure" in refused["data"]["message"] and "Manual Mode" in refused["data"]["message"]
    assert has((exposure, 250))
    scene.camd.ask("set_controls", camera_id=0, controls={"exposure_time_absolute": 100, "auto_exposure": "Manual Mode", "brightness": 77})
    assert has((exposure, 100), (mode, 1), (brightness, 77))
    time.sleep(2)
    # unplugged, and another of its kind, fresh from the factory: it is given what was set
    scene.webcam.unplug()
    time.sleep(0.5)
    scene.plug()
    assert has((exposure, 250), (mode, 8), (brightness, 128))
    time.sleep(12)
    assert has((exposure, 100), (mode, 1), (brightness, 77), (priority, 0))
    lost, _, _ = scene.end()
    assert lost["sensor"] > 0, lost


def case_settings(scene):
    """What the webcam hears of the flags of rpicam-apps; again when it is another one of its kind."""
    wanted = {(uvcgadget.CAMERA, 2): 1, (uvcgadget.CAMERA, 4): 150, (uvcgadget.PROCESSING, 2): 64, (uvcgadget.PROCESSING, 0x0B): 0,
              (uvcgadget.PROCESSING, 0x0A): 6000}

    def values():
        return {key: scene.webcam.value(*key) for key in wanted}

    scene.plug()
    assert not any(values()[key] == value for key, value in wanted.items()), values()
    scene.open("--shutter", "15ms", "--brightness", "-0.5", "--awb", "daylight", "--saturation", "0.5")
    scene.begin()
    assert values() == wanted, values()
    time.sleep(2)
    scene.webcam.unplug()
    time.sleep(0.5)
    scene.plug()
    time.sleep(4)
    assert values() == wanted, values()
    assert scene.camd.log().count("saturation: the camera has nothing of the kind") == 1, "told once"
    scene.end()


def case_unplug(scene):
    """Pulled out, and plugged in again at another port: the same camera by its serial number, in the same file."""
    scene.plug()
    scene.open()
    scene.begin()
    time.sleep(4)
    scene.webcam.unplug()
    time.sleep(1)
    camera, = scene.camd.ask("get_status")["cameras"]
    assert camera["state"] == "lost" and camera["recording"], camera
    scene.plug(udc=1)
    time.sleep(30)
    camera, = scene.camd.ask("get_status")["cameras"]
    assert camera["state"] == "running" and camera["camera_id"] == 0, camera
    assert scene.camd.seen("camera_lost", camera_id=0) >= 1 and scene.camd.seen("camera_found", camera_id=0) >= 1
    lost, numbers, missing = scene.end()
    assert lost["sensor"] >= FPS and sum(lost.values()) == lost["sensor"], lost
    gap = max(range(len(missing)), key=lambda k: missing[k])
    for part in (slice(0, gap), slice(gap, None)):
        scene.check_order(numbers[part], [0] + missing[part][1:])


def inside(case, program, target):
    scene = Scene(program)
    try:
        globals()["case_" + case](scene)
    except BaseException:
        print(scene.camd.log()[-6000:] if scene.camd else "", file=sys.stderr)
        raise
    inkernel.keep(target)


def run(case, camd, probe):
    flags = ["-t", "-T", "300", "-k", "dummy_hcd.num=2", "-M", "raw_gadget"]
    videos = inkernel.run(__file__, case, camd, probe, flags)
    assert len(videos) == 1, videos


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
