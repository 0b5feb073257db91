"""Fresh twins: the same units, and seeds that no other twins have."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.judging.plan import all_recipes
from harness.training.examples import data_set
from harness.training.recipe import Recipe
from harness.zoo.definition import definition_of, zoo_of
from harness.zoo.fresh import MOST, PLACES, fresh_name, scale_and_number, seed_at
from harness.zoo.zoo import Zoo, recipes, twins
from harness.zoo.zoos import ZOOS
from tests.builders.constructed_zoo import DIGITS

pytestmark = pytest.mark.slow

NUMBERS = st.integers(1, MOST)


def but_for_seeds(found: list[Recipe]) -> list[dict[str, object]]:
    return [{name: value for name, value in recipe.canonical().items() if name != "seed"} for recipe in found]


@given(st.lists(st.tuples(st.integers(0, MOST), st.integers(0, PLACES - 1)), unique=True, min_size=2))
def test_no_two_places_of_any_numbers_have_one_seed_and_all_fit_into_63_bits(
    places: list[tuple[int, int]],
) -> None:
    seeds = [seed_at(number, place) for number, place in places]
    assert len({*seeds}) == len(seeds) and max(seeds) < 2**63


@pytest.mark.parametrize("name", [*ZOOS])
def test_fresh_recipes_are_those_of_the_zoo_with_seeds_that_it_does_not_have(name: str) -> None:
    own, fresh = all_recipes(ZOOS[name]), all_recipes(ZOOS[name].with_fresh(7))
    assert but_for_seeds(fresh) == but_for_seeds(own)
    assert [recipe.seed for recipe in fresh] == [7 * PLACES + recipe.seed for recipe in own]
    assert not {recipe.key for recipe in fresh} & {recipe.key for recipe in own}
    assert not {recipe.id for recipe in fresh} & {recipe.id for recipe in own}


@given(NUMBERS)
def test_one_number_is_always_the_same_twins_and_another_is_others(number: int) -> None:
    again = [recipe.key for recipe in recipes(DIGITS.with_fresh(number), ("gaussian",))]
    assert again == [recipe.key for recipe in recipes(DIGITS.with_fresh(number), ("gaussian",))]
    other = number + 1 if number < MOST else 1
    assert not {*again} & {recipe.key for recipe in recipes(DIGITS.with_fresh(other), ("gaussian",))}


@given(NUMBERS)
def test_a_name_says_the_zoo_and_the_number(number: int) -> None:
    assert scale_and_number(fresh_name("digits", number)) == ("digits", number)
    assert DIGITS.with_fresh(number).scale == DIGITS and DIGITS.scale is DIGITS


@pytest.mark.parametrize("name", ["digits", "fresh", "digits-fresh", "digits-fresh-0", "digits-fresh-07", "-fresh-3"])
def test_other_names_are_of_no_fresh_twins(name: str) -> None:
    assert scale_and_number(name) == (name, 0)


@pytest.mark.parametrize("number", [0, -1, MOST + 1, True, 2.0, "7"])
def test_what_is_no_number_of_twins_is_one_sentence(number: object) -> None:
    with pytest.raises(HarnessError, match=r"--fresh is .*; expected a whole number from 1 to "):
        DIGITS.with_fresh(number)  # type: ignore[arg-type]


def test_fresh_twins_of_fresh_twins_are_refused() -> None:
    with pytest.raises(HarnessError, match="the digits-fresh-7 zoo has fresh twins already"):
        DIGITS.with_fresh(7).with_fresh(8)


def test_a_record_of_fresh_twins_says_which_and_asks_for_the_same_models() -> None:
    fresh = DIGITS.with_fresh(7)
    found = zoo_of(json.loads(json.dumps(definition_of(fresh), sort_keys=True)))
    assert found.name == "digits-fresh-7" and found.fresh == 7
    assert [recipe.key for recipe in all_recipes(found)] == [recipe.key for recipe in all_recipes(fresh)]


@pytest.mark.parametrize("name", ["digits", "noisy_digits"])
def test_splits_and_random_labels_are_others_and_the_images_of_the_data_set_are_the_same(name: str) -> None:
    zoo = Zoo("one", name, {"mlp_1x64": 0.1}, seeds_per_network=1)  # num_train 0: all that the split leaves
    own, fresh = (twins(each, "random_labels")[0] for each in (zoo, zoo.with_fresh(3)))
    before, after = (data_set(recipe, "") for recipe in (own.natural, fresh.natural))
    assert not before.test_inputs.equal(after.test_inputs)
    images = [
        {(image - image.min()).div(image.max() - image.min()).mul(1e4).round().numpy().tobytes() for image in inputs}
        for inputs in (before.train_inputs, after.test_inputs)
    ]
    assert len(images[0] & images[1]) > 200  # what was trained on is now tested on
    labels = [data_set(twin.randomized, "").train_labels for twin in (own, fresh)]
    assert float((labels[0] == labels[1]).float().mean()) < 0.2
