import dataclasses
import math

import pytest
import torch

from measures import NotApplicable
from measures.curvature import local_learning_coefficient as file
from measures.curvature.local_learning_coefficient import local_learning_coefficient
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian, naive_gradient, naive_loss

RATE, PULL = 5e-4, 100.0


def at_its_minimum(seed):
    """A linear model of zeros, each input once with either label: the gradient is 0 and the Hessian is not."""
    inputs = torch.randn(10, 3, generator=torch.Generator().manual_seed(0)).tolist()
    return linear_model([[0.0] * 3] * 2, inputs * 2, [0] * 10 + [1] * 10, seed=seed)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_is_the_chain_written_out_step_by_step(kind, monkeypatch):
    monkeypatch.setattr(file, "STEPS", 6)
    monkeypatch.setattr(file, "BATCH", 7)
    trained = small_network(kind, seed=1)
    theta = torch.cat([p.detach().flatten() for p in trained.model.parameters()])
    generator, n, w, rises = trained.generator(), 20, theta, []
    for step in range(6):
        batch = trained.random_order[torch.randperm(n, generator=generator)[:7]]
        part = dataclasses.replace(trained, inputs=trained.inputs[batch], labels=trained.labels[batch])
        if step >= 3:
            rises.append((naive_loss(part, w) - naive_loss(part, theta)).item())
        force = n / math.log(n) * naive_gradient(part, w) + PULL * (w - theta)
        w = w - RATE / 2 * force + RATE**0.5 * torch.randn(len(w), generator=generator, dtype=torch.float64)
    found = local_learning_coefficient(trained)
    assert found == pytest.approx(n / math.log(n) * sum(rises) / 3, rel=1e-8)
    error = n / math.log(n) * torch.tensor(rises).std().item() / 3**0.5
    assert found.standard_error == pytest.approx(error, rel=1e-6)


@pytest.mark.slow
def test_on_a_quadratic_it_is_half_the_sum_of_the_shares_of_curvature_in_each_direction():
    eigenvalues = torch.linalg.eigvalsh(exact_hessian(at_its_minimum(0))).clamp_min(0)
    scale = 20 / math.log(20)
    decay = 1 - RATE / 2 * (scale * eigenvalues + PULL)
    times = torch.arange(20, 40, dtype=torch.float64)[:, None]  # of the chain's linear equation, without bias
    variances = RATE * (1 - decay ** (2 * times)) / (1 - decay**2)
    expected = (scale * eigenvalues * variances / 2).sum(dim=1).mean().item()
    values = torch.tensor([local_learning_coefficient(at_its_minimum(seed)) for seed in range(30)])
    assert expected < 3  # half the number of parameters
    assert abs(values.mean() - expected) < 4 * values.std() / len(values) ** 0.5
    assert values.std() / len(values) ** 0.5 < 0.25 * expected


def test_of_a_loss_that_no_weight_changes_is_zero():
    trained = random_linear_model(3)
    trained.inputs.zero_()
    assert local_learning_coefficient(trained) == 0


def test_is_negative_where_training_ended_high_above_the_minimum():
    trained = linear_model([[-5.0], [5.0]], inputs=[[10.0], [10.0], [20.0]], labels=[0, 0, 0])
    assert local_learning_coefficient(trained) < 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(local_learning_coefficient, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed)


def test_is_not_applicable_to_one_example():
    with pytest.raises(NotApplicable, match="log n"):
        local_learning_coefficient(linear_model([[1.0], [0.0]], inputs=[[1.0]], labels=[0]))


def test_is_not_applicable_where_the_chain_diverges():
    trained = random_linear_model(4)
    trained.inputs.mul_(1e200)
    with pytest.raises(NotApplicable, match="finite"):
        local_learning_coefficient(trained)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(local_learning_coefficient, small_network("convnet_bn", seed=10))
