"""A user's file, module or entry point, imported: only in a process of its own (sealed_process.py).

Whatever it raises becomes one sentence with its cause and line.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import torch

from harness.errors import HarnessError
from harness.files.import_problem import import_problem
from measures.registry import Measure, RegistrationError, Wrong, registered, wrong_ones_wait

T = TypeVar("T")


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
    found = [value for value in vars(module).values() if isinstance(value, Measure)]
    found = [measure for measure in found if measure.file == Path(origin)]
    if not found:
        raise HarnessError(f"{called}: no function in {origin} is decorated with @measure(source=...)")
    return found


def measure_in(origin: str, name: str) -> Measure:
    """The measure that the origin registers under the name."""
    if origin.endswith(".py"):
        _import_file(Path(origin), origin)
    else:
        _import_module(origin, origin)
    if name not in registered:
        raise HarnessError(f"{origin} has no measure {name!r} any more; run again")
    if isinstance(wrong := registered[name].function, Wrong):
        raise HarnessError(wrong.problem)
    return registered[name]


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
        return found
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
        text = (
            path.read_bytes()
        )  # what was compiled of it before may be of other text: Python looks at size and seconds
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
    except (Exception, SystemExit) as cause:
        raise ImportFailed(f"{called} cannot be imported: {import_problem(cause, file, [__file__])}") from cause
