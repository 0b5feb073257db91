"""Clocks, sums of the history and data plus epsilon, by hand."""

import numpy as np
import pytest

from harness.judging.nulls.null import Null
from harness.judging.nulls.passing import GATE, passed
from harness.judging.nulls.sums import clocks, data_with_history, history_sums
from tests.builders.constructed_zoo import neighbours, outcome
from tests.judging.nulls.made import gate, material


def values(nulls: list[Null]) -> dict[str, float]:
    """Of the first model."""
    return {null.name: null.draw(np.random.default_rng(0))[gate()[0]] for null in nulls}


def test_clocks_are_epochs_steps_seconds_and_rates() -> None:
    of = outcome(gate()[0])
    expected = {"epochs": of.epochs, "steps": of.steps, "seconds": of.seconds, "rates summed": 0.25}
    assert values(clocks(material())) == pytest.approx(expected)


def test_sums_are_of_losses_and_errors_by_epoch() -> None:
    assert list(values(history_sums(material())).values()) == pytest.approx([3.0, 1.5, 0.75, 0.375, 0.5])


def test_epsilon_is_added_and_the_statistic_stands_alone_too() -> None:
    found = values(data_with_history(material({"neighbour_disagreement": dict.fromkeys(gate(), 0.5)})))
    assert found["neighbour_disagreement alone"] == 0.5
    assert found["neighbour_disagreement + 1e-09 times training losses summed"] == 0.5 + 3e-9


def test_data_plus_epsilon_passes_the_gate_as_the_data_do() -> None:
    """It is for the question of what a measure reads to say so."""
    made = material({"neighbour_disagreement": {recipe: neighbours(recipe) for recipe in gate()}})
    nulls = data_with_history(made)
    found = passed(made, nulls, [], draws=1)
    assert found.gate[GATE].passed == found.gate[GATE].of == len(nulls)
    assert found.names == [null.name for null in nulls]


def test_without_rows_there_is_no_statistic_of_the_data() -> None:
    assert data_with_history(material()) == []
