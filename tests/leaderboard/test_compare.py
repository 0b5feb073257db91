"""What changed between two records, against its noise, or why they cannot be compared."""

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.__main__ import main
from harness.judging.units.decision import Unit
from harness.judging.units.witnesses import unit_of
from harness.leaderboard.command import FEW
from harness.leaderboard.compare import auc_difference, compare_records
from harness.leaderboard.recompute import rejudged
from harness.records.record import suite_of
from harness.records.record_files import read_record
from harness.zoo.zoo import twins
from harness.zoo.zoos import ZOOS
from tests.builders.digits_records import GATE_ALONE, OLDER, altered, gate_records, record_of, zoo_described

DIGITS = ZOOS["digits"]
RUN = read_record(GATE_ALONE)
NORM = next(entry for entry in RUN["entries"] if entry["measure"] == "l2_norm")


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    record = copy.deepcopy(NORM)
    change(record)
    return record


def test_a_record_and_itself_differ_in_nothing() -> None:
    found = compare_records(NORM, NORM, RUN["zoo"])
    assert (found.obstacles, found.changes) == ((), ())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda r: r["zoo"].update(digest="0" * 64), "another zoo: digest 2cd155040844, 000000000000"),
        (lambda r: r.update(protocol=2), "another protocol: 4, 2"),
        (
            lambda r: r["zoo"].update(data_sha256="1" * 64),
            "another data set: digits; noisy_digits (fd87ee061aa0), digits; noisy_digits (1111",
        ),
        (lambda r: r["zoo"].update(data_set="mnist"), "another data set: digits; noisy_digits (fd87ee061aa0), mnist"),
        (lambda r: r.update(complete=False), "the second is incomplete"),
    ],
)
def test_what_is_not_comparable_says_why(change: Callable[[dict[str, Any]], object], why: str) -> None:
    found = compare_records(NORM, changed(change), RUN["zoo"])
    assert len(found.obstacles) == 1
    assert found.obstacles[0].startswith(why)
    assert found.changes == ()


def test_a_data_set_whose_contents_were_not_recorded_is_no_obstacle() -> None:
    assert not compare_records(NORM, changed(lambda r: r["zoo"].update(data_sha256=None)), RUN["zoo"]).obstacles


def swapped(seeds: int) -> dict[str, Any]:
    """The random-label values of the first twins are exchanged with the natural ones, verdict and all."""

    def change(record: dict[str, Any]) -> None:
        rows = record["rows"]
        for twin in twins(DIGITS, "random_labels")[:seeds]:
            rows[twin.natural.id], rows[twin.randomized.id] = rows[twin.randomized.id], rows[twin.natural.id]
        record["suites"]["random_labels"] = suite_of(rejudged(record, RUN["zoo"], DIGITS, "random_labels"))

    return changed(change)


def test_a_change_comes_with_its_units_its_interval_and_whether_it_is_more_than_noise() -> None:
    little, much = (compare_records(NORM, swapped(seeds), RUN["zoo"]).changes for seeds in (2, 27))
    assert any(
        each.startswith("random_labels: 18 of 18 units -> 17 of 18 units (now lost: mlp_1x512 on digits), AUC -0.")
        for each in little
    ), little
    assert any("random_labels" in each and "beyond its noise" in each for each in much)
    assert any("random_labels" in each and "within its noise" in each for each in little)


def test_a_seed_that_changes_sides_is_a_change_though_its_unit_does_not() -> None:
    (change,) = (each for each in compare_records(NORM, swapped(1), RUN["zoo"]).changes if "random_labels" in each)
    assert change.startswith("random_labels: 18 of 18 units -> 18 of 18 units, AUC -0.0")


def test_records_of_an_older_protocol_are_compared_with_nothing_not_even_with_each_other() -> None:
    old = read_record(OLDER)["entries"][0]
    found = compare_records(old, old, RUN["zoo"])
    assert found.obstacles == ("both are of protocol 1, of which nothing is compared any more",)
    assert found.changes == ()
    assert compare_records(NORM, old, RUN["zoo"]).obstacles[0] == "another protocol: 4, 1"


def test_findings_and_the_gates_answer_are_compared_in_words() -> None:
    one = record_of("l2_norm")
    other = copy.deepcopy(one)
    other["findings"]["regularizers"]["random_crop"]["status"] = "false_alarm"
    del other["findings"]["sample_size"]
    other.update(verdict="overlaps", version=2)
    found = compare_records(one, other, RUN["zoo"])
    assert found.changes == (
        "gate: separates -> overlaps",
        "regularizers, random_crop: quiet -> false alarm",
        "sample_size, scarce_images: grows -> not asked",
    )
    assert "version 1 -> 2" in found.notes


def test_other_source_and_other_weights_are_noted() -> None:
    def change(record: dict[str, Any]) -> None:
        record["source_sha256"] = record["zoo"]["models_digest"] = "0" * 64

    notes = " ".join(compare_records(NORM, changed(change), RUN["zoo"]).notes)
    assert "source" in notes and "weights of the models differ" in notes


VALUES = st.lists(st.integers(0, 3), min_size=216, max_size=216)


@settings(max_examples=15, deadline=None)
@given(VALUES, VALUES)
def test_a_difference_is_between_its_bounds_and_turns_with_the_order(one: list[int], other: list[int]) -> None:
    first = {name: [float(value), 0.0] for name, value in zip(sorted(NORM["rows"]), one, strict=True)}
    second = {name: [float(value), 0.0] for name, value in zip(sorted(NORM["rows"]), other, strict=True)}
    forth, back = (auc_difference(a, b, DIGITS, "gaussian") for a, b in ((first, second), (second, first)))
    assert forth is not None and back is not None
    assert forth[1] <= forth[0] + 1e-9 and forth[0] <= forth[2] + 1e-9
    assert back == pytest.approx((-forth[0], -forth[2], -forth[1]), abs=1e-12)


def test_the_difference_by_hand_where_one_is_a_constant() -> None:
    constant = {name: [0.0, 0.0] for name in NORM["rows"]}
    natural = {name: [0.0 if "true_labels" in name else 1.0, 0.0] for name in NORM["rows"]}
    assert auc_difference(constant, natural, DIGITS, "gaussian") == pytest.approx(
        (0.5, 0.5, 0.5)
    )  # from ties, 1/2, to 1
    missing = twins(DIGITS, "gaussian")[0].natural.id
    assert auc_difference(constant, {**natural, missing: [None, 0.0]}, DIGITS, "gaussian") is None


def test_the_command_says_what_is_in_one_alone_and_fails_where_nothing_can_be_compared(tmp_path: Path) -> None:
    one, other = gate_records(tmp_path / "one"), gate_records(tmp_path / "other")
    same = CliRunner().invoke(main, ["leaderboard", "compare", str(one), str(other)])
    assert (same.exit_code, same.output) == (0, "2 of 2 are unchanged\n")
    altered(other / "l2_norm.json", lambda record: record.update(protocol=2))
    (one / "parameter_count.json").unlink()
    result = CliRunner().invoke(main, ["leaderboard", "compare", str(one), str(other)])
    assert (result.exit_code, result.output.splitlines()) == (
        1,
        [
            "l2_norm on digits cannot be compared: another protocol: 4, 2",
            "parameter_count on digits is in the second alone",
            "0 of 1 are unchanged",
        ],
    )


def test_of_many_records_in_one_alone_a_few_are_named(tmp_path: Path) -> None:
    one, other = gate_records(tmp_path / "one"), gate_records(tmp_path / "other")
    for number in range(FEW + 3):
        path = other / f"more_{number}.json"
        path.write_bytes((other / "l2_norm.json").read_bytes())
        altered(path, lambda record, path=path: record.update(measure=path.stem))  # type: ignore[misc]
    result = CliRunner().invoke(main, ["leaderboard", "compare", str(one), str(other)])
    lines = result.output.splitlines()
    assert (result.exit_code, sum(line.endswith("is in the second alone") for line in lines)) == (0, FEW)
    assert lines[-2:] == [f"and so on: {FEW + 3} are in one of the two alone", "2 of 2 are unchanged"]


def test_records_of_all_suites_compare_with_those_of_the_gate_alone() -> None:
    one = record_of("l2_norm")
    found = compare_records(one, {**one, "findings": {}}, zoo_described())
    assert found.obstacles == ()
    assert "same_data, same_data: separates -> not asked" in found.changes


@pytest.mark.parametrize("seeds", ["alike", "independent"])
def test_two_coins_differ_beyond_their_noise_about_as_often_as_is_said(seeds: str) -> None:
    """A coin for each unit, or for each seed: 5 of 100 at the level, and a bootstrap of 18 units exceeds it a bit."""
    generator, beyond = random.Random(0), 0

    def coin() -> dict[str, list[float]]:
        rows: dict[str, list[float]] = {}
        sides: dict[Unit, float] = {}
        for twin in twins(DIGITS, "gaussian"):
            side = generator.choice((-1.0, 1.0))
            side = sides.setdefault(unit_of(twin.natural), side) if seeds == "alike" else side
            rows |= {twin.natural.id: [0.0, 0.0], twin.randomized.id: [side, 0.0]}
        return rows

    for _ in range(100):
        found = auc_difference(coin(), coin(), DIGITS, "gaussian")
        assert found is not None
        beyond += not found[1] <= 0 <= found[2]
    assert beyond <= 12
