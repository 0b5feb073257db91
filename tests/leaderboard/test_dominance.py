"""A partial order: nothing is traded against anything else, and only what was asked the same is compared."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.dominance import dominated_by, dominates
from harness.leaderboard.groups import GROUPS


def standing(name: str, won: int | None, *passed: int, asked: int = 3, verdict: str = "overlaps") -> dict[str, Any]:
    """A made-up one; of the groups that are not given nothing was asked."""
    groups: dict[str, Any] = dict.fromkeys(GROUPS)
    groups |= {group: {"passed": many, "asked": asked} for group, many in zip(GROUPS, passed, strict=False)}
    findings = {
        GROUPS[group][0]: {f"clause_{n}": {"passed": n < many} for n in range(asked)}
        for group, many in zip(GROUPS, passed, strict=False)
    }
    headline = {"won": won, "units": 14, "verdict": verdict}
    return {"measure": name, "headline": headline, "groups": groups, "findings": findings, "complete": True}


def test_what_fails_for_want_of_a_network_does_not_dominate_what_passes_with_fewer_units() -> None:
    """17 units, none of some network, beside 16 that are enough."""
    fails, passes = standing("fails", 17, 3, verdict="depends_on_the_network"), standing("passes", 16, 3)
    passes["headline"]["verdict"] = "separates"
    assert dominated_by([fails, passes]) == {"fails": [], "passes": []}
    more = standing("more", 17, 3, verdict="separates")
    assert dominated_by([fails, passes, more]) == {"fails": ["more"], "passes": ["more"], "more": []}


def test_by_hand() -> None:
    found = dominated_by(
        [
            standing("best", 14, 3, 3),
            standing("alike", 14, 3, 3),
            standing("fewer_units", 13, 3, 3),
            standing("one_finding_less", 14, 3, 2),
            standing("both_less", 13, 3, 2),
        ]
    )
    assert found == {
        "best": [],
        "alike": [],
        "fewer_units": ["alike", "best"],
        "one_finding_less": ["alike", "best"],
        "both_less": ["alike", "best", "fewer_units", "one_finding_less"],
    }


def test_more_of_one_group_does_not_make_up_for_less_of_another() -> None:
    assert dominated_by([standing("one", 14, 0, 3), standing("other", 14, 1, 0)]) == {"one": [], "other": []}


def test_what_was_not_asked_the_same_is_not_compared() -> None:
    some = [standing("all", 14, 3, 3), standing("fewer_asked", 13, 2, 2, asked=2), standing("gate_alone", 2)]
    assert dominated_by(some) == {"all": [], "fewer_asked": [], "gate_alone": []}


def test_what_is_incomplete_or_of_another_protocol_has_no_place() -> None:
    older = {**standing("older", 0), "headline": None, "groups": None}
    incomplete = {**standing("incomplete", 0), "complete": False}
    assert dominated_by([standing("whole", 14), older, incomplete]) == {"whole": []}


def test_a_measure_without_a_verdict_is_below_one_that_wins_nothing() -> None:
    found = dominated_by([standing("failed", None, verdict="timeout"), standing("loses", 0)])
    assert found == {"failed": ["loses"], "loses": []}


MERITS = st.tuples(*[st.integers(0, 3)] * 4)


@given(MERITS, MERITS, MERITS)
def test_it_is_a_strict_partial_order(a: tuple[int, ...], b: tuple[int, ...], c: tuple[int, ...]) -> None:
    assert not dominates(a, a)
    assert not (dominates(a, b) and dominates(b, a))
    assert dominates(a, c) or not (dominates(a, b) and dominates(b, c))


@given(st.lists(MERITS, max_size=8))
def test_measures_that_are_alike_have_the_same_dominators_as_one_by_one(merits: list[tuple[int, ...]]) -> None:
    found = dominated_by([standing(f"m{n}", *merit) for n, merit in enumerate(merits)])
    for n, merit in enumerate(merits):
        assert found[f"m{n}"] == sorted(f"m{k}" for k, other in enumerate(merits) if dominates(other, merit))


def test_as_many_findings_of_other_clauses_are_not_the_same() -> None:
    one, other = standing("one", 14, 1, asked=1), standing("other", 14, 0, asked=1)
    (suite,) = one["findings"]
    one["findings"] = {suite: {"asked_of_this_alone": {"passed": True}}}
    assert dominated_by([one, other]) == {"one": [], "other": []}
