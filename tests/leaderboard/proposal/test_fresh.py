"""A proposal on fresh twins: what is compared, what fails it, and what the report says."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.judging.units.condition import judge_condition
from harness.judging.units.decision import Unit, UnitDecision
from harness.leaderboard.proposal import command, review
from harness.leaderboard.proposal.changed import Changes
from harness.leaderboard.proposal.fresh import NUMBERS, OnFreshTwins, agreements, draw, failures
from harness.leaderboard.proposal.report import report
from harness.leaderboard.proposal.review import Review
from harness.settings import make_settings
from harness.zoo.fresh import MOST

GATE = ("random_labels", "gaussian")


def entry(name: str, won: int, source: str = "a") -> dict[str, Any]:
    """What a record of a measure has that wins so many of 14 units under every condition."""
    units = [UnitDecision(Unit("digits", f"net{n}"), 3 * (n < won), 0, 3 * (n >= won), 3) for n in range(14)]
    status = judge_condition("any", units).status
    suite = {"verdict": status, "units": [unit.to_json() for unit in units]}
    return {"measure": name, "source_sha256": source, "verdict": status, "suites": dict.fromkeys(GATE, suite)}


def run(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"entries": [*entries]}


def failed(known: dict[str, Any], again: dict[str, Any] | None) -> list[str]:
    fresh = OnFreshTwins(5, True, None if again is None else run(again))
    return [*failures(run(known), agreements(run(known), fresh))]


def test_a_pass_has_to_be_one_on_fresh_twins_and_nothing_else_stands_in_the_way() -> None:
    assert failed(entry("mine", 14), entry("mine", 13)) == []
    (sentence,) = failed(entry("mine", 14), entry("mine", 7))
    assert sentence.startswith(
        "passes on the zoo itself and not on fresh twins: mine on fresh twins 5: 0 of 2 verdicts"
    )
    assert "worse than recorded in 7 of 14 units, better in 0 (exact test p = 0.016)" in sentence
    assert failed(entry("mine", 7), entry("mine", 14)) == failed(entry("mine", 7), entry("mine", 0)) == []


def test_a_pass_without_a_verdict_on_fresh_twins_or_of_another_source_there_is_none() -> None:
    for again, why in ((None, "it gave nothing there"), (entry("mine", 14, "b"), "its source changed between the two")):
        (sentence,) = failed(entry("mine", 14), again)
        assert f"compared with nothing: {why}" in sentence
    assert failed(entry("mine", 7), None) == []


def test_a_drawn_number_is_one_that_the_zoo_takes_and_another_every_time() -> None:
    drawn = {draw() for _ in range(20)}
    assert len(drawn) > 1 and all(1 <= number <= NUMBERS <= MOST for number in drawn)


def test_the_gate_alone_is_asked_on_fresh_twins_of_a_number_that_is_drawn_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []

    def suites(measures: Any, root: Any, settings: Any, say: Any, more: Any) -> tuple[None, dict[str, str]]:
        asked.append((measures, more))
        return None, {}

    monkeypatch.setattr(review, "run_suites", suites)
    settings = make_settings(cache_dir=str(tmp_path))
    specs = {"a": "sealed:a", "b": "b", "crashed": "sealed:crashed"}
    drawn = command._on_fresh_twins(run(entry("a", 14), entry("b", 3)), specs, tmp_path, None, settings)
    given = command._on_fresh_twins(run(entry("a", 14)), specs, tmp_path, 5, settings)
    assert drawn.drawn and (given.drawn, given.number) == (False, 5)
    assert asked == [
        ({"a": "sealed:a", "b": "b"}, ("-m", "gate", f"--fresh={drawn.number}")),
        ({"a": "sealed:a"}, ("-m", "gate", "--fresh=5")),
    ]


@pytest.mark.parametrize(("drawn", "how"), [(True, "drawn for this review"), (False, "given, and not drawn")])
def test_the_report_says_the_number_and_what_was_found(drawn: bool, how: str) -> None:
    fresh = OnFreshTwins(5, drawn, run(entry("a_b", 13)))
    compared = agreements(run(entry("a_b", 14)), fresh)
    shown = report(Changes(("a_b",), (), (), ()), Review(None, (), (), {}, fresh, compared), "main")
    assert f"On fresh twins 5, other seeds than the zoo's (the number was {how}" in shown
    assert "- a\\_b on fresh twins 5: all 2 verdicts are as recorded, and 26 of 28 decisions of units; " in shown


def test_a_number_that_is_none_is_refused_before_anything_is_looked_at() -> None:
    with pytest.raises(HarnessError, match="--fresh is 0; expected a whole number"):
        command.propose.main(["--fresh", "0"], standalone_mode=False)
