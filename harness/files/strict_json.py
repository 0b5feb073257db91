"""JSON as it is written down: no NaN, no name twice in an object, and a sentence for what is not JSON."""

import json
from pathlib import Path
from typing import Any

from harness.errors import HarnessError


def read_json(path: Path, twice: bool = True) -> dict[str, Any]:
    """The object in a file; HarnessError, with its path, if it cannot be read as one.

    Without `twice` a name that an object has twice, of which the last counts, is not looked for: for content whose
    digest is checked.
    """
    try:
        content = path.read_bytes()
    except OSError as cause:
        raise HarnessError(f"{path} cannot be read ({cause})") from cause
    return parse_json(content, str(path), twice)


def parse_json(content: bytes, path: str, twice: bool = True) -> dict[str, Any]:
    """The same of a file's content, which comes from the `path`."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise HarnessError(f"{path} cannot be read ({cause})") from cause
    try:
        found = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object if twice else None)
    except json.JSONDecodeError as cause:
        torn = "; it ends in the middle, was its writing interrupted?" if cause.pos >= len(text.rstrip()) else ""
        raise HarnessError(f"{path} cannot be read as JSON ({cause}){torn}") from cause
    except (ValueError, RecursionError) as cause:
        raise HarnessError(f"{path} cannot be read as JSON ({cause})") from cause
    if not isinstance(found, dict):
        raise HarnessError(f"{path} cannot be read as a record; expected an object, got {type(found).__name__}")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} twice in one object")
    return found
