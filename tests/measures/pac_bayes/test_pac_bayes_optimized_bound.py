import dataclasses
import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from measures.pac_bayes import pac_bayes_optimized_bound as module
from measures.pac_bayes.pac_bayes_optimized_bound import (
    best_prior_variance,
    divergence_from_prior,
    highest_error,
    inverse_kl,
    optimised_stds,
    pac_bayes_optimized_bound,
    prior_index,
)
from measures.quantities.flat_parameters import flat_parameters, initial_parameters
from measures.quantities.perturbations import tolerated_noise_std
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.measures.left_as_found import assert_leaves_all_as_found


@pytest.mark.parametrize("c", [1e-3, 0.1, 1.0, 10.0])
def test_with_no_error_seen_the_inverse_is_1_minus_e_to_the_minus_c(c):
    assert inverse_kl(0.0, c) == pytest.approx(1 - math.exp(-c), rel=1e-9)


@pytest.mark.parametrize("q, p", [(0.1, 0.2), (0.5, 0.9), (0.01, 0.99)])
def test_the_inverse_undoes_the_divergence_of_two_coins(q, p):
    c = q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))
    assert inverse_kl(q, c) == pytest.approx(p, rel=1e-9)
    assert inverse_kl(q, 0.0) == pytest.approx(q, abs=1e-12)
    assert inverse_kl(1.0, c) == inverse_kl(q, 1e3) == 1


def test_the_divergence_is_that_of_two_diagonal_gaussians():
    trained = random_network("convnet_bn", seed=0, size=4)
    theta, start = flat_parameters(trained.model), initial_parameters(trained)
    stds = torch.rand(theta.shape, generator=torch.Generator().manual_seed(0), dtype=theta.dtype) + 0.1

    def expected(variance):
        return kl_divergence(Normal(theta, stds), Normal(start, math.sqrt(variance))).sum().item()

    best = float(best_prior_variance(trained, stds))
    assert divergence_from_prior(trained, stds, best).item() == pytest.approx(expected(best), rel=1e-10)
    assert expected(best) < min(expected(0.99 * best), expected(1.01 * best))


def test_the_prior_is_one_of_those_that_the_union_bound_counts():
    for index in (1, 2, 50, 300):
        assert prior_index(0.1 * math.exp(-index / 100)) == index
    assert prior_index(7.0) == 1


def test_the_value_is_put_together_as_in_the_paper(monkeypatch):
    monkeypatch.setattr(module, "inverse_kl", lambda q, c: q + c)  # with 20 examples the limit itself is always 1
    trained = random_network("mlp_2x5", seed=1, size=4)
    trained = dataclasses.replace(trained, init=trained.model)
    generator = trained.generator()
    stds = optimised_stds(trained, generator)
    j = prior_index(float(best_prior_variance(trained, stds)))
    assert j > 1
    prior = Normal(initial_parameters(trained), math.sqrt(0.1 * math.exp(-j / 100)))
    kl = kl_divergence(Normal(flat_parameters(trained.model), stds), prior).sum().item()
    complexity = (kl + 2 * math.log(j) + math.log(math.pi**2 * 20 / (6 * 0.025))) / 19
    expected = highest_error(trained, stds, generator) + complexity
    assert pac_bayes_optimized_bound(trained) == pytest.approx(expected, rel=1e-12)


def test_the_first_step_of_adam_moves_every_deviation_by_a_tenth_in_logarithm():
    trained = random_network("mlp_2x5", seed=1, size=4)
    start, found = (optimised_stds(trained, trained.generator(), steps) for steps in (0, 1))
    torch.testing.assert_close((found / start).log().abs(), torch.full_like(start, 0.1), rtol=1e-4, atol=0)


def test_without_noise_the_highest_error_is_that_of_as_many_right_coins_as_shares(monkeypatch):
    trained = random_network("mlp_2x5", seed=1, num_train=20, size=4)
    none = torch.zeros_like(flat_parameters(trained.model))
    monkeypatch.setattr(module, "NETWORKS", 7)  # shares of 3, the last of 2
    expected = (1 - math.exp(-math.log(200) / 7)) * 21 / 20
    assert highest_error(trained, none, trained.generator()) == pytest.approx(expected, rel=1e-9)
    trained.labels.copy_((trained.labels + 1) % 3)
    assert highest_error(trained, none, trained.generator()) == 1


def test_the_highest_error_is_above_the_mean_error_of_many_networks():
    trained = random_network("mlp_1x8", seed=2, num_train=100, size=4)
    theta = flat_parameters(trained.model)
    stds = torch.full_like(theta, 0.1)
    z = torch.randn(200, len(theta), generator=torch.Generator().manual_seed(5), dtype=theta.dtype)
    errors = [
        (module.logits_at(trained.model, theta + 0.1 * row, trained.inputs).argmax(1) != trained.labels) for row in z
    ]
    mean = torch.stack(errors).double().mean().item()
    assert mean < highest_error(trained, stds, trained.generator()) < mean + 0.3


def test_the_optimisation_lowers_its_objective_and_starts_at_the_tolerated_noise():
    trained = random_network("mlp_1x8", seed=2, num_train=100, size=4)
    start, found = (optimised_stds(trained, trained.generator(), steps) for steps in (0, 40))
    torch.testing.assert_close(start, torch.full_like(start, tolerated_noise_std(trained, "isotropic")))

    def objective(stds):
        kl = divergence_from_prior(trained, stds, best_prior_variance(trained, stds))
        z = torch.randn(100, len(stds), generator=torch.Generator().manual_seed(7), dtype=stds.dtype)
        losses = [
            torch.nn.functional.cross_entropy(
                module.logits_at(trained.model, flat_parameters(trained.model) + stds * row, trained.inputs),
                trained.labels,
            )
            for row in z
        ]
        return torch.stack(losses).mean() / math.log(2) + ((kl + math.log(100 / 0.025)) / (2 * 99)).sqrt()

    assert objective(found) < objective(start)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_sees_every_change(seed, monkeypatch):
    monkeypatch.setattr(module, "inverse_kl", lambda q, c: q + c)  # with 20 examples the limit itself is always 1
    assert_sees_only(
        pac_bayes_optimized_bound, {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}, seed
    )


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    trained = random_network("convnet_bn", seed=0, size=4)
    assert_leaves_all_as_found(pac_bayes_optimized_bound, trained)
