"""Temporary files of the tests lie in memory, where there is room for them.

What a test stores is gone a second later. On a disk, a copy of PostgreSQL's files of an empty
database takes half a second of processor time for each test that wants one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 2 * 1024**3


def settle() -> None:
    """Let this process and those that it starts keep their temporary files in memory.

    Not where somebody said a place, nor where a container was given a few megabytes only.
    """
    if "TMPDIR" in os.environ or not _MEMORY.is_dir():
        return
    if shutil.disk_usage(_MEMORY).free > _ROOM and os.access(_MEMORY, os.W_OK):
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # what was found before is not looked for again
