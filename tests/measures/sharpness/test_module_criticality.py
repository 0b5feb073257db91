import copy
import dataclasses

import pytest
import torch
from torch import nn

from measures import NotApplicable
from measures.quantities.flat_parameters import flat_parameters, initial_parameters
from measures.quantities.perturbations import grid_size, noise_draws
from measures.sharpness.module_criticality import criticality, module_criticality, modules
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model
from tests.measures.left_as_found import assert_leaves_all_as_found


def naive_error(trained, parameters):
    model = copy.deepcopy(trained.model)
    nn.utils.vector_to_parameters(parameters, model.parameters())
    return (model(trained.inputs).argmax(dim=1) != trained.labels).double().mean().item()


def naive_criticality(trained, layer):
    """Every α with its largest σ of the grid that is allowed before one that is not; then a straight line."""
    theta, start = flat_parameters(trained.model), initial_parameters(trained)
    ids = {id(parameter) for parameter in layer.parameters()}
    own = torch.cat([torch.full((p.numel(),), id(p) in ids) for p in trained.model.parameters()])
    draws = noise_draws(trained, 8)[:3]
    distance = (theta - start)[own].square().sum().item()
    best = float("inf")
    for alpha in (0.0, 0.25, 0.5, 1.0):
        centre = torch.where(own, start + alpha * (theta - start), theta)

        def error(std, centre=centre):
            return sum(naive_error(trained, centre + std * own * z) for z in draws) / 3

        if alpha == 0 and naive_error(trained, centre) <= 0.1:
            return 0.0
        if alpha == 0 or error(1e-6) > 0.1:
            continue
        if error(1.0) <= 0.1:
            best = min(best, alpha**2 * distance)
            continue
        index = next(i for i in range(-8, -49, -8) if error(grid_size(i)) <= 0.1 + 1e-9)
        low, high = index, index + 8
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if error(grid_size(middle)) <= 0.1 + 1e-9 else (low, middle)
        below, above = error(grid_size(low)), error(grid_size(high))
        std = 10 ** ((low + (0.1 - min(below, 0.1)) / (above - min(below, 0.1))) / 8)
        best = min(best, alpha**2 * distance / std**2)
    return best


@pytest.mark.parametrize("name", ["mlp_1x8", "convnet_bn"])
def test_is_the_sum_over_layers_of_the_best_that_trying_everything_finds(name):
    trained = random_network(name, seed=1, num_train=30, size=4)
    layers = [layer for layer in trained.model.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    found = [criticality(trained, members) for members in modules(trained)]
    assert found == pytest.approx([naive_criticality(trained, layer) for layer in layers], rel=1e-5)
    assert module_criticality(trained) == pytest.approx(sum(found), rel=1e-12)


def test_modules_are_the_parameters_of_each_layer_and_leave_out_normalization():
    trained = random_network("convnet_bn", seed=0, size=4)
    layers = [layer for layer in trained.model.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    counts = [int(members.sum()) for members in modules(trained)]
    assert counts == [sum(p.numel() for p in layer.parameters()) for layer in layers]
    assert sum(counts) == len(flat_parameters(trained.model)) - 2 * 16 - 2 * 32
    assert torch.stack(modules(trained)).sum(dim=0).max() == 1


class Functional(nn.Module):
    """A convolution of sequences, and a head that a function applies."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv1d(1, 2, 3)
        self.matrix, self.shift = nn.Parameter(torch.randn(3, 8)), nn.Parameter(torch.randn(3))

    def forward(self, x):
        return nn.functional.linear(self.layer(x).relu().flatten(1), self.matrix, self.shift)


def test_convolutions_of_sequences_and_functional_layers_are_modules_too():
    trained = trained_model(Functional().eval(), torch.randn(4, 1, 6), torch.arange(4) % 3)
    own = [[(name, int(p.sum())) for name, p in _by_name(trained, members).items()] for members in modules(trained)]
    assert own == [
        [("matrix", 0), ("shift", 0), ("layer.weight", 6), ("layer.bias", 2)],
        [("matrix", 24), ("shift", 3), ("layer.weight", 0), ("layer.bias", 0)],
    ]


def _by_name(trained, members):
    named = dict(trained.model.named_parameters())
    return dict(zip(named, members.split([p.numel() for p in named.values()]), strict=True))


def test_of_one_weight_that_half_its_way_would_do_the_noise_is_what_remains_of_the_margin():
    # Logits 4 and 0; the start, 0 and 0, has a tie, which goes to the first class: as good as trained.
    assert module_criticality(linear_model([[4.0], [0.0]], inputs=[[1.0]], labels=[0])) == 0
    # With the label of the second class the tie is an error, so some way must be gone.
    assert module_criticality(linear_model([[0.0], [4.0]], inputs=[[1.0]], labels=[1])) > 0


def test_a_network_that_never_moved_has_no_critical_module():
    trained = random_network("mlp_2x5", seed=1, size=4)
    assert module_criticality(dataclasses.replace(trained, init=trained.model)) == 0


def test_is_not_applicable_to_a_network_that_errs():
    trained = random_network("mlp_2x5", seed=1, size=4)
    trained.labels.copy_((trained.labels + 1) % 3)
    with pytest.raises(NotApplicable, match=r"errs on 1 of its training set, above 0\.1"):
        module_criticality(trained)


@pytest.mark.parametrize("seed", [2, 7])
def test_sees_every_change(seed):
    everything = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}
    assert_sees_only(module_criticality, everything, seed)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(module_criticality, random_network("convnet_bn", seed=0, size=4))
