"""A user's file, module or entry point, imported: only in a process of its own (sealed_process.py).

Whatever it raises becomes one sentence with its cause and line. Modules beside it are found by trying their paths: the
process may not list the folders that they are in (readable.py).
"""

import dataclasses
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import torch

from harness.calling.readable import is_installed
from harness.errors import HarnessError
from harness.files.import_problem import import_problem
from measures.registry import Measure, RegistrationError, Wrong, registered, wrong_ones_wait

T = TypeVar("T")


LOADERS = [
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourceFileLoader, SOURCE_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
]


class TryingFinder(FileFinder):
    """Finds the modules of a folder by their paths, in Python's order, where Python would list the folder first."""

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        path = os.path.join(self.path, fullname.rpartition(".")[2])
        for inside in ([path], None):
            base = os.path.join(path, "__init__") if inside else path
            for loader, suffixes in LOADERS:
                for file in (base + suffix for suffix in suffixes):
                    if os.path.isfile(file):
                        return importlib.util.spec_from_file_location(
                            fullname, file, loader=loader(fullname, file), submodule_search_locations=inside
                        )
        if not os.path.isdir(path):
            return None
        spec = ModuleSpec(fullname, None)
        spec.submodule_search_locations = [path]  # to a package without __init__.py other folders may add
        return spec


def look_by_trying() -> None:
    """From now on, look for modules by trying wherever nothing is installed."""

    def hook(path: str) -> TryingFinder:
        if not os.path.isdir(path) or is_installed(Path(path).resolve()):
            raise ImportError(f"{path} is not a user's folder", path=path)
        return TryingFinder(path)

    sys.path_hooks.insert(0, hook)
    for path in [*sys.path_importer_cache]:
        if not is_installed(Path(path).resolve()):
            del sys.path_importer_cache[path]


class ImportFailed(HarnessError):
    """A stranger's file or module cannot be imported, or changes what torch does."""


def measures_in(origin: str, function: str, called: str) -> list[Measure]:
    """The measure of that name in a file (an absolute path) or a module; without a name, all that the file defines.

    `called` is what a sentence calls it. HarnessError if it cannot be imported, is not there, or changes what torch
    takes by default, which would change what its neighbours compute.
    """
    before = _defaults()
    module = _import_file(Path(origin), called) if origin.endswith(".py") else _import_module(origin, called)
    for what, value in _defaults().items():
        if value != before[what]:
            raise ImportFailed(f"{called} changes torch's {what} from {before[what]} to {value}; set it in the measure")
    if function:
        return [_member(module, function, called)]
    found = [measure for measure in _named(module).values() if measure.file == Path(origin)]
    if not found:
        raise HarnessError(f"{called}: no function in {origin} is decorated with @measure(source=...)")
    return found


def measure_in(origin: str, name: str) -> Measure:
    """The measure that goes by the name among those of the origin."""
    module = _import_file(Path(origin), origin) if origin.endswith(".py") else _import_module(origin, origin)
    found = _named(module).get(name) or registered.get(name)
    if found is None:
        raise HarnessError(f"{origin} has no measure {name!r} any more; run again")
    if isinstance(wrong := found.function, Wrong):
        raise HarnessError(wrong.problem)
    return found


def _named(module: ModuleType) -> dict[str, Measure]:
    """The measures of a module by what they go by: their own names, and where several share one (a function that makes
    measures gives it to all), the names that the module gives them."""
    members = {name: value for name, value in vars(module).items() if isinstance(value, Measure)}
    made: dict[str, list[Measure]] = {}
    for measure in members.values():
        if not any(measure is other for other in made.setdefault(measure.name, [])):
            made[measure.name].append(measure)
    named = {name: measures[0] for name, measures in made.items() if len(measures) == 1}
    for name, measure in members.items():
        if len(made[measure.name]) > 1:
            if name in named:
                raise HarnessError(
                    f"two measures are named {name!r}: {named[name].file}:{named[name].line} and what "
                    f"{measure.file}:{measure.line} makes; rename one of them"
                )
            named[name] = dataclasses.replace(measure, name=name)
    return named


def _defaults() -> dict[str, object]:
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "gradient mode": "on" if torch.is_grad_enabled() else "off",
    }


def _member(module: ModuleType, name: str, called: str) -> Measure:
    found = getattr(module, name, None)
    if isinstance(found, Measure):
        if isinstance(found.function, Wrong):
            raise ImportFailed(found.function.problem)
        named = _named(module)
        own = named.get(found.name)
        return own if own is not None and own.function is found.function else named.get(name, found)
    if callable(found):
        raise HarnessError(
            f"{called}: {name} is not decorated; write @measure(source='...') above it (from measures import measure)"
        )
    known = sorted(name for name, value in vars(module).items() if isinstance(value, Measure))
    raise HarnessError(f"{called}: there is no measure {name!r} in it; it has {known or 'none'}")


def _import_file(path: Path, called: str) -> ModuleType:
    name = str(path)  # a measure's origin is its module's name, so that another process finds it
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # so that it can import its neighbours

    def execute() -> None:
        text = path.read_bytes()  # a file that was compiled before may be of other text of this size, in this second
        exec(compile(text, str(path), "exec", dont_inherit=True), vars(module))

    _guarded(execute, called, path)
    return module


def _import_module(name: str, called: str) -> ModuleType:
    return _guarded(lambda: importlib.import_module(name), called)


def _guarded(load: Callable[[], T], called: str, file: Path | None = None) -> T:
    try:
        with wrong_ones_wait():
            return load()
    except RegistrationError as problem:
        raise ImportFailed(str(problem)) from problem
    except BaseException as cause:  # also what it raises to stop us; Ctrl-C does not come to this process
        raise ImportFailed(f"{called} cannot be imported: {import_problem(cause, file, [__file__])}") from cause
