import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from scipy.optimize import brentq
from torch.nn.utils import vector_to_parameters

from measures import NotApplicable
from measures.quantities import perturbations
from measures.quantities.flat_parameters import flat_parameters, logits_at
from measures.quantities.perturbations import (
    DRAWS,
    clean_outcome,
    crossing,
    estimated_crossing,
    filter_draws,
    grid_size,
    half_widths,
    noise_draws,
    noisy_outcomes,
    tolerated_noise_std,
    tolerated_radius,
    worst_outcome,
)
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import naive_gradient, naive_loss

KINDS = ["mlp", "convnet", "convnet_bn"]


def naive_error(trained, parameters):
    model = copy.deepcopy(trained.model)
    vector_to_parameters(parameters, model.parameters())
    return (model(trained.inputs).argmax(dim=1) != trained.labels).double().mean().item()


def expected_rise(trained, noise_std, spread):
    """Of a linear model with two classes whose noisy margins are Gaussian, of deviation `noise_std` * `spread`."""
    wrong = torch.special.ndtr(-trained.margins / (noise_std * spread))
    return (wrong - (trained.margins < 0).double()).mean().item()


@pytest.mark.parametrize("kind", KINDS)
def test_noisy_outcomes_are_those_of_copies_with_the_noisy_parameters_written_into_them(kind):
    trained = small_network(kind, seed=1)
    theta, z, d = flat_parameters(trained.model), noise_draws(trained, DRAWS), filter_draws(trained, DRAWS)
    points = {
        "isotropic": theta + 0.3 * z,
        "relative": theta + 0.3 * theta.abs() * z,
        "filter": theta + 0.3 * d,
    }
    for noise, rows in points.items():
        noisy = noisy_outcomes(trained, 0.3, noise)
        assert noisy.losses.tolist() == pytest.approx([naive_loss(trained, row).item() for row in rows], rel=1e-10)
        assert noisy.errors.tolist() == pytest.approx([naive_error(trained, row) for row in rows], abs=1e-12)


def test_noise_of_size_0_3_has_a_standard_deviation_of_0_3_and_the_same_directions_at_every_size():
    trained = small_network("mlp", seed=2)
    z = noise_draws(trained, DRAWS)
    assert z.shape == (DRAWS, len(flat_parameters(trained.model)))
    assert z.std().item() == pytest.approx(1, abs=0.05)
    assert noise_draws(small_network("mlp", seed=2), DRAWS).equal(z)


def test_draws_of_a_filter_have_its_norm_and_biases_and_normalization_have_none():
    trained = small_network("convnet_bn", seed=3)
    sizes = [parameter.numel() for parameter in trained.model.parameters()]
    for parameter, draws in zip(
        trained.model.parameters(), filter_draws(trained, DRAWS).split(sizes, dim=1), strict=True
    ):
        if parameter.ndim < 2:
            assert not draws.any()
        else:
            norms = draws.view(len(draws), len(parameter), -1).norm(dim=2)
            torch.testing.assert_close(norms, parameter.detach().flatten(1).norm(dim=1).expand_as(norms))


@pytest.mark.parametrize("seed", [0])
@pytest.mark.parametrize("noise", ["isotropic", "relative"])
def test_tolerated_noise_of_a_linear_model_solves_its_normal_equation(seed, noise):
    trained = random_linear_model(seed, num_train=100, size=20)
    predicted = trained.logits.argmax(dim=1)  # one label in ten is wrong
    trained.labels.copy_(torch.where(torch.arange(100) % 10 == 0, 1 - predicted, predicted))
    if noise == "isotropic":
        spread = math.sqrt(2) * trained.inputs.norm(dim=1)
    else:
        spread = (trained.inputs**2 @ (trained.model.weight.detach() ** 2).sum(dim=0)).sqrt()
    exact = brentq(lambda noise_std: expected_rise(trained, noise_std, spread) - 0.1, 1e-3, 10)
    assert tolerated_noise_std(trained, noise, draws=500) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_tolerated_box_of_a_fitted_linear_model_overturns_a_tenth_of_its_margins(seed):
    trained = random_linear_model(seed, num_train=1, fitted=True)
    # The only example's margin shrinks by α on both weights of every input: all or nothing at α = margin / 2‖x‖₁.
    exact = float(trained.margins[0] / (2 * trained.inputs[0].abs().sum()))
    found = tolerated_radius(trained, "isotropic")
    assert grid_size(math.floor(8 * math.log10(exact))) <= found <= grid_size(math.ceil(8 * math.log10(exact)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("box", ["isotropic", "relative", "keskar"])
def test_the_worst_of_one_example_of_a_linear_model_is_the_corner_against_its_margin(seed, box):
    trained = random_linear_model(seed, num_train=1)
    x, y = trained.inputs[0], int(trained.labels[0])
    lost = half_widths(trained, 0.2, box) @ x.abs().repeat(2)
    margin = (trained.model.weight.detach()[y] - trained.model.weight.detach()[1 - y]) @ x - lost
    assert worst_outcome(trained, 0.2, box).loss == pytest.approx(math.log1p(math.exp(-margin)), rel=1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.01, 1))
def test_the_worst_of_a_convex_loss_is_above_the_average_in_the_box_and_never_below_a_single_step(seed, radius):
    trained = random_linear_model(seed, num_classes=3)
    theta = flat_parameters(trained.model)
    worst = worst_outcome(trained, radius, "isotropic").loss
    u = radius * (2 * torch.rand(20, len(theta), generator=torch.Generator().manual_seed(seed)).double() - 1)
    assert worst > sum(naive_loss(trained, theta + row).item() for row in u) / 20
    single = naive_loss(trained, theta + radius * naive_gradient(trained, theta).sign()).item()
    assert worst >= single * (1 - 1e-12)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.sampled_from(KINDS), st.floats(0.01, 1))
def test_more_steps_never_find_less_and_what_is_found_is_the_highest_on_the_way(seed, kind, radius):
    trained = small_network(kind, seed)
    theta = flat_parameters(trained.model)
    points = [theta]
    for steps in range(1, 4):
        points.append(theta + radius * theta.abs() * naive_gradient(trained, points[-1]).sign())
        worst = worst_outcome(trained, radius, "relative", steps)
        assert worst.loss == pytest.approx(max(naive_loss(trained, point).item() for point in points), rel=1e-9)
        assert worst.error == pytest.approx(max(naive_error(trained, point) for point in points), abs=1e-12)


@pytest.mark.parametrize("start", [-5, -1, 0, 1])
@pytest.mark.parametrize("size", [3e-6, 0.02, 0.1, 0.5, 7.0])
def test_a_rise_linear_in_log_size_is_crossed_exactly_from_wherever_one_starts(start, size):
    asked = []

    def rise(at):
        asked.append(at)
        return 0.1 + math.log(at / size)

    assert crossing(rise, 0.1, "noise", "the error", start) == pytest.approx(size, rel=1e-9)
    assert set(asked) <= {grid_size(index) for index in range(-48, 9)}


def test_a_rise_that_never_crosses_its_limit_is_not_applicable():
    with pytest.raises(NotApplicable, match="noise 10 raises the error by no more than"):
        crossing(lambda size: 0.1, 0.1, "noise", "the error", start=-1)
    with pytest.raises(NotApplicable, match="noise 1e-06 raises the error by more than"):
        crossing(lambda size: 0.2, 0.1, "noise", "the error", start=-1)


def test_a_jump_is_placed_between_the_two_sizes_that_it_lies_between():
    found = crossing(lambda size: float(size > 0.05), 0.25, "noise", "the error", start=-1)
    assert found == pytest.approx(10 ** ((-11 + 0.25) / 8))


def test_the_standard_error_of_a_mean_is_the_spread_of_its_draws_over_the_root_of_their_number():
    found = perturbations.mean_of(torch.tensor([1.0, 2.0, 3.0, 6.0], dtype=torch.float64))
    assert found == 3
    assert found.standard_error == pytest.approx((14 / 3 / 4) ** 0.5, rel=1e-12)


def test_the_standard_error_of_a_crossing_is_the_spread_of_crossings_of_other_draws():
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(300):
        slopes = 1 + 0.2 * torch.randn(8, generator=generator, dtype=torch.float64)  # a draw's error is slope * size
        found.append(estimated_crossing(lambda size, slopes=slopes: slopes * size, 0.1, "noise", "the error", -1))
    spread = torch.tensor(found, dtype=torch.float64).std().item()
    told = sum(each.standard_error for each in found) / len(found)
    assert told == pytest.approx(spread, rel=0.1)


def test_an_estimated_crossing_is_the_crossing_of_the_mean():
    slopes = torch.tensor([0.5, 1.0, 1.5, 2.0], dtype=torch.float64)
    found = estimated_crossing(lambda size: slopes * size, 0.1, "noise", "the error", -1)
    assert found == crossing(lambda size: float((slopes * size).mean()), 0.1, "noise", "the error", -1)
    sure = estimated_crossing(lambda size: torch.full((4,), size).double(), 0.1, "noise", "the error", -1)
    assert sure.standard_error == pytest.approx(0, abs=1e-12)


def test_a_glance_that_is_wrong_does_not_change_the_crossing():
    slopes = torch.tensor([0.5, 1.0, 1.5, 2.0], dtype=torch.float64)
    right = estimated_crossing(lambda size: slopes * size, 0.1, "noise", "the error", -1)
    for wrong in (lambda size: float(size > 0.01), lambda size: float(size > 0.5)):
        found = estimated_crossing(lambda size: slopes * size, 0.1, "noise", "the error", -1, wrong)
        assert (found, found.standard_error) == (right, right.standard_error)


def network_with_many_examples(seed, right):
    """Every `right`th label is that which is predicted, the others are random."""
    trained = random_network("convnet_bn", seed, num_train=600, size=4)
    labels = torch.randint(3, (600,), generator=torch.Generator().manual_seed(seed))
    labels[::right] = trained.labels[::right]
    return dataclasses.replace(trained, labels=labels)


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["isotropic", "relative"])
@pytest.mark.parametrize("seed", [0, 2])
def test_a_glance_says_what_all_examples_say(seed, noise):
    trained = network_with_many_examples(seed, right=1)
    told = 0
    for index in range(-20, 5, 2):
        glanced = perturbations.clear_rise(trained, grid_size(index), noise, 0.1)
        rise = float(noisy_outcomes(trained, grid_size(index), noise).errors.mean()) - clean_outcome(trained).error
        if glanced is not None:
            assert (glanced > 0.1) == (rise > 0.1)
            told += 1
    assert told > 4


@pytest.mark.slow
def test_the_tolerated_noise_is_that_of_a_search_on_all_examples_for_less(monkeypatch):
    calls = []

    def counted(network, parameters, inputs):
        calls.append(len(inputs))
        return logits_at(network, parameters, inputs)

    def searched(seed, right, noise):
        try:
            found = tolerated_noise_std(network_with_many_examples(seed, right), noise)
        except NotApplicable as reason:
            return str(reason)
        return found, found.standard_error

    def all_of_them():
        calls.clear()
        cases = [(0, 1), (1, 1), (0, 3), (0, 600)]  # from a fitted network to one that is right by chance
        return [searched(*case, noise) for case in cases for noise in ("isotropic", "relative")], sum(calls)

    monkeypatch.setattr(perturbations, "logits_at", counted)
    fast, few = all_of_them()
    monkeypatch.setattr(perturbations, "FEWEST", 600)
    slow, many = all_of_them()
    assert fast == slow
    assert few < 0.7 * many


def test_outcomes_are_the_same_however_few_examples_are_evaluated_at_a_time(monkeypatch):
    whole = clean_outcome(small_network("convnet_bn", seed=1))
    monkeypatch.setattr(perturbations, "NUMBERS", 80)  # two images of 36 numbers
    trained = small_network("convnet_bn", seed=1)
    assert [len(labels) for _, labels, _ in perturbations.chunks(trained)] == [2] * 10
    assert clean_outcome(trained).loss == pytest.approx(whole.loss, rel=1e-12)
    assert clean_outcome(trained).error == pytest.approx(whole.error, rel=1e-12)


def test_searches_share_what_they_evaluate(monkeypatch):
    trained = random_network("mlp_1x8", seed=0, size=4)
    tolerated_noise_std(trained, "isotropic")
    monkeypatch.setattr(perturbations, "logits_at", None)
    noisy_outcomes(trained, grid_size(-8), "isotropic")
    clean_outcome(trained)
    with pytest.raises(TypeError):
        noisy_outcomes(trained, 0.123, "isotropic")


def test_all_examples_are_evaluated_where_there_are_no_more_than_allowed():
    trained = random_linear_model(0, num_train=700)
    assert clean_outcome(trained).loss == pytest.approx(naive_loss(trained, flat_parameters(trained.model)).item())
    assert clean_outcome(trained).error == pytest.approx(naive_error(trained, flat_parameters(trained.model)))
    gradient = naive_gradient(trained, flat_parameters(trained.model))
    torch.testing.assert_close(perturbations.clean_gradient(trained), gradient, rtol=1e-9, atol=1e-12)


def test_of_more_a_weighted_sample_has_the_same_loss_error_and_gradient_on_average(monkeypatch):
    monkeypatch.setattr(perturbations, "EXAMPLES", 30)
    whole = random_linear_model(0, num_train=300)
    theta = flat_parameters(whole.model)
    exact = [naive_loss(whole, theta).item(), naive_error(whole, theta), *naive_gradient(whole, theta).tolist()]
    found = []
    for seed in range(200):  # of the order that the sample is taken in
        trained = dataclasses.replace(whole, seed=seed)
        assert 25 <= len(perturbations.evaluated_on(trained)[1]) <= 35
        outcome, gradient = clean_outcome(trained), perturbations.clean_gradient(trained)
        found.append([outcome.loss, outcome.error, *gradient.tolist()])
    values = torch.tensor(found, dtype=torch.float64)
    standard_error = values.std(dim=0) / len(values) ** 0.5
    assert ((values.mean(dim=0) - torch.tensor(exact)).abs() < 4 * standard_error).all()
    assert bool((standard_error > 0).all())


def test_the_sample_has_the_example_that_has_the_loss(monkeypatch):
    monkeypatch.setattr(perturbations, "EXAMPLES", 30)
    for place in range(0, 1000, 111):
        inputs = [[20.0]] * 1000
        inputs[place] = [-20.0]
        trained = linear_model([[1.0], [0.0]], inputs=inputs, labels=[0] * 1000)
        assert clean_outcome(trained).loss == pytest.approx(20 / 1000, rel=1e-6)


def test_a_margin_of_1_is_lost_to_a_box_of_half_the_size_per_weight():
    trained = linear_model([[2.0], [1.0]], inputs=[[1.0]], labels=[0])
    assert worst_outcome(trained, 0.49, "isotropic").error == 0
    assert worst_outcome(trained, 0.51, "isotropic").error == 1


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(kind):
    def both(trained):
        noisy_outcomes(trained, 0.1, "isotropic")
        worst_outcome(trained, 0.1, "isotropic")

    assert_leaves_all_as_found(both, small_network(kind, seed=4))
