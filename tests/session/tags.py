"""What is written into pictures."""

import json
import shutil
import subprocess

from camd import Skip


def exif(*pictures):
    """What exiftool finds in them, by the names of the tags, numbers as numbers."""
    if not shutil.which("exiftool"):
        raise Skip("exiftool is not there")
    result = subprocess.run(["exiftool", "-q", "-json", "-n", "-all", "-validate", *map(str, pictures)], stdout=subprocess.PIPE, timeout=60, check=True)
    return json.loads(result.stdout)
