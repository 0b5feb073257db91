"""Where a list of pairs is found: `file.py::twins`, `package.module:twins`, or handed over.

What a door leads to is a list of Pairs, or a function without arguments that returns one. Workers go through the same
door, and refuse if the files behind it are not what they were.
"""

import dataclasses
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import cloudpickle

from harness.errors import HarnessError, kind_of
from harness.files.imported_files import texts_of
from harness.files.user_module import guarded, import_file, import_module, user_file
from harness.zoo.checkpoints.pair import Pair
from harness.zoo.checkpoints.reference import CheckpointReference
from harness.zoo.twin import Side

HANDED_OVER = "twins"
EXPECTED = "expected a list of Pair(condition, natural=..., randomized=...), or a function that returns one"


@dataclasses.dataclass(frozen=True)
class Listed:
    """A user's pairs: what their list is called, the door to it ("" if it was handed over), and its files' digest.

    `unsent`: why they cannot be sent to other processes; "" if they can.
    """

    name: str
    where: str
    code: str
    pairs: tuple[Pair, ...]
    unsent: str = ""

    def reference(self, place: int, side: Side, seed: int) -> CheckpointReference:
        """To one side of a pair, not yet looked at."""
        pair = self.pairs[place]
        handed: Pair | bytes | None = None
        if not self.where:
            handed = pair if self.unsent else cloudpickle.dumps(pair)
        condition = pair.condition if side == "randomized" else "true_labels"
        return CheckpointReference(self.where, self.code, self.name, place, side, condition, seed, pair=handed)


def find_pairs(given: object) -> Listed:
    """The pairs that the spec names, or that were handed over. HarnessError for what is not a list of them."""
    if not isinstance(given, str):
        pairs = _pairs(given, HANDED_OVER)
        return Listed(HANDED_OVER, "", "", pairs, _unsent(pairs))
    called = f"--twins={given:.200}"
    if "::" in given or given.endswith(".py"):
        text, _, attribute = given.partition("::")
        path = user_file(text, called)
        where, name = f"{path}::{attribute or HANDED_OVER}", f"{path.name}::{attribute or HANDED_OVER}"
    elif (parts := given.split(":"))[0].endswith(".py"):
        raise HarnessError(f"{called}: write {parts[0]}::{parts[1] or HANDED_OVER}")
    elif ":" in given:
        where = name = given
    else:
        raise HarnessError(f"{called}: expected path/to/file.py::twins or package.module:twins")
    pairs, code = _behind(where, called)
    return Listed(name, where, code, pairs)


def pair_of(reference: CheckpointReference) -> Pair:
    """In any process: the pair that is referred to. HarnessError if it is not there, or its files were edited."""
    if isinstance(reference.pair, Pair):
        return reference.pair
    if reference.pair is not None:
        packed = reference.pair
        found: Pair = guarded(
            lambda: cloudpickle.loads(packed), f"{reference.name}[{reference.place}]", "cannot be sent"
        )
        return found
    key = (reference.where, reference.code)
    if _code(reference.where) != reference.code or key not in _known:
        pairs, code = _behind(reference.where, reference.name)
        if code != reference.code or reference.place >= len(pairs):
            raise HarnessError(f"{reference.name} is not what it was when this run began: it was edited; run again")
        _known[key] = pairs
    return _known[key][reference.place]


_known: dict[tuple[str, str], tuple[Pair, ...]] = {}  # of this process, by door and digest
_made_of: dict[str, str] = {}  # by module, the digest of what it was imported from


def _behind(where: str, called: str) -> tuple[tuple[Pair, ...], str]:
    """The pairs behind a door, and the digest of its files."""
    module, attribute = _imported(where, called)
    cloudpickle.register_pickle_by_value(module)  # its classes go to where measures are called, and no list with them
    found = getattr(module, attribute, None)
    if found is None:
        known = ", ".join(name for name, value in vars(module).items() if _is_list(value)) or "none"
        raise HarnessError(f"{called}: there is no {attribute!r} in it; lists of pairs in it: {known}")
    if callable(found) and not isinstance(found, Pair):
        function = found
        found = guarded(lambda: function(), f"{called}: {attribute}()", "raised")
    return _pairs(found, called), _code(where)


def _imported(where: str, called: str) -> tuple[ModuleType, str]:
    file, there, attribute = where.rpartition("::")
    if there:
        return import_file(Path(file), called), attribute
    name, _, attribute = where.partition(":")
    module = import_module(name, called)
    if _made_of.setdefault(name, _code(where)) != _code(where):  # edited since this process imported it
        module = guarded(lambda: importlib.reload(module), called)
        _made_of[name] = _code(where)
    return module, attribute


def _code(where: str) -> str:
    """sha256 of the file behind the door and of what it imports of the user's own; "" if none is known."""
    file, there, _ = where.rpartition("::")
    if not there:
        name = where.partition(":")[0]
        module = sys.modules.get(name) or guarded(lambda: importlib.util.find_spec(name), where, "cannot be imported")
        file = getattr(module, "__file__", None) or getattr(module, "origin", None) or ""
    digest = hashlib.sha256()
    for _, text in sorted(texts_of(Path(file)).items() if file.endswith(".py") else ()):
        digest.update(text)
    return digest.hexdigest()


def _pairs(found: object, called: str) -> tuple[Pair, ...]:
    if isinstance(found, str | bytes | dict | Pair) or not isinstance(found, Iterable):
        raise HarnessError(f"{called} is {kind_of(found)}; {EXPECTED}")
    pairs = guarded(lambda: tuple(found), called, "raised")
    for place, pair in enumerate(pairs):
        if not isinstance(pair, Pair):
            raise HarnessError(f"{called}[{place}] is {kind_of(pair)}; {EXPECTED}")
    if not pairs:
        raise HarnessError(f"{called} is empty; {EXPECTED}")
    return pairs


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(pair, Pair) for pair in value)


def _unsent(pairs: tuple[Pair, ...]) -> str:
    for place, pair in enumerate(pairs):
        try:
            cloudpickle.dumps(pair)
        except Exception as cause:  # whatever the objects that it refers to raise
            return f"{HANDED_OVER}[{place}] cannot be sent to another process ({type(cause).__name__}: {cause})"
    return ""
