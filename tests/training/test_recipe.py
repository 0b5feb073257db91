import dataclasses
import re

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from harness.training.recipe import CONDITIONS, Recipe, canonical_json

RECIPE = Recipe(data_set="digits", network="mlp_1x512", learning_rate=0.2, seed=4)

OTHER_VALUES = {
    "data_set": "mnist",
    "network": "convnet",
    "learning_rate": 0.1,
    "seed": 5,
    "condition": "random_labels",
    "num_train": 100,
    "data_sha256": "0f",
    "batch_size": 64,
    "momentum": 0.5,
    "weight_decay": 5e-4,
    "learning_rate_decay_per_epoch": 0.95,
    "stop_loss": 0.02,
    "max_epochs": 10,
    "dropout": 0.5,
    "random_crop": 1,
    "steps_of": "random_labels",
    "crop": 6,
    "standardisation": "each_image",
    "precision": "bfloat16",
    "network_code": "0f",
    "data_code": "0f",
    "optimizer": "adamw",
    "second_moment_decay": 0.95,
    "warmup_epochs": 2,
    "cosine_epochs": 100,
    "clip_norm": 1.0,
}
AUGMENTED = {"augmentation": "crop", "crop": 6, "standardisation": "each_image"}


def changed(**values):
    return dataclasses.replace(RECIPE, **values)


@pytest.mark.parametrize(
    "values, expected",
    [
        ({}, "digits-mlp_1x512-true_labels-seed4"),
        ({"condition": "random_labels"}, "digits-mlp_1x512-random_labels-seed4"),
        (
            {"condition": "corrupted_labels", "corrupted_fraction": 0.2},
            "digits-mlp_1x512-corrupted_labels0.2-seed4",
        ),
        ({"num_train": 150}, "digits-mlp_1x512-true_labels-n150-seed4"),
        ({"weight_decay": 5e-4}, "digits-mlp_1x512-true_labels-weight_decay0.0005-seed4"),
        ({"num_train": 718, "attack": 359}, "digits-mlp_1x512-true_labels-n718-attack359-seed4"),
        ({"dropout": 0.5}, "digits-mlp_1x512-true_labels-dropout0.5-seed4"),
        ({"random_crop": 1}, "digits-mlp_1x512-true_labels-crop1-seed4"),
        ({"batch_size": 64}, "digits-mlp_1x512-true_labels-batch64-rate0.2-seed4"),
        (
            {"condition": "random_labels", "max_epochs": 3},
            "digits-mlp_1x512-random_labels-epochs3-seed4",
        ),
        ({"steps_of": "random_labels"}, "digits-mlp_1x512-true_labels-steps_of_random_labels-seed4"),
        (AUGMENTED, "digits-mlp_1x512-true_labels-crop-seed4"),
        (
            {**AUGMENTED, "augmentation": "crop_flip_colour", "condition": "random_labels"},
            "digits-mlp_1x512-random_labels-crop_flip_colour-seed4",
        ),
        ({"precision": "bfloat16"}, "digits-mlp_1x512-true_labels-bfloat16-seed4"),
        ({"max_epochs": 40, "stop_loss": 0.0}, "digits-mlp_1x512-true_labels-epochs40-seed4"),
    ],
)
def test_an_id_reads_well(values, expected):
    assert changed(**values).id == expected


def test_the_key_of_a_recipe_stays_what_it_is():
    # Change this string only together with TRAINING_VERSION: every stored model is found by it.
    assert RECIPE.key == "d5e45f5a71a0cb113520f6f64cce2d5130edcc34074b2c16322298d1d3792347"


def test_a_key_is_the_digest_of_the_fields_that_differ_from_their_defaults():
    assert canonical_json(RECIPE.canonical()) == (
        '{"data_set":"digits","learning_rate":0.2,"network":"mlp_1x512","seed":4}'
    )


def test_a_field_left_at_its_default_does_not_enter_the_key():
    defaults = {
        field.name: field.default for field in dataclasses.fields(Recipe) if field.default is not dataclasses.MISSING
    }
    assert len(defaults) >= 10
    assert Recipe(**defaults, data_set="digits", network="mlp_1x512", learning_rate=0.2, seed=4).key == RECIPE.key


def test_a_default_that_was_computed_is_still_the_default():
    computed = changed(weight_decay=0.5 - 0.5, momentum=sum([0.4, 0.5]), condition="_".join(["true", "labels"]))
    assert computed.key == changed(weight_decay=0).key == RECIPE.key


def test_the_fields_tried_below_are_all_there_are():
    of_their_own = {"corrupted_fraction", "attack", "augmentation"}
    assert {field.name for field in dataclasses.fields(Recipe)} == {*OTHER_VALUES, *of_their_own}


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_every_field_changes_the_key(name):
    assert changed(**{name: OTHER_VALUES[name]}).key != RECIPE.key


def test_the_corrupted_fraction_changes_the_key():
    keys = {changed(condition="corrupted_labels", corrupted_fraction=p).key for p in (0.2, 0.4, 1.0)}
    assert len(keys) == 3


def test_the_size_of_an_attack_changes_the_key():
    keys = {changed(num_train=100, attack=attack).key for attack in (0, 1, 100)}
    assert len(keys) == 3


def test_the_augmentation_changes_the_key():
    keys = {changed(**{**AUGMENTED, "augmentation": name}).key for name in ("", "crop", "crop_flip_colour")}
    assert len(keys) == 3


def test_the_training_codes_version_changes_the_key(monkeypatch):
    before = RECIPE.key
    monkeypatch.setattr("harness.training.recipe.TRAINING_VERSION", -1)
    assert changed().key != before


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Recipe,
            data_set=st.sampled_from(["digits", "mnist"]),
            network=st.sampled_from(["convnet", "mlp_1x2"]),
            learning_rate=st.sampled_from([0.1, 0.2]),
            seed=st.integers(0, 3),
            condition=st.sampled_from([c for c in CONDITIONS if c != "corrupted_labels"]),
            num_train=st.sampled_from([0, 1, 10]),
            weight_decay=st.sampled_from([0.0, 1e-3, 1e-10]),
            dropout=st.sampled_from([0.0, 0.5]),
            random_crop=st.sampled_from([0, 1]),
            crop=st.sampled_from([0, 4]),
            standardisation=st.sampled_from(["data_set", "each_image"]),
            precision=st.sampled_from(["float32", "bfloat16"]),
        ),
        max_size=30,
    )
)
def test_recipes_have_equal_keys_exactly_where_they_are_equal(recipes):
    assert len({recipe.key for recipe in recipes}) == len(set(recipes))


@pytest.mark.parametrize(
    "values, message",
    [
        ({"condition": "randomlabels"}, "'randomlabels'.*expected one of true_labels.*random_labels"),
        ({"condition": "corrupted_labels"}, "corrupted_fraction is 0.0 under corrupted_labels"),
        ({"condition": "random_labels", "corrupted_fraction": 1.0}, "corrupted_fraction is 1.0 under random_labels"),
        ({"corrupted_fraction": 0.1}, "corrupted_fraction is 0.1 under true_labels"),
        ({"condition": "corrupted_labels", "corrupted_fraction": 1.5}, "1.5; expected a probability"),
        ({"condition": "corrupted_labels", "corrupted_fraction": -0.5}, "corrupted_fraction is -0.5"),
        ({"corrupted_fraction": float("nan")}, "nan"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        changed(**values)


OF_ATTACK = "it is a number of images beside the num_train ones, which have their true labels"


@pytest.mark.parametrize(
    "values, message",
    [
        ({"attack": 5}, f"attack is 5 under true_labels with num_train 0; {OF_ATTACK}"),
        ({"attack": -1, "num_train": 5}, f"attack is -1 under true_labels with num_train 5; {OF_ATTACK}"),
        (
            {"attack": 5, "num_train": 5, "condition": "random_labels"},
            f"attack is 5 under random_labels with num_train 5; {OF_ATTACK}",
        ),
        ({"dropout": 1.0}, "dropout is 1.0; expected a probability below 1"),
        ({"dropout": -0.1}, "dropout is -0.1; expected a probability below 1"),
        ({"dropout": float("nan")}, "dropout is nan; expected a probability below 1"),
        ({"random_crop": -1}, "random_crop is -1; expected a number of pixels"),
        ({"steps_of": "randomlabels"}, f"steps_of is 'randomlabels'; expected one of {', '.join(CONDITIONS)}"),
        ({"steps_of": "true_labels"}, "steps_of is 'true_labels'; expected one of"),
        ({"steps_of": "gaussian", "condition": "gaussian"}, "steps_of is 'gaussian'; expected one of"),
        ({"batch_size": 2.5}, "batch_size is 2.5 (of type float); expected a whole number (int)"),
        ({"batch_size": "64"}, "batch_size is '64' (of type str); expected a whole number (int)"),
        ({"num_train": 100.9}, "num_train is 100.9 (of type float); expected a whole number (int)"),
        ({"seed": True}, "seed is True (of type bool); expected a whole number (int)"),
        ({"learning_rate": "0.1"}, "learning_rate is '0.1' (of type str); expected a number"),
        ({"dropout": None}, "dropout is None (of type NoneType); expected a number"),
        ({"network": 3}, "network is 3 (of type int); expected a text"),
        ({"num_train": -1}, "num_train is -1; expected a number of images, or 0 for all there are"),
        ({"crop": -1}, "crop is -1, stop_loss 0.01, max_epochs 400; expected numbers that are not negative"),
        ({"stop_loss": -0.1}, "crop is 0, stop_loss -0.1, max_epochs 400; expected numbers that are not negative"),
        ({"stop_loss": float("nan")}, "stop_loss nan, max_epochs 400; expected numbers that are not negative"),
        ({"max_epochs": 0}, "max_epochs 0; expected numbers that are not negative, and one epoch or more"),
        ({"standardisation": "image"}, "standardisation is 'image'; expected one of 'data_set', 'each_image'"),
        ({"augmentation": "flip"}, "augmentation is 'flip'; expected one of '', 'crop', 'crop_flip_colour'"),
        ({"precision": "float16"}, "precision is 'float16'; expected one of 'float32', 'bfloat16'"),
        ({**AUGMENTED, "crop": 0}, "augmentation is 'crop' with crop 0 and standardisation by each_image; it needs"),
        ({**AUGMENTED, "standardisation": "data_set"}, "standardisation by data_set; it needs a crop, and each_image"),
        ({**AUGMENTED, "random_crop": 2}, "random_crop 2; it needs natural images and neither of those"),
        ({**AUGMENTED, "attack": 5, "num_train": 9}, "with attack 5, random_crop 0; it needs natural images"),
        ({**AUGMENTED, "condition": "gaussian"}, "augmentation is 'crop' under gaussian with attack 0"),
        ({**AUGMENTED, "condition": "shuffled_pixels"}, "augmentation is 'crop' under shuffled_pixels with attack 0"),
        ({**AUGMENTED, "condition": "random_pixels"}, "augmentation is 'crop' under random_pixels with attack 0"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused(values, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        changed(**values)


@pytest.mark.parametrize("augmentation", ["crop", "crop_flip_colour"])
def test_natural_images_with_other_labels_may_be_augmented(augmentation):
    for values in ({"condition": "random_labels"}, {"condition": "corrupted_labels", "corrupted_fraction": 0.5}):
        assert changed(**{**AUGMENTED, "augmentation": augmentation}, **values).augmented


def test_a_stopping_loss_of_0_is_a_recipe():
    assert changed(stop_loss=0).stop_loss == 0.0


@pytest.mark.parametrize(
    "values",
    [
        {"steps_of": "corrupted_labels"},
        {"steps_of": "random_labels", "condition": "corrupted_labels", "corrupted_fraction": 0.4},
        {"steps_of": "random_labels", "num_train": 5, "attack": 5},
    ],
    ids=str,
)
def test_the_steps_of_a_twin_that_cannot_be_are_refused(values):
    with pytest.raises(ValueError, match="there is no such twin where labels are corrupted or attacked"):
        changed(**values)


@pytest.mark.parametrize("condition", ["random_labels", "gaussian"])
def test_a_step_twin_is_the_same_recipe_under_its_condition_with_a_stop_of_its_own(condition):
    recipe = changed(steps_of=condition, num_train=50, dropout=0.5)
    assert recipe.step_twin == changed(condition=condition, num_train=50, dropout=0.5)


@pytest.mark.parametrize(
    "values, augmented",
    [
        ({}, False),
        ({"weight_decay": 0.1}, False),
        ({"num_train": 5, "attack": 5}, False),
        ({"dropout": 0.1}, True),
        ({"random_crop": 1}, True),
        (AUGMENTED, True),
        ({**AUGMENTED, "augmentation": ""}, False),
        ({"precision": "bfloat16"}, False),
    ],
    ids=str,
)
def test_a_recipe_is_augmented_if_its_steps_see_another_network_or_other_images(values, augmented):
    assert changed(**values).augmented == augmented


@pytest.mark.parametrize("condition", CONDITIONS)
def test_twins_draw_the_same_numbers(condition):
    twin = changed(condition=condition, corrupted_fraction=0.5 if condition == "corrupted_labels" else 0.0)
    assert torch.equal(torch.rand(10, generator=twin.generator("x")), torch.rand(10, generator=RECIPE.generator("x")))


def test_a_generator_is_fresh_on_every_call():
    assert torch.equal(torch.rand(3, generator=RECIPE.generator("x")), torch.rand(3, generator=RECIPE.generator("x")))


def test_canonical_json_is_one_text_for_one_value_and_knows_no_nan():
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == canonical_json(dict([("a", "é"), ("b", [1, 2.5])]))
    with pytest.raises(ValueError):
        canonical_json({"loss": float("nan")})
