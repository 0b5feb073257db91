"""What was recorded of a measure on a zoo itself, for fresh twins to be compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.evaluation.source_digest import digest_as_called
from harness.judging.agreement import Recorded
from harness.judging.units.condition import Status
from harness.judging.units.decision import UnitDecision
from harness.records.estimate import BASELINES
from harness.records.joining import check_same_measure
from harness.records.record import public_origin
from harness.records.record_files import read_record
from harness.records.schema import PROTOCOL
from harness.zoo.definition import definition_of
from harness.zoo.zoo import Zoo
from measures.registry import Measure


@dataclass(frozen=True)
class RecordedVerdict:
    """A verdict under one condition, as far as a record has it."""

    status: Status
    units: tuple[UnitDecision, ...]


def recorded_gate(measure: Measure, zoo: Zoo, record: Path | None = None) -> Recorded:
    """What the record, by default the one in baselines/, says of the measure on the zoo that `zoo` is of.

    HarnessError if the record cannot be read.
    """
    scale = zoo.scale
    path = record or BASELINES / scale.name / f"{measure.name}.json"
    if not path.exists() and record is None:
        return Recorded(missing=f"it has no record on the {scale.name} zoo")
    run = read_record(path)
    entry = next((entry for entry in run["entries"] if entry["measure"] == measure.name), None)
    if entry is None:
        return Recorded(missing=f"{path.name} has no record of it")
    if reason := _another(measure, scale, entry, run["zoo"], path):
        return Recorded(missing=reason)
    source = "" if entry["source_sha256"] == digest_as_called(measure) else "its source is not as it was recorded"
    return Recorded(verdicts_of(entry), note=source)


def verdicts_of(entry: Mapping[str, Any]) -> dict[str, RecordedVerdict]:
    """The verdicts of a measure's record of this protocol, by condition."""
    return {
        condition: RecordedVerdict(suite["verdict"], tuple(map(UnitDecision.from_json, suite["units"])))
        for condition, suite in entry["suites"].items()
    }


def _another(measure: Measure, scale: Zoo, entry: Mapping[str, Any], described: Mapping[str, Any], path: Path) -> str:
    """Why the record is not of this measure on this zoo; "" if it is."""
    if entry["protocol"] != PROTOCOL:
        return f"its record is of protocol {entry['protocol']}, in which no units are decided"
    if entry["version"] != measure.version:
        return f"its record is of version {entry['version']}, this is {measure.version}"
    try:
        check_same_measure(entry, {"measure": measure.name, "origin": public_origin(measure)}, path)
    except HarnessError:
        return f"the record is of another measure of that name, of {entry['origin']}"
    if described["name"] != scale.name or described.get("definition", definition_of(scale)) != definition_of(scale):
        return f"its record is of the {described['name']} zoo as it is defined elsewhere"
    return ""
