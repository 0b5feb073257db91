import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from scipy import stats

from harness.training.data_set import DataSet
from harness.training.examples import data_set
from harness.training.randomize import corrupt_labels, permute_each_image, randomize, shuffle_pixels, wrong_labels
from harness.training.recipe import CONDITIONS, Recipe

LABEL_CONDITIONS = ("corrupted_labels", "random_labels")
INPUT_CONDITIONS = ("shuffled_pixels", "random_pixels", "gaussian")


def recipe_of(condition, seed=0, fraction=0.5):
    return Recipe(
        data_set="digits",
        network="mlp_1x8",
        learning_rate=0.1,
        seed=seed,
        condition=condition,
        corrupted_fraction=fraction if condition == "corrupted_labels" else 0.0,
    )


def data_of(num_train=40, num_test=20, shape=(1, 4, 5), num_classes=5, seed=0):
    """Random images, no two pixels alike, with random labels."""
    generator = torch.Generator().manual_seed(seed)
    return DataSet(
        torch.rand(num_train, *shape, generator=generator, dtype=torch.float64),
        torch.randint(num_classes, (num_train,), generator=generator),
        torch.rand(num_test, *shape, generator=generator, dtype=torch.float64),
        torch.randint(num_classes, (num_test,), generator=generator),
        num_classes,
    )


def numbered_positions(num_train, num_test, height, width, channels=1):
    """Every image holds the number of each pixel's position, plus 1000 times the channel."""
    positions = torch.arange(height * width).view(1, 1, height, width) + 1000 * torch.arange(channels)[:, None, None]
    data = data_of(num_train, num_test, (channels, height, width))
    return dataclasses.replace(
        data,
        train_inputs=positions.repeat(num_train, 1, 1, 1).double(),
        test_inputs=positions.repeat(num_test, 1, 1, 1).double(),
    )


def pixels(image):
    """The pixels of an image, each with all its channels, in an order of their own."""
    return sorted(zip(*image.flatten(1).tolist(), strict=True))


def equal(a, b):
    return all(
        torch.equal(getattr(a, name), getattr(b, name))
        for name in ("train_inputs", "train_labels", "test_inputs", "test_labels")
    )


shapes = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))
seeds = st.integers(0, 10_000)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_repeats_from_its_seed(condition):
    data = data_of()
    assert equal(randomize(data, recipe_of(condition, 3)), randomize(data, recipe_of(condition, 3)))


@pytest.mark.parametrize("condition", [c for c in CONDITIONS if c != "true_labels"])
def test_every_randomization_differs_between_seeds(condition):
    data = data_of()
    assert not equal(randomize(data, recipe_of(condition, 3)), randomize(data, recipe_of(condition, 4)))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_neither_the_original_data_nor_the_global_random_state_is_touched(condition):
    data, state = data_of(), torch.get_rng_state()
    randomize(data, recipe_of(condition))
    assert equal(data, data_of())
    assert torch.equal(torch.get_rng_state(), state)


def test_true_labels_changes_nothing():
    assert equal(randomize(data_of(), recipe_of("true_labels")), data_of())


@settings(deadline=None, max_examples=30)
@given(seeds, st.sampled_from(LABEL_CONDITIONS), st.floats(0.01, 1))
def test_corrupted_labels_touch_neither_inputs_nor_test_labels(seed, condition, fraction):
    data = data_of(seed=seed)
    randomized = randomize(data, recipe_of(condition, seed, fraction))
    assert equal(randomized, dataclasses.replace(data, train_labels=randomized.train_labels))


@settings(deadline=None, max_examples=30)
@given(seeds, st.sampled_from(INPUT_CONDITIONS))
def test_randomized_inputs_touch_no_labels(seed, condition):
    data = data_of(seed=seed)
    randomized = randomize(data, recipe_of(condition, seed))
    assert torch.equal(randomized.train_labels, data.train_labels)
    assert torch.equal(randomized.test_labels, data.test_labels)
    assert randomized.train_inputs.shape == data.train_inputs.shape
    assert randomized.test_inputs.shape == data.test_inputs.shape


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(0, 1), st.integers(2, 100))
def test_about_p_times_one_minus_one_over_k_of_the_labels_change(seed, fraction, num_classes):
    n = 20_000
    labels = torch.randint(num_classes, (n,), generator=torch.Generator().manual_seed(seed))
    corrupted = corrupt_labels(labels, num_classes, fraction, torch.Generator().manual_seed(seed + 1))
    expected = fraction * (1 - 1 / num_classes)
    changed = (corrupted != labels).double().mean().item()
    assert abs(changed - expected) <= 6 * math.sqrt(expected * (1 - expected) / n) + 1e-12  # six standard deviations


def test_nothing_is_corrupted_at_fraction_0():
    labels = torch.arange(1000) % 10
    assert torch.equal(corrupt_labels(labels, 10, 0.0, torch.Generator().manual_seed(0)), labels)


def test_a_corrupted_label_is_any_class_with_equal_chance_whatever_the_true_one():
    labels = torch.arange(60_000) % 6
    corrupted = corrupt_labels(labels, 6, 1.0, torch.Generator().manual_seed(0))
    counts = torch.bincount(6 * labels + corrupted, minlength=36).view(6, 6)
    assert stats.chisquare(counts.flatten().numpy()).pvalue > 1e-6
    assert stats.chi2_contingency(counts.numpy()).pvalue > 1e-6


def test_whether_a_label_is_redrawn_does_not_depend_on_it_or_its_neighbour():
    labels = torch.arange(60_000) % 6
    changed = corrupt_labels(labels, 6, 0.5, torch.Generator().manual_seed(0)) != labels
    by_label = torch.bincount(2 * labels + changed, minlength=12).view(6, 2)
    by_neighbour = torch.bincount(2 * changed[:-1].long() + changed[1:], minlength=4).view(2, 2)
    assert stats.chi2_contingency(by_label.numpy()).pvalue > 1e-6
    assert stats.chi2_contingency(by_neighbour.numpy()).pvalue > 1e-6


@settings(deadline=None, max_examples=30)
@given(seeds, st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)))
def test_what_a_smaller_fraction_corrupts_a_larger_one_corrupts_alike(seed, fractions):
    data = data_of(num_train=500)
    less, more = (
        randomize(data, recipe_of("corrupted_labels", seed, fraction)).train_labels for fraction in sorted(fractions)
    )
    changed = less != data.train_labels
    assert torch.equal(less[changed], more[changed])


def test_random_labels_are_labels_corrupted_with_certainty():
    data = data_of(num_train=500)
    random_labels = randomize(data, recipe_of("random_labels"))
    assert equal(random_labels, randomize(data, recipe_of("corrupted_labels", fraction=1.0)))


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(2, 100))
def test_a_wrong_label_is_a_class_and_never_the_true_one(seed, num_classes):
    labels = torch.randint(num_classes, (500,), generator=torch.Generator().manual_seed(seed))
    before = labels.clone()
    wrong = wrong_labels(labels, num_classes, torch.Generator().manual_seed(seed + 1))
    assert wrong.dtype == torch.int64
    assert (wrong != labels).all()
    assert 0 <= wrong.min() and wrong.max() < num_classes
    assert torch.equal(labels, before)
    assert torch.equal(wrong, wrong_labels(labels, num_classes, torch.Generator().manual_seed(seed + 1)))


def test_a_wrong_label_is_any_of_the_others_with_equal_chance_whatever_the_true_one():
    labels = torch.arange(60_000) % 6
    wrong = wrong_labels(labels, 6, torch.Generator().manual_seed(0))
    counts = torch.bincount(6 * labels + wrong, minlength=36).view(6, 6)
    others = counts[~torch.eye(6, dtype=torch.bool)]
    assert stats.chisquare(others.numpy()).pvalue > 1e-6


def test_a_wrong_label_does_not_depend_on_its_neighbours():
    labels = torch.arange(60_000) % 6
    moved = (wrong_labels(labels, 6, torch.Generator().manual_seed(0)) - labels) % 6 - 1
    pairs = torch.bincount(5 * moved[:-1] + moved[1:], minlength=25).view(5, 5)
    assert stats.chi2_contingency(pairs.numpy()).pvalue > 1e-6


@settings(deadline=None, max_examples=30)
@given(seeds, st.lists(st.integers(1, 100), min_size=2, max_size=2))
def test_the_wrong_labels_of_fewer_images_begin_those_of_more(seed, sizes):
    labels = torch.arange(100) % 10
    fewer, more = (wrong_labels(labels[:n], 10, torch.Generator().manual_seed(seed)) for n in sorted(sizes))
    assert torch.equal(fewer, more[: len(fewer)])


@settings(deadline=None, max_examples=30)
@given(seeds, shapes, st.sampled_from(["shuffled_pixels", "random_pixels"]))
def test_a_permutation_keeps_each_images_pixels_and_a_pixels_channels_together(seed, shape, condition):
    data = data_of(5, 3, shape, seed=seed)
    randomized = randomize(data, recipe_of(condition, seed))
    for before, after in ((data.train_inputs, randomized.train_inputs), (data.test_inputs, randomized.test_inputs)):
        for original, image in zip(before, after, strict=True):
            assert pixels(image) == pixels(original)


@settings(deadline=None, max_examples=30)
@given(seeds, shapes)
def test_shuffled_pixels_are_one_permutation_for_all_training_and_test_images(seed, shape):
    channels, height, width = shape
    data = randomize(numbered_positions(4, 3, height, width, channels), recipe_of("shuffled_pixels", seed))
    images = torch.cat([data.train_inputs, data.test_inputs])
    assert torch.equal(images, images[:1].expand_as(images))
    by_hand = numbered_positions(4, 3, height, width, channels).train_inputs.flatten(2)
    permutation = images[0, 0].flatten().long()
    assert torch.equal(by_hand[:, :, permutation].view(4, *shape), data.train_inputs)


def test_shuffle_pixels_puts_at_each_position_the_pixel_that_the_permutation_names():
    image = torch.tensor([[[[10.0, 11.0], [12.0, 13.0]], [[20.0, 21.0], [22.0, 23.0]]]])
    shuffled = shuffle_pixels(image, torch.tensor([3, 0, 2, 1]))
    assert shuffled.tolist() == [[[[13.0, 10.0], [12.0, 11.0]], [[23.0, 20.0], [22.0, 21.0]]]]


def test_random_pixels_are_a_permutation_of_its_own_for_every_image_of_both_splits():
    data = randomize(numbered_positions(150, 50, 8, 8), recipe_of("random_pixels"))
    images = torch.cat([data.train_inputs, data.test_inputs])
    assert len({tuple(image.flatten().tolist()) for image in images}) == 200


def test_random_pixels_send_every_pixel_everywhere_with_equal_chance():
    images = torch.arange(6.0).view(1, 1, 2, 3).repeat(30_000, 1, 1, 1)
    permuted = permute_each_image(images, torch.Generator().manual_seed(0)).flatten(1).long()
    counts = torch.stack([torch.bincount(permuted[:, place], minlength=6) for place in range(6)])
    assert stats.chisquare(counts.flatten().numpy()).pvalue > 1e-6
    orders = torch.bincount((permuted * 6 ** torch.arange(6)).sum(dim=1))
    assert (orders > 0).sum() == math.factorial(6)
    assert stats.chisquare(orders[orders > 0].numpy()).pvalue > 1e-6


@settings(deadline=None, max_examples=20)
@given(seeds, st.floats(-5, 5), st.floats(0.1, 10))
def test_gaussian_inputs_have_the_mean_and_the_variance_of_the_training_images(seed, mean, std):
    data = data_of(200, 100, (2, 10, 10), seed=seed)
    data = dataclasses.replace(data, train_inputs=mean + std * data.train_inputs, test_inputs=data.test_inputs + 100)
    true_mean, true_std = data.train_inputs.mean().item(), data.train_inputs.std().item()
    noise = randomize(data, recipe_of("gaussian", seed))
    for images in (noise.train_inputs, noise.test_inputs):
        n = images.numel()
        assert abs(images.mean().item() - true_mean) <= 6 * true_std / math.sqrt(n)
        assert abs(images.std().item() - true_std) <= 6 * true_std / math.sqrt(2 * n)


def test_gaussian_inputs_are_normal_and_independent_of_their_images_and_of_each_other():
    data = data_of(100, 100, (1, 10, 10))
    noise = randomize(data, recipe_of("gaussian"))
    train, test = noise.train_inputs.flatten(), noise.test_inputs.flatten()
    for values in (train, test):
        assert stats.normaltest(values.numpy()).pvalue > 1e-6
    neighbours = train[1:], train[:-1]
    for one, other in (neighbours, (train, test), (train, data.train_inputs.flatten())):
        assert stats.pearsonr(one.numpy(), other.numpy()).pvalue > 1e-6


@pytest.mark.parametrize("condition", CONDITIONS)
def test_twins_of_real_digits_agree_in_all_but_what_the_condition_randomizes(condition, tmp_path):
    natural = data_set(recipe_of("true_labels"), tmp_path)
    twin = data_set(recipe_of(condition), tmp_path)
    assert torch.equal(twin.test_labels, natural.test_labels)
    assert torch.equal(twin.train_labels, natural.train_labels) == (condition not in LABEL_CONDITIONS)
    assert torch.equal(twin.train_inputs, natural.train_inputs) == (condition not in INPUT_CONDITIONS)
    assert torch.equal(twin.test_inputs, natural.test_inputs) == (condition not in INPUT_CONDITIONS)
