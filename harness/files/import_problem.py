"""Why a user's file or module cannot be imported, or a function of theirs fails: the cause, and the line that it comes
from."""

import importlib
import sysconfig
import traceback
from collections.abc import Collection
from pathlib import Path

from harness.errors import said_by

LONGEST = 400  # characters of what was raised: torch lists every weight that does not fit
INSTALLED = {Path(path) for name, path in sysconfig.get_paths().items() if name in ("stdlib", "purelib", "platlib")}
RELATIVE = "attempted relative import with no known parent package"


def import_problem(cause: BaseException, file: Path | None, machinery: Collection[str]) -> str:
    """A phrase such as "SyntaxError: invalid syntax at mine.py:3".

    `file` is what was imported, if it is a file of its own; `machinery`: the files of ours that import it.
    """
    if isinstance(cause, SyntaxError) and cause.filename:
        return f"{type(cause).__name__}: {cause.msg} at {cause.filename}:{cause.lineno}"
    what = f"{type(cause).__name__}: {' '.join(said_by(cause).split()):.{LONGEST}}".removesuffix(": ")
    if file is not None and isinstance(cause, ImportError) and _is_relative(cause, file):
        what = "a relative import has no package to start from: the file's own folder is searched, so write import ..."
    frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if not _is_ours(frame.filename, machinery)]
    own = [frame for frame in frames if _is_theirs(Path(frame.filename), file)]
    return f"{what} at {(own or frames)[-1].filename}:{(own or frames)[-1].lineno}" if frames else what


def _is_relative(cause: ImportError, file: Path) -> bool:
    """In a module that is named for its path, a package of that path is looked for."""
    return RELATIVE in said_by(cause) or (cause.name or "").startswith(str(file.with_suffix("")))


def _is_theirs(path: Path, file: Path | None) -> bool:
    """Beside the file, or where there is none, not of what is installed."""
    return path.parent == file.parent if file is not None else not INSTALLED & {*path.parents}


def _is_ours(name: str, machinery: Collection[str]) -> bool:
    return name.startswith("<frozen") or name == importlib.__file__ or name in machinery
