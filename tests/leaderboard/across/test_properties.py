"""What is known of a unit follows from its zoo's record; what the record does not say is unknown."""

import statistics

import pytest

from harness.judging.units.decision import Unit
from harness.leaderboard.across.properties import BY_CONDITION, PROPERTIES, WHENCE, properties_of, value_of
from tests.builders.zoos.several_zoos import ONE, TWO, run_on, weights_of

WIDEST = Unit("digits", "mlp_1x512")
RUN = run_on(ONE, {"parameter_count": weights_of})
COUNTED = {"one": {name: value for name, (value, _) in RUN["entries"][0]["rows"].items()}}


def test_properties_are_those_of_the_units_models() -> None:
    found = properties_of([RUN["zoo"]], COUNTED)[WIDEST]
    assert (found["zoos"], found["input_dimension"], found["parameters"]) == (["one"], 64, 38_410)
    assert found["examples_per_dimension"] == 100 / 64
    models = RUN["zoo"]["models"]
    natural = models["digits-mlp_1x512-true_labels-n100-seed9"]
    assert found["natural_test_error"] == natural["test_error"]
    noise = models["digits-mlp_1x512-gaussian-n100-seed9"]
    assert found[BY_CONDITION]["gaussian"] == noise["steps"] / natural["steps"]
    assert [found[name] for name in ("convolutional", "residual", "attention", "normalizes")] == [False] * 4


def test_a_unit_of_two_zoos_has_the_median_over_the_models_of_both() -> None:
    other = run_on(TWO, {})
    found = properties_of([RUN["zoo"], other["zoo"]], COUNTED)
    assert len(found) == 19 and found[WIDEST]["zoos"] == ["one", "two"]
    errors = [
        RUN["zoo"]["models"]["digits-mlp_1x512-true_labels-n100-seed9"]["test_error"],
        other["zoo"]["models"]["digits-mlp_1x512-true_labels-n200-seed9"]["test_error"],
    ]
    assert found[WIDEST]["natural_test_error"] == statistics.median(errors)
    assert found[WIDEST]["examples_per_dimension"] == 150 / 64
    assert found[Unit("digits", "mlp_1x17")]["input_dimension"] == 64  # the data set's, from the other zoo's networks


def test_what_the_record_does_not_say_is_unknown() -> None:
    found = properties_of([RUN["zoo"]], {})[WIDEST]
    assert [found[name] for name in ("input_dimension", "examples_per_dimension", "parameters")] == [None] * 3
    without = {**RUN["zoo"], "models": {}}
    found = properties_of([without], {})[WIDEST]
    assert found["natural_test_error"] is None and set(found[BY_CONDITION].values()) == {None}


def test_of_a_zoo_that_is_not_known_here_there_are_no_properties() -> None:
    unknown = {name: value for name, value in RUN["zoo"].items() if name != "definition"}
    assert properties_of([unknown], COUNTED) == {}


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_is_a_number_or_unknown_and_says_whence_it_is(name: str) -> None:
    found = properties_of([RUN["zoo"]], COUNTED)[WIDEST]
    assert isinstance(value_of(found, name, "gaussian"), float)
    assert name in WHENCE
