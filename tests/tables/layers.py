#!/usr/bin/env python3
"""Holds the layers: common <- protocol <- { camd | camctl }, and what else the house says of #include lines.

usage: layers.py SOURCE_ROOT
"""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "common": {"common"},
    "protocol": {"common", "protocol"},
    "camd": {"common", "protocol", "camd"},
    "camctl": {"common", "protocol", "camctl"},
}
# an interface's implementations know its header, and nothing of the other interfaces
IGNORANT = {
    "camd/source": ("camd/encode/", "camd/output/", "camd/still/", "camd/session", "camd/camera", "camd/control"),
    "camd/encode": ("camd/source/", "camd/output/", "camd/still/", "camd/session", "camd/camera", "camd/control"),
    "camd/output": ("camd/source/", "camd/encode/", "camd/still/", "camd/session", "camd/camera", "camd/control"),
    "camd/still": ("camd/source/", "camd/encode/", "camd/output/", "camd/session", "camd/camera", "camd/control"),
    "camctl/frontends": ("camctl/spawn",),
}
ONLY_IN = {
    "cjson/cJSON.h": ("common/field_json.c", "common/options_json.c", "protocol/wire.c"),
    "libswscale/": ("camd/", "tests/"),
    "linux/videodev2.h": ("camd/v4l2_", "camd/source/v4l2", "camd/m2m_", "camd/encode/m2m", "camd/encode/encoder.c", "tests/"),
}


def problems(root):
    for path in sorted(root.glob("c*/**/*.[ch]")) + sorted(root.glob("protocol/*.[ch]")):
        name = path.relative_to(root).as_posix()
        room = name.split("/")[0]
        lines = path.read_text().splitlines()
        if len(lines) > 600:
            yield f"{name}: {len(lines)} lines, more than 600"
        for number, line in enumerate(lines, 1):
            include = re.match(r'\s*#include ([<"])([^>"]+)[>"]', line)
            if not include:
                continue
            target = include[2]
            where = f"{name}:{number}: includes {target}"
            if include[1] == '"':
                if not (root / target).is_file():
                    yield f"{where}, which is not a path from the root"
                if target.split("/")[0] not in MAY_INCLUDE[room]:
                    yield f"{where}, which {room} must not know"
            for place, unknown in IGNORANT.items():
                if name.startswith(place + "/") and target.startswith(unknown):
                    yield f"{where}, of which {place} is to be ignorant"
            for header, places in ONLY_IN.items():
                if target.startswith(header) and not name.startswith(places):
                    yield f"{where}, which only {', '.join(places)} may"


found = list(problems(pathlib.Path(sys.argv[1])))
print("\n".join(found) or "the layers hold")
sys.exit(bool(found))
