import copy
import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.spectral.margin_bounds import spectral_complexity_bound, spectral_init_bound, spectral_orig_bound
from measures.spectral.pac_bayes_spectral import spectral_orig_main
from tests.builders import spectral_networks as networks
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, two_layers
from tests.references.dense_networks import matrices, tenth_percentile_of_margins

ALL = [spectral_orig_bound, spectral_init_bound, spectral_complexity_bound]


def test_from_an_initialization_of_zero_all_are_worked_out_by_hand():
    # Norms 4 and 4, Frobenius 5 and 4, rows of length 3, 4 and √8, √8; d = h = n = 2, γ = 4, B = 1/3, ‖X‖_F = 5/12.
    trained = networks.by_hand()
    product = 16 * 16 * (25 / 16 + 1)
    expected = ((1 / 9) * 4 * 2 * math.log(4) * product + math.log(2 * 2 / 0.01)) / (16 * 2)
    for measure in (spectral_orig_bound, spectral_init_bound):
        assert measure(trained) == pytest.approx(math.log(expected) / 2, rel=1e-9)
    complexity = 4 * 4 * ((7 / 4) ** (2 / 3) + (2 * math.sqrt(8) / 4) ** (2 / 3)) ** 1.5
    covering = 5 / 12 * complexity * math.log(2) / (4 * 2)
    assert spectral_complexity_bound(trained) == pytest.approx(
        math.log(covering + math.sqrt(math.log(100) / 2)), rel=1e-9
    )


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_are_the_theorems_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    shape = tuple(trained.inputs.shape[1:])
    ends, starts = matrices(trained.model, shape), matrices(trained.init, shape)
    inputs = trained.inputs.flatten(1).numpy()
    n, d, h = len(inputs), len(ends), max(max(matrix.shape) for matrix in ends)
    norms, gamma = [np.linalg.norm(end, 2) for end in ends], tenth_percentile_of_margins(trained)
    largest = max(np.linalg.norm(x) for x in inputs)

    def theorem(squares):
        inner = largest**2 * d**2 * h * np.log(d * h) * np.prod(np.square(norms)) * sum(squares)
        return np.log(np.sqrt((inner + np.log(d * n / 0.01)) / (gamma**2 * n)))

    sizes = [(end**2).sum() / norm**2 for end, norm in zip(ends, norms, strict=True)]
    moves = [((e - s) ** 2).sum() / norm**2 for e, s, norm in zip(ends, starts, norms, strict=True)]
    assert spectral_orig_bound(trained) == pytest.approx(theorem(sizes), rel=1e-7)
    assert spectral_init_bound(trained) == pytest.approx(theorem(moves), rel=1e-7)
    rows = [np.linalg.norm(e - s, axis=1).sum() / norm for e, s, norm in zip(ends, starts, norms, strict=True)]
    complexity = np.prod(norms) * sum(row ** (2 / 3) for row in rows) ** 1.5
    covering = np.linalg.norm(inputs) * complexity * np.log(h) / (gamma * n)
    assert spectral_complexity_bound(trained) == pytest.approx(np.log(covering + np.sqrt(np.log(100) / n)), rel=1e-7)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_scaling_inputs_and_margins_alike_moves_the_one_from_the_origin_as_little_as_its_confidence(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    for name, parameter in trained.model.named_parameters():
        parameter.data.mul_(0 if name.endswith("bias") else 1)
    trained = dataclasses.replace(trained, labels=trained.logits.argmax(dim=1))
    scaled = dataclasses.replace(trained, inputs=factor * trained.inputs)
    try:
        before, after = spectral_orig_bound(trained), spectral_orig_bound(scaled)
    except NotApplicable:
        return
    confidence = math.log(3 * len(trained.labels) / 0.01) / len(trained.labels)
    for value, model in ((before, trained), (after, scaled)):
        square = math.exp(2 * value) - confidence / float(model.margins.double().quantile(0.1)) ** 2
        assert math.log(square) == pytest.approx(
            spectral_orig_main(trained)
            + 2 * math.log(3 * float(trained.inputs.flatten(1).norm(dim=1).max()))
            + math.log(16 * math.log(48) / 20),
            abs=1e-6,
        )


@pytest.mark.slow
@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000))
def test_see_what_the_distance_they_are_made_of_sees(seed):
    assert_sees_only(spectral_orig_bound, set(), seed)
    assert_sees_only(spectral_init_bound, {"layer_rescaling", "unit_permutation"}, seed)
    assert_sees_only(spectral_complexity_bound, {"layer_rescaling", "unit_permutation"}, seed)


def test_of_one_example_is_a_number():
    trained = two_layers([[1.0]], [[2.0], [0.0]], inputs=[[3.0]], labels=[0])
    assert all(math.isfinite(measure(trained)) for measure in ALL)


@pytest.mark.parametrize("measure", ALL)
def test_is_not_applicable_until_the_training_set_is_fitted(measure):
    with pytest.raises(NotApplicable, match="γ = -4"):
        measure(networks.misclassified())


def test_inputs_of_zero_have_no_bound():
    trained = linear_model([[1.0], [0.0]], inputs=[[1.0]], labels=[0])
    model = copy.deepcopy(trained.model)
    model.bias = torch.nn.Parameter(torch.tensor([1.0, 0.0], dtype=torch.float64))
    with pytest.raises(NotApplicable, match="zero"):
        spectral_orig_bound(dataclasses.replace(trained, model=model, inputs=0 * trained.inputs))
