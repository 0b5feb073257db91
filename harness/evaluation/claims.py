"""What a measure's source says of it: whether a larger value goes with a larger gap, and what becomes of random labels.

The docstring of a measure's file ends with two lines. They are of all measures in the file; where it is of one alone,
the place says so:

    Claims: larger gap (WHERE).        the source says so of the value as it is here, negated or inverted where it is
    Claims: read into it.              no source says that it tells of the gap
    Claims: nothing, it is a control.

    Random labels: separates (WHERE).              true labels from random, or partly wrong, ones
    Random labels: does not separate (WHERE).
    Random labels: nothing.                        the source does not speak of them
    Random labels: unknown (WHY).

WHERE and WHY hold no parentheses. The file is read, never imported.
"""

import ast
import dataclasses
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from harness.errors import HarnessError
from harness.evaluation.catalogue import Declared
from measures.registry import Measure

Orientation = Literal["larger gap", "read into it", "nothing, it is a control"]
RandomLabels = Literal["separates", "does not separate", "nothing", "unknown"]

START = re.compile(r"\s*(Claims|Random labels)\s*:")
FORMS = {
    "Claims": re.compile(r"Claims: (?:(larger gap) \(([^()]+)\)|(read into it)|(nothing, it is a control))\."),
    "Random labels": re.compile(r"Random labels: (?:(separates|does not separate|unknown) \(([^()]+)\)|(nothing))\."),
}
EXPECTED = {
    "Claims": "'larger gap (WHERE).', 'read into it.' or 'nothing, it is a control.'",
    "Random labels": "'separates (WHERE).', 'does not separate (WHERE).', 'nothing.' or 'unknown (WHY).'",
}
CONTROLS = "controls"
"""The family of those that claim nothing."""
NOT_TOLD = "–"


@dataclasses.dataclass(frozen=True)
class Claim:
    """What the source of a measure says of it.

    - `orientation`: what it claims of a larger value; `orientation_place`: where in the source, "" without a claim.
    - `random_labels`: whether it tells true labels from random ones; `random_labels_place`: where in the source, or why
      that is unknown; "" where the source says nothing.
    """

    orientation: Orientation
    orientation_place: str
    random_labels: RandomLabels
    random_labels_place: str


def claim_of(measure: Measure | Declared) -> Claim | None:
    """The claim that ends the docstring of the measure's file; None where there is none, or the measure is external.

    Raises HarnessError, with file and line, where one of the two lines stands alone, elsewhere, or is not of its form,
    and where a measure that is not among the controls says that it is one.
    """
    if measure.family == "external":
        return None
    lines = _docstring(measure.file)
    started = [number for number, line in lines if START.match(line)]
    if not started:
        return None
    end = [number for number, _ in lines[-2:]]
    if started != end:
        what = "'Claims: ...' and 'Random labels: ...' are the last two lines of the docstring"
        wrong = next((number for number in started if number not in end), started[0])
        raise HarnessError(f"{measure.file}:{wrong}: {what}, each once")
    (claims_at, claims), (labels_at, labels) = lines[-2:]
    orientation, where = _read("Claims", claims, f"{measure.file}:{claims_at}")
    seen, place = _read("Random labels", labels, f"{measure.file}:{labels_at}")
    if orientation == "nothing, it is a control" and measure.family != CONTROLS:
        raise HarnessError(f"{measure.file}:{claims_at}: only what stands in measures/{CONTROLS} is a control")
    return Claim(orientation, where, seen, place)  # type: ignore[arg-type]


def claims_table(measures: Iterable[Measure | Declared]) -> str:
    """A row a measure: its name, its source, and what that says; a dash where nobody told what it says.

    Raises HarnessError where a measure's file says it in another form.
    """
    rows: list[tuple[str, ...]] = [("measure", "source", "claims", "random labels"), ("---",) * 4]
    for measure in measures:
        rows.append((f"`{measure.name}`", measure.source or NOT_TOLD, *_said(claim_of(measure))))
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def claims_json(measures: Iterable[Measure | Declared]) -> str:
    """The same, strict: for each name an object with "source", "claims" and "random_labels".

    The last two are objects with "kind" and "place" ("" where there is none), or null. Raises HarnessError as above.
    """
    content: dict[str, dict[str, Any]] = {}
    for measure in measures:
        claim = claim_of(measure)
        content[measure.name] = {
            "source": measure.source,
            "claims": claim and {"kind": claim.orientation, "place": claim.orientation_place},
            "random_labels": claim and {"kind": claim.random_labels, "place": claim.random_labels_place},
        }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _docstring(file: Path) -> list[tuple[int, str]]:
    """Its lines with their numbers in the file, without blank ones at the end."""
    match ast.parse(file.read_bytes(), str(file)).body:
        case [ast.Expr(ast.Constant(str(text))) as first, *_]:
            lines = text.rstrip().split("\n")
            return [*enumerate(lines, start=first.lineno)]
    return []


def _read(what: str, line: str, where: str) -> tuple[str, str]:
    """The kind and the place of one of the two lines."""
    found = FORMS[what].fullmatch(line)
    if found is None:
        raise HarnessError(f"{where}: got {line!r}; expected '{what}: ' and then {EXPECTED[what]}")
    kind, place, *without = found.groups()
    return kind or next(filter(None, without)), place or ""


def _said(claim: Claim | None) -> tuple[str, str]:
    if claim is None:
        return NOT_TOLD, NOT_TOLD
    return (
        _with_place(claim.orientation, claim.orientation_place),
        _with_place(claim.random_labels, claim.random_labels_place),
    )


def _with_place(kind: str, place: str) -> str:
    return f"{kind} ({place})" if place else kind


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
