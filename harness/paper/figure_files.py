"""A figure of the paper on disk, as SVG and as PNG: the same numbers give the same bytes."""

from collections.abc import Callable
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from harness.errors import HarnessError
from harness.records.profile_figure import STYLE, WITHOUT_DATE

FORMATS = (".svg", ".png")


def write_figure(folder: Path, name: str, draw: Callable[[], Figure]) -> list[Path]:
    """Draw in the project's style, and write `folder`/`name`.svg and .png. HarnessError if they cannot be."""
    paths = [folder / f"{name}{suffix}" for suffix in FORMATS]
    with matplotlib.style.context(["default", STYLE]):
        figure = draw()
        for path in paths:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                figure.savefig(path, dpi=200, metadata=WITHOUT_DATE[path.suffix])
            except OSError as cause:
                raise HarnessError(f"{path} could not be written ({cause.strerror or cause})") from cause
    return paths
