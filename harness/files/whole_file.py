"""A file that is there whole or not at all, whatever interrupts its writing."""

import os
import tempfile
from pathlib import Path

from harness.errors import HarnessError


def write_whole(path: Path, text: str) -> None:
    """Put the text into the file at `path` in one step. HarnessError if it cannot be; what was there then stays."""
    private = ""
    try:
        handle, private = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(private, 0o644)
        os.replace(private, path)
    except OSError as cause:
        if private:
            Path(private).unlink(missing_ok=True)
        raise HarnessError(f"{path} could not be written ({cause.strerror or cause})") from cause
