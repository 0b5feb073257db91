import copy
import dataclasses
import functools
import math
import warnings

import pytest
import torch
import torch.nn.functional as F

from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.hessian_spectrum import hessian_product, hessian_spectrum, spectrum, weighted_examples
from measures.quantities.losses import hessian_times
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian

KINDS = ["mlp", "convnet", "convnet_bn"]
FUNCTIONS = {
    "trace": lambda x: x,
    "square": lambda x: x.square(),
    "dimension": lambda x: x / (x + 1),
    "log det": lambda x: x.log1p(),
}


@functools.cache
def network_and_eigenvalues(kind, seed):
    trained = small_network(kind, seed)
    return trained, torch.linalg.eigvalsh(exact_hessian(trained)).flip(0)


def gaussian(count, size, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_eigenvalues(eigenvalues):
    """The product with a dense symmetric matrix of these eigenvalues."""
    vectors = torch.linalg.qr(gaussian(len(eigenvalues), len(eigenvalues), seed=5)).Q
    matrix = vectors @ eigenvalues.diag() @ vectors.T
    return lambda v: v @ matrix


def test_of_two_equal_logits_on_the_input_3_is_9_halves_and_0():
    found = hessian_spectrum(linear_model([[0.0], [0.0]], inputs=[[3.0]], labels=[0])).found
    assert found.tolist() == pytest.approx([4.5, 0], abs=1e-12)


@pytest.mark.parametrize("num_classes, size", [(2, 5), (2, 20)])  # 10 and 40 parameters
def test_up_to_40_parameters_all_eigenvalues_are_those_of_the_exact_hessian(num_classes, size):
    trained = random_linear_model(1, num_train=50, size=size, num_classes=num_classes)
    result = hessian_spectrum(trained)
    torch.testing.assert_close(result.found, torch.linalg.eigvalsh(exact_hessian(trained)).flip(0))
    assert result.total(torch.log1p) == (pytest.approx(torch.linalg.slogdet(_one_plus(trained)).logabsdet.item()), 0)


def _one_plus(trained):
    hessian = exact_hessian(trained)
    return torch.eye(len(hessian), dtype=torch.float64) + hessian


def test_a_hessian_of_low_rank_is_known_exactly_when_the_iteration_ends():
    trained = random_linear_model(2, num_train=10, size=60)  # 120 parameters, rank 10
    result = hessian_spectrum(trained)
    exact = torch.linalg.eigvalsh(exact_hessian(trained)).flip(0)
    torch.testing.assert_close(result.found[:10], exact[:10])
    assert result.total(torch.log1p) == (pytest.approx(exact.clamp_min(0).log1p().sum().item(), rel=1e-9), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_calls_found_is_an_eigenvalue_and_the_largest_is_the_first(kind):
    trained, exact = network_and_eigenvalues(kind, 1)
    result = hessian_spectrum(trained)
    assert 2 <= len(result.found) < 40
    distances = (result.found[:, None] - exact).abs().amin(dim=1)
    assert bool((distances <= 0.03 * result.found.abs()).all())
    assert result.places[0].item() == pytest.approx(exact[0].item(), rel=1e-3)
    v = result.top_vector
    assert (exact_hessian(trained) @ v - exact[0] * v).norm() < 0.04 * exact[0]
    assert v.norm().item() == pytest.approx(1)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_totals_are_within_4_standard_errors_of_the_exact_ones(kind, name):
    trained, exact = network_and_eigenvalues(kind, 1)
    estimate, standard_error = hessian_spectrum(trained).total(FUNCTIONS[name])
    expected = FUNCTIONS[name](exact).sum().item()
    assert abs(estimate - expected) < 4 * standard_error + 1e-3 * abs(expected)
    assert standard_error < 0.3 * exact.abs().sum()


@functools.cache
def estimates_of_a_known_spectrum():
    eigenvalues = torch.cat([torch.tensor([6.0, 4, 3, 2, 1]), 0.05 * gaussian(1, 250)[0], torch.zeros(45)]).double()
    times = with_eigenvalues(eigenvalues)
    return eigenvalues, [spectrum(times, gaussian(8, 300, seed), steps=5) for seed in range(60)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_standard_error_is_the_spread_of_the_estimate_over_probes(name):
    eigenvalues, runs = estimates_of_a_known_spectrum()
    expected = FUNCTIONS[name](eigenvalues).sum().item()
    estimates, standard_errors = torch.tensor([run.total(FUNCTIONS[name]) for run in runs], dtype=torch.float64).T
    errors = estimates - expected
    assert abs(errors.mean()) < 4 * errors.std() / len(runs) ** 0.5 + 0.005 * expected
    assert 0.75 < errors.std() / standard_errors.square().mean().sqrt() < 1.3
    assert errors.std() < 0.25 * expected


def test_taking_found_eigenvalues_out_of_the_quadrature_takes_out_their_variance():
    eigenvalues = torch.cat([torch.tensor([100.0, 50]), torch.linspace(0, 1, 298)]).double()
    times, probes = with_eigenvalues(eigenvalues), gaussian(8, 300)
    plain = (probes * times(probes)).sum(dim=1).std().item() / math.sqrt(8)
    assert spectrum(times, probes, steps=5).total(lambda x: x)[1] < 0.3 * plain


def test_the_vectors_stay_orthogonal_over_many_steps():
    eigenvalues = torch.cat([torch.tensor([1e4, 1e3]), torch.linspace(0, 1, 198)]).double()
    result = spectrum(with_eigenvalues(eigenvalues), gaussian(2, 200), steps=60)
    assert int((result.places > 100).sum()) == 2  # without reorthogonalisation they come back as ghosts
    assert result.places[:2].tolist() == pytest.approx([1e4, 1e3], rel=1e-10)


def test_in_single_precision_it_finds_the_same_to_1e_4():
    trained = small_network("mlp", seed=3)
    single = dataclasses.replace(trained, model=copy.deepcopy(trained.model).float(), inputs=trained.inputs.float())
    probes = gaussian(8, len(flat_parameters(trained.model)))
    fine, coarse = spectrum(hessian_product(trained), probes, 5), spectrum(hessian_product(single), probes.float(), 5)
    for function in FUNCTIONS.values():
        assert coarse.total(function) == pytest.approx(fine.total(function), rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_product_with_few_examples_is_that_of_the_whole_training_set(kind):
    trained = small_network(kind, seed=3)
    vectors = gaussian(3, len(flat_parameters(trained.model)))
    torch.testing.assert_close(hessian_product(trained)(vectors), hessian_times(trained, vectors))


def test_the_product_of_a_sample_weighs_each_example():
    trained = small_network("mlp", seed=4)
    chosen, weights = weighted_examples(trained, count=8)
    assert len(chosen) == 8
    vectors = gaussian(2, len(flat_parameters(trained.model)))
    expected = sum(
        w
        * hessian_times(
            dataclasses.replace(trained, inputs=trained.inputs[i : i + 1], labels=trained.labels[i : i + 1]), vectors
        )
        for i, w in zip(chosen.tolist(), weights, strict=True)
    )
    torch.testing.assert_close(hessian_product(trained, 8)(vectors), expected / len(trained.labels))


def test_a_sample_takes_examples_in_proportion_to_their_residuals_and_the_surest_always():
    trained = small_network("mlp", seed=5)
    residuals = 1 - trained.logits.softmax(dim=1).gather(1, trained.labels[:, None])[:, 0]
    trained.logits[0, trained.labels[0]] += 100  # this one is certain
    residuals[0] = 0
    sizes = residuals + 0.01 * residuals.mean()
    chosen, weights = weighted_examples(trained, count=10)
    inverse = 1 / weights
    below_1 = inverse < 1
    ratios = inverse[below_1] / sizes[chosen][below_1]
    assert ratios.min().item() == pytest.approx(ratios.max().item(), rel=1e-9)
    assert bool((sizes[chosen][~below_1] * ratios[0] >= 1 - 1e-9).all())
    assert weights.sum().item() == pytest.approx(20, abs=8)  # estimates how many examples there are


def test_weights_of_the_sample_make_the_hessian_unbiased():
    trained = small_network("mlp", seed=6)
    vectors = gaussian(1, len(flat_parameters(trained.model)))
    exact = hessian_times(trained, vectors)
    direct = []
    for seed in range(100):  # other orders, other samples
        other = dataclasses.replace(trained, seed=seed)
        direct.append(hessian_product(other, 8)(vectors)[0] @ exact[0] / exact.square().sum())
    shares = torch.stack(direct)
    assert abs(shares.mean() - 1) < 4 * shares.std() / len(shares) ** 0.5


def test_a_training_set_of_nothing_but_certainty_is_sampled_evenly():
    trained = small_network("mlp", seed=7)
    with torch.no_grad():
        trained.logits.copy_(1e4 * F.one_hot(trained.labels, 3).double())
    chosen, weights = weighted_examples(trained, count=5)
    assert len(chosen) == 5
    assert weights.tolist() == pytest.approx([4.0] * 5)


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_the_model_its_gradients_and_the_random_state_as_found(kind):
    assert_leaves_all_as_found(hessian_spectrum, small_network(kind, seed=8))


@pytest.mark.parametrize("kind", KINDS)
def test_products_and_traces_agree_with_curvlinops(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curvlinops = pytest.importorskip("curvlinops")
        trained, exact = network_and_eigenvalues(kind, 1)
        operator = curvlinops.HessianLinearOperator(
            trained.model,
            torch.nn.CrossEntropyLoss(),
            list(trained.model.parameters()),
            [(trained.inputs, trained.labels)],
            check_deterministic=False,
        )
        vectors = gaussian(3, len(flat_parameters(trained.model)))
        torch.testing.assert_close(
            (operator @ vectors.T.contiguous()).T.contiguous(), hessian_product(trained)(vectors)
        )
        torch.manual_seed(0)  # it draws from the global generator
        trace = curvlinops.hutchpp_trace(operator, num_matvecs=150).item()
    mine, standard_error = hessian_spectrum(trained).total(lambda x: x)
    assert abs(trace - mine) < 5 * standard_error + 0.05 * exact.abs().sum().item()
