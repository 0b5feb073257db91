"""An intervention changes one thing, keeps the seed, and asks for as many models as the question needs."""

import dataclasses
import itertools
import re
from collections.abc import Callable

import pytest

from harness.judging.plan import all_recipes
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.facts import Facts
from harness.zoo.grid import Grid
from harness.zoo.interventions import FRACTIONS, REGULARIZERS, Ladder
from harness.zoo.opening import find_zoo
from harness.zoo.trained_with import sgd
from harness.zoo.zoo import GATE, Twin, Zoo, recipes, twins
from tests.conftest import TINY

DIGITS = find_zoo("digits")
GATES_TWINS = twins(DIGITS, "random_labels")
NATURALS = [twin.natural for twin in GATES_TWINS]


def changes(before: Recipe, after: Recipe) -> set[str]:
    """The fields in which the two differ."""
    ours, theirs = before.canonical(), after.canonical()
    return {name for name in ours | theirs if ours.get(name) != theirs.get(name)}


def gap_order(zoo: Zoo, recipe: Recipe) -> tuple[float, int, int]:
    """What a ladder's rungs rise in: corrupted fraction (random labels are 1), attack, and how few images there are."""
    fraction = 1.0 if recipe.condition == "random_labels" else recipe.corrupted_fraction
    return fraction, recipe.attack, -(recipe.num_train or zoo.train_size)


def test_an_attack_is_half_of_the_images_beside_the_other_half() -> None:
    found = interventions.same_data(DIGITS)
    assert len(found) == 54
    for twin, gate in zip(found, NATURALS, strict=True):
        assert changes(gate, twin.natural) == {"num_train"}
        assert changes(twin.natural, twin.randomized) == {"attack"}
        assert twin.natural.num_train == twin.randomized.attack == 256


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_a_regularizer_is_all_that_is_changed(regularizer: str) -> None:
    found = interventions.regularized(DIGITS, regularizer)
    without = [twin for twin in GATES_TWINS if not getattr(twin.natural, regularizer)]  # AdamW has weight decay already
    assert [Twin(intervention.natural, intervention.randomized) for intervention in found] == without
    assert len(found) == (51 if regularizer == "weight_decay" else 54)
    for intervention in found:
        assert changes(intervention.natural, intervention.changed) == {regularizer}
        assert getattr(intervention.changed, regularizer) > getattr(intervention.natural, regularizer) == 0


def test_the_three_regularizers_are_weight_decay_dropout_and_random_crops() -> None:
    assert list(REGULARIZERS) == ["weight_decay", "dropout", "random_crop"]


def test_stopping_early_changes_the_epochs_of_the_randomized_twin_alone() -> None:
    found = interventions.stopped_early(DIGITS)
    assert [Twin(intervention.natural, intervention.randomized) for intervention in found] == GATES_TWINS
    for intervention in found:
        assert changes(intervention.randomized, intervention.changed) == {"max_epochs"}
        assert intervention.changed.max_epochs == 3


def test_equal_steps_change_when_the_natural_one_stops_and_leave_the_other_the_gates() -> None:
    for twin, gate in zip(interventions.equal_steps(DIGITS), GATES_TWINS, strict=True):
        assert changes(gate.natural, twin.natural) == {"steps_of"}
        assert twin.natural.step_twin == twin.randomized == gate.randomized


def test_shuffled_pixels_are_all_that_is_changed_on_every_seed_of_networks_blind_to_positions() -> None:
    found = interventions.shuffled_pixels(DIGITS)
    blind = [twin for twin in GATES_TWINS if "mlp" in twin.natural.network]
    assert [Twin(each.natural, each.randomized) for each in found] == blind
    assert len({(each.natural.data_set, each.natural.network) for each in found}) == 6
    for each in found:
        assert each.changed.condition == "shuffled_pixels"
        assert changes(each.natural, each.changed) == {"condition"}


def test_a_zoo_without_mlps_shuffles_nothing() -> None:
    assert interventions.shuffled_pixels(Zoo("none", "digits", {"convnet": 0.1})) == []
    some = interventions.shuffled_pixels(Zoo("some", "digits", {"convnet": 0.1, "mlp_1x8": 0.1}, seeds_per_network=4))
    assert [(each.natural.network, each.natural.seed) for each in some] == [("mlp_1x8", seed) for seed in range(4, 8)]


LADDERS: dict[Callable[[Zoo], list[Ladder]], tuple[int, set[str]]] = {
    interventions.corrupted_labels: (6, {"condition", "corrupted_fraction"}),
    interventions.attack_doses: (5, {"attack"}),
    interventions.sample_sizes: (3, {"num_train"}),
}


@pytest.mark.parametrize("asked", LADDERS, ids=lambda asked: asked.__name__)
@pytest.mark.parametrize("zoo", [DIGITS, TINY], ids=lambda zoo: zoo.name)
def test_the_rungs_of_a_ladder_differ_in_one_thing_which_rises(asked: Callable[[Zoo], list[Ladder]], zoo: Zoo) -> None:
    rungs, allowed = LADDERS[asked]
    for ladder in asked(zoo):
        assert len(ladder) == rungs
        for before, after in itertools.pairwise(ladder):
            assert changes(before, after) <= allowed
            assert gap_order(zoo, before) < gap_order(zoo, after)


@pytest.mark.parametrize("asked", LADDERS, ids=lambda asked: asked.__name__)
def test_a_unit_has_one_ladder_and_it_is_of_its_first_seed(asked: Callable[[Zoo], list[Ladder]]) -> None:
    first = [(natural.data_set, natural.network, natural.seed) for natural in NATURALS[::3]]
    assert len({(data_set, network) for data_set, network, _ in first}) == 18
    for ladder, unit in zip(asked(DIGITS), first, strict=True):
        assert {(rung.data_set, rung.network, rung.seed) for rung in ladder} == {unit}


def test_corrupted_labels_rise_from_the_gates_natural_network_to_its_twin_on_random_labels() -> None:
    for ladder in interventions.corrupted_labels(DIGITS):
        assert Twin(ladder[0], ladder[-1]) in GATES_TWINS
        assert tuple(rung.corrupted_fraction for rung in ladder[1:-1]) == FRACTIONS
    assert list(FRACTIONS) == sorted(FRACTIONS)


def test_attack_doses_rise_from_none_to_the_attack_of_the_same_data() -> None:
    pairs = interventions.same_data(DIGITS)
    for ladder in interventions.attack_doses(DIGITS):
        assert Twin(ladder[0], ladder[-1]) in pairs
        assert [rung.attack for rung in ladder] == [0, 17, 51, 128, 256]


def test_samples_shrink_from_all_images_to_a_third_and_a_tenth() -> None:
    for ladder, gate in zip(interventions.sample_sizes(DIGITS), NATURALS[::3], strict=True):
        assert ladder[0] == gate
        assert [rung.num_train for rung in ladder[1:]] == [170, 51]
    assert [rung.num_train for rung in interventions.sample_sizes(TINY)[0]] == [100, 33, 10]


def test_the_grid_is_the_full_factorial_of_its_axes_with_its_seeds_at_every_point() -> None:
    grid = DIGITS.grid
    assert grid is not None
    found = interventions.hyperparameters(DIGITS)
    assert list(found) == list(itertools.product(*grid.axes.values()))
    assert len(found) == 24
    for point, seeds in found.items():
        assert [recipe.seed for recipe in seeds] == list(range(grid.seeds))
        at = dict(zip(grid.axes, point, strict=True))
        for recipe in seeds:
            assert recipe.network == f"mlp_{at['depth']}x{at['width']}"
            assert (recipe.batch_size, recipe.learning_rate) == (at["batch_size"], at["learning_rate"])
            assert (recipe.num_train, recipe.data_set, recipe.condition) == (300, "digits", "true_labels")
    assert len({recipe.key for seeds in found.values() for recipe in seeds}) == 24 * grid.seeds


def test_the_points_of_a_grid_have_the_values_in_the_order_of_its_axes() -> None:
    axes = {"width": (4, 8), "batch_size": (16, 32)}
    grid = Grid("mlp_2x{width}", axes, num_train=9, seeds=1, training={"learning_rate": 0.1})
    assert grid.points() == [(4, 16), (4, 32), (8, 16), (8, 32)]
    assert list(grid.axes) == ["width", "batch_size"]
    made = grid.recipe("digits", (4, 32), 7, training={})
    assert made == Recipe(data_set="digits", network="mlp_2x4", batch_size=32, learning_rate=0.1, num_train=9, seed=7)


def test_a_zoo_without_a_grid_has_no_hyperparameters() -> None:
    assert interventions.hyperparameters(TINY) == {}


def test_the_digits_zoo_asks_for_843_models_each_with_a_key_and_an_id_of_its_own() -> None:
    """The gate's; the attacked halves, corrupted labels, attack doses, regularizers; stops, sizes, pixels, the grid."""
    found = all_recipes(DIGITS)
    assert len(found) == 216 + (108 + 18 * 4 + 18 * 3 + 51 + 54 + 54) + (54 + 54 + 2 * 18 + 18 + 24 * 3)
    assert len({recipe.key for recipe in found}) == len({recipe.id for recipe in found}) == len(found)
    assert all(re.fullmatch(r"(noisy_)?digits-[a-z0-9_.]+(-[a-z0-9_.]+)+-seed\d+", recipe.id) for recipe in found)


def test_no_intervention_touches_the_gates_models() -> None:
    gate = recipes(DIGITS, GATE)
    assert all_recipes(DIGITS)[: len(gate)] == gate
    new = {"attack", "dropout", "random_crop", "steps_of", "batch_size", "max_epochs"}
    assert not any(new & set(recipe.canonical()) for recipe in gate)


def test_every_model_of_the_questions_keeps_the_defaults_of_what_no_question_asks_about() -> None:
    asked = {field.name for field in dataclasses.fields(Recipe)} - {
        "data_sha256",
        "learning_rate_decay_per_epoch",
        "stop_loss",
    }
    assert all(set(recipe.canonical()) <= asked for recipe in all_recipes(DIGITS))


# What has no meaning for a zoo's data, or its networks, is not asked

FACTS = Facts(
    train_size=100, randomizations=("gaussian",), images=False, blind_to_positions=("a", "b"), take_dropout=("b",)
)
TABLE = Zoo("table", "table", {"a": 0.1, "b": {"learning_rate": 0.1, "weight_decay": 0.01}}, facts=FACTS)


def test_a_regularizer_is_asked_of_networks_that_can_have_it_and_have_it_not_yet() -> None:
    assert {each.natural.network for each in interventions.regularized(TABLE, "weight_decay")} == {"a"}
    assert {each.natural.network for each in interventions.regularized(TABLE, "dropout")} == {"b"}
    assert interventions.regularized(TABLE, "random_crop") == []


def test_positions_are_shuffled_where_that_has_a_meaning_for_networks_that_are_blind_to_it() -> None:
    assert interventions.shuffled_pixels(TABLE) == []
    permuted = dataclasses.replace(FACTS, randomizations=("shuffled_pixels",))
    found = interventions.shuffled_pixels(dataclasses.replace(TABLE, facts=permuted))
    assert {each.natural.network for each in found} == {"a", "b"} and len(found) == 10


def test_the_gate_has_the_randomizations_that_have_a_meaning() -> None:
    assert TABLE.gate == ("random_labels", "gaussian")
    assert DIGITS.gate == GATE
    assert {recipe.condition for recipe in all_recipes(TABLE)} == {
        "true_labels", "random_labels", "gaussian", "corrupted_labels"
    }  # fmt: skip


def test_a_cosine_is_as_long_when_training_is_stopped_early() -> None:
    zoo = Zoo("x", "digits", {"mlp_1x8": sgd(0.1, cosine_epochs=50)})
    for each in interventions.stopped_early(zoo):
        assert (each.changed.max_epochs, each.changed.cosine_epochs) == (3, 50)
