#!/usr/bin/env python3
"""vivid cameras, the M2M encoder and camd, in the test kernel and in simulated time: what is recorded is what the cameras gave.

    m2m.py CASE CAMD PROBE        on the host: boots the kernel for the case
    m2m.py inside CASE CAMD DIR   in the kernel

v4l2-ctl reads each camera first, then camd records it through the encoder, which is lossless. vivid's pictures depend on
the time since the start of the stream only, so the n-th picture of the one must be the n-th of the other, byte by byte.

Cases: exact (two cameras at once, imported: nothing is copied), strides (a size whose rows the encoder wants longer: the camera is asked for such),
single and planes (the other two kinds of the API; several memory planes are copied), recordings (five in a row, one encoder),
overlay (the frame's number is drawn into what is imported, and nothing else changes).
"""
import csv
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inkernel     # noqa: E402

PARAMETERS = "/sys/module/h264enc/parameters/"
# size, frames/s, module's arguments, whether the frames are imported
CASES = {
    "exact": ((640, 360), 10, "", True),
    "strides": ((1456, 1088), 25, "", True),
    "single": ((640, 360), 10, "api=single", True),
    "planes": ((640, 360), 10, "api=planes", False),
    "recordings": ((320, 180), 10, "", True),
    "overlay": ((640, 360), 10, "", True),
}
FRAMES = 40
OVERLAY_ROWS = 32       # that the overlay may change, from the upper edge on


def prepare(node, size, fps):
    """1456x1088 is none of vivid's webcam sizes: its HDMI input, with the timings of 1080p25, scales. One line of text tells time
    and number of a picture, the others tell things that change from run to run."""
    frame = f"width={size[0]},height={size[1]}"
    if size == (1456, 1088):
        how = ["--set-input", "3"], ["--set-dv-bt-timings", "index=9"], [f"--set-fmt-video={frame},pixelformat=NV12"], \
              ["--set-selection", f"target=compose,left=0,top=0,{frame}"]
    else:
        how = [f"--set-fmt-video={frame},pixelformat=NV12"], [f"--set-parm={fps}"]
    for what in (["--set-ctrl", "osd_text_mode=1"], *how):
        subprocess.run(["v4l2-ctl", "-d", node, *what], check=True, stdout=subprocess.DEVNULL)


def read_raw(node, path):
    subprocess.run(["v4l2-ctl", "-d", node, "--stream-mmap=6", f"--stream-count={FRAMES}", f"--stream-to={path}"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def decode(video, path):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", video, "-f", "rawvideo", "-pix_fmt", "nv12", path], check=True)


def parts(picture, size):
    """What the overlay may change of a picture, and the rest of it."""
    luma, rows = size[0] * size[1], size[0] * OVERLAY_ROWS
    return picture[:rows] + picture[luma:luma + rows // 2], picture[rows:luma] + picture[luma + rows // 2:]


def compare(video, raw, size, drawn):
    """Every frame of the video, by its row's camera_frame, against what v4l2-ctl read. Returns how many were compared."""
    bytes_ = size[0] * size[1] * 3 // 2
    with open(video[:-len(".mp4")] + "_frame_timing.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    decode(video, raw + ".decoded")
    with open(raw, "rb") as source, open(raw + ".decoded", "rb") as decoded:
        for k, row in enumerate(rows):
            n = int(row["camera_frame"]) - 1
            picture = decoded.read(bytes_)
            assert len(picture) == bytes_, f"{video}: only {k} of {len(rows)} frames decode"
            if n >= FRAMES:
                continue
            source.seek(n * bytes_)
            same = source.read(bytes_)
            if drawn:
                (above, picture), (above_before, same) = parts(picture, size), parts(same, size)
                assert above != above_before, f"{video}: nothing is drawn into frame {k + 1}"
            assert picture == same, f"{video}: frame {k + 1} (camera_frame {n + 1}) differs from the camera's picture, first at " \
                f"byte {next(i for i in range(len(same)) if picture[i] != same[i])}"
        assert not decoded.read(1), f"{video}: more frames than rows"
    return min(len(rows), FRAMES)


def counter(name):
    with open(PARAMETERS + name, encoding="utf-8") as file:
        return int(file.read())


def inside(case, camd, target):
    size, fps, _, imported = CASES[case]
    scratch = os.environ["CAMD_SCRATCH"]
    nodes = inkernel.vivid_nodes()
    raws = [f"{scratch}/raw{i}" for i in range(len(nodes))]
    for node, raw in zip(nodes, raws):
        prepare(node, size, fps)
        read_raw(node, raw)
    flags = ["--resolution", f"{size[0]}x{size[1]}", "--target-fps", str(fps), "--bitrate", "8M"]
    if case == "overlay":
        flags.append("--show-frame-number")
    for node in nodes:
        flags += ["--camera", f"v4l2:{node}?pixels=nv12"]
    with inkernel.Camd(camd, *flags) as process:
        for _ in range(5 if case == "recordings" else 1):
            started = process.ask("start_recording")
            process.ask("wait", seconds=(FRAMES - 8) / fps if case != "recordings" else 1)
            status = process.ask("get_status")
            stopped = process.ask("stop_recording")
            for camera in status["cameras"]:
                assert "(hardware)" in camera["encoder"], camera
                copied = camera["copied_bytes"]
                assert (copied == 0) == imported, f"{copied} bytes copied"
            for camera in stopped["cameras"]:
                assert camera["captured"] == camera["frames"] > 0 and sum(camera["lost"].values()) == 0, camera
            frames = [compare(video, raw, size, case == "overlay") for video, raw in zip(started["files"], raws)] if case != "recordings" else []
            print(f"{case}: {frames} frames equal to what v4l2-ctl read, {copied} bytes copied; the driver imported "
                  f"{counter('output_dmabuf')} frames and was given {counter('output_mmap')} by copy")
            assert not imported or counter("output_mmap") == 0
        if case == "recordings":
            assert process.log().count(" encodes ") == len(nodes), "one encoder a camera for all recordings"
    inkernel.keep(target)


def run(case, camd, probe):
    _, _, module, _ = CASES[case]
    inkernel.run(__file__, case, camd, probe, flags=["-t", "-m", "3G", "-T", "240", "-M", f"h264enc {module}".strip(), "-k", "vivid.n_devs=2"])


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(*sys.argv[2:])
    else:
        run(*sys.argv[1:])
