"""Two records of one measure: what changed, by how much against its noise, or why they cannot be compared."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.judging.units.decision import Unit
from harness.judging.units.witnesses import unit_of
from harness.leaderboard.recompute import recorded_zoo
from harness.records.schema import PROTOCOL
from harness.zoo.zoo import Zoo, twins

DRAWS = 2000
LEVEL = 0.95
Values = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """`obstacles`: why the two cannot be compared; else `changes`, () if only the clock differs. Sentences."""

    measure: str
    zoo: str
    obstacles: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def compare(
    one: Mapping[str, Mapping[str, Any]], other: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Comparison], list[str]]:
    """Of the runs of each zoo: a comparison for every measure that both have, a sentence for each other."""
    found, alone = [], []
    for name in sorted({*one, *other}):
        first, second = (_records(runs, name) for runs in (one, other))
        for measure in sorted({*first, *second}):
            if measure in first and measure in second:
                found.append(compare_records(first[measure], second[measure], one[name]["zoo"]))
            else:
                alone.append(f"{measure} on {name} is in the {'first' if measure in first else 'second'} alone")
    return found, alone


def _records(runs: Mapping[str, Mapping[str, Any]], zoo: str) -> dict[str, Mapping[str, Any]]:
    """The run's records on the zoo, by measure; {} if it has no such zoo."""
    return {record["measure"]: record for record in runs.get(zoo, {"entries": ()})["entries"]}


def compare_records(one: Mapping[str, Any], other: Mapping[str, Any], described: Mapping[str, Any]) -> Comparison:
    """Two records of one measure and one zoo, `described` as the first has it."""
    name, zoo = one["measure"], one["zoo"]["name"]
    if obstacles := tuple(_obstacles(one, other)):
        return Comparison(name, zoo, obstacles)
    return Comparison(name, zoo, (), tuple(_changes(one, other, recorded_zoo(described))), tuple(_notes(one, other)))


def _obstacles(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    if one["protocol"] != other["protocol"]:
        yield f"another protocol: {one['protocol']}, {other['protocol']}"
    elif one["protocol"] != PROTOCOL:
        yield f"both are of protocol {one['protocol']}, of which nothing is compared any more"
    data = [record["zoo"]["data_sha256"] for record in (one, other)]
    if one["zoo"]["data_set"] != other["zoo"]["data_set"] or (None not in data and data[0] != data[1]):
        yield f"another data set: {_data(one)}, {_data(other)}"
    for record, which in ((one, "first"), (other, "second")):
        if not record["complete"]:
            yield f"the {which} is incomplete"
    if one["zoo"]["digest"] != other["zoo"]["digest"] and one["complete"] and other["complete"]:
        yield f"another zoo: digest {one['zoo']['digest'][:12]}, {other['zoo']['digest'][:12]}"


def _data(record: Mapping[str, Any]) -> str:
    return f"{record['zoo']['data_set']} ({(record['zoo']['data_sha256'] or 'unknown')[:12]})"


def _notes(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """What may be behind a change."""
    if one["version"] != other["version"]:
        yield f"version {one['version']} -> {other['version']}"
    elif one["source_sha256"] != other["source_sha256"]:
        yield "the measure's source, or what it shares with others, is not the same"
    if one["zoo"]["models_digest"] != other["zoo"]["models_digest"]:
        yield "the weights of the models differ (another machine, or other suites ran): values do for that alone"
    before, after = one["seconds_per_model"], other["seconds_per_model"]
    if before and after:
        where = " and ".join(dict.fromkeys(record["environment"]["cpu"] for record in (one, other)))
        yield f"seconds a model {before:.2g} -> {after:.2g}, on {where}"


def _changes(one: Mapping[str, Any], other: Mapping[str, Any], zoo: Zoo) -> Iterator[str]:
    if one["verdict"] != other["verdict"]:
        yield f"gate: {one['verdict']} -> {other['verdict']}"
    for condition in zoo.gate:
        before, after = one["suites"][condition], other["suites"][condition]
        numbers = [(suite["verdict"], suite["units"]) for suite in (before, after)]
        difference = auc_difference(one["rows"], other["rows"], zoo, condition)
        moved = difference is not None and difference[0] != 0
        if numbers[0] == numbers[1] and not moved:
            continue
        text = f"{condition}: {_won(before)} -> {_won(after)}{_units_changed(before, after)}"
        if difference is not None:
            value, low, high = difference
            noise = "within its noise" if low <= 0 <= high else "beyond its noise"
            text += f", AUC {value:+.3f} [{low:+.3f}, {high:+.3f}], {noise}"
        yield text
    for suite in sorted({*one["findings"], *other["findings"]}):
        first, second = one["findings"].get(suite, {}), other["findings"].get(suite, {})
        for clause in sorted({*first, *second}):
            words = [_word(finding.get(clause)) for finding in (first, second)]
            if words[0] != words[1]:
                yield f"{suite}, {clause}: {words[0]} -> {words[1]}"


def _won(suite: Mapping[str, Any]) -> str:
    """`13 of 14 units`."""
    return f"{suite['won']} of {len(suite['units'])} units"


def _units_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """` (now lost: mlp_1x512 on noisy_digits)`."""
    decided = [
        {str(Unit(each["setting"], each["network"])): each["decision"] for each in suite["units"]}
        for suite in (before, after)
    ]
    said = []
    for decision in ("won", "lost", "neither"):
        now = [unit for unit, which in decided[1].items() if which == decision and decided[0].get(unit) != which]
        said += [f"now {decision}: {', '.join(now)}"] if now else []
    return f" ({'; '.join(said)})" if said else ""


def _word(finding: Mapping[str, Any] | None) -> str:
    if finding is None:
        return "not asked"
    word = finding["status"] or ("skipped" if finding["skipped"] else "falls short" if finding["problem"] else "holds")
    return str(word).replace("_", " ")


def auc_difference(
    one: Mapping[str, Sequence[Any]], other: Mapping[str, Sequence[Any]], zoo: Zoo, condition: Any
) -> tuple[float, float, float] | None:
    """The second's AUC within units less the first's, with its 95% interval; None where a value is missing.

    A percentile bootstrap over units, the witnesses, the same of both records, by a generator of fixed seed: seeds of a
    unit are alike, and say nothing of other networks.
    """
    by_unit: dict[Unit, list[tuple[Any, ...]]] = {}
    for twin in twins(zoo, condition):
        cells = [rows.get(recipe.id, [None])[0] for rows in (one, other) for recipe in (twin.natural, twin.randomized)]
        if None in cells:
            return None
        by_unit.setdefault(unit_of(twin.natural), []).append(tuple(cells))
    strata = [np.array(values, dtype=float) for values in by_unit.values()]  # (twins, 4)
    if not strata:
        raise HarnessError(f"the zoo {zoo.name} has no twins for {condition}")
    generator = np.random.default_rng(0)
    of_units = np.array([_auc(v[:, 2], v[:, 3]) - _auc(v[:, 0], v[:, 1]) for v in strata])
    drawn = of_units[generator.integers(len(of_units), size=(DRAWS, len(of_units)))].mean(axis=1)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(of_units.mean()), float(low), float(high)


def _auc(natural: Values, randomized: Values) -> Values:
    """(..., twins) -> (...): the chance that a randomized value exceeds a natural one, ties half."""
    return np.asarray((np.sign(randomized[..., :, None] - natural[..., None, :]) + 1).mean(axis=(-2, -1)) / 2)
