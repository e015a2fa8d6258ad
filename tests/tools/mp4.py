"""The boxes on an MP4's top level, for tests."""
import os


def boxes(video):
    """Kind and size of each, and whether it is whole: the last one may be longer than what is left of the file."""
    found, at, end = [], 0, os.path.getsize(video)
    with open(video, "rb") as file:
        while at + 8 <= end:
            file.seek(at)
            head = file.read(16)
            size = int.from_bytes(head[8:] if head[:4] == b"\0\0\0\1" else head[:4], "big")
            if size < 8:
                break
            found.append((head[4:8].decode("latin-1"), size, at + size <= end))
            at += size
    return found


def is_finished(video):
    """Whether it is an ordinary MP4, without fragments, and there is nothing in the file but whole boxes."""
    found = boxes(video)
    kinds = {kind for kind, _, _ in found}
    return {"moov", "mdat"} <= kinds and "moof" not in kinds and sum(size for _, size, _ in found) == os.path.getsize(video)


def complete_fragments(video):
    """How many frames of an unfinished one are all there."""
    found = boxes(video)
    return sum(kind == "moof" and data == "mdat" and whole for (kind, _, _), (data, _, whole) in zip(found, found[1:]))
