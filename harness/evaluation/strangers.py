"""Measures from files, modules and entry points: a stranger's are declared by a process of their own."""

import dataclasses
import importlib
import importlib.metadata
import re
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from measures.registry import COSTS, PACKAGE, Measure, RegistrationError, registered

if TYPE_CHECKING:
    from measures.trained_model import TrainedModel

ENTRY_POINTS = "shatterproof.measures"


@dataclasses.dataclass(frozen=True)
class Unusable:
    """The function of a measure that cannot be imported: why, in a sentence."""

    problem: str

    def __call__(self, trained: "TrainedModel") -> float:
        """Raises HarnessError."""
        raise HarnessError(self.problem)


def entry_points() -> list[importlib.metadata.EntryPoint]:
    """Those by which installed packages name their measures."""
    return sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda point: point.name)


def of_entry_point(point: importlib.metadata.EntryPoint) -> Measure:
    """The measure that it names, maybe an unusable one. HarnessError if what it names is not a measure."""
    (found,) = _declared(point.module, point.attr, f"entry point {point.name} = {point.value}")
    return found


def of_file(path: Path, function: str, spec: str) -> list[Measure]:
    """The file's measure of that name, or all that it defines. HarnessError, which quotes `spec`, if there is none."""
    if "\0" in str(path):  # expanduser raises ValueError for it
        raise HarnessError(f"--measure={spec!r:.200}: not the name of a file (null byte)")
    try:
        path = path.expanduser().absolute()
        there = path.is_file()
    except (OSError, RuntimeError) as cause:  # too long a name, or an unknown user's home
        raise HarnessError(f"--measure={spec:.200}: not the name of a file ({cause!s:.80})") from cause
    if not there:
        raise HarnessError(f"--measure={spec}: there is no file {path}")
    if path.suffix != ".py":
        raise HarnessError(f"--measure={spec}: {path} is not a Python file; its name has to end in .py")
    path = path.resolve()
    if PACKAGE not in path.parents:
        return _declared(str(path), function, f"--measure={spec}")
    import_own(module_of(path), str(path))
    found = [measure for measure in registered.values() if measure.file == path]
    return _named(found, function, spec) if function else found


def of_own_sealed(file: Path, spec: str) -> list[Measure]:
    """The measure of this project that `spec` names, in its file, as a stranger's: nothing of it is imported here."""
    return _declared(module_of(file), spec.partition(":")[2], f"--measure={spec}")


def module_of(file: Path) -> str:
    """The module that a file of this project's measures is."""
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)


def of_module(module: str, function: str, spec: str) -> list[Measure]:
    """The module's measure of that name. HarnessError, which quotes `spec`, if there is none."""
    if module.partition(".")[0] != PACKAGE.name:
        return _declared(module, function, f"--measure={spec}")
    import_own(module, f"--measure={spec}")
    return _named([measure for measure in registered.values() if measure.origin == module], function, spec)


def import_own(module: str, what: str) -> None:
    """A module of this project: if it cannot be imported, that is one sentence with the cause."""
    try:
        importlib.import_module(module)
    except RegistrationError as problem:
        raise HarnessError(str(problem)) from problem
    except Exception as cause:
        raise HarnessError(f"{what} cannot be imported: {type(cause).__name__}: {cause}") from cause


def _declared(origin: str, function: str, called: str) -> list[Measure]:
    from harness.calling.sealed_measure import CannotBeImported, declare  # it imports torch

    try:
        return declare(origin, function, called)
    except CannotBeImported as problem:
        return [_unusable(origin, function, str(problem))]


def end_declaring() -> None:
    """End the process from which those were forked that have declared measures; workers have theirs."""
    from harness.calling.sealed_measure import end_host  # it imports torch

    end_host()


def _unusable(origin: str, function: str, problem: str) -> Measure:
    name = function or re.sub(r"\W", "_", Path(origin).stem)
    file = Path(origin) if origin.endswith(".py") else Path()
    if origin.partition(".")[0] == PACKAGE.name:
        file = PACKAGE.parent.joinpath(*origin.split(".")).with_suffix(".py")
    return Measure(
        name, Unusable(problem), "external", "it cannot be imported", 1, COSTS[0], frozenset(), False, origin, file, 0
    )


def _named(found: list[Measure], name: str, spec: str) -> list[Measure]:
    if named := [measure for measure in found if measure.name == name]:
        return named
    known = sorted(measure.name for measure in found)
    raise HarnessError(f"--measure={spec}: there is no measure {name!r} in it; it has {known or 'none'}")
