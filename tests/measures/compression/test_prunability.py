import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.nn.utils.prune import custom_from_mask

from measures import NotApplicable
from measures.compression.prunability import kept, prunability
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import mean_loss
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import fitted_network, linear_model
from tests.measures.left_as_found import assert_leaves_all_as_found


def loss_when_kept(trained, count):
    """The mean loss with the `count` largest weights of the matrices and kernels, pruned one by one."""
    theta, places, start = flat_parameters(trained.model), [], 0
    for parameter in trained.model.parameters():
        if parameter.ndim >= 2:
            places += range(start, start + parameter.numel())
        start += parameter.numel()
    places.sort(key=lambda place: -abs(float(theta[place])))
    for place in places[count:]:
        theta[place] = 0
    return mean_loss(trained, theta), len(places)


def test_of_one_weight_that_matters_and_three_that_do_not_is_a_quarter():
    trained = linear_model([[9.0, 1.0], [1.0, 1.0]], [[1.0, 0.0]], [0])  # loss log(1 + e^-8), e^-9 without the small
    assert prunability(trained) == 1 / 4
    assert prunability(linear_model([[9.0], [-1.0]], [[1.0]], [0])) == 1


@pytest.mark.parametrize("seed", range(4))
def test_is_the_smallest_share_of_the_grid_that_the_loss_allows_and_none_between_tried_is_smaller(seed):
    trained = fitted_network("mlp", seed)
    value, (full, count) = prunability(trained), loss_when_kept(trained, 10**9)
    limit = 1.1 * full
    allowed = [step for step in range(1, 101) if loss_when_kept(trained, math.ceil(step * count / 100))[0] <= limit]
    number = round(value * count)
    assert math.ceil((allowed[0] - 1) * count / 100) <= number <= math.ceil(allowed[0] * count / 100)
    assert loss_when_kept(trained, number)[0] <= limit
    assert number == 1 or loss_when_kept(trained, number - 1)[0] > limit


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_lies_above_0_and_at_most_1_and_one_class_or_one_example_do_as_well(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    one = dataclasses.replace(trained, inputs=trained.inputs[:1], labels=trained.labels[:1])
    for each in (trained, one, dataclasses.replace(trained, labels=torch.zeros_like(trained.labels))):
        assert 0 < prunability(each) <= 1


def test_weights_of_zero_can_go_and_what_is_fitted_beyond_rounding_needs_those_that_fit_it():
    assert prunability(linear_model([[0.0], [0.0], [0.0]], [[1.0]], [0])) == 1 / 3  # one is kept at least
    assert prunability(linear_model([[1e5], [0.0], [1.0]], [[1.0]], [0])) == 1 / 3


def test_a_share_is_of_whole_weights_rounded_up():
    assert [kept(share, 200) for share in (0.005, 0.0051, 0.29, 1.0)] == [1, 2, 58, 200]


def test_sees_rescaling_and_folding():
    def value(trained):
        model = copy.deepcopy(trained.model)
        last = [each for each in model.modules() if isinstance(each, nn.Linear)][-1]
        with torch.no_grad():
            last.weight *= 1000  # a loss that most weights are needed for
        confident = dataclasses.replace(trained, model=model)
        return prunability(dataclasses.replace(confident, labels=confident.logits.argmax(dim=1)))

    on_fitted = dataclasses.replace(prunability, function=value)
    assert_sees_only(on_fitted, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_leaves_the_model_as_it_was():
    assert_leaves_all_as_found(prunability, fitted_network("convnet_bn"))


def test_a_network_of_vectors_alone_has_nothing_to_prune():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2))

        def forward(self, x):
            return x * self.scale

    with pytest.raises(NotApplicable, match="no weight of two or more dimensions"):
        prunability(trained_model(Scaled(), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])))


def test_of_a_masked_layer_the_weights_that_it_has_are_pruned():
    """What is under the mask may be anything."""
    trained = random_network("mlp_2x5", 1)
    masked = copy.deepcopy(trained.model)
    mask = (torch.arange(masked[1].weight.numel()) % 2).view_as(masked[1].weight).double()
    with torch.no_grad():
        trained.model[1].weight *= mask
        masked[1].weight[mask == 0] += 3
    custom_from_mask(masked[1], "weight", mask)
    found = prunability(dataclasses.replace(trained, model=masked))
    assert found == pytest.approx(prunability(trained), rel=1e-9)
