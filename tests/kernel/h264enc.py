#!/usr/bin/env python3
"""The test kernel's own H.264 encoder (h264enc/), at its interface and under programs that others wrote.

    h264enc.py TRY          on the host: boots the kernel; TRY is the program made of h264enc/try/
    h264enc.py inside TRY   in the kernel: TRY, v4l2-compliance, ffmpeg, GStreamer, with each API that the module can have

Whatever was encoded is decoded by ffmpeg and compared with what went in, pixel by pixel.
"""
import glob
import hashlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PARAMETERS = "/sys/module/h264enc/parameters/"
FRAMES = 12
# v4l2-compliance of Debian 12 knows NV12 by the name that kernels before 6.0 have for it, and fails; so without it.
COMPLIANT = {"multi": "YU12", "single": "YU12", "planes": "YM12"}


def call(*command, **more):
    """Runs a command; its output, or a failure that shows it."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def load(*parameters):
    """The module again, with other parameters."""
    with open("/run/camd/job/modules", encoding="utf-8") as file:
        module = file.read().split()[0]
    call("rmmod", "h264enc")
    call("insmod", module, *parameters)


def counter(name):
    with open(PARAMETERS + name, encoding="utf-8") as file:
        return int(file.read())


def node(name, kind=""):
    for path in glob.glob("/sys/class/video4linux/video*"):
        with open(path + "/name", encoding="utf-8") as file:
            found = file.read()
        if found.startswith(name) and kind in found:
            return "/dev/" + os.path.basename(path)
    raise AssertionError(f"no {name} {kind}")


def pictures(arguments, size):
    """Sums of all pictures in planar 4:2:0."""
    width, height = map(int, size.split("x"))
    command = ["ffmpeg", "-v", "error", "-nostdin", *arguments, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    step = width * height * 3 // 2
    assert len(data) % step == 0, f"{len(data)} bytes are no pictures of {size}"
    return [hashlib.md5(data[at:at + step]).hexdigest() for at in range(0, len(data), step)]


def compare(what, raw, coded, size, pixels):
    wanted = pictures(["-f", "rawvideo", "-s", size, "-pix_fmt", pixels, "-i", raw], size)
    found = pictures(["-i", coded], size)
    assert len(wanted) == FRAMES and len(set(wanted)) > 1, f"{what}: {len(wanted)} pictures in"
    assert found == wanted, f"{what}: {len(found)} pictures out, the first that differs is {differing(found, wanted)}"
    print(f"{what}: {FRAMES} pictures, all equal", flush=True)


def differing(found, wanted):
    return next((k for k, pair in enumerate(zip(found, wanted)) if pair[0] != pair[1]), min(len(found), len(wanted)))


def ffmpeg(api, size, pixels):
    raw, coded = "in.yuv", "out.h264"
    frames = counter("frames")
    quiet = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
    call(*quiet, "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-frames:v", str(FRAMES), "-pix_fmt", pixels,
         "-f", "rawvideo", raw)
    call(*quiet, "-f", "rawvideo", "-s", size, "-r", "25", "-pix_fmt", pixels, "-i", raw, "-c:v", "h264_v4l2m2m", coded)
    compare(f"{api}: ffmpeg {size} {pixels}", raw, coded, size, pixels)
    assert counter("frames") == frames + FRAMES, "that was another encoder"


def gstreamer_surroundings():
    """Only the plugins that are needed: looking at all of them takes longer than all the rest of this test."""
    os.mkdir("plugins")
    for name in ("coreelements", "videotestsrc", "video4linux2"):
        path, = glob.glob(f"/usr/lib/*/gstreamer-1.0/libgst{name}.so")
        os.symlink(path, f"plugins/{os.path.basename(path)}")
    return dict(os.environ, GST_REGISTRY=os.path.abspath("registry.bin"), GST_PLUGIN_SYSTEM_PATH_1_0=os.path.abspath("plugins"))


def gstreamer(surroundings, source, size, pixels, encoder=""):
    """What goes into the encoder goes to a file too."""
    raw, coded = "in.yuv", "out.h264"
    width, height = size.split("x")
    form = {"yuv420p": "I420", "nv12": "NV12"}[pixels]
    frames, imported = counter("frames"), counter("output_dmabuf")
    pipeline = (f"{source} num-buffers={FRAMES} ! video/x-raw,format={form},width={width},height={height} ! tee name=t "
                f"t. ! queue ! v4l2h264enc {encoder} ! video/x-h264,level=(string)4 ! filesink location={coded} "
                f"t. ! queue ! filesink location={raw}")
    call("gst-launch-1.0", "-q", *pipeline.split(), env=surroundings)
    compare(f"multi: GStreamer {source.split()[0]} {size} {pixels} {encoder}".rstrip(), raw, coded, size, pixels)
    assert counter("frames") == frames + FRAMES, "that was another encoder"
    wanted = FRAMES if "import" in encoder else 0
    assert counter("output_dmabuf") == imported + wanted, "the buffers were not what they were said to be"


def compliance(api):
    load(f"api={api}", f"format={COMPLIANT[api]}")
    text = call("v4l2-compliance", "-d", node("h264enc"), "-s")
    assert "Failed: 0" in text and "Detected Stateful Encoder" in text, text
    print(f"{api}: v4l2-compliance: {text.strip().splitlines()[-1]}", flush=True)


def try_all(api, program, group):
    text = call(program, group)
    print(f"{api}: {group}: {[line for line in text.splitlines() if 'PASSED' in line][-1]}", flush=True)


def no_complaints():
    """Nothing that a kernel says when a driver went wrong."""
    log = call("dmesg")
    for word in ("WARNING:", "BUG:", "Call Trace", "driver bug", "possible recursive"):
        assert word not in log, log[-4000:]


def inside(program):
    os.chdir(os.environ["CAMD_SCRATCH"])
    call("dmesg", "-C")
    for api in COMPLIANT:
        compliance(api)
        load(f"api={api}")
        try_all(api, program, "stream")
        if api != "planes":             # ffmpeg knows none of its formats
            try_all(api, program, "faults")
            ffmpeg(api, "320x180", "yuv420p")
    load()
    ffmpeg("multi", "1280x720", "nv12")
    surroundings = gstreamer_surroundings()
    gstreamer(surroundings, "videotestsrc", "1280x720", "yuv420p")
    gstreamer(surroundings, "videotestsrc pattern=ball", "320x240", "nv12")
    camera = node("vivid", "vid-cap")
    gstreamer(surroundings, f"v4l2src io-mode=dmabuf device={camera}", "640x480", "nv12", "output-io-mode=dmabuf-import")
    no_complaints()


def main():
    if sys.argv[1] == "inside":
        inside(sys.argv[2])
        return
    command = [os.path.join(HERE, "run"), "-t", "-M", "h264enc", "-T", "150", "--",
               "/usr/bin/python3", os.path.abspath(__file__), "inside", os.path.abspath(sys.argv[1])]
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
