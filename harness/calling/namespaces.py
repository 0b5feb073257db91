"""What modules and classes have under each name, and which of their functions were replaced.

To compare two dictionaries is to count a reference to every object in them, which in a process that was just forked
copies the page of each: for torch that takes as long as the rest of a short call. So a dictionary's version is compared
first, where this Python is found to give it another one whenever it changes.
"""

import ctypes
import dataclasses
import functools
import gc
import sys
from collections.abc import Iterator
from typing import Any

PLACE_OF_VERSION = 24  # bytes into a dictionary: behind its count of references, its type and its length


@dataclasses.dataclass(frozen=True, eq=False)
class Names:
    """What a module or class had under its names, at a version of its dictionary (None: this Python does not tell)."""

    found: dict[str, Any]
    version: int | None


def names_in(place: Any, known: Names | None = None) -> Names:
    """What it has now: what is known, where it still has all that and nothing else."""
    version = _version(place)
    if known is not None and ((version is not None and version == known.version) or known.found == vars(place)):
        return known
    return Names(dict(vars(place)), version)


def patched(place: Any, before: Names, now: Names) -> Iterator[str]:
    """Names of the functions of a module or class that are not what they were. An import may add some: not a patch."""
    if now is before:
        return
    for key, value in before.found.items():
        if callable(value) and now.found.get(key) is not value:
            yield key
    for key in now.found.keys() - before.found.keys():  # of a class it may hide what is inherited
        if isinstance(place, type) and any(callable(vars(base).get(key)) for base in place.__mro__[1:]):
            yield key


def _version(place: Any) -> int | None:
    """A number that the module's or class's dictionary has not had before, and loses when it changes."""
    if not has_versions():
        return None
    names = vars(place)
    return _version_of(names if type(names) is dict else gc.get_referents(names)[0])


@functools.cache
def has_versions() -> bool:
    """Whether the number is there and does what is said of it, tried on a dictionary by each kind of change."""
    if sys.implementation.name != "cpython":
        return False
    tried = {"a": object(), "b": object()}
    changes = (
        lambda: tried.update(a=object()),
        lambda: tried.update(c=object()),
        lambda: tried.__setitem__("b", object()),
        lambda: tried.pop("c"),
        lambda: tried.__delitem__("a"),
        lambda: tried.clear(),
    )
    seen = [_version_of(tried)]
    for change in changes:
        change()
        seen.append(_version_of(tried))
    read = [tried.get("a"), len(tried), tried == {}, _version_of(tried)]
    return len({*seen}) == len(seen) and read[-1] == seen[-1]


def _version_of(names: dict[str, Any]) -> int:
    return ctypes.c_uint64.from_address(id(names) + PLACE_OF_VERSION).value
