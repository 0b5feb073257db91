"""`python -m harness new-measure`: a measure's file and its test, which run as they are and say what to fill in."""

import difflib
import keyword
import os
import re
import string
from pathlib import Path

from harness.errors import HarnessError
from harness.leaderboard.proposal.checkout import check_checkout

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "harness" / "templates"
LONGEST = 40  # lines of the templates then stay within 120
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def new_measure(name: str, family: str, root: Path = ROOT) -> list[Path]:
    """Write `measures/<family>/<name>.py` and `tests/measures/<family>/test_<name>.py`; the files that are new.

    HarnessError, and nothing is written, for a name that cannot be one or is taken, for an unknown family, and outside
    a checkout.
    """
    _check(name, family, root)
    paths = {
        "measure": root / "measures" / family / f"{name}.py",
        "test": root / "tests" / "measures" / family / f"test_{name}.py",
    }
    if present := [path for path in paths.values() if path.exists()]:
        raise HarnessError(f"{present[0]} is there already; choose another name, or remove it")
    written: list[Path] = []
    try:
        for kind, path in paths.items():
            path.parent.mkdir(exist_ok=True)  # of a family that is new
            text = string.Template((TEMPLATES / f"{kind}.py.txt").read_text(encoding="utf-8"))
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text.substitute(name=name, family=family))
    except OSError as cause:
        for done in written:
            os.unlink(done)
        raise HarnessError(f"{path} could not be written ({cause.strerror or cause})") from cause
    return written


def _check(name: str, family: str, root: Path) -> None:
    from harness.evaluation.measure_lookup import find_measures

    check_checkout(root, "new-measure")
    if keyword.iskeyword(name):
        raise HarnessError(f"{name!r} cannot name a measure: it is a keyword of Python; choose another name")
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise HarnessError(f"{name!r} cannot name a measure; expected lower case and underscores, {LONGEST} at most")
    families = sorted(
        {file.parent.name for file in (root / "measures").glob("*/__init__.py")} - {"networks", "quantities"}
    )
    if family not in families:
        near = difflib.get_close_matches(family, families, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise HarnessError(
            f"unknown family {family!r}; {hint}known: {', '.join(families)}; "
            "a new one is a folder in measures/ with an empty __init__.py"
        )
    if known := [measure for measure in find_measures(["all"]) if measure.name == name]:
        raise HarnessError(f"a measure named {name!r} is registered already, in {known[0].file}; choose another name")
