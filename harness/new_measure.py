"""`python -m harness new-measure`: a measure's file and its test, which run as they are and say what to fill in."""

import difflib
import keyword
import os
import re
import string
from pathlib import Path

from harness.errors import HarnessError

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 40  # lines of the templates then stay within 120
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def new_measure(name: str, family: str, root: Path = ROOT) -> list[Path]:
    """Write `measures/<family>/<name>.py` and `tests/measures/test_<name>.py`; the files that are new.

    HarnessError, and nothing is written, for a name that is none or taken, an unknown family, and outside a checkout.
    """
    _check(name, family, root)
    places = {
        "measure": root / "measures" / family / f"{name}.py",
        "test": root / "tests" / "measures" / f"test_{name}.py",
    }
    if present := [place for place in places.values() if place.exists()]:
        raise HarnessError(f"{present[0]} is there already; choose another name, or remove it")
    written: list[Path] = []
    try:
        for kind, place in places.items():
            text = string.Template((TEMPLATES / f"{kind}.py.txt").read_text(encoding="utf-8"))
            with place.open("x", encoding="utf-8") as file:
                written.append(place)
                file.write(text.substitute(name=name, family=family))
    except OSError as cause:
        for done in written:
            os.unlink(done)
        raise HarnessError(f"{place} could not be written ({cause.strerror or cause})") from cause
    return written


def _check(name: str, family: str, root: Path) -> None:
    from harness.measure_lookup import find_measures

    if not (root / "tests" / "measures").is_dir() or not (root / "measures").is_dir():
        raise HarnessError(f"{root} is no checkout of shatterproof: there is no tests/measures in it; clone it first")
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > LONGEST:
        raise HarnessError(f"{name!r} is no name of a measure; expected lower case and underscores, {LONGEST} at most")
    families = sorted(each.parent.name for each in (root / "measures").glob("*/__init__.py"))
    if family not in families:
        near = difflib.get_close_matches(family, families, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise HarnessError(
            f"unknown family {family!r}; {hint}known: {', '.join(families)}; "
            "a new one is a folder in measures/ with an empty __init__.py"
        )
    if known := [each for each in find_measures(["all"]) if each.name == name]:
        raise HarnessError(f"a measure named {name!r} is registered already, in {known[0].file}; choose another name")
