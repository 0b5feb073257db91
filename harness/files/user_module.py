"""A user's own file or module, imported as their own code; whatever it raises becomes one sentence with its line."""

import hashlib
import importlib
import importlib.util
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from harness.errors import HarnessError
from harness.files.import_problem import import_problem
from harness.files.imported_files import texts_of

T = TypeVar("T")

_importing: dict[str, int] = {}  # modules of files that are being executed, each by its thread
_imported: dict[str, dict[Path, bytes]] = {}  # what each file's module was made of: its text, and what it imports


def import_file(path: Path, called: str) -> ModuleType:
    """The file's module, made anew where the file, or one of the user's own that it imports, is not what it was.

    `called` is what a sentence calls it. It can import its neighbours, and is found under `name_of` by what is
    unpickled. HarnessError if there is no such file, it cannot be imported, or it changes what torch takes by default.
    """
    name = name_of(path)
    try:
        content = path.read_bytes()
    except OSError as cause:
        raise HarnessError(f"{called}: {path} cannot be read ({cause.strerror or cause})") from cause
    made_of = texts_of(path)
    if name in sys.modules and _imported.get(name) == made_of:
        return sys.modules[name]
    if _importing.get(name) == threading.get_ident():
        raise HarnessError(
            f"{called}: {path} asks for itself while it is imported; write what judges in it under "
            'if __name__ == "__main__":'
        )
    _forget_edited(path, _imported.get(name, {}), made_of)
    module = ModuleType(name)
    module.__file__, module.__package__ = str(path), ""
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[name] = module

    def execute() -> None:
        exec(compile(content, str(path), "exec"), vars(module))

    _importing[name] = threading.get_ident()
    try:
        guarded(execute, called, file=path)
    except HarnessError:
        sys.modules.pop(name, None)
        raise
    finally:
        _importing.pop(name, None)
    _imported[name] = made_of
    return module


def _forget_edited(path: Path, before: dict[Path, bytes], now: dict[Path, bytes]) -> None:
    """If a file that this one imports was edited, have it and the others imported again: they may hold parts of it."""
    others = {*before} - {path}
    if all(before[file] == now.get(file) for file in others):
        return
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None)
        if file and name != "__main__" and Path(file).resolve() in others:
            del sys.modules[name]


def is_as_imported(path: Path) -> bool:
    """Whether the file is what this process made its module of."""
    try:
        return _imported.get(name_of(path), {}).get(path) == path.read_bytes()
    except OSError:
        return False


def import_module(name: str, called: str) -> ModuleType:
    """A module by its dotted name, from the folders that Python looks in, the current one among them."""
    if "" not in sys.path and "." not in sys.path:
        sys.path.append("")
    return guarded(lambda: importlib.import_module(name), called)


def name_of(path: Path) -> str:
    """The name of a file's module: the file's, and a digest of its path, so that it is nobody else's."""
    return f"{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def user_file(text: str, called: str) -> Path:
    """The Python file that a user has named. HarnessError if there is none."""
    try:
        path = Path(text).expanduser().absolute()
        there = path.is_file()
    except (OSError, RuntimeError, ValueError) as cause:  # too long a name, an unknown user's home, a null byte
        raise HarnessError(f"{called}: not the name of a file ({cause!s:.80})") from cause
    if not there:
        raise HarnessError(f"{called}: there is no file {path}")
    if path.suffix != ".py":
        raise HarnessError(f"{called}: {path} is not a Python file; its name has to end in .py")
    return path.resolve()


def guarded(load: Callable[[], T], called: str, failed: str = "cannot be imported", file: Path | None = None) -> T:
    """What a function of the user's returns. HarnessError, with the line, if it raises or changes torch's defaults,
    which are then as they were: what is called next would be blamed for them.

    `file`: theirs, whose line is to be named.
    """
    before = _defaults()
    try:
        found = load()
    except (HarnessError, KeyboardInterrupt):  # that is the user's own
        raise
    except BaseException as cause:
        _put_back(before)
        raise HarnessError(f"{called} {failed}: {import_problem(cause, file, [__file__])}") from cause
    after = _defaults()
    _put_back(before)
    for what, value in after.items():
        if value != before[what]:
            raise HarnessError(f"{called} changes torch's {what} from {before[what]} to {value}; leave it as it is")
    return found


def _defaults() -> dict[str, str]:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_default_device"):
        return {"default dtype": "torch.float32", "default device": "cpu", "gradient mode": "on"}
    return {
        "default dtype": str(torch.get_default_dtype()),
        "default device": str(torch.get_default_device()),
        "gradient mode": "on" if torch.is_grad_enabled() else "off",
    }


def _put_back(before: dict[str, str]) -> None:
    now = _defaults()
    if now == before:
        return
    torch = sys.modules["torch"]
    torch.set_grad_enabled(before["gradient mode"] == "on")
    torch.set_default_dtype(getattr(torch, before["default dtype"].removeprefix("torch.")))
    if now["default device"] != before["default device"]:
        torch.set_default_device(before["default device"])
