"""From what a user types after --measure to registered measures."""

import difflib
import functools
import os
import platform
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import HarnessError
from harness.evaluation.catalogue import Declared, declared
from harness.evaluation.source_digest import reachable, source_digest
from harness.evaluation.strangers import (
    Unusable,
    end_declaring,
    entry_points,
    import_own,
    module_of,
    of_entry_point,
    of_file,
    of_module,
    of_own_sealed,
)
from harness.files.source_text import edited_since
from measures.registry import COSTS, PACKAGE, Cost, Measure, load_builtin, registered

OWN = "measures."
NOT_NAMES = ("zoo", "leaderboard")
"""What else has a file among records, where each measure has one of its name."""
SEALED = "sealed:"
"""Before the name of a measure of this project: it is imported and called as a stranger's is."""


def find_measures(specs: Iterable[str], cost: Cost = "retrain") -> list[Measure]:
    """The measures that the specs name, sorted by name, each once.

    A spec is a name, `path/file.py::function` (or `path/file.py`: all in it), `package.module:function`, or `all`;
    several may stand in one, separated by commas. `cost` limits `all` to that tier and cheaper ones. `sealed:name` is a
    measure of this project that is taken for a stranger's. Of a name's file, no other measure's is imported with it.

    A measure from outside the project is imported in a process of its own; calling it here raises HarnessError. One
    that cannot be imported costs the others nothing: it is among them, and every call of it is an error that says why.

    Raises HarnessError for a spec that names nothing, for two measures of one name, and if no measure can be imported.
    """
    found: dict[str, Measure] = {}
    problems = []
    files = _Files()
    edited = {path for path in edited_since() if PACKAGE in path.parents}  # the harness is as it was, for all alike
    specs = [*specs]
    _check_no_path_has_a_comma(specs)
    for spec in _parts(specs):
        for measure in _find(spec, cost, files):
            _check_is_as_imported(measure, edited)
            _check_name_is_free(measure, found.get(measure.name))
            found[measure.name] = measure
            if isinstance(measure.function, Unusable):
                problems.append(measure.function.problem)
    if not found:
        raise HarnessError("no measure was named; --measure takes a name, a file::function, or all")
    if any(measure.family == "external" for measure in found.values()):
        end_declaring()
    if len(problems) == len(found):
        raise HarnessError(problems[0])
    return [found[name] for name in sorted(found)]


def check_names(specs: Iterable[str]) -> None:
    """HarnessError, with near names, if a spec is a name that no measure has; without importing any measure."""
    specs = [*specs]
    _check_no_path_has_a_comma(specs)
    names = [spec for spec in _parts(specs) if _is_name(spec) and spec not in registered]
    if not names:
        return
    try:
        known = {measure.name for measure in declared()}
    except (ValueError, SyntaxError):
        return  # a file of this project has to be imported, and its registration then says what is wrong
    known |= {*registered, *(point.name for point in entry_points())}
    for name in names:
        if name not in known:
            raise _unknown(name, known)


def names_strangers(specs: Iterable[str]) -> bool:
    """Whether a spec is a file, a module or an entry point: then measures from outside the project will be called."""
    points = {point.name for point in entry_points()}
    return any(spec in points or (bool(points) if spec == "all" else not _is_name(spec)) for spec in _parts(specs))


def list_measures(specs: Iterable[str], cost: Cost = "retrain") -> list[Measure | Declared]:
    """As find_measures, for `describe`: nothing is imported of what can be read without."""
    specs = [*_parts(specs)]
    try:
        known: dict[str, Measure | Declared] = {measure.name: measure for measure in declared()}
    except (ValueError, SyntaxError):
        return [*find_measures(specs, cost)]
    found: dict[str, Measure | Declared] = {}
    for spec in specs:
        if spec == "all":
            every = {**known, **{point.name: of_entry_point(point) for point in entry_points()}}
            affordable = COSTS[: COSTS.index(cost) + 1]
            found |= {name: measure for name, measure in every.items() if measure.cost in affordable}
        elif spec in known:
            found[spec] = known[spec]
        else:
            check_names([spec])
            found |= {measure.name: measure for measure in find_measures([spec], cost)}
    return [found[name] for name in sorted(found)]


def short_path(path: str | Path) -> str:
    """The path as seen from here, where there is one (on Windows, not to another drive)."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


def spec_of(measure: Measure) -> str:
    """What to type after --measure to get this measure."""
    if measure.origin.endswith(".py"):
        return f"{short_path(measure.origin)}::{measure.name}"
    if measure.origin.startswith(OWN) and measure.family == "external":
        return f"{SEALED}{measure.name}"
    return measure.name if measure.origin.startswith(OWN) else f"{measure.origin}:{measure.name}"


def describe(measures: Iterable[Measure | Declared]) -> str:
    """A line a measure: name, family, cost, source; under columns' names."""
    lines = [("name", "family", "cost", "source")]
    lines += [(measure.name, measure.family, measure.cost, measure.source) for measure in measures]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[3]]) for line in lines
    )


def reload_measure(name: str, origin: str, source_sha256: str) -> Measure:
    """The project's measure of that name from its module, in another process.

    HarnessError if it cannot be imported there, or its source (source_digest.py) is not that of the run: its values
    would be kept as those of another measure.
    """
    import_own(origin, origin)
    found = registered.get(name)
    if found is None or source_digest(found.file) != source_sha256:
        raise HarnessError(is_another(origin))
    return found


def is_another(origin: str) -> str:
    """The sentence for a measure that is not what it was."""
    return (
        f"{origin} is not what it was when the run was started, or is another on this machine ({platform.node()}); "
        "run again, in a new process, when it is the same everywhere"
    )


class _Files:
    """The files of this project's measures, read once when a name is first asked for."""

    @functools.cached_property
    def by_name(self) -> dict[str, Path]:
        """Empty where one has to be imported to know what it says."""
        try:
            return {measure.name: measure.file for measure in declared()}
        except (ValueError, SyntaxError):
            return {}


def _find(spec: str, cost: Cost, files: _Files) -> list[Measure]:
    if spec == "all":
        _load_own()
        every = [*(measure for measure in registered.values() if measure.origin.startswith(OWN))]
        every += [of_entry_point(point) for point in entry_points()]
        affordable = COSTS[: COSTS.index(cost) + 1]
        return [measure for measure in every if measure.cost in affordable]
    if _is_name(spec):
        return [_by_name(spec, files)]
    if spec.startswith(SEALED):
        return of_own_sealed(_file_of(spec.removeprefix(SEALED), files), spec)
    if one_colon := re.fullmatch(r"(.+\.py):(\w+)", spec):
        raise HarnessError(f"--measure={spec:.200}: write {one_colon[1]}::{one_colon[2]}")
    if _is_file(spec):
        path, _, function = spec.partition("::")
        return of_file(Path(path), function, spec)
    module, _, function = spec.partition(":")
    return of_module(module, function, spec)


def _check_is_as_imported(measure: Measure, edited: set[Path]) -> None:
    """HarnessError if it runs code under measures/ that was edited since this process imported it."""
    if not edited or isinstance(measure.function, Unusable):
        return
    if depends := sorted(edited & reachable(measure.file, measure.family == "external")):
        raise HarnessError(
            f"{measure.name}: {short_path(depends[0])} was edited since this process imported it; run again in a new "
            "process (in a notebook, restart its kernel)"
        )


def _check_name_is_free(measure: Measure, other: Measure | None) -> None:
    if measure.name.lower() in NOT_NAMES:
        where = f"{measure.file}:{measure.line}"
        raise HarnessError(f"{where}: a measure cannot be named {measure.name!r}, as a file of records is; rename it")
    known: Measure | Declared | None = other
    if known is None and measure.family == "external":
        known = next((own for own in declared() if own.name == measure.name), None)
    if known is not None and known.file != measure.file:
        where = f"{known.file} and {measure.file}:{measure.line}"
        raise HarnessError(f"two measures are named {measure.name!r}: {where}; rename one of the functions")


def _check_no_path_has_a_comma(specs: Iterable[str]) -> None:
    """HarnessError for a file that is there, and would be taken for several names."""
    for text in specs:
        path = text.strip().partition("::")[0]
        named = "," in path and path.endswith(".py") and "\0" not in path
        if named and os.path.isfile(os.path.expanduser(path)):
            raise HarnessError(
                f"--measure={text:.200}: names are separated by commas, so that no path can have one; rename the file "
                "or the folder"
            )


def _parts(specs: Iterable[str]) -> Iterator[str]:
    return (part for text in specs for spec in text.split(",") if (part := spec.strip()))


def _is_file(spec: str) -> bool:
    path = spec.partition("::")[0]
    return path.endswith(".py") or "::" in spec or os.sep in path


def _is_name(spec: str) -> bool:
    return spec != "all" and not _is_file(spec) and not spec.partition(":")[2]


def _by_name(name: str, files: _Files) -> Measure:
    """Its file alone is imported. A broken file, or entry point, of another name does not matter."""
    points = {point.name: point for point in entry_points()}
    if name in points:
        return of_entry_point(points[name])
    if name not in registered and name in files.by_name:
        import_own(module_of(files.by_name[name]), f"--measure={name}")
    elif name not in registered and not files.by_name:
        _load_own()
    if name in registered:
        return registered[name]
    raise _unknown(name, {*registered, *files.by_name, *points})


def _file_of(name: str, files: _Files) -> Path:
    """Of a measure of this project, found without importing any of them."""
    if not files.by_name:
        raise HarnessError(
            f"--measure={SEALED}{name}: a file of this project does not say by literals what it declares"
        )
    if name not in files.by_name:
        raise _unknown(name, files.by_name)
    return files.by_name[name]


def _load_own() -> None:
    try:
        load_builtin()
    except Exception as cause:
        how = f"{type(cause).__name__}: {cause}"
        raise HarnessError(f"the measures of this project cannot be imported: {how}") from cause


def _unknown(name: str, known: Iterable[str]) -> HarnessError:
    known = sorted(known)
    same = [own for own in known if own.lower() == name.lower()]
    near = same or difflib.get_close_matches(name.lower(), known, n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "--list-measures shows them all"
    return HarnessError(f"unknown measure {name!r}; {hint}")
