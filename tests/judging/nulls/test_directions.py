"""Directions: what is standardized, who is left out, and how often a catalogue of gaps passes."""

import numpy as np
import pytest

from harness.judging.nulls.directions import LEAST, columns, directions, space
from harness.judging.nulls.passing import GATE, passed
from harness.judging.units.witnesses import unit_of
from tests.builders.constructed_zoo import noise
from tests.judging.nulls.made import gaps, gate, material


def drawn(name: str, size: float = 1.0) -> dict:  # type: ignore[type-arg]
    return {recipe: size * noise(recipe, name) for recipe in gate()}


def test_each_unit_has_mean_0_and_deviation_1_whatever_the_scale() -> None:
    found = material({"small": drawn("a", 1e-200), "large": drawn("b", 1e200), "constant": dict.fromkeys(gate(), 7.0)})
    known, values = space(found, ["small", "large", "constant"])
    for unit in {*map(unit_of, known)}:
        own = values[[unit_of(recipe) == unit for recipe in known]]
        assert own.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-12)
        assert own.std(axis=0) == pytest.approx([1, 1, 0])


def test_who_has_no_value_somewhere_or_is_not_recorded_is_left_out() -> None:
    one = gate()[0]
    catalogue = {"whole": drawn("a"), "none": {**drawn("b"), one: None}, "short": drawn("c")}
    del catalogue["short"][one]
    assert columns(material(catalogue)) == ["whole"]


def test_too_small_a_catalogue_is_no_space() -> None:
    few = {str(number): drawn(str(number)) for number in range(LEAST)}
    assert len(directions(material(few))) == 1
    del few["0"]
    assert directions(material(few)) == []


def test_directions_among_gaps_pass_in_half_of_the_draws_and_among_noise_in_none() -> None:
    same = {str(number): gaps() for number in range(LEAST)}
    apart = {str(number): drawn(str(number)) for number in range(LEAST)}
    shares = [passed(material(of), directions(material(of)), [], draws=100).gate[GATE].passed for of in (same, apart)]
    assert 30 < shares[0] < 70 and shares[1] == 0


def test_a_direction_is_the_weighted_sum_of_its_measures() -> None:
    found = material({str(number): drawn(str(number)) for number in range(LEAST)})
    known, values = space(found, columns(found))
    weights = np.random.default_rng(3).standard_normal(LEAST)
    direction = directions(found)[0].draw(np.random.default_rng(3))
    assert [direction[recipe] for recipe in known] == pytest.approx(list(values @ weights))
