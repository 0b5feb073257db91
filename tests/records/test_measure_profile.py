"""How far interventions move a measure, on outcomes that follow from the recipes."""

import pytest

import tests.builders.constructed_zoo as made
from harness.judging.plan import all_recipes
from harness.records.measure_profile import DATA, SAME_DATA, TRAINING, Step, as_text, direction, moves, profile, recipes
from harness.training.recipe import Recipe
from harness.zoo.facts import Facts
from harness.zoo.opening import find_zoo
from harness.zoo.zoo import Zoo
from tests.builders.constructed_zoo import DIGITS, Value

pytestmark = pytest.mark.slow


def steps_of(value: Value) -> dict[str, Step]:
    return {step.name: step for step in profile(DIGITS, value, made.gap)}


def test_a_measure_that_is_the_gap_lies_on_it_and_random_labels_are_the_unit() -> None:
    steps = steps_of(made.gap)
    assert all(step.measure == step.gap for step in steps.values())
    unit = steps["random labels"].measure
    assert unit is not None
    assert (unit.value, *unit.interval) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.slow
def test_a_scaled_and_shifted_measure_goes_equally_far() -> None:
    moved = steps_of(lambda recipe: 5 - 3 * made.gap(recipe))
    for name, step in steps_of(made.gap).items():
        other = moved[name].measure
        assert step.measure is not None and other is not None
        assert other.value == pytest.approx(step.measure.value, abs=1e-9)


@pytest.mark.slow
def test_a_clock_goes_where_training_takes_long() -> None:
    steps = {name: step.measure.value for name, step in steps_of(made.clock).items() if step.measure}
    assert steps["as many steps as random labels need"] == pytest.approx(1)
    assert steps["random crop"] == pytest.approx(50 / 70, abs=0.01)
    assert steps["weight decay"] == steps["shuffled pixels (MLPs)"] == 0
    assert steps["beside wrong images, 7%"] == pytest.approx(1, abs=0.01)


def test_what_reads_the_data_only_does_not_move_on_the_same_data() -> None:
    beside = [step.measure for name, step in steps_of(made.neighbours).items() if name.startswith("beside")]
    assert len(beside) == 4
    assert all(fraction is not None and fraction.value == 0 for fraction in beside)


def test_the_groups_and_the_units_that_have_a_fraction() -> None:
    steps = profile(DIGITS, made.gap, made.gap)
    assert [step.group for step in steps] == [DATA] * 10 + [TRAINING] * 5 + [SAME_DATA] * 4
    units = {step.name: step.units for step in steps}
    assert units["random pixels"] == units["dropout"] == units["beside wrong images, 100%"] == 18
    assert units["corrupted labels, 20%"] == units["beside wrong images, 7%"] == 18
    assert (units["shuffled pixels (MLPs)"], units["weight decay"]) == (6, 17)
    assert set(recipes(DIGITS)) <= set(all_recipes(DIGITS))


def test_units_that_random_labels_do_not_move_are_left_out() -> None:
    steps = steps_of(lambda recipe: made.gap(recipe) if recipe.seed >= 9 else 1.0)
    assert (steps["dropout"].units, steps["corrupted labels, 20%"].units) == (15, 15)


def test_a_step_is_the_mean_over_units_with_a_t_interval_of_it() -> None:
    """Two units at 0.5, the other sixteen at 0: mean 1/18, standard deviation 0.1617, t of 17 degrees 2.1098."""

    def value(recipe: Recipe) -> float:
        dropped = 0.5 * (recipe.dropout > 0 and recipe.seed < 6)
        return float(recipe.condition == "random_labels") + dropped

    step = steps_of(value)["dropout"].measure
    assert step is not None
    assert step.value == pytest.approx(1 / 18)
    reach = 2.1098 * 0.16169 / 18**0.5
    assert step.interval == pytest.approx((1 / 18 - reach, 1 / 18 + reach), abs=1e-4)


def test_seeds_without_a_value_are_left_out_and_none_at_all_is_no_fraction() -> None:
    fitted_only = steps_of(lambda recipe: made.gap(recipe) if made.fitted(recipe) else None)
    early = fitted_only["3 epochs on random labels"]
    assert (early.measure, early.units) == (None, 0)
    assert early.gap is not None
    assert steps_of(made.constant)["random pixels"].measure is None
    assert "no value" in as_text([early])


def test_the_direction_is_that_of_random_labels() -> None:
    assert direction(DIGITS, made.gap) == "larger on random labels in 18 of 18 units"
    assert direction(DIGITS, lambda recipe: -made.gap(recipe)) == "smaller on random labels in 18 of 18 units"


@pytest.mark.slow
def test_the_table_has_a_line_for_every_step_and_group() -> None:
    text = as_text(profile(DIGITS, made.gap, made.gap)).splitlines()
    assert len(text) == 1 + 19 + 3
    assert [line.split() for line in text if line.startswith("  random labels")] == [
        ["random", "labels", *(["1.00", "[1.00,", "1.00]"] * 2), "18"]
    ]


def test_what_has_no_meaning_for_a_zoos_data_or_networks_is_no_step() -> None:
    facts = Facts(train_size=100, randomizations=("gaussian",), images=False, blind_to_positions=(), take_dropout=())
    table = Zoo("table", "table", {"a": 0.1, "b": 0.1}, facts=facts)
    names = {name for group in moves(table).values() for name in group}
    assert {"random labels", "gaussian inputs", "weight decay", "a tenth of the images"} <= names
    assert not {"random pixels", "shuffled pixels (MLPs)", "dropout", "random crop"} & names
    assert {"random pixels", "shuffled pixels (MLPs)", "dropout", "random crop"} <= {
        name for group in moves(find_zoo("digits")).values() for name in group
    }
