"""What the sources claim of measures (measures/claims.py), as a table in Markdown and as JSON."""

import json
from collections.abc import Iterable
from typing import Any

from harness.errors import HarnessError
from harness.evaluation.catalogue import Declared
from measures.claims import Claim, claim_of
from measures.errors import ClaimError
from measures.registry import Measure

NONE = "–"


def claims_table(measures: Iterable[Measure | Declared]) -> str:
    """A row a measure: its name, its source, and what that says; a dash where nobody told what it says.

    Raises HarnessError where a measure's file says it in another form.
    """
    rows = [("measure", "source", "claims", "random labels"), ("---",) * 4]
    for measure, claim in _with_claims(measures):
        said = (
            (NONE, NONE)
            if claim is None
            else (
                _with_place(claim.orientation, claim.orientation_place),
                _with_place(claim.random_labels, claim.random_labels_place),
            )
        )
        rows.append((f"`{measure.name}`", *map(_cell, (measure.source or NONE, *said))))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def claims_json(measures: Iterable[Measure | Declared]) -> str:
    """The same, strict: for each name an object with "source", "claims" and "random_labels".

    The last two are objects with "kind" and "place" ("" where there is none), or null. Raises HarnessError as above.
    """
    content: dict[str, dict[str, Any]] = {}
    for measure, claim in _with_claims(measures):
        content[measure.name] = {
            "source": measure.source,
            "claims": claim and {"kind": claim.orientation, "place": claim.orientation_place},
            "random_labels": claim and {"kind": claim.random_labels, "place": claim.random_labels_place},
        }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _with_claims(measures: Iterable[Measure | Declared]) -> list[tuple[Measure | Declared, Claim | None]]:
    try:
        return [(measure, claim_of(measure)) for measure in measures]
    except ClaimError as problem:
        raise HarnessError(str(problem)) from problem


def _with_place(kind: str, place: str) -> str:
    return f"{kind} ({place})" if place else kind


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
