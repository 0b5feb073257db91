"""Progress on the screen, and in a log where nobody watches."""

import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

Say = Callable[[str], None]


def progress_bar(what: str, total: int | None, unit: str, show: bool) -> "tqdm[Any]":
    """Items done, rate and time left; where nobody watches (no terminal), a line every ten seconds.

    `total` may be None as long as it is not known. Bytes, "B", are shown in kB, MB and GB.
    """
    watched = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=what,
        unit=unit,
        unit_scale=unit == "B",
        disable=not show,
        dynamic_ncols=watched,
        mininterval=0.1 if watched else 10.0,
        miniters=0,  # else a report would wait for the next model
    )
