"""A file that is there whole or not at all, whatever interrupts its writing."""

import os
import tempfile
from pathlib import Path

from harness.errors import HarnessError


def write_whole(place: Path, text: str) -> None:
    """Put the text in the file's place in one step; HarnessError, and what was there stays, if it cannot be written."""
    private = ""
    try:
        handle, private = tempfile.mkstemp(prefix=f".{place.name}-", dir=place.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(private, 0o644)
        os.replace(private, place)
    except OSError as cause:
        if private:
            Path(private).unlink(missing_ok=True)
        raise HarnessError(f"{place} could not be written ({cause.strerror or cause})") from cause
