"""The naive reference for the published suite beside this project's measures: where they agree, where not, and why."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from harness.evaluation.measure_lookup import find_measures
from measures.pac_bayes.pac_bayes import pac_bayes as pac_bayes_of_this_project
from measures.quantities.perturbations import tolerated_noise_std
from measures.trained_model import TrainedModel
from tests.builders.models import trained_model
from tests.references.network_in_network import CLASSES, network_in_network, random_images
from tests.references.published_suite import (
    EPSILON,
    MEASURES,
    accuracy,
    fourier_norm,
    ingredients,
    kernels,
    noisy_copy,
    normalization_folded,
    pac_bayes,
    reshaped_norm,
    searched_sigma,
    values_of,
)

pytestmark = pytest.mark.slow

TO_PAPER = {
    "spectral_norm": lambda value: 2 * value,
    "frobenius_norm": lambda value: 2 * value,
    "frobenius_over_margin": lambda value: 2 * value,
    "frobenius_sum": math.log,
    "frobenius_sum_over_margin": math.log,
    "path_norm": lambda value: value**2,
    "path_norm_over_margin": lambda value: value**2,
}
"""What takes this project's value to the paper's, where it is another function of the same number."""

SEARCHED = {name for name in (measure.__name__ for measure in MEASURES) if name.startswith("pac_bayes")}
OF_WEIGHTS_AS_THEY_ARE = {"l2_norm", "distance_from_init", "parameter_count"}


def values(trained: TrainedModel, names: set[str]) -> dict[str, float]:
    return {
        measure.name: TO_PAPER.get(measure.name, float)(measure.function(trained))
        for measure in find_measures(sorted(names))
    }


def network(side: int, kernel: int, stride: int, padding: int, copies: int = 1, seed: int = 0) -> TrainedModel:
    """Of random weights and normalizations, labelled by its own predictions; every image is there `copies` times."""
    images, _ = random_images(24 // copies, side, seed)
    images = images.double().repeat_interleave(copies, dim=0)
    networks = []
    with torch.random.fork_rng(devices=[]):
        for at in (seed, seed + 1):
            torch.manual_seed(at)
            model = network_in_network(5, 1, kernel, stride, padding).double()
            for _ in range(20):  # gives the running statistics something to be
                model(images + torch.randn_like(images))
            networks.append(model.eval())
    with torch.no_grad():
        labels = networks[0](images).argmax(dim=1)
    return trained_model(networks[0], images, labels, init=networks[1], num_classes=CLASSES)


def reference(trained: TrainedModel) -> dict[str, float]:
    return values_of(ingredients(trained.model, trained.init, trained.inputs, trained.labels))


@pytest.mark.parametrize("seed", [1, 2])
def test_where_a_kernel_is_the_operator_all_measures_of_norms_and_margins_agree(seed: int) -> None:
    """Kernels cover their whole map, so each is applied once; the lowest two margins are equal, so both tenths are."""
    trained = network(side=4, kernel=4, stride=1, padding=0, copies=4, seed=seed)
    names = {measure.__name__ for measure in MEASURES} - SEARCHED - OF_WEIGHTS_AS_THEY_ARE
    expected = reference(trained)
    assert values(trained, names) == pytest.approx({name: expected[name] for name in names}, rel=1e-6)


def test_without_normalization_and_biases_the_same_weights_are_counted() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, init = (nn.Sequential(nn.Conv2d(3, CLASSES, 4, bias=False), nn.Flatten()).double() for _ in range(2))
    images, labels = random_images(20, 4)
    trained = trained_model(model, images.double(), labels, init=init)
    expected = reference(trained)
    found = values(trained, OF_WEIGHTS_AS_THEY_ARE)
    assert found == pytest.approx({name: expected[name] for name in OF_WEIGHTS_AS_THEY_ARE}, rel=1e-12)


@pytest.mark.parametrize("kind, in_proportion", [("isotropic", False), ("relative", True)])
def test_the_searched_noise_is_near_the_one_that_is_interpolated(kind: str, in_proportion: bool) -> None:
    """On purpose not equal: the search ends within 0.01 of a movement in either direction, 10 draws of its own.

    Here nothing is normalized, and no bias is there to be perturbed apart.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, CLASSES, 4, bias=False), nn.Flatten()).double()
    images, _ = random_images(200, 4)
    with torch.no_grad():
        labels = model(images.double()).argmax(dim=1)
    trained = trained_model(model, images.double(), labels)
    with torch.no_grad():
        found = searched_sigma(model, trained.inputs, labels, 0, in_proportion)
    assert found == pytest.approx(tolerated_noise_std(trained, kind), rel=0.25)


def test_pac_bayes_with_the_same_noise_agrees() -> None:
    trained = network(side=4, kernel=4, stride=1, padding=0)
    given = ingredients(trained.model, trained.init, trained.inputs, trained.labels)
    given = dataclasses.replace(given, sigma=0.3)
    assert pac_bayes(given, given.change) == pytest.approx(pac_bayes_of_this_project(trained, given.change, 0.3))


def test_on_larger_maps_the_operator_is_neither_the_reshaped_kernel_nor_its_fourier_transform() -> None:
    trained = network(side=8, kernel=3, stride=2, padding=1)
    first, second = trained.layers[:2]
    kernel = kernels(normalized(trained.model))[0]
    assert first.operator_norm > 1.02 * float(reshaped_norm(kernel))
    assert first.operator_norm < 0.98 * float(fourier_norm(kernel, (8, 8)))
    assert second.operator_norm == pytest.approx(float(fourier_norm(second.weight, (4, 4))), rel=1e-9)


def test_an_operator_counts_a_kernel_of_one_pixel_at_every_position() -> None:
    trained = network(side=8, kernel=3, stride=2, padding=1)
    kernel = kernels(normalized(trained.model))[1]
    assert trained.layers[1].frobenius_norm ** 2 == pytest.approx(16 * float(kernel.square().sum()), rel=1e-9)


def test_weights_of_an_average_are_squared_in_this_projects_paths_alone() -> None:
    trained = network(side=8, kernel=3, stride=2, padding=1)
    assert values(trained, {"path_norm"})["path_norm"] == pytest.approx(reference(trained)["path_norm"] / 16, rel=1e-6)


def test_folding_leaves_the_function_as_it_was() -> None:
    trained = network(side=8, kernel=3, stride=2, padding=1)
    with torch.no_grad():
        assert torch.allclose(normalized(trained.model)(trained.inputs), trained.logits, atol=1e-9)


@pytest.mark.parametrize("in_proportion", [False, True])
def test_noise_has_the_standard_deviation_that_it_is_asked_for(in_proportion: bool) -> None:
    model = nn.Sequential(nn.Conv2d(10, 100, 10)).double()
    with torch.no_grad():
        model[0].weight.fill_(2.0)
        noisy = noisy_copy(model, 0.3, in_proportion, torch.Generator().manual_seed(0))
    expected = math.sqrt(0.6**2 + EPSILON**2) if in_proportion else 0.3
    assert float((noisy[0].weight.detach() - 2).std()) == pytest.approx(expected, rel=0.02)


def test_a_search_ends_where_the_accuracy_has_moved_by_a_tenth() -> None:
    trained = network(side=8, kernel=3, stride=2, padding=1)
    with torch.no_grad():
        model = normalized(trained.model)
        sigma = searched_sigma(model, trained.inputs, trained.labels, 0, in_proportion=False)
        generator = torch.Generator().manual_seed(1)
        moved = [
            1 - accuracy(noisy_copy(model, sigma, False, generator), trained.inputs, trained.labels) for _ in range(100)
        ]
    assert sum(moved) / 100 == pytest.approx(0.1, abs=0.04)


@torch.no_grad()
def normalized(model: nn.Module) -> nn.Module:
    return normalization_folded(model)
