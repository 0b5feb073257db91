"""The measures of a tree, as its files declare them: run as a script from the tree's folder, this prints them as JSON.

With the argument LITERALS nothing of any measure is imported: a proposal's are a stranger's.

changed.py runs it in the checkout and in the files of the base. Each has measures and a harness of its own, of which
Python can import one a process; and the base may be older than this file, so it is run by its path and not by its name.
Nothing of the harness is imported before the tree stands first on the path.
"""

import dataclasses
import json
import os
import sys
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Registered:
    """A measure as it is registered in a tree."""

    name: str
    version: int
    family: str
    source_sha256: str
    files: tuple[str, ...] = ()  # that it depends on, from the tree's root; none where the tree cannot say


LITERALS = "literals"


def registered() -> list[Registered]:
    """Those that the tree defines itself. Nothing of them is imported, where literals say all that they declare."""
    from harness.evaluation.source_digest import source_digest

    try:
        from harness.evaluation.catalogue import declared

        found = [(measure.name, measure.version, measure.family, measure.file) for measure in declared()]
    except (ImportError, ValueError, SyntaxError):  # an older tree; or only a registration can say
        if LITERALS in sys.argv:
            raise
        found = _imported()
    return [
        Registered(name, version, family, source_digest(file), _files(Path(file)))
        for name, version, family, file in found
    ]


def _files(measure: Path) -> tuple[str, ...]:
    """What the digest is made of, and the packages that are imported with it."""
    try:
        from harness.evaluation.source_digest import reachable
    except ImportError:  # an older tree
        return ()
    tree = Path.cwd().resolve()
    files = reachable(measure.resolve())
    packages = {folder / "__init__.py" for file in files for folder in file.parents if tree in folder.parents}
    return tuple(sorted(str(file.relative_to(tree)) for file in files | packages if file.is_file()))


def _imported() -> list[tuple[str, int, str, Path]]:
    from harness.evaluation.measure_lookup import find_measures

    measures = [measure for measure in find_measures(["all"]) if measure.origin.startswith("measures.")]
    return [(measure.name, measure.version, measure.family, measure.file) for measure in measures]


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    print(json.dumps([dataclasses.asdict(measure) for measure in registered()]))
