"""What changed between two records, against its noise, or why they cannot be compared."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.__main__ import main
from harness.leaderboard.compare import auc_difference, compare_records
from harness.records.record_files import read_record, record_paths
from harness.zoo.zoo import twins
from harness.zoo.zoos import ZOOS
from tests.builders.digits_records import DIGITS as RECORDED
from tests.builders.digits_records import GATE_ALONE, altered, gate_records, record_of

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
        (lambda r: r["zoo"].update(digest="0" * 64), "another zoo: digest 0bf0e18ccf18, 000000000000"),
        (lambda r: r.update(protocol=2), "another protocol: 1, 2"),
        (lambda r: r["zoo"].update(data_sha256="1" * 64), "another data set: digits (dc03189b4746), digits (1111"),
        (lambda r: r["zoo"].update(data_set="mnist"), "another data set: digits (dc03189b4746), mnist"),
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


def swap_values(record: dict[str, Any], pairs: int) -> None:
    """The random-label values of the first twins are exchanged with the natural ones, wins and all."""
    rows = record["rows"]
    for twin in twins(DIGITS, "random_labels")[:pairs]:
        rows[twin.natural.id], rows[twin.randomized.id] = rows[twin.randomized.id], rows[twin.natural.id]
    record["suites"]["random_labels"].update(wins=20 - pairs, losses=pairs)


def test_a_change_comes_with_its_interval_and_whether_it_is_more_than_noise() -> None:
    little = compare_records(NORM, changed(lambda r: swap_values(r, 1)), RUN["zoo"])
    much = compare_records(NORM, changed(lambda r: swap_values(r, 12)), RUN["zoo"])
    assert any(each.startswith("random_labels: wins 20/20 -> 19/20, AUC -0.") for each in little.changes)
    assert any("random_labels" in each and "within its noise" in each for each in little.changes)
    assert any("random_labels" in each and "beyond its noise" in each for each in much.changes)


def test_findings_and_the_gates_answer_are_compared_in_words() -> None:
    one = record_of("l2_norm")
    other = copy.deepcopy(one)
    other["findings"]["regularizers"]["random_crop"]["status"] = "quiet"
    del other["findings"]["sample_size"]
    other.update(verdict="overlaps", version=2)
    found = compare_records(one, other, RUN["zoo"])
    assert found.changes == (
        "gate: separates -> overlaps",
        "regularizers, random_crop: false alarm -> quiet",
        "sample_size, scarce_images: flat -> not asked",
    )
    assert "version 1 -> 2" in found.notes


def test_other_source_and_other_weights_are_noted() -> None:
    def change(record: dict[str, Any]) -> None:
        record["source_sha256"] = record["zoo"]["models_digest"] = "0" * 64

    notes = " ".join(compare_records(NORM, changed(change), RUN["zoo"]).notes)
    assert "source" in notes and "weights of the models differ" in notes


VALUES = st.lists(st.integers(0, 3), min_size=80, max_size=80)


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
    assert auc_difference(constant, natural, DIGITS, "gaussian") == (0.5, 0.5, 0.5)  # from ties, 1/2, to 1
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
            "l2_norm on digits cannot be compared: another protocol: 1, 2",
            "parameter_count on digits is in the second alone",
            "0 of 1 are unchanged",
        ],
    )


@pytest.mark.slow
def test_of_many_records_in_one_alone_a_few_are_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["leaderboard", "compare", str(gate_records(tmp_path)), str(RECORDED)])
    lines = result.output.splitlines()
    assert (result.exit_code, sum(line.endswith("is in the second alone") for line in lines)) == (0, 10)
    assert lines[-2:] == [
        f"and so on: {len(record_paths(RECORDED)) - 2} are in one of the two alone",
        "0 of 2 are unchanged",
    ]


def test_records_of_all_suites_compare_with_those_of_the_gate_alone() -> None:
    found = compare_records(record_of("l2_norm"), NORM, RUN["zoo"])
    assert found.obstacles == ()
    assert "same_data, same_data: separates -> not asked" in found.changes
