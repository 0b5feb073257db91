"""A zoo's recipes are worked out once, and nobody's list is another's."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from harness.zoo import interventions
from harness.zoo.once_per_zoo import KEPT, once_per_zoo
from harness.zoo.zoo import Zoo, twins
from harness.zoo.zoos import DIGITS

ASKED: list[Callable[[Zoo], Any]] = [
    lambda zoo: twins(zoo, "random_labels"),
    interventions.attack_doses,
    lambda zoo: interventions.regularized(zoo, "dropout"),
    interventions.hyperparameters,
]


def fresh() -> Zoo:
    """An equal zoo from which nothing was worked out."""
    return pickle.loads(pickle.dumps(DIGITS))  # type: ignore[no-any-return]


def test_each_zoo_and_each_argument_is_worked_out_once() -> None:
    calls: list[tuple[str, int]] = []

    @once_per_zoo
    def asked(zoo: Zoo, number: int) -> list[int]:
        calls.append((zoo.name, number))
        return [number]

    zoo, other = fresh(), fresh()
    assert [asked(zoo, 1), asked(zoo, 1), asked(zoo, 2), asked(other, 1)] == [[1], [1], [2], [1]]
    assert calls == [("digits", 1), ("digits", 2), ("digits", 1)]


@pytest.mark.parametrize("ask", ASKED)
def test_who_changes_what_it_was_given_changes_it_for_nobody_else(ask: Callable[[Zoo], Any]) -> None:
    zoo = fresh()
    first = ask(zoo)
    expected = copy.copy(first)
    assert expected
    first.clear()
    assert ask(zoo) == expected == ask(fresh())


def test_what_was_worked_out_neither_travels_nor_tells_zoos_apart() -> None:
    zoo = fresh()
    for ask in ASKED:
        ask(zoo)
    assert KEPT in vars(zoo)
    assert KEPT not in vars(pickle.loads(pickle.dumps(zoo)))
    assert zoo == fresh()
