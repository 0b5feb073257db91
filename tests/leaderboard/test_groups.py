"""Findings by groups: what was asked, what is passed, and between what that lies when one unit is left out."""

from typing import Any

from harness.judging.questions import QUESTIONS
from harness.leaderboard.groups import GROUPS, SUITES, counted, finding_of, what_it_reads

UNITS = ("a", "b", "c")


def found(**passed: bool | None) -> dict[str, dict[str, Any]]:
    return {clause: {"status": "", "passed": answer, "detail": ""} for clause, answer in passed.items()}


def without(**passed: bool) -> dict[str, bool]:
    return dict.fromkeys(UNITS, True) | passed


def test_every_question_is_in_a_group() -> None:
    assert {question.name for question in QUESTIONS} <= SUITES.keys()
    assert list(GROUPS) == ["reads", "dose", "nuisances", "time", "scarcity", "grid"]


def test_the_fewest_and_the_most_are_of_all_findings_of_the_group_without_the_same_unit() -> None:
    findings = {
        "same_data": found(same_data=True),
        "corrupted_labels": found(attack_dose=True, corrupted_fraction=False),
    }
    answers = {
        ("same_data", "same_data"): without(a=False),
        ("corrupted_labels", "attack_dose"): without(b=False),
        ("corrupted_labels", "corrupted_fraction"): dict.fromkeys(UNITS, False),
    }
    assert counted(findings, answers)["dose"] == {"passed": 2, "asked": 3, "interval": [1, 2]}


def test_a_unit_that_one_finding_does_not_have_leaves_it_as_it_is() -> None:
    findings = {"regularizers": found(dropout=False, weight_decay=True)}
    answers = {("regularizers", "dropout"): {"a": True}, ("regularizers", "weight_decay"): without(b=False)}
    assert counted(findings, answers)["nuisances"] == {"passed": 1, "asked": 2, "interval": [0, 2]}


def test_what_was_not_asked_is_no_group_and_what_is_not_known_no_interval() -> None:
    findings = {"sample_size": found(scarce_images=None), "early_stopping": found(three_epochs=True)}
    groups = counted(findings, {})
    assert groups["scarcity"] is None and groups["reads"] is None
    assert groups["time"] == {"passed": 1, "asked": 1, "interval": None}


def test_a_finding_that_does_not_rest_on_units_has_no_interval() -> None:
    findings = {"hyperparameters": found(grid=True)}
    assert counted(findings, {("hyperparameters", "grid"): {}})["grid"] == {"passed": 1, "asked": 1, "interval": None}


def recorded(status: str, skipped: str = "") -> dict[str, Any]:
    return {"status": status, "problem": "", "skipped": skipped, "detail": ""}


def test_what_reads_data_or_history_alone_breaks_nothing_and_is_not_counted() -> None:
    words = ("needs_the_network", "needs_network_and_history", "history_suffices", "data_suffices", "does_not_separate")
    answers = [finding_of("reads", recorded(word))["passed"] for word in words]
    assert answers == [True, True, False, False, False]
    assert finding_of("sample_size", recorded("grows"))["passed"] is True
    assert finding_of("reads", recorded("error", "it has no value"))["passed"] is None


def test_what_it_reads_is_a_word_by_either_name_of_the_suite() -> None:
    for suite in ("reads", "what_it_reads"):
        assert what_it_reads({suite: {"it": finding_of(suite, recorded("data_suffices"))}}) == "data_suffices"
    assert what_it_reads({"reads": {"it": finding_of("reads", recorded("error", "no value"))}}) is None
    assert what_it_reads({}) is None
