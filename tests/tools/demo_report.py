#!/usr/bin/env python3
"""The report at the end of `make demo`: what camd said it recorded, what ffprobe finds in it, and a contact sheet.

usage: demo_report.py LINES_OF_CAMD
"""
import json
import subprocess
import sys


def last(lines, kind, name):
    found = [line["data"] for line in lines if line.get(kind) == name]
    return found[-1] if found else None


def probe(path):
    out = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries",
                          "stream=nb_read_frames,duration,width,height:format_tags=encoder", "-of", "json", path],
                         check=True, capture_output=True, text=True).stdout
    found = json.loads(out)
    return found["streams"][0], found.get("format", {}).get("tags", {})


def contact_sheet(path, frames):
    sheet = path.rsplit(".", 1)[0] + "_contact_sheet.jpg"
    step = max(1, frames // 12)
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", path, "-frames:v", "1", "-vf",
                    f"select=not(mod(n\\,{step})),scale=320:-2:out_color_matrix=bt601:out_range=full,format=yuvj420p,tile=4x3", "-fps_mode", "passthrough", sheet], check=True)
    return sheet


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = [json.loads(line) for line in file if line.startswith("{")]
    stopped = [line["data"] for line in lines if line.get("event") == "recording_stopped"]
    if not stopped:
        sys.exit("demo: no recording was finished")
    failed = False
    for camera in stopped:
        stream, tags = probe(camera["file"])
        lost = camera["lost"]
        in_file = int(stream["nb_read_frames"])
        total = sum(lost.values())
        why = ", ".join(f"{count} {cause}" for cause, count in lost.items() if count) or "none"
        print()
        print(f"  file           {camera['file']}")
        print(f"  timing         {camera['file'].rsplit('.', 1)[0]}_frame_timing.csv")
        print(f"  frames         {in_file} of {stream['width']}x{stream['height']}, decoded by ffprobe")
        print(f"  frames lost    {total} of {camera['captured']} ({why})")
        print(f"  length         {float(stream['duration']):.3f} s")
        print(f"  encoder        {tags.get('encoder', 'unknown')}")
        print(f"  contact sheet  {contact_sheet(camera['file'], in_file)}")
        if in_file != camera["frames"] or camera["captured"] != camera["frames"] + total:
            print(f"  WRONG: camd says {camera['frames']} frames of {camera['captured']}, {total} lost")
            failed = True
    sys.exit(failed)


main()
