"""Some of the recorded digits' measures in a folder of their own, and records altered with a digest that is right."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.records.record_files import ZOO_FILE, as_text, read_record, write_record
from harness.records.schema import digest_of
from tests import ROOT

GATE_ALONE = ROOT / "tests" / "data" / "records" / "3.0.json"
DIGITS = ROOT / "baselines" / "digits"


def some_records(root: Path, *measures: str) -> Path:
    """`root`/digits with the zoo's file and the records of these measures."""
    folder = root / "digits"
    folder.mkdir(parents=True)
    for name in (Path(ZOO_FILE).stem, *measures):
        shutil.copy(DIGITS / f"{name}.json", folder)
    return folder


def gate_records(root: Path) -> Path:
    """The same of l2_norm and parameter_count, with what the gate needs alone."""
    folder = root / "digits"
    folder.mkdir(parents=True)
    write_record(read_record(GATE_ALONE), folder)
    return folder


def record_of(measure: str) -> dict[str, Any]:
    """What baselines/digits has of this measure."""
    content: dict[str, Any] = json.loads((DIGITS / f"{measure}.json").read_text())
    return content


def altered(path: Path, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The record at `path` changed there, by somebody who knows how the digest is made."""
    record = json.loads(path.read_text())
    change(record)
    record["digest"] = digest_of(record)
    path.write_text(as_text(record))
    return copy.deepcopy(record)
