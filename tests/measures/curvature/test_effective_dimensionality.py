import pytest
import torch

from measures.curvature.effective_dimensionality import effective_dimensionality
from measures.quantities.gauss_newton import layer_curvatures
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian


def of_matrix(matrix, z):
    """Σ λ/(λ + z) as the trace of M (M + z)⁻¹."""
    return torch.linalg.solve(matrix + z * torch.eye(len(matrix), dtype=torch.float64), matrix).trace().item()


def test_of_one_eigenvalue_9_halves_is_9_elevenths():
    trained = linear_model([[0.0], [0.0]], inputs=[[3.0]], labels=[0])
    assert effective_dimensionality(trained) == pytest.approx(9 / 11, rel=1e-12)


@pytest.mark.parametrize("z", [0.1, 1.0, 10.0])
def test_for_a_linear_model_and_one_example_is_that_of_the_exact_hessian(z):
    trained = random_linear_model(1, num_train=1, size=6, num_classes=3)
    assert effective_dimensionality.function(trained, z) == pytest.approx(
        of_matrix(exact_hessian(trained), z), rel=1e-9
    )


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_is_that_of_the_dense_kronecker_products_for_the_summed_loss(kind):
    trained = small_network(kind, seed=1)
    expected = sum(of_matrix(20 * torch.kron(x.outgoing, x.incoming), 1.0) for x in layer_curvatures(trained))
    assert effective_dimensionality(trained) == pytest.approx(expected, rel=1e-9)


def test_falls_with_z_from_at_most_the_number_of_parameters_to_the_trace_over_z():
    trained = small_network("mlp", seed=3)
    values = [effective_dimensionality.function(trained, z) for z in (1e-9, 1e-3, 1.0, 1e3, 1e9)]
    assert values == sorted(values, reverse=True)
    assert values[0] <= sum(p.numel() for p in trained.model.parameters())
    trace = sum(20 * layer.eigenvalues.sum().item() for layer in layer_curvatures(trained))
    assert values[-1] == pytest.approx(trace / 1e9, rel=1e-4)


@pytest.mark.parametrize("seed", [1, 4])
def test_sees_only_the_scales_of_layers(seed):
    assert_sees_only(effective_dimensionality, {"layer_rescaling"}, seed)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(effective_dimensionality, small_network("convnet_bn", seed=10))
