"""claims.toml, for a reviewer to read and correct: what the source of each measure says of random labels.

The docstrings of measures' files are where a claim stands (evaluation/claims.py); `leaderboard claims --write` writes
`source`, `says` and `place` from them. How a claim was `checked` at its source stands here alone, and is kept as long
as the claim stays what it was; of one that changed it is "not had" again. So whoever finds a claim wrong corrects the
docstring, writes the file, and says in it how that was checked.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from harness.errors import HarnessError
from harness.evaluation.catalogue import Declared, declared
from harness.evaluation.claims import RandomLabels, claim_of

CLAIMS_FILE = "claims.toml"
CHECKED = ("full text", "abstract only", "not had")
NOT_CHECKED = CHECKED[-1]
HEAD = """\
# What the source of each measure says of random labels, from the docstrings of measures/ by
#
#     python -m harness leaderboard claims --write
#
# A claim is corrected in its docstring. `checked` is kept here: how far the source was had when what stands here was
# compared with it: "full text" (all of it, or the part that says so), "abstract only", or "not had".
"""


@dataclass(frozen=True)
class Claimed:
    """What a source says: `separates` or `does not separate`, with the place; `unknown`, with why; `nothing`."""

    source: str
    says: str
    place: str
    checked: str = NOT_CHECKED


def from_docstrings(known: Mapping[str, Claimed], measures: Iterable[Declared] | None = None) -> dict[str, Claimed]:
    """The claims of this project's measures, by name; checked as `known` says of those that are unchanged."""
    found = {}
    for measure in declared() if measures is None else measures:
        claim = claim_of(measure)
        if claim is not None:
            now = Claimed(measure.source, claim.random_labels, claim.random_labels_place)
            before = known.get(measure.name)
            kept = before is not None and (before.source, before.says, before.place) == (
                now.source,
                now.says,
                now.place,
            )
            found[measure.name] = before if kept and before else now
    return found


def read_claims(path: Path) -> dict[str, Claimed]:
    """The claims of a file, by measure; none where the file is missing. HarnessError for what is not of this form."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as cause:
        raise HarnessError(f"{path} cannot be read ({cause}); leaderboard claims --write writes it") from cause
    return {name: _claimed(name, fields, path) for name, fields in content.items()}


def claims_beside(records: Path) -> dict[str, Claimed]:
    """The claims that stand in a folder of records; none beside a run's file."""
    return read_claims(records / CLAIMS_FILE) if records.is_dir() else {}


def as_toml(claims: Mapping[str, Claimed]) -> str:
    """The content of the file: a table a measure, by name."""
    return "\n".join([HEAD, *(_table(name, claim) for name, claim in sorted(claims.items()))])


def _table(name: str, claim: Claimed) -> str:
    return f"[{name}]\n" + "".join(f"{field} = {_string(value)}\n" for field, value in vars(claim).items())


def _string(text: str) -> str:
    """A basic string of TOML: that of JSON, where DEL is escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _claimed(name: str, fields: object, path: Path) -> Claimed:
    expected = list(Claimed.__dataclass_fields__)
    if not isinstance(fields, dict) or sorted(fields) != sorted(expected):
        raise HarnessError(f"{path}: [{name}] has {fields!r:.80}; expected a table of {', '.join(expected)}")
    for field, value in fields.items():
        if not isinstance(value, str):
            raise HarnessError(f"{path}: {field} of [{name}] is {value!r:.60}; expected a string")
    for field, known in (("says", get_args(RandomLabels)), ("checked", CHECKED)):
        if fields[field] not in known:
            raise HarnessError(f"{path}: {field} of [{name}] is {fields[field]!r}; expected one of {', '.join(known)}")
    return Claimed(**fields)
