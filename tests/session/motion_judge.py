"""The judge of what camd says of motion in a real film, against vtest_motion.txt, which was read off its pictures."""

import os

from camd import equal

HERE = os.path.dirname(os.path.abspath(__file__))
NEAR = 0.5      # seconds round a beginning or an end that are not scored: feet come before people
STEP = 0.1      # what is scored, in seconds


def read_truth():
    """{name: (mask, [(from, to) where somebody walks], [(from, to) not scored])}, in the file's order."""
    truth = {}
    with open(os.path.join(HERE, "vtest_motion.txt"), encoding="utf-8") as file:
        for line in file:
            word, *rest = line.split() or [""]
            if word == "region":
                truth[rest[0]] = (rest[1], [], [])
            elif word in ("move", "unclear"):
                truth[rest[0]][1 if word == "move" else 2].append((float(rest[1]), float(rest[2])))
    return truth


def intervals(events, camera_id, zero_ns, end):
    """What camd said of a camera, in seconds since the film's first frame."""
    found = []
    for event in events:
        data = event["data"]
        if data["camera_id"] != camera_id or not event["event"].startswith("motion_"):
            continue
        at = (data["sensor_timestamp_ns"] - zero_ns) / 1e9
        if event["event"] == "motion_started":
            found.append((at, end))
        else:
            equal(round(at - found[-1][0], 3), round(data["duration"], 3), "the duration")
            found[-1] = (found[-1][0], at)
    return found


def inside(spans, at, margin=0.0):
    return any(start - margin <= at <= end + margin for start, end in spans)


def judge(name, moving, unclear, found, length):
    """Prints and returns precision and recall, of moments."""
    edges = [(edge, edge) for span in moving for edge in span]
    hits = false = missed = 0
    for n in range(int(length / STEP)):
        at = n * STEP
        if inside(unclear, at, NEAR) or inside(edges, at, NEAR):
            continue
        hits += inside(moving, at) and inside(found, at)
        false += not inside(moving, at) and inside(found, at)
        missed += inside(moving, at) and not inside(found, at)
    precision, recall = hits / max(hits + false, 1), hits / max(hits + missed, 1)
    events = sum(1 for span in moving if any(start < span[1] + NEAR and end > span[0] - NEAR for start, end in found))
    strays = [span for span in found if not any(span[0] < end + NEAR and span[1] > start - NEAR for start, end in moving + unclear)]
    print(f"{name}: precision {precision:.3f}, recall {recall:.3f}; {events} of {len(moving)} walks noticed, {len(strays)} events without one")
    print("   ", " ".join(f"{start:.1f}-{end:.1f}" for start, end in found), flush=True)
    return precision, recall, events, strays
