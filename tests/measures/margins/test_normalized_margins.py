import copy
import dataclasses
import itertools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.margins.normalized_margins import path_normalized_margin, spectral_normalized_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import dense_layers, matrices


def two_outputs(*inputs, labels=None):
    """Logits 3x and 4x of the one input; labels 1 where none are given."""
    network = nn.Linear(1, 2, bias=False, dtype=torch.float64)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[3.0], [4.0]]))
    rows = torch.tensor(inputs, dtype=torch.float64)[:, None]
    return trained_model(network, rows, torch.tensor(labels or [1] * len(inputs)))


def test_of_one_layer_worked_out_by_hand():
    trained = two_outputs(1.0, 2.0, 6.0)  # margins 1, 2, 6
    # Complexity ‖W‖₂ · ‖Wᵀ‖₂,₁ / ‖W‖₂ = 3 + 4; inputs √41; three examples. Path norm √(3² + 4²).
    assert spectral_normalized_margin(trained) == pytest.approx(-math.log(2 / (7 * math.sqrt(41) / 3)), rel=1e-12)
    assert path_normalized_margin(trained) == pytest.approx(-math.log(2 / 5), rel=1e-12)


def naive_median_margin(trained):
    margins = []
    for logits, label in zip(trained.logits.tolist(), trained.labels.tolist(), strict=True):
        margins.append(logits[label] - max(logits[j] for j in range(3) if j != label))
    return np.median(margins)


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x5", "convnet", "convnet_bn"])
def test_the_spectral_one_is_the_median_of_margins_over_the_complexity_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    shape = tuple(trained.inputs.shape[1:])
    product, total = 1.0, 0.0
    for matrix, start in zip(matrices(trained.model, shape), matrices(trained.init, shape), strict=True):
        norm = np.linalg.norm(matrix, 2)
        product *= norm
        total += (np.linalg.norm(matrix - start, axis=1).sum() / norm) ** (2 / 3)
    size = product * total**1.5 * math.sqrt(sum(float((x**2).sum()) for x in trained.inputs)) / 20
    expected = -math.log(naive_median_margin(trained) / size)
    assert spectral_normalized_margin(trained) == pytest.approx(expected, rel=1e-7)


def test_the_path_one_is_the_median_of_margins_over_the_root_of_all_paths():
    trained = random_network("mlp_1x3", seed=1, size=2)
    first, second = dense_layers(trained.model, (1, 2, 2))
    total = sum(float(b) ** 2 for b in second.bias)
    for out, hidden in itertools.product(range(3), range(3)):
        total += second.matrix[out, hidden] ** 2 * first.bias[hidden] ** 2
        total += sum((second.matrix[out, hidden] * first.matrix[hidden, i]) ** 2 for i in range(4))
    expected = -math.log(naive_median_margin(trained) / math.sqrt(total))
    assert path_normalized_margin(trained) == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_the_scale_of_a_network_without_biases_does_not_matter(seed, factor):
    trained = random_network("mlp_2x5", seed)
    trained = dataclasses.replace(trained, model=copy.deepcopy(trained.model), init=copy.deepcopy(trained.init))
    with torch.no_grad():
        for name, parameter in (*trained.model.named_parameters(), *trained.init.named_parameters()):
            parameter *= 0 if "bias" in name else 1
    trained = dataclasses.replace(trained, labels=trained.logits.argmax(dim=1))
    scaled = dataclasses.replace(trained, model=copy.deepcopy(trained.model), init=copy.deepcopy(trained.init))
    with torch.no_grad():
        for parameter in (*scaled.model.parameters(), *scaled.init.parameters()):
            parameter *= factor
    for measure in (spectral_normalized_margin, path_normalized_margin):
        assert measure(scaled) == pytest.approx(measure(trained), abs=1e-9)


@pytest.mark.slow
@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_see_what_their_sizes_see(seed):
    assert_sees_only(spectral_normalized_margin, {"layer_rescaling", "unit_permutation"}, seed)
    assert_sees_only(path_normalized_margin, {"logit_shift"}, seed)


@pytest.mark.parametrize("measure", [spectral_normalized_margin, path_normalized_margin])
def test_is_not_applicable_when_half_is_misclassified_or_nothing_has_a_size(measure):
    with pytest.raises(NotApplicable, match="median margin = -2, not above 0"):
        measure(two_outputs(1.0, 2.0, 6.0, labels=[1, 0, 0]))


def test_is_not_applicable_to_a_network_that_did_not_move():
    trained = two_outputs(1.0, 2.0)
    with pytest.raises(NotApplicable, match="size 0"):
        spectral_normalized_margin(dataclasses.replace(trained, init=copy.deepcopy(trained.model)))
