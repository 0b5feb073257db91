"""How much of section 5's data and features a run takes, and what a row of its results is."""

import dataclasses
from collections.abc import Callable
from typing import Any

from harness.settings import Settings


@dataclasses.dataclass(frozen=True)
class Scale:
    """Training images (0: all) and random filters."""

    num_train: int
    filters: int


Row = Callable[[Scale, Settings], dict[str, Any]]
"""Makes a row of kernels.json, in JSON's types: errors are fractions, memory is in bytes."""
