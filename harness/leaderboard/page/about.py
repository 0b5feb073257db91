"""What a measure is: its formula, source, code and claim, from its file, which is read and never imported."""

import ast
import dataclasses
import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.evaluation.catalogue import Declared, declared
from harness.evaluation.claims import START, claim_of
from measures.registry import PACKAGE

CLAIMS_FILE = "claims.toml"


@dataclasses.dataclass(frozen=True)
class About:
    """What a measure of this project says of itself, and what its source claims.

    - `summary`: the first sentences of its file's docstring; `formula`: its indented lines; `text`: what follows.
    - `file`: of its code, from the root of the project.
    - `larger`: whether the source claims that a larger value goes with a larger gap, and where.
    - `random_labels`: what the source says of random labels, in a word; `place`: where, or why that is unknown;
      `checked`: how far the source was had. "" where nobody says.
    """

    summary: str
    formula: str
    text: str
    file: str
    larger: str
    random_labels: str
    place: str
    checked: str = ""


def about_measures(records: Path | None = None) -> dict[tuple[str, str], About]:
    """By name and origin, as records have them: all measures of this project.

    A claims.toml that stands beside the records says what sources claim; else the docstrings do.
    """
    said = _claims_at(records) if records is not None else {}
    found = {}
    for measure in declared():
        about = _about(measure)
        claim = said.get(measure.name)
        if claim is not None:
            known = {"random_labels": "says", "place": "place", "checked": "checked"}
            about = dataclasses.replace(about, **{field: str(claim.get(name, "")) for field, name in known.items()})
        found[measure.name, _origin(measure)] = about
    return found


def _claims_at(records: Path) -> Mapping[str, Mapping[str, Any]]:
    path = records / CLAIMS_FILE
    if not path.is_file():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise HarnessError(f"{path} cannot be read as TOML ({cause})") from cause
    return {name: claim for name, claim in found.items() if isinstance(claim, dict)}


def _about(measure: Declared) -> About:
    claim = claim_of(measure)
    larger = f"{claim.orientation} ({claim.orientation_place})" if claim and claim.orientation_place else ""
    return About(
        *_parts_of(measure.file),
        str(measure.file.relative_to(PACKAGE.parent).as_posix()),
        larger or (claim.orientation if claim else ""),
        claim.random_labels if claim else "",
        claim.random_labels_place if claim else "",
    )


def _origin(measure: Declared) -> str:
    return ".".join(measure.file.relative_to(PACKAGE.parent).with_suffix("").parts)


@functools.cache
def _parts_of(file: Path) -> tuple[str, str, str]:
    """Summary, formula and the rest of a file's docstring, without the two lines on claims."""
    docstring = ast.get_docstring(ast.parse(file.read_bytes())) or ""
    kept = "\n".join(line for line in docstring.split("\n") if not START.match(line))
    paragraphs = [paragraph for paragraph in kept.split("\n\n") if paragraph.strip()]
    first = next((i for i, each in enumerate(paragraphs) if each.startswith("    ")), len(paragraphs))
    last = next((i for i in range(first, len(paragraphs)) if not paragraphs[i].startswith("    ")), len(paragraphs))
    if first == len(paragraphs):  # no formula
        first = last = min(1, len(paragraphs))
    parts = (paragraphs[:first], paragraphs[first:last], paragraphs[last:])
    summary, formula, text = ("\n\n".join(part).rstrip() for part in parts)
    return summary, formula, text
