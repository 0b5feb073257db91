"""What of a proposal is kept in the processes of measures, and what the judge itself runs.

A proposal comes from a stranger. A measure of which any file changed is called as a stranger's is, though it stands
among the project's own; the files that it shares with others run in its process alone. What the judge imports for
itself cannot be kept there: whoever reviews has to read it.
"""

import ast
import dataclasses
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from harness.evaluation.measure_lookup import SEALED
from harness.files.imported_files import imported_files
from harness.leaderboard.proposal.registered import Registered

ROOT = Path(__file__).resolve().parents[3]
JUDGE = ("harness", "suites")
ELSEWHERE = ("tests", "baselines", ".github")
"""Nothing of them is imported, or read as settings, in a run of the suites."""
CODE = (".py", ".toml", ".ini", ".cfg", ".pth")
COMPILED = (".pyc", ".so", ".pyd")  # it may stand for a source that did not change


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the suites are asked for, by the measure's name; the digest of each as one of the project's own; and what
    whoever reads the report has to be told first, in sentences: `warnings` of changed files that the judge ran,
    `unused` of those that it left out."""

    specs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


NOTHING_ASKED = Asked()


def asked_for(names: Iterable[str], measures: Mapping[str, Registered], changed: Collection[Path], root: Path) -> Asked:
    """For measures to be judged, among all of a checkout with these changed files."""
    return Asked(
        {name: spec_of(name, measures, changed) for name in names},
        {name: measure.source_sha256 for name, measure in measures.items()},
        tuple(warnings(changed, root)),
    )


def spec_of(name: str, measures: Mapping[str, Registered], changed: Collection[Path]) -> str:
    """What to ask the suites for: the measure, taken for a stranger's if a file that it depends on changed."""
    touched = any(Path(file) in changed for file in measures[name].files)
    return f"{SEALED}{name}" if touched else name


def run_by_the_judge(changed: Iterable[Path], root: Path) -> list[Path]:
    """The changed files that run, or may, in the process that knows the answers."""
    return sorted(path for path in changed if (root / path).is_file() and judge_runs(path, root))


def warnings(changed: Iterable[Path], root: Path) -> Iterator[str]:
    """A sentence for each of them."""
    for path in run_by_the_judge(changed, root):
        yield f"{path} is changed and runs in the judge itself, not sealed: read it before you believe this report"


def judge_runs(path: Path, root: Path) -> bool:
    """Whether the judge imports the file of a checkout, or reads it as settings, or may."""
    if path.suffix in COMPILED:
        return True
    if path.parts[0] != "measures":
        return path.parts[0] not in ELSEWHERE and path.suffix in CODE
    package = path.name == "__init__.py" and (root / path).is_file()
    return path in _of_the_judge() or (package and not _only_documents(root / path))


@functools.cache
def _of_the_judge() -> frozenset[Path]:
    """The files that the judge imports, one after the other, from the project's root."""
    found: set[Path] = set()
    todo = [file for folder in JUDGE for file in (ROOT / folder).rglob("*.py")]
    while todo:
        if (path := todo.pop()) not in found:
            found.add(path)
            todo += imported_files(path)
    return frozenset(path.relative_to(ROOT) for path in found)


def _only_documents(file: Path) -> bool:
    """Whether nothing happens when it is imported. A package is imported with each of its files."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError):
        return False
    return all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in body)
