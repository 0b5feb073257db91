"""From what a user types after --measure to registered measures."""

import difflib
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from harness.errors import HarnessError
from harness.source_digest import source_digest
from measures._registry import COSTS, PACKAGE, Cost, Measure, RegistrationError, load_builtin, registered

ENTRY_POINTS = "shatterproof.measures"
T = TypeVar("T")


def find_measures(specs: Iterable[str], cost: Cost = "retrain") -> list[Measure]:
    """The measures that the specs name, sorted by name, each once.

    A spec is a name, `path/file.py::function` (or `path/file.py`: all in it), `package.module:function`, or `all`;
    several may stand in one, separated by commas. `cost` limits `all` to that tier and cheaper ones.

    Raises HarnessError for anything that cannot be found, read or imported.
    """
    found: dict[str, Measure] = {}
    for spec in (part.strip() for text in specs for part in text.split(",")):
        if not spec:
            continue
        for entry in _find(spec, cost):
            found[entry.name] = entry
    if not found:
        raise HarnessError("no measure was named; --measure takes a name, a file::function, or all")
    return [found[name] for name in sorted(found)]


def short_path(path: str | Path) -> str:
    """The path as seen from here, where there is a way (on Windows, there is none to another drive)."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


def spec_of(measure: Measure) -> str:
    """What to type after --measure to get this measure."""
    if measure.origin.endswith(".py"):
        return f"{short_path(measure.origin)}::{measure.name}"
    return measure.name if measure.origin.startswith("measures.") else f"{measure.origin}:{measure.name}"


def describe(measures: Iterable[Measure]) -> str:
    """A line a measure: name, family, cost, source; under columns' names."""
    lines = [("name", "family", "cost", "source")]
    lines += [(entry.name, entry.family, entry.cost, entry.source) for entry in measures]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[3]]) for line in lines
    )


def reload_measure(name: str, origin: str, source_sha256: str) -> Measure:
    """The measure of that name from its origin (a dotted module or a file), in another process.

    HarnessError if it cannot be imported there, or its source (source_digest.py) is not that of the run: its values
    would be kept as those of another measure.
    """
    if origin.endswith(".py"):
        _import_file(Path(origin))
    else:
        _import_module(origin, origin)
    found = registered.get(name)
    if found is None or source_digest(found.file) != source_sha256:
        raise HarnessError(
            f"{origin} is not what it was when the run was started, or is another on this machine ({platform.node()}); "
            "run again, in a new process, when it is the same everywhere"
        )
    return found


def _find(spec: str, cost: Cost) -> list[Measure]:
    if spec == "all":
        _load_everything()
        affordable = COSTS[: COSTS.index(cost) + 1]
        return [entry for entry in registered.values() if entry.cost in affordable]
    path, _, function = spec.partition("::")
    if path.endswith(".py") or "::" in spec or os.sep in path:
        return _from_file(Path(path), function, spec)
    module, _, function = spec.partition(":")
    if function:
        return [_member(_import_module(module, spec), function, spec)]
    return [_by_name(spec)]


def _by_name(name: str) -> Measure:
    """A broken entry point of another name is no obstacle."""
    _guarded(load_builtin, "the measures of this project")
    points = {point.name: point for point in _entry_points()}
    if name in points:
        _load_entry_point(points[name])
    if name in registered:
        return registered[name]
    near = difflib.get_close_matches(name, [*registered, *points], n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "--list-measures shows them all"
    raise HarnessError(f"unknown measure {name!r}; {hint}")


def _load_everything() -> None:
    _guarded(load_builtin, "the measures of this project")
    for point in _entry_points():
        _load_entry_point(point)


def _entry_points() -> list[importlib.metadata.EntryPoint]:
    return sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda point: point.name)


def _load_entry_point(point: importlib.metadata.EntryPoint) -> None:
    loaded = _guarded(point.load, f"entry point {point.name} = {point.value}")
    if not isinstance(loaded, Measure):
        raise HarnessError(
            f"entry point {point.name} = {point.value} is not a measure; decorate the function with @measure"
        )


def _from_file(path: Path, function: str, spec: str) -> list[Measure]:
    try:
        path = path.expanduser().absolute()
        there = path.is_file()
    except (OSError, RuntimeError) as cause:  # too long a name, or the home of nobody
        raise HarnessError(f"--measure={spec:.200}: no name of a file ({cause!s:.80})") from cause
    if not there:
        raise HarnessError(f"--measure={spec}: there is no file {path}")
    if path.suffix != ".py":
        raise HarnessError(f"--measure={spec}: {path} is no Python file; its name has to end in .py")
    module = _import_file(path)
    if function:
        return [_member(module, function, spec)]
    entries = [value for value in vars(module).values() if isinstance(value, Measure)]
    entries = [entry for entry in entries if entry.file == path.resolve()]
    if not entries:
        raise HarnessError(f"--measure={spec}: no function in {path} is decorated with @measure(source=...)")
    return entries


def _member(module: ModuleType, name: str, spec: str) -> Measure:
    found = getattr(module, name, None)
    if isinstance(found, Measure):
        return found
    if callable(found):
        raise HarnessError(
            f"--measure={spec}: {name} is not decorated; write @measure(source='...') above it "
            "(from measures import measure)"
        )
    known = sorted(name for name, value in vars(module).items() if isinstance(value, Measure))
    raise HarnessError(f"--measure={spec}: there is no measure {name!r} in it; it has {known or 'none'}")


def _import_file(path: Path) -> ModuleType:
    """The file as a module; one of this project's own is imported under its own name, so that it registers once."""
    path = path.resolve()
    if PACKAGE in path.parents:
        dotted = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        return _import_module(dotted, str(path))
    name = str(path)  # a measure's origin is its module's name, so that another process finds it
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # so that it can import its neighbours
    try:
        _guarded(lambda: spec.loader.exec_module(module), str(path))  # type: ignore[union-attr]
    except HarnessError:
        del sys.modules[name]
        raise
    return module


def _import_module(name: str, spec: str) -> ModuleType:
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return _guarded(lambda: importlib.import_module(name), f"--measure={spec}")


def _guarded(load: Callable[[], T], what: str) -> T:
    """Someone else's code at import: whatever it raises becomes one sentence with the cause and its place."""
    try:
        return load()
    except RegistrationError as problem:
        raise HarnessError(str(problem)) from problem
    except (Exception, SystemExit) as cause:
        trace = cause.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
        raise HarnessError(f"{what} cannot be imported: {type(cause).__name__}: {cause}{place}") from cause
