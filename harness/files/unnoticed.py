"""A file read without its time of access being set: nobody sees by it which model is being looked at."""

import os
from pathlib import Path


def read_unnoticed(path: Path) -> bytes:
    """The file's bytes. Where the system cannot leave the time alone, or the file is another user's, it is set."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOATIME", 0) | getattr(os, "O_BINARY", 0))
    except PermissionError:
        return path.read_bytes()
    with os.fdopen(handle, "rb") as file:
        return file.read()
